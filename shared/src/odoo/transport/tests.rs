use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use super::*;
use crate::config::ProtocolChoice;
use crate::error::Retry;
use crate::odoo::scripted_server::{Reply, ScriptedServer, config_for, jsonrpc_login};
use crate::odoo::{Domain, OdooClient};

/// A server that lets the client in and then gives these replies, and its client.
async fn after_login(replies: impl IntoIterator<Item = Reply>) -> (ScriptedServer, OdooClient) {
    let server = ScriptedServer::start(jsonrpc_login().into_iter().chain(replies)).await;
    let client = OdooClient::new(&server.config()).expect("a client");
    client.connect().await.expect("let in");
    (server, client)
}

async fn count(client: &OdooClient) -> Result<u64> {
    client.search_count("product.product", &Domain::all()).await
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_counted() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"jsonrpc\"".to_vec();
    let unsized_cut = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"jsonrpc\"".to_vec();
    let half_head = b"HTTP/1.1 200 OK\r\ncontent-".to_vec();
    for (name, fault) in [
        ("503", Reply::page(503)),
        ("502 without a body", Reply::body(502, "", b"")),
        ("429", Reply::body(429, "retry-after: 0\r\n", b"slow down")),
        ("reset", Reply::Reset),
        ("closed", Reply::Last(Vec::new())),
        ("cut head", Reply::Last(half_head)),
        ("cut body", Reply::Last(cut)),
        ("cut JSON", Reply::Last(unsized_cut)),
        (
            "cut JSON of the right length",
            Reply::json(200, "{\"jsonrpc\": \"2.0\", \"res"),
        ),
        ("no body", Reply::body(200, "", b"")),
        (
            "lost race",
            Reply::fault("psycopg2.errors.SerializationFailure", ""),
        ),
        (
            "database down",
            Reply::fault("psycopg2.OperationalError", "Connection refused"),
        ),
    ] {
        let (server, client) = after_login([fault.clone(), fault, Reply::result("5")]).await;
        assert_eq!(count(&client).await.expect(name), 5, "{name}");
        let expected = Counters {
            requests: 5,
            retries: 2,
        };
        assert_eq!(client.counters(), expected, "{name}");
        assert_eq!(server.unused(), 0, "{name}");
    }
}

#[tokio::test]
async fn what_stays_is_asked_once() {
    let cases = [
        (Reply::page(200), ErrorKind::OdooUnreachable),
        (Reply::page(404), ErrorKind::OdooUnreachable),
        (Reply::json(200, "{}"), ErrorKind::OdooFault),
        (Reply::result("\"five\""), ErrorKind::OdooFault),
        (
            Reply::fault("odoo.exceptions.AccessDenied", "Access Denied"),
            ErrorKind::OdooAuth,
        ),
        (
            Reply::fault("odoo.exceptions.AccessError", "hidden"),
            ErrorKind::OdooAccess,
        ),
        (
            Reply::fault(
                "odoo.exceptions.UserError",
                "Object product.product doesn't exist",
            ),
            ErrorKind::OdooSchema,
        ),
        (
            Reply::body(429, "retry-after: 3600\r\n", b""),
            ErrorKind::OdooUnreachable,
        ),
    ];
    for (reply, kind) in cases {
        let (_server, client) = after_login([reply, Reply::result("5")]).await;
        let error = count(&client).await.expect_err("a fault");
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert_eq!(client.counters().retries, 0, "{}", error.chain());
    }
}

#[tokio::test]
async fn retries_end_and_the_last_error_is_told() {
    let (server, client) = after_login(std::iter::repeat_n(Reply::page(504), 5)).await;
    let error = count(&client).await.expect_err("always 504");
    assert_eq!(error.kind(), ErrorKind::OdooUnreachable);
    assert_eq!(client.counters().retries, 3);
    assert_eq!(server.unused(), 1);
}

#[tokio::test]
async fn silence_is_a_timeout_and_is_tried_again() {
    let replies = jsonrpc_login()
        .into_iter()
        .chain([Reply::Silence, Reply::result("5")]);
    let server = ScriptedServer::start(replies).await;
    let mut config = server.config();
    config.timeout = Duration::from_secs(1);
    let client = OdooClient::new(&config).expect("a client");
    assert_eq!(count(&client).await.expect("the second time"), 5);
    assert_eq!(client.counters().retries, 1);
    assert_eq!(server.unused(), 0);
}

#[tokio::test]
async fn a_closed_port_is_tried_again_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    drop(listener);
    let client = OdooClient::new(&config_for(&format!("http://{address}"))).expect("a client");
    let error = client.connect().await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::OdooUnreachable);
    assert_eq!(error.to_string(), "version: nothing listens at ODOO_URL");
    assert_eq!(client.counters().retries, 3);
}

#[tokio::test]
async fn a_host_without_an_address_is_named() {
    let client = OdooClient::new(&config_for("http://odoo.invalid")).expect("a client");
    let error = client.connect().await.expect_err("no such host");
    assert_eq!(
        error.to_string(),
        "version: the host in ODOO_URL has no address"
    );
    assert_eq!(client.counters().retries, 3);
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let (server, client) = after_login((0..5).map(|_| Reply::result("5"))).await;
    for _ in 0..5 {
        count(&client).await.expect("an answer");
    }
    let received = server.received();
    assert_eq!(received.len(), 7);
    assert!(received.iter().all(|request| request.connection == 1));
}

#[tokio::test]
async fn gzip_is_asked_for_and_unpacked() {
    let (server, client) = after_login([Reply::gzip(br#"{"result": 5}"#)]).await;
    assert_eq!(count(&client).await.expect("unpacked"), 5);
    assert!(
        server.received()[2]
            .headers
            .contains("accept-encoding: gzip")
    );
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_however_small_it_travels() {
    let bomb = Reply::gzip(&vec![b' '; LARGEST_BODY + 1]);
    let (_server, client) = after_login([bomb]).await;
    let error = count(&client).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::OdooFault);
    assert!(error.to_string().contains("SYNC_BATCH_SIZE"), "{error}");
    assert_eq!(client.counters().retries, 0);
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let elsewhere = "location: https://user:hunter2@login.example.com/web/login?token=hunter2\r\n";
    let (server, client) = after_login([
        Reply::body(301, elsewhere, b""),
        Reply::body(303, "location: /web/login\r\n", b""),
    ])
    .await;
    let error = count(&client).await.expect_err("redirected");
    assert_eq!(
        error.to_string(),
        "search_count of product.product: ODOO_URL redirects (status 301) to https://login.example.com"
    );
    let error = count(&client).await.expect_err("redirected");
    assert_eq!(
        error.to_string(),
        "search_count of product.product: ODOO_URL redirects (status 303) to another page"
    );
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn what_does_not_speak_http_is_asked_once() {
    let server = ScriptedServer::start([Reply::Last(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]).await;
    let client = OdooClient::new(&server.config()).expect("a client");
    let error = client.connect().await.expect_err("not HTTP");
    assert_eq!(
        error.to_string(),
        "version: what answers at ODOO_URL does not speak HTTP"
    );
    assert_eq!(client.counters().requests, 1);
}

/// Takes TLS connections with a certificate that nobody has signed.
fn self_signed_server() -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut tls = ServerConnection::new(config.clone()).expect("TLS");
            let _ = tls.complete_io(&mut stream);
        }
    });
    format!("https://{address}")
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_told_with_its_reason_and_not_tried_again() {
    let client = OdooClient::new(&config_for(&self_signed_server())).expect("a client");
    let error = client.connect().await.expect_err("untrusted");
    assert_eq!(error.kind(), ErrorKind::OdooUnreachable);
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(
        error.to_string(),
        "version: the TLS handshake with Odoo failed: the server's certificate is refused: \
         unable to get local issuer certificate"
    );
    assert_eq!(client.counters().requests, 1);
}

#[tokio::test]
async fn tls_to_a_port_that_speaks_plain_http_is_asked_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // Closing with bytes unread would reset the connection before they are seen.
            let _ = io::copy(&mut stream, &mut io::sink());
        }
    });
    let client = OdooClient::new(&config_for(&format!("https://{address}"))).expect("a client");
    let error = client.connect().await.expect_err("no TLS");
    assert_eq!(
        error.to_string(),
        "version: the TLS handshake with Odoo failed: what answers there does not speak TLS"
    );
    assert_eq!(client.counters().requests, 1);
}

#[tokio::test]
async fn a_connection_that_breaks_during_the_handshake_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(drop));
    let client = OdooClient::new(&config_for(&format!("https://{address}"))).expect("a client");
    let error = client.connect().await.expect_err("dropped");
    assert_eq!(error.kind(), ErrorKind::OdooUnreachable);
    assert_eq!(client.counters().retries, 3, "{}", error.chain());
}

#[tokio::test]
async fn no_secret_is_in_an_error_or_a_debug_text() {
    let server = ScriptedServer::start([Reply::page(404)]).await;
    let mut config = server.config();
    config.protocol = ProtocolChoice::Json2;
    config.url = server.url.replace("http://", "http://user:hunter2@");
    let client = OdooClient::new(&config).expect("a client");
    let refused = client.connect().await.expect_err("no JSON-2");
    config.url = "http://user:hunter2@odoo.invalid".to_owned();
    let nowhere = OdooClient::new(&config).expect("a client");
    let lost = nowhere.connect().await.expect_err("no such host");
    for text in [
        refused.chain(),
        format!("{refused:?}"),
        lost.chain(),
        format!("{lost:?}"),
        format!("{client:?}"),
        client.source_url(),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert_eq!(client.source_url(), server.url);
}
