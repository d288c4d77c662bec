//! What a field's value looks like on the wire: empty, number, text, time, name.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, unique};

on_every_server!(
    an_empty_field_is_false_and_an_empty_number_zero,
    a_float_is_pythons_shortest_text,
    a_price_is_rounded_on_14_and_kept_on_19,
    a_text_comes_back_as_it_went_in,
    a_code_is_part_of_the_display_name,
    the_models_own_language_is_its_source,
    a_change_time_can_be_null_and_is_false_then,
);

/// The text of an answer that reads one field of a product.
async fn raw_read(server: &Server, id: i64, field: &str) -> String {
    server
        .execute("product.product", "read", json!([[id], [field]]), json!({}))
        .await
        .text
}

/// A unit with this factor, and the field that keeps it as it is written.
fn factor(server: &Server, value: f64) -> (&'static str, Json) {
    let name = unique("Factor");
    match server.version {
        Version::V14 => {
            let kind = if value > 1.0 { "smaller" } else { "bigger" };
            let values = json!({"name": name, "category_id": 1, "uom_type": kind, "factor": value});
            ("factor", values)
        }
        _ => {
            let values = json!({"name": name, "relative_factor": value, "relative_uom_id": 1});
            ("relative_factor", values)
        }
    }
}

async fn an_empty_field_is_false_and_an_empty_number_zero(server: &Server) {
    let (_, id) = server
        .create_product(json!({"name": unique("Empty")}))
        .await;
    let fields = ["default_code", "barcode", "company_id", "description_sale"];
    let row = server.read("product.product", id, &fields).await;
    for field in fields {
        assert_eq!(row[field], json!(false), "{field}");
    }
    let answer = raw_read(server, id, "weight").await;
    assert!(answer.contains("\"weight\": 0.0"), "{answer}");
    let answer = raw_read(server, id, "standard_price").await;
    assert!(answer.contains("\"standard_price\": 0.0"), "{answer}");
}

async fn a_float_is_pythons_shortest_text(server: &Server) {
    let (_, id) = server
        .create_product(json!({"name": unique("Float")}))
        .await;
    for (value, text) in [
        (json!(12.34), "12.34"),
        (json!(12), "12.0"),
        (json!(0.1), "0.1"),
        (json!(-2.5), "-2.5"),
        (json!(123_456_789.12), "123456789.12"),
    ] {
        server
            .write("product.product", id, json!({"list_price": value}))
            .await;
        let answer = raw_read(server, id, "list_price").await;
        assert!(
            answer.contains(&format!("\"list_price\": {text}}}")),
            "{text}: {answer}"
        );
    }
    // A unit's factor has no digits to be rounded to.
    for (value, text) in [
        (1e16, "1e+16"),
        (9_007_199_254_740_993.0, "9007199254740992.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1.0 / 3.0, "0.3333333333333333"),
        (1e-7, "1e-07"),
        (0.0001, "0.0001"),
    ] {
        let (field, values) = factor(server, value);
        let id = server.create("uom.uom", values).await;
        let answer = server
            .execute("uom.uom", "read", json!([[id], [field]]), json!({}))
            .await;
        let expected = format!("\"{field}\": {text}}}");
        assert!(
            answer.text.contains(&expected),
            "{expected}: {}",
            answer.text
        );
    }
}

async fn a_price_is_rounded_on_14_and_kept_on_19(server: &Server) {
    let (_, id) = server
        .create_product(json!({"name": unique("Digits")}))
        .await;
    for (value, rounded, kept) in [
        (12.345, "12.35", "12.345"),
        (0.1 + 0.2, "0.3", "0.30000000000000004"),
        (1e-7, "0.0", "1e-07"),
    ] {
        let text = if server.is(Version::V14) {
            rounded
        } else {
            kept
        };
        for field in ["list_price", "standard_price"] {
            server
                .write("product.product", id, json!({field: value}))
                .await;
            let answer = raw_read(server, id, field).await;
            assert!(
                answer.contains(&format!("\"{field}\": {text}}}")),
                "{text}: {answer}"
            );
        }
    }
}

async fn a_text_comes_back_as_it_went_in(server: &Server) {
    let (_, id) = server.create_product(json!({"name": unique("Text")})).await;
    for text in [
        "Crème brûlée",
        "Чайник",
        "Ελαιόλαδο",
        "笔记本",
        "急須",
        "حقيبة",
        "ספל",
        "แก้ว",
        "Gift 🎁",
        "O'Brien \"27\"",
        "back\\slash",
        "<b>bold</b> & co",
        "tab\there",
        "e\u{301}",
        " spaces ",
    ] {
        server
            .write("product.product", id, json!({"name": text}))
            .await;
        let row = server.read("product.product", id, &["name"]).await;
        assert_eq!(row["name"], text);
    }
    let text = "two\nlines\r\nand a third";
    server
        .write("product.product", id, json!({"description_sale": text}))
        .await;
    let row = server
        .read("product.product", id, &["description_sale"])
        .await;
    assert_eq!(row["description_sale"], text);
}

async fn a_code_is_part_of_the_display_name(server: &Server) {
    let name = unique("Coded");
    let (template, id) = server
        .create_product(json!({"name": name, "default_code": "AB-1"}))
        .await;
    let row = server.read("product.product", id, &["display_name"]).await;
    assert_eq!(row["display_name"], format!("[AB-1] {name}"));
    let row = server
        .read("product.template", template, &["display_name"])
        .await;
    assert_eq!(row["display_name"], format!("[AB-1] {name}"));
}

async fn the_models_own_language_is_its_source(server: &Server) {
    let name = unique("English");
    let (_, id) = server.create_product(json!({"name": name})).await;
    let read = async |lang: &str| {
        let kwargs = json!({"fields": ["name"], "context": {"lang": lang}});
        server
            .try_call("product.product", "read", json!([[id]]), kwargs)
            .await
    };
    assert_eq!(read("en_US").await.expect("installed")[0]["name"], name);
    let unknown = read("xx_XX").await;
    match server.version {
        Version::V14 => assert_eq!(unknown.expect("the source's name")[0]["name"], name),
        _ => {
            assert_eq!(
                unknown.expect_err("not installed").name,
                "odoo.exceptions.UserError"
            );
        }
    }
}

async fn a_change_time_can_be_null_and_is_false_then(server: &Server) {
    // Odoo registers its models by SQL, without a change time.
    let domain = json!([
        ["write_date", "=", false],
        ["model", "=", "product.template"]
    ]);
    let found = server.search("ir.model", domain).await;
    assert_eq!(found.len(), 1);
    let row = server.read("ir.model", found[0], &["write_date"]).await;
    assert_eq!(row["write_date"], json!(false));
    let kwargs = json!({"order": "write_date desc", "limit": 1, "fields": ["write_date"]});
    let first = server
        .call("ir.model", "search_read", json!([[]]), kwargs)
        .await;
    assert_eq!(first[0]["write_date"], json!(false));
    // No comparison of times returns such a row.
    let domain = json!([
        ["write_date", ">=", "1970-01-01 00:00:00"],
        ["id", "=", found[0]]
    ]);
    assert!(server.search("ir.model", domain).await.is_empty());
}
