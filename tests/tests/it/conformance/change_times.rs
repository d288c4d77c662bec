//! `write_date`: how it is sent, how it is compared, what moves it.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, unique};

on_every_server!(
    a_change_time_is_sent_in_whole_seconds_without_a_zone,
    later_than_its_own_time_as_sent_returns_the_row_on_14_only,
    equal_to_its_own_time_as_sent_returns_the_row_on_19_only,
    not_later_than_its_own_time_as_sent_returns_the_row_on_19_only,
    not_earlier_and_less_than_a_second_later_returns_the_row,
    one_call_gives_all_its_rows_one_time,
    a_change_moves_the_time_of_its_record,
    writing_the_same_value_moves_the_time_as_well,
    a_templates_name_moves_its_variant_on_19_only,
    a_templates_price_moves_its_variant_on_19_only,
    a_templates_category_moves_its_variant_on_19_only,
    a_templates_weight_moves_its_variant,
    a_templates_cost_moves_its_variant,
    a_variants_name_moves_variant_and_template,
    a_variants_price_moves_variant_and_template,
    a_variants_cost_moves_the_variant_alone,
    a_variants_code_and_weight_move_its_template,
    a_unit_renamed_moves_no_product,
    a_category_renamed_moves_no_product,
    a_parent_renamed_moves_all_its_descendants,
    a_parent_given_the_name_it_has_moves_itself_alone,
    a_category_moved_elsewhere_moves_its_descendants,
    archiving_moves_the_record,
    archiving_a_template_moves_its_variant,
    a_deleted_record_leaves_nothing_to_see,
);

async fn a_change_time_is_sent_in_whole_seconds_without_a_zone(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Time")}))
        .await;
    let time = server.write_date("product.category", id).await;
    let shape: String = time
        .chars()
        .map(|it| if it.is_ascii_digit() { '9' } else { it })
        .collect();
    assert_eq!(shape, "9999-99-99 99:99:99");
}

/// The category's own time as sent, compared with it by an operator.
async fn compared(server: &Server, operator: &str) -> bool {
    let id = server
        .create("product.category", json!({"name": unique("Compared")}))
        .await;
    let time = server.write_date("product.category", id).await;
    let domain = json!([["id", "=", id], ["write_date", operator, time]]);
    server.search("product.category", domain).await == [id]
}

/// The stored time has microseconds, so it is as good as never the whole second that is sent; a
/// row whose microseconds happen to be zero makes another try.
async fn compares_by_microseconds(server: &Server, operator: &str, expected: bool) {
    let mut seen = compared(server, operator).await;
    if seen != expected {
        seen = compared(server, operator).await;
    }
    assert_eq!(seen, expected, "write_date {operator} its own time as sent");
}

async fn later_than_its_own_time_as_sent_returns_the_row_on_14_only(server: &Server) {
    compares_by_microseconds(server, ">", server.is(Version::V14)).await;
}

async fn equal_to_its_own_time_as_sent_returns_the_row_on_19_only(server: &Server) {
    compares_by_microseconds(server, "=", server.is(Version::V19)).await;
}

async fn not_later_than_its_own_time_as_sent_returns_the_row_on_19_only(server: &Server) {
    compares_by_microseconds(server, "<=", server.is(Version::V19)).await;
}

async fn not_earlier_and_less_than_a_second_later_returns_the_row(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Window")}))
        .await;
    let low = server.write_date("product.category", id).await;
    let next = low
        .replace(' ', "T")
        .parse::<jiff::civil::DateTime>()
        .expect("a time")
        + jiff::SignedDuration::from_secs(1);
    let high = next.strftime("%F %T").to_string();
    let domain = json!([
        ["id", "=", id],
        ["write_date", ">=", low],
        ["write_date", "<", high]
    ]);
    assert_eq!(server.search("product.category", domain).await, [id]);
}

async fn one_call_gives_all_its_rows_one_time(server: &Server) {
    const ROWS: usize = 500;
    let name = unique("Tie");
    let values: Vec<Json> = (0..ROWS).map(|_| json!({"name": name})).collect();
    let created = server
        .call(
            "uom.uom",
            "create",
            json!([uoms(server, &values)]),
            json!({}),
        )
        .await;
    let kwargs = json!({"fields": ["create_date", "write_date"], "load": null});
    let rows = server
        .call("uom.uom", "read", json!([created]), kwargs)
        .await;
    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), ROWS);
    assert!(
        rows.iter()
            .all(|row| row["write_date"] == rows[0]["write_date"])
    );
    assert!(
        rows.iter()
            .all(|row| row["create_date"] == rows[0]["write_date"])
    );
    server
        .call("uom.uom", "unlink", json!([created]), json!({}))
        .await;
}

/// Units, as each version wants them.
fn uoms(server: &Server, values: &[Json]) -> Vec<Json> {
    values
        .iter()
        .map(|values| super::relations::unit(server, values["name"].clone(), 3.0))
        .collect()
}

/// Which of the records a change moves.
pub(super) async fn moved(
    server: &Server,
    change: (&str, i64, Json),
    watched: &[(&str, i64)],
) -> Vec<bool> {
    let before = times(server, watched).await;
    server.next_second().await;
    let (model, id, values) = change;
    server.write(model, id, values).await;
    let after = times(server, watched).await;
    before
        .iter()
        .zip(&after)
        .map(|(before, after)| before != after)
        .collect()
}

async fn times(server: &Server, watched: &[(&str, i64)]) -> Vec<String> {
    let mut times = Vec::new();
    for (model, id) in watched {
        times.push(server.write_date(model, *id).await);
    }
    times
}

async fn a_change_moves_the_time_of_its_record(server: &Server) {
    let id = server
        .create("product.category", json!({"name": unique("Before")}))
        .await;
    let change = ("product.category", id, json!({"name": unique("After")}));
    assert_eq!(
        moved(server, change, &[("product.category", id)]).await,
        [true]
    );
}

async fn writing_the_same_value_moves_the_time_as_well(server: &Server) {
    let (template, variant) = server.create_product(json!({"name": unique("Same")})).await;
    let both = [("product.template", template), ("product.product", variant)];
    server
        .write("product.product", variant, json!({"standard_price": 3.5}))
        .await;
    let change = ("product.product", variant, json!({"standard_price": 3.5}));
    assert_eq!(moved(server, change, &both).await, [false, true]);
}

/// What a change of the template moves: the template, its variant.
async fn template_change_moves(server: &Server, values: Json) -> Vec<bool> {
    let (template, variant) = server
        .create_product(json!({"name": unique("Template")}))
        .await;
    let watched = [("product.template", template), ("product.product", variant)];
    moved(server, ("product.template", template, values), &watched).await
}

/// What a change of the variant moves: the template, the variant.
async fn variant_change_moves(server: &Server, values: Json) -> Vec<bool> {
    let (template, variant) = server
        .create_product(json!({"name": unique("Variant")}))
        .await;
    let watched = [("product.template", template), ("product.product", variant)];
    moved(server, ("product.product", variant, values), &watched).await
}

async fn a_templates_name_moves_its_variant_on_19_only(server: &Server) {
    let moved = template_change_moves(server, json!({"name": unique("Renamed")})).await;
    assert_eq!(moved, [true, server.is(Version::V19)]);
}

async fn a_templates_price_moves_its_variant_on_19_only(server: &Server) {
    let moved = template_change_moves(server, json!({"list_price": 12.5})).await;
    assert_eq!(moved, [true, server.is(Version::V19)]);
}

async fn a_templates_category_moves_its_variant_on_19_only(server: &Server) {
    let category = server
        .create("product.category", json!({"name": unique("Category")}))
        .await;
    let (template, variant) = server
        .create_product(json!({"name": unique("Moved")}))
        .await;
    let watched = [("product.template", template), ("product.product", variant)];
    let change = ("product.template", template, json!({"categ_id": category}));
    assert_eq!(
        moved(server, change, &watched).await,
        [true, server.is(Version::V19)]
    );
    server
        .call("product.template", "unlink", json!([[template]]), json!({}))
        .await;
}

async fn a_templates_weight_moves_its_variant(server: &Server) {
    assert_eq!(
        template_change_moves(server, json!({"weight": 2.5})).await,
        [true, true]
    );
}

async fn a_templates_cost_moves_its_variant(server: &Server) {
    assert_eq!(
        template_change_moves(server, json!({"standard_price": 2.5})).await,
        [true, true]
    );
}

async fn a_variants_name_moves_variant_and_template(server: &Server) {
    let moved = variant_change_moves(server, json!({"name": unique("Renamed")})).await;
    assert_eq!(moved, [true, true]);
}

async fn a_variants_price_moves_variant_and_template(server: &Server) {
    assert_eq!(
        variant_change_moves(server, json!({"list_price": 9.5})).await,
        [true, true]
    );
}

async fn a_variants_cost_moves_the_variant_alone(server: &Server) {
    assert_eq!(
        variant_change_moves(server, json!({"standard_price": 9.5})).await,
        [false, true]
    );
}

async fn a_variants_code_and_weight_move_its_template(server: &Server) {
    let code = json!({"default_code": unique("C")});
    assert_eq!(variant_change_moves(server, code).await, [true, true]);
    assert_eq!(
        variant_change_moves(server, json!({"weight": 9.5})).await,
        [true, true]
    );
}

async fn a_unit_renamed_moves_no_product(server: &Server) {
    let unit = super::relations::unit(server, json!(unique("Unit")), 3.0);
    let unit = server.create("uom.uom", unit).await;
    let mut values = json!({"name": unique("In a unit"), "uom_id": unit});
    if server.is(Version::V14) {
        values["uom_po_id"] = json!(unit);
    }
    let (template, variant) = server.create_product(values).await;
    let watched = [("product.template", template), ("product.product", variant)];
    let change = ("uom.uom", unit, json!({"name": unique("Renamed")}));
    assert_eq!(moved(server, change, &watched).await, [false, false]);
}

async fn a_category_renamed_moves_no_product(server: &Server) {
    let category = server
        .create("product.category", json!({"name": unique("Category")}))
        .await;
    let values = json!({"name": unique("In a category"), "categ_id": category});
    let (template, variant) = server.create_product(values).await;
    let watched = [("product.template", template), ("product.product", variant)];
    let change = (
        "product.category",
        category,
        json!({"name": unique("Renamed")}),
    );
    assert_eq!(moved(server, change, &watched).await, [false, false]);
}

/// A category, one in it, and one in that.
async fn three_generations(server: &Server) -> [(&'static str, i64); 3] {
    const MODEL: &str = "product.category";
    let first = server.create(MODEL, json!({"name": unique("First")})).await;
    let second = server
        .create(MODEL, json!({"name": unique("Second"), "parent_id": first}))
        .await;
    let third = server
        .create(MODEL, json!({"name": unique("Third"), "parent_id": second}))
        .await;
    [(MODEL, first), (MODEL, second), (MODEL, third)]
}

async fn a_parent_renamed_moves_all_its_descendants(server: &Server) {
    let generations = three_generations(server).await;
    let name = unique("Renamed");
    let change = ("product.category", generations[0].1, json!({"name": name}));
    assert_eq!(
        moved(server, change, &generations).await,
        [true, true, true]
    );
    let third = server
        .read("product.category", generations[2].1, &["complete_name"])
        .await;
    let full = third["complete_name"].as_str().expect("a name");
    assert!(full.starts_with(&format!("{name} / Second")), "{full}");
}

async fn a_parent_given_the_name_it_has_moves_itself_alone(server: &Server) {
    let generations = three_generations(server).await;
    let first = server
        .read("product.category", generations[0].1, &["name"])
        .await;
    let change = (
        "product.category",
        generations[0].1,
        json!({"name": first["name"]}),
    );
    assert_eq!(
        moved(server, change, &generations).await,
        [true, false, false]
    );
}

async fn a_category_moved_elsewhere_moves_its_descendants(server: &Server) {
    let generations = three_generations(server).await;
    let change = (
        "product.category",
        generations[1].1,
        json!({"parent_id": false}),
    );
    assert_eq!(
        moved(server, change, &generations).await,
        [false, true, true]
    );
}

async fn archiving_moves_the_record(server: &Server) {
    let moved = variant_change_moves(server, json!({"active": false})).await;
    assert_eq!(moved, [false, true]);
}

async fn archiving_a_template_moves_its_variant(server: &Server) {
    let moved = template_change_moves(server, json!({"active": false})).await;
    assert_eq!(moved, [true, true]);
}

async fn a_deleted_record_leaves_nothing_to_see(server: &Server) {
    let (template, variant) = server.create_product(json!({"name": unique("Gone")})).await;
    server
        .call("product.product", "unlink", json!([[variant]]), json!({}))
        .await;
    let none: [i64; 0] = [];
    assert_eq!(
        server
            .search("product.product", json!([["id", "=", variant]]))
            .await,
        none
    );
    // The template goes with its last variant.
    assert_eq!(
        server
            .search("product.template", json!([["id", "=", template]]))
            .await,
        none
    );
    let read = server
        .call(
            "product.product",
            "read",
            json!([[variant], ["name"]]),
            json!({}),
        )
        .await;
    assert_eq!(read, json!([]));
}
