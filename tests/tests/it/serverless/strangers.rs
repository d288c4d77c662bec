//! Whatever is sent to the served routes, no answer is a bug of ours.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::surface::{KEY, Settings, Surface};
use crate::openapi::document::DOCUMENT;
use crate::support::postgres::variable;

/// For every data type: one without a token answers 503, which says that something is missing.
const HOOK_TOKENS: &str = r#"{"categories": "a token of the hook", "products": "a token of the hook",
    "purchases": "a token of the hook", "sales": "a token of the hook",
    "transfers": "a token of the hook", "warehouses": "a token of the hook"}"#;

/// schemathesis reads docs/openapi.yaml and sends what it allows and what it does not, with
/// and without the key. No answer is other than described.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_the_answer_is_as_described() {
    let surface = Surface::open(Settings {
        variables: vec![("SYNC_HOOK_TOKENS", HOOK_TOKENS)],
        ..Settings::default()
    })
    .await;
    // It keeps what it has found in the folder that it runs in.
    let folder = tempfile::tempdir().expect("a folder");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours = tests.join("tests/it/serverless");
    for bearer in [Some(format!("Bearer {KEY}")), None] {
        let mut command = Command::new(variable("TEST_SCHEMATHESIS"));
        command
            .arg("--config-file")
            .arg(ours.join("schemathesis.toml"))
            .arg("run")
            .arg(tests.join("../docs/openapi.yaml"))
            .args(["--url", surface.url()])
            .env("SCHEMATHESIS_HOOKS", ours.join("schemathesis_hooks.py"))
            // Python would keep a translation of it beside it.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(bearer) = &bearer {
            command.args(["--header", &format!("Authorization: {bearer}")]);
        }
        let output = command.output().await.expect("schemathesis runs");
        assert!(
            output.status.success(),
            "with a key: {}\n{}\n{}\n{}",
            bearer.is_some(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            surface.log()
        );
    }
}

/// Sends a request byte for byte: a client of its own kind would tidy the path. Returns the
/// status and the body.
async fn send(surface: &Surface, head: &str, headers: &str, body: &str) -> (u64, String) {
    let address = surface.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    // It may stop reading before the end, and then its answer is what counts.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status.unwrap_or_default(), body.to_owned())
}

fn assert_refusal(what: &str, body: &str) {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{what}: {body}"));
    let schema = serde_json::json!({"$ref": "#/components/schemas/BadRequest"});
    assert_eq!(DOCUMENT.errors(&schema, &body), [""; 0], "{what}: {body}");
}

fn key() -> String {
    format!("authorization: Bearer {KEY}\r\n")
}

#[tokio::test]
async fn a_path_with_a_trick_in_it_leads_nowhere() {
    let surface = Surface::open(Settings::default()).await;
    surface.sim.reset_requests();
    for (path, expected) in [
        ("/api/sync/products/../reset", 404),
        ("/api/sync/products/../all", 404),
        ("/api/sync/products/..%2freset%2fproducts", 404),
        ("/api/sync/x/%2e%2e/all", 404),
        ("/api/sync/./all", 404),
        ("/api/sync/all/", 404),
        ("/api/sync//all", 404),
        ("//api/sync/all", 404),
        ("/API/sync/all", 404),
        ("/api%2fsync%2fall", 404),
        ("/api/sync/%ff", 404),
        ("/api/sync/reset/%ff", 404),
        ("/", 404),
        // One segment is a name, which no data type has.
        ("/api/sync/..%2freset", 400),
        ("/api/sync/products%00", 400),
        ("/api/sync/products;x", 400),
    ] {
        let head = format!("POST {path}");
        let (status, body) = send(&surface, &head, &key(), "").await;
        assert_eq!(status, expected, "{path}: {body}\n{}", surface.log());
        assert_refusal(path, &body);
    }
    assert_nothing_ran(&surface).await;
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_the_next_one_is_answered() {
    let surface = Surface::open(Settings::default()).await;
    surface.sim.reset_requests();
    let post = "POST /api/sync/products";
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let large = " ".repeat(64 * 1024 + 1);
    let oversized = format!("authorization: Bearer {}\r\n", "x".repeat(8000));
    for (head, headers, body, expected) in [
        (post, key(), "{", 400),
        (post, key(), deep.as_str(), 400),
        (post, key(), r#"{"modus": "full"}"#, 400),
        (post, key(), r#"{"mode": 7}"#, 400),
        ("POST /api/sync/products?mode=full", key(), "", 400),
        ("POST /api/sync/produkte", key(), "{}", 400),
        (post, key(), large.as_str(), 413),
        (post, String::new(), "{}", 401),
        (post, "authorization: Bearer wrong\r\n".to_owned(), "", 401),
        (post, oversized, "", 401),
        (post, key() + &flood(90), "{", 400),
        ("GET /api/sync/products", key(), "", 405),
        ("DELETE /api/sync/status", key(), "", 405),
        ("PUT /api/sync/all", key(), "", 405),
        ("TRACE /api/sync/all", key(), "", 405),
    ] {
        let what = format!("{head} {headers:.40} {body:.20}");
        let (status, body) = send(&surface, head, &headers, body).await;
        assert_eq!(status, expected, "{what}: {body}\n{}", surface.log());
        assert_refusal(&what, &body);
    }
    // More than a server in front lets through: its own refusal, in its own words.
    for headers in [
        flood(10_000),
        format!("authorization: Bearer {}\r\n", "x".repeat(1_000_000)),
    ] {
        let (status, body) = send(&surface, post, &headers, "").await;
        assert!((400..500).contains(&status), "{status} {body}");
    }
    assert_nothing_ran(&surface).await;
    let (status, body) = send(&surface, post, &key(), "{}").await;
    assert_eq!(status, 200, "{body}");
}

/// So many headers.
fn flood(count: usize) -> String {
    let header = |number| format!("x-{number}: {}\r\n", "y".repeat(80));
    (0..count).map(header).collect()
}

async fn assert_nothing_ran(surface: &Surface) {
    let query =
        "select (select count(*) from odoo.sync_runs) + (select count(*) from odoo.sync_batches)";
    let row = surface.database.client.query_one(query, &[]).await;
    assert_eq!(row.expect("tables").get::<_, i64>(0), 0);
    assert_eq!(surface.sim.requests().len(), 0, "nothing was asked of Odoo");
}
