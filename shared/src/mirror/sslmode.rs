//! Reads `SUPABASE_DB_URL`.
//!
//! tokio-postgres takes libpq's URLs but knows only three of its six `sslmode`s, so that
//! one parameter is taken out and understood here; the rest goes to tokio-postgres. The
//! URL holds the password, and a mistyped one holds parts of it in unexpected places, so
//! no error repeats anything of it.

use tokio_postgres::config::{Config, Host};

use crate::error::{Error, ErrorKind, Result};

const FORM: &str = "postgres://user:password@host:port/database?sslmode=verify-full, \
                    with @ : / ? # and % in user and password percent-encoded";

/// What tokio-postgres understands, `sslmode` aside.
const PARAMETERS: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// How much the connection is protected, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can. libpq's `allow` counts as this: neither promises
    /// encryption, and they differ only in what is tried first.
    Prefer,
    /// Encrypted or no connection.
    Require,
    /// As `require`, and a trusted CA signed the certificate.
    VerifyCa,
    /// As `verify-ca`, and the certificate is for this host.
    VerifyFull,
}

impl SslMode {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "disable" => Some(Self::Disable),
            "allow" | "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            "verify-ca" => Some(Self::VerifyCa),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }

    /// What tokio-postgres is to insist on; the certificate is checked in `tls`.
    fn negotiation(self) -> tokio_postgres::config::SslMode {
        match self {
            Self::Disable => tokio_postgres::config::SslMode::Disable,
            Self::Prefer => tokio_postgres::config::SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        }
    }
}

/// Where to connect, as whom, and how protected.
#[derive(Debug)]
pub(crate) struct Target {
    /// Everything but the check of the certificate.
    pub(crate) config: Config,
    /// The mode asked for; `Prefer` where the URL names none, as in libpq.
    pub(crate) ssl_mode: SslMode,
}

impl Target {
    /// Reads a libpq URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the form that is expected and nothing of `url`.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let url = url.trim();
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(malformed("it does not start with postgres://"));
        }
        let (address, query) = split_query(url)?;
        let (mut ssl_mode, kept) = take_ssl_mode(query)?;

        let mut config: Config = [address, &kept].concat().parse().map_err(parse_problem)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(malformed("it names no host"));
        }
        if over_unix_sockets(&config) {
            // As in libpq: nothing leaves the machine, and Postgres offers no TLS there.
            ssl_mode = SslMode::Disable;
        }
        config.ssl_mode(ssl_mode.negotiation());
        Ok(Self { config, ssl_mode })
    }
}

/// Splits after the `?` that ends the address. tokio-postgres ends user and password at
/// the first `@`; a second one means that the password holds an unencoded `@`, and then
/// "host" and "database" would be parts of the password.
fn split_query(url: &str) -> Result<(&str, &str)> {
    let after_credentials = url.find('@').map_or(0, |at| at + 1);
    if url[after_credentials..].contains('@') {
        return Err(malformed("it holds more than one @"));
    }
    Ok(match url[after_credentials..].find('?') {
        Some(mark) => url.split_at(after_credentials + mark + 1),
        None => (url, ""),
    })
}

/// The mode that `query` asks for, and the query without it. The last one counts, as in
/// libpq.
fn take_ssl_mode(query: &str) -> Result<(SslMode, String)> {
    let mut ssl_mode = SslMode::Prefer;
    let mut kept = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(malformed("a parameter after the ? has no value"));
        };
        if key == "sslmode" {
            ssl_mode = SslMode::parse(value).ok_or_else(|| {
                malformed("sslmode is one of disable, prefer, require, verify-ca, verify-full")
            })?;
        } else if PARAMETERS.contains(&key) {
            kept.push(parameter);
        } else {
            return Err(malformed(&format!(
                "beside sslmode the parameters after the ? can be {}; certificates to trust \
                 go into SUPABASE_CA_CERT",
                PARAMETERS.join(", ")
            )));
        }
    }
    Ok((ssl_mode, kept.join("&")))
}

fn over_unix_sockets(config: &Config) -> bool {
    config.get_hostaddrs().is_empty()
        && config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)))
}

/// tokio-postgres names the parameter at fault, never its value.
fn parse_problem(error: tokio_postgres::Error) -> Error {
    match std::error::Error::source(&error) {
        Some(cause) => malformed(&cause.to_string()),
        None => malformed("it cannot be read"),
    }
}

fn malformed(why: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("SUPABASE_DB_URL is malformed: {why}; it has the form {FORM}"),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn parse(url: &str) -> Target {
        Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn percent_encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    #[test]
    fn every_mode_of_libpq_is_read_and_prefer_is_the_default() {
        use tokio_postgres::config::SslMode as Negotiation;
        for (query, mode, negotiation) in [
            ("", SslMode::Prefer, Negotiation::Prefer),
            ("?", SslMode::Prefer, Negotiation::Prefer),
            ("?sslmode=disable", SslMode::Disable, Negotiation::Disable),
            ("?sslmode=allow", SslMode::Prefer, Negotiation::Prefer),
            ("?sslmode=prefer", SslMode::Prefer, Negotiation::Prefer),
            ("?sslmode=require", SslMode::Require, Negotiation::Require),
            (
                "?sslmode=verify-ca",
                SslMode::VerifyCa,
                Negotiation::Require,
            ),
            (
                "?sslmode=verify-full",
                SslMode::VerifyFull,
                Negotiation::Require,
            ),
            (
                "?sslmode=disable&sslmode=require",
                SslMode::Require,
                Negotiation::Require,
            ),
        ] {
            let target = parse(&format!("postgres://u:p@db/shop{query}"));
            assert_eq!(target.ssl_mode, mode, "{query}");
            assert_eq!(target.config.get_ssl_mode(), negotiation, "{query}");
        }
    }

    #[test]
    fn the_other_parameters_are_kept() {
        let target = parse(
            "postgresql://u:p@db/shop?connect_timeout=3&sslmode=require&application_name=a%20b",
        );
        assert_eq!(target.config.get_application_name(), Some("a b"));
        assert_eq!(
            target.config.get_connect_timeout(),
            Some(&std::time::Duration::from_secs(3))
        );
        assert_eq!(target.config.get_dbname(), Some("shop"));
    }

    #[test]
    fn hosts_may_be_several_or_ipv6_or_a_unix_socket() {
        let tcp = |host: &str| Host::Tcp(host.to_owned());
        let several = parse("postgres://u:p@a:1,[::1]:2,b/shop?sslmode=require").config;
        assert_eq!(several.get_hosts(), [tcp("a"), tcp("::1"), tcp("b")]);
        assert_eq!(several.get_ports(), [1, 2, 5432]);

        let socket = parse("postgres://u@%2Frun%2Fpostgresql/shop?sslmode=require");
        let folder = Host::Unix(Path::new("/run/postgresql").to_owned());
        assert_eq!(socket.config.get_hosts(), [folder]);
        assert_eq!(socket.ssl_mode, SslMode::Disable);

        let by_parameter = parse("postgres:///shop?host=db&user=u");
        assert_eq!(by_parameter.config.get_hosts(), [tcp("db")]);
    }

    #[test]
    fn what_is_malformed_is_refused_with_the_form_and_without_the_value() {
        for (url, why) in [
            ("", "does not start with postgres://"),
            (
                "host=db password=hunter2",
                "does not start with postgres://",
            ),
            (
                "https://u:hunter2@db/shop",
                "does not start with postgres://",
            ),
            ("postgres://u:hunter2@", "names no host"),
            ("postgres:///shop?password=hunter2", "names no host"),
            ("postgres://u:hun@ter2@db/shop", "more than one @"),
            ("postgres://u:hun@ter/2@db/shop", "more than one @"),
            ("postgres://u:p@db:hunter2/shop", "`port`"),
            ("postgres://u:p@[db/shop", "`host`"),
            ("postgres://u:p@db/shop?sslmode", "has no value"),
            ("postgres://u:p@db/shop?sslmode=", "one of disable"),
            ("postgres://u:p@db/shop?sslmode=hunter2", "one of disable"),
            ("postgres://u:p@db/shop?hunter2=1", "SUPABASE_CA_CERT"),
            (
                "postgres://u:p@db/shop?sslrootcert=/hunter2",
                "SUPABASE_CA_CERT",
            ),
            ("postgres://u:p@db/%ff", "utf-8"),
        ] {
            let error = Target::parse(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.chain();
            assert!(text.contains(why), "{url}: {text}");
            assert!(text.contains("postgres://user:password@host"), "{text}");
            assert!(!text.contains("hun") && !text.contains("ter2"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_encoded_user_password_and_database_arrive_whole(
            user in "\\PC{1,20}", password in "\\PC{0,40}", database in "\\PC{1,20}"
        ) {
            let url = format!(
                "postgres://{}:{}@db/{}?sslmode=verify-full",
                percent_encode(&user), percent_encode(&password), percent_encode(&database)
            );
            let target = parse(&url);
            prop_assert_eq!(target.ssl_mode, SslMode::VerifyFull);
            prop_assert_eq!(target.config.get_user(), Some(user.as_str()));
            prop_assert_eq!(target.config.get_password(), Some(password.as_bytes()));
            prop_assert_eq!(target.config.get_dbname(), Some(database.as_str()));
        }

        #[test]
        fn no_text_makes_it_panic_or_repeat_itself(rest in "\\PC*") {
            let secret = "hunter2";
            if let Err(error) = Target::parse(&format!("postgres://u:{secret}{rest}")) {
                prop_assert!(!error.chain().contains(secret));
            }
        }
    }
}
