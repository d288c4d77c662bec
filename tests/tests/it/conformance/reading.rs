//! `read` and `search_read`: which records, in which form.

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
    id_is_read_without_being_asked_for,
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
        _ => assert_eq!(answer.expect("taken"), json!([{"id": id, "uom_id": 1}])),
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
        _ => {
            assert_eq!(
                answer.expect_err("private").name,
                "odoo.exceptions.AccessError"
            );
        }
    }
}

async fn id_is_read_without_being_asked_for(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Id")}))
        .await;
    let row = server.read("product.category", id, &["parent_id"]).await;
    assert_eq!(row, json!({"id": id, "parent_id": false}));
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
