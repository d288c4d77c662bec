//! What holds for every view, and the view `product_catalog` over rows made by hand.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::postgres::TestDatabase;

async fn run(client: &Client, statements: &str) {
    client
        .batch_execute(statements)
        .await
        .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
}

/// One row in each view.
const A_ROW_EACH: &str = "
    insert into odoo.products (odoo_id, name) values (1, 'sold');
    insert into odoo.warehouses (odoo_id, view_location_id) values (1, 10);
    insert into odoo.locations (odoo_id, usage) values (4, 'supplier'), (10, 'internal');
    insert into odoo.stock_moves
        (odoo_id, state, source_location_id, destination_location_id) values
        (1, 'done', 4, 10);";

/// What a role gets of a view; `None` without a right to it.
async fn seen(client: &Client, role: &str, view: &str) -> Option<usize> {
    run(client, &format!("set role {role}")).await;
    let answer = client.query(&format!("select from odoo.{view}"), &[]).await;
    run(client, "reset role").await;
    match answer {
        Ok(rows) => Some(rows.len()),
        Err(error) => {
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
            None
        }
    }
}

#[tokio::test]
async fn a_view_shows_nobody_more_than_the_tables_below_it() {
    let database = TestDatabase::create().await;
    let client = &database.client;
    run(client, A_ROW_EACH).await;
    for view in ["stock_movements", "product_catalog"] {
        assert_eq!(seen(client, "service_role", view).await, Some(1), "{view}");
        for role in ["anon", "authenticated"] {
            assert_eq!(seen(client, role, view).await, None, "{view}, {role}");
            // A right to the view alone is none to what it is made of.
            let grant = format!(
                "grant usage on schema odoo to {role}; grant select on odoo.{view} to {role}"
            );
            run(client, &grant).await;
            assert_eq!(seen(client, role, view).await, None, "{view}, {role}");
        }
    }
    // A right to the tables shows no row that no policy lets through.
    for view in ["stock_movements", "product_catalog"] {
        for role in ["anon", "authenticated"] {
            let grant = format!("grant select on all tables in schema odoo to {role}");
            run(client, &grant).await;
            assert_eq!(seen(client, role, view).await, Some(0), "{view}, {role}");
        }
    }
}

#[tokio::test]
async fn the_catalog_has_every_product_of_odoo_s_with_the_names_it_refers_to() {
    let database = TestDatabase::create().await;
    let client = &database.client;
    run(
        client,
        "insert into odoo.categories (odoo_id, name, complete_name, deleted_at) values
             (1, 'Chairs', 'All / Chairs', null), (2, 'Gone', 'All / Gone', now());
         insert into odoo.uoms (odoo_id, name, deleted_at) values
             (1, 'Units', null), (2, 'Gone', now());
         insert into odoo.products
             (odoo_id, name, category_id, uom_id, active, deleted_at) values
             (1, 'sold', 1, 1, true, null), (2, 'archived', 1, 1, false, null),
             (3, 'deleted', 1, 1, true, now()), (4, 'left alone', 2, 2, true, null),
             (5, 'early', 99, 99, true, null), (6, 'bare', null, null, true, null);",
    )
    .await;
    let catalog = "select concat_ws(' ', odoo_id, name, category_name,
                       category_complete_name, uom_name)
                   from odoo.product_catalog order by odoo_id";
    let rows = client.query(catalog, &[]).await.expect("the catalog");
    let found: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        found,
        [
            "1 sold Chairs All / Chairs Units",
            "2 archived Chairs All / Chairs Units",
            "4 left alone",
            "5 early",
            "6 bare",
        ]
    );
}
