//! The view `stock_movements` over moves made by hand: which movement a move is, and whose.

mod quantity;

use tokio_postgres::Client;

use crate::support::postgres::TestDatabase;

/// Outside every warehouse.
const VIEW: i64 = 1;
const SUPPLIER: i64 = 4;
const CUSTOMER: i64 = 5;
const TRANSIT: i64 = 6;
const OF_NO_WAREHOUSE: i64 = 7;
const INVENTORY: i64 = 8;
const PRODUCTION: i64 = 9;
const UNKNOWN: i64 = 99;
/// In warehouse 1, whose view location is 10.
const STOCK: i64 = 11;
const SHELF: i64 = 12;
const SCRAP_INSIDE: i64 = 13;
/// In warehouse 2, whose view location is 20.
const OTHER_STOCK: i64 = 21;
/// In warehouse 3, whose view location 30 lies below the stock of warehouse 1.
const NESTED_STOCK: i64 = 31;

/// Units of measure.
const UNIT: i64 = 1;
const DOZEN: i64 = 2;
const GRAM: i64 = 3;
const KILOGRAM: i64 = 4;

/// Products 1 to 4 are counted in the unit of the same id.
const MASTER_DATA: &str = "
    insert into odoo.warehouses (odoo_id, name, view_location_id, active) values
        (1, 'Main', 10, true), (2, 'Other', 20, true), (3, 'Nested', 30, true);
    insert into odoo.locations (odoo_id, usage, parent_id, active) values
        (1, 'view', null, true),
        (4, 'supplier', 1, true), (5, 'customer', 1, true), (6, 'transit', 1, true),
        (7, 'internal', 1, true), (8, 'inventory', 1, true), (9, 'production', 1, true),
        (10, 'view', 1, true), (11, 'internal', 10, true), (12, 'internal', 11, true),
        (13, 'inventory', 10, true),
        (20, 'view', 1, true), (21, 'internal', 20, true),
        (30, 'view', 11, true), (31, 'internal', 30, true);
    -- The dozen as Odoo 14 tells it.
    insert into odoo.uoms (odoo_id, name, factor) values
        (1, 'Units', 1.0), (2, 'Dozens', 11.999999999999998),
        (3, 'g', 0.001), (4, 'kg', 1.0);
    insert into odoo.products (odoo_id, name, uom_id) values
        (1, 'counted in units', 1), (2, 'counted in dozens', 2),
        (3, 'counted in grams', 3), (4, 'counted in kilograms', 4);";

/// A done move of one unit of product 1, with what a test changes about it.
struct Move {
    source: i64,
    destination: i64,
    product: i64,
    unit: i64,
    /// Demand, demand in the product's unit, done.
    quantities: [&'static str; 3],
    is_scrap: bool,
}

impl Move {
    fn between(source: i64, destination: i64) -> Self {
        Self {
            source,
            destination,
            product: 1,
            unit: UNIT,
            quantities: ["1.0", "1.0", "1.0"],
            is_scrap: false,
        }
    }

    fn of_scrap(source: i64, destination: i64) -> Self {
        Self {
            is_scrap: true,
            ..Self::between(source, destination)
        }
    }

    /// Into warehouse 1.
    fn of(product: i64, unit: i64, quantities: [&'static str; 3]) -> Self {
        Self {
            product,
            unit,
            quantities,
            ..Self::between(SUPPLIER, STOCK)
        }
    }
}

/// A mirror with the master data.
async fn mirror() -> TestDatabase {
    let database = TestDatabase::create().await;
    run(&database.client, MASTER_DATA).await;
    database
}

async fn run(client: &Client, statements: &str) {
    client
        .batch_execute(statements)
        .await
        .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
}

async fn add(client: &Client, id: i64, it: &Move) {
    let [demand, of_product, done] = it.quantities;
    run(
        client,
        &format!(
            "insert into odoo.stock_moves (odoo_id, state, product_id, uom_id,
                demand_quantity, product_quantity, done_quantity, is_scrap,
                source_location_id, destination_location_id)
             values ({id}, 'done', {}, {}, {demand}, {of_product}, {done}, {}, {}, {})",
            it.product, it.unit, it.is_scrap, it.source, it.destination
        ),
    )
    .await;
}

/// The movements of a move, such as `purchase 1 +1`: type, warehouse, quantity.
async fn movements(client: &Client, id: i64) -> Vec<String> {
    texts(
        client,
        &format!(
            "select format('%s %s %s%s', movement_type, warehouse_id,
                case when quantity > 0 then '+' end, coalesce(quantity::text, 'unknown'))
             from odoo.stock_movements where stock_move_id = {id} order by 1"
        ),
    )
    .await
}

async fn texts(client: &Client, query: &str) -> Vec<String> {
    let rows = client
        .query(query, &[])
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// What each of the moves becomes, in a mirror that is prepared by `before`.
async fn assert_movements(before: &str, cases: &[(Move, &[&str])]) {
    let database = mirror().await;
    run(&database.client, before).await;
    for (id, (it, expected)) in (1..).zip(cases) {
        add(&database.client, id, it).await;
        let found = movements(&database.client, id).await;
        assert_eq!(found, *expected, "from {} to {}", it.source, it.destination);
    }
}

#[tokio::test]
async fn the_other_end_decides_the_type_of_a_movement_and_the_direction_its_sign() {
    assert_movements(
        "",
        &[
            (Move::between(SUPPLIER, STOCK), &["purchase 1 +1"]),
            (Move::between(STOCK, SUPPLIER), &["purchase_return 1 -1"]),
            (Move::between(STOCK, CUSTOMER), &["sale 1 -1"]),
            (Move::between(CUSTOMER, STOCK), &["sale_return 1 +1"]),
            (Move::between(INVENTORY, STOCK), &["adjustment 1 +1"]),
            (Move::between(STOCK, INVENTORY), &["adjustment 1 -1"]),
            (Move::of_scrap(STOCK, INVENTORY), &["wastage 1 -1"]),
            (Move::of_scrap(INVENTORY, STOCK), &["wastage 1 +1"]),
            (Move::of_scrap(SHELF, SCRAP_INSIDE), &["wastage 1 -1"]),
            (Move::between(PRODUCTION, STOCK), &["manufacturing_in 1 +1"]),
            (
                Move::between(STOCK, PRODUCTION),
                &["manufacturing_out 1 -1"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn every_other_place_outside_the_warehouse_makes_a_transfer() {
    for outside in [TRANSIT, OF_NO_WAREHOUSE, VIEW, UNKNOWN] {
        assert_movements(
            "",
            &[
                (Move::between(STOCK, outside), &["transfer_out 1 -1"]),
                (Move::between(outside, STOCK), &["transfer_in 1 +1"]),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn between_two_warehouses_each_has_its_movement() {
    assert_movements(
        "",
        &[(
            Move::between(SHELF, OTHER_STOCK),
            &["transfer_in 2 +1", "transfer_out 1 -1"],
        )],
    )
    .await;
}

#[tokio::test]
async fn a_move_inside_one_warehouse_or_outside_of_all_is_none() {
    assert_movements(
        "",
        &[
            (Move::between(STOCK, SHELF), &[]),
            (Move::between(STOCK, STOCK), &[]),
            (Move::between(SUPPLIER, CUSTOMER), &[]),
            (Move::between(OF_NO_WAREHOUSE, CUSTOMER), &[]),
            (Move::between(SUPPLIER, SCRAP_INSIDE), &[]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_location_belongs_to_the_nearest_warehouse_above() {
    assert_movements(
        "",
        &[
            (Move::between(SUPPLIER, SHELF), &["purchase 1 +1"]),
            (Move::between(SUPPLIER, NESTED_STOCK), &["purchase 3 +1"]),
            (
                Move::between(STOCK, NESTED_STOCK),
                &["transfer_in 3 +1", "transfer_out 1 -1"],
            ),
        ],
    )
    .await;
    // A view location in which stock lies, and one that two warehouses claim.
    assert_movements(
        "update odoo.locations set usage = 'internal' where odoo_id = 20;
         insert into odoo.warehouses (odoo_id, view_location_id) values (4, 20);",
        &[(Move::between(SUPPLIER, 20), &["purchase 2 +1"])],
    )
    .await;
}

#[tokio::test]
async fn parents_in_a_circle_hang_nothing() {
    assert_movements(
        "insert into odoo.locations (odoo_id, usage, parent_id) values
             (40, 'internal', 42), (41, 'internal', 40), (42, 'internal', 41),
             (43, 'internal', 43);
         -- The view location of warehouse 2 below its own stock, and of 3 below itself.
         update odoo.locations set parent_id = 21 where odoo_id = 20;
         update odoo.locations set parent_id = 30 where odoo_id = 30;",
        &[
            (Move::between(SUPPLIER, 41), &[]),
            (Move::between(43, STOCK), &["transfer_in 1 +1"]),
            (Move::between(SUPPLIER, OTHER_STOCK), &["purchase 2 +1"]),
            (Move::between(SUPPLIER, NESTED_STOCK), &["purchase 3 +1"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_archived_or_hidden_location_and_an_archived_warehouse_count() {
    assert_movements(
        "update odoo.warehouses set active = false where odoo_id = 2;
         update odoo.locations set active = false where odoo_id in (12, 21);
         update odoo.locations set deleted_at = now() where odoo_id = 11;",
        &[
            (Move::between(SUPPLIER, SHELF), &["purchase 1 +1"]),
            (Move::between(STOCK, CUSTOMER), &["sale 1 -1"]),
            (Move::between(SUPPLIER, OTHER_STOCK), &["purchase 2 +1"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_deleted_warehouse_owns_nothing() {
    assert_movements(
        "update odoo.warehouses set deleted_at = now() where odoo_id in (2, 3);",
        &[
            (Move::between(SUPPLIER, OTHER_STOCK), &[]),
            (Move::between(STOCK, OTHER_STOCK), &["transfer_out 1 -1"]),
            (Move::between(SUPPLIER, NESTED_STOCK), &["purchase 1 +1"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn only_moves_that_are_done_and_not_deleted_count() {
    let database = mirror().await;
    let client = &database.client;
    for id in 1..=4 {
        add(client, id, &Move::between(SUPPLIER, STOCK)).await;
    }
    run(
        client,
        "update odoo.stock_moves set state = 'draft' where odoo_id = 1;
         update odoo.stock_moves set state = 'cancel' where odoo_id = 2;
         update odoo.stock_moves set deleted_at = now() where odoo_id = 3;",
    )
    .await;
    let left = "select stock_move_id::text from odoo.stock_movements";
    assert_eq!(texts(client, left).await, ["4"]);
}

#[tokio::test]
async fn the_sum_is_the_quantity_on_hand_and_each_movement_names_its_documents() {
    let database = mirror().await;
    let client = &database.client;
    for (id, it) in (1..).zip([
        Move::of(1, DOZEN, ["10.0", "120.0", "10.0"]),
        Move::between(STOCK, CUSTOMER),
        Move::between(CUSTOMER, SHELF),
        Move::of_scrap(SHELF, INVENTORY),
        Move::between(SHELF, OTHER_STOCK),
        Move::between(STOCK, SHELF),
    ]) {
        add(client, id, &it).await;
    }
    run(
        client,
        "update odoo.stock_moves set reference = 'WH/OUT/1', transfer_id = 7,
             purchase_line_id = 8, sale_line_id = 9, date = '2026-01-02 03:04:05+00'
         where odoo_id = 2",
    )
    .await;
    let sums = "select format('%s %s %s', warehouse_id, product_id, sum(quantity))
                from odoo.stock_movements group by warehouse_id, product_id order by 1";
    assert_eq!(texts(client, sums).await, ["1 1 118", "2 1 1"]);
    let documents = "select concat_ws(' ', reference, transfer_id, purchase_line_id,
                         sale_line_id, date at time zone 'utc')
                     from odoo.stock_movements where stock_move_id = 2";
    assert_eq!(
        texts(client, documents).await,
        ["WH/OUT/1 7 8 9 2026-01-02 03:04:05"]
    );
}
