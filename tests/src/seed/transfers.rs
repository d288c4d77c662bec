//! Transfers and stock moves, those of orders and those without: adjustments, scraps, transfers
//! within and between warehouses, what was made or used up in production.

use super::orders::Good;
use super::places::{Places, Warehouse};
use super::random::Random;
use super::row::{Times, add, set};
use super::{NEWEST, SPAN};
use crate::store::World;
use crate::value::Value;

/// A transfer to be made.
pub(super) struct Picking<'a> {
    pub(super) kind: i64,
    pub(super) name: String,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) state: &'static str,
    pub(super) partner: Option<i64>,
    pub(super) origin: Option<&'a str>,
    pub(super) backorder: Option<i64>,
}

/// A move to be made. The quantities are in the move's own unit.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub(super) product: i64,
    pub(super) unit: i64,
    pub(super) demand: f64,
    pub(super) done: f64,
    pub(super) price: f64,
    pub(super) purchase_line: Option<i64>,
    pub(super) sale_line: Option<i64>,
    pub(super) returned: Option<i64>,
}

impl Move {
    pub(super) fn of(good: &Good, quantity: f64) -> Self {
        Move {
            product: good.id,
            unit: good.unit,
            demand: quantity,
            done: quantity,
            price: good.cost,
            purchase_line: None,
            sale_line: None,
            returned: None,
        }
    }
}

/// An optional id as a column's value.
pub(super) fn reference(id: Option<i64>) -> Value {
    id.map_or(Value::Null, Value::Ref)
}

/// An optional text as a column's value.
pub(super) fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::text)
}

/// Adds a transfer; its id.
pub(super) fn picking(world: &mut World, times: Times, it: &Picking<'_>) -> i64 {
    let model = world.index("stock.picking");
    let done = match it.state {
        "done" => Value::Time(whole(times.written)),
        _ => Value::Null,
    };
    let values = vec![
        ("name", Value::text(it.name.clone())),
        ("state", Value::text(it.state)),
        ("origin", text(it.origin)),
        ("partner_id", reference(it.partner)),
        ("picking_type_id", Value::Ref(it.kind)),
        ("location_id", Value::Ref(it.from)),
        ("location_dest_id", Value::Ref(it.to)),
        ("scheduled_date", Value::Time(whole(times.created))),
        ("date", Value::Time(whole(times.created))),
        ("date_done", done),
        ("backorder_id", reference(it.backorder)),
    ];
    add(world, model, times, values)
}

/// Where a move belongs.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) picking: Option<i64>,
    pub(super) kind: Option<i64>,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) state: &'static str,
    pub(super) origin: Option<&'a str>,
}

impl<'a> Around<'a> {
    pub(super) fn picking(id: i64, it: &Picking<'a>) -> Self {
        Around {
            picking: Some(id),
            kind: Some(it.kind),
            from: it.from,
            to: it.to,
            state: it.state,
            origin: it.origin,
        }
    }

    fn alone(from: i64, to: i64) -> Self {
        Around {
            picking: None,
            kind: None,
            from,
            to,
            state: "done",
            origin: None,
        }
    }
}

/// Adds a move, with a line where something was done or reserved; its id.
pub(super) fn stock_move(
    world: &mut World,
    times: Times,
    it: &Move,
    around: Around<'_>,
    more: Vec<(&str, Value)>,
) -> i64 {
    let (moves, lines) = (world.index("stock.move"), world.index("stock.move.line"));
    let has_line = matches!(around.state, "done" | "assigned");
    let shared = [
        ("product_id", Value::Ref(it.product)),
        ("picking_id", reference(around.picking)),
        ("location_id", Value::Ref(around.from)),
        ("location_dest_id", Value::Ref(around.to)),
        ("date", Value::Time(whole(times.written))),
        ("picked", Value::Bool(around.state == "done")),
    ];
    let mut values: Vec<(&str, Value)> = shared.to_vec();
    // Odoo sets the demand of a done move to what was done until 16.
    let demand = match (around.state, world.version.major()) {
        ("done", ..=16) => it.done,
        _ => it.demand,
    };
    values.extend([
        ("name", Value::text("Goods")),
        ("state", Value::text(around.state)),
        ("product_uom", Value::Ref(it.unit)),
        ("product_uom_qty", Value::Float(demand)),
        ("price_unit", Value::Float(it.price)),
        ("picking_type_id", reference(around.kind)),
        ("origin", text(around.origin)),
        ("purchase_line_id", reference(it.purchase_line)),
        ("sale_line_id", reference(it.sale_line)),
        ("origin_returned_move_id", reference(it.returned)),
    ]);
    values.extend(more);
    let id = add(world, moves, times, values);
    if has_line {
        let mut values: Vec<(&str, Value)> = shared.to_vec();
        let done = around.state == "done";
        // Until 16 what is reserved and what is done are two numbers.
        let (reserved, quantity) = match (done, world.version.major()) {
            (true, _) => (0.0, it.done),
            (false, ..=16) => (it.demand, 0.0),
            (false, _) => (0.0, it.demand),
        };
        values.extend([
            ("move_id", Value::Ref(id)),
            ("product_uom_id", Value::Ref(it.unit)),
            ("product_uom_qty", Value::Float(reserved)),
            ("reserved_uom_qty", Value::Float(reserved)),
            ("qty_done", Value::Float(quantity)),
            ("quantity", Value::Float(quantity)),
        ]);
        add(world, lines, times, values);
        world.derive(moves, id, true);
    }
    id
}

/// Everything was found at some first stocktaking.
pub(super) fn stock_up(world: &mut World, random: &mut Random, places: &Places, goods: &[Good]) {
    let at = NEWEST - SPAN;
    let times = Times {
        created: at,
        written: at,
    };
    for good in goods.iter().take(2_000) {
        let warehouse = random.pick(&places.warehouses);
        let it = Move::of(good, 100.0 + random.below(900) as f64);
        adjust(world, times, &it, places.inventory, warehouse.stock);
    }
}

fn adjust(world: &mut World, times: Times, it: &Move, from: i64, to: i64) {
    let more = vec![
        ("is_inventory", Value::Bool(true)),
        ("name", Value::text("Product Quantity Updated")),
        ("inventory_name", Value::text("Product Quantity Updated")),
    ];
    stock_move(world, times, it, Around::alone(from, to), more);
}

/// What happens beside the orders, about a third as much.
pub(super) fn between_orders(
    world: &mut World,
    random: &mut Random,
    places: &Places,
    goods: &[Good],
    orders: usize,
) {
    for number in 1..=(orders / 3).max(10) {
        let created = NEWEST - SPAN / 2 + random.below(SPAN as u64 / 2) as i64;
        let times = later(random, created);
        let good = random.pick(goods);
        let it = Move::of(good, 1.0 + random.below(12) as f64);
        let at = random.below(places.warehouses.len() as u64) as usize;
        let (here, there) = (
            &places.warehouses[at],
            &places.warehouses[(at + 1) % places.warehouses.len()],
        );
        match number % 10 {
            0 => adjust(world, times, &it, places.inventory, here.stock),
            1 => adjust(world, times, &it, here.shelf, places.inventory),
            2 => scrap(world, times, &it, here.stock, places.scrap),
            3 => internal(world, random, times, &it, here, (here.stock, here.shelf)),
            4 => internal(world, random, times, &it, here, (here.stock, there.stock)),
            5 | 6 => via_transit(world, times, &it, places, here, there, number),
            7 => {
                let around = Around::alone(places.production, here.stock);
                stock_move(world, times, &it, around, Vec::new());
            }
            8 => {
                let around = Around::alone(here.stock, places.production);
                stock_move(world, times, &it, around, Vec::new());
            }
            _ => internal(world, random, times, &it, here, (here.shelf, here.stock)),
        }
    }
}

fn internal(
    world: &mut World,
    random: &mut Random,
    times: Times,
    it: &Move,
    warehouse: &Warehouse,
    way: (i64, i64),
) {
    let state = *random.pick(&[
        "done",
        "done",
        "done",
        "draft",
        "confirmed",
        "assigned",
        "cancel",
    ]);
    let picking_of = Picking {
        kind: warehouse.internal,
        name: number(world, warehouse.code, "INT"),
        from: way.0,
        to: way.1,
        state,
        partner: None,
        origin: None,
        backorder: None,
    };
    let id = picking(world, times, &picking_of);
    stock_move(
        world,
        times,
        it,
        Around::picking(id, &picking_of),
        Vec::new(),
    );
}

fn via_transit(
    world: &mut World,
    times: Times,
    it: &Move,
    places: &Places,
    here: &Warehouse,
    there: &Warehouse,
    count: usize,
) {
    // The last of three is still under way.
    let arrived = if count.is_multiple_of(3) {
        "assigned"
    } else {
        "done"
    };
    let origin = format!("Resupply {count}");
    for (warehouse, kind, prefix, from, to, state) in [
        (
            here,
            here.outgoing,
            "OUT",
            here.stock,
            places.transit,
            "done",
        ),
        (
            there,
            there.incoming,
            "IN",
            places.transit,
            there.stock,
            arrived,
        ),
    ] {
        let half = Picking {
            kind,
            name: number(world, warehouse.code, prefix),
            from,
            to,
            state,
            partner: None,
            origin: Some(&origin),
            backorder: None,
        };
        let id = picking(world, times, &half);
        stock_move(world, times, it, Around::picking(id, &half), Vec::new());
    }
}

fn scrap(world: &mut World, times: Times, it: &Move, from: i64, to: i64) {
    let model = world.index("stock.scrap");
    let name = format!("SP/{:05}", world.tables[model].next_id());
    let values = vec![
        ("name", Value::text(name.clone())),
        ("product_id", Value::Ref(it.product)),
        ("product_uom_id", Value::Ref(it.unit)),
        ("scrap_qty", Value::Float(it.done)),
        ("location_id", Value::Ref(from)),
        ("scrap_location_id", Value::Ref(to)),
        ("state", Value::text("done")),
        ("date_done", Value::Time(whole(times.written))),
    ];
    let id = add(world, model, times, values);
    let more = vec![("scrap_id", Value::Ref(id)), ("name", Value::text(name))];
    let made = stock_move(world, times, it, Around::alone(from, to), more);
    set(world, model, id, "move_id", Value::Ref(made));
    world.link_all(model, id);
}

/// The next transfer's name.
pub(super) fn number(world: &World, code: &str, prefix: &str) -> String {
    let next = world.tables[world.index("stock.picking")].next_id();
    format!("{code}/{prefix}/{next:05}")
}

/// Created then, changed some time after.
pub(super) fn later(random: &mut Random, created: i64) -> Times {
    Times {
        created,
        written: created + random.below((NEWEST - created).max(1) as u64) as i64,
    }
}

/// Dates that Odoo's own code sets have no microseconds.
pub(super) fn whole(micros: i64) -> i64 {
    crate::time::whole_second(micros)
}
