//! Connecting to Postgres: what each `sslmode` promises, and what is said when it fails.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shared::config::{PostgresConfig, RetryConfig};
use shared::error::{Error, ErrorKind, Retry};
use shared::mirror::connect::connect;
use shared::mirror::sqlstate::{db_error, refuses_row};
use tokio::time::timeout;

use crate::support::certificate::{self, Validity};
use crate::support::postgres::{TestDatabase, config, url_of, variable};

const HOUR: Duration = Duration::from_secs(3600);

/// The server under another name, mode and CA.
fn server(host: &str, sslmode: &str, ca: Option<&str>) -> PostgresConfig {
    let mut url = reqwest::Url::parse(&variable("TEST_DATABASE_URL")).expect("a URL");
    url.set_host(Some(host)).expect("a host");
    url.set_query((!sslmode.is_empty()).then_some(&format!("sslmode={sslmode}")));
    PostgresConfig {
        ca_cert: ca.map(str::to_owned),
        ..config(url.as_str())
    }
}

/// Whether Postgres sees the connection as encrypted.
async fn is_encrypted(config: &PostgresConfig) -> bool {
    connect(config)
        .await
        .unwrap_or_else(|error| panic!("no connection: {}", error.chain()))
        .client()
        .query_one(
            "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
            &[],
        )
        .await
        .expect("a row about this connection")
        .get(0)
}

/// The error of an attempt that must not be made again: a retry would wait for an hour.
async fn refused(mut config: PostgresConfig) -> Error {
    config.retry = RetryConfig {
        max_retries: 3,
        delay: HOUR,
    };
    timeout(Duration::from_secs(30), connect(&config))
        .await
        .expect("tried again what cannot succeed")
        .expect_err("connected")
}

#[tokio::test]
async fn every_sslmode_connects_as_it_promises() {
    let ca = variable("TEST_CA_CERT");
    let pem = std::fs::read_to_string(&ca).expect("the CA");
    let two_cas = certificate::self_signed("another CA", Validity::Now).pem() + &pem;
    let on_one_line = pem.replace('\n', "\\n");
    for (host, sslmode, ca, encrypted) in [
        ("localhost", "disable", None, false),
        ("localhost", "", None, true),
        ("localhost", "allow", None, true),
        ("localhost", "prefer", None, true),
        ("localhost", "require", None, true),
        ("127.0.0.1", "require", Some(ca.as_str()), true),
        ("127.0.0.1", "verify-ca", Some(&ca), true),
        ("localhost", "verify-full", Some(&ca), true),
        ("localhost", "verify-full", Some(&pem), true),
        ("localhost", "verify-full", Some(&two_cas), true),
        ("localhost", "verify-full", Some(&on_one_line), true),
    ] {
        let config = server(host, sslmode, ca);
        assert_eq!(is_encrypted(&config).await, encrypted, "{host} {sslmode}");
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_pass_is_refused_with_the_reason_and_not_tried_again() {
    let ca = variable("TEST_CA_CERT");
    let other_ca = certificate::self_signed("another CA", Validity::Now).pem();
    let unknown = "certificate is refused: unable to get local issuer certificate";
    for (host, sslmode, ca, reason) in [
        ("localhost", "verify-full", Some(&other_ca), unknown),
        ("localhost", "verify-ca", Some(&other_ca), unknown),
        ("localhost", "require", Some(&other_ca), unknown),
        ("localhost", "prefer", Some(&other_ca), unknown),
        ("localhost", "verify-full", None, unknown),
        ("127.0.0.1", "verify-full", Some(&ca), "IP address mismatch"),
    ] {
        let error = refused(server(host, sslmode, ca.map(String::as_str))).await;
        assert_eq!(error.kind(), ErrorKind::DbUnreachable, "{host} {sslmode}");
        assert!(error.to_string().contains(reason), "{sslmode}: {error}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_the_reason() {
    let expired = certificate::self_signed("localhost", Validity::Past);
    let port = expired.serve();
    let error = refused(PostgresConfig {
        ca_cert: Some(expired.pem()),
        ..config(&format!(
            "postgres://u:p@localhost:{port}/db?sslmode=verify-full"
        ))
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::DbUnreachable);
    assert!(error.to_string().contains("expired"), "{error}");
}

/// PgBouncer is started without TLS.
#[tokio::test]
async fn a_server_without_tls_is_taken_by_prefer_and_refused_by_require() {
    let url = |sslmode| variable("TEST_POOLER_URL").replace("sslmode=disable", sslmode);
    connect(&config(&url("sslmode=prefer")))
        .await
        .expect("a connection without TLS");
    let error = refused(config(&url("sslmode=require"))).await;
    assert_eq!(error.kind(), ErrorKind::DbUnreachable);
    assert!(
        error.to_string().contains("does not support TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_password_user_or_database_is_an_auth_error_and_not_tried_again() {
    for variable_name in [
        "TEST_DATABASE_URL",
        "TEST_POOLER_URL",
        "TEST_SESSION_POOLER_URL",
    ] {
        let mut wrong_user = reqwest::Url::parse(&variable(variable_name)).expect("a URL");
        wrong_user.set_username("nobody").expect("a user");
        let mut wrong_password = reqwest::Url::parse(&variable(variable_name)).expect("a URL");
        wrong_password
            .set_password(Some("hunter2"))
            .expect("a password");
        for url in [
            wrong_user.as_str(),
            wrong_password.as_str(),
            &url_of(variable_name, "no_such_database"),
        ] {
            let error = refused(config(url)).await;
            assert_eq!(error.kind(), ErrorKind::DbAuth, "{variable_name}: {error}");
            assert!(!error.chain().contains("hunter2"), "{}", error.chain());
        }
    }
}

#[tokio::test]
async fn a_missing_password_is_an_auth_error() {
    let mut url = reqwest::Url::parse(&variable("TEST_DATABASE_URL")).expect("a URL");
    url.set_password(None).expect("no password");
    let error = refused(config(url.as_str())).await;
    assert_eq!(error.kind(), ErrorKind::DbAuth, "{error}");
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let error = connect(&config(&format!("postgres://u:p@127.0.0.1:{port}/db")))
        .await
        .expect_err("connected");
    assert_eq!(error.kind(), ErrorKind::DbUnreachable);
    assert_eq!(error.retry(), Retry::Backoff);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_as_often_as_configured() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&attempts);
    let server = tokio::spawn(async move {
        while let Ok(accepted) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            // The socket goes, and with it the connection.
            drop(accepted);
        }
    });
    let error = connect(&config(&format!("postgres://u:p@127.0.0.1:{port}/db")))
        .await
        .expect_err("connected");
    assert_eq!(error.kind(), ErrorKind::DbUnreachable);
    server.abort();
    // Each attempt ended only once the server had counted and dropped it.
    assert_eq!(attempts.load(Ordering::SeqCst), 1 + 3);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let mut config = config(&format!(
        "postgres://u:p@127.0.0.1:{port}/db?connect_timeout=1"
    ));
    config.retry.max_retries = 0;
    let error = timeout(Duration::from_secs(20), connect(&config))
        .await
        .expect("waited for ever")
        .expect_err("connected");
    assert_eq!(error.kind(), ErrorKind::DbUnreachable);
    assert!(error.to_string().contains("no answer in time"), "{error}");
}

/// What Postgres says of a statement, in a database of its own.
async fn failure_of(statement: &str) -> Error {
    let database = TestDatabase::create().await;
    let failed = database
        .client
        .batch_execute(statement)
        .await
        .expect_err("the statement fails");
    db_error("writing a page", failed)
}

#[tokio::test]
async fn an_error_names_code_and_place_but_no_value() {
    for (statement, kind, message) in [
        (
            "insert into odoo.products (odoo_id, weight) values (1, 'hunter2')",
            ErrorKind::DbFault,
            "writing a page: Postgres refuses it (SQLSTATE 22P02)",
        ),
        (
            "insert into odoo.categories (odoo_id, name) values (77, 'hunter2'), (77, '')",
            ErrorKind::DbFault,
            "writing a page: Postgres refuses it (SQLSTATE 23505, table categories, \
             constraint categories_pkey)",
        ),
        (
            "insert into odoo.categories (odoo_id, synced_at, name) values (77, null, 'hunter2')",
            ErrorKind::DbFault,
            "writing a page: Postgres refuses it (SQLSTATE 23502, table categories, \
             column synced_at)",
        ),
        (
            "select 'hunter2' from odoo.nothing",
            ErrorKind::DbSchema,
            r#"writing a page: relation "odoo.nothing" does not exist (SQLSTATE 42P01)"#,
        ),
        (
            "set role anon; select 'hunter2' from odoo.products",
            ErrorKind::DbAuth,
            "writing a page: permission denied for schema odoo (SQLSTATE 42501)",
        ),
    ] {
        let error = failure_of(statement).await;
        assert_eq!(error.kind(), kind, "{statement}");
        assert_eq!(error.chain(), message);
    }
}

#[tokio::test]
async fn only_a_refused_value_or_constraint_is_the_row_s_fault() {
    let database = TestDatabase::create().await;
    for (statement, by_the_row) in [
        ("select 'x'::numeric", true),
        (
            "insert into odoo.categories (odoo_id) values (1), (1)",
            true,
        ),
        ("select 1 from odoo.nothing", false),
        ("select pg_sleep(", false),
    ] {
        let error = database.client.batch_execute(statement).await;
        let error = error.expect_err("the statement fails");
        assert_eq!(refuses_row(&error), by_the_row, "{statement}");
    }
}

#[tokio::test]
async fn a_connection_that_postgres_ends_is_lost_and_may_be_opened_again() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.config()).await.expect("a connection");
    assert!(!connection.is_closed());
    let victim: i32 = connection
        .client()
        .query_one("select pg_backend_pid()", &[])
        .await
        .expect("its process")
        .get(0);
    database
        .client
        .execute("select pg_terminate_backend($1)", &[&victim])
        .await
        .expect("a right to end it");
    // Postgres says why (57P01) or is just gone, whichever the client sees first.
    let ended = async {
        loop {
            if let Err(error) = connection.client().batch_execute("select 1").await {
                return db_error("reading", error);
            }
        }
    };
    let error = timeout(Duration::from_secs(30), ended)
        .await
        .expect("the connection goes on");
    assert_eq!(error.kind(), ErrorKind::DbUnreachable, "{}", error.chain());
    assert_eq!(error.retry(), Retry::Backoff);
}

#[tokio::test]
async fn dropping_a_connection_ends_it() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.config()).await.expect("a connection");
    let name: String = connection
        .client()
        .query_one("select current_setting('application_name')", &[])
        .await
        .expect("its name")
        .get(0);
    assert_eq!(name, "odoo-supabase-sync");
    drop(connection);
    let others = "select from pg_stat_activity
                  where datname = current_database() and application_name = $1";
    let gone = async {
        while !database
            .client
            .query(others, &[&name])
            .await
            .expect("rows")
            .is_empty()
        {}
    };
    timeout(Duration::from_secs(10), gone)
        .await
        .expect("the connection stays open");
}
