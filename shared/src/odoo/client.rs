//! What the engine may ask of Odoo, one function a question.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::answer::{Payload, RawRecords};
use super::call::Call;
use super::domain::Domain;
use super::fault::{Asked, Symptom};
use super::field::{FieldDescription, FieldType};
use super::session::{Connected, Session};
use super::transport::{Counters, Transport};
use super::value::parse_datetime;
use crate::config::OdooConfig;
use crate::error::Result;

#[cfg(test)]
mod tests;

/// Reads one Odoo as one user. A clone shares connections, login and counters; any number of
/// tasks may ask at once.
///
/// Every function tries again what may pass, as `SYNC_MAX_RETRIES` and `SYNC_RETRY_DELAY_MS` say,
/// and returns an error of one of the `Odoo…` kinds (or [`ErrorKind::Config`](crate::error::ErrorKind::Config) where a variable is to
/// blame). [`ErrorKind::OdooAccess`](crate::error::ErrorKind::OdooAccess) from [`OdooClient::read`] may mean that a single record is hidden or
/// gone: search the ids again and read what is left.
#[derive(Clone)]
pub struct OdooClient {
    inner: Arc<Inner>,
}

struct Inner {
    config: OdooConfig,
    transport: Transport,
    session: OnceCell<Session>,
}

/// The newest change in a model, and when Odoo's side said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestChange {
    /// The newest `write_date`. `None`: no record has one.
    pub at: Option<Timestamp>,
    /// The answer's `Date` header. `None`: there was none, or none that can be read.
    pub server_time: Option<Timestamp>,
}

/// Only the address without user and password; the rest is secrets and state.
impl fmt::Debug for OdooClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OdooClient({})", self.source_url())
    }
}

impl OdooClient {
    /// Prepares a client; nothing is sent before the first question.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::error::ErrorKind::Internal) where the HTTP client cannot be built.
    pub fn new(config: &OdooConfig) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner {
                config: config.clone(),
                transport: Transport::new(config)?,
                session: OnceCell::new(),
            }),
        })
    }

    /// Chooses the protocol and logs in, unless that is done already. Every other function does so
    /// by itself; a failure is not kept.
    pub async fn connect(&self) -> Result<Connected> {
        Ok(self.session().await?.connected.clone())
    }

    /// The model's fields that this user may read, with their types.
    pub async fn fields_get(&self, model: &str) -> Result<BTreeMap<String, FieldType>> {
        let call = Call::new(model, "fields_get").with("attributes", json!(["type"]));
        let fields: BTreeMap<String, FieldDescription> = self.ask(call).await?;
        Ok(fields
            .into_iter()
            .map(|(name, field)| (name, field.field_type))
            .collect())
    }

    /// The ids of the records that match, in id order, `limit` of them at most.
    pub async fn search(
        &self,
        model: &str,
        domain: &Domain,
        limit: Option<usize>,
    ) -> Result<Vec<i64>> {
        let mut call = Call::new(model, "search")
            .matching(domain)
            .with("order", "id");
        if let Some(limit) = limit {
            call = call.with("limit", limit);
        }
        self.ask(call).await
    }

    /// How many records match.
    pub async fn search_count(&self, model: &str, domain: &Domain) -> Result<u64> {
        self.ask(Call::new(model, "search_count").matching(domain))
            .await
    }

    /// The newest change time in the model, in one request. Records without one are left out:
    /// Postgres would sort them first.
    pub async fn newest_change(&self, model: &str) -> Result<NewestChange> {
        let call = Call::new(model, "search_read")
            .matching(&Domain::has_change_time())
            .with("fields", json!(["write_date"]))
            .with("order", "write_date desc, id desc")
            .with("limit", 1);
        let asked = Asked::call(model, call.method);
        let payload = self.call(call).await?;
        let rows: Vec<ChangeRow> = payload.read(&asked)?;
        let at = match rows.first() {
            Some(row) => Some(row.time(&asked)?),
            None => None,
        };
        Ok(NewestChange {
            at,
            server_time: payload.server_time,
        })
    }

    /// The records with these ids, with `id` and `fields`. Ids that are gone are left out; a
    /// many2one is its bare id (`load: null`).
    ///
    /// # Errors
    /// Besides the usual: [`ErrorKind::OdooAccess`](crate::error::ErrorKind::OdooAccess) for the whole page where one id is hidden.
    pub async fn read(&self, model: &str, ids: &[i64], fields: &[String]) -> Result<RawRecords> {
        let call = Call::new(model, "read")
            .on(ids)
            .with("fields", json!(fields))
            .with("load", Value::Null);
        let asked = Asked::call(model, call.method);
        self.call(call).await?.into_records(&asked)
    }

    /// The records that match, in id order, `limit` of them at most, with `id` and `fields`. None
    /// is refused for being hidden: those are left out. A many2one is its bare id, or `[id, "name"]` where
    /// the server's `search_read` takes no `load`: then the names cost it more than all the rest.
    pub(crate) async fn search_read(
        &self,
        model: &str,
        domain: &Domain,
        fields: &[String],
        limit: Option<usize>,
    ) -> Result<RawRecords> {
        let mut call = Call::new(model, "search_read")
            .matching(domain)
            .with("fields", json!(fields))
            .with("order", "id");
        if let Some(limit) = limit {
            call = call.with("limit", limit);
        }
        if self.session().await?.search_read_takes_load() {
            call = call.with("load", Value::Null);
        }
        let asked = Asked::call(model, call.method);
        self.call(call).await?.into_records(&asked)
    }

    /// Whether the user may read the model at all.
    pub async fn can_read(&self, model: &str) -> Result<bool> {
        let call = if self.session().await?.knows_has_access() {
            Call::new(model, "has_access").on(&[])
        } else {
            Call::new(model, "check_access_rights").with("raise_exception", false)
        };
        self.ask(call.with("operation", "read")).await
    }

    /// Requests and retries since the client was made; an engine takes differences.
    pub fn counters(&self) -> Counters {
        self.inner.transport.counters()
    }

    /// How long its answers were waited for since the client was made, those to requests under way at
    /// once each for itself.
    pub(crate) fn waited(&self) -> Duration {
        self.inner.transport.waited()
    }

    /// Odoo's address without user and password, for fingerprints and logs.
    pub fn source_url(&self) -> String {
        without_userinfo(&self.inner.config.url)
    }

    /// The name of Odoo's database.
    pub fn database(&self) -> &str {
        &self.inner.config.database
    }

    async fn session(&self) -> Result<&Session> {
        let inner = &self.inner;
        inner
            .session
            .get_or_try_init(|| Session::open(&inner.config, &inner.transport))
            .await
    }

    async fn call(&self, call: Call<'_>) -> Result<Payload> {
        self.session()
            .await?
            .call(&self.inner.config, &self.inner.transport, call)
            .await
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let asked = Asked::call(call.model, call.method);
        self.call(call).await?.read(&asked)
    }
}

#[derive(Deserialize)]
struct ChangeRow {
    write_date: String,
}

impl ChangeRow {
    fn time(&self, asked: &Asked<'_>) -> Result<Timestamp> {
        parse_datetime(&self.write_date).ok_or_else(|| Symptom::WrongShape.error(asked))
    }
}

fn without_userinfo(url: &str) -> String {
    let Ok(mut parsed) = reqwest::Url::parse(url) else {
        return String::new();
    };
    // Both fail only where a URL cannot have a user, and then it has none.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    parsed.as_str().trim_end_matches('/').to_owned()
}
