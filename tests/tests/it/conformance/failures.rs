//! Mistakes over JSON-RPC: always status 200, told by `error.data.name`.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, unique};

on_every_server!(
    a_wrong_password_in_authenticate_is_false,
    an_api_key_is_as_good_as_the_password,
    a_wrong_password_in_a_call_is_access_denied,
    a_database_that_is_not_there_is_an_operational_error,
    a_model_that_is_not_there_is_a_user_error,
    a_field_that_is_not_there_is_a_value_error,
    a_method_that_is_not_there_is_an_attribute_error,
    a_private_method_is_an_access_error,
    a_company_that_is_not_allowed_is_an_access_error,
    an_argument_that_is_not_known_is_a_type_error,
    search_names_its_domain_args_on_14,
    ids_are_the_first_argument_of_a_records_method,
    a_domain_that_is_cut_is_an_error,
    a_missing_value_of_a_required_field_is_a_validation_error,
    writing_to_a_record_that_is_gone_is_an_error_on_19_only,
    deleting_a_record_that_is_gone_is_no_error,
    a_user_without_the_right_gets_an_access_error,
    a_fault_has_name_message_arguments_and_debug,
);

async fn a_wrong_password_in_authenticate_is_false(server: &Server) {
    for (login, password) in [(server.user.as_str(), "wrong"), ("nobody", "wrong")] {
        let args = json!([server.database, login, password, {}]);
        let answer = server.service("common", "authenticate", args).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["result"], json!(false));
    }
}

async fn an_api_key_is_as_good_as_the_password(server: &Server) {
    let args = json!([server.database, server.user, server.api_key, {}]);
    let uid = server.service("common", "authenticate", args).await.json()["result"].take();
    assert_eq!(uid, json!(server.uid().await));
    let args = json!([
        server.database,
        uid,
        server.api_key,
        "product.category",
        "search_count",
        [[]],
        {},
    ]);
    let answer = server.service("object", "execute_kw", args).await.json();
    assert!(answer["result"].is_i64(), "{answer}");
}

/// The fault of a call with these credentials.
async fn fault_name(server: &Server, database: &str, password: &str) -> Json {
    let uid = server.uid().await;
    let args = json!([
        database,
        uid,
        password,
        "product.category",
        "search",
        [[]],
        {}
    ]);
    let answer = server.service("object", "execute_kw", args).await;
    assert_eq!(answer.status, 200);
    answer.json()["error"]["data"].take()
}

async fn a_wrong_password_in_a_call_is_access_denied(server: &Server) {
    let data = fault_name(server, &server.database, "wrong").await;
    assert_eq!(data["name"], "odoo.exceptions.AccessDenied");
    assert_eq!(data["message"], "Access Denied");
}

async fn a_database_that_is_not_there_is_an_operational_error(server: &Server) {
    let data = fault_name(server, "no_such_database", &server.password).await;
    assert_eq!(data["name"], "psycopg2.OperationalError");
    let message = data["message"].as_str().expect("a message");
    assert!(
        message.contains("database \"no_such_database\" does not exist"),
        "{message}"
    );
    let args = json!(["no_such_database", server.user, server.password, {}]);
    let answer = server.service("common", "authenticate", args).await.json();
    assert_eq!(answer["error"]["data"]["name"], "psycopg2.OperationalError");
}

async fn a_model_that_is_not_there_is_a_user_error(server: &Server) {
    let fault = server
        .try_call("no.such.model", "search", json!([[]]), json!({}))
        .await;
    let fault = fault.expect_err("no such model");
    assert_eq!(fault.name, "odoo.exceptions.UserError");
    assert_eq!(fault.message, "Object no.such.model doesn't exist");
}

async fn a_field_that_is_not_there_is_a_value_error(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Field")}))
        .await;
    for (method, args, kwargs) in [
        ("read", json!([[id], ["no_such"]]), json!({})),
        (
            "search_read",
            json!([[["id", "=", id]], ["no_such"]]),
            json!({}),
        ),
        ("search", json!([[["no_such", "=", 1]]]), json!({})),
        (
            "search",
            json!([[["parent_id.no_such", "=", 1]]]),
            json!({}),
        ),
        ("search", json!([[]]), json!({"order": "no_such desc"})),
        ("write", json!([[id], {"no_such": 1}]), json!({})),
        ("create", json!([{"name": "x", "no_such": 1}]), json!({})),
    ] {
        let fault = server
            .try_call("product.category", method, args, kwargs)
            .await;
        let fault = fault.expect_err(method);
        assert_eq!(fault.name, "builtins.ValueError", "{method}");
        assert!(fault.message.contains("no_such"), "{}", fault.message);
        assert!(
            fault.message.starts_with("Invalid field "),
            "{}",
            fault.message
        );
    }
}

async fn a_method_that_is_not_there_is_an_attribute_error(server: &Server) {
    let fault = server
        .try_call("product.category", "no_such_method", json!([[]]), json!({}))
        .await;
    assert_eq!(
        fault.expect_err("no such method").name,
        "builtins.AttributeError"
    );
}

async fn a_private_method_is_an_access_error(server: &Server) {
    let fault = server
        .try_call("product.category", "_search", json!([[]]), json!({}))
        .await;
    let fault = fault.expect_err("private");
    assert_eq!(fault.name, "odoo.exceptions.AccessError");
    assert!(
        fault.message.starts_with("Private methods"),
        "{}",
        fault.message
    );
}

async fn a_company_that_is_not_allowed_is_an_access_error(server: &Server) {
    let (_, id) = server
        .create_product(json!({"name": unique("Company")}))
        .await;
    let kwargs =
        json!({"fields": ["standard_price"], "context": {"allowed_company_ids": [2_000_000_000]}});
    let fault = server
        .try_call("product.product", "read", json!([[id]]), kwargs)
        .await;
    assert_eq!(
        fault.expect_err("not allowed").name,
        "odoo.exceptions.AccessError"
    );
}

async fn an_argument_that_is_not_known_is_a_type_error(server: &Server) {
    for (method, args, kwargs) in [
        ("search", json!([[]]), json!({"no_such": 1})),
        ("search", json!([]), json!({})),
        ("read", json!([[1], ["name"], null, 4]), json!({})),
    ] {
        let fault = server
            .try_call("product.category", method, args, kwargs)
            .await;
        assert_eq!(fault.expect_err(method).name, "builtins.TypeError");
    }
}

async fn search_names_its_domain_args_on_14(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Named")}))
        .await;
    let domain = json!([["id", "=", id]]);
    for method in ["search", "search_count"] {
        let args = server.try_call(
            "product.category",
            method,
            json!([]),
            json!({"args": domain}),
        );
        let (args, on_14) = (args.await, server.is(Version::V14));
        assert_eq!(args.is_ok(), on_14, "{method} args: {args:?}");
        let kwargs = json!({"domain": domain});
        let named = server
            .try_call("product.category", method, json!([]), kwargs)
            .await;
        assert_eq!(named.is_ok(), !on_14, "{method} domain: {named:?}");
    }
    let kwargs = json!({"domain": domain, "fields": ["id"]});
    let rows = server
        .call("product.category", "search_read", json!([]), kwargs)
        .await;
    assert_eq!(rows, json!([{"id": id}]));
    let counted = server.try_call(
        "product.category",
        "search",
        json!([domain]),
        json!({"count": true}),
    );
    assert_eq!(counted.await.is_ok(), server.is(Version::V14));
}

async fn ids_are_the_first_argument_of_a_records_method(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("First")}))
        .await;
    let kwargs = json!({"ids": [id], "fields": ["parent_id"]});
    let fault = server
        .try_call("product.category", "read", json!([]), kwargs)
        .await;
    assert_eq!(fault.expect_err("no ids").name, "builtins.IndexError");
    let rows = server
        .call(
            "product.category",
            "read",
            json!([id, ["parent_id"]]),
            json!({}),
        )
        .await;
    assert_eq!(rows, json!([{"id": id, "parent_id": false}]));
}

async fn a_domain_that_is_cut_is_an_error(server: &Server) {
    let fault = server
        .try_call(
            "product.category",
            "search",
            json!([["|", ["id", "=", 1]]]),
            json!({}),
        )
        .await
        .expect_err("cut");
    let expected = match server.version {
        Version::V14 => "builtins.AssertionError",
        _ => "builtins.ValueError",
    };
    assert_eq!(fault.name, expected);
    for domain in [json!([["id", "="]]), json!([["id", "~", 1]])] {
        let fault = server
            .try_call("product.category", "search", json!([domain]), json!({}))
            .await;
        assert_eq!(fault.expect_err("malformed").name, "builtins.ValueError");
    }
}

async fn a_missing_value_of_a_required_field_is_a_validation_error(server: &Server) {
    let fault = server
        .try_call("product.category", "create", json!([{}]), json!({}))
        .await;
    assert_eq!(
        fault.expect_err("no name").name,
        "odoo.exceptions.ValidationError"
    );
}

async fn writing_to_a_record_that_is_gone_is_an_error_on_19_only(server: &Server) {
    let args = json!([[2_000_000_000], {"name": "x"}]);
    let answer = server
        .try_call("product.category", "write", args, json!({}))
        .await;
    match server.version {
        Version::V14 => assert_eq!(answer.expect("passed over"), json!(true)),
        _ => {
            assert_eq!(
                answer.expect_err("gone").name,
                "odoo.exceptions.MissingError"
            );
        }
    }
}

async fn deleting_a_record_that_is_gone_is_no_error(server: &Server) {
    let args = json!([[2_000_000_000]]);
    assert_eq!(
        server
            .call("product.category", "unlink", args, json!({}))
            .await,
        json!(true)
    );
}

async fn a_user_without_the_right_gets_an_access_error(server: &Server) {
    let args = json!([server.database, "demo", "demo", {}]);
    let uid = server.service("common", "authenticate", args).await.json()["result"].take();
    assert!(uid.is_i64(), "the demo user's password is demo");
    let call = async |method: &str, args: Json, kwargs: Json| {
        let args = json!([
            server.database,
            uid,
            "demo",
            "product.category",
            method,
            args,
            kwargs
        ]);
        server.service("object", "execute_kw", args).await.json()
    };
    let read = call("search_count", json!([[]]), json!({})).await;
    assert!(read["result"].is_i64(), "{read}");
    let written = call("create", json!([{"name": "x"}]), json!({})).await;
    assert_eq!(
        written["error"]["data"]["name"],
        "odoo.exceptions.AccessError"
    );
    let kwargs = json!({"raise_exception": false});
    let may = call("check_access_rights", json!(["create"]), kwargs).await;
    assert_eq!(may["result"], json!(false));
}

async fn a_fault_has_name_message_arguments_and_debug(server: &Server) {
    let answer = server
        .execute("no.such.model", "search", json!([[]]), json!({}))
        .await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!((&json["jsonrpc"], &json["id"]), (&json!("2.0"), &json!(42)));
    assert!(json.get("result").is_none());
    let error = &json["error"];
    let code = if server.is(Version::V14) { 200 } else { 0 };
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(code), &json!("Odoo Server Error"))
    );
    let data = &error["data"];
    assert_eq!(data["arguments"], json!([data["message"]]));
    assert_eq!(data["context"], json!({}));
    let debug = data["debug"].as_str().expect("a traceback");
    assert!(
        debug.starts_with("Traceback (most recent call last):"),
        "{debug}"
    );
}
