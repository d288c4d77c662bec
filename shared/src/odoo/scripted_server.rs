//! An HTTP server for tests that gives prepared replies in order and notes what it was asked.
//!
//! It writes bytes, not HTTP through a library, because what is tested is how the client takes
//! bytes that no library would send: cut bodies, resets, silence.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{OdooConfig, ProtocolChoice, RetryConfig};

/// What the server does with one request.
#[derive(Clone)]
pub(super) enum Reply {
    /// Sends these bytes and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes the connection in good order.
    Last(Vec<u8>),
    /// Breaks the connection off.
    Reset,
    /// Never answers.
    Silence,
}

impl Reply {
    /// A JSON body with the length it has.
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::body(
            status,
            "content-type: application/json\r\n",
            body.as_bytes(),
        )
    }

    /// A web page.
    pub(super) fn page(status: u16) -> Self {
        let body = b"<!DOCTYPE html><html><body>Hello</body></html>";
        Self::body(status, "content-type: text/html\r\n", body)
    }

    /// Any body under any headers, each of which ends with `\r\n`.
    pub(super) fn body(status: u16, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let mut bytes =
            format!("HTTP/1.1 {status} Test\r\n{headers}content-length: {length}\r\n\r\n")
                .into_bytes();
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }

    /// A JSON-RPC result.
    pub(super) fn result(result: &str) -> Self {
        let body = format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {result}}}"#);
        Self::json(200, &body)
    }

    /// A JSON-RPC fault, with a `debug` text that nobody may ever repeat.
    pub(super) fn fault(name: &str, message: &str) -> Self {
        let error = json!({
            "code": 200,
            "message": "Odoo Server Error",
            "data": {"name": name, "message": message, "arguments": [message], "debug": "TRACEBACK"},
        });
        let body = json!({"jsonrpc": "2.0", "id": 1, "error": error});
        Self::json(200, &body.to_string())
    }

    /// A gzipped JSON body.
    pub(super) fn gzip(body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).expect("memory takes all bytes");
        let packed = encoder.finish().expect("memory takes all bytes");
        Self::body(200, "content-encoding: gzip\r\n", &packed)
    }
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// Such as `POST /jsonrpc`.
    pub(super) line: String,
    /// All header lines, in lower case.
    pub(super) headers: String,
    /// The body; `null` where it is empty.
    pub(super) body: Value,
    /// The how-manieth connection it came through.
    pub(super) connection: usize,
}

impl Received {
    /// The arguments of a JSON-RPC call.
    pub(super) fn args(&self) -> &Value {
        &self.body["params"]["args"]
    }
}

/// The server. It is gone with the test's runtime.
pub(super) struct ScriptedServer {
    pub(super) url: String,
    state: Arc<State>,
}

struct State {
    replies: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
}

impl ScriptedServer {
    /// Listens on a free port and answers with `replies`, in order, whatever the connection.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let state = Arc::new(State {
            replies: Mutex::new(replies.into_iter().collect()),
            received: Mutex::new(Vec::new()),
        });
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            url: format!("http://{address}"),
            state,
        }
    }

    /// Settings of a client for this server: JSON-RPC, three retries at once.
    pub(super) fn config(&self) -> OdooConfig {
        config_for(&self.url)
    }

    /// All requests so far.
    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// Their first lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let received = self.received();
        received.into_iter().map(|request| request.line).collect()
    }

    /// How many replies have not been asked for.
    pub(super) fn unused(&self) -> usize {
        lock(&self.state.replies).len()
    }
}

/// As [`ScriptedServer::config`], for any address.
pub(super) fn config_for(url: &str) -> OdooConfig {
    OdooConfig {
        url: url.to_owned(),
        database: "shop".to_owned(),
        user: "sync".to_owned(),
        password: "hunter2".into(),
        protocol: ProtocolChoice::JsonRpc,
        lang: "en_US".to_owned(),
        company_id: None,
        timeout: Duration::from_secs(20),
        max_requests_per_second: None,
        retry: RetryConfig {
            max_retries: 3,
            delay: Duration::from_millis(1),
        },
    }
}

/// What a JSON-RPC session begins with: the version and the login.
pub(super) fn jsonrpc_login() -> [Reply; 2] {
    [
        Reply::result(r#"{"server_version": "14.0-20231122"}"#),
        Reply::result("7"),
    ]
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connection = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connection += 1;
        tokio::spawn(serve(stream, connection, Arc::clone(&state)));
    }
}

async fn serve(mut stream: TcpStream, connection: usize, state: Arc<State>) {
    while let Some(request) = receive(&mut stream, connection).await {
        lock(&state.received).push(request);
        let reply = lock(&state.replies).pop_front();
        match reply.unwrap_or_else(|| Reply::json(500, "\"the script is over\"")) {
            Reply::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Last(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().expect("a TCP socket");
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// Reads one request; `None` at the end of the connection.
async fn receive(stream: &mut TcpStream, connection: usize) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let (line, headers) = head.split_once("\r\n")?;
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|header| header.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        connection,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
