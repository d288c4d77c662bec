//! The only place that reads the environment.
//!
//! Each concern has its struct; a module is handed the struct it needs and nothing
//! else. All problems are collected and reported in one error, so that a person
//! mends them in one go. A value is never repeated in an error: it may be a secret.
//!
//! `SYNC_SECRET_ID` names a secret whose variables override those of the environment. It is
//! laid over it once ([`SecretConfig::lay_over`]); what is read from the environment before
//! that knows nothing of it.

mod aws;
#[cfg(feature = "backup")]
mod backup;
mod dead_letters;
mod environment;
mod events;
mod fan_out;
mod hooks;
mod http;
mod jwt;
mod metrics;
mod reader;
mod secret;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::Result;
pub use aws::AwsConfig;
#[cfg(feature = "backup")]
pub use backup::BackupConfig;
pub use dead_letters::DeadLettersConfig;
use environment::variable;
pub use events::EventsConfig;
pub use fan_out::FanOutConfig;
pub use hooks::HooksConfig;
pub use http::HttpConfig;
pub use jwt::JwtConfig;
pub use metrics::MetricsConfig;
use reader::Reader;

pub use secret::{SecretConfig, SecretVariables};

/// Everything that can be set from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach Odoo and as whom.
    pub odoo: OdooConfig,
    /// How to reach Postgres.
    pub postgres: PostgresConfig,
    /// How a run reads and writes.
    pub sync: SyncConfig,
}

/// Which protocol Odoo is spoken to with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolChoice {
    /// JSON-2 where the server has it and takes the key, else JSON-RPC.
    Auto,
    /// JSON-2 only (Odoo 19 and later).
    Json2,
    /// JSON-RPC only.
    JsonRpc,
}

/// How to reach Odoo and as whom.
#[derive(Debug, Clone)]
pub struct OdooConfig {
    /// Scheme, host and port, without a path's trailing slash.
    pub url: String,
    /// Database name.
    pub database: String,
    /// Login name.
    pub user: String,
    /// Password or API key.
    pub password: SecretString,
    /// Which protocol to use.
    pub protocol: ProtocolChoice,
    /// The context's `lang`, which decides in which language names are read.
    pub lang: String,
    /// The context's `allowed_company_ids`.
    pub company_id: Option<i64>,
    /// Limit of one request, from connecting to the last byte.
    pub timeout: Duration,
    /// Ceiling on requests per second of this function.
    pub max_requests_per_second: Option<f64>,
    /// What happens after a failure that may pass.
    pub retry: RetryConfig,
}

/// How often and after which delay something is tried again.
#[derive(Debug, Clone, Copy)]
pub struct RetryConfig {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Delay before the first retry; it doubles with each.
    pub delay: Duration,
}

impl RetryConfig {
    /// Nothing is tried again.
    pub const NONE: Self = Self {
        max_retries: 0,
        delay: Duration::ZERO,
    };
}

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// `postgres://…`, with `sslmode` as in libpq.
    pub url: SecretString,
    /// PEM text or the path of a PEM file, for `verify-ca` and `verify-full`.
    pub ca_cert: Option<String>,
    /// What happens after a failure that may pass.
    pub retry: RetryConfig,
}

/// How a run reads and writes.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// Rows a page.
    pub batch_size: usize,
    /// How far a window reaches back before the watermark.
    pub overlap: Duration,
    /// Requests to Odoo in flight for one stream.
    pub fetch_concurrency: usize,
    /// What happens to a row that Odoo no longer has.
    pub delete_mode: DeleteMode,
    /// Largest share of a stream, in percent, that a run may delete unasked.
    pub delete_guard_percent: u8,
    /// How long an HTTP caller waits before it is told that the run goes on by itself.
    pub api_budget: Duration,
    /// More Odoo fields per table, kept in `extra`.
    pub extra_fields: BTreeMap<String, Vec<String>>,
}

/// What happens to a row that Odoo no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteMode {
    /// `deleted_at` is set.
    Soft,
    /// The row is deleted.
    Hard,
}

impl Config {
    /// Reads the process's environment, under the secret where one has been laid over it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`Config::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader::new(lookup);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let retry = read_retry(reader);
        // Whoever needs it cannot wait for the rest; what is wrong with it is said here.
        MetricsConfig::read(reader);
        Self {
            odoo: read_odoo(reader, retry),
            postgres: read_postgres(reader, retry),
            sync: read_sync(reader),
        }
    }
}

/// Looks whether every variable of any function is there and has its form. An empty bus is
/// left to whoever asks for one: only a batch needs it.
///
/// # Errors
/// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
pub(crate) fn check_every_variable() -> Result<()> {
    let mut reader = Reader::new(&variable);
    Config::read(&mut reader);
    read_parallel(&mut reader);
    HooksConfig::read(&mut reader);
    JwtConfig::read(&mut reader);
    reader.finish(())
}

/// The bus, for what cannot do without one.
///
/// # Errors
/// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where `SYNC_EVENT_BUS` is empty.
pub(crate) fn event_bus() -> Result<String> {
    let mut reader = Reader::new(&variable);
    let bus = reader.event_bus();
    reader.finish(bus)
}

impl PostgresConfig {
    /// Reads the process's environment, for what needs no Odoo.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`PostgresConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader::new(lookup);
        let retry = read_retry(&mut reader);
        let config = read_postgres(&mut reader, retry);
        reader.finish(config)
    }
}

fn read_retry(reader: &mut Reader<'_>) -> RetryConfig {
    RetryConfig {
        max_retries: reader.bounded("SYNC_MAX_RETRIES", 3, 0, 10),
        delay: Duration::from_millis(reader.bounded("SYNC_RETRY_DELAY_MS", 1000, 1, 60_000)),
    }
}

/// How long an HTTP caller waits before 202. API Gateway itself waits 30 s.
fn read_api_budget(reader: &mut Reader<'_>) -> Duration {
    Duration::from_millis(reader.bounded("SYNC_API_BUDGET_MS", 25_000, 1000, 29_000))
}

/// There is no use in more than there are data types, and no harm.
fn read_parallel(reader: &mut Reader<'_>) -> u32 {
    reader.bounded("SYNC_PARALLEL", 3, 1, 100)
}

fn read_overlap(reader: &mut Reader<'_>) -> Duration {
    Duration::from_secs(reader.bounded("SYNC_OVERLAP_SECONDS", 300, 0, 86_400))
}

fn read_postgres(reader: &mut Reader<'_>, retry: RetryConfig) -> PostgresConfig {
    PostgresConfig {
        url: SecretString::from(reader.required(
            "SUPABASE_DB_URL",
            "postgres://user:password@host:port/database?sslmode=verify-full",
        )),
        ca_cert: reader.optional("SUPABASE_CA_CERT"),
        retry,
    }
}

fn read_odoo(reader: &mut Reader<'_>, retry: RetryConfig) -> OdooConfig {
    OdooConfig {
        url: reader.http_url("ODOO_URL"),
        database: reader.required("ODOO_DB", "the name of Odoo's database"),
        user: reader.required("ODOO_USER", "a login name"),
        password: reader.password("ODOO_PASSWORD"),
        protocol: reader.choice(
            "ODOO_PROTOCOL",
            &[
                ("auto", ProtocolChoice::Auto),
                ("json2", ProtocolChoice::Json2),
                ("jsonrpc", ProtocolChoice::JsonRpc),
            ],
        ),
        lang: reader
            .optional("ODOO_LANG")
            .unwrap_or_else(|| "en_US".to_owned()),
        company_id: reader.optional_bounded("ODOO_COMPANY_ID", 1, i64::MAX),
        timeout: Duration::from_millis(reader.bounded("ODOO_TIMEOUT_MS", 60_000, 1, 900_000)),
        max_requests_per_second: reader.optional_bounded(
            "ODOO_MAX_REQUESTS_PER_SECOND",
            0.01,
            10_000.0,
        ),
        retry,
    }
}

fn read_sync(reader: &mut Reader<'_>) -> SyncConfig {
    SyncConfig {
        batch_size: reader.bounded("SYNC_BATCH_SIZE", 1000, 1, 10_000),
        overlap: read_overlap(reader),
        fetch_concurrency: reader.bounded("SYNC_FETCH_CONCURRENCY", 2, 1, 8),
        delete_mode: reader.choice(
            "SYNC_DELETE_MODE",
            &[("soft", DeleteMode::Soft), ("hard", DeleteMode::Hard)],
        ),
        delete_guard_percent: reader.bounded("SYNC_DELETE_GUARD_PERCENT", 20, 0, 100),
        api_budget: read_api_budget(reader),
        extra_fields: reader.extra_fields(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn required() -> BTreeMap<&'static str, String> {
        [
            ("ODOO_URL", "https://odoo.example.com/"),
            ("ODOO_DB", "shop"),
            ("ODOO_USER", "sync"),
            ("ODOO_PASSWORD", "hunter2"),
            ("SUPABASE_DB_URL", "postgres://u:hunter3@db/postgres"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    fn read(variables: &BTreeMap<&'static str, String>) -> Result<Config> {
        Config::from_lookup(&|name| variables.get(name).cloned())
    }

    #[test]
    fn the_required_variables_are_enough_and_the_rest_has_the_contract_s_defaults() {
        let config = read(&required()).expect("complete");
        assert_eq!(config.odoo.url, "https://odoo.example.com");
        assert_eq!(config.odoo.timeout, Duration::from_secs(60));
        assert_eq!(config.odoo.protocol, ProtocolChoice::Auto);
        assert_eq!(config.odoo.retry.max_retries, 3);
        assert_eq!(config.sync.batch_size, 1000);
        assert_eq!(config.sync.overlap, Duration::from_secs(300));
        assert_eq!(config.sync.delete_guard_percent, 20);
    }

    #[test]
    fn every_problem_is_named_at_once_and_no_value_is_repeated() {
        let mut variables = required();
        variables.remove("ODOO_DB");
        variables.insert("ODOO_PASSWORD", "   ".to_owned());
        variables.insert("ODOO_URL", "hunter4".to_owned());
        variables.insert("SYNC_BATCH_SIZE", "10001".to_owned());
        variables.insert("ODOO_PROTOCOL", "xmlrpc".to_owned());
        variables.insert("SYNC_EXTRA_FIELDS", "[1]".to_owned());
        let error = read(&variables).expect_err("incomplete");
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        for name in [
            "ODOO_DB",
            "ODOO_PASSWORD",
            "ODOO_URL",
            "SYNC_BATCH_SIZE",
            "ODOO_PROTOCOL",
            "SYNC_EXTRA_FIELDS",
        ] {
            assert!(text.contains(name), "{name} is not named: {text}");
        }
        for value in ["hunter", "10001 ", "xmlrpc"] {
            assert!(!text.contains(value), "{value} is repeated: {text}");
        }
    }

    #[test]
    fn what_needs_no_odoo_reads_nothing_of_it() {
        let missing = PostgresConfig::from_lookup(&|_| None).expect_err("no address");
        assert!(
            missing
                .to_string()
                .starts_with("SUPABASE_DB_URL is missing")
        );
        let url = |name: &str| (name == "SUPABASE_DB_URL").then(|| "postgres://h/d".to_owned());
        let config = PostgresConfig::from_lookup(&url).expect("complete");
        assert_eq!(config.retry.max_retries, 3);
    }
}
