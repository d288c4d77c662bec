//! Categories, templates and variants. Written into the tables directly: a million rows through
//! `create` would take a minute.

use serde_json::json;

use super::random::Random;
use super::row::{Columns, log};
use super::words;
use super::{LANGUAGES, NEWEST, SPAN};
use crate::store::{Env, World};
use crate::value::Value;

/// At most that many categories, however many products.
const MOST_CATEGORIES: usize = 2_000;
/// Of a hundred records.
const ARCHIVED: u64 = 7;

/// A tree of categories; their ids.
pub(super) fn categories(
    world: &mut World,
    random: &mut Random,
    products: usize,
    env: &Env,
) -> Vec<i64> {
    let index = world.index("product.category");
    let roots = if world.version.major() >= 19 {
        &["Goods", "Expenses", "Services"][..]
    } else {
        &["All"][..]
    };
    let mut ids = Vec::new();
    let count = (products / 20).clamp(8, MOST_CATEGORIES);
    for number in 0..count {
        let values = match roots.get(number) {
            Some(root) => json!({"name": root}),
            None => {
                let name = random.pick(words::CATEGORIES);
                let name = if number < 24 {
                    (*name).to_owned()
                } else {
                    format!("{name} {number}")
                };
                json!({"name": name, "parent_id": random.pick(&ids)})
            }
        };
        let env = Env {
            now: env.now + random.below(SPAN as u64) as i64,
            ..env.clone()
        };
        match world.create(index, None, values.as_object().expect("an object"), &env) {
            Ok(id) => ids.push(id),
            Err(error) => panic!("the seed is wrong: {}", error.message),
        }
    }
    ids
}

/// Templates and variants until there are `count` variants.
pub(super) fn fill(world: &mut World, random: &mut Random, count: usize, categories: &[i64]) {
    let (templates, variants) = (
        world.index("product.template"),
        world.index("product.product"),
    );
    let uoms = world.tables[world.index("uom.uom")].len() as u64;
    let mut made = 0;
    let mut number = 0;
    while made < count {
        number += 1;
        // Databases have gaps: deleted records, transactions rolled back.
        if random.percent(2) {
            world.tables[templates].skip_ids(1 + random.below(5) as usize);
            world.tables[variants].skip_ids(1 + random.below(5) as usize);
        }
        let wanted = if random.percent(10) {
            2 + random.below(11) as usize
        } else {
            1
        };
        let of_template = wanted.min(count - made);
        made += of_template;
        let template = world.tables[templates].next_id();
        let first = world.tables[variants].next_id();
        let ids: Vec<i64> = (first..first + of_template as i64).collect();
        let (mut row, written) = template_row(world, templates, random, number, uoms, categories);
        let archived = random.percent(ARCHIVED);
        let definition = &world.models[templates];
        let columns = Columns(definition);
        columns.set(&mut row, "product_variant_ids", Value::ids(ids.clone()));
        columns.set(&mut row, "active", Value::Bool(!archived));
        world.tables[templates].insert(template, row.into_boxed_slice());
        translate(world, templates, random, template, number);
        for (at, id) in ids.iter().enumerate() {
            let mut row = variant_row(world, variants, random, *id, written);
            let columns = Columns(&world.models[variants]);
            columns.set(&mut row, "product_tmpl_id", Value::Ref(template));
            let archived = archived || random.percent(ARCHIVED / 3);
            columns.set(&mut row, "active", Value::Bool(!archived));
            if of_template > 1 {
                columns.set(&mut row, "combination_label", Value::text(label(at)));
            }
            world.tables[variants].insert(*id, row.into_boxed_slice());
        }
    }
}

/// A template's columns, and when it was changed last.
fn template_row(
    world: &World,
    model: usize,
    random: &mut Random,
    number: u64,
    uoms: u64,
    categories: &[i64],
) -> (Vec<Value>, i64) {
    let mut row = world.default_row(model);
    let definition = &world.models[model];
    let columns = Columns(definition);
    let thing = random.pick(words::THINGS);
    let kind = random.pick(words::KINDS);
    let name = if number.is_multiple_of(5) {
        format!("{thing}{kind} {number}")
    } else {
        format!("{thing}{kind}")
    };
    columns.set(&mut row, "name", Value::text(name));
    columns.set(&mut row, "list_price", Value::Float(price(random)));
    columns.set(&mut row, "categ_id", Value::Ref(*random.pick(categories)));
    let uom = if random.percent(85) {
        1
    } else {
        1 + random.below(uoms) as i64
    };
    columns.set(&mut row, "uom_id", Value::Ref(uom));
    columns.set(&mut row, "uom_po_id", Value::Ref(uom));
    product_type(&columns, &mut row, random, world.version.major());
    let tracking = if random.percent(90) {
        "none"
    } else {
        *random.pick(&["lot", "serial"])
    };
    columns.set(&mut row, "tracking", Value::text(tracking));
    columns.set(&mut row, "sale_ok", Value::Bool(random.percent(92)));
    columns.set(&mut row, "purchase_ok", Value::Bool(random.percent(80)));
    if random.percent(15) {
        columns.set(
            &mut row,
            "company_id",
            Value::Ref(1 + i64::from(random.percent(20))),
        );
    }
    if random.percent(20) {
        let text = *random.pick(words::DESCRIPTIONS);
        columns.set(&mut row, "description_sale", Value::text(text));
    }
    let (created, written) = times(random);
    log(definition, &mut row, created, written);
    (row, written)
}

fn product_type(columns: &Columns<'_>, row: &mut [Value], random: &mut Random, major: u8) {
    let storable = random.percent(70);
    let service = !storable && random.percent(30);
    let name = match (major, storable, service) {
        (..=17, true, _) => "product",
        (_, _, true) => "service",
        _ => "consu",
    };
    columns.set(row, "type", Value::text(name));
    columns.set(row, "detailed_type", Value::text(name));
    columns.set(row, "is_storable", Value::Bool(storable));
}

fn variant_row(
    world: &World,
    model: usize,
    random: &mut Random,
    id: i64,
    template_written: i64,
) -> Vec<Value> {
    let mut row = world.default_row(model);
    let definition = &world.models[model];
    let columns = Columns(definition);
    if random.percent(85) {
        columns.set(
            &mut row,
            "default_code",
            Value::text(format!("SKU-{id:06}")),
        );
    }
    if random.percent(60) {
        columns.set(&mut row, "barcode", Value::text(ean13(id as u64)));
    }
    if random.percent(80) {
        columns.set(&mut row, "standard_price", Value::Float(price(random)));
    }
    if random.percent(70) {
        let grams = random.below(50_000) as f64;
        columns.set(&mut row, "weight", Value::Float(grams / 1000.0));
    }
    if random.percent(30) {
        columns.set(
            &mut row,
            "volume",
            Value::Float(random.below(1000) as f64 / 100.0),
        );
    }
    let (created, written) = times(random);
    let written = match world.version.major() {
        // Later versions lift a variant's time to its template's.
        17.. => written.max(template_written),
        _ => written,
    };
    log(definition, &mut row, created.min(written), written);
    row
}

fn price(random: &mut Random) -> f64 {
    if random.percent(2) {
        return *random.pick(words::ODD_PRICES);
    }
    random.below(200_000) as f64 / 100.0
}

/// When a record was created and changed last. A third were never changed since; some came with
/// an import, thousands in one second.
fn times(random: &mut Random) -> (i64, i64) {
    const IMPORTS: u64 = 40;
    let second = if random.percent(30) {
        random.below(IMPORTS) as i64 * (SPAN / IMPORTS as i64)
    } else {
        random.below(SPAN as u64) as i64
    };
    let created = NEWEST - SPAN + second;
    if random.percent(33) {
        return (created, created);
    }
    (
        created,
        created + random.below((NEWEST - created).max(1) as u64) as i64,
    )
}

fn translate(world: &mut World, model: usize, random: &mut Random, id: i64, number: u64) {
    if !random.percent(20) {
        return;
    }
    let Some(column) = world.models[model].column("name") else {
        return;
    };
    let lang = *random.pick(&LANGUAGES);
    let name = Value::text(words::translation(lang, number));
    world.tables[model].translate(column, lang, id, name);
}

/// The attribute values of the n-th variant.
fn label(at: usize) -> String {
    let colour = words::COLOURS[at % words::COLOURS.len()];
    let size = words::SIZES[at / words::COLOURS.len() % words::SIZES.len()];
    format!("{colour}, {size}")
}

/// A barcode with its right check digit.
fn ean13(number: u64) -> String {
    let digits = format!("40{number:010}");
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 1 } else { 3 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
