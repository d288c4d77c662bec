//! What a failure means: which error it is, what the caller is told, and whether it may pass.
//!
//! Status alone does not say: JSON-RPC answers 200 to everything, JSON-2 answers 500 to an
//! unknown field, and a proxy answers in Odoo's place. So the name of Odoo's exception, the status
//! and the kind of body are looked at together, here and nowhere else.
//!
//! What the caller is told holds the exception's name, the model, the method, the status, and field
//! names; never Odoo's own sentence, which may quote rows.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Retry};

/// The longest wait that `Retry-After` may ask for. Who asks for more is not asked again
/// in this run: the next one goes on where this one stopped.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What was asked, for the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    model: Option<&'a str>,
    method: &'a str,
    /// Whether this very address has been seen to work in this session.
    proven: bool,
}

impl<'a> Asked<'a> {
    /// A question to the server as such.
    pub(crate) const fn service(method: &'a str) -> Self {
        Self {
            model: None,
            method,
            proven: false,
        }
    }

    /// A call on a model.
    pub(crate) const fn call(model: &'a str, method: &'a str) -> Self {
        Self {
            model: Some(model),
            method,
            proven: false,
        }
    }

    /// A call on a model through JSON-2, after the key has been accepted.
    pub(crate) const fn json2_call(model: &'a str, method: &'a str) -> Self {
        Self {
            model: Some(model),
            method,
            proven: true,
        }
    }

    pub(crate) fn model(&self) -> Option<&'a str> {
        self.model
    }

    pub(crate) fn method(&self) -> &'a str {
        self.method
    }

    fn subject(&self) -> String {
        match self.model {
            Some(model) => format!("{} of {model}", self.method),
            None => self.method.to_owned(),
        }
    }
}

/// What was seen instead of a result.
#[derive(Debug, Clone)]
pub(crate) enum Symptom<'a> {
    /// No whole answer within the limit.
    Timeout(Duration),
    /// No connection, or one that broke: refused, reset, cut, no such host.
    Disconnected,
    /// The TLS handshake failed for a reason that stays, such as a certificate that does not verify.
    Tls(String),
    /// Something that does not speak HTTP.
    NotHttp,
    /// More bytes than are read.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Another address is named. Redirects are not followed: a POST would become a GET, and the
    /// password would go to an address that nobody configured.
    Redirect {
        status: u16,
        /// Scheme, host and port of that address, where it is another one.
        to: Option<String>,
    },
    /// A whole answer that is no result.
    Answer {
        status: u16,
        content: Content<'a>,
        retry_after: Option<Duration>,
    },
    /// A result of another type than the method returns.
    WrongShape,
}

/// What an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// An exception of Odoo's.
    Fault { name: &'a str, message: &'a str },
    /// A web page.
    Page,
    /// JSON that ends early.
    Cut,
    /// Anything else.
    Unreadable,
}

/// What a symptom means.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    kind: ErrorKind,
    retry: Retry,
    reason: String,
}

impl Verdict {
    fn final_(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            reason: reason.into(),
        }
    }

    fn passing(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Backoff,
            reason: reason.into(),
        }
    }

    /// Honours `Retry-After` where the fault may pass at all.
    fn after(mut self, wait: Option<Duration>) -> Self {
        if let (Retry::Backoff, Some(wait)) = (self.retry, wait) {
            if wait > LONGEST_WAIT {
                self.retry = Retry::Never;
                self.reason += &format!(" and asks to wait {} s", wait.as_secs());
            } else {
                self.retry = Retry::After(wait);
            }
        }
        self
    }
}

impl Symptom<'_> {
    /// The error that the caller gets.
    pub(crate) fn error(&self, asked: &Asked<'_>) -> Error {
        let verdict = classify(self, asked);
        let message = format!("{}: {}", asked.subject(), verdict.reason);
        Error::new(verdict.kind, message).with_retry(verdict.retry)
    }
}

fn classify(symptom: &Symptom<'_>, asked: &Asked<'_>) -> Verdict {
    use ErrorKind::{OdooFault, OdooUnreachable};
    match symptom {
        Symptom::Timeout(limit) => Verdict::passing(
            OdooUnreachable,
            format!("no answer from Odoo within {} ms", limit.as_millis()),
        ),
        Symptom::Disconnected => {
            Verdict::passing(OdooUnreachable, "the connection to Odoo failed or broke")
        }
        Symptom::Tls(reason) => Verdict::final_(
            OdooUnreachable,
            format!("the TLS handshake with Odoo failed: {reason}"),
        ),
        Symptom::NotHttp => Verdict::final_(
            OdooUnreachable,
            "what answers at ODOO_URL does not speak HTTP",
        ),
        Symptom::TooLarge { limit } => Verdict::final_(
            OdooFault,
            format!(
                "the answer is larger than {} MiB: lower SYNC_BATCH_SIZE",
                limit / (1024 * 1024)
            ),
        ),
        Symptom::Redirect { status, to } => {
            let target = match to {
                Some(origin) => format!("to {origin}"),
                None => "to another page".to_owned(),
            };
            Verdict::final_(
                OdooUnreachable,
                format!("ODOO_URL redirects (status {status}) {target}"),
            )
        }
        Symptom::Answer {
            status,
            content,
            retry_after,
        } => classify_answer(*status, *content, asked).after(*retry_after),
        Symptom::WrongShape => {
            Verdict::final_(OdooFault, "Odoo answered with a value of another shape")
        }
    }
}

fn classify_answer(status: u16, content: Content<'_>, asked: &Asked<'_>) -> Verdict {
    match content {
        Content::Fault { name, message } => {
            by_exception(name, message, asked).unwrap_or_else(|| {
                by_status(status, &format!("Odoo answered {status} {}", plain(name)))
            })
        }
        Content::Page => by_page(status, asked),
        Content::Cut if (200..300).contains(&status) => {
            Verdict::passing(ErrorKind::OdooUnreachable, "the answer was cut short")
        }
        Content::Cut | Content::Unreadable => by_status(
            status,
            &format!("an answer that is not Odoo's (status {status})"),
        ),
    }
}

/// Exceptions whose name decides, or their name and what Odoo's sentence holds.
fn by_exception(name: &str, message: &str, asked: &Asked<'_>) -> Option<Verdict> {
    use ErrorKind::{OdooAccess, OdooAuth, OdooFault, OdooSchema};
    let told = plain(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    let verdict = match last {
        "AccessDenied" => {
            Verdict::final_(OdooAuth, "Odoo refuses user and password (AccessDenied)")
        }
        "AccessError" if message.contains("invalid companies") => Verdict::final_(
            ErrorKind::Config,
            "ODOO_COMPANY_ID is not the id of a company of ODOO_USER (AccessError)",
        ),
        // Rows that vanished while a read ran look like hidden ones, and the cure is the same:
        // search the ids again.
        "AccessError" | "MissingError" => {
            Verdict::final_(OdooAccess, format!("Odoo refuses access ({told})"))
        }
        "SerializationFailure"
        | "DeadlockDetected"
        | "TransactionRollbackError"
        | "LockNotAvailable"
        | "ConcurrencyError" => Verdict::passing(
            OdooFault,
            format!("Odoo lost a race in its database ({told})"),
        ),
        "AdminShutdown" | "CrashShutdown" | "CannotConnectNow" | "TooManyConnections"
        | "PoolError" | "InterfaceError" => Verdict::passing(
            OdooFault,
            format!("Odoo's own database is not available ({told})"),
        ),
        "OperationalError" => by_database_message(message),
        "ValueError" if message.contains("Invalid field") => {
            Verdict::final_(OdooSchema, unknown_field(message))
        }
        "KeyError" | "UserError" if asked.model.is_some_and(|model| message.contains(model)) => {
            Verdict::final_(OdooSchema, format!("Odoo has no such model ({told})"))
        }
        "NotFound" => Verdict::final_(OdooSchema, format!("Odoo has no such model ({told})")),
        _ => return None,
    };
    Some(verdict)
}

/// `psycopg2.OperationalError` is anything that happens to Odoo's own connection: from a database
/// that does not exist to one that is about to come up.
fn by_database_message(message: &str) -> Verdict {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if message.contains("database") && message.contains("does not exist") {
        return Verdict::final_(
            ErrorKind::OdooAuth,
            "Odoo has no database of the name in ODOO_DB",
        );
    }
    if says(&["could not serialize", "deadlock"]) {
        return Verdict::passing(ErrorKind::OdooFault, "Odoo lost a race in its database");
    }
    if says(&["authentication failed", "pg_hba.conf", "permission denied"]) {
        return Verdict::final_(
            ErrorKind::OdooFault,
            "Odoo's own database refuses Odoo (OperationalError)",
        );
    }
    // Refused, starting up, shut down, gone: and words in other languages than English.
    Verdict::passing(
        ErrorKind::OdooFault,
        "Odoo's own database is not available (OperationalError)",
    )
}

/// A web page comes from a proxy, from another site, or from an Odoo that has no such address.
fn by_page(status: u16, asked: &Asked<'_>) -> Verdict {
    if is_passing_status(status) {
        return by_status(
            status,
            &format!("a web page in Odoo's place (status {status})"),
        );
    }
    // Odoo 19 drops a database that it cannot reach and then knows no JSON-2 address any more.
    if status == 404 && asked.proven {
        return Verdict::passing(
            ErrorKind::OdooFault,
            "Odoo has lost its own database (status 404)",
        );
    }
    Verdict::final_(
        ErrorKind::OdooUnreachable,
        format!("a web page (status {status}) where Odoo's answer was due"),
    )
}

fn by_status(status: u16, reason: &str) -> Verdict {
    use ErrorKind::{OdooAccess, OdooAuth, OdooFault, OdooSchema, OdooUnreachable};
    match status {
        401 => Verdict::final_(OdooAuth, reason),
        403 => Verdict::final_(OdooAccess, reason),
        404 => Verdict::final_(OdooSchema, reason),
        status if is_passing_status(status) => Verdict::passing(OdooUnreachable, reason),
        _ => Verdict::final_(OdooFault, reason),
    }
}

fn is_passing_status(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The exception's name if it looks like one; whatever else a body holds is not repeated.
fn plain(name: &str) -> &str {
    let is_name = !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
    if is_name { name } else { "an unnamed fault" }
}

/// Names the field in `Invalid field 'x' on model 'y'` (14: `Invalid field 'y.x' in leaf …`) if it
/// looks like one.
fn unknown_field(message: &str) -> String {
    let field = message
        .split_once("Invalid field")
        .map(|(_, rest)| rest.trim_start_matches([' ', '\'', '"']))
        .map(|rest| {
            let end = rest.find(|c: char| !is_field_character(c));
            &rest[..end.unwrap_or(rest.len())]
        })
        .unwrap_or_default();
    if field.is_empty() || field.len() > 100 {
        return "Odoo has no such field".to_owned();
    }
    format!("Odoo has no field {field}")
}

fn is_field_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.')
}
