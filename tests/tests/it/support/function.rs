//! The real function as Lambda runs it: its binary as a process of its own, under a
//! Runtime API of the test's (AWS Lambda's HTTP interface of 2018-06-01).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// Longest that a test waits for one invocation.
const LIMIT: Duration = Duration::from_secs(120);
/// Lambda's longest invocation.
const LONGEST: Duration = Duration::from_secs(900);

/// Variables of a function.
pub(crate) type Environment = BTreeMap<&'static str, String>;

/// What came of an invocation.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The function's answer.
    Response(Value),
    /// What it reported as an error of its own.
    Error(Value),
    /// The process is gone without a word.
    Died,
}

/// A running function. It is killed when this is dropped.
pub(crate) struct Function {
    child: Child,
    events: mpsc::UnboundedSender<Event>,
    answers: mpsc::UnboundedReceiver<Answer>,
    server: JoinHandle<()>,
    readers: Vec<JoinHandle<()>>,
    log: Arc<Mutex<String>>,
}

/// An event's text, and how long its invocation may take.
type Event = (String, Duration);

struct Runtime {
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl Function {
    /// Starts the binary `name` with these variables and no others.
    pub(crate) async fn start(name: &str, environment: &Environment) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (sender, answers) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            events: Mutex::new(receiver),
            answers: sender,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(runtime);
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        let mut child = Command::new(binary(name))
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            collect(child.stdout.take().expect("a pipe"), Arc::clone(&log)),
            collect(child.stderr.take().expect("a pipe"), Arc::clone(&log)),
        ];
        Self {
            child,
            events,
            answers,
            server,
            readers,
            log,
        }
    }

    /// Sends an event and waits for what comes of it.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Answer {
        self.send(event);
        self.answer().await
    }

    /// As [`Function::invoke`], for an event that must be answered.
    pub(crate) async fn call(&mut self, event: &Value) -> Value {
        self.send(event);
        self.answered().await
    }

    /// Sends an event.
    pub(crate) fn send(&self, event: &Value) {
        self.send_text(event.to_string());
    }

    /// Sends an event as this text.
    pub(crate) fn send_text(&self, event: String) {
        let sent = self.events.send((event, LONGEST));
        sent.expect("the Runtime API runs");
    }

    /// Sends an event to an invocation that Lambda would end after this time.
    pub(crate) fn send_with_deadline(&self, event: &Value, time: Duration) {
        let sent = self.events.send((event.to_string(), time));
        sent.expect("the Runtime API runs");
    }

    /// Waits for what comes of the event that was sent.
    pub(crate) async fn answer(&mut self) -> Answer {
        let waited = tokio::time::timeout(LIMIT, async {
            tokio::select! {
                biased;
                answer = self.answers.recv() => answer.unwrap_or(Answer::Died),
                _ = self.child.wait() => Answer::Died,
            }
        });
        waited.await.unwrap_or_else(|_| panic!("no answer in time"))
    }

    /// As [`Function::answer`], for an event that must be answered.
    pub(crate) async fn answered(&mut self) -> Value {
        match self.answer().await {
            Answer::Response(value) => value,
            Answer::Error(error) => panic!("an error: {error}; log:\n{}", self.log().await),
            Answer::Died => panic!("it died; log:\n{}", self.log().await),
        }
    }

    /// Kills the process, as a machine that vanishes would.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("a process");
    }

    /// The most memory that the process ever had resident, in bytes, as the kernel tells it.
    pub(crate) fn peak_memory(&self) -> u64 {
        let process = self.child.id().expect("a process");
        let status = std::fs::read_to_string(format!("/proc/{process}/status"));
        let status = status.expect("the process's state");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes.expect("a size").trim().parse().expect("a number");
        kilobytes * 1024
    }

    /// Stops the process where it is, as Lambda does between invocations.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok());
        // One that has ended by itself needs no signal.
        if let Some(process) = process.and_then(Pid::from_raw) {
            let _ = kill_process(process, signal);
        }
    }

    /// Kills the process and returns all that it has printed, to the last byte.
    pub(crate) async fn end(&mut self) -> String {
        self.kill().await;
        for reader in self.readers.drain(..) {
            reader.await.expect("the pipe is read");
        }
        self.log().await
    }

    /// Everything it has printed so far.
    pub(crate) async fn log(&self) -> String {
        self.log.lock().await.clone()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Where `cargo build` puts the workspace's binaries: two levels above this test's.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let folder = test.ancestors().nth(2).expect("target/debug");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{name} is not built: run the tests with `cargo xtask test`"
    );
    path
}

/// Adds each line to the log as it comes; lines of two pipes never mix.
fn collect(
    from: impl tokio::io::AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<String>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let mut log = log.lock().await;
            log.push_str(&String::from_utf8_lossy(&line));
            log.push('\n');
        }
    })
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some((event, time)) = runtime.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
        + time;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "1".to_owned()),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:test".to_owned(),
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(&value).expect("plain text"),
        );
    }
    (headers, event).into_response()
}

async fn answered(
    State(runtime): State<Arc<Runtime>>,
    Path((_, kind)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let value = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let answer = match kind.as_str() {
        "response" => Answer::Response(value),
        _ => Answer::Error(value),
    };
    // Nobody listens once the test has what it waited for.
    let _ = runtime.answers.send(answer);
    StatusCode::ACCEPTED
}
