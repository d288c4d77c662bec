use serde_json::json;

use super::*;
use crate::odoo::OdooClient;
use crate::odoo::scripted_server::{Reply, ScriptedServer, jsonrpc_login};

const VERSION: &str = r#"{"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}"#;
const REFUSED_KEY: &str =
    r#"{"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}"#;

async fn connect(server: &ScriptedServer, protocol: ProtocolChoice) -> Result<Connected> {
    let mut config = server.config();
    config.protocol = protocol;
    OdooClient::new(&config)?.connect().await
}

#[test]
fn the_major_version_is_the_first_number() {
    let cases = [
        ("14.0-20231122", Some(14)),
        ("saas~18.3", Some(18)),
        ("19.0+e", Some(19)),
        ("20", Some(20)),
        ("99999999999.0", None),
        ("master", None),
    ];
    for (version, expected) in cases {
        assert_eq!(major_version(version), expected, "{version}");
    }
}

#[tokio::test]
async fn auto_takes_json_2_where_the_server_has_it_and_takes_the_key() {
    let server = ScriptedServer::start([
        Reply::json(200, VERSION),
        Reply::json(200, r#"{"lang": "en_US", "tz": false, "uid": 2}"#),
    ])
    .await;
    let connected = connect(&server, ProtocolChoice::Auto)
        .await
        .expect("let in");
    assert_eq!(
        connected,
        Connected {
            protocol: Protocol::Json2,
            server_version: "19.0".to_owned(),
            uid: Some(2),
        }
    );
    let requests = server.received();
    assert_eq!(
        server.lines(),
        ["GET /web/version", "POST /json/2/res.users/context_get"]
    );
    assert!(!requests[0].headers.contains("hunter2"));
    assert!(
        requests[1]
            .headers
            .contains("authorization: bearer hunter2\r\n")
    );
    assert!(requests[1].headers.contains("x-odoo-database: shop\r\n"));
}

#[tokio::test]
async fn auto_takes_json_rpc_where_the_server_has_no_json_2() {
    for no_json_2 in [
        Reply::page(404),
        Reply::page(200),
        Reply::json(404, "{}"),
        Reply::json(200, "[]"),
        Reply::body(303, "location: /web/login\r\n", b""),
    ] {
        let [version, login] = jsonrpc_login();
        let server = ScriptedServer::start([no_json_2, version, login]).await;
        let connected = connect(&server, ProtocolChoice::Auto)
            .await
            .expect("let in");
        assert_eq!(
            connected,
            Connected {
                protocol: Protocol::JsonRpc,
                server_version: "14.0-20231122".to_owned(),
                uid: Some(7),
            }
        );
        let requests = server.received();
        assert_eq!(
            server.lines(),
            ["GET /web/version", "POST /jsonrpc", "POST /jsonrpc"]
        );
        assert_eq!(requests[1].body["params"]["method"], "version");
        assert_eq!(requests[2].body["params"]["method"], "authenticate");
        assert_eq!(*requests[2].args(), json!(["shop", "sync", "hunter2", {}]));
    }
}

#[tokio::test]
async fn auto_takes_json_rpc_where_the_key_is_a_password() {
    let server = ScriptedServer::start([
        Reply::json(200, VERSION),
        Reply::json(401, REFUSED_KEY),
        Reply::result("7"),
    ])
    .await;
    let connected = connect(&server, ProtocolChoice::Auto)
        .await
        .expect("let in");
    assert_eq!(connected.protocol, Protocol::JsonRpc);
    assert_eq!(connected.server_version, "19.0");
    assert_eq!(connected.uid, Some(7));
}

#[tokio::test]
async fn a_password_that_cannot_stand_in_a_header_is_not_tried_as_a_key() {
    let server = ScriptedServer::start([Reply::json(200, VERSION), Reply::result("7")]).await;
    let mut config = server.config();
    config.protocol = ProtocolChoice::Auto;
    config.password = "hunter2\n".into();
    let client = OdooClient::new(&config).expect("a client");
    let connected = client.connect().await.expect("let in");
    assert_eq!(connected.protocol, Protocol::JsonRpc);
    assert_eq!(server.lines(), ["GET /web/version", "POST /jsonrpc"]);
}

#[tokio::test]
async fn json_2_alone_says_where_there_is_none_or_the_key_is_wrong() {
    let server = ScriptedServer::start([Reply::page(404)]).await;
    let error = connect(&server, ProtocolChoice::Json2)
        .await
        .expect_err("Odoo 14");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("ODOO_PROTOCOL"), "{error}");

    let server =
        ScriptedServer::start([Reply::json(200, VERSION), Reply::json(401, REFUSED_KEY)]).await;
    let error = connect(&server, ProtocolChoice::Json2)
        .await
        .expect_err("a password");
    assert_eq!(error.kind(), ErrorKind::OdooAuth);
    assert_eq!(server.received().len(), 2, "no second try");
}

#[tokio::test]
async fn json_rpc_alone_does_not_ask_for_json_2() {
    let server = ScriptedServer::start(jsonrpc_login()).await;
    connect(&server, ProtocolChoice::JsonRpc)
        .await
        .expect("let in");
    assert_eq!(server.lines(), ["POST /jsonrpc", "POST /jsonrpc"]);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let [version, _] = jsonrpc_login();
    let server = ScriptedServer::start([version, Reply::result("false")]).await;
    let error = connect(&server, ProtocolChoice::JsonRpc)
        .await
        .expect_err("wrong");
    assert_eq!(error.kind(), ErrorKind::OdooAuth);
    assert_eq!(error.retry(), Retry::Never);
    assert!(!error.chain().contains("hunter2"));
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_wrong_database_is_named_as_such_on_both_protocols() {
    let unknown = Reply::fault(
        "psycopg2.OperationalError",
        "FATAL:  database \"shop\" does not exist\n",
    );
    let server =
        ScriptedServer::start([Reply::json(200, VERSION), Reply::page(404), unknown]).await;
    let error = connect(&server, ProtocolChoice::Auto)
        .await
        .expect_err("no such database");
    assert_eq!(error.kind(), ErrorKind::OdooAuth);
    assert!(error.to_string().contains("ODOO_DB"), "{error}");
    assert_eq!(server.received().len(), 3, "nothing is tried twice");
}

#[tokio::test]
async fn json_2_alone_names_a_database_that_odoo_does_not_open() {
    let server = ScriptedServer::start([Reply::json(200, VERSION), Reply::page(404)]).await;
    let error = connect(&server, ProtocolChoice::Json2)
        .await
        .expect_err("no such database");
    assert_eq!(error.kind(), ErrorKind::OdooAuth);
    assert!(error.to_string().contains("ODOO_DB"), "{error}");
}

#[tokio::test]
async fn where_json_rpc_is_gone_what_json_2_said_is_the_reason() {
    let server = ScriptedServer::start([
        Reply::json(200, VERSION),
        Reply::json(401, REFUSED_KEY),
        Reply::page(404),
    ])
    .await;
    let error = connect(&server, ProtocolChoice::Auto)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::OdooAuth);
}

#[tokio::test]
async fn where_json_rpc_is_only_away_that_is_told() {
    let away = std::iter::repeat_n(Reply::page(503), 4);
    let refused = [Reply::json(200, VERSION), Reply::json(401, REFUSED_KEY)];
    let server = ScriptedServer::start(refused.into_iter().chain(away)).await;
    let error = connect(&server, ProtocolChoice::Auto)
        .await
        .expect_err("away");
    assert_eq!(error.kind(), ErrorKind::OdooUnreachable);
    assert_eq!(error.retry(), Retry::Backoff);
}

#[tokio::test]
async fn a_probe_that_fails_in_passing_is_made_again() {
    let server = ScriptedServer::start([
        Reply::page(503),
        Reply::json(200, VERSION),
        Reply::page(502),
        Reply::json(200, "{}"),
    ])
    .await;
    let connected = connect(&server, ProtocolChoice::Auto)
        .await
        .expect("let in");
    assert_eq!(connected.protocol, Protocol::Json2);
    assert_eq!(connected.uid, None);
}

#[tokio::test]
async fn tasks_that_ask_at_once_share_one_login_and_a_failed_one_is_made_again() {
    let [version, login] = jsonrpc_login();
    let [again, _] = jsonrpc_login();
    let server = ScriptedServer::start([version, Reply::result("false"), again, login]).await;
    let client = OdooClient::new(&server.config()).expect("a client");
    client.connect().await.expect_err("refused");
    let (one, two) = tokio::join!(client.connect(), client.connect());
    assert_eq!(one.expect("let in"), two.expect("let in"));
    assert_eq!(server.received().len(), 4);
}
