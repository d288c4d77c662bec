//! How a thing is done in Odoo by hand, on 14 and on 19: the buttons that people press and
//! the questions that Odoo asks them back.

use serde_json::{Value, json};

use crate::support::odoo::Odoo;

/// A user of Odoo who buys, sells and keeps stock.
pub(super) struct Desk<'a> {
    pub(super) odoo: &'a Odoo,
    /// The unit that each product here is kept in.
    pub(super) unit: i64,
    pub(super) dozen: i64,
    is_14: bool,
}

/// So much of a product, in a unit.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) product: i64,
    pub(super) quantity: f64,
    pub(super) unit: i64,
}

impl<'a> Desk<'a> {
    pub(super) async fn at(odoo: &'a Odoo) -> Self {
        let moves = odoo.fields("stock.move").await;
        Self {
            odoo,
            unit: named(odoo, "product_uom_unit").await,
            dozen: named(odoo, "product_uom_dozen").await,
            is_14: moves.iter().any(|field| field == "quantity_done"),
        }
    }

    /// So many units of a product.
    pub(super) fn units(&self, product: i64, quantity: f64) -> Item {
        Item {
            product,
            quantity,
            unit: self.unit,
        }
    }

    /// So many dozens of a product.
    pub(super) fn dozens(&self, product: i64, quantity: f64) -> Item {
        Item {
            unit: self.dozen,
            ..self.units(product, quantity)
        }
    }

    /// A product that Odoo keeps stock of.
    pub(super) async fn product(&self, name: &str, cost: f64) -> i64 {
        let mut values = json!({"name": name, "standard_price": cost});
        if self.is_14 {
            values["type"] = json!("product");
        } else {
            values["is_storable"] = json!(true);
        }
        self.odoo.create("product.product", values).await
    }

    /// A request for quotation.
    pub(super) async fn purchase(&self, vendor: i64, items: &[Item]) -> i64 {
        let unit = self.either("product_uom", "product_uom_id");
        let lines = items.iter().map(|item| {
            let line = json!({
                "product_id": item.product, "product_qty": item.quantity, unit: item.unit,
                "price_unit": 2.5, "name": "As milled", "date_planned": "2030-01-07 08:00:00",
            });
            json!([0, 0, line])
        });
        let values = json!({"partner_id": vendor, "order_line": lines.collect::<Vec<_>>()});
        self.odoo.create("purchase.order", values).await
    }

    /// A quotation.
    pub(super) async fn sale(&self, customer: i64, items: &[Item]) -> i64 {
        let unit = self.either("product_uom", "product_uom_id");
        let lines = items.iter().map(|item| {
            let line = json!({
                "product_id": item.product, "product_uom_qty": item.quantity, unit: item.unit,
                "price_unit": 4.2, "name": "As baked",
            });
            json!([0, 0, line])
        });
        let values = json!({"partner_id": customer, "order_line": lines.collect::<Vec<_>>()});
        self.odoo.create("sale.order", values).await
    }

    /// Presses a button of a record.
    pub(super) async fn press(&self, model: &str, button: &str, id: i64) -> Value {
        self.odoo.call(model, button, json!([[id]])).await
    }

    /// The confirmed order's transfer.
    pub(super) async fn transfer_of(&self, model: &str, order: i64) -> i64 {
        self.odoo.ids(model, order, "picking_ids").await[0]
    }

    /// Moves of a transfer, in the order of its lines.
    pub(super) async fn moves(&self, transfer: i64) -> Vec<i64> {
        let domain = json!([["picking_id", "=", transfer]]);
        self.odoo.search("stock.move", domain).await
    }

    /// Enters what was done of a move, in the move's unit.
    pub(super) async fn enter_done(&self, stock_move: i64, quantity: &Value) {
        let values = if self.is_14 {
            json!({"quantity_done": quantity})
        } else {
            json!({"quantity": quantity, "picked": true})
        };
        self.odoo.write("stock.move", stock_move, values).await;
    }

    /// Changes the quantity of a move's first line, which on 14 leaves the move's own
    /// change time as it is.
    pub(super) async fn enter_on_line(&self, stock_move: i64, quantity: f64) {
        let lines = self.odoo.ids("stock.move", stock_move, "move_line_ids");
        let line = lines.await[0];
        let field = self.either("qty_done", "quantity");
        let values = json!({field: quantity});
        self.odoo.write("stock.move.line", line, values).await;
    }

    /// Validates a transfer, with a back order for what is left.
    pub(super) async fn validate(&self, transfer: i64) {
        let button = "button_validate";
        let mut answer = self.press("stock.picking", button, transfer).await;
        while let Some(wizard) = answer["res_model"].as_str().map(str::to_owned) {
            let context = json!({"context": answer["context"]});
            let call = self
                .odoo
                .call_with(&wizard, "create", json!([{}]), context.clone());
            let id = call.await;
            let process = self
                .odoo
                .call_with(&wizard, "process", json!([[id]]), context);
            answer = process.await;
        }
        let state = self.odoo.get("stock.picking", transfer, "state").await;
        assert_eq!(state, "done", "transfer {transfer}: {answer}");
    }

    /// Does all that a transfer asks for.
    pub(super) async fn complete(&self, transfer: i64) {
        self.press("stock.picking", "action_assign", transfer).await;
        for stock_move in self.moves(transfer).await {
            let demand = self.odoo.get("stock.move", stock_move, "product_uom_qty");
            self.enter_done(stock_move, &demand.await).await;
        }
        self.validate(transfer).await;
    }

    /// Gives back so much of a transfer's first move; the move that does it.
    pub(super) async fn give_back(&self, transfer: i64, quantity: f64) -> i64 {
        const WIZARD: &str = "stock.return.picking";
        let odoo = self.odoo;
        let stock_move = self.moves(transfer).await[0];
        let context = json!({"context": {
            "active_model": "stock.picking", "active_id": transfer, "active_ids": [transfer],
        }});
        let mut values = json!({"picking_id": transfer});
        if self.is_14 {
            // What the form of 14 fills in.
            let product = odoo.id("stock.move", stock_move, "product_id").await;
            values["location_id"] = odoo.get("stock.picking", transfer, "location_id").await;
            values["product_return_moves"] = json!([[0, 0, {
                "product_id": product, "move_id": stock_move, "quantity": quantity,
                "to_refund": true,
            }]]);
        }
        let wizard = odoo.call_with(WIZARD, "create", json!([values]), context.clone());
        let wizard = wizard.await.as_i64().expect("an id");
        if !self.is_14 {
            let domain = json!([["wizard_id", "=", wizard], ["move_id", "=", stock_move]]);
            let lines = odoo.search("stock.return.picking.line", domain).await;
            let values = json!({"quantity": quantity, "to_refund": true});
            odoo.write("stock.return.picking.line", lines[0], values)
                .await;
        }
        let button = self.either("create_returns", "action_create_returns");
        let opened = odoo.call_with(WIZARD, button, json!([[wizard]]), context);
        let back = opened.await["res_id"].as_i64().expect("a transfer");
        self.complete(back).await;
        self.moves(back).await[0]
    }

    /// A transfer between two locations of ours, reserved.
    pub(super) async fn send(&self, warehouse: i64, from: i64, to: i64, item: Item) -> i64 {
        let kind = self.odoo.id("stock.warehouse", warehouse, "int_type_id");
        let mut stock_move = json!({
            "product_id": item.product, "product_uom_qty": item.quantity,
            "product_uom": item.unit, "location_id": from, "location_dest_id": to,
        });
        if self.is_14 {
            stock_move["name"] = json!("Sent");
        }
        let values = json!({
            "picking_type_id": kind.await, "location_id": from, "location_dest_id": to,
            self.either("move_lines", "move_ids"): [[0, 0, stock_move]],
        });
        let transfer = self.odoo.create("stock.picking", values).await;
        for button in ["action_confirm", "action_assign"] {
            self.press("stock.picking", button, transfer).await;
        }
        transfer
    }

    /// Enters what was counted of a product at a location; the move that makes up for it.
    pub(super) async fn count(&self, location: i64, product: i64, counted: f64) -> i64 {
        if self.is_14 {
            self.count_on_14(location, product, counted).await;
        } else {
            let context = json!({"context": {"inventory_mode": true}});
            let values = json!({
                "product_id": product, "location_id": location, "inventory_quantity": counted,
            });
            let quant =
                self.odoo
                    .call_with("stock.quant", "create", json!([values]), context.clone());
            let quant = quant.await;
            let apply = "action_apply_inventory";
            self.odoo
                .call_with("stock.quant", apply, json!([[quant]]), context)
                .await;
        }
        self.newest_move().await
    }

    async fn count_on_14(&self, location: i64, product: i64, counted: f64) {
        const INVENTORY: &str = "stock.inventory";
        const LINE: &str = "stock.inventory.line";
        let values = json!({
            "name": "Count", "location_ids": [[6, 0, [location]]],
            "product_ids": [[6, 0, [product]]],
        });
        let inventory = self.odoo.create(INVENTORY, values).await;
        self.press(INVENTORY, "action_start", inventory).await;
        let here = json!([
            ["inventory_id", "=", inventory],
            ["location_id", "=", location]
        ]);
        if let Some(&line) = self.odoo.search(LINE, here).await.first() {
            let values = json!({"product_qty": counted});
            self.odoo.write(LINE, line, values).await;
        } else {
            let values = json!({
                "inventory_id": inventory, "product_id": product, "location_id": location,
                "product_qty": counted, "product_uom_id": self.unit,
            });
            self.odoo.create(LINE, values).await;
        }
        self.press(INVENTORY, "action_validate", inventory).await;
    }

    /// Throws away; the move that does it.
    pub(super) async fn scrap(&self, location: i64, item: Item) -> i64 {
        let values = json!({
            "product_id": item.product, "scrap_qty": item.quantity,
            "product_uom_id": item.unit, "location_id": location,
        });
        let scrap = self.odoo.create("stock.scrap", values).await;
        self.press("stock.scrap", "action_validate", scrap).await;
        self.newest_move().await
    }

    /// Locks a confirmed order.
    pub(super) async fn lock(&self, model: &str, order: i64) {
        let button = match model {
            "sale.order" => self.either("action_done", "action_lock"),
            _ => self.either("button_done", "button_lock"),
        };
        self.press(model, button, order).await;
    }

    /// Invoices what a sale order has delivered.
    pub(super) async fn invoice(&self, order: i64) {
        const WIZARD: &str = "sale.advance.payment.inv";
        let context = json!({"context": {
            "active_model": "sale.order", "active_id": order, "active_ids": [order],
        }});
        let values = json!([{"advance_payment_method": "delivered"}]);
        let wizard = self
            .odoo
            .call_with(WIZARD, "create", values, context.clone());
        let wizard = wizard.await;
        self.odoo
            .call_with(WIZARD, "create_invoices", json!([[wizard]]), context)
            .await;
    }

    async fn newest_move(&self) -> i64 {
        let kwargs = json!({"order": "id desc", "limit": 1});
        let ids = self
            .odoo
            .call_with("stock.move", "search", json!([[]]), kwargs);
        ids.await[0].as_i64().expect("a move")
    }

    fn either(&self, on_14: &'static str, on_19: &'static str) -> &'static str {
        if self.is_14 { on_14 } else { on_19 }
    }
}

/// A unit of measure that every Odoo has.
async fn named(odoo: &Odoo, name: &str) -> i64 {
    let domain = json!([["module", "=", "uom"], ["name", "=", name]]);
    let found = odoo.search("ir.model.data", domain).await;
    let id = odoo.get("ir.model.data", found[0], "res_id").await;
    id.as_i64().expect("an id")
}
