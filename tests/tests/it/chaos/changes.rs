//! What people do in Odoo while it is synced.

use std::time::Duration;

use odoo_sim::{OdooSim, Transaction, Version};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::world::World;
use crate::support::random::Random;

/// What `SYNC_OVERLAP_SECONDS` is where nobody sets it, less what a slow machine may take between
/// two looks at a clock.
const OVERLAP: Duration = Duration::from_secs(290);
/// What a run may delete unasked, so that a settled world needs no confirmation.
const MOST_DELETIONS: usize = 4;

/// What the next incremental run has to bring in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Every row that Odoo has.
    EveryRow,
    /// Nothing: something was committed later than the overlap after its change time.
    OnlyByReconcile,
}

/// Those who change Odoo.
pub(super) struct People<'a> {
    sim: &'a OdooSim,
    desk: Desk,
    random: Random,
    open: Vec<Open<'a>>,
    made: Vec<(&'static str, i64)>,
    deletions: usize,
    promise: Promise,
}

/// A transaction that is not committed yet.
struct Open<'a> {
    transaction: Transaction<'a>,
    began: jiff::Timestamp,
    made: Vec<(&'static str, i64)>,
}

impl<'a> People<'a> {
    pub(super) fn of(world: &'a World, random: Random) -> Self {
        Self {
            sim: &world.sim,
            desk: Desk::of(world),
            random,
            open: Vec::new(),
            made: Vec::new(),
            deletions: 0,
            promise: Promise::EveryRow,
        }
    }

    /// Changes something every few milliseconds.
    pub(super) async fn live(&mut self, until: Instant) {
        while Instant::now() < until {
            sleep(self.random.milliseconds(60)).await;
            match self.random.below(20) {
                0..2 => self.pass_time(),
                2..5 => self.commit_one(),
                5..6 => self.delete_one(),
                _ => self.change(),
            }
        }
    }

    /// Commits what is open or takes it back. Returns what the next run owes.
    pub(super) fn come_to_rest(&mut self) -> Promise {
        while !self.open.is_empty() {
            self.commit_one();
        }
        self.promise
    }

    /// Minutes, so that what has been read falls out of the next windows. Seldom more than the
    /// overlap while a transaction is open.
    fn pass_time(&mut self) {
        let is_long = self.open.is_empty() || self.random.percent(12);
        let seconds = if is_long { 600 } else { 60 };
        self.sim.clock().advance(Duration::from_secs(seconds));
    }

    fn change(&mut self) {
        let mut transaction = self.sim.begin();
        let began = self.sim.clock().now();
        let mut made = Vec::new();
        for _ in 0..=self.random.below(3) {
            if self.random.percent(30) {
                let (model, values) = self.desk.new_record(&mut self.random);
                made.push((model, transaction.create(model, values)));
            } else {
                let (model, id, values) = self.desk.edit(&mut self.random);
                transaction.write(model, &[id], values);
            }
        }
        let open = Open {
            transaction,
            began,
            made,
        };
        if self.random.percent(35) {
            self.open.push(open);
        } else {
            self.commit(open);
        }
    }

    fn commit_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let at = self.random.below(self.open.len() as u64);
        let open = self
            .open
            .swap_remove(usize::try_from(at).expect("it is below a length"));
        // Some think better of it.
        if self.random.percent(90) {
            self.commit(open);
        }
    }

    fn commit(&mut self, open: Open<'_>) {
        let took = self.sim.clock().now().duration_since(open.began);
        open.transaction.commit();
        self.made.extend(open.made);
        if took.unsigned_abs() > OVERLAP {
            self.promise = Promise::OnlyByReconcile;
        }
    }

    /// Only what was made here: nothing else refers to it.
    fn delete_one(&mut self) {
        if self.made.is_empty() || self.deletions == MOST_DELETIONS {
            return;
        }
        let at = self.random.below(self.made.len() as u64);
        let (model, id) = self
            .made
            .swap_remove(usize::try_from(at).expect("it is below a length"));
        self.sim.unlink(model, &[id]);
        self.deletions += 1;
    }
}

/// What can be done to the models behind one data type.
struct Desk {
    data_type: &'static str,
    version: Version,
    /// Records that were there before anybody changed anything, by model.
    old: Vec<(&'static str, Vec<i64>)>,
    product: i64,
}

impl Desk {
    fn of(world: &World) -> Self {
        let models: &[&'static str] = match world.spec.name {
            "categories" => &["product.category"],
            "products" => &["product.product", "product.template", "uom.uom"],
            "warehouses" => &["stock.location", "stock.picking.type", "stock.warehouse"],
            "purchases" => &["purchase.order", "purchase.order.line"],
            "sales" => &["sale.order", "sale.order.line"],
            _ => &["stock.picking", "stock.move", "stock.move.line"],
        };
        let old = models.iter().map(|model| {
            let ids = world.sim.ids(model);
            // What comes later may be deleted any time.
            (*model, ids.into_iter().take(40).collect())
        });
        Self {
            data_type: world.spec.name,
            version: world.sim.version(),
            old: old.collect(),
            product: world.sim.ids("product.product")[0],
        }
    }

    /// A change to a record that stays.
    fn edit(&self, random: &mut Random) -> (&'static str, i64, Value) {
        let (model, ids) = random.pick(&self.old);
        let id = random.pick(&ids);
        let number = 1.0 + random.below(10_000) as f64 / 100.0;
        let text = format!("T{}", random.below(1_000_000));
        let is_on = random.percent(60);
        let values = match model {
            "product.product" => random.pick(&[
                json!({"weight": number, "active": is_on}),
                json!({"default_code": text}),
                json!({"standard_price": number}),
                json!({"list_price": number, "name": text}),
            ]),
            "product.template" => json!({"list_price": number, "name": text}),
            "stock.location" => random.pick(&[json!({"name": text}), json!({"active": is_on})]),
            "stock.warehouse" => json!({"name": text}),
            "purchase.order" => random.pick(&[
                json!({"partner_ref": text}),
                json!({"state": "cancel"}),
                json!({"state": "purchase", "origin": text}),
            ]),
            "purchase.order.line" => json!({"product_qty": number, "price_unit": number}),
            "sale.order" => random.pick(&[
                json!({"client_order_ref": text}),
                json!({"state": "sale", "origin": text}),
            ]),
            "sale.order.line" => json!({"product_uom_qty": number, "discount": 10.0}),
            "stock.picking" | "stock.move" => {
                random.pick(&[json!({"origin": text}), json!({"state": "done"})])
            }
            "stock.move.line" => json!({self.done_of_line(): number}),
            _ => json!({"name": text}),
        };
        (model, id, values)
    }

    /// A record that nothing refers to.
    fn new_record(&self, random: &mut Random) -> (&'static str, Value) {
        let name = format!("N{}", random.below(1_000_000));
        match self.data_type {
            "categories" => {
                let (_, ids) = &self.old[0];
                let parent = random.pick(ids);
                (
                    "product.category",
                    json!({"name": name, "parent_id": parent}),
                )
            }
            "products" => ("product.product", json!({"name": name, "list_price": 4.5})),
            "warehouses" => {
                let (_, ids) = &self.old[0];
                let parent = random.pick(ids);
                (
                    "stock.location",
                    json!({"name": name, "location_id": parent}),
                )
            }
            "purchases" => {
                let line = self.order_line("product_qty", random);
                let order = json!({"partner_id": 1, "partner_ref": name, "order_line": line});
                ("purchase.order", order)
            }
            "sales" => {
                let line = self.order_line("product_uom_qty", random);
                let order = json!({"partner_id": 1, "client_order_ref": name, "order_line": line});
                ("sale.order", order)
            }
            _ => ("stock.move", self.stock_move(&name, random)),
        }
    }

    fn order_line(&self, quantity: &str, random: &mut Random) -> Value {
        let unit = if self.version.major() >= 19 {
            "product_uom_id"
        } else {
            "product_uom"
        };
        let number = 1.0 + random.below(100) as f64;
        json!([[0, 0, {
            "name": "Two", "product_id": self.product, quantity: number, "price_unit": 4.5, unit: 1,
        }]])
    }

    fn stock_move(&self, name: &str, random: &mut Random) -> Value {
        let done = if self.version.major() >= 17 {
            "quantity"
        } else {
            "quantity_done"
        };
        let mut values = json!({
            "product_id": self.product, "product_uom": 1, "product_uom_qty": 40.0,
            "location_id": 1, "location_dest_id": 2, "origin": name,
            done: random.below(40),
        });
        if self.version.major() <= 18 {
            values["name"] = json!(name);
        }
        values
    }

    fn done_of_line(&self) -> &'static str {
        if self.version.major() >= 17 {
            "quantity"
        } else {
            "qty_done"
        }
    }
}
