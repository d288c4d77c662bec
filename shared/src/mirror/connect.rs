//! Opens connections to the mirror's Postgres.
//!
//! One run has one connection. A transaction pooler may sit in between, so nothing here
//! or on top of it relies on session state.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::Config;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, NoTls, Socket};

use super::sqlstate::{db_error, io_cause};
use super::sslmode::{SslMode, Target};
use super::tls;
use crate::config::{PostgresConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::tls::refusal;

const DOING: &str = "connecting to Postgres";
const APPLICATION_NAME: &str = "odoo-supabase-sync";

// A peer that is gone without a word is noticed within about a minute, far below the
// time that a function may run. tokio-postgres would wait two hours.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVES_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVES_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVES_RETRIES: u32 = 3;
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// A transaction gives its connection up after so many times as long as its network may leave
/// bytes unacknowledged: 3 minutes. Postgres ends one that idles after 30 s, and each statement
/// after 50 s, so that by then nothing of it is left to wait for there.
const TRANSACTION_SHARE: u32 = 3;

/// An open connection and the task that drives it; both end when it is dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    patience: Patience,
}

/// How long to wait for a connection that may be dead without anybody having said so. What
/// stands between, a pooler or a tunnel, acknowledges what we send also where the way behind it
/// is cut, and then no socket option helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// For its first answer after it has lain idle: as long as a new one may take to open.
    pub(crate) first_answer: Duration,
    /// For a whole transaction.
    pub(crate) transaction: Duration,
}

impl Patience {
    /// By what the URL says, after [`set_defaults`].
    fn with(target: &Config) -> Self {
        let connect = target.get_connect_timeout().copied();
        let network = target.get_tcp_user_timeout().copied();
        Self {
            first_answer: connect.unwrap_or(CONNECT_TIMEOUT),
            transaction: network
                .unwrap_or(TCP_USER_TIMEOUT)
                .saturating_mul(TRANSACTION_SHARE),
        }
    }
}

impl Connection {
    /// What statements are sent through.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// How long to wait for it.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether Postgres or the network ended it; every further statement would fail.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Checks `config` as far as that goes without connecting.
///
/// # Errors
/// [`ErrorKind::Config`] for a malformed URL, an unknown `sslmode` or an unreadable CA,
/// never repeating a value.
pub fn check_url(config: &PostgresConfig) -> Result<()> {
    let target = Target::parse(config.url.expose_secret())?;
    if target.ssl_mode != SslMode::Disable
        && let Some(ca) = &config.ca_cert
    {
        tls::read_certificates(ca)?;
    }
    Ok(())
}

/// Connects, trying again after what may pass.
///
/// # Errors
/// - [`ErrorKind::Config`]: the URL or the CA is malformed.
/// - [`ErrorKind::DbAuth`]: user, password or database are refused.
/// - [`ErrorKind::DbUnreachable`]: nothing answers, or the TLS check failed.
/// - [`ErrorKind::DbFault`]: any other refusal.
pub async fn connect(config: &PostgresConfig) -> Result<Connection> {
    let Target {
        config: mut target,
        ssl_mode,
    } = Target::parse(config.url.expose_secret())?;
    set_defaults(&mut target);

    if ssl_mode == SslMode::Disable {
        return connect_with_retry(&target, NoTls, config.retry).await;
    }
    let tls = tls::connector(ssl_mode, config.ca_cert.as_deref())?;
    connect_with_retry(&target, tls, config.retry).await
}

/// What the URL leaves open.
fn set_defaults(target: &mut Config) {
    if target.get_application_name().is_none() {
        target.application_name(APPLICATION_NAME);
    }
    if target.get_connect_timeout().is_none() {
        target.connect_timeout(CONNECT_TIMEOUT);
    }
    if target.get_tcp_user_timeout().is_none() {
        target.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    if target.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        target.keepalives_idle(KEEPALIVES_IDLE);
    }
    if target.get_keepalives_interval().is_none() {
        target.keepalives_interval(KEEPALIVES_INTERVAL);
    }
    if target.get_keepalives_retries().is_none() {
        target.keepalives_retries(KEEPALIVES_RETRIES);
    }
}

async fn connect_with_retry<T>(target: &Config, tls: T, retry: RetryConfig) -> Result<Connection>
where
    T: MakeTlsConnect<Socket> + Clone,
    T::Stream: Send + 'static,
{
    let delays = ExponentialBuilder::new()
        .with_min_delay(retry.delay)
        .with_max_times(usize::try_from(retry.max_retries).unwrap_or(usize::MAX))
        .with_jitter();
    (|| connect_once(target, tls.clone()))
        .retry(delays)
        .when(|error| error.retry() == Retry::Backoff)
        .notify(|error, delay| {
            tracing::warn!(
                error = error.chain(),
                ?delay,
                "{DOING} failed, trying again"
            );
        })
        .await
}

async fn connect_once<T>(target: &Config, tls: T) -> Result<Connection>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = timeout(attempt_limit(target), target.connect(tls))
        .await
        .map_err(|_| unreachable("no answer in time").with_retry(Retry::Backoff))?
        .map_err(|error| connect_error(target, error))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Statements fail with "connection closed"; the reason is known only here.
            tracing::warn!(
                error = db_error("using the connection to Postgres", error).chain(),
                "the connection to Postgres ended"
            );
        }
    });
    Ok(Connection {
        client,
        driver,
        patience: Patience::with(target),
    })
}

/// tokio-postgres limits only the opening of each socket. A server that takes the socket
/// and then says nothing would hold the function until its end.
fn attempt_limit(target: &Config) -> Duration {
    let hosts = target
        .get_hosts()
        .len()
        .max(target.get_hostaddrs().len())
        .try_into()
        .unwrap_or(u32::MAX);
    let each = target
        .get_connect_timeout()
        .copied()
        .unwrap_or(CONNECT_TIMEOUT);
    each.saturating_mul(2).saturating_mul(hosts)
}

/// Classifies what only happens while connecting; `db_error` knows the rest.
fn connect_error(target: &Config, error: tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() {
        return db_error(DOING, error);
    }
    if let Some(reason) = refusal(&error) {
        return unreachable(&reason);
    }
    if let Some(cause) = io_cause(&error) {
        let retry = match cause.kind() {
            // No such address, or what answers there does not speak Postgres.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Retry::Never,
            _ => Retry::Backoff,
        };
        return unreachable(&cause.to_string()).with_retry(retry);
    }
    if error.is_closed() {
        return unreachable("the server closed the connection").with_retry(Retry::Backoff);
    }
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    // tokio-postgres keeps its own kind of error private; its text is all there is.
    match error.to_string().as_str() {
        "error performing TLS handshake" => unreachable(&cause),
        "authentication error" => Error::new(ErrorKind::DbAuth, format!("{DOING}: {cause}")),
        "invalid configuration" if target.get_password().is_none() => Error::new(
            ErrorKind::DbAuth,
            format!("{DOING}: a password is asked for and SUPABASE_DB_URL holds none"),
        ),
        "invalid configuration" => Error::new(
            ErrorKind::Config,
            format!("SUPABASE_DB_URL is malformed: {cause}"),
        ),
        _ => unreachable("what answers there does not speak Postgres's protocol"),
    }
}

fn unreachable(why: &str) -> Error {
    Error::new(ErrorKind::DbUnreachable, format!("{DOING}: {why}"))
}
