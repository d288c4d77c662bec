//! Domains, orders, limits.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, ids, unique};

on_every_server!(
    conditions_are_joined_by_and,
    prefix_operators_join_what_follows_them,
    not_equal_matches_an_empty_field_too,
    not_in_matches_an_empty_field_too,
    in_takes_false_for_empty,
    a_comparison_takes_an_empty_text_for_nothing_on_14_and_for_the_least_on_19,
    an_empty_number_is_not_zero_on_14_and_is_zero_on_19,
    ilike_looks_for_a_part_in_any_case,
    a_dotted_path_follows_a_many2one,
    a_dotted_path_reaches_archived_records,
    templates_are_found_by_their_variants_archived_or_not,
    a_window_over_record_or_template_finds_a_price_change,
    child_of_includes_the_record_itself,
    ids_are_paged_by_a_lower_bound_and_a_limit,
    limit_and_offset_cut_the_order,
    going_down_empty_values_come_first_and_going_up_last,
    the_newest_change_is_found_by_order_and_limit,
    a_thousand_ids_can_be_named,
);

/// Three categories: the second has a parent.
async fn categories(server: &Server) -> [i64; 3] {
    let first = server
        .create("product.category", json!({"name": unique("Alpha")}))
        .await;
    let values = json!({"name": unique("Beta"), "parent_id": first});
    let second = server.create("product.category", values).await;
    let third = server
        .create("product.category", json!({"name": unique("Gamma")}))
        .await;
    [first, second, third]
}

/// Those of the records that match.
async fn matching(server: &Server, model: &str, among: &[i64], condition: Json) -> Vec<i64> {
    let mut domain = vec![json!(["id", "in", among])];
    domain.extend(condition.as_array().expect("a domain").iter().cloned());
    server.search(model, Json::Array(domain)).await
}

async fn conditions_are_joined_by_and(server: &Server) {
    let [first, second, third] = categories(server).await;
    let domain = json!([
        ["id", ">=", first],
        ["id", "<=", third],
        ["parent_id", "=", first]
    ]);
    assert_eq!(server.search("product.category", domain).await, [second]);
}

async fn prefix_operators_join_what_follows_them(server: &Server) {
    let all = categories(server).await;
    let [first, second, third] = all;
    let domain = json!([
        "|",
        ["id", "=", first],
        "&",
        ["id", "=", second],
        ["parent_id", "=", first]
    ]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [first, second]
    );
    let domain = json!(["!", ["id", "=", first]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [second, third]
    );
    let domain = json!(["!", "|", ["id", "=", first], ["id", "=", second]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [third]
    );
}

async fn not_equal_matches_an_empty_field_too(server: &Server) {
    let all = categories(server).await;
    let [first, second, third] = all;
    let domain = json!([["parent_id", "!=", first]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [first, third]
    );
    let domain = json!([["parent_id", "!=", false]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [second]
    );
    let domain = json!([["parent_id", "=", false]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [first, third]
    );
}

async fn not_in_matches_an_empty_field_too(server: &Server) {
    let all = categories(server).await;
    let [first, _, third] = all;
    let domain = json!([["parent_id", "not in", [first]]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [first, third]
    );
}

async fn in_takes_false_for_empty(server: &Server) {
    let all = categories(server).await;
    let [first, second, third] = all;
    let domain = json!([["parent_id", "in", [first, false]]]);
    assert_eq!(
        matching(server, "product.category", &all, domain).await,
        [first, second, third]
    );
    let domain = json!([["parent_id", "not in", [first, false]]]);
    assert!(
        matching(server, "product.category", &all, domain)
            .await
            .is_empty()
    );
}

async fn a_comparison_takes_an_empty_text_for_nothing_on_14_and_for_the_least_on_19(
    server: &Server,
) {
    let (_, with) = server
        .create_product(json!({"name": "With", "default_code": "B"}))
        .await;
    let (_, without) = server.create_product(json!({"name": "Without"})).await;
    let both = [with, without];
    let domain = json!([["default_code", ">", "A"]]);
    assert_eq!(
        matching(server, "product.product", &both, domain).await,
        [with]
    );
    let domain = json!([["default_code", "<", "C"]]);
    let expected = if server.is(Version::V14) {
        vec![with]
    } else {
        vec![with, without]
    };
    assert_eq!(
        matching(server, "product.product", &both, domain).await,
        expected
    );
}

async fn an_empty_number_is_not_zero_on_14_and_is_zero_on_19(server: &Server) {
    let (_, id) = server.create_product(json!({"name": "Weightless"})).await;
    let on_19 = !server.is(Version::V14);
    for (condition, expected) in [
        (json!(["weight", "=", 0]), on_19),
        (json!(["weight", "<", 5]), on_19),
        (json!(["weight", ">=", 0]), on_19),
        (json!(["weight", "!=", 0]), false),
        (json!(["weight", "=", false]), true),
        (json!(["weight", "in", [0]]), true),
        (json!(["default_code", "=", ""]), on_19),
        (json!(["default_code", "!=", ""]), false),
        (json!(["default_code", "like", ""]), true),
    ] {
        let found = matching(server, "product.product", &[id], json!([condition])).await;
        assert_eq!(found == [id], expected, "{condition}");
    }
}

async fn ilike_looks_for_a_part_in_any_case(server: &Server) {
    let name = unique("Crème Brûlée");
    let id = server
        .create("product.category", json!({"name": name}))
        .await;
    for (operator, text, found) in [
        ("ilike", "crème", true),
        ("like", "Crème", true),
        ("like", "crème", false),
        ("ilike", "rème br", true),
        ("=like", "Crème%", true),
        ("=like", "rème%", false),
        ("not ilike", "crème", false),
    ] {
        let domain = json!([["name", operator, text]]);
        let ids = matching(server, "product.category", &[id], domain).await;
        assert_eq!(ids == [id], found, "{operator} {text}");
    }
}

async fn a_dotted_path_follows_a_many2one(server: &Server) {
    let name = unique("Shelf");
    let category = server
        .create("product.category", json!({"name": name}))
        .await;
    let values = json!({"name": unique("On the shelf"), "categ_id": category});
    let (template, id) = server.create_product(values).await;
    for path in ["categ_id.name", "product_tmpl_id.categ_id.name"] {
        assert_eq!(
            server
                .search("product.product", json!([[path, "=", name]]))
                .await,
            [id]
        );
    }
    server
        .call("product.template", "unlink", json!([[template]]), json!({}))
        .await;
}

async fn a_dotted_path_reaches_archived_records(server: &Server) {
    let name = unique("Archived");
    let (template, id) = server.create_product(json!({"name": name})).await;
    server
        .write("product.template", template, json!({"active": false}))
        .await;
    server
        .write("product.product", id, json!({"active": true}))
        .await;
    let domain = json!([[["product_tmpl_id.name", "=", name]]]);
    let found = server
        .call("product.product", "search", domain, json!({}))
        .await;
    assert_eq!(found, json!([id]));
}

async fn templates_are_found_by_their_variants_archived_or_not(server: &Server) {
    let name = || json!({"name": unique("Led to")});
    let (first, variant) = server.create_product(name()).await;
    let (second, archived) = server.create_product(name()).await;
    server.create_product(name()).await;
    server
        .write("product.template", second, json!({"active": false}))
        .await;
    let variants = [variant, archived];
    let domain = json!([["product_variant_ids", "in", variants]]);
    let found = server.search("product.template", domain).await;
    assert_eq!(found, [first, second]);
    // In one question with their change times.
    let domain = json!([[["product_variant_ids", "in", variants]]]);
    let kwargs = json!({
        "fields": ["write_date"], "order": "id", "context": {"active_test": false}
    });
    let records = server.call("product.template", "search_read", domain, kwargs);
    let records = records.await;
    assert_eq!(records.as_array().map(Vec::len), Some(2));
    for (record, id) in records
        .as_array()
        .expect("a list")
        .iter()
        .zip([first, second])
    {
        assert_eq!(record["id"], id);
        assert_eq!(
            record["write_date"],
            server.write_date("product.template", id).await
        );
    }
}

async fn a_window_over_record_or_template_finds_a_price_change(server: &Server) {
    let (template, id) = server
        .create_product(json!({"name": unique("Priced")}))
        .await;
    server.next_second().await;
    server
        .write("product.template", template, json!({"list_price": 3.25}))
        .await;
    let since = server.write_date("product.template", template).await;
    let domain = json!([
        ["id", "=", id],
        "|",
        ["write_date", ">=", since],
        ["product_tmpl_id.write_date", ">=", since],
    ]);
    assert_eq!(server.search("product.product", domain).await, [id]);
}

async fn child_of_includes_the_record_itself(server: &Server) {
    let all = categories(server).await;
    let [first, second, _] = all;
    // Over a many2one to its own model it means the record, as over the id.
    for field in ["id", "parent_id"] {
        let domain = json!([[field, "child_of", first]]);
        assert_eq!(
            matching(server, "product.category", &all, domain).await,
            [first, second]
        );
    }
}

async fn ids_are_paged_by_a_lower_bound_and_a_limit(server: &Server) {
    let all = categories(server).await;
    let mut seen = Vec::new();
    let mut after = all[0] - 1;
    while seen.len() < all.len() {
        let domain = json!([[["id", ">", after], ["id", "in", all]]]);
        let kwargs = json!({"order": "id", "limit": 2});
        let page = ids(&server
            .call("product.category", "search", domain, kwargs)
            .await);
        after = *page.last().expect("a page");
        seen.extend(page);
    }
    assert_eq!(seen, all);
}

async fn limit_and_offset_cut_the_order(server: &Server) {
    let all = categories(server).await;
    for (kwargs, expected) in [
        (
            json!({"order": "id desc", "limit": 2}),
            vec![all[2], all[1]],
        ),
        (
            json!({"order": "id", "limit": 1, "offset": 1}),
            vec![all[1]],
        ),
        (json!({"order": "id", "offset": 3}), vec![]),
        (json!({"order": "name desc", "limit": 1}), vec![all[2]]),
        (json!({"order": "id asc", "limit": false}), all.to_vec()),
    ] {
        let domain = json!([[["id", "in", all]]]);
        let found = server
            .call("product.category", "search", domain, kwargs.clone())
            .await;
        assert_eq!(ids(&found), expected, "{kwargs}");
    }
}

async fn going_down_empty_values_come_first_and_going_up_last(server: &Server) {
    let (_, with) = server
        .create_product(json!({"name": "With", "default_code": "B"}))
        .await;
    let (_, without) = server.create_product(json!({"name": "Without"})).await;
    for (order, expected) in [
        ("default_code desc", [without, with]),
        ("default_code", [with, without]),
        ("default_code asc, id desc", [with, without]),
    ] {
        let domain = json!([[["id", "in", [with, without]]]]);
        let found = server
            .call("product.product", "search", domain, json!({"order": order}))
            .await;
        assert_eq!(ids(&found), expected, "{order}");
    }
}

async fn the_newest_change_is_found_by_order_and_limit(server: &Server) {
    let older = server
        .create("product.category", json!({"name": unique("Older")}))
        .await;
    server.next_second().await;
    let newer = server
        .create("product.category", json!({"name": unique("Newer")}))
        .await;
    let domain = json!([[["id", "in", [older, newer]], ["write_date", "!=", false]]]);
    let kwargs = json!({"order": "write_date desc, id desc", "limit": 1, "fields": ["write_date"]});
    let rows = server
        .call("product.category", "search_read", domain, kwargs)
        .await;
    assert_eq!(rows[0]["id"], newer);
}

async fn a_thousand_ids_can_be_named(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Among")}))
        .await;
    let mut many: Vec<i64> = (2_000_000_000..2_000_001_000).collect();
    many.push(id);
    assert_eq!(
        server
            .search("product.category", json!([["id", "in", many]]))
            .await,
        [id]
    );
    let rows = server
        .call(
            "product.category",
            "read",
            json!([many, ["name"]]),
            json!({}),
        )
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
}
