//! What came of confirmed orders: transfers, backorders, returns, invoices.

use super::orders::{Side, line_model};
use super::places::{Places, Warehouse};
use super::random::Random;
use super::row::{Times, set};
use super::transfers::{Around, Move, Picking, number, picking, stock_move};
use crate::store::World;
use crate::value::Value;

/// One line of goods on its way: its id and its move.
pub(super) struct Ordered {
    pub(super) line: i64,
    pub(super) goods: Move,
}

/// A confirmed order.
pub(super) struct Confirmed<'a> {
    pub(super) id: i64,
    pub(super) side: Side,
    pub(super) name: &'a str,
    pub(super) partner: i64,
    pub(super) times: Times,
    pub(super) warehouse: &'a Warehouse,
    pub(super) ordered: Vec<Ordered>,
}

impl Confirmed<'_> {
    /// The order's transfer, sometimes with a backorder, sometimes sent back in part.
    pub(super) fn deliver(&self, world: &mut World, random: &mut Random, places: &Places) {
        let Confirmed {
            side,
            name: origin,
            partner,
            times,
            warehouse,
            ref ordered,
            ..
        } = *self;
        if ordered.is_empty() {
            return;
        }
        let (kind, prefix, from, to) = match side {
            Side::Purchase => (warehouse.incoming, "IN", places.vendor, warehouse.stock),
            Side::Sale => (warehouse.outgoing, "OUT", warehouse.stock, places.customer),
        };
        let state = match random.below(100) {
            0..70 => "done",
            70..85 => "assigned",
            85..93 => "confirmed",
            _ => "cancel",
        };
        let mut way = Picking {
            kind,
            name: number(world, warehouse.code, prefix),
            from,
            to,
            state,
            partner: Some(partner),
            origin: Some(origin),
            backorder: None,
        };
        let first = picking(world, times, &way);
        let in_parts = state == "done" && random.percent(20);
        let around = Around::picking(first, &way);
        let mut moves = Vec::new();
        let mut done = Vec::new();
        for it in ordered {
            let mut part = it.goods;
            if in_parts {
                part.done = (part.demand / 2.0).ceil().min(part.demand);
                part.demand = part.done;
            }
            moves.push(stock_move(world, times, &part, around, Vec::new()));
            done.push(if state == "done" { part.done } else { 0.0 });
        }
        if in_parts {
            way.backorder = Some(first);
            way.name = number(world, warehouse.code, prefix);
            way.state = if random.percent(50) {
                "done"
            } else {
                "assigned"
            };
            let second = picking(world, times, &way);
            for (at, it) in ordered.iter().enumerate() {
                let mut rest = it.goods;
                rest.demand = hundredths(rest.demand - done[at]);
                rest.done = rest.demand;
                if rest.demand > 0.0 {
                    let around = Around::picking(second, &way);
                    stock_move(world, times, &rest, around, Vec::new());
                    done[at] += if way.state == "done" { rest.done } else { 0.0 };
                }
            }
        }
        if state == "done" && random.percent(12) {
            done[0] -= self.send_back(world, &way, moves[0], done[0]);
        }
        for (it, done) in ordered.iter().zip(done) {
            let model = line_model(world, side);
            set(world, model, it.line, "qty_received", Value::Float(done));
            set(world, model, it.line, "qty_delivered", Value::Float(done));
        }
    }

    /// One piece of the first line goes back; how much that is.
    fn send_back(&self, world: &mut World, way: &Picking<'_>, returned: i64, most: f64) -> f64 {
        let Confirmed {
            side,
            times,
            warehouse,
            ref ordered,
            ..
        } = *self;
        let (kind, prefix) = match side {
            Side::Purchase => (warehouse.outgoing, "OUT"),
            Side::Sale => (warehouse.incoming, "IN"),
        };
        let origin = format!("Return of {}", way.name);
        let back = Picking {
            kind,
            name: number(world, warehouse.code, prefix),
            from: way.to,
            to: way.from,
            state: "done",
            partner: way.partner,
            origin: Some(&origin),
            backorder: None,
        };
        let id = picking(world, times, &back);
        let mut goods = ordered[0].goods;
        goods.demand = most.min(1.0);
        goods.done = goods.demand;
        goods.returned = Some(returned);
        stock_move(world, times, &goods, Around::picking(id, &back), Vec::new());
        goods.done
    }

    /// What came or went is invoiced in most cases.
    pub(super) fn invoice(&self, world: &mut World, random: &mut Random) {
        let Confirmed {
            id: order,
            side,
            ref ordered,
            ..
        } = *self;
        let invoiced = random.percent(60);
        let lines = line_model(world, side);
        let status = if invoiced { "invoiced" } else { "to invoice" };
        let received = match side {
            Side::Purchase => "qty_received",
            Side::Sale => "qty_delivered",
        };
        for it in ordered {
            let column = world.models[lines].column(received);
            let quantity = world.tables[lines]
                .get(it.line)
                .zip(column)
                .map_or(Value::Null, |(row, column)| row[column].clone());
            let quantity = if invoiced {
                quantity
            } else {
                Value::Float(0.0)
            };
            set(world, lines, it.line, "qty_invoiced", quantity);
            set(world, lines, it.line, "invoice_status", Value::text(status));
        }
        let model = world.index(match side {
            Side::Purchase => "purchase.order",
            Side::Sale => "sale.order",
        });
        set(world, model, order, "invoice_status", Value::text(status));
    }
}

/// As many digits as a quantity is stored with.
fn hundredths(quantity: f64) -> f64 {
    (quantity * 100.0).round() / 100.0
}
