//! The environment of a function that is run on this machine.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result};
use shared::config::Config;

use crate::odoo_environment::OdooEnvironment;

/// What configures a function. The variables of the caller's own shell are not meant for
/// one that we start.
const PREFIXES: [&str; 3] = ["ODOO_", "SUPABASE_", "SYNC_"];

/// Gives the command what its functions need to sync from `odoo` into the database, and
/// nothing else that would configure them.
pub(crate) fn set(command: &mut Command, odoo: &OdooEnvironment, database_url: &str) {
    set_without_odoo(command, database_url);
    command.envs(odoo.function_variables());
}

/// As [`set`], for a function that asks Postgres alone.
pub(crate) fn set_without_odoo(command: &mut Command, database_url: &str) {
    for (name, _) in env::vars_os().filter(|(name, _)| configures_a_function(name)) {
        command.env_remove(name);
    }
    command
        .env("SUPABASE_DB_URL", database_url)
        // There is no bus on this machine.
        .env("SYNC_EVENT_BUS", "");
}

/// The whole environment of functions that sync from `odoo` into the database and send their
/// events to `bus`.
pub(crate) fn variables(
    odoo: &OdooEnvironment,
    database_url: &str,
    bus: &str,
) -> Vec<(String, String)> {
    let mut variables: Vec<(&str, &str)> = odoo.function_variables().into();
    variables.extend([("SUPABASE_DB_URL", database_url), ("SYNC_EVENT_BUS", bus)]);
    let mut variables: Vec<(String, String)> = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // Who wants to see more of what they do sets it for all of it.
    variables.extend(env::var("RUST_LOG").map(|level| ("RUST_LOG".to_owned(), level)));
    variables
}

/// The configuration that functions with this environment have, for what we do beside them.
pub(crate) fn config(odoo: &OdooEnvironment, database_url: &str) -> Result<Config> {
    let variables = odoo.function_variables();
    Config::from_lookup(&|name| match name {
        "SUPABASE_DB_URL" => Some(database_url.to_owned()),
        _ => variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned()),
    })
    .context("the configuration made up for a function is wrong")
}

fn configures_a_function(name: &OsString) -> bool {
    name.to_str()
        .is_some_and(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::configures_a_function;

    #[test]
    fn knows_the_variables_that_configure_a_function() {
        assert!(configures_a_function(&"ODOO_PROTOCOL".into()));
        assert!(configures_a_function(&"SYNC_BATCH_SIZE".into()));
        assert!(!configures_a_function(&"PATH".into()));
    }
}
