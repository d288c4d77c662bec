//! What a second terminal needs for the commands of README and docs: how all that a demo serves is reached, as
//! variables for a shell.

use crate::odoo_environment::OdooEnvironment;

/// The variables that lead AWS's programs, and ours, to the AWS that is played here.
pub(super) type AwsVariables = [(&'static str, String)];

/// Where everything is. All of it is the demo's own and gone with it, so its secrets may be shown.
pub(super) struct Exports<'a> {
    /// Address of the routes.
    pub(super) api: String,
    /// What callers send as their bearer.
    pub(super) key: &'a str,
    pub(super) odoo: &'a OdooEnvironment,
    pub(super) database_url: &'a str,
    pub(super) aws: &'a AwsVariables,
    /// Begins the names of the queues; the secret has it for its name.
    pub(super) stack: &'a str,
    /// What precedes a queue's name in its address.
    pub(super) queues: &'a str,
    /// Takes the backups.
    pub(super) bucket: &'a str,
    /// The file that the functions log to.
    pub(super) log: &'a str,
    /// The process whose children the functions are.
    pub(super) process: u32,
}

impl Exports<'_> {
    /// Lines that a shell can evaluate, those that belong together on one.
    pub(super) fn lines(&self) -> Vec<String> {
        let aws = self.aws.iter();
        let groups: [Vec<(&str, &str)>; 5] = [
            vec![("API", &self.api), ("SYNC_API_KEY", self.key)],
            self.odoo.function_variables().into(),
            vec![("SUPABASE_DB_URL", self.database_url)],
            aws.map(|(name, value)| (*name, value.as_str())).collect(),
            vec![
                ("STACK", self.stack),
                ("QUEUES", self.queues),
                ("BUCKET", self.bucket),
                ("LOG", self.log),
            ],
        ];
        let mut lines: Vec<String> = groups.iter().map(|group| export(group)).collect();
        lines.push(export(&[("DEMO_PID", &self.process.to_string())]));
        lines
    }
}

fn export(variables: &[(&str, &str)]) -> String {
    let words = variables
        .iter()
        .map(|(name, value)| format!(" {name}={}", quoted(value)));
    format!("export{}", words.collect::<String>())
}

/// As one word of a shell's, whatever is in it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use local_aws::Aws;

    use super::{Exports, OdooEnvironment};

    fn lines() -> Vec<String> {
        let odoo = OdooEnvironment {
            url: "http://127.0.0.1:1".into(),
            database: "shop".into(),
            user: "admin".into(),
            password: "no key".into(),
            api_key: "it's a key".into(),
        };
        let aws = Aws::at("http://127.0.0.1:2").expect("a client");
        let exports = Exports {
            api: "http://127.0.0.1:3".into(),
            key: "bearer",
            odoo: &odoo,
            database_url: "postgres://127.0.0.1:4/demo",
            aws: &aws.variables(),
            stack: "demo",
            queues: "http://127.0.0.1:2/1",
            bucket: "backups",
            log: "/var/log/functions",
            process: 7,
        };
        exports.lines()
    }

    #[test]
    fn a_shell_reads_the_values_as_they_are() {
        let lines = lines();
        assert!(lines.iter().all(|line| line.starts_with("export ")));
        assert!(lines[1].ends_with(r"ODOO_PASSWORD='it'\''s a key'"));
        assert_eq!(lines[5], "export DEMO_PID='7'");
    }

    /// The names behind a dollar in a page's commands; a shell's own are in small letters.
    fn used(page: &str) -> BTreeSet<String> {
        let is_in_name = |it: char| it.is_ascii_uppercase() || it == '_';
        page.split('$')
            .skip(1)
            .map(|rest| rest.trim_start_matches('{'))
            .map(|rest| rest.chars().take_while(|it| is_in_name(*it)).collect())
            .filter(|name: &String| !name.is_empty())
            .collect()
    }

    #[test]
    fn whatever_the_runbook_and_its_practice_use_is_set() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let lines = lines().join("\n");
        for name in ["RUNBOOK.md", "PRACTICE.md"] {
            let page = fs::read_to_string(docs.join(name)).expect(name);
            let used = used(&page);
            assert!(used.contains("SUPABASE_DB_URL"), "{name}: {used:?}");
            for variable in used {
                assert!(
                    lines.contains(&format!(" {variable}='")),
                    "{name} uses {variable}"
                );
            }
        }
    }
}
