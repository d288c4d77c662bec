//! A database of its own for each test, in the Postgres that `cargo xtask test` starts.
//!
//! ```ignore
//! let database = TestDatabase::create().await;
//! let mut connection = connect(&database.config()).await?; // the code under test
//! database.client.query("select … from odoo.products", &[]).await?; // what it left behind
//! ```
//!
//! It is migrated, the roles that Supabase has exist, and it is dropped at the end.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use shared::config::{PostgresConfig, RetryConfig};
use shared::mirror::migrate::migrate;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use super::wait_until;

const NAME_PREFIX: &str = "sync_test_";

/// A database that exists as long as this does.
pub(crate) struct TestDatabase {
    /// Where it is, as superuser and without TLS.
    pub(crate) url: String,
    /// A connection to it for what a test prepares and looks at.
    pub(crate) client: Client,
    name: String,
}

impl TestDatabase {
    /// A migrated database.
    pub(crate) async fn create() -> Self {
        let template = TEMPLATE.get_or_init(create_template).await;
        let name = fresh_name();
        run_on_server(&format!("create database {name} template {template}")).await;
        Self::open(name).await
    }

    /// A database without schema `odoo`.
    pub(crate) async fn create_empty() -> Self {
        ROLES.get_or_init(create_roles).await;
        let name = fresh_name();
        run_on_server(&format!("create database {name}")).await;
        Self::open(name).await
    }

    async fn open(name: String) -> Self {
        let url = url_of("TEST_DATABASE_URL", &name);
        let client = open(&url).await;
        Self { url, client, name }
    }

    /// Waits until so many of its sessions wait for a lock; their process ids.
    pub(crate) async fn held_up(&self, sessions: usize) -> Vec<i32> {
        let query = "select pid from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock'";
        let mut waiting = Vec::new();
        wait_until("sessions wait for a lock", async || {
            let rows = self.client.query(query, &[]).await.expect("the sessions");
            waiting = rows.iter().map(|row| row.get(0)).collect();
            waiting.len() == sessions
        })
        .await;
        waiting
    }

    /// How the program is told to use it.
    pub(crate) fn config(&self) -> PostgresConfig {
        config(&self.url)
    }

    /// As [`TestDatabase::config`], through PgBouncer in transaction mode.
    pub(crate) fn pooler_config(&self) -> PostgresConfig {
        config(&url_of("TEST_POOLER_URL", &self.name))
    }

    /// As [`TestDatabase::config`], through PgBouncer in session mode.
    pub(crate) fn session_pooler_config(&self) -> PostgresConfig {
        config(&url_of("TEST_SESSION_POOLER_URL", &self.name))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        // The test's own runtime is busy with this very drop.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(run_on_server(&statement));
        });
        // A panic here would hide the one that ended the test.
        let _ = dropped.join();
    }
}

/// A configuration that retries three times without waiting long.
pub(crate) fn config(url: &str) -> PostgresConfig {
    PostgresConfig {
        url: SecretString::from(url.to_owned()),
        ca_cert: None,
        retry: RetryConfig {
            max_retries: 3,
            delay: Duration::from_millis(1),
        },
    }
}

/// A variable that `cargo xtask test` sets.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

/// `database` on the server that the variable `name` leads to.
pub(crate) fn url_of(name: &str, database: &str) -> String {
    let mut url = Url::parse(&variable(name)).expect("a URL");
    url.set_path(database);
    url.into()
}

/// A plain connection, beside the code under test.
pub(crate) async fn open(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .unwrap_or_else(|error| panic!("no connection to the test's Postgres: {error:?}"));
    tokio::spawn(connection);
    client
}

/// Migrated once a process: copying it is faster than migrating each database.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

async fn create_template() -> String {
    drop_leftovers().await;
    ROLES.get_or_init(create_roles).await;
    let name = fresh_name();
    run_on_server(&format!("create database {name}")).await;
    migrate(&config(&url_of("TEST_DATABASE_URL", &name)))
        .await
        .expect("migrations of an empty database");
    name
}

static ROLES: OnceCell<()> = OnceCell::const_new();

/// The roles of a Supabase project. Roles belong to the whole server, so the lock keeps
/// two processes from creating the same one.
async fn create_roles() {
    run_on_server(
        "do $$
        declare
            name text;
        begin
            perform pg_advisory_xact_lock(1);
            foreach name in array array['anon', 'authenticated', 'service_role'] loop
                if not exists (select from pg_roles where rolname = name) then
                    execute format('create role %I nologin', name);
                end if;
            end loop;
            alter role service_role bypassrls;
        end
        $$",
    )
    .await;
}

/// Drops what test processes that are gone left behind: each one's template, and more
/// where one was killed.
async fn drop_leftovers() {
    let server = open(&variable("TEST_DATABASE_URL")).await;
    let rows = server
        .query("select datname from pg_database", &[])
        .await
        .expect("the databases of the server");
    for row in rows {
        let name: &str = row.get(0);
        if process_of(name).is_some_and(is_gone) {
            // Another process may be sweeping too.
            let statement = format!("drop database if exists {name}");
            server.batch_execute(&statement).await.ok();
        }
    }
}

fn process_of(name: &str) -> Option<&str> {
    name.strip_prefix(NAME_PREFIX)?.split('_').next()
}

fn is_gone(process: &str) -> bool {
    Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists()
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{NAME_PREFIX}{}_{count}", std::process::id())
}

async fn run_on_server(statement: &str) {
    open(&variable("TEST_DATABASE_URL"))
        .await
        .batch_execute(statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}
