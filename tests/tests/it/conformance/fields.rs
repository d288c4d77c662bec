//! `fields_get`: which fields there are, and of what type.

use odoo_sim::Version;
use serde_json::json;

use super::on_every_server;
use super::server::Server;

on_every_server!(
    fields_get_tells_the_types_of_the_mirrored_fields,
    fields_get_leaves_out_what_does_not_exist,
    fields_get_tells_only_the_attributes_asked_for,
);

/// A field's name, its type on 14, its type on 19.
type Typed = (&'static str, &'static str, &'static str);

/// The fields that are mirrored, and what their type is on 14 and on 19 (`-` where there is none).
const TYPES: &[(&str, &[Typed])] = &[
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
