//! JSON-2, from 19 on: named arguments, the bare result, real status codes.

use odoo_sim::Version;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Answer, Server, ids, unique};

on_every_server!(
    json2_is_404_on_14,
    json2_takes_named_arguments_and_answers_the_bare_result,
    json2_reads_writes_creates_and_deletes,
    json2_takes_a_context,
    json2_tells_a_user_the_context_of_his_key,
    json2_with_a_wrong_key_is_401,
    json2_with_a_password_is_401,
    json2_without_its_database_is_404_in_html,
    json2_of_an_unknown_model_or_method_is_404,
    json2_of_a_private_method_is_403,
    json2_with_wrong_arguments_is_422,
    json2_with_an_unknown_field_is_500,
    json2_without_a_right_is_403,
    json2_of_a_record_that_is_gone_is_404,
    json2_with_a_body_that_is_no_json_is_400,
    json2_without_a_method_is_404,
    a_json2_fault_has_name_message_arguments_context_and_debug,
);

/// Most of this is about 19 and later.
fn has_json2(server: &Server) -> bool {
    !server.is(Version::V14)
}

/// A JSON-2 call with these headers beside its content type.
async fn json2_with(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let path = "/json/2/product.category/search";
    server
        .send(Method::POST, path, &all, json!({"domain": []}).to_string())
        .await
}

/// Status and exception name.
async fn fault(server: &Server, model: &str, method: &str, body: Json) -> (u16, String) {
    let answer = server.json2(model, method, body).await;
    (
        answer.status,
        answer.json()["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

async fn json2_is_404_on_14(server: &Server) {
    if server.is(Version::V14) {
        let answer = server
            .json2("product.category", "search", json!({"domain": []}))
            .await;
        assert_eq!(answer.status, 404);
    }
}

async fn json2_takes_named_arguments_and_answers_the_bare_result(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let id = server
        .create("product.category", json!({"name": "Named"}))
        .await;
    let body = json!({"domain": [["id", "=", id]], "order": "id", "limit": 5});
    let answer = server.json2("product.category", "search", body).await;
    assert_eq!((answer.status, answer.text), (200, format!("[{id}]")));
    let body = json!({"ids": [id, 2_000_000_000], "fields": ["name", "parent_id"], "load": null});
    let answer = server.json2("product.category", "read", body).await;
    let expected = format!(r#"[{{"id": {id}, "name": "Named", "parent_id": false}}]"#);
    assert_eq!((answer.status, answer.text), (200, expected));
}

async fn json2_reads_writes_creates_and_deletes(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let body = json!({"vals_list": [{"name": "One"}, {"name": "Two"}]});
    let created = ids(&server
        .json2("product.category", "create", body)
        .await
        .json());
    assert_eq!(created.len(), 2);
    let body = json!({"ids": created, "vals": {"name": "Both"}});
    assert_eq!(
        server.json2("product.category", "write", body).await.text,
        "true"
    );
    let body = json!({"domain": [["id", "in", created], ["name", "=", "Both"]]});
    assert_eq!(
        server
            .json2("product.category", "search_count", body)
            .await
            .text,
        "2"
    );
    let answer = server
        .json2("product.category", "unlink", json!({"ids": created}))
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "true"));
    let body = json!({"operation": "write"});
    assert_eq!(
        server
            .json2("product.category", "has_access", body)
            .await
            .text,
        "true"
    );
    let body = json!({"allfields": ["name"], "attributes": ["type"]});
    let answer = server.json2("product.category", "fields_get", body).await;
    assert_eq!(answer.text, r#"{"name": {"type": "char"}}"#);
}

async fn json2_takes_a_context(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let values = json!({"name": unique("Archived"), "active": false});
    let id = server.create("product.product", values).await;
    let mut body = json!({"domain": [["id", "=", id]]});
    assert_eq!(
        server
            .json2("product.product", "search", body.clone())
            .await
            .text,
        "[]"
    );
    body["context"] = json!({"active_test": false});
    let found = server.json2("product.product", "search", body).await;
    assert_eq!(found.text, format!("[{id}]"));
}

async fn json2_tells_a_user_the_context_of_his_key(server: &Server) {
    if has_json2(server) {
        let context = server
            .json2("res.users", "context_get", json!({}))
            .await
            .json();
        assert_eq!(
            (&context["lang"], &context["uid"]),
            (&json!("en_US"), &json!(server.uid().await))
        );
    }
}

async fn json2_with_a_wrong_key_is_401(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let database = ("x-odoo-database", server.database.as_str());
    let wrong = json2_with(server, &[database, ("authorization", "bearer wrong")]).await;
    let none = json2_with(server, &[database]).await;
    let basic = json2_with(server, &[database, ("authorization", "Basic d3Jvbmc=")]).await;
    for answer in [wrong, none, basic] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["name"], "werkzeug.exceptions.Unauthorized");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
}

async fn json2_with_a_password_is_401(server: &Server) {
    if has_json2(server) {
        let bearer = format!("bearer {}", server.password);
        let headers = [
            ("x-odoo-database", server.database.as_str()),
            ("authorization", bearer.as_str()),
        ];
        assert_eq!(json2_with(server, &headers).await.status, 401);
    }
}

async fn json2_without_its_database_is_404_in_html(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let bearer = format!("bearer {}", server.api_key);
    let headers = [
        ("x-odoo-database", "no_such"),
        ("authorization", bearer.as_str()),
    ];
    let answer = json2_with(server, &headers).await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(
        answer.text.contains("No database is selected"),
        "{}",
        answer.text
    );
}

async fn json2_of_an_unknown_model_or_method_is_404(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let expected = (404, "werkzeug.exceptions.NotFound".to_owned());
    let body = json!({"domain": []});
    assert_eq!(
        fault(server, "no.such.model", "search", body.clone()).await,
        expected
    );
    assert_eq!(
        fault(server, "product.category", "no_such_method", body).await,
        expected
    );
}

async fn json2_of_a_private_method_is_403(server: &Server) {
    if has_json2(server) {
        let expected = (403, "odoo.exceptions.AccessError".to_owned());
        let body = json!({"ids": [1]});
        assert_eq!(
            fault(server, "product.category", "_write", body.clone()).await,
            expected
        );
        assert_eq!(
            fault(server, "product.category", "exists", body).await,
            expected
        );
    }
}

async fn json2_with_wrong_arguments_is_422(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let expected = (422, "werkzeug.exceptions.UnprocessableEntity".to_owned());
    for body in [
        json!({"domain": [], "no_such": 1}),
        json!({}),
        json!({"domain": [], "ids": [1]}),
    ] {
        assert_eq!(
            fault(server, "product.category", "search", body).await,
            expected
        );
    }
}

async fn json2_with_an_unknown_field_is_500(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let id = server
        .create("product.category", json!({"name": unique("Field")}))
        .await;
    let expected = (500, "builtins.ValueError".to_owned());
    let body = json!({"ids": [id], "fields": ["no_such"]});
    assert_eq!(
        fault(server, "product.category", "read", body).await,
        expected
    );
    let body = json!({"domain": [["no_such", "=", 1]]});
    assert_eq!(
        fault(server, "product.category", "search", body).await,
        expected
    );
}

async fn json2_without_a_right_is_403(server: &Server) {
    if has_json2(server) {
        let (_, id) = server
            .create_product(json!({"name": unique("Company")}))
            .await;
        let context = json!({"allowed_company_ids": [2_000_000_000]});
        let body = json!({"ids": [id], "fields": ["standard_price"], "context": context});
        let expected = (403, "odoo.exceptions.AccessError".to_owned());
        assert_eq!(
            fault(server, "product.product", "read", body).await,
            expected
        );
    }
}

async fn json2_of_a_record_that_is_gone_is_404(server: &Server) {
    if has_json2(server) {
        let body = json!({"ids": [2_000_000_000], "vals": {"name": "x"}});
        let expected = (404, "odoo.exceptions.MissingError".to_owned());
        assert_eq!(
            fault(server, "product.category", "write", body).await,
            expected
        );
    }
}

async fn json2_with_a_body_that_is_no_json_is_400(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let bearer = format!("bearer {}", server.api_key);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
        ("x-odoo-database", server.database.as_str()),
    ];
    let path = "/json/2/product.category/search";
    let answer = server
        .send(Method::POST, path, &headers, "{no json".to_owned())
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["name"], "werkzeug.exceptions.BadRequest");
    let answer = server
        .send(Method::POST, path, &headers[1..], "{}".to_owned())
        .await;
    assert_eq!(answer.status, 415);
}

async fn json2_without_a_method_is_404(server: &Server) {
    if has_json2(server) {
        let headers = [("content-type", "application/json")];
        let path = "/json/2/product.category";
        let answer = server
            .send(Method::POST, path, &headers, "{}".to_owned())
            .await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["name"], "werkzeug.exceptions.NotFound");
    }
}

async fn a_json2_fault_has_name_message_arguments_context_and_debug(server: &Server) {
    if !has_json2(server) {
        return;
    }
    let body = json!({"domain": [["no_such", "=", 1]]});
    let json = server
        .json2("product.category", "search", body)
        .await
        .json();
    let mut keys: Vec<&String> = json.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["arguments", "context", "debug", "message", "name"]);
    assert_eq!(json["arguments"], json!([json["message"]]));
    assert_eq!(json["context"], json!({}));
    let json = server
        .json2("no.such.model", "search", json!({}))
        .await
        .json();
    assert_eq!(json["arguments"], json!([json["message"], 404]));
}
