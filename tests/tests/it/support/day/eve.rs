//! The day before: what lies ready when a working day begins.

use std::time::Duration;

use serde_json::{Value, json};
use shared::specs::{REGISTRY, Stream};

use super::desk::Desk;
use super::{Day, PURCHASE, Place, Purchases, SALE, Sales};
use crate::support::odoo::Odoo;
use crate::support::wait_until;

impl<'a> Day<'a> {
    /// Has the day before, in Odoo.
    pub(crate) async fn dawn(odoo: &'a Odoo) -> Self {
        let desk = Desk::at(odoo).await;
        let flour = desk.product("Flour", 2.0).await;
        let salt = desk.product("Salt", 1.0).await;
        let vendor = odoo.create("res.partner", json!({"name": "Mill"})).await;
        let customer = odoo.create("res.partner", json!({"name": "Bakery"})).await;
        let home = Place::of(odoo, odoo.search("stock.warehouse", json!([])).await[0]).await;
        let code = format!("B{}", odoo.count("stock.warehouse").await);
        let branch = json!({"name": format!("Branch {code}"), "code": code});
        let branch = Place::of(odoo, odoo.create("stock.warehouse", branch).await).await;

        let shelf = json!({"name": "Shelf", "location_id": home.stock});
        let shelf = odoo.create("stock.location", shelf).await;
        let box_ = json!({"name": "Box", "location_id": shelf});
        let box_ = odoo.create("stock.location", box_).await;
        for (location, product, quantity) in [
            (home.stock, flour, 100.0),
            (home.stock, salt, 50.0),
            (box_, flour, 10.0),
        ] {
            desk.count(location, product, quantity).await;
        }

        let purchases = Purchases::made(&desk, vendor, flour, salt).await;
        let sales = Sales::made(&desk, customer, flour, salt).await;
        let send = async |item| {
            desk.send(home.warehouse, home.stock, branch.stock, item)
                .await
        };
        let day = Self {
            for_the_branch: send(desk.dozens(flour, 1.0)).await,
            on_the_way: [
                send(desk.dozens(flour, 1.0)).await,
                send(desk.units(flour, 4.0)).await,
            ],
            desk,
            flour,
            salt,
            home,
            branch,
            shelf,
            purchases,
            sales,
        };
        night(odoo).await;
        day
    }
}

impl Place {
    async fn of(odoo: &Odoo, warehouse: i64) -> Self {
        Self {
            warehouse,
            stock: odoo.id("stock.warehouse", warehouse, "lot_stock_id").await,
        }
    }
}

impl Purchases {
    async fn made(desk: &Desk<'_>, vendor: i64, flour: i64, salt: i64) -> Self {
        let three = [
            desk.units(flour, 10.0),
            desk.dozens(flour, 2.0),
            desk.units(salt, 5.0),
        ];
        let confirmed = async |quantity| {
            let items = [desk.units(flour, quantity)];
            let order = desk.purchase(vendor, &items).await;
            desk.press(PURCHASE, "button_confirm", order).await;
            order
        };
        let made = Self {
            quotation: desk.purchase(vendor, &three).await,
            received: confirmed(10.0).await,
            awaited: confirmed(7.0).await,
            unwanted: confirmed(8.0).await,
        };
        let receipt = desk.transfer_of(PURCHASE, made.received).await;
        desk.complete(receipt).await;
        made
    }
}

impl Sales {
    async fn made(desk: &Desk<'_>, customer: i64, flour: i64, salt: i64) -> Self {
        let two = [desk.units(flour, 6.0), desk.dozens(salt, 1.0)];
        let confirmed = async |quantity| {
            let items = [desk.units(flour, quantity)];
            let order = desk.sale(customer, &items).await;
            desk.press(SALE, "action_confirm", order).await;
            order
        };
        let made = Self {
            quotation: desk.sale(customer, &two).await,
            delivered: confirmed(8.0).await,
            promised: confirmed(3.0).await,
            unwanted: confirmed(2.0).await,
            held_back: confirmed(1.0).await,
        };
        let delivery = desk.transfer_of(SALE, made.delivered).await;
        desk.complete(delivery).await;
        made
    }
}

/// Puts a second and a later change of another record between what has been done and what
/// will be: an incremental run that follows a full one made now then finds a record of the
/// day before only if its change moves a change time.
async fn night(odoo: &Odoo) {
    let streams: Vec<&Stream> = REGISTRY.iter().flat_map(|spec| spec.streams).collect();
    let evening = touch(odoo, streams[0].model).await;
    wait_until("Odoo's clock shows another second", async || {
        tokio::time::sleep(Duration::from_millis(20)).await;
        touch(odoo, streams[0].model).await != evening
    })
    .await;
    for stream in streams {
        touch(odoo, stream.model).await;
    }
}

/// Moves the change time of the model's oldest record, and nothing else.
pub(crate) async fn touch(odoo: &Odoo, model: &str) -> Value {
    let oldest = odoo.search(model, json!([])).await[0];
    odoo.write(model, oldest, json!({})).await;
    odoo.get(model, oldest, "write_date").await
}
