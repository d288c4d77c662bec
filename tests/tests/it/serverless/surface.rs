//! Everything that `template.yaml` deploys, on this machine, with an Odoo, simulated or real, a
//! database of its own, and an ear on the bus.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_aws::{
    Aws, Bus, DeadLetters, Queue, Relay, RetryDelay, Rule, SandboxConfig, Sandboxes, Template,
    router_toml,
};
use odoo_sim::{OdooSim, Version};
use reqwest::Method;
use serde_json::{Value, json};
use shared::tls::http_client;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::{TestDatabase, variable};
use crate::support::wait_until;

/// The key of the routes.
pub(super) const KEY: &str = "schluessel-der-routen";

/// The running whole; all of it ends when this is dropped. `sim` is what is simulated of Odoo.
pub(super) struct Surface<S = OdooSim> {
    pub(super) sim: S,
    pub(super) odoo: Odoo,
    pub(super) database: TestDatabase,
    aws: Aws,
    bus: Bus,
    dead_letters_url: String,
    ear: Queue,
    heard: Mutex<Vec<Value>>,
    url: String,
    http: reqwest::Client,
    folder: TempDir,
    _relay: Relay,
    _sandboxes: Sandboxes,
    _watch: Child,
}

/// What differs from the usual.
#[derive(Default)]
pub(super) struct Settings {
    /// The limit of one invocation, in place of the template's.
    pub(super) timeout: Option<Duration>,
    /// More variables.
    pub(super) variables: Vec<(&'static str, &'static str)>,
    /// An empty secret and an empty bucket, as the demo has them. Their name is [`Surface::stack`].
    pub(super) is_demo: bool,
}

/// `template.yaml`.
pub(super) fn template() -> Template {
    let path = workspace().join("template.yaml");
    Template::read(&path).expect("template.yaml")
}

/// The server that plays AWS for all tests.
pub(super) fn aws() -> Aws {
    Aws::at(variable("TEST_AWS_URL")).expect("a client")
}

/// A name that no other test uses.
pub(super) fn fresh_name() -> String {
    format!("test-{}", Uuid::new_v4().simple())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where `cargo build` puts the workspace's binaries: two levels above this test's.
fn binaries() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.ancestors().nth(2).expect("target/debug").to_owned()
}

impl Surface {
    /// Starts it over a simulated Odoo 19 with 60 products and an empty mirror.
    pub(super) async fn open(settings: Settings) -> Self {
        let sim = simulator(Version::V19, 60).await;
        let odoo = Odoo::simulated(&sim).await;
        Self::over(odoo, sim, settings).await
    }
}

impl<S> Surface<S> {
    /// Starts it over this Odoo, with an empty mirror.
    pub(super) async fn over(odoo: Odoo, sim: S, settings: Settings) -> Self {
        let database = TestDatabase::create().await;
        let template = template();
        let aws = aws();
        let (bus, ear) = bus_with_ear(&aws, &template).await;

        let folder = tempfile::tempdir().expect("a folder");
        let (watch, url) = watch(&template, folder.path()).await;
        let mut variables = odoo.environment(&database.url);
        variables.insert("SYNC_API_KEY", KEY.to_owned());
        variables.insert("SYNC_EVENT_BUS", bus.name.clone());
        variables.extend(aws.variables());
        let dead_letters = DeadLetters::create(&aws, &bus.name, &template).await;
        let dead_letters = dead_letters.expect("queues");
        let dead_letters_url = dead_letters.pattern("products").expect("it has one");
        variables.insert("SYNC_DEAD_LETTERS_URL", dead_letters_url.clone());
        if settings.is_demo {
            let name = &bus.name;
            aws.create_secret(name, "{}").await.expect("a secret");
            aws.create_bucket(name).await.expect("a bucket");
            variables.insert("SYNC_SECRET_ID", name.clone());
            variables.insert("SYNC_BACKUP_BUCKET", name.clone());
        }
        for (name, value) in settings.variables {
            variables.insert(name, value.to_owned());
        }
        let config = SandboxConfig {
            binaries: binaries(),
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            url: url.clone(),
            concurrency: 2,
            timeout: settings.timeout,
            log: folder.path().join("functions.log"),
        };
        let sandboxes = Sandboxes::start(&template.functions, config).expect("sandboxes");
        let delay = RetryDelay(Duration::from_millis(50));
        let relay = Relay::start(&aws, &bus, dead_letters, &template, &url, delay);
        let relay = relay.expect("a relay");
        Self {
            sim,
            odoo,
            database,
            aws,
            bus,
            dead_letters_url,
            ear,
            heard: Mutex::default(),
            url,
            http: http_client().build().expect("a client"),
            folder,
            _relay: relay,
            _sandboxes: sandboxes,
            _watch: watch,
        }
    }

    /// Begins the names of all that this one has on the AWS that is shared.
    pub(super) fn stack(&self) -> &str {
        &self.bus.name
    }

    /// The variables that lead to that AWS.
    pub(super) fn aws_variables(&self) -> [(&'static str, String); 5] {
        self.aws.variables()
    }

    /// Where the dead-letter queues are, with `{dataType}` in place of a name.
    pub(super) fn dead_letters_url(&self) -> &str {
        &self.dead_letters_url
    }

    /// The event that lies in a data type's dead-letter queue; waits for one.
    pub(super) async fn dead_letter(&self, data_type: &str) -> Value {
        let url = self.dead_letters_url.replace("{dataType}", data_type);
        let body = json!({"QueueUrl": url, "WaitTimeSeconds": 10});
        let answer = self.aws.queues("ReceiveMessage", body).await;
        let answer = answer.expect("the queue answers");
        let text = answer["Messages"][0]["Body"].as_str();
        serde_json::from_str(text.expect("a message")).expect("an event")
    }

    /// Asks with the key; status and body.
    pub(super) async fn ask(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        self.ask_with(Some(KEY), method, path, body).await
    }

    /// Asks with this key or none.
    pub(super) async fn ask_with(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json");
            request = request.body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    /// Invokes a function as Lambda's own API does; status and answer.
    pub(super) async fn invoke(&self, function: &str, event: &Value) -> (u16, Value) {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        self.ask_with(None, Method::POST, &path, event).await
    }

    /// Puts `Sync Requested` on the bus.
    pub(super) async fn request(&self, detail: &Value) {
        self.put("odoo.sync", "Sync Requested", detail).await;
    }

    /// Puts an event on the bus.
    pub(super) async fn put(&self, source: &str, detail_type: &str, detail: &Value) {
        let entry = entry(&self.bus.name, source, detail_type, detail);
        self.aws.put_events(&[entry]).await.expect("it is taken");
    }

    /// Every event of this type that the bus has had.
    pub(super) async fn heard(&self, detail_type: &str) -> Vec<Value> {
        let mut heard = self.heard.lock().await;
        loop {
            let more = self.ear.take(&self.aws, 0).await.expect("a queue");
            if more.is_empty() {
                break;
            }
            heard.extend(more);
        }
        let of_type = heard
            .iter()
            .filter(|event| event["detail-type"] == detail_type);
        of_type.cloned().collect()
    }

    /// Waits until the bus has had so many events of this type; returns their details.
    pub(super) async fn details(&self, detail_type: &str, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} times {detail_type}"), async || {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.heard(detail_type).await.len() >= count
        })
        .await;
        let heard = self.heard(detail_type).await;
        heard
            .into_iter()
            .map(|event| event["detail"].clone())
            .collect()
    }

    /// Where the routes are, such as `http://127.0.0.1:9000`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The file that the functions log to.
    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.path().join("functions.log")
    }

    /// What the functions have logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).expect("a log")
    }
}

/// An entry of `PutEvents`.
pub(super) fn entry(bus: &str, source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "EventBusName": bus,
        "Source": source,
        "DetailType": detail_type,
        "Detail": detail.to_string(),
    })
}

/// The template's bus, with one more rule that lets everything through.
async fn bus_with_ear(aws: &Aws, template: &Template) -> (Bus, Queue) {
    let mut rules = template.rules.clone();
    rules.push(Rule {
        name: "Ear".to_owned(),
        pattern: json!({"source": [{"exists": true}]}),
        function: "the test".to_owned(),
    });
    let with_ear = Template {
        functions: template.functions.clone(),
        rules,
    };
    let mut bus = Bus::create(aws, &fresh_name(), &with_ear)
        .await
        .expect("a bus");
    let ear = bus.queues.pop().expect("the last rule's queue");
    (bus, ear)
}

/// Starts `cargo lambda watch` with the template's routes; returns where it listens.
async fn watch(template: &Template, folder: &Path) -> (Child, String) {
    let routes = folder.join("routes.toml");
    fs::write(&routes, router_toml(template)).expect("a file");
    let log = fs::File::create(folder.join("watch.log")).expect("a file");
    let port = free_port();
    let watch = Command::new(variable("TEST_CARGO_LAMBDA"))
        .current_dir(workspace())
        .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
        .args([
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port.to_string(),
        ])
        .arg("--global")
        .arg(&routes)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the file"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("cargo-lambda");
    wait_until("cargo lambda watch listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
    })
    .await;
    (watch, format!("http://127.0.0.1:{port}"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
