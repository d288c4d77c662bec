//! Near real time in a real Odoo: an automation rule of its own calls the hook when something changes.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::surface::{Settings, Surface};
use crate::support::odoo::Odoo;
use crate::support::wait_until;

const TOKEN: &str = "kennwort-des-hakens";
const LIMIT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_price_changed_in_odoo_19_is_in_the_mirror_within_3_seconds() {
    let settings = Settings {
        variables: vec![("SYNC_HOOK_TOKENS", r#"{"products": "kennwort-des-hakens"}"#)],
        ..Settings::default()
    };
    let surface = Surface::over(Odoo::real(19, false).await, (), settings).await;
    let odoo = &surface.odoo;
    let (status, body) = surface
        .ask(Method::POST, "/api/sync/products", &json!({}))
        .await;
    assert_eq!(status, 200, "{body}\n{}", surface.log());
    install_automation(odoo).await;
    let url = format!(
        "{}/api/sync/hooks/odoo/products?token={TOKEN}",
        surface.url()
    );
    let rule = make_rule(odoo, &url).await;

    let product = odoo
        .search("product.product", json!([["sale_ok", "=", true]]))
        .await[0];
    let template = odoo.id("product.product", product, "product_tmpl_id").await;
    let mut times = Vec::new();
    for price in [17.25, 18.5, 19.75] {
        let started = Instant::now();
        let values = json!({"list_price": price});
        odoo.write("product.template", template, values).await;
        wait_until("the price is in the mirror", async || {
            price_here(&surface, product).await == Some(price)
        })
        .await;
        times.push(started.elapsed());
    }
    odoo.call("base.automation", "unlink", json!([[rule]]))
        .await;
    eprintln!("a changed price was in the mirror after {times:?}");
    assert!(
        times.iter().all(|time| *time < LIMIT),
        "{times:?}\n{}",
        surface.log()
    );
}

async fn price_here(surface: &Surface<()>, product: i64) -> Option<f64> {
    let sql = "select list_price::float8 from odoo.products where odoo_id = $1";
    let row = surface.database.client.query_one(sql, &[&product]).await;
    row.expect("the product").get(0)
}

/// Odoo's own module for automation rules; twice is harmless.
async fn install_automation(odoo: &Odoo) {
    let module = odoo
        .search(
            "ir.module.module",
            json!([["name", "=", "base_automation"]]),
        )
        .await[0];
    if odoo.get("ir.module.module", module, "state").await != "installed" {
        let install = "button_immediate_install";
        odoo.call("ir.module.module", install, json!([[module]]))
            .await;
    }
}

/// The rule that docs/REALTIME.md describes.
async fn make_rule(odoo: &Odoo, url: &str) -> i64 {
    let id_of = async |model: &str, domain: Value| odoo.search(model, domain).await[0];
    let model = id_of("ir.model", json!([["model", "=", "product.template"]])).await;
    let field = json!([["model", "=", "product.template"], ["name", "=", "name"]]);
    let field = id_of("ir.model.fields", field).await;
    let action = json!({
        "name": "Tell the mirror", "model_id": model, "state": "webhook", "webhook_url": url,
        "webhook_field_ids": [[6, 0, [field]]],
    });
    let rule = json!({
        "name": "Mirror: products", "model_id": model, "trigger": "on_create_or_write",
        "action_server_ids": [[0, 0, action]],
    });
    odoo.create("base.automation", rule).await
}
