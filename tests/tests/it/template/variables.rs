//! Which variables a function is given: what all need from the template's globals, the rest and the
//! secrets only where they are needed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{functions, template};

/// What a function is given: what all have, and its own over it.
pub(super) fn variables(template: &Value, binary: &str) -> BTreeMap<String, Value> {
    let all = &template["Globals"]["Function"];
    let own = &functions(template)[binary]["Properties"];
    let given = [all, own].map(|it| it["Environment"]["Variables"].as_object());
    let given = given.into_iter().flatten().flatten();
    given
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[test]
fn a_function_holds_no_secret_that_it_has_no_use_for() {
    let template = template();
    for binary in functions(&template).into_keys() {
        let variables = variables(&template, binary);
        let holds = |name: &str| variables.get(name).is_some_and(|value| value != "");
        assert!(holds("SUPABASE_DB_URL"), "{binary}");
        assert_eq!(holds("SYNC_HOOK_TOKENS"), binary == "api", "{binary}");
        for name in ["ODOO_PASSWORD", "SYNC_API_KEY", "SUPABASE_SERVICE_ROLE_KEY"] {
            assert_eq!(holds(name), binary != "backup", "{name}: {binary}");
        }
    }
}
