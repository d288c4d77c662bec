//! What can go wrong with a question to Odoo, and the error that the caller gets for it.
//!
//! What the caller is told holds the exception's name, the model, the method, the status and
//! names of fields; never Odoo's own sentence, which may quote rows.

mod classify;

use std::time::Duration;

use self::classify::classify;
use crate::error::Error;

/// What was asked, for the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    model: Option<&'a str>,
    method: &'a str,
    address: Address,
}

/// What is known of the address that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    /// Nothing: there may be no Odoo at all.
    Unknown,
    /// An Odoo with addresses of this kind is there.
    OfOdoo,
    /// Such an address has worked in this session.
    Proven,
}

impl<'a> Asked<'a> {
    /// A question to the server as such.
    pub(crate) const fn service(method: &'a str) -> Self {
        Self {
            model: None,
            method,
            address: Address::Unknown,
        }
    }

    /// A call on a model.
    pub(crate) const fn call(model: &'a str, method: &'a str) -> Self {
        Self {
            model: Some(model),
            method,
            address: Address::Unknown,
        }
    }

    /// The same question, put to a server that has said that it is an Odoo of the right version.
    pub(crate) const fn to_an_odoo(self) -> Self {
        Self {
            address: Address::OfOdoo,
            ..self
        }
    }

    /// The same question, at an address like one that has worked before.
    pub(crate) const fn proven(self) -> Self {
        Self {
            address: Address::Proven,
            ..self
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
    /// No whole answer within this limit.
    Timeout(Duration),
    /// No connection, or one that broke.
    Disconnected(Disconnection),
    /// The TLS handshake was refused for this reason, such as a certificate that does not verify.
    Tls(String),
    /// Something that does not speak HTTP.
    NotHttp,
    /// More bytes than are read.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Another address is named. Redirects are not followed: a POST would become a GET, and
    /// the password would go to an address that nobody configured.
    Redirect {
        status: u16,
        /// Scheme, host and port of that address, where it is on another server.
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

/// How a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disconnection {
    /// The host's name has no address.
    NoAddress,
    /// Nothing listens there.
    Refused,
    /// It broke, or anything else.
    Broken,
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

impl Symptom<'_> {
    /// The error that the caller gets.
    pub(crate) fn error(&self, asked: &Asked<'_>) -> Error {
        let verdict = classify(self, asked);
        let message = format!("{}: {}", asked.subject(), verdict.reason);
        Error::new(verdict.kind, message).with_retry(verdict.retry)
    }
}
