//! `cargo xtask supabase`: what is exposed can be read by `authenticated` and by nobody else, nothing can be
//! written, and whatever is not exposed is as closed as `row_level.rs` says.

mod command;
mod kept;

use shared::error::ErrorKind;
use shared::mirror::exposure::{Changed, State, expose, hide, list};
use tokio_postgres::error::SqlState;

use crate::row_level::{
    EVERYTHING_EVERYWHERE, SUPABASE_S_DEFAULTS, attempt, fill, migrated_after, relations, rights,
    run, statements, unguarded,
};
use crate::support::postgres::TestDatabase;

const USER: &str = "authenticated";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn exposed(database: &TestDatabase, tables: &[&str]) -> Changed {
    let done = expose(&database.config(), &names(tables), false).await;
    done.expect("exposed")
}

async fn hidden(database: &TestDatabase, tables: &[&str]) -> Changed {
    let done = hide(&database.config(), &names(tables)).await;
    done.expect("hidden")
}

/// A database with these defaults, its mirror filled, with the publication of a Supabase project.
async fn project(defaults: &str) -> TestDatabase {
    let database = migrated_after(defaults).await;
    fill(&database.client).await;
    run(&database.client, "create publication supabase_realtime").await;
    database
}

fn exposed_in(state: &State) -> Vec<&str> {
    state.exposed().map(|it| it.name.as_str()).collect()
}

async fn published(database: &TestDatabase) -> Vec<String> {
    let query = "select format('%s.%s', schemaname, tablename) from pg_publication_tables
                 where pubname = 'supabase_realtime' order by 1";
    let rows = database.client.query(query, &[]).await.expect("the tables");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn select(database: &TestDatabase, role: &str, table: &str) -> Result<u64, SqlState> {
    attempt(
        &database.client,
        role,
        &format!("select * from odoo.{table}"),
    )
    .await
}

#[tokio::test]
async fn only_what_is_exposed_is_read_and_nothing_is_written_whatever_the_defaults() {
    for defaults in [SUPABASE_S_DEFAULTS, EVERYTHING_EVERYWHERE] {
        let database = project(defaults).await;
        let client = &database.client;
        exposed(&database, &["products", "odoo.stock_moves"]).await;
        for name in relations(client, "'r', 'p', 'v'").await {
            let seen = attempt(client, USER, &format!("select * from {name}")).await;
            let is_open = ["odoo.products", "odoo.stock_moves"].contains(&name.as_str());
            let expected = if is_open {
                Ok(1)
            } else {
                Err(SqlState::INSUFFICIENT_PRIVILEGE)
            };
            assert_eq!(seen, expected, "{name} under {defaults}");
        }
        for role in [USER, "anon"] {
            for statement in statements(client).await {
                let is_read = statement.starts_with("select count(*) from odoo.products")
                    || statement.starts_with("select count(*) from odoo.stock_moves");
                if !(is_read && role == USER) {
                    let outcome = attempt(client, role, &statement).await;
                    // The second: a view of several tables, before anybody's rights are looked at.
                    let refusals = [
                        Err(SqlState::INSUFFICIENT_PRIVILEGE),
                        Err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE),
                    ];
                    let is_refused = refusals.contains(&outcome);
                    assert!(
                        is_refused,
                        "{role}: {statement} under {defaults}: {outcome:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn each_table_is_exposed_and_hidden_alone_and_twice_is_harmless() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    exposed(&database, &["products"]).await;
    exposed(&database, &["sale_orders", "sale_orders"]).await;
    let again = exposed(&database, &["products"]).await;
    assert_eq!(again.before, again.after, "nothing is left to do");
    assert_eq!(exposed_in(&again.after), ["products", "sale_orders"]);
    assert_eq!(
        published(&database).await,
        ["odoo.products", "odoo.sale_orders"]
    );

    hidden(&database, &["products"]).await;
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(select(&database, USER, "products").await, refused);
    assert_eq!(select(&database, USER, "sale_orders").await, Ok(1));
    assert_eq!(published(&database).await, ["odoo.sale_orders"]);

    let last = hidden(&database, &["sale_orders", "products"]).await;
    assert!(!last.after.is_open, "the schema goes with the last of them");
    assert_eq!(published(&database).await, Vec::<String>::new());
    assert_eq!(rights(&database.client, USER).await, Vec::<String>::new());
    assert_eq!(unguarded(&database.client).await, Vec::<String>::new());
    let again = hidden(&database, &["products"]).await;
    assert_eq!(again.before, again.after);
}

#[tokio::test]
async fn a_view_is_exposed_with_its_tables_or_not_at_all() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    exposed(&database, &["uoms"]).await;
    let alone = expose(&database.config(), &names(&["product_catalog"]), false).await;
    let error = alone.expect_err("its tables are hidden");
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let expected = "these are not exposed: categories, products; name them too \
                    (product_catalog categories products) or add --with-tables";
    assert!(error.to_string().contains(expected), "{error}");
    let state = list(&database.config()).await.expect("the state");
    assert_eq!(exposed_in(&state), ["uoms"], "all or none");

    let whole = expose(&database.config(), &names(&["product_catalog"]), true).await;
    let whole = whole.expect("exposed");
    assert_eq!(whole.names, ["product_catalog", "categories", "products"]);
    assert_eq!(select(&database, USER, "product_catalog").await, Ok(1));

    // Nobody is kept from hiding a table, and told of the view that needs it.
    let partly = hidden(&database, &["categories"]).await;
    let broken: Vec<_> = partly.after.broken_views().collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(
        (broken[0].0.name.as_str(), &broken[0].1[..]),
        ("product_catalog", &["categories"][..])
    );
    let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(select(&database, USER, "product_catalog").await, refused);
}

#[tokio::test]
async fn somebody_else_s_policy_decides_which_rows_are_seen_and_stays() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    run(
        &database.client,
        "insert into odoo.products (odoo_id, company_id) values (7, 3);
         create policy own_company on odoo.products for select to authenticated
             using (company_id = 3)",
    )
    .await;
    exposed(&database, &["products"]).await;
    assert_eq!(select(&database, USER, "products").await, Ok(1), "of two");
    hidden(&database, &["products"]).await;
    assert_eq!(
        unguarded(&database.client).await,
        ["table products has the policy own_company"]
    );
}

#[tokio::test]
async fn a_name_of_no_mirror_table_is_refused_with_those_there_are() {
    let database = project(SUPABASE_S_DEFAULTS).await;
    for name in ["sync_metadata", "schema_history", "product", "public.x"] {
        let refused = expose(&database.config(), &names(&["products", name]), false).await;
        let error = refused.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.to_string().contains("stock_movements"), "{error}");
        assert!(hide(&database.config(), &names(&[name])).await.is_err());
    }
    let state = list(&database.config()).await.expect("the state");
    assert_eq!(exposed_in(&state), Vec::<&str>::new(), "all or none");
}
