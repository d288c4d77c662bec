//! Which variables a function is given: what all need from the template's globals, the rest and the
//! secrets only where they are needed; and all that the program reads.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::config::{
    BackupConfig, Config, DeadLettersConfig, EventsConfig, FanOutConfig, HooksConfig, HttpConfig,
    JwtConfig, MetricsConfig, SecretConfig,
};
use shared::specs::REGISTRY;

use super::{functions, template};

/// What a function is given: what all have, and its own over it.
fn variables(template: &Value, binary: &str) -> BTreeMap<String, Value> {
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

/// The variables that the program asks for, whatever their values.
fn variables_read() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let nothing_set = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        None
    };
    Config::from_lookup(&nothing_set).expect_err("required variables are missing");
    FanOutConfig::from_lookup(&nothing_set).expect_err("required variables are missing");
    DeadLettersConfig::from_lookup(&nothing_set).expect_err("a required variable is missing");
    BackupConfig::from_lookup(&nothing_set).expect_err("required variables are missing");
    HttpConfig::from_lookup(&nothing_set);
    HooksConfig::from_lookup(&nothing_set).expect("none is required");
    JwtConfig::from_lookup(&nothing_set).expect("none is required");
    EventsConfig::from_lookup(&nothing_set);
    MetricsConfig::from_lookup(&nothing_set);
    SecretConfig::from_lookup(&nothing_set);
    let mut names = names.into_inner();
    // Read where logging starts, before there is any configuration.
    names.insert("RUST_LOG".to_owned());
    names
}

#[test]
fn every_variable_that_is_read_can_be_set_and_no_other() {
    let template = template();
    let set: BTreeSet<String> = functions(&template)
        .keys()
        .flat_map(|binary| variables(&template, binary).into_keys())
        .collect();
    assert_eq!(set, variables_read());
}

/// The address of each data type's queue is made from its name.
#[test]
fn dead_letters_are_looked_for_where_each_data_type_has_its_queue() {
    let template = template();
    let variables = variables(&template, "api");
    let set = variables["SYNC_DEAD_LETTERS_URL"].as_str();
    let config = DeadLettersConfig::from_lookup(&|_| set.map(str::to_owned)).expect("a form");
    for data_type in REGISTRY {
        let queue = format!("Sync{}DeadLetters", data_type.title);
        let name = &template["Resources"][queue]["Properties"]["QueueName"];
        let url = config.url(data_type.name);
        assert_eq!(url.rsplit('/').next(), name.as_str());
    }
}

#[test]
fn a_secret_is_a_parameter_that_is_not_shown() {
    let template = template();
    for (variable, parameter) in [
        ("ODOO_PASSWORD", "OdooPassword"),
        ("SUPABASE_DB_URL", "SupabaseDbUrl"),
        ("SUPABASE_SERVICE_ROLE_KEY", "SupabaseServiceRoleKey"),
        ("SYNC_API_KEY", "SyncApiKey"),
        ("SYNC_HOOK_TOKENS", "SyncHookTokens"),
    ] {
        assert_eq!(variables(&template, "api")[variable], parameter);
        let parameter = &template["Parameters"][parameter];
        assert_eq!(parameter["NoEcho"], true, "{variable}");
        let default = parameter["Default"].as_str().unwrap_or_default();
        assert_eq!(default, "", "{variable} has a default");
    }
}
