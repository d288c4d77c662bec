//! The rules in moto, each with an address of the test's as its target. moto calls it with an
//! empty body, so only that and how often it is called can be seen.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use local_aws::Aws;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::transformer::{Target, target, template};
use crate::support::postgres::variable;
use crate::support::wait_until;

/// Always called at last, so that whoever waits for it has waited for all.
const SENTINEL: &str = "sentinel";

type Called = Arc<Mutex<Vec<String>>>;

pub(super) struct Mailbox {
    aws: Aws,
    bus: String,
    called: Called,
    server: JoinHandle<()>,
}

impl Mailbox {
    /// Sets the rules up on a bus of their own, with an address each that ends with its word.
    pub(super) async fn open(rules: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let called = Called::default();
        let app = Router::new().fallback(note).with_state(Arc::clone(&called));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        let mailbox = Self {
            aws: Aws::at(variable("TEST_AWS_URL")).expect("a client"),
            bus: format!("test-{}", Uuid::new_v4().simple()),
            called,
            server,
        };
        mailbox
            .ask("CreateEventBus", json!({"Name": mailbox.bus}))
            .await;
        let template = template();
        for (rule, word) in rules {
            let pattern = &template["Resources"][rule]["Properties"]["EventPattern"];
            let pattern = pattern
                .to_string()
                .replace("${AWS::Partition}", "aws")
                .replace("${AWS::Region}", "eu-central-1")
                .replace("${AWS::AccountId}", "123456789012")
                .replace(":function:shop-", ":function:local-");
            let slack = target(rule, Target::Slack);
            let transformer = slack["InputTransformer"].clone();
            mailbox
                .add(word, &pattern, &format!("{url}/{word}"), transformer)
                .await;
        }
        let pattern = json!({"source": [SENTINEL]}).to_string();
        let address = format!("{url}/{SENTINEL}");
        mailbox.add(SENTINEL, &pattern, &address, Value::Null).await;
        mailbox
    }

    async fn ask(&self, action: &str, body: Value) -> Value {
        let answer = self.aws.events(action, body).await;
        answer.unwrap_or_else(|error| panic!("{action}: {error:#}"))
    }

    async fn add(&self, rule: &str, pattern: &str, url: &str, transformer: Value) {
        let name = format!("{}-{rule}", self.bus);
        let body = json!({
            "Name": name,
            "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Sent-By", "ApiKeyValue": "shop"}},
        });
        let connection = self.ask("CreateConnection", body).await;
        let body = json!({
            "Name": name,
            "ConnectionArn": connection["ConnectionArn"],
            "InvocationEndpoint": url,
            "HttpMethod": "POST",
            "InvocationRateLimitPerSecond": 1,
        });
        let destination = self.ask("CreateApiDestination", body).await;
        let body = json!({"Name": name, "EventBusName": self.bus, "EventPattern": pattern});
        self.ask("PutRule", body).await;
        let mut target = json!({"Id": rule, "Arn": destination["ApiDestinationArn"]});
        if !transformer.is_null() {
            target["InputTransformer"] = transformer;
        }
        let body = json!({"Rule": name, "EventBusName": self.bus, "Targets": [target]});
        self.ask("PutTargets", body).await;
    }

    /// Puts an event on the bus.
    pub(super) async fn send(&self, source: &str, kind: &str, detail: &Value) {
        let entry = json!({
            "EventBusName": self.bus,
            "Source": source,
            "DetailType": kind,
            "Detail": detail.to_string(),
        });
        self.aws.put_events(&[entry]).await.expect("it is taken");
    }

    /// By now these addresses have been called, so often each, and no other.
    pub(super) async fn assert_called(&self, expected: &[&str]) {
        let before = self.count(SENTINEL);
        self.send(SENTINEL, SENTINEL, &json!({})).await;
        wait_until("the last address is called", async || {
            self.count(SENTINEL) > before
        })
        .await;
        let mut called = self.called.lock().expect("no test panics with it").clone();
        called.retain(|word| word != SENTINEL);
        called.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(called, expected);
    }

    fn count(&self, word: &str) -> usize {
        let called = self.called.lock().expect("no test panics with it");
        called.iter().filter(|it| *it == word).count()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn note(State(called): State<Called>, uri: Uri) {
    let word = uri.path().trim_start_matches('/').to_owned();
    called.lock().expect("no test panics with it").push(word);
}
