//! HTTP: versions, headers, how JSON is written, and what is answered to what is no call.

use odoo_sim::Version;
use reqwest::Method;
use serde_json::json;

use super::on_every_server;
use super::server::{Answer, Server, unique};

on_every_server!(
    web_version_is_there_on_19_only,
    common_version_tells_the_version,
    the_date_header_is_the_servers_clock,
    json_is_ascii_on_14_and_utf8_on_19,
    json_has_pythons_separators,
    a_method_without_a_result_leaves_it_out_on_19,
    a_body_that_is_no_json_is_400,
    a_body_that_is_not_said_to_be_json_is_refused,
    a_get_of_jsonrpc_is_refused,
    a_page_that_is_not_there_is_404_in_html,
);

async fn get(server: &Server, path: &str) -> Answer {
    server.send(Method::GET, path, &[], String::new()).await
}

async fn post(server: &Server, path: &str, body: &str) -> Answer {
    let headers = [("content-type", "application/json")];
    server
        .send(Method::POST, path, &headers, body.to_owned())
        .await
}

async fn web_version_is_there_on_19_only(server: &Server) {
    let answer = get(server, "/web/version").await;
    match server.version {
        Version::V14 => assert_eq!(answer.status, 404),
        _ => {
            assert_eq!(answer.status, 200);
            let json = answer.json();
            assert_eq!(json["version"], "19.0");
            assert_eq!(json["version_info"], json!([19, 0, 0, "final", 0, ""]));
        }
    }
}

async fn common_version_tells_the_version(server: &Server) {
    let serie = format!("{}.0", server.version.major());
    let info = json!([server.version.major(), 0, 0, "final", 0, ""]);
    let by_service = server.service("common", "version", json!([])).await.json();
    let by_page = post(server, "/web/webclient/version_info", r#"{"params": {}}"#)
        .await
        .json();
    for json in [by_service, by_page] {
        let result = &json["result"];
        assert_eq!(result["server_version"], serie);
        assert_eq!(result["server_serie"], serie);
        assert_eq!(result["server_version_info"], info);
        assert_eq!(result["protocol_version"], 1);
    }
}

async fn the_date_header_is_the_servers_clock(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Clock")}))
        .await;
    let answer = server.service("common", "version", json!([])).await;
    let date = jiff::fmt::rfc2822::parse(answer.header("date"))
        .expect("a date")
        .timestamp();
    let written = server.write_date("product.category", id).await;
    let written: jiff::Timestamp = format!("{}Z", written.replace(' ', "T"))
        .parse()
        .expect("a time");
    let apart = (date.as_second() - written.as_second()).abs();
    assert!(apart < 10, "written at {written}, answered at {date}");
}

async fn json_is_ascii_on_14_and_utf8_on_19(server: &Server) {
    let id = server
        .create("product.category", json!({"name": "Größe 茶 🎁"}))
        .await;
    let answer = server
        .execute(
            "product.category",
            "read",
            json!([[id], ["name"]]),
            json!({}),
        )
        .await;
    assert_eq!(
        answer.text.is_ascii(),
        server.is(Version::V14),
        "{}",
        answer.text
    );
    assert_eq!(answer.json()["result"][0]["name"], "Größe 茶 🎁");
}

async fn json_has_pythons_separators(server: &Server) {
    let id = server
        .create("product.category", json!({"name": "Plain"}))
        .await;
    let args = json!([[id], ["name", "parent_id"]]);
    let answer = server
        .execute("product.category", "read", args, json!({}))
        .await;
    let expected = format!(
        r#"{{"jsonrpc": "2.0", "id": 42, "result": [{{"id": {id}, "name": "Plain", "parent_id": false}}]}}"#
    );
    assert_eq!(answer.text, expected);
}

async fn a_method_without_a_result_leaves_it_out_on_19(server: &Server) {
    let args = json!(["read"]);
    let answer = server
        .execute("product.category", "check_access_rights", args, json!({}))
        .await
        .json();
    match server.version {
        Version::V14 => assert_eq!(answer["result"], json!(true)),
        _ => assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 42})),
    }
}

async fn a_body_that_is_no_json_is_400(server: &Server) {
    let answer = post(server, "/jsonrpc", "{no json").await;
    assert_eq!(answer.status, 400);
    assert!(answer.header("content-type").starts_with("text/html"));
}

async fn a_body_that_is_not_said_to_be_json_is_refused(server: &Server) {
    let headers = [("content-type", "text/plain")];
    let answer = server
        .send(Method::POST, "/jsonrpc", &headers, "{}".to_owned())
        .await;
    assert_eq!(
        answer.status,
        if server.is(Version::V14) { 400 } else { 415 }
    );
}

async fn a_get_of_jsonrpc_is_refused(server: &Server) {
    let answer = get(server, "/jsonrpc").await;
    assert_eq!(
        answer.status,
        if server.is(Version::V14) { 400 } else { 415 }
    );
}

async fn a_page_that_is_not_there_is_404_in_html(server: &Server) {
    let answer = get(server, "/no/such/page").await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").starts_with("text/html"));
}
