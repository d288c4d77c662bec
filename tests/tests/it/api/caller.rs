//! Somebody who asks `api` over HTTP.

use serde_json::Value;

use crate::http::event::{KEY, ask, request_to};
use crate::support::function::{Environment, Function};
use crate::support::shop::Shop;

/// A caller with the key, and the function that answers.
pub(crate) struct Caller {
    pub(crate) function: Function,
}

impl Caller {
    /// Starts `api` for a shop. It is told nothing of Odoo: only deep health asks for that.
    pub(crate) async fn of(shop: &Shop) -> Self {
        let database = shop.database.url.clone();
        Self::with(&[("SUPABASE_DB_URL", database)].into()).await
    }

    /// Starts `api` with these variables and the key.
    pub(crate) async fn with(environment: &Environment) -> Self {
        let mut environment = environment.clone();
        environment.insert("SYNC_API_KEY", KEY.to_owned());
        environment.insert("RUST_LOG", "trace".to_owned());
        Self {
            function: Function::start("api", &environment).await,
        }
    }

    /// The status and the body of an answer.
    pub(crate) async fn ask(&mut self, method: &str, target: &str) -> (u64, Value) {
        self.send(method, target, None).await
    }

    /// As [`Caller::ask`], with a body.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&str>,
    ) -> (u64, Value) {
        let bearer = format!("Bearer {KEY}");
        let event = request_to(method, target, Some(&bearer), body);
        ask(&mut self.function, &event).await
    }

    /// The `data` of an answer that must be 200.
    pub(crate) async fn get(&mut self, target: &str) -> Value {
        let (status, mut body) = self.ask("GET", target).await;
        assert_eq!(status, 200, "{target}: {body}");
        assert_eq!(body["success"], true);
        body["data"].take()
    }
}
