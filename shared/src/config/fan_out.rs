//! What configures the fan-out. It asks Odoo nothing, so it demands nothing of Odoo.

use std::time::Duration;

use super::environment::variable;
use super::reader::Reader;
use super::{
    PostgresConfig, RetryConfig, read_api_budget, read_overlap, read_parallel, read_postgres,
    read_retry,
};
use crate::error::Result;

/// How all data types are started.
#[derive(Debug, Clone)]
pub struct FanOutConfig {
    /// How to reach Postgres.
    pub postgres: PostgresConfig,
    /// Name of the bus that carries the requests.
    pub bus: String,
    /// Data types at a time.
    pub parallel: u32,
    /// How long a caller who waits is kept waiting.
    pub api_budget: Duration,
    /// How long a row must have been unchanged before what it refers to is looked for.
    pub overlap: Duration,
    /// How often and after which delay an event is sent again.
    pub retry: RetryConfig,
}

impl FanOutConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`FanOutConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader::new(lookup);
        let retry = read_retry(&mut reader);
        let config = Self {
            postgres: read_postgres(&mut reader, retry),
            bus: reader.event_bus(),
            parallel: read_parallel(&mut reader),
            api_budget: read_api_budget(&mut reader),
            overlap: read_overlap(&mut reader),
            retry,
        };
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(pairs: &[(&str, &str)]) -> Result<FanOutConfig> {
        FanOutConfig::from_lookup(&|name| {
            let mut found = pairs.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    const URL: (&str, &str) = ("SUPABASE_DB_URL", "postgres://h/d");

    #[test]
    fn a_database_is_enough_and_the_rest_has_the_contract_s_defaults() {
        let config = read(&[URL]).expect("complete");
        assert_eq!(config.bus, "default");
        assert_eq!(config.parallel, 3);
        assert_eq!(config.api_budget, Duration::from_secs(25));
        assert_eq!(config.overlap, Duration::from_secs(300));
    }

    #[test]
    fn every_problem_is_named_a_missing_bus_among_them() {
        let error = read(&[
            ("SYNC_EVENT_BUS", ""),
            ("SYNC_PARALLEL", "0"),
            ("SYNC_API_BUDGET_MS", "29001"),
        ])
        .expect_err("wrong");
        assert_eq!(error.kind(), ErrorKind::Config);
        for name in [
            "SUPABASE_DB_URL",
            "SYNC_EVENT_BUS",
            "SYNC_PARALLEL",
            "SYNC_API_BUDGET_MS",
        ] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
