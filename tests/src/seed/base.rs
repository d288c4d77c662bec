//! What a new database has before its first product: companies, users, units.

use serde_json::{Value as Json, json};

use crate::store::{Env, World};
use crate::value::Value;

/// Odoo's own user 1 is the system; the first person is 2.
pub(super) const ADMIN: i64 = 2;
pub(super) const READER: i64 = 6;

/// Creates it all.
pub(super) fn fill(world: &mut World, env: &Env) {
    for (name, email) in [
        ("My Company", "info@company.example"),
        ("Zweite Firma GmbH", "info@zwei.example"),
        ("OdooBot", "bot@company.example"),
        ("Mitchell Admin", "admin@company.example"),
        ("Marc Demo", "demo@company.example"),
    ] {
        create(
            world,
            env,
            "res.partner",
            json!({"name": name, "email": email}),
        );
    }
    for (name, symbol) in [("EUR", "€"), ("USD", "$")] {
        create(
            world,
            env,
            "res.currency",
            json!({"name": name, "symbol": symbol}),
        );
    }
    for (name, partner) in [("My Company", 1), ("Zweite Firma GmbH", 2)] {
        create(
            world,
            env,
            "res.company",
            json!({"name": name, "partner_id": partner}),
        );
    }
    users(world, env);
    if world.version.major() >= 19 {
        units_by_reference(world, env);
    } else {
        units_by_category(world, env);
    }
    let models: Vec<(String, String)> = world
        .models
        .iter()
        .map(|model| (model.name().to_owned(), model.def.label.to_owned()))
        .collect();
    for (model, name) in models {
        create(
            world,
            env,
            "ir.model",
            json!({"model": model, "name": name}),
        );
    }
    forget_times(world, "ir.model");
}

/// Odoo loads some models by SQL, which leaves their times null (`ir.model` in both versions).
fn forget_times(world: &mut World, model: &str) {
    let index = world.index(model);
    let (created, written) = (
        world.models[index].create_date,
        world.models[index].write_date,
    );
    for id in world.tables[index].ids() {
        if let Some(row) = world.tables[index].get_mut(id) {
            row[created] = Value::Null;
            row[written] = Value::Null;
        }
    }
}

fn users(world: &mut World, env: &Env) {
    let users = [
        (1, "__system__", 3, json!([1]), false),
        (ADMIN, "admin", 4, json!([1, 2]), true),
        (READER, "demo", 5, json!([1]), true),
    ];
    for (id, login, partner, companies, active) in users {
        let index = world.index("res.users");
        let values = json!({
            "login": login, "partner_id": partner, "company_id": 1, "company_ids": companies,
            "active": active, "lang": "en_US",
        });
        create_at(world, env, index, Some(id), values);
    }
}

/// Until 18: `factor` of the unit makes one reference unit of its category.
fn units_by_category(world: &mut World, env: &Env) {
    for name in [
        "Unit",
        "Weight",
        "Working Time",
        "Length / Distance",
        "Surface",
        "Volume",
    ] {
        create(world, env, "uom.category", json!({"name": name}));
    }
    for (name, category, factor, kind) in [
        ("Units", 1, 1.0, "reference"),
        ("Dozens", 1, 1.0 / 12.0, "bigger"),
        ("kg", 2, 1.0, "reference"),
        ("g", 2, 1000.0, "smaller"),
        ("Days", 3, 1.0, "reference"),
        ("Hours", 3, 8.0, "smaller"),
        ("m", 4, 1.0, "reference"),
        ("cm", 4, 100.0, "smaller"),
        ("L", 6, 1.0, "reference"),
        ("gal (US)", 6, 0.26417217685798894, "bigger"),
        ("Palette à 144", 1, 1.0 / 144.0, "bigger"),
    ] {
        let rounding = if category == 1 { 0.01 } else { 0.001 };
        let values = json!({
            "name": name, "category_id": category, "factor": factor, "uom_type": kind,
            "rounding": rounding,
        });
        create(world, env, "uom.uom", values);
    }
}

/// From 19 on: `factor` reference units make the unit.
fn units_by_reference(world: &mut World, env: &Env) {
    for (name, relative, reference) in [
        ("Units", 1.0, 0),
        ("Dozens", 12.0, 1),
        ("kg", 1000.0, 4),
        ("g", 1.0, 0),
        ("Days", 8.0, 6),
        ("Hours", 1.0, 0),
        ("m", 1000.0, 8),
        ("mm", 1.0, 0),
        ("L", 1000.0, 0),
        ("gal (US)", 3.785_411_8, 9),
        ("Palette à 144", 12.0, 2),
    ] {
        let reference = if reference == 0 {
            Json::Bool(false)
        } else {
            json!(reference)
        };
        let values = json!({
            "name": name, "relative_factor": relative, "relative_uom_id": reference,
        });
        create(world, env, "uom.uom", values);
    }
}

pub(super) fn create(world: &mut World, env: &Env, model: &str, values: Json) -> i64 {
    let index = world.index(model);
    create_at(world, env, index, None, values)
}

fn create_at(world: &mut World, env: &Env, model: usize, id: Option<i64>, values: Json) -> i64 {
    let values = values.as_object().cloned().unwrap_or_default();
    match world.create(model, id, &values, env) {
        Ok(id) => id,
        Err(error) => panic!("the seed is wrong: {}: {}", error.name, error.message),
    }
}
