//! What `api` does when Odoo calls: lets the webhook in, marks its data type, and asks the bus for a run where
//! nobody else does. A worker of Odoo's waits meanwhile, and whoever has changed something waits for that.

use tokio::time::{Duration, Instant};

use super::api::{Answer, Api, ONE_MORE};
use super::deadline::{Deadline, in_time};
use super::events;
use super::http::{self, HttpRequest, Refusal};
use super::secret;
use crate::api::hooks::{self as door, Opened};
use crate::api::query::Query;
use crate::api::route::Route;
use crate::config::{self, HooksConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::hooks;
use crate::mirror::database::Database;
use crate::specs::DataType;
use crate::sync::request::SyncRequest;

/// Longest that a hook is worked on. Odoo itself waits for one second; a mark that comes later still brings the
/// change in, and a function that starts anew needs a new connection first.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a connection has that was open before: it may have died while the function was frozen, without a word.
const FIRST_TRY: Duration = Duration::from_millis(1500);

/// What is left for taking the claim back where the bus does not answer.
const ROOM_TO_PUT_BACK: Duration = Duration::from_secs(1);

impl Api {
    /// Lets a webhook of Odoo's in: token, method, size, form; in that order, as for who has the key.
    pub(super) async fn open_hook(
        &mut self,
        request: &HttpRequest,
        route: &Route,
        name: &str,
    ) -> Result<&'static DataType, Refusal> {
        secret::read().await?;
        let config = HooksConfig::from_env()?;
        let spec = match door::open(&request.query, name, &config)? {
            Opened::Hook(spec) => spec,
            Opened::Nothing => return Err(stranger()),
            Opened::Closed(why) => {
                log_closed(&why);
                return Err(stranger());
            }
        };
        http::check_method(request, route.method())?;
        http::check_size(request)?;
        Query::parse(&request.query, route.parameters())?;
        door::check_body(&request.body)?;
        Ok(spec)
    }

    /// Marks the data type; the first of many hooks also asks the bus for a run.
    ///
    /// # Errors
    /// `config` where there is no bus or it does not take the request, and every `db_*`: after four seconds at most.
    pub(super) async fn take_hook(
        &mut self,
        spec: &'static DataType,
        deadline: Deadline,
    ) -> Result<Answer> {
        let until = (Instant::now() + PATIENCE).min(deadline.of_silence());
        let bus = config::event_bus()?;
        if self.note_hook(spec, until).await? {
            let event = events::requested(&SyncRequest::of_hook(spec.name));
            let room = until - ROOM_TO_PUT_BACK;
            let sent = self.publisher.send(&bus, event, ONE_MORE, room).await;
            if let Err(cause) = sent {
                self.ask(until, async |it| hooks::put_back(it, spec.name).await)
                    .await?;
                return Err(events::unsent(cause));
            }
        }
        Ok(Answer::accepted(
            format!("{} sync requested", spec.title),
            spec,
        ))
    }

    /// Whether the bus is to be asked. A connection that keeps silent is given up for a new one: Odoo does not
    /// call a second time.
    async fn note_hook(&mut self, spec: &'static DataType, until: Instant) -> Result<bool> {
        let claimed = &hooks::Claim::default();
        if self.database.is_some() {
            let soon = (Instant::now() + FIRST_TRY).min(until);
            let noting = self.ask(soon, async |it| hooks::note(it, spec.name, claimed).await);
            match noting.await {
                Err(error) if error.kind() == ErrorKind::DbUnreachable => {}
                noted => return noted,
            }
        }
        self.ask(until, async |it| hooks::note(it, spec.name, claimed).await)
            .await
    }

    /// Asks Postgres, and no longer than that. The next one is not to wait for a connection that failed.
    async fn ask<T>(
        &mut self,
        until: Instant,
        what: impl AsyncFnOnce(&mut Database) -> Result<T>,
    ) -> Result<T> {
        let asked = in_time(until, what(self.database()?)).await;
        if asked.is_err() {
            self.database = None;
        }
        asked
    }
}

/// The same whatever the reason. No 5xx, of which three would ring an alarm: anybody can call.
fn stranger() -> Refusal {
    let message = "the parameter \"token\" is missing or is not the token of this hook";
    Refusal::new(401, message)
}

/// What the caller is not told: his token may well be right, and it is the variable that lacks it.
fn log_closed(why: &Error) {
    let (code, remedy) = (why.kind().code(), why.kind().remedy());
    tracing::warn!(code, cause = why.chain(), remedy, "a hook is closed");
}
