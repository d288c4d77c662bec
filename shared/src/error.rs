//! One error type for the whole crate.
//!
//! Its [`ErrorKind`] decides three things and nothing else does: whether a second
//! attempt can help, which code and remedy a caller is told, and which HTTP status
//! the answer has. What a caller is told (`message`) is written here by us and never
//! holds a secret, a row's value or Odoo's `debug` text; what led to it stays in
//! `source` for the log.

use std::error::Error as StdError;
use std::time::Duration;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, in the words of the contract's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A variable is missing or malformed, or the mirror belongs to another Odoo.
    Config,
    /// Odoo does not answer, or something in front of it answers in its place.
    OdooUnreachable,
    /// Odoo refuses the user or the key.
    OdooAuth,
    /// The user lacks a right on a model or a record.
    OdooAccess,
    /// A model or field that a spec requires does not exist there.
    OdooSchema,
    /// Odoo answered with a fault of its own, or with something unreadable.
    OdooFault,
    /// Postgres does not answer, or the TLS check of the connection failed.
    DbUnreachable,
    /// Postgres refuses the role or its password.
    DbAuth,
    /// A table or column is missing: the migrations have not run.
    DbSchema,
    /// Postgres answered with an error.
    DbFault,
    /// S3, where backups lie, does not answer.
    S3Unreachable,
    /// S3 answered with a fault of its own, or with something unreadable.
    S3Fault,
    /// A backup was not done when its invocation's time was up.
    Deadline,
    /// Another run of the same data type holds the lease.
    Busy,
    /// More rows would be deleted than the guard allows.
    DeleteGuard,
    /// An operator has ended the run.
    Cancelled,
    /// An operator keeps the data type from being synced.
    Paused,
    /// The request is not one that the contract allows.
    BadRequest,
    /// The invocation's time is up: the run is handed over to its next slice. It never
    /// leaves the engine.
    OutOfTime,
    /// A bug of ours.
    Internal,
}

impl ErrorKind {
    const ALL: [Self; 19] = [
        Self::Config,
        Self::OdooUnreachable,
        Self::OdooAuth,
        Self::OdooAccess,
        Self::OdooSchema,
        Self::OdooFault,
        Self::DbUnreachable,
        Self::DbAuth,
        Self::DbSchema,
        Self::DbFault,
        Self::S3Unreachable,
        Self::S3Fault,
        Self::Deadline,
        Self::Busy,
        Self::DeleteGuard,
        Self::Cancelled,
        Self::Paused,
        Self::BadRequest,
        Self::Internal,
    ];

    /// The kind with this code, as it stands in events and tables.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The code that stands in answers, events and `sync_runs`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::OdooUnreachable => "odoo_unreachable",
            Self::OdooAuth => "odoo_auth",
            Self::OdooAccess => "odoo_access",
            Self::OdooSchema => "odoo_schema",
            Self::OdooFault => "odoo_fault",
            Self::DbUnreachable => "db_unreachable",
            Self::DbAuth => "db_auth",
            Self::DbSchema => "db_schema",
            Self::DbFault => "db_fault",
            Self::S3Unreachable => "s3_unreachable",
            Self::S3Fault => "s3_fault",
            Self::Deadline => "deadline",
            Self::Busy => "busy",
            Self::DeleteGuard => "delete_guard",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::BadRequest => "bad_request",
            // Whoever is told of it met a bug.
            Self::OutOfTime | Self::Internal => "internal",
        }
    }

    /// One sentence that a person can act on.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Config => {
                "Set the variable that the message names to a value of the form it gives."
            }
            Self::OdooUnreachable => {
                "Check that ODOO_URL is the address of Odoo itself and that Odoo is up and reachable from here."
            }
            Self::OdooAuth => {
                "Check ODOO_DB, ODOO_USER and ODOO_PASSWORD; an API key must not be expired or revoked."
            }
            Self::OdooAccess => "Give ODOO_USER read access to the model that the message names.",
            Self::OdooSchema => {
                "Install the Odoo app that brings the model or field that the message names, or remove it from SYNC_EXTRA_FIELDS."
            }
            Self::OdooFault => {
                "Look into Odoo's own log at this time; nothing is lost, the next run reads the same window again."
            }
            Self::DbUnreachable => {
                "Check host, port and sslmode in SUPABASE_DB_URL, SUPABASE_CA_CERT, and that Postgres is up."
            }
            Self::DbAuth => "Check user, password and database in SUPABASE_DB_URL.",
            Self::DbSchema => "Run the migrations: cargo xtask migrate.",
            Self::DbFault => {
                "Look into Postgres's own log at this time; nothing is lost, the next run reads the same window again."
            }
            Self::S3Unreachable => {
                "Check AWS_REGION and the network from here to S3, and AWS's health page; take the backup again when S3 answers."
            }
            Self::S3Fault => {
                "Look into AWS's health page for S3 and try again; nothing is lost, a backup without its manifest counts as none."
            }
            Self::Deadline => {
                "Give the function more of a processor by a larger BackupMemoryMegabytes, or take the backup with cargo xtask backup, which has no deadline."
            }
            Self::Busy => {
                "Wait until the running sync is done; its lease ends by itself a minute after its function is gone."
            }
            Self::DeleteGuard => {
                "Check the rights and companies of ODOO_USER; if the rows are truly gone, send the request again with \"confirmDeletes\": true."
            }
            Self::Cancelled => {
                "Send the request again when it may run: what was committed stays, and the next run reads the same window again."
            }
            Self::Paused => {
                "Look into the status for who paused it, when and why, and resume it with POST /api/sync/resume/{dataType} when it may run again."
            }
            Self::BadRequest => "Correct the request as the message says.",
            Self::OutOfTime | Self::Internal => {
                "This is a bug: report it with the run id and the log of this run."
            }
        }
    }

    /// The HTTP status of an answer that reports this error.
    pub fn http_status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Busy | Self::DeleteGuard | Self::Cancelled | Self::Paused => 409,
            Self::OutOfTime | Self::Internal => 500,
            Self::OdooUnreachable
            | Self::OdooAuth
            | Self::OdooAccess
            | Self::OdooSchema
            | Self::OdooFault => 502,
            Self::Config
            | Self::DbUnreachable
            | Self::DbAuth
            | Self::DbSchema
            | Self::DbFault
            | Self::S3Unreachable
            | Self::S3Fault
            | Self::Deadline => 503,
        }
    }
}

/// Whether the same attempt may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would fail the same way.
    Never,
    /// It may succeed after the usual delay.
    Backoff,
    /// The other side named the delay (`Retry-After`).
    After(Duration),
}

/// An error with its kind, the sentence for the caller and its cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    #[source]
    source: Option<Source>,
}

impl Error {
    /// An error that a second attempt cannot mend.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            message: message.into(),
            source: None,
        }
    }

    /// Keeps what caused it. The cause goes to the log only if it is free of row
    /// values, which the caller of this function vouches for.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says that a second attempt may succeed, and when.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether a second attempt may succeed.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// The chain of causes on one line, for the log.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and all that caused it on one line. Whoever calls it vouches that none of them has a value or
/// a secret in it.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_every_cause_once() {
        let error = Error::new(ErrorKind::OdooUnreachable, "Odoo does not answer")
            .with_source(std::io::Error::other("connection refused"));
        assert_eq!(error.chain(), "Odoo does not answer: connection refused");
        assert_eq!(error.to_string(), "Odoo does not answer");
    }

    #[test]
    fn a_code_leads_back_to_its_kind() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(ErrorKind::from_code("unknown"), None);
    }

    #[test]
    fn an_error_is_not_retried_unless_it_says_so() {
        let error = Error::new(ErrorKind::DbFault, "deadlock");
        assert_eq!(error.retry(), Retry::Never);
        assert_eq!(error.with_retry(Retry::Backoff).retry(), Retry::Backoff);
    }
}
