use super::*;
use crate::config::ProtocolChoice;
use crate::error::{ErrorKind, Retry};
use crate::odoo::scripted_server::{Received, Reply, ScriptedServer, jsonrpc_login};

const MODEL: &str = "product.product";

/// A client that has logged in by JSON-RPC, with these replies to come.
async fn jsonrpc(replies: impl IntoIterator<Item = Reply>) -> (ScriptedServer, OdooClient) {
    let server = ScriptedServer::start(jsonrpc_login().into_iter().chain(replies)).await;
    let client = OdooClient::new(&server.config()).expect("a client");
    client.connect().await.expect("let in");
    (server, client)
}

/// A client that has logged in by JSON-2, for company 3 and in French, with these replies to come.
async fn json2(replies: impl IntoIterator<Item = Reply>) -> (ScriptedServer, OdooClient) {
    let login = [
        Reply::json(200, r#"{"version": "19.0"}"#),
        Reply::json(200, r#"{"uid": 2}"#),
    ];
    let server = ScriptedServer::start(login.into_iter().chain(replies)).await;
    let mut config = server.config();
    config.protocol = ProtocolChoice::Json2;
    config.lang = "fr_FR".to_owned();
    config.company_id = Some(3);
    let client = OdooClient::new(&config).expect("a client");
    client.connect().await.expect("let in");
    (server, client)
}

fn last(server: &ScriptedServer) -> Received {
    server.received().pop().expect("a request")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[tokio::test]
async fn json_rpc_carries_credentials_and_arguments_by_position() {
    let (server, client) = jsonrpc([Reply::result("[3,5000000000]")]).await;
    let domain = Domain::all().id_after(2);
    let ids = client.search(MODEL, &domain, Some(2)).await.expect("ids");
    assert_eq!(ids, [3, 5_000_000_000]);
    let request = last(&server);
    assert_eq!(request.body["jsonrpc"], "2.0");
    assert_eq!(request.body["method"], "call");
    assert_eq!(request.body["params"]["service"], "object");
    assert_eq!(request.body["params"]["method"], "execute_kw");
    assert_eq!(
        *request.args(),
        json!([
            "shop", 7, "hunter2", MODEL, "search", [[["id", ">", 2]]],
            {"order": "id", "limit": 2, "context": {"active_test": false, "lang": "en_US"}}
        ])
    );
}

#[tokio::test]
async fn json_2_carries_the_key_in_the_header_and_arguments_by_name() {
    let (server, client) = json2([Reply::json(200, "[3]")]).await;
    let ids = client
        .search(MODEL, &Domain::all(), None)
        .await
        .expect("ids");
    assert_eq!(ids, [3]);
    let request = last(&server);
    assert_eq!(request.line, "POST /json/2/product.product/search");
    assert!(
        request
            .headers
            .contains("authorization: bearer hunter2\r\n")
    );
    assert!(request.headers.contains("x-odoo-database: shop\r\n"));
    assert!(
        request
            .headers
            .contains("content-type: application/json\r\n")
    );
    assert_eq!(
        request.body,
        json!({
            "domain": [],
            "order": "id",
            "context": {"active_test": false, "lang": "fr_FR", "allowed_company_ids": [3]},
        })
    );
}

#[tokio::test]
async fn records_are_read_by_id_without_names_and_stay_text() {
    let rows = r#"[{"id": 1, "list_price": 1e-07, "weight": 12.340, "name": "NaN\u00e9"}]"#;
    let fields = ["list_price".to_owned(), "weight".to_owned()];

    let (server, client) = jsonrpc([Reply::result(rows)]).await;
    let records = client.read(MODEL, &[1, 2], &fields).await.expect("records");
    assert_eq!(records.json(), rows);
    let request = last(&server);
    assert_eq!(request.args()[4], "read");
    assert_eq!(request.args()[5], json!([[1, 2]]));
    assert_eq!(request.args()[6]["fields"], json!(fields));
    assert_eq!(request.args()[6].get("load"), Some(&Value::Null));

    let (server, client) = json2([Reply::json(200, rows)]).await;
    let records = client.read(MODEL, &[1, 2], &fields).await.expect("records");
    assert_eq!(records.json(), rows);
    let request = last(&server);
    assert_eq!(request.body["ids"], json!([1, 2]));
    assert_eq!(request.body["fields"], json!(fields));
    assert_eq!(request.body.get("load"), Some(&Value::Null));
}

#[tokio::test]
async fn a_bare_nan_spoils_its_own_value_only() {
    let rows = r#"[{"id": 1, "price": NaN}, {"id": 2, "price": 2.50, "name": "\"NaN"}]"#;
    let mended = r#"[{"id": 1, "price": "NaN"}, {"id": 2, "price": 2.50, "name": "\"NaN"}]"#;
    let (_server, client) = jsonrpc([Reply::result(rows)]).await;
    let records = client.read(MODEL, &[1, 2], &[]).await.expect("records");
    assert_eq!(records.json(), mended);
    let (_server, client) = json2([Reply::json(200, rows)]).await;
    let records = client.read(MODEL, &[1, 2], &[]).await.expect("records");
    assert_eq!(records.json(), mended);
}

#[tokio::test]
async fn what_is_read_is_a_list_or_a_fault() {
    for result in ["{}", "false", "\"[]\""] {
        let (_server, client) = jsonrpc([Reply::result(result)]).await;
        let error = client.read(MODEL, &[1], &[]).await.expect_err("no list");
        assert_eq!(error.kind(), ErrorKind::OdooFault, "{result}");
    }
}

#[tokio::test]
async fn a_hidden_record_is_told_as_a_missing_right() {
    let (_server, client) = jsonrpc([Reply::fault(
        "odoo.exceptions.AccessError",
        "Sam may not read desk 4",
    )])
    .await;
    let error = client.read(MODEL, &[1], &[]).await.expect_err("hidden");
    assert_eq!(error.kind(), ErrorKind::OdooAccess);
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(
        error.chain(),
        "read of product.product: Odoo refuses access (odoo.exceptions.AccessError)"
    );
}

#[tokio::test]
async fn rows_are_not_in_a_debug_text() {
    let (_server, client) = jsonrpc([Reply::result(r#"[{"name": "secret"}]"#)]).await;
    let records = client.read(MODEL, &[1], &[]).await.expect("records");
    assert_eq!(format!("{records:?}"), "RawRecords(20 bytes)");
}

#[tokio::test]
async fn fields_come_with_their_types() {
    let fields =
        r#"{"id": {"type": "integer"}, "categ_id": {"type": "many2one", "name": "categ_id"}}"#;
    let (server, client) = jsonrpc([Reply::result(fields)]).await;
    let types = client.fields_get(MODEL).await.expect("fields");
    assert_eq!(types["id"], FieldType::Integer);
    assert_eq!(types["categ_id"], FieldType::Many2one);
    assert_eq!(types.len(), 2);
    assert_eq!(last(&server).args()[6]["attributes"], json!(["type"]));
}

#[tokio::test]
async fn the_newest_change_comes_with_odoo_s_own_clock() {
    let rows = r#"[{"id": 9, "write_date": "2024-05-01 13:37:00"}]"#;
    let dated = Reply::body(
        200,
        "date: Wed, 01 May 2024 14:00:00 GMT\r\n",
        rows.as_bytes(),
    );
    let (server, client) = json2([dated, Reply::json(200, "[]")]).await;
    let newest = client.newest_change(MODEL).await.expect("a time");
    assert_eq!(newest.at, Some(time("2024-05-01T13:37:00Z")));
    assert_eq!(newest.server_time, Some(time("2024-05-01T14:00:00Z")));
    let mut body = last(&server).body;
    body.as_object_mut().expect("an object").remove("context");
    assert_eq!(
        body,
        json!({
            "domain": [["write_date", "!=", false]],
            "fields": ["write_date"],
            "order": "write_date desc, id desc",
            "limit": 1,
        })
    );

    let nothing = client.newest_change(MODEL).await.expect("no time");
    assert_eq!((nothing.at, nothing.server_time), (None, None));
}

#[tokio::test]
async fn a_change_time_that_is_none_is_a_fault() {
    for rows in [
        r#"[{"id": 9, "write_date": "yesterday"}]"#,
        r#"[{"id": 9, "write_date": false}]"#,
        r#"[{"id": 9}]"#,
        "7",
    ] {
        let (_server, client) = jsonrpc([Reply::result(rows)]).await;
        let error = client.newest_change(MODEL).await.expect_err("no time");
        assert_eq!(error.kind(), ErrorKind::OdooFault, "{rows}");
        assert!(!error.chain().contains("yesterday"), "{}", error.chain());
    }
}

#[tokio::test]
async fn rights_are_asked_for_by_the_name_that_the_version_knows() {
    let (server, client) = jsonrpc([Reply::result("true")]).await;
    assert!(client.can_read(MODEL).await.expect("an answer"));
    let request = last(&server);
    assert_eq!(request.args()[4], "check_access_rights");
    assert_eq!(request.args()[5], json!([]));
    assert_eq!(request.args()[6]["operation"], "read");
    assert_eq!(request.args()[6]["raise_exception"], false);

    let (server, client) = json2([Reply::json(200, "false")]).await;
    assert!(!client.can_read(MODEL).await.expect("an answer"));
    let request = last(&server);
    assert_eq!(request.line, "POST /json/2/product.product/has_access");
    assert_eq!(request.body["operation"], "read");
}

#[tokio::test]
async fn an_odoo_19_that_loses_its_database_is_asked_again() {
    let (_server, client) = json2([Reply::page(404), Reply::json(200, "5")]).await;
    let count = client.search_count(MODEL, &Domain::all()).await;
    assert_eq!(count.expect("back again"), 5);
    assert_eq!(client.counters().retries, 1);
}

#[tokio::test]
async fn a_fault_s_debug_text_goes_nowhere() {
    let body = r#"{"name": "builtins.ValueError", "message": "Invalid field 'x_brand' on 'y'",
        "arguments": ["TRACEBACK"], "debug": "TRACEBACK"}"#;
    let (_server, client) = json2([Reply::json(500, body)]).await;
    let error = client
        .read(MODEL, &[1], &[])
        .await
        .expect_err("no such field");
    assert_eq!(error.kind(), ErrorKind::OdooSchema);
    assert_eq!(
        error.to_string(),
        "read of product.product: Odoo has no field x_brand"
    );
    assert!(!format!("{error:?}").contains("TRACEBACK"));
    assert_eq!(client.counters().retries, 0);
}

#[tokio::test]
async fn the_address_is_told_without_its_user() {
    let cases = [
        ("https://odoo.example.com", "https://odoo.example.com"),
        (
            "https://u:p@odoo.example.com:8069",
            "https://odoo.example.com:8069",
        ),
        ("https://u@example.com/odoo", "https://example.com/odoo"),
        ("nonsense", ""),
    ];
    for (url, expected) in cases {
        assert_eq!(without_userinfo(url), expected, "{url}");
    }
}
