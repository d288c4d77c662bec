//! What can be done to the models behind one data type.

use odoo_sim::{OdooSim, Version};
use serde_json::{Value, json};
use shared::specs::DataType;

use crate::support::random::Random;

/// What can be done to the models behind one data type.
pub(super) struct Desk {
    data_type: &'static str,
    version: Version,
    /// Records that were there before anybody changed anything, by model.
    old: Vec<(&'static str, Vec<i64>)>,
    /// The models that are mirrored.
    pub(super) mirrored: Vec<&'static str>,
    product: i64,
}

impl Desk {
    pub(super) fn of(spec: &'static DataType, sim: &OdooSim) -> Self {
        let models: &[&'static str] = match spec.name {
            "categories" => &["product.category"],
            "products" => &["product.product", "product.template", "uom.uom"],
            "warehouses" => &["stock.location", "stock.picking.type", "stock.warehouse"],
            "purchases" => &["purchase.order", "purchase.order.line"],
            "sales" => &["sale.order", "sale.order.line"],
            _ => &["stock.picking", "stock.move", "stock.move.line"],
        };
        let old = models.iter().map(|model| {
            let ids = sim.ids(model);
            (*model, ids.into_iter().take(40).collect())
        });
        Self {
            data_type: spec.name,
            version: sim.version(),
            old: old.collect(),
            mirrored: spec.streams.iter().map(|it| it.model).collect(),
            product: sim.ids("product.product")[0],
        }
    }

    /// A change to a record that stays.
    pub(super) fn edit(&self, random: &mut Random) -> (&'static str, i64, Value) {
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
            "uom.uom" | "stock.location" | "stock.picking.type" => {
                random.pick(&[json!({"name": text}), json!({"active": is_on})])
            }
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

    /// A mirrored record that stays, and a plain text of it.
    pub(super) fn text_of_one(&self, random: &mut Random) -> (&'static str, i64, &'static str) {
        let model = random.pick(&self.mirrored);
        let mut old = self.old.iter().filter(|(it, _)| *it == model);
        let (_, ids) = old.next().expect("all that is mirrored is changed");
        let field = match model {
            "product.product" => "default_code",
            "purchase.order" => "partner_ref",
            "sale.order" => "client_order_ref",
            "stock.picking" | "stock.move" => "origin",
            _ => "name",
        };
        (model, random.pick(ids), field)
    }

    /// A record that nothing refers to.
    pub(super) fn new_record(&self, random: &mut Random) -> (&'static str, Value) {
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
