//! Records that belong together: trees, templates and variants, units, companies.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::on_every_server;
use super::server::{Server, ids, unique};

on_every_server!(
    a_full_name_is_that_of_all_parents,
    a_category_cannot_be_its_own_ancestor,
    a_variant_shows_its_templates_fields,
    a_template_shows_its_only_variants_fields,
    an_archived_template_archives_its_variants_and_brings_them_back,
    an_archived_variant_leaves_its_template_active,
    a_new_variant_brings_its_template,
    a_deleted_template_takes_its_variants_along,
    a_category_in_use_is_kept_on_14_and_taken_from_its_products_on_19,
    a_units_factor_counts_the_other_way_round_since_19,
    a_cost_is_that_of_the_first_allowed_company,
    a_record_of_another_company_is_hidden,
);

/// A unit of `factor` pieces, as each version wants it.
pub(super) fn unit(server: &Server, name: Json, factor: f64) -> Json {
    match server.version {
        Version::V14 => {
            json!({"name": name, "category_id": 1, "uom_type": "bigger", "factor_inv": factor})
        }
        _ => json!({"name": name, "relative_factor": factor, "relative_uom_id": 1}),
    }
}

async fn a_full_name_is_that_of_all_parents(server: &Server) {
    let parent = server
        .create("product.category", json!({"name": "Parent"}))
        .await;
    let child = server
        .create(
            "product.category",
            json!({"name": "Child", "parent_id": parent}),
        )
        .await;
    let fields = ["complete_name", "display_name", "parent_path", "parent_id"];
    let row = server.read("product.category", child, &fields).await;
    assert_eq!(row["complete_name"], "Parent / Child");
    assert_eq!(row["display_name"], "Parent / Child");
    assert_eq!(row["parent_path"], format!("{parent}/{child}/"));
    assert_eq!(row["parent_id"], parent);
    let parent = server
        .read("product.category", parent, &["child_id", "parent_id"])
        .await;
    assert_eq!(ids(&parent["child_id"]), [child]);
    assert_eq!(parent["parent_id"], json!(false));
}

async fn a_category_cannot_be_its_own_ancestor(server: &Server) {
    let parent = server
        .create("product.category", json!({"name": unique("P")}))
        .await;
    let child = server
        .create(
            "product.category",
            json!({"name": "C", "parent_id": parent}),
        )
        .await;
    let args = json!([[parent], {"parent_id": child}]);
    let fault = server
        .try_call("product.category", "write", args, json!({}))
        .await;
    assert_eq!(
        fault.expect_err("a cycle").name,
        "odoo.exceptions.UserError"
    );
}

async fn a_variant_shows_its_templates_fields(server: &Server) {
    let values = json!({"name": unique("Shown"), "list_price": 7.5, "sale_ok": false});
    let (template, variant) = server.create_product(values).await;
    let fields = [
        "name",
        "list_price",
        "lst_price",
        "sale_ok",
        "type",
        "tracking",
        "uom_id",
    ];
    let of_template = server
        .read("product.template", template, &fields[..2])
        .await;
    let of_variant = server.read("product.product", variant, &fields).await;
    assert_eq!(of_variant["name"], of_template["name"]);
    assert_eq!(of_variant["list_price"], json!(7.5));
    assert_eq!(of_variant["lst_price"], json!(7.5));
    assert_eq!(of_variant["sale_ok"], json!(false));
    assert_eq!(of_variant["type"], "consu");
    assert_eq!(of_variant["tracking"], "none");
    assert_eq!(of_variant["uom_id"], 1);
    server
        .write(
            "product.product",
            variant,
            json!({"name": "Through the variant"}),
        )
        .await;
    let of_template = server.read("product.template", template, &["name"]).await;
    assert_eq!(of_template["name"], "Through the variant");
}

async fn a_template_shows_its_only_variants_fields(server: &Server) {
    let (template, variant) = server.create_product(json!({"name": unique("Only")})).await;
    let code = unique("CODE");
    let values = json!({"default_code": code, "weight": 1.25, "standard_price": 4.5});
    server.write("product.product", variant, values).await;
    let fields = [
        "default_code",
        "weight",
        "standard_price",
        "product_variant_id",
    ];
    let row = server.read("product.template", template, &fields).await;
    assert_eq!(row["default_code"], code);
    assert_eq!(row["weight"], json!(1.25));
    assert_eq!(row["standard_price"], json!(4.5));
    assert_eq!(row["product_variant_id"], variant);
}

async fn an_archived_template_archives_its_variants_and_brings_them_back(server: &Server) {
    let (template, variant) = server
        .create_product(json!({"name": unique("Archive")}))
        .await;
    for active in [false, true] {
        server
            .write("product.template", template, json!({"active": active}))
            .await;
        let row = server.read("product.product", variant, &["active"]).await;
        assert_eq!(row["active"], json!(active));
    }
}

async fn an_archived_variant_leaves_its_template_active(server: &Server) {
    let (template, variant) = server
        .create_product(json!({"name": unique("Archive")}))
        .await;
    server
        .write("product.product", variant, json!({"active": false}))
        .await;
    let fields = ["active", "product_variant_ids", "product_variant_count"];
    let row = server.read("product.template", template, &fields).await;
    assert_eq!(row["active"], json!(true));
    assert_eq!(row["product_variant_ids"], json!([]));
    assert_eq!(row["product_variant_count"], 0);
    let kwargs = json!({"fields": fields, "context": {"active_test": false}});
    let rows = server
        .call("product.template", "read", json!([[template]]), kwargs)
        .await;
    assert_eq!(rows[0]["product_variant_ids"], json!([variant]));
}

async fn a_new_variant_brings_its_template(server: &Server) {
    let name = unique("Variant first");
    let variant = server
        .create("product.product", json!({"name": name, "weight": 2.0}))
        .await;
    let row = server
        .read("product.product", variant, &["product_tmpl_id"])
        .await;
    let template = row["product_tmpl_id"].as_i64().expect("a template");
    let row = server
        .read(
            "product.template",
            template,
            &["name", "product_variant_ids"],
        )
        .await;
    assert_eq!(row["name"], name);
    assert_eq!(ids(&row["product_variant_ids"]), [variant]);
}

async fn a_deleted_template_takes_its_variants_along(server: &Server) {
    let (template, variant) = server.create_product(json!({"name": unique("Gone")})).await;
    server
        .call("product.template", "unlink", json!([[template]]), json!({}))
        .await;
    let found = server
        .search("product.product", json!([["id", "=", variant]]))
        .await;
    assert!(found.is_empty());
}

async fn a_category_in_use_is_kept_on_14_and_taken_from_its_products_on_19(server: &Server) {
    let category = server
        .create("product.category", json!({"name": unique("In use")}))
        .await;
    let values = json!({"name": unique("User"), "categ_id": category});
    let (template, variant) = server.create_product(values).await;
    let times = async || {
        [
            server.write_date("product.template", template).await,
            server.write_date("product.product", variant).await,
        ]
    };
    let before = times().await;
    server.next_second().await;
    let unlinked = server
        .try_call("product.category", "unlink", json!([[category]]), json!({}))
        .await;
    let row = server
        .read("product.template", template, &["categ_id"])
        .await;
    // Postgres empties it, so Odoo has written nothing.
    assert_eq!(times().await, before);
    if server.is(Version::V14) {
        let fault = unlinked.expect_err("14 keeps it");
        assert_eq!(fault.name, "odoo.exceptions.ValidationError");
        assert_eq!(row["categ_id"], category);
    } else {
        assert_eq!(unlinked.expect("19 lets it go"), json!(true));
        assert_eq!(row["categ_id"], json!(false));
    }
}

async fn a_units_factor_counts_the_other_way_round_since_19(server: &Server) {
    let id = server
        .create("uom.uom", unit(server, json!(unique("Four")), 4.0))
        .await;
    if server.is(Version::V14) {
        let row = server.read("uom.uom", id, &["factor", "factor_inv"]).await;
        assert_eq!(
            (&row["factor"], &row["factor_inv"]),
            (&json!(0.25), &json!(4.0))
        );
    } else {
        let row = server.read("uom.uom", id, &["factor"]).await;
        assert_eq!(row["factor"], json!(4.0));
        let fault = server.try_call("uom.uom", "read", json!([[id], ["factor_inv"]]), json!({}));
        assert_eq!(
            fault.await.expect_err("gone in 19").name,
            "builtins.ValueError"
        );
    }
}

/// The administrator's own company and another one that is open to him.
async fn two_companies(server: &Server) -> (i64, i64) {
    let uid = server.uid().await;
    let user = server
        .read("res.users", uid, &["company_id", "company_ids"])
        .await;
    let own = user["company_id"].as_i64().expect("a company");
    let other = ids(&user["company_ids"]).into_iter().find(|id| *id != own);
    (own, other.expect("a second company"))
}

async fn a_cost_is_that_of_the_first_allowed_company(server: &Server) {
    let (own, other) = two_companies(server).await;
    let (_, variant) = server.create_product(json!({"name": unique("Cost")})).await;
    server
        .write("product.product", variant, json!({"standard_price": 4.5}))
        .await;
    let cost = async |companies: Option<[i64; 2]>| {
        let mut kwargs = json!({"fields": ["standard_price"], "context": {}});
        if let Some(companies) = companies {
            kwargs["context"] = json!({"allowed_company_ids": companies});
        }
        let rows = server
            .call("product.product", "read", json!([[variant]]), kwargs)
            .await;
        rows[0]["standard_price"].clone()
    };
    assert_eq!(cost(None).await, json!(4.5));
    assert_eq!(cost(Some([own, other])).await, json!(4.5));
    assert_eq!(cost(Some([other, own])).await, json!(0.0));
    let context = json!({"context": {"allowed_company_ids": [other, own]}});
    let args = json!([[variant], {"standard_price": 9.25}]);
    server.call("product.product", "write", args, context).await;
    assert_eq!(cost(Some([other, own])).await, json!(9.25));
    assert_eq!(cost(Some([own, other])).await, json!(4.5));
}

async fn a_record_of_another_company_is_hidden(server: &Server) {
    let (own, other) = two_companies(server).await;
    let (_, shown) = server
        .create_product(json!({"name": unique("Shown")}))
        .await;
    let values = json!({"name": unique("Hidden"), "company_id": other});
    let (_, hidden) = server.create_product(values).await;
    let only_own = json!({"allowed_company_ids": [own]});

    // `search` leaves it out.
    let kwargs = json!({"order": "id", "context": only_own});
    let domain = json!([[["id", "in", [shown, hidden]]]]);
    let found = server
        .call("product.product", "search", domain, kwargs)
        .await;
    assert_eq!(ids(&found), [shown]);

    // `read` refuses the whole page for it.
    let kwargs = json!({"fields": ["name"], "context": only_own});
    let page = json!([[shown, hidden]]);
    let fault = server
        .try_call("product.product", "read", page.clone(), kwargs)
        .await;
    assert_eq!(
        fault.expect_err("refused").name,
        "odoo.exceptions.AccessError"
    );

    let both = json!({"fields": ["name"], "context": {"allowed_company_ids": [own, other]}});
    let rows = server.call("product.product", "read", page, both).await;
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
}
