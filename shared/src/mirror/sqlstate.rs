//! What an error of Postgres means for a run: the one place that reads SQLSTATEs.
//!
//! Postgres repeats values in its messages (`invalid input syntax for type numeric:
//! "…"`). A value is a customer's data, so the text of an error is shown only for the
//! classes that name nothing but objects, roles and states.

use std::error::Error as StdError;
use std::io;

use tokio_postgres::error::DbError;

use crate::error::{Error, ErrorKind, Retry};

/// SQLSTATE classes whose messages never hold a value of a row.
const CLASSES_WITHOUT_VALUES: [&str; 14] = [
    "08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
];

/// Poolers report most of their own errors, and those of their login to Postgres, as
/// `08P01` (PgBouncer) or `XX000` (Supavisor), so only the words tell them apart. What is
/// not listed is about load or a broken link and may pass.
const POOLER_WORDS: [(&str, ErrorKind); 12] = [
    ("authentication failed", ErrorKind::DbAuth),
    ("Authentication error", ErrorKind::DbAuth),
    ("no such database", ErrorKind::DbAuth),
    ("no such user", ErrorKind::DbAuth),
    ("does not exist", ErrorKind::DbAuth),
    ("not found", ErrorKind::DbAuth),
    ("permission denied", ErrorKind::DbAuth),
    ("not permitted", ErrorKind::DbAuth),
    ("SSL connection is required", ErrorKind::DbUnreachable),
    ("allow_list", ErrorKind::DbUnreachable),
    ("CIRCUITBREAKER", ErrorKind::DbUnreachable),
    ("unsupported startup parameter", ErrorKind::DbUnreachable),
];

/// Classifies an error of tokio-postgres and keeps it as the cause where it is free of
/// values. `doing` opens the message: "writing a page of products".
pub fn db_error(doing: &str, error: tokio_postgres::Error) -> Error {
    let classified = classify(doing, &error);
    if classified.kind() == ErrorKind::DbUnreachable && error.as_db_error().is_none() {
        return classified.with_source(error);
    }
    classified
}

/// As [`db_error`], without the cause.
pub(crate) fn classify(doing: &str, error: &tokio_postgres::Error) -> Error {
    if let Some(reported) = error.as_db_error() {
        let report = Report::from(reported);
        let (kind, retry) = report.verdict();
        return Error::new(kind, format!("{doing}: {}", report.describe())).with_retry(retry);
    }
    if error.is_closed() || io_cause(error).is_some() {
        let message = format!("{doing}: the connection to Postgres is lost");
        return Error::new(ErrorKind::DbUnreachable, message).with_retry(Retry::Backoff);
    }
    // A type or a count that our own statement got wrong. Its cause may hold a value.
    Error::new(ErrorKind::Internal, format!("{doing}: {error}"))
}

/// Whether Postgres refuses a value (class 22), a constraint is violated (class 23) or a
/// value exceeds one of its limits (class 54), such as what an index holds: without the
/// row at fault, the rest of the page goes in.
pub fn refuses_row(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| matches!(class(code.code()), "22" | "23" | "54"))
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or_default()
}

/// What of an error message is looked at.
#[derive(Debug, Clone, Copy)]
struct Report<'a> {
    code: &'a str,
    message: &'a str,
    table: Option<&'a str>,
    column: Option<&'a str>,
    constraint: Option<&'a str>,
    /// Said by a pooler on the way; Postgres always names the routine that failed.
    from_pooler: bool,
}

impl<'a> From<&'a DbError> for Report<'a> {
    fn from(error: &'a DbError) -> Self {
        Self {
            code: error.code().code(),
            message: error.message(),
            table: error.table(),
            column: error.column(),
            constraint: error.constraint(),
            from_pooler: error.routine().is_none(),
        }
    }
}

impl Report<'_> {
    fn verdict(&self) -> (ErrorKind, Retry) {
        match self.code {
            "08P01" | "XX000" if self.from_pooler => POOLER_WORDS
                .iter()
                .find(|(words, _)| self.message.contains(words))
                .map_or((ErrorKind::DbUnreachable, Retry::Backoff), |(_, kind)| {
                    (*kind, Retry::Never)
                }),
            // A server that stops, starts, is full, has become a replica or has closed an
            // idle connection.
            "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" | "25P03" => {
                (ErrorKind::DbUnreachable, Retry::Backoff)
            }
            "3D000" | "42501" => (ErrorKind::DbAuth, Retry::Never),
            "42P01" | "42703" | "3F000" | "42883" => (ErrorKind::DbSchema, Retry::Never),
            // Serialization failure, deadlock, lock not available.
            "40001" | "40P01" | "55P03" => (ErrorKind::DbFault, Retry::Backoff),
            code => match class(code) {
                "08" => (ErrorKind::DbUnreachable, Retry::Backoff),
                "28" => (ErrorKind::DbAuth, Retry::Never),
                _ => (ErrorKind::DbFault, Retry::Never),
            },
        }
    }

    fn describe(&self) -> String {
        let shown = self.from_pooler || CLASSES_WITHOUT_VALUES.contains(&class(self.code));
        let what = if shown {
            self.message
        } else {
            "Postgres refuses it"
        };
        let place: String = [
            ("table", self.table),
            ("column", self.column),
            ("constraint", self.constraint),
        ]
        .into_iter()
        .filter_map(|(what, name)| Some(format!(", {what} {}", name?)))
        .collect();
        format!("{what} (SQLSTATE {}{place})", self.code)
    }
}

/// The first I/O error among the causes.
pub(crate) fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(error.source(), |cause| (*cause).source())
        .find_map(|cause| cause.downcast_ref::<io::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: Report<'_> = Report {
        code: "",
        message: "",
        table: None,
        column: None,
        constraint: None,
        from_pooler: false,
    };

    #[test]
    fn the_class_decides_and_only_what_passes_is_tried_again() {
        use ErrorKind::{DbAuth, DbFault, DbSchema, DbUnreachable};
        for (code, kind, retry) in [
            ("28P01", DbAuth, Retry::Never),
            ("28000", DbAuth, Retry::Never),
            ("3D000", DbAuth, Retry::Never),
            ("42501", DbAuth, Retry::Never),
            ("42P01", DbSchema, Retry::Never),
            ("42703", DbSchema, Retry::Never),
            ("08006", DbUnreachable, Retry::Backoff),
            ("57P01", DbUnreachable, Retry::Backoff),
            ("53300", DbUnreachable, Retry::Backoff),
            ("25006", DbUnreachable, Retry::Backoff),
            ("40P01", DbFault, Retry::Backoff),
            ("57014", DbFault, Retry::Never),
            ("22003", DbFault, Retry::Never),
            ("XX000", DbFault, Retry::Never),
            ("53100", DbFault, Retry::Never),
            ("", DbFault, Retry::Never),
        ] {
            assert_eq!(
                Report { code, ..POSTGRES }.verdict(),
                (kind, retry),
                "{code}"
            );
        }
    }

    #[test]
    fn a_pooler_is_understood_by_its_words() {
        use ErrorKind::{DbAuth, DbUnreachable};
        for (code, message, kind, retry) in [
            ("08P01", "SASL authentication failed", DbAuth, Retry::Never),
            ("08P01", "no such database: shop", DbAuth, Retry::Never),
            (
                "08P01",
                r#"database "shop" does not exist"#,
                DbAuth,
                Retry::Never,
            ),
            ("XX000", "Tenant or user not found", DbAuth, Retry::Never),
            (
                "XX000",
                "(ENOTFOUND) tenant/user a.b not found",
                DbAuth,
                Retry::Never,
            ),
            (
                "28P01",
                r#"password authentication failed for user "a""#,
                DbAuth,
                Retry::Never,
            ),
            (
                "XX000",
                "SSL connection is required",
                DbUnreachable,
                Retry::Never,
            ),
            (
                "XX000",
                "Max client connections reached",
                DbUnreachable,
                Retry::Backoff,
            ),
            ("08P01", "query_wait_timeout", DbUnreachable, Retry::Backoff),
            (
                "08P01",
                "pgbouncer cannot connect to server",
                DbUnreachable,
                Retry::Backoff,
            ),
        ] {
            let report = Report {
                code,
                message,
                from_pooler: true,
                ..POSTGRES
            };
            assert_eq!(report.verdict(), (kind, retry), "{message}");
            assert!(report.describe().contains(message));
        }
    }

    #[test]
    fn a_value_is_never_repeated_and_the_place_is_named() {
        for code in ["22P02", "23505", "P0001", "44000", "XX000"] {
            let report = Report {
                code,
                message: r#"invalid input syntax: "Widget""#,
                table: Some("products"),
                column: Some("weight"),
                ..POSTGRES
            };
            assert_eq!(
                report.describe(),
                format!("Postgres refuses it (SQLSTATE {code}, table products, column weight)")
            );
        }
    }
}
