//! Purchase and sale orders in all states.

use super::fulfilment::{Confirmed, Ordered};
use super::places::Places;
use super::random::Random;
use super::row::{Times, add};
use super::transfers::{Move, later, text, whole};
use super::{NEWEST, SPAN, words};
use crate::store::World;
use crate::value::Value;

/// Units and dozens, the first two of every data set.
const UNITS: i64 = 1;
const DOZENS: i64 = 2;
/// A dearer product is sold at this price, so that no sum leaves what a float can hold exactly.
const DEAREST: f64 = 99_999.0;

/// A product that can be bought, sold and moved.
pub(super) struct Good {
    pub(super) id: i64,
    pub(super) unit: i64,
    pub(super) price: f64,
    pub(super) cost: f64,
    /// Not a service.
    pub(super) moves: bool,
}

/// The variants that were traded, archived ones too. The first third never was, so that it may
/// still be deleted.
pub(super) fn goods(world: &World) -> Vec<Good> {
    let variants = &world.models[world.index("product.product")];
    let templates = &world.models[world.index("product.template")];
    let (Some(template), Some(unit), Some(price), Some(kind), Some(cost)) = (
        variants.column("product_tmpl_id"),
        templates.column("uom_id"),
        templates.column("list_price"),
        templates.column("type"),
        variants.column("standard_price"),
    ) else {
        return Vec::new();
    };
    let amount = |value: &Value| match value {
        Value::Float(amount) => (amount.clamp(0.0, DEAREST) * 100.0).round() / 100.0,
        _ => 0.0,
    };
    let table = &world.tables[variants.index];
    table
        .range(0, i64::MAX - 1)
        .skip(table.len() / 3)
        .filter_map(|(id, row)| {
            let of = world.tables[templates.index].get(row[template].as_ref_id()?)?;
            Some(Good {
                id,
                unit: of[unit].as_ref_id()?,
                price: amount(&of[price]),
                cost: amount(&row[cost]),
                moves: of[kind].as_text() != Some("service"),
            })
        })
        .collect()
}

/// Which of the two kinds of order.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Purchase,
    Sale,
}

/// So many of each kind.
pub(super) fn fill(
    world: &mut World,
    random: &mut Random,
    places: &Places,
    goods: &[Good],
    count: usize,
) {
    for side in [Side::Purchase, Side::Sale] {
        for _ in 0..count {
            order(world, random, places, goods, side);
        }
    }
}

fn order(world: &mut World, random: &mut Random, places: &Places, goods: &[Good], side: Side) {
    let created = NEWEST - SPAN + random.below(SPAN as u64) as i64;
    let times = later(random, created);
    let state = state(random, side, world.version.major());
    let warehouse = random.pick(&places.warehouses);
    let (model, prefix, partners) = match side {
        Side::Purchase => ("purchase.order", "P", &places.vendors),
        Side::Sale => ("sale.order", "S", &places.customers),
    };
    let model = world.index(model);
    let name = format!("{prefix}{:05}", world.tables[model].next_id());
    let partner = *random.pick(partners);
    let confirmed = matches!(state, "purchase" | "sale" | "done");
    let approved = match confirmed {
        true => Value::Time(whole(created) + 3_600_000_000),
        false => Value::Null,
    };
    let reference = random
        .percent(40)
        .then(|| format!("REF/{}", random.below(9_999)));
    let origin = random.percent(10).then_some("Geschäft am Markt 🛒");
    let promised = match random.percent(30) {
        true => Value::Time(whole(created) + 7 * 86_400_000_000),
        false => Value::Null,
    };
    let values = vec![
        ("name", Value::text(name.clone())),
        ("state", Value::text(state)),
        ("locked", Value::Bool(confirmed && random.percent(10))),
        ("partner_id", Value::Ref(partner)),
        ("partner_ref", text(reference.as_deref())),
        ("client_order_ref", text(reference.as_deref())),
        ("origin", text(origin)),
        ("date_order", Value::Time(whole(created))),
        ("date_approve", approved),
        ("commitment_date", promised),
        ("picking_type_id", Value::Ref(warehouse.incoming)),
        ("warehouse_id", Value::Ref(warehouse.id)),
        (
            "currency_id",
            Value::Ref(if random.percent(90) { 1 } else { 2 }),
        ),
    ];
    let id = add(world, model, times, values);
    let ordered = lines(world, random, goods, side, id, times);
    world.derive(model, id, true);
    if confirmed {
        let order = Confirmed {
            id,
            side,
            name: &name,
            partner,
            times,
            warehouse,
            ordered,
        };
        order.deliver(world, random, places);
        order.invoice(world, random);
    }
}

fn state(random: &mut Random, side: Side, major: u8) -> &'static str {
    let lockable = match side {
        Side::Purchase => major <= 18,
        Side::Sale => major <= 16,
    };
    match (random.below(100), side) {
        (0..15, _) => "draft",
        (15..23, _) => "sent",
        (23..26, Side::Purchase) => "to approve",
        (26..35, _) => "cancel",
        (35..43, _) if lockable => "done",
        (_, Side::Purchase) => "purchase",
        (_, Side::Sale) => "sale",
    }
}

fn lines(
    world: &mut World,
    random: &mut Random,
    goods: &[Good],
    side: Side,
    order: i64,
    times: Times,
) -> Vec<Ordered> {
    let model = line_model(world, side);
    let words_only = |world: &mut World, kind: &str, name: &str| {
        let values = vec![
            ("order_id", Value::Ref(order)),
            ("display_type", Value::text(kind)),
            ("name", Value::text(name)),
            ("product_qty", Value::Float(0.0)),
            ("product_uom_qty", Value::Float(0.0)),
            ("price_unit", Value::Float(0.0)),
        ];
        add(world, model, times, values);
    };
    if random.percent(12) {
        words_only(world, "line_section", "Für den Garten");
    }
    let mut made = Vec::new();
    for _ in 0..2 + random.below(2) {
        let good = random.pick(goods);
        let in_dozens = good.unit == UNITS && random.percent(20);
        let unit = if in_dozens { DOZENS } else { good.unit };
        let quantity = match good.unit {
            UNITS | DOZENS => 1.0 + random.below(40) as f64,
            _ => (25.0 + random.below(4_000) as f64) / 100.0,
        };
        let each = match side {
            Side::Purchase => good.cost,
            Side::Sale => good.price,
        };
        let price = if in_dozens { each * 12.0 } else { each };
        let discount = if random.percent(15) {
            *random.pick(&[5.0, 12.5, 100.0])
        } else {
            0.0
        };
        let name = *random.pick(words::THINGS);
        let values = vec![
            ("order_id", Value::Ref(order)),
            ("product_id", Value::Ref(good.id)),
            ("name", Value::text(name)),
            ("product_qty", Value::Float(quantity)),
            // A sale line's own quantity; a purchase line's is derived.
            ("product_uom_qty", Value::Float(quantity)),
            ("product_uom", Value::Ref(unit)),
            ("product_uom_id", Value::Ref(unit)),
            ("price_unit", Value::Float(price)),
            ("discount", Value::Float(discount)),
            ("tax_percent", Value::Float(*random.pick(&[0.0, 7.0, 19.0]))),
            (
                "date_planned",
                Value::Time(whole(times.created) + 86_400_000_000),
            ),
        ];
        let line = add(world, model, times, values);
        if good.moves {
            let mut goods = Move::of(good, quantity);
            goods.unit = unit;
            goods.price = price;
            match side {
                Side::Purchase => goods.purchase_line = Some(line),
                Side::Sale => goods.sale_line = Some(line),
            }
            made.push(Ordered { line, goods });
        }
    }
    if random.percent(12) {
        words_only(world, "line_note", "Bitte klingeln.\nMerci !");
    }
    made
}

pub(super) fn line_model(world: &World, side: Side) -> usize {
    world.index(match side {
        Side::Purchase => "purchase.order.line",
        Side::Sale => "sale.order.line",
    })
}
