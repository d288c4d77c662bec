//! Nothing in schema `odoo` is open to Supabase's `anon` and `authenticated`, of whatever
//! kind it is, whichever rights a project hands out by default, and also in what later
//! migrations add.

use shared::mirror::migrate::migrate;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::postgres::TestDatabase;

/// Everybody who comes through Supabase's API without the service key.
const STRANGERS: [&str; 2] = ["anon", "authenticated"];

/// What a Supabase project sets, and what one might set that keeps its default of handing
/// out everything for every schema.
pub(crate) const SUPABASE_S_DEFAULTS: &str = "
    grant usage on schema public to anon, authenticated, service_role;
    alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
    alter default privileges in schema public grant all on functions to anon, authenticated, service_role;";
pub(crate) const EVERYTHING_EVERYWHERE: &str = "
    alter default privileges grant all on tables to anon, authenticated;
    alter default privileges grant all on sequences to anon, authenticated;
    alter default privileges grant all on functions to anon, authenticated;";

/// Tables that nobody forgot to close, views that ask with the rights of who asks, and no way
/// around either: what has to be so whatever rights are granted.
const UNGUARDED: &str = "
    select format('table %s has no row level security', relname) from pg_class
    where relnamespace = 'odoo'::regnamespace and relkind in ('r', 'p') and not relrowsecurity
    union all
    select format('table %s has the policy %s', tablename, policyname) from pg_policies
    where schemaname = 'odoo'
    union all
    select format('view %s is no security invoker', relname) from pg_class
    where relnamespace = 'odoo'::regnamespace and relkind = 'v'
      and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    union all
    select format('%s can have no row level security', relname) from pg_class
    where relnamespace = 'odoo'::regnamespace and relkind in ('m', 'f')
    union all
    select format('function %s runs with its owner''s rights', proname) from pg_proc
    where pronamespace = 'odoo'::regnamespace and prosecdef
    order by 1";

/// Rights that a role has in schema `odoo`, on the schema, relations, columns and sequences.
const RIGHTS: &str = "
    select format('%s on the schema', what) from unnest(array['usage', 'create']) what
    where has_schema_privilege($1, 'odoo', what)
    union all
    select format('%s on %s', what, relname) from pg_class,
        unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) what
    where relnamespace = 'odoo'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
      and has_table_privilege($1, oid, what)
    union all
    select format('%s on columns of %s', what, relname) from pg_class,
        unnest(array['select', 'insert', 'update', 'references']) what
    where relnamespace = 'odoo'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
      and has_any_column_privilege($1, oid, what)
    union all
    select format('%s on %s', what, relname) from pg_class,
        unnest(array['usage', 'select', 'update']) what
    where relnamespace = 'odoo'::regnamespace
      and case relkind when 'S' then has_sequence_privilege($1, oid, what) else false end";

pub(crate) async fn run(client: &Client, sql: &str) {
    let done = client.batch_execute(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).await.expect("a catalogue query");
    rows.iter().map(|row| row.get(0)).collect()
}

pub(crate) async fn unguarded(client: &Client) -> Vec<String> {
    names(client, UNGUARDED).await
}

pub(crate) async fn rights(client: &Client, role: &str) -> Vec<String> {
    let rows = client.query(RIGHTS, &[&role]).await.expect("the rights");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Relations of these kinds in schema `odoo`.
pub(crate) async fn relations(client: &Client, kinds: &str) -> Vec<String> {
    let query = format!(
        "select oid::regclass::text from pg_class
         where relnamespace = 'odoo'::regnamespace and relkind in ({kinds}) order by 1"
    );
    names(client, &query).await
}

async fn first_column(client: &Client, relation: &str) -> String {
    let query = format!(
        "select attname::text from pg_attribute
         where attrelid = '{relation}'::regclass and attnum = 1"
    );
    names(client, &query).await.remove(0)
}

/// A database with these defaults, migrated after they were set.
pub(crate) async fn migrated_after(defaults: &str) -> TestDatabase {
    let database = TestDatabase::create_empty().await;
    run(&database.client, defaults).await;
    migrate(&database.config()).await.expect("migrations");
    database
}

/// What a statement does as this role: how many rows it touches or shows, or the SQLSTATE with
/// which it is refused. Nothing of it stays.
pub(crate) async fn attempt(client: &Client, role: &str, statement: &str) -> Result<u64, SqlState> {
    run(client, &format!("begin; set local role {role}")).await;
    let outcome = client.execute(statement, &[]).await;
    run(client, "rollback").await;
    outcome.map_err(|error| {
        error
            .code()
            .cloned()
            .unwrap_or(SqlState::CONNECTION_FAILURE)
    })
}

/// Every way to look at or change what is in the schema.
pub(crate) async fn statements(client: &Client) -> Vec<String> {
    let mut statements = Vec::new();
    for name in relations(client, "'r', 'p', 'v'").await {
        statements.push(format!("select count(*) from {name}"));
        statements.push(format!("insert into {name} default values"));
        statements.push(format!("delete from {name}"));
        let column = first_column(client, &name).await;
        statements.push(format!("update {name} set {column} = {column}"));
    }
    for name in relations(client, "'r', 'p'").await {
        statements.push(format!("truncate {name}"));
        statements.push(format!("lock table {name}"));
        statements.push(format!(
            "create trigger t before insert on {name} execute function f()"
        ));
    }
    for name in relations(client, "'S'").await {
        statements.push(format!("select nextval('{name}')"));
        statements.push(format!("select setval('{name}', 1)"));
        statements.push(format!("select last_value from {name}"));
    }
    statements.push("create table odoo.foothold (x int)".to_owned());
    statements
}

/// Puts a row into each mirror table and into `sync_metadata`.
pub(crate) async fn fill(client: &Client) -> Vec<String> {
    let mirrors = "select attrelid::regclass::text from pg_attribute
                   where attname = 'odoo_id' and attrelid in (
                       select oid from pg_class
                       where relnamespace = 'odoo'::regnamespace and relkind = 'r'
                         and relname not like 'sync%')";
    let tables = names(client, mirrors).await;
    assert!(tables.len() > 10, "{tables:?}");
    for table in &tables {
        run(client, &format!("insert into {table} (odoo_id) values (1)")).await;
    }
    run(
        client,
        "insert into odoo.sync_metadata (data_type) values ('products')",
    )
    .await;
    tables
}

#[tokio::test]
async fn no_stranger_has_a_right_in_schema_odoo_under_supabase_s_defaults() {
    let database = migrated_after(SUPABASE_S_DEFAULTS).await;
    let client = &database.client;
    assert_eq!(unguarded(client).await, Vec::<String>::new());
    for role in STRANGERS {
        assert_eq!(rights(client, role).await, Vec::<String>::new(), "{role}");
        for statement in statements(client).await {
            let outcome = attempt(client, role, &statement).await;
            let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
            assert_eq!(outcome, refused, "{role}: {statement}");
        }
    }
}

#[tokio::test]
async fn rights_handed_out_by_default_in_every_schema_do_not_reach_into_odoo() {
    let database = migrated_after(EVERYTHING_EVERYWHERE).await;
    let client = &database.client;
    for role in STRANGERS {
        assert_ne!(
            rights(client, role).await,
            Vec::<String>::new(),
            "the default took effect"
        );
        for statement in statements(client).await {
            let outcome = attempt(client, role, &statement).await;
            // Nobody who may not use the schema finds anything in it.
            let refused = Err(SqlState::INSUFFICIENT_PRIVILEGE);
            assert_eq!(outcome, refused, "{role}: {statement}");
        }
    }
}

#[tokio::test]
async fn where_even_the_schema_is_opened_no_row_is_seen_or_written() {
    let database = migrated_after(EVERYTHING_EVERYWHERE).await;
    let client = &database.client;
    run(client, "grant usage on schema odoo to anon, authenticated").await;
    assert_eq!(unguarded(client).await, Vec::<String>::new());
    let filled = fill(client).await;
    for role in STRANGERS {
        for name in relations(client, "'r', 'p', 'v'").await {
            // `select *` counts the rows that come back.
            let seen = attempt(client, role, &format!("select * from {name}")).await;
            assert_eq!(seen, Ok(0), "{role} reads {name}");
        }
        for table in &filled {
            for (statement, outcome) in [
                (format!("delete from {table}"), Ok(0)),
                (format!("update {table} set odoo_id = 7"), Ok(0)),
                (
                    format!("insert into {table} (odoo_id) values (2)"),
                    Err(SqlState::INSUFFICIENT_PRIVILEGE),
                ),
            ] {
                let found = attempt(client, role, &statement).await;
                assert_eq!(found, outcome, "{role}: {statement}");
            }
        }
    }
}

#[tokio::test]
async fn a_later_migration_that_says_nothing_of_row_level_security_is_named_and_closed() {
    let database = migrated_after(EVERYTHING_EVERYWHERE).await;
    let client = &database.client;
    run(client, "grant usage on schema odoo to anon, authenticated").await;
    run(
        client,
        "create table odoo.later (x int); insert into odoo.later values (1);
         create table odoo.parted (x int) partition by list (x);
         create table odoo.part partition of odoo.parted default;
         create view odoo.later_view as select * from odoo.later",
    )
    .await;
    assert_eq!(
        unguarded(client).await,
        [
            "table later has no row level security",
            "table part has no row level security",
            "table parted has no row level security",
            "view later_view is no security invoker",
        ]
    );
    assert_eq!(
        attempt(client, "anon", "select * from odoo.later").await,
        Ok(1)
    );

    // As after every later version's migrations.
    migrate(&database.config()).await.expect("nothing to do");
    assert_eq!(
        unguarded(client).await,
        ["view later_view is no security invoker"]
    );
    assert_eq!(
        attempt(client, "anon", "select * from odoo.later").await,
        Ok(0)
    );
}

#[tokio::test]
async fn whatever_else_would_be_a_way_in_is_named() {
    let database = TestDatabase::create().await;
    let client = &database.client;
    run(
        client,
        "create materialized view odoo.frozen as select * from odoo.products;
         create policy all_may on odoo.products for select using (true);
         create function odoo.peek() returns bigint language sql security definer
             as 'select count(*) from odoo.products';
         grant select (name) on odoo.products to anon",
    )
    .await;
    assert_eq!(
        unguarded(client).await,
        [
            "frozen can have no row level security",
            "function peek runs with its owner's rights",
            "table products has the policy all_may",
        ]
    );
    assert_eq!(
        rights(client, "anon").await,
        ["select on columns of products"]
    );
}
