//! What an error of Postgres means for a run: the one place that reads SQLSTATEs.
//!
//! Postgres repeats values in its messages (`invalid input syntax for type numeric:
//! "…"`). A value is a customer's data, so the text of an error is shown only for the
//! classes that name nothing but objects, roles and states.

use std::error::Error as StdError;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, ErrorKind, Retry};

/// SQLSTATE classes whose messages never hold a value of a row.
const CLASSES_WITHOUT_VALUES: [&str; 14] = [
    "08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
];

/// Poolers report most of their own errors as `08P01` (PgBouncer) or `XX000` (Supavisor),
/// so only the words tell what happened.
const POOLER_WORDS: [(&str, ErrorKind, Retry); 12] = [
    ("no such database", ErrorKind::DbAuth, Retry::Never),
    ("no such user", ErrorKind::DbAuth, Retry::Never),
    ("authentication failed", ErrorKind::DbAuth, Retry::Never),
    ("Authentication error", ErrorKind::DbAuth, Retry::Never),
    ("not found", ErrorKind::DbAuth, Retry::Never),
    (
        "unsupported startup parameter",
        ErrorKind::DbUnreachable,
        Retry::Never,
    ),
    (
        "SSL connection is required",
        ErrorKind::DbUnreachable,
        Retry::Never,
    ),
    ("SSL required", ErrorKind::DbUnreachable, Retry::Never),
    ("allow_list", ErrorKind::DbUnreachable, Retry::Never),
    ("(ECIRCUITBREAKER)", ErrorKind::DbUnreachable, Retry::Never),
    (
        "Max client connections",
        ErrorKind::DbUnreachable,
        Retry::Backoff,
    ),
    ("(E", ErrorKind::DbUnreachable, Retry::Backoff),
];

/// Classifies an error of tokio-postgres and keeps it as the cause where it is free of
/// values. `doing` opens the message: "writing a page of products".
pub(crate) fn db_error(doing: &str, error: tokio_postgres::Error) -> Error {
    let classified = classify(doing, &error);
    if classified.kind() == ErrorKind::DbUnreachable && error.as_db_error().is_none() {
        return classified.with_source(error);
    }
    classified
}

/// As [`db_error`], without the cause.
pub(crate) fn classify(doing: &str, error: &tokio_postgres::Error) -> Error {
    if let Some(reported) = error.as_db_error() {
        let (kind, retry) = verdict(reported);
        return Error::new(kind, format!("{doing}: {}", describe(reported))).with_retry(retry);
    }
    if error.is_closed() || io_cause(error).is_some() {
        let message = format!("{doing}: the connection to Postgres is lost");
        return Error::new(ErrorKind::DbUnreachable, message).with_retry(Retry::Backoff);
    }
    // A type or a count that our own statement got wrong. Its cause may hold a value.
    Error::new(ErrorKind::Internal, format!("{doing}: {error}"))
}

/// Whether Postgres refuses a value (class 22) or a constraint is violated (class 23):
/// without the row at fault, the rest of the page goes in.
pub(crate) fn refuses_row(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| matches!(class(code), "22" | "23"))
}

fn class(code: &SqlState) -> &str {
    code.code().get(..2).unwrap_or_default()
}

fn verdict(error: &DbError) -> (ErrorKind, Retry) {
    match error.code().code() {
        "08P01" | "XX000" => pooler_verdict(error),
        "25006" | "25P03" | "57P05" | "57P01" | "57P02" | "57P03" | "53300" => {
            (ErrorKind::DbUnreachable, Retry::Backoff)
        }
        "3D000" | "42501" => (ErrorKind::DbAuth, Retry::Never),
        "42P01" | "42703" | "3F000" | "42883" => (ErrorKind::DbSchema, Retry::Never),
        "40001" | "40P01" | "55P03" => (ErrorKind::DbFault, Retry::Backoff),
        _ => match class(error.code()) {
            "08" => (ErrorKind::DbUnreachable, Retry::Backoff),
            "28" => (ErrorKind::DbAuth, Retry::Never),
            _ => (ErrorKind::DbFault, Retry::Never),
        },
    }
}

fn pooler_verdict(error: &DbError) -> (ErrorKind, Retry) {
    let known = POOLER_WORDS
        .iter()
        .find(|(words, ..)| error.message().contains(words));
    match known {
        Some((_, kind, retry)) => (*kind, *retry),
        None if class(error.code()) == "08" => (ErrorKind::DbUnreachable, Retry::Backoff),
        None => (ErrorKind::DbFault, Retry::Never),
    }
}

fn describe(error: &DbError) -> String {
    let code = error.code().code();
    let from_pooler = code == "XX000"
        && POOLER_WORDS
            .iter()
            .any(|(words, ..)| error.message().contains(words));
    let text = if CLASSES_WITHOUT_VALUES.contains(&class(error.code())) || from_pooler {
        error.message()
    } else {
        "Postgres refused it"
    };
    let mut place = format!("SQLSTATE {code}");
    for (what, name) in [
        ("table", error.table()),
        ("column", error.column()),
        ("constraint", error.constraint()),
    ] {
        if let Some(name) = name {
            place.push_str(&format!(", {what} {name}"));
        }
    }
    format!("{text} ({place})")
}

/// The first I/O error among the causes.
pub(crate) fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(error.source(), |cause| (*cause).source())
        .find_map(|cause| cause.downcast_ref::<io::Error>())
}
