//! Which protocol this Odoo is spoken to with, and as whom. Found out once and kept.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Payload};
use super::call::Call;
use super::fault::{Asked, Content, Symptom};
use super::transport::{Request, Transport};
use super::{json2, jsonrpc};
use crate::config::{OdooConfig, ProtocolChoice};
use crate::error::{Error, ErrorKind, Result, Retry};

#[cfg(test)]
mod tests;

/// A way of speaking to Odoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Methods as addresses, an API key as bearer: Odoo 19 and later.
    Json2,
    /// One address, the password in the body: every Odoo up to 19.
    JsonRpc,
}

/// What is known once Odoo has let us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The protocol in use.
    pub protocol: Protocol,
    /// Odoo's own version, such as `14.0-20231122`, `saas~18.3` or `19.0`.
    pub server_version: String,
    /// The user's id, where Odoo said it.
    pub uid: Option<i64>,
}

/// An open session: what is known, and what each request carries to prove who asks.
pub(crate) struct Session {
    pub(crate) connected: Connected,
    login: Login,
}

enum Login {
    Json2(HeaderMap),
    JsonRpc(i64),
}

impl Session {
    /// Chooses the protocol and checks the password or key, as `config.protocol` says.
    pub(crate) async fn open(config: &OdooConfig, transport: &Transport) -> Result<Self> {
        if config.protocol == ProtocolChoice::JsonRpc {
            return open_jsonrpc(config, transport, None).await;
        }
        let version = json2_version(transport).await?;
        match (config.protocol, version) {
            (ProtocolChoice::Json2, Some(version)) => open_json2(config, transport, version).await,
            (ProtocolChoice::Json2, None) => Err(Error::new(
                ErrorKind::Config,
                "ODOO_PROTOCOL is json2, but what answers at ODOO_URL has no JSON-2, which came with Odoo 19: it is auto or jsonrpc there",
            )),
            (_, Some(version)) => open_either(config, transport, version).await,
            (_, None) => open_jsonrpc(config, transport, None).await,
        }
    }

    /// Calls a method on a model.
    pub(crate) async fn call(
        &self,
        config: &OdooConfig,
        transport: &Transport,
        call: Call<'_>,
    ) -> Result<Payload> {
        match &self.login {
            Login::Json2(credentials) => {
                let request = json2::call_request(config, credentials, call);
                transport.send(&request, json2::open).await
            }
            Login::JsonRpc(uid) => {
                let request = jsonrpc::call_request(config, *uid, call);
                transport.send(&request, jsonrpc::open).await
            }
        }
    }

    /// Whether `has_access` took the place of `check_access_rights` here (Odoo 18).
    pub(crate) fn knows_has_access(&self) -> bool {
        major_version(&self.connected.server_version).is_none_or(|major| major >= 18)
    }

    /// Whether `search_read` hands `load` on to `read` here (Odoo 15).
    pub(crate) fn search_read_takes_load(&self) -> bool {
        major_version(&self.connected.server_version).is_none_or(|major| major >= 15)
    }
}

/// JSON-2 where it takes the key; JSON-RPC takes passwords too.
async fn open_either(
    config: &OdooConfig,
    transport: &Transport,
    version: String,
) -> Result<Session> {
    let refusal = match open_json2(config, transport, version.clone()).await {
        // Whatever JSON-2 refuses for good, JSON-RPC may still take or explain better: a password
        // is no key, and JSON-2 answers an unknown database with a bare 404.
        Err(error) if error.retry() == Retry::Never => error,
        outcome => return outcome,
    };
    match open_jsonrpc(config, transport, Some(version)).await {
        // An Odoo that has given up JSON-RPC: then what JSON-2 said is the reason.
        Err(error) if is_elsewhere(&error) => Err(refusal),
        outcome => outcome,
    }
}

fn is_elsewhere(error: &Error) -> bool {
    error.kind() == ErrorKind::OdooUnreachable && error.retry() == Retry::Never
}

async fn open_json2(
    config: &OdooConfig,
    transport: &Transport,
    version: String,
) -> Result<Session> {
    let credentials = json2::credentials(config).ok_or_else(|| {
        Error::new(
            ErrorKind::OdooAuth,
            "ODOO_PASSWORD is not an API key, which JSON-2 needs",
        )
    })?;
    let request = json2::key_check_request(&credentials);
    let user: Value = transport
        .send(&request, json2::open)
        .await?
        .read(&request.asked)?;
    Ok(Session {
        connected: Connected {
            protocol: Protocol::Json2,
            server_version: version,
            uid: user["uid"].as_i64(),
        },
        login: Login::Json2(credentials),
    })
}

async fn open_jsonrpc(
    config: &OdooConfig,
    transport: &Transport,
    version: Option<String>,
) -> Result<Session> {
    let server_version = match version {
        Some(version) => version,
        None => jsonrpc_version(transport).await?,
    };
    let uid = authenticate(config, transport).await?;
    Ok(Session {
        connected: Connected {
            protocol: Protocol::JsonRpc,
            server_version,
            uid: Some(uid),
        },
        login: Login::JsonRpc(uid),
    })
}

#[derive(Deserialize)]
struct JsonRpcVersion {
    server_version: String,
}

async fn jsonrpc_version(transport: &Transport) -> Result<String> {
    let request = jsonrpc::version_request();
    let payload = transport.send(&request, jsonrpc::open).await?;
    let version: JsonRpcVersion = payload.read(&request.asked)?;
    Ok(version.server_version)
}

/// A wrong user or password is no fault to Odoo: it answers `false`.
async fn authenticate(config: &OdooConfig, transport: &Transport) -> Result<i64> {
    let request = jsonrpc::authenticate_request(config);
    let payload = transport.send(&request, jsonrpc::open).await?;
    let answer: Value = payload.read(&request.asked)?;
    match answer.as_i64() {
        Some(uid) => Ok(uid),
        None if answer == Value::Bool(false) || answer.is_null() => Err(Error::new(
            ErrorKind::OdooAuth,
            "Odoo refuses ODOO_USER with ODOO_PASSWORD",
        )),
        None => Err(Symptom::WrongShape.error(&request.asked)),
    }
}

#[derive(Deserialize)]
struct Json2Version {
    version: String,
}

/// The version, where the server speaks JSON-2. Any other answer for good, a 404 or a page, means
/// that it does not; whether it is an Odoo at all shows in the login.
async fn json2_version(transport: &Transport) -> Result<Option<String>> {
    let request: Request<'_> = json2::version_request();
    let payload = transport.send(&request, open_version).await?;
    let version: Option<Json2Version> = payload.read(&request.asked)?;
    Ok(version.map(|version| version.version))
}

/// Reads the answer to the version question: JSON `null` where there is no such address.
fn open_version(asked: &Asked<'_>, answer: Answer) -> Result<Payload> {
    let head = answer.head;
    let version = answer.into_json(asked).and_then(|text| {
        let is_version = head.is_success() && serde_json::from_str::<Json2Version>(&text).is_ok();
        is_version
            .then_some(text)
            .ok_or_else(|| head.refusal(Content::Unreadable, asked))
    });
    match version {
        Err(error) if error.retry() != Retry::Never => Err(error),
        version => {
            let text = version.unwrap_or_else(|_| "null".to_owned());
            Ok(Payload::whole(text, head.server_time))
        }
    }
}

/// `14` of `14.0-20231122`, `18` of `saas~18.3`.
fn major_version(version: &str) -> Option<u32> {
    let start = version.find(|c: char| c.is_ascii_digit())?;
    let digits = &version[start..];
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}
