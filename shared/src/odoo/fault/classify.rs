//! What a symptom means: which error it is, what is said of it, and whether it may pass.
//!
//! Status alone does not say: JSON-RPC answers 200 to everything, JSON-2 answers 500 to an
//! unknown field, and a proxy answers in Odoo's place. So the name of Odoo's exception, the
//! status and the kind of body are looked at together, here and nowhere else.

use std::time::Duration;

use super::{Address, Asked, Content, Disconnection, Symptom};
use crate::error::ErrorKind::{
    self, Config, OdooAccess, OdooAuth, OdooFault, OdooSchema, OdooUnreachable,
};
use crate::error::Retry;

#[cfg(test)]
mod tests;

/// The longest wait that `Retry-After` may ask for. Who asks for more is not asked again in this
/// run: asking sooner would be rude, and waiting would outlast the function.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What a symptom means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) kind: ErrorKind,
    pub(super) retry: Retry,
    pub(super) reason: String,
}

impl Verdict {
    /// It would fail the same way again.
    fn lasting(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            reason: reason.into(),
        }
    }

    /// It may succeed in a while.
    fn passing(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Backoff,
            reason: reason.into(),
        }
    }

    /// Honours `Retry-After` where the fault may pass at all.
    fn after(mut self, wait: Option<Duration>) -> Self {
        match wait {
            Some(wait) if self.retry == Retry::Backoff && wait > LONGEST_WAIT => {
                self.retry = Retry::Never;
                self.reason += &format!(" and asks to wait {} s", wait.as_secs());
            }
            Some(wait) if self.retry == Retry::Backoff => self.retry = Retry::After(wait),
            _ => {}
        }
        self
    }
}

pub(super) fn classify(symptom: &Symptom<'_>, asked: &Asked<'_>) -> Verdict {
    match symptom {
        Symptom::Timeout(limit) => Verdict::passing(
            OdooUnreachable,
            format!("no answer from Odoo within {} ms", limit.as_millis()),
        ),
        Symptom::Disconnected(how) => Verdict::passing(
            OdooUnreachable,
            match how {
                Disconnection::NoAddress => "the host in ODOO_URL has no address",
                Disconnection::Refused => "nothing listens at ODOO_URL",
                Disconnection::Broken => "the connection to Odoo broke",
            },
        ),
        Symptom::Tls(reason) => Verdict::lasting(
            OdooUnreachable,
            format!("the TLS handshake with Odoo failed: {reason}"),
        ),
        Symptom::NotHttp => Verdict::lasting(
            OdooUnreachable,
            "what answers at ODOO_URL does not speak HTTP",
        ),
        Symptom::TooLarge { limit } => Verdict::lasting(
            OdooFault,
            format!(
                "the answer is larger than {} MiB: lower SYNC_BATCH_SIZE",
                limit / (1024 * 1024)
            ),
        ),
        Symptom::Redirect { status, to } => Verdict::lasting(
            OdooUnreachable,
            format!(
                "ODOO_URL redirects (status {status}) to {}",
                to.as_deref().unwrap_or("another page")
            ),
        ),
        Symptom::Answer {
            status,
            content,
            retry_after,
        } => by_answer(*status, *content, asked).after(*retry_after),
        Symptom::WrongShape => {
            Verdict::lasting(OdooFault, "Odoo answered with a value of another shape")
        }
    }
}

fn by_answer(status: u16, content: Content<'_>, asked: &Asked<'_>) -> Verdict {
    match content {
        Content::Fault { name, message } => {
            by_exception(name, message, asked).unwrap_or_else(|| {
                by_status(
                    status,
                    format!("Odoo answered {} (status {status})", plain(name)),
                )
            })
        }
        Content::Page => by_page(status, asked),
        Content::Cut if !(400..500).contains(&status) => Verdict::passing(
            OdooUnreachable,
            format!("the answer was cut short (status {status})"),
        ),
        Content::Cut | Content::Unreadable if status == 404 => {
            Verdict::lasting(OdooUnreachable, "no Odoo answers at ODOO_URL (status 404)")
        }
        Content::Cut | Content::Unreadable => by_status(
            status,
            format!("an answer that is not Odoo's (status {status})"),
        ),
    }
}

/// Exceptions whose name decides, or their name with what Odoo's sentence holds.
fn by_exception(name: &str, message: &str, asked: &Asked<'_>) -> Option<Verdict> {
    let told = plain(name);
    let is_about_the_model = asked.model.is_some_and(|model| message.contains(model))
        || (message.starts_with("Object ") && message.contains("doesn't exist"));
    let verdict = match name.rsplit('.').next().unwrap_or_default() {
        "AccessDenied" => {
            Verdict::lasting(OdooAuth, format!("Odoo refuses user and password ({told})"))
        }
        "AccessError" if message.contains("invalid companies") => Verdict::lasting(
            Config,
            format!("ODOO_COMPANY_ID is not the id of a company that ODOO_USER may use ({told})"),
        ),
        // Records that vanish while they are read look like hidden ones, and the cure is the
        // same: search the ids again.
        "AccessError" | "MissingError" => {
            Verdict::lasting(OdooAccess, format!("Odoo refuses access ({told})"))
        }
        "SerializationFailure"
        | "DeadlockDetected"
        | "TransactionRollbackError"
        | "LockNotAvailable"
        | "ConcurrencyError" => Verdict::passing(
            OdooFault,
            format!("Odoo lost a race in its own database ({told})"),
        ),
        "AdminShutdown" | "CrashShutdown" | "CannotConnectNow" | "TooManyConnections"
        | "PoolError" | "InterfaceError" => Verdict::passing(
            OdooFault,
            format!("Odoo's own database is not available ({told})"),
        ),
        "OperationalError" => by_database_message(message, told),
        "ValueError" if message.contains("Invalid field") => {
            Verdict::lasting(OdooSchema, unknown_field(message))
        }
        "UserError" if message.contains("Invalid language code") => Verdict::lasting(
            Config,
            format!("ODOO_LANG is not the code of a language that Odoo has installed ({told})"),
        ),
        "KeyError" | "UserError" if is_about_the_model => {
            Verdict::lasting(OdooSchema, format!("Odoo has no such model ({told})"))
        }
        "NotFound" if asked.model.is_some() => Verdict::lasting(
            OdooSchema,
            format!("Odoo has no such model or method ({told})"),
        ),
        _ => return None,
    };
    Some(verdict)
}

/// `psycopg2.OperationalError` is anything that befalls Odoo's own connection to Postgres, from a
/// database that does not exist to one that is about to come up.
fn by_database_message(message: &str, told: &str) -> Verdict {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["database"]) && says(&["does not exist"]) {
        return Verdict::lasting(OdooAuth, "Odoo has no database of the name in ODOO_DB");
    }
    if says(&["could not serialize", "deadlock"]) {
        return Verdict::passing(
            OdooFault,
            format!("Odoo lost a race in its own database ({told})"),
        );
    }
    if says(&["authentication failed", "pg_hba.conf", "permission denied"]) {
        return Verdict::lasting(
            OdooFault,
            format!("Odoo's own database refuses Odoo ({told})"),
        );
    }
    // Refused, starting up, shut down, gone; Postgres may say so in any language.
    Verdict::passing(
        OdooFault,
        format!("Odoo's own database is not available ({told})"),
    )
}

/// A web page comes from a proxy, from another site, or from an Odoo that has no such address.
fn by_page(status: u16, asked: &Asked<'_>) -> Verdict {
    if is_passing(status) {
        return by_status(
            status,
            format!("a web page in Odoo's place (status {status})"),
        );
    }
    // An Odoo 19 that cannot open the database serves without one, and then knows no address
    // of JSON-2.
    match (status, asked.address) {
        (404, Address::Proven) => Verdict::passing(
            OdooFault,
            "Odoo's own database is not available (status 404)",
        ),
        (404, Address::OfOdoo) => Verdict::lasting(
            OdooAuth,
            "Odoo has no database of the name in ODOO_DB, or cannot open it",
        ),
        _ => Verdict::lasting(
            OdooUnreachable,
            format!("a web page (status {status}) where Odoo's answer was due"),
        ),
    }
}

fn by_status(status: u16, reason: String) -> Verdict {
    match status {
        401 => Verdict::lasting(OdooAuth, reason),
        403 => Verdict::lasting(OdooAccess, reason),
        404 => Verdict::lasting(OdooSchema, reason),
        _ if is_passing(status) => Verdict::passing(OdooUnreachable, reason),
        _ => Verdict::lasting(OdooFault, reason),
    }
}

/// Too many requests, and what a proxy says of an Odoo that is away.
fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The exception's name where it looks like one; whatever else stands there is not repeated.
fn plain(name: &str) -> &str {
    let is_name_character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    let is_name = (1..=100).contains(&name.len()) && name.bytes().all(is_name_character);
    if is_name { name } else { "an unnamed fault" }
}

/// Names the field that `Invalid field 'x' on model 'y'` and its kin complain of, where it looks
/// like a field's name.
fn unknown_field(message: &str) -> String {
    let is_field_character =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    let field = message
        .split_once("Invalid field")
        .map(|(_, rest)| rest.trim_start_matches([' ', '\'', '"']))
        .and_then(|rest| rest.split(|c| !is_field_character(c)).next())
        .unwrap_or_default();
    if (1..=100).contains(&field.len()) {
        format!("Odoo has no field {field}")
    } else {
        "Odoo has no such field".to_owned()
    }
}
