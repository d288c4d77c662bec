//! Where goods come from, lie and go to: locations, warehouses, vendors and customers.

use serde_json::{Value as Json, json};

use super::base::create;
use super::words;
use crate::store::{Env, World};

/// Ids that documents point to.
pub(super) struct Places {
    pub(super) warehouses: Vec<Warehouse>,
    pub(super) vendors: Vec<i64>,
    pub(super) customers: Vec<i64>,
    pub(super) vendor: i64,
    pub(super) customer: i64,
    pub(super) transit: i64,
    pub(super) inventory: i64,
    pub(super) scrap: i64,
    pub(super) production: i64,
}

/// A warehouse's own locations and operation types.
pub(super) struct Warehouse {
    pub(super) id: i64,
    pub(super) code: &'static str,
    pub(super) stock: i64,
    pub(super) shelf: i64,
    pub(super) incoming: i64,
    pub(super) outgoing: i64,
    pub(super) internal: i64,
}

/// Makes them all: two warehouses, and one that was closed.
pub(super) fn fill(world: &mut World, orders: usize, env: &Env) -> Places {
    // Until 17 the locations lie in views.
    let in_views = world.version.major() <= 17;
    let view = |world: &mut World, name: &str| match in_views {
        true => json!(create(
            world,
            env,
            "stock.location",
            json!({"name": name, "usage": "view", "company_id": false}),
        )),
        false => Json::Bool(false),
    };
    view(world, "Physical Locations");
    let partners = view(world, "Partner Locations");
    let virtuals = view(world, "Virtual Locations");
    let mut location = |name: &str, usage: &str, parent: &Json, company: Json| {
        let values =
            json!({"name": name, "usage": usage, "location_id": parent, "company_id": company});
        create(world, env, "stock.location", values)
    };
    let none = Json::Bool(false);
    let vendor = location("Vendors", "supplier", &partners, none.clone());
    let customer = location("Customers", "customer", &partners, none.clone());
    let inventory = location("Inventory adjustment", "inventory", &virtuals, json!(1));
    let scrap = location("Scrap", "inventory", &virtuals, json!(1));
    let production = location("Production", "production", &virtuals, json!(1));
    let transit = location("Inter-warehouse transit", "transit", &none, json!(1));
    if world.version.major() <= 18 {
        let index = world.index("stock.location");
        let values = json!({"scrap_location": true});
        let values = values.as_object().expect("an object");
        if let Err(error) = world.write(index, &[scrap], values, env) {
            panic!("the seed is wrong: {}", error.message);
        }
    }
    let warehouses = vec![
        warehouse(world, env, "San Francisco", "WH"),
        warehouse(world, env, "Größenlager Köln", "KOELN"),
    ];
    closed(world, env);
    let count = (orders / 8).clamp(6, 400);
    Places {
        warehouses,
        vendors: contacts(world, env, "Vendor", count),
        customers: contacts(world, env, "Customer", count * 2),
        vendor,
        customer,
        transit,
        inventory,
        scrap,
        production,
    }
}

fn warehouse(world: &mut World, env: &Env, name: &str, code: &'static str) -> Warehouse {
    let id = create(
        world,
        env,
        "stock.warehouse",
        json!({"name": name, "code": code}),
    );
    let stock = reference(world, id, "lot_stock_id");
    let shelf = |world: &mut World, name: &str, parent: i64, active: bool| {
        let values = json!({"name": name, "location_id": parent, "active": active});
        create(world, env, "stock.location", values)
    };
    let first = shelf(world, "Shelf 1", stock, true);
    shelf(world, "Bin é", first, true);
    shelf(world, "Shelf 2", stock, true);
    shelf(world, "Old shelf", stock, false);
    Warehouse {
        id,
        code,
        stock,
        shelf: first,
        incoming: reference(world, id, "in_type_id"),
        outgoing: reference(world, id, "out_type_id"),
        internal: reference(world, id, "int_type_id"),
    }
}

/// A warehouse that was archived with its locations and types.
fn closed(world: &mut World, env: &Env) {
    let id = create(
        world,
        env,
        "stock.warehouse",
        json!({"name": "Old depot", "code": "OLD"}),
    );
    let archive = json!({"active": false});
    let archive = archive.as_object().expect("an object");
    let mut archived = vec![("stock.warehouse", id)];
    for (model, field) in [
        ("stock.location", "view_location_id"),
        ("stock.location", "lot_stock_id"),
        ("stock.picking.type", "in_type_id"),
        ("stock.picking.type", "out_type_id"),
        ("stock.picking.type", "int_type_id"),
    ] {
        archived.push((model, reference(world, id, field)));
    }
    for (model, id) in archived {
        let index = world.index(model);
        if let Err(error) = world.write(index, &[id], archive, env) {
            panic!("the seed is wrong: {}", error.message);
        }
    }
}

fn reference(world: &World, warehouse: i64, field: &str) -> i64 {
    let model = &world.models[world.index("stock.warehouse")];
    let found = world.tables[model.index]
        .get(warehouse)
        .zip(model.column(field))
        .and_then(|(row, column)| row[column].as_ref_id());
    found.expect("a new warehouse has all its parts")
}

fn contacts(world: &mut World, env: &Env, role: &str, count: usize) -> Vec<i64> {
    (1..=count)
        .map(|number| {
            let thing = words::THINGS[number % words::THINGS.len()];
            let name = format!("{role} {number} {thing}");
            create(world, env, "res.partner", json!({"name": name}))
        })
        .collect()
}
