//! `read`, `search_read` and `fields_get`: which records, which form of value.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, ids, unique};

on_every_server!(
    archived_records_are_left_out_unless_asked_for,
    archived_records_are_found_by_a_domain_that_names_active,
    archived_records_are_read_by_id,
    a_many2one_is_id_and_name_or_with_load_null_the_bare_id,
    search_read_takes_load_on_19_only,
    read_returns_the_ids_that_are_left,
    read_returns_an_id_named_twice_as_it_is_asked,
    exists_may_be_called_on_14_only,
    an_empty_field_is_false_and_an_empty_number_zero,
    a_float_is_pythons_shortest_text,
    a_price_is_rounded_on_14_and_kept_on_19,
    a_text_comes_back_as_it_went_in,
    id_is_read_without_being_asked_for,
    a_code_is_part_of_the_display_name,
    the_models_own_language_is_its_source,
    fields_get_tells_the_types_of_the_mirrored_fields,
    fields_get_leaves_out_what_does_not_exist,
    fields_get_tells_only_the_attributes_asked_for,
    a_change_time_can_be_null_and_is_false_then,
    a_change_can_be_read_at_once,
);

async fn archived(server: &Server) -> i64 {
    let values = json!({"name": unique("Archived"), "active": false});
    server.create("product.product", values).await
}

async fn archived_records_are_left_out_unless_asked_for(server: &Server) {
    let id = archived(server).await;
    let domain = json!([[["id", "=", id]]]);
    let found = server
        .call("product.product", "search", domain.clone(), json!({}))
        .await;
    assert_eq!(found, json!([]));
    let context = json!({"context": {"active_test": false}});
    let found = server
        .call("product.product", "search", domain.clone(), context.clone())
        .await;
    assert_eq!(found, json!([id]));
    let count = server
        .call("product.product", "search_count", domain.clone(), json!({}))
        .await;
    assert_eq!(count, json!(0));
    let count = server
        .call("product.product", "search_count", domain, context)
        .await;
    assert_eq!(count, json!(1));
}

async fn archived_records_are_found_by_a_domain_that_names_active(server: &Server) {
    let id = archived(server).await;
    let domain = json!([[["id", "=", id], ["active", "in", [true, false]]]]);
    let found = server
        .call("product.product", "search", domain, json!({}))
        .await;
    assert_eq!(found, json!([id]));
}

async fn archived_records_are_read_by_id(server: &Server) {
    let id = archived(server).await;
    let rows = server
        .call(
            "product.product",
            "read",
            json!([[id], ["active"]]),
            json!({}),
        )
        .await;
    assert_eq!(rows, json!([{"id": id, "active": false}]));
}

async fn a_many2one_is_id_and_name_or_with_load_null_the_bare_id(server: &Server) {
    let name = unique("Category");
    let category = server
        .create("product.category", json!({"name": name}))
        .await;
    let values = json!({"name": unique("Product"), "categ_id": category});
    let (template, _) = server.create_product(values).await;
    for (kwargs, expected) in [
        (json!({"fields": ["categ_id"]}), json!([category, name])),
        (
            json!({"fields": ["categ_id"], "load": "_classic_read"}),
            json!([category, name]),
        ),
        (
            json!({"fields": ["categ_id"], "load": null}),
            json!(category),
        ),
        (json!({"fields": ["categ_id"], "load": ""}), json!(category)),
    ] {
        let rows = server
            .call("product.template", "read", json!([[template]]), kwargs)
            .await;
        assert_eq!(rows[0]["categ_id"], expected);
    }
    server
        .call("product.template", "unlink", json!([[template]]), json!({}))
        .await;
}

async fn search_read_takes_load_on_19_only(server: &Server) {
    let values = json!({"name": unique("Loaded")});
    let (_, id) = server.create_product(values).await;
    let kwargs = json!({"fields": ["uom_id"], "load": null});
    let domain = json!([[["id", "=", id]]]);
    let answer = server
        .try_call("product.product", "search_read", domain, kwargs)
        .await;
    match server.version {
        Version::V14 => assert_eq!(answer.expect_err("refused").name, "builtins.TypeError"),
        Version::V19 => assert_eq!(answer.expect("taken"), json!([{"id": id, "uom_id": 1}])),
    }
}

async fn read_returns_the_ids_that_are_left(server: &Server) {
    let kept = server
        .create("product.category", json!({"name": unique("Kept")}))
        .await;
    let gone = server
        .create("product.category", json!({"name": unique("Gone")}))
        .await;
    server
        .call("product.category", "unlink", json!([[gone]]), json!({}))
        .await;
    let args = json!([[gone, kept, 2_000_000_000], ["parent_id"]]);
    let rows = server
        .call("product.category", "read", args, json!({}))
        .await;
    assert_eq!(rows, json!([{"id": kept, "parent_id": false}]));
}

async fn read_returns_an_id_named_twice_as_it_is_asked(server: &Server) {
    let first = server
        .create("product.category", json!({"name": unique("First")}))
        .await;
    let second = server
        .create("product.category", json!({"name": unique("Second")}))
        .await;
    let args = json!([[second, first], ["parent_id"]]);
    let rows = server
        .call("product.category", "read", args, json!({}))
        .await;
    let order: Vec<&Json> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(order, [&json!(second), &json!(first)]);
}

async fn exists_may_be_called_on_14_only(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Here")}))
        .await;
    let args = json!([[id, 2_000_000_000]]);
    let answer = server
        .try_call("product.category", "exists", args, json!({}))
        .await;
    match server.version {
        Version::V14 => assert_eq!(answer.expect("called"), json!([id])),
        Version::V19 => {
            assert_eq!(
                answer.expect_err("private").name,
                "odoo.exceptions.AccessError"
            );
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

/// The text of an answer that reads one field of a product.
async fn raw_read(server: &Server, id: i64, field: &str) -> String {
    server
        .execute("product.product", "read", json!([[id], [field]]), json!({}))
        .await
        .text
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

/// A unit with this factor, and the field that keeps it as it is written.
fn factor(server: &Server, value: f64) -> (&'static str, Json) {
    let name = unique("Factor");
    match server.version {
        Version::V14 => {
            let kind = if value > 1.0 { "smaller" } else { "bigger" };
            let values = json!({"name": name, "category_id": 1, "uom_type": kind, "factor": value});
            ("factor", values)
        }
        Version::V19 => {
            let values = json!({"name": name, "relative_factor": value, "relative_uom_id": 1});
            ("relative_factor", values)
        }
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

async fn id_is_read_without_being_asked_for(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Id")}))
        .await;
    let row = server.read("product.category", id, &["parent_id"]).await;
    assert_eq!(row, json!({"id": id, "parent_id": false}));
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
        Version::V19 => {
            assert_eq!(
                unknown.expect_err("not installed").name,
                "odoo.exceptions.UserError"
            );
        }
    }
}

/// The fields that are mirrored, and what their type is on 14 and on 19 (`-` where there is none).
const TYPES: &[(&str, &[(&str, &str, &str)])] = &[
    (
        "product.product",
        &[
            ("id", "integer", "integer"),
            ("product_tmpl_id", "many2one", "many2one"),
            ("name", "char", "char"),
            ("default_code", "char", "char"),
            ("barcode", "char", "char"),
            ("type", "selection", "selection"),
            ("detailed_type", "-", "-"),
            ("is_storable", "-", "boolean"),
            ("categ_id", "many2one", "many2one"),
            ("uom_id", "many2one", "many2one"),
            ("uom_po_id", "many2one", "-"),
            ("list_price", "float", "float"),
            ("standard_price", "float", "float"),
            ("weight", "float", "float"),
            ("volume", "float", "float"),
            ("tracking", "selection", "selection"),
            ("sale_ok", "boolean", "boolean"),
            ("purchase_ok", "boolean", "boolean"),
            ("company_id", "many2one", "many2one"),
            ("active", "boolean", "boolean"),
            ("description_sale", "text", "text"),
            ("create_date", "datetime", "datetime"),
            ("write_date", "datetime", "datetime"),
            ("display_name", "char", "char"),
        ],
    ),
    (
        "product.template",
        &[
            ("name", "char", "char"),
            ("list_price", "float", "float"),
            ("product_variant_ids", "one2many", "one2many"),
            ("product_variant_id", "many2one", "many2one"),
            ("product_variant_count", "integer", "integer"),
            ("write_date", "datetime", "datetime"),
        ],
    ),
    (
        "product.category",
        &[
            ("name", "char", "char"),
            ("complete_name", "char", "char"),
            ("parent_id", "many2one", "many2one"),
            ("parent_path", "char", "char"),
            ("child_id", "one2many", "one2many"),
            ("active", "-", "-"),
        ],
    ),
    (
        "uom.uom",
        &[
            ("name", "char", "char"),
            ("factor", "float", "float"),
            ("factor_inv", "float", "-"),
            ("category_id", "many2one", "-"),
            ("relative_factor", "-", "float"),
            ("relative_uom_id", "-", "many2one"),
            ("active", "boolean", "boolean"),
        ],
    ),
];

async fn fields_get_tells_the_types_of_the_mirrored_fields(server: &Server) {
    for (model, fields) in TYPES {
        let names: Vec<&str> = fields.iter().map(|(name, ..)| *name).collect();
        let kwargs = json!({"allfields": names, "attributes": ["type", "relation"]});
        let described = server.call(model, "fields_get", json!([]), kwargs).await;
        for (name, on_14, on_19) in *fields {
            let expected = if server.is(Version::V14) {
                on_14
            } else {
                on_19
            };
            let told = described[*name]["type"].as_str().unwrap_or("-");
            assert_eq!(told, *expected, "{model}.{name}");
            let related = matches!(told, "many2one" | "one2many");
            assert_eq!(
                described[*name]["relation"].is_string(),
                related,
                "{model}.{name}"
            );
        }
    }
}

async fn fields_get_leaves_out_what_does_not_exist(server: &Server) {
    let kwargs = json!({"allfields": ["name", "no_such_field"], "attributes": ["type"]});
    let described = server
        .call("product.product", "fields_get", json!([]), kwargs)
        .await;
    assert_eq!(described, json!({"name": {"type": "char"}}));
}

async fn fields_get_tells_only_the_attributes_asked_for(server: &Server) {
    let args = json!([["categ_id"], ["type", "relation", "store"]]);
    let described = server
        .call("product.template", "fields_get", args, json!({}))
        .await;
    let expected = json!({"type": "many2one", "relation": "product.category", "store": true});
    assert_eq!(described["categ_id"], expected);
    let all = server
        .call(
            "product.template",
            "fields_get",
            json!([["categ_id"]]),
            json!({}),
        )
        .await;
    for attribute in [
        "type",
        "string",
        "required",
        "readonly",
        "store",
        "searchable",
        "relation",
    ] {
        assert!(!all["categ_id"][attribute].is_null(), "{attribute}");
    }
    let whole = server
        .call("product.category", "fields_get", json!([]), json!({}))
        .await;
    assert!(whole["name"]["type"] == "char" && whole["write_date"]["type"] == "datetime");
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

async fn a_change_can_be_read_at_once(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Before")}))
        .await;
    let name = unique("After");
    server
        .write("product.category", id, json!({"name": name}))
        .await;
    let rows = server
        .call(
            "product.category",
            "search_read",
            json!([[["name", "=", name]], ["name"]]),
            json!({}),
        )
        .await;
    assert_eq!(rows, json!([{"id": id, "name": name}]));
    assert_eq!(ids(&json!([rows[0]["id"]])), [id]);
}
