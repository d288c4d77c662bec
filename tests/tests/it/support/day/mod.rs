//! A working day as people have it in a real Odoo: purchases and sales in all stages, goods
//! received, delivered, given back, moved, thrown away and counted.
//!
//! Everything happens to records that were there the day before and that no one else
//! touches, so a day can be had any number of times in one database.

mod desk;
mod eve;

use serde_json::{Value, json};

use desk::Desk;
pub(crate) use eve::touch;

const PURCHASE: &str = "purchase.order";
const SALE: &str = "sale.order";
const TRANSFER: &str = "stock.picking";

/// What lies ready in the morning.
pub(crate) struct Day<'a> {
    desk: Desk<'a>,
    flour: i64,
    salt: i64,
    home: Place,
    /// A second warehouse.
    branch: Place,
    shelf: i64,
    purchases: Purchases,
    sales: Sales,
    /// A dozen, from one warehouse to the other.
    for_the_branch: i64,
    /// Two transfers that stay unfinished.
    on_the_way: [i64; 2],
}

struct Place {
    warehouse: i64,
    stock: i64,
}

struct Purchases {
    quotation: i64,
    received: i64,
    awaited: i64,
    unwanted: i64,
}

struct Sales {
    quotation: i64,
    delivered: i64,
    promised: i64,
    unwanted: i64,
    /// Its transfer will be cancelled, not the order.
    held_back: i64,
}

/// One row that `odoo.stock_movements` should have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Movement {
    pub(crate) stock_move: i64,
    pub(crate) kind: String,
    pub(crate) warehouse: i64,
    pub(crate) product: i64,
    pub(crate) quantity: f64,
}

impl<'a> Day<'a> {
    /// Has the day. Returns what it moved, in no order.
    pub(crate) async fn pass(&self) -> Vec<Movement> {
        let movements = [
            self.buy().await,
            self.sell().await,
            self.keep_stock().await,
            self.correct().await,
        ];
        self.change_words().await;
        self.do_the_books().await;
        movements.concat()
    }

    /// A purchase is confirmed and a part of it received, another goes back in part, one
    /// is cancelled.
    async fn buy(&self) -> Vec<Movement> {
        let desk = &self.desk;
        let Purchases {
            quotation,
            received,
            unwanted,
            ..
        } = self.purchases;
        desk.press(PURCHASE, "button_confirm", quotation).await;
        let receipt = desk.transfer_of(PURCHASE, quotation).await;
        let [flour, dozens, _] = desk.moves(receipt).await[..] else {
            panic!("a move for each of three lines");
        };
        desk.enter_done(flour, &json!(4)).await;
        desk.enter_done(dozens, &json!(12)).await;
        desk.validate(receipt).await;
        desk.press(PURCHASE, "button_cancel", unwanted).await;
        let receipt = desk.transfer_of(PURCHASE, received).await;
        let back = desk.give_back(receipt, 3.0).await;
        vec![
            self.at_home(flour, "purchase", self.flour, 4.0),
            self.at_home(dozens, "purchase", self.flour, 12.0),
            self.at_home(back, "purchase_return", self.flour, -3.0),
        ]
    }

    /// A sale is confirmed and delivered, another comes back in part, one is cancelled, and
    /// the transfer of one.
    async fn sell(&self) -> Vec<Movement> {
        let desk = &self.desk;
        let Sales {
            quotation,
            delivered,
            unwanted,
            held_back,
            ..
        } = self.sales;
        desk.press(SALE, "action_confirm", quotation).await;
        let delivery = desk.transfer_of(SALE, quotation).await;
        desk.complete(delivery).await;
        let [flour, salt] = desk.moves(delivery).await[..] else {
            panic!("a move for each of two lines");
        };
        desk.press(SALE, "action_cancel", unwanted).await;
        let delivery = desk.transfer_of(SALE, held_back).await;
        desk.press(TRANSFER, "action_cancel", delivery).await;
        let delivery = desk.transfer_of(SALE, delivered).await;
        let back = desk.give_back(delivery, 2.0).await;
        vec![
            self.at_home(flour, "sale", self.flour, -6.0),
            self.at_home(salt, "sale", self.salt, -12.0),
            self.at_home(back, "sale_return", self.flour, 2.0),
        ]
    }

    /// A dozen goes to the branch, some is thrown away, and what lies there is counted.
    async fn keep_stock(&self) -> Vec<Movement> {
        let desk = &self.desk;
        desk.complete(self.for_the_branch).await;
        let sent = desk.moves(self.for_the_branch).await[0];
        let spoilt = desk
            .scrap(self.home.stock, desk.units(self.flour, 2.0))
            .await;
        let too_little = self.on_hand(self.flour).await - 5.0;
        let lost = desk.count(self.home.stock, self.flour, too_little).await;
        let too_much = self.on_hand(self.salt).await + 7.0;
        let found = desk.count(self.home.stock, self.salt, too_much).await;
        let arrived = Movement {
            warehouse: self.branch.warehouse,
            ..self.at_home(sent, "transfer_in", self.flour, 12.0)
        };
        vec![
            self.at_home(sent, "transfer_out", self.flour, -12.0),
            arrived,
            self.at_home(spoilt, "wastage", self.flour, -2.0),
            self.at_home(lost, "adjustment", self.flour, -5.0),
            self.at_home(found, "adjustment", self.salt, 7.0),
        ]
    }

    /// Quantities are corrected: of a receipt that is done, of two transfers that are not,
    /// of confirmed orders.
    async fn correct(&self) -> Vec<Movement> {
        let desk = &self.desk;
        let receipt = desk.transfer_of(PURCHASE, self.purchases.received).await;
        let received = desk.moves(receipt).await[0];
        desk.enter_on_line(received, 11.0).await;

        let [fewer, none] = self.on_the_way;
        let fewer = desk.moves(fewer).await[0];
        desk.enter_on_line(fewer, 0.5).await;
        let none = desk.moves(none).await[0];
        let lines = desk.odoo.ids("stock.move", none, "move_line_ids").await;
        let unlink = desk.odoo.call("stock.move.line", "unlink", json!([lines]));
        unlink.await;

        for (model, order, field) in [
            (PURCHASE, self.purchases.awaited, "product_qty"),
            (SALE, self.sales.promised, "product_uom_qty"),
        ] {
            self.write_line(model, order, json!({field: 9})).await;
            desk.lock(model, order).await;
        }
        vec![self.at_home(received, "purchase", self.flour, 11.0)]
    }

    /// Lines' texts, and names that are part of others' names.
    async fn change_words(&self) {
        let odoo = self.desk.odoo;
        for (model, order) in [
            (PURCHASE, self.purchases.received),
            (SALE, self.sales.delivered),
        ] {
            self.write_line(model, order, json!({"name": "Süß & 茶\nnew"}))
                .await;
        }
        let values = json!({"partner_ref": "M-17", "date_planned": "2030-02-01 10:00:00"});
        odoo.write(PURCHASE, self.purchases.quotation, values).await;
        let values = json!({"client_order_ref": "B-4", "commitment_date": "2030-02-01 10:00:00"});
        odoo.write(SALE, self.sales.promised, values).await;
        odoo.write("stock.location", self.shelf, json!({"name": "Rack"}))
            .await;
        let branch = self.branch.warehouse;
        let code = odoo.get("stock.warehouse", branch, "code").await;
        let code = code.as_str().expect("text").replace('B', "N");
        let values = json!({"name": format!("North {code}"), "code": code});
        odoo.write("stock.warehouse", branch, values).await;
        let kind = odoo.id("stock.warehouse", branch, "int_type_id").await;
        odoo.write("stock.picking.type", kind, json!({"name": "Inside"}))
            .await;
    }

    /// A bill and an invoice. And the cost, which Odoo 14 keeps beside the product.
    async fn do_the_books(&self) {
        let odoo = self.desk.odoo;
        let received = self.purchases.received;
        let button = "action_create_invoice";
        self.desk.press(PURCHASE, button, received).await;
        let bills = odoo.ids(PURCHASE, received, "invoice_ids").await;
        let values = json!({"invoice_date": "2026-01-31"});
        odoo.write("account.move", bills[0], values).await;
        self.desk.invoice(self.sales.quotation).await;
        let invoices = odoo.ids(SALE, self.sales.quotation, "invoice_ids").await;
        for id in [bills[0], invoices[0]] {
            self.desk.press("account.move", "action_post", id).await;
        }
        odoo.write(
            "product.product",
            self.salt,
            json!({"standard_price": 1.25}),
        )
        .await;
    }

    fn at_home(&self, stock_move: i64, kind: &str, product: i64, quantity: f64) -> Movement {
        Movement {
            stock_move,
            kind: kind.to_owned(),
            warehouse: self.home.warehouse,
            product,
            quantity,
        }
    }

    /// What Odoo believes to lie in the home stock itself, not below it.
    async fn on_hand(&self, product: i64) -> f64 {
        let odoo = self.desk.odoo;
        let here = json!([
            ["product_id", "=", product],
            ["location_id", "=", self.home.stock]
        ]);
        let quant = odoo.search("stock.quant", here).await[0];
        let quantity = odoo.get("stock.quant", quant, "quantity").await;
        quantity.as_f64().expect("a number")
    }

    async fn write_line(&self, model: &str, order: i64, values: Value) {
        let lines = self.desk.odoo.ids(model, order, "order_line").await;
        let line = format!("{model}.line");
        self.desk.odoo.write(&line, lines[0], values).await;
    }
}
