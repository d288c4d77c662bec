//! The dashboard in a browser: Chromium, driven from `dashboard/all.mjs`, opens the page that
//! `api` serves, over everything that is deployed, and presses its buttons. Pictures of it are left in
//! `target/dashboard`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_aws::authorization;
use odoo_sim::{Fault, When};
use reqwest::Method;
use serde_json::{Value, json};
use shared::specs::REGISTRY;
use shared::tls::http_client;
use tokio::process::Command;

use super::surface::{KEY, Settings, Surface};
use crate::support::postgres::variable;
use crate::support::wait_until;

/// The browser's tests take a minute; on a machine that does much else, some.
const LIMIT: Duration = Duration::from_secs(480);

/// Thirty runs of each data type, so that there is something to draw: some that failed, with
/// more rows by day than by night.
const HISTORY: &str = "
    insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at,
        finished_at, records_inserted, records_updated, records_unchanged, records_skipped,
        error_code, error_message)
    select gen_random_uuid(), data_type, case when number % 12 = 0 then 'reconcile' else 'incremental' end,
           'schedule', status, started_at, started_at + duration * interval '1 ms',
           rows, rows * 3, number % 4, 0,
           case status when 'failed' then 'odoo_unreachable' end,
           case status when 'failed' then 'Odoo does not answer: connection refused' end
    from (
        select *, now() - (number * interval '5 minutes') as started_at,
               case when (number + length(data_type)) % 13 = 0 then 'failed' else 'success' end as status,
               400 + (number * 7919 + length(data_type) * 104729) % 3600 as duration,
               (number * 31 + length(data_type) * 17) % 60 as rows
        from generate_series(1, 30) number
        cross join unnest($1::text[]) data_type
    ) run";

/// A reject, a warning, and a run that is on.
const TROUBLE: &str = "
    insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason, next_try_at)
    values ('products', 'products', 7, 'reject', 'representation', 'column weight: a number was expected', now()),
           ('products', 'products', 12, 'warning', 'unique', 'another active product of its company has the same barcode', null);
    insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status)
    values ('6a7e8feb-b491-4cf7-a9f1-bf3703467718', 'transfers', 'full', 'http', 'in_progress');
    update odoo.sync_metadata
    set sync_status = 'in_progress', run_id = '6a7e8feb-b491-4cf7-a9f1-bf3703467718', run_mode = 'full', slice = 1,
        lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'
    where data_type = 'transfers';
    update odoo.sync_streams
    set run_id = '6a7e8feb-b491-4cf7-a9f1-bf3703467718', window_mode = 'full', window_phase = 'read',
        window_done = false, rows_done = 1500, rows_to_do = 4500
    where data_type = 'transfers'";

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_do_in_a_browser_what_the_page_promises() {
    let surface = Surface::open(Settings::default()).await;
    prepare(&surface).await;
    let report = pictures().join("report.txt");
    let told = fs::File::create(&report).expect("a file");
    let mut browser = browser(&surface);
    browser
        .stdout(told.try_clone().expect("the file"))
        .stderr(told);
    // What it has told is worth most where it does not end.
    let status = tokio::time::timeout(LIMIT, browser.status()).await;
    let is_done = matches!(&status, Ok(Ok(status)) if status.success());
    let report = fs::read_to_string(report).expect("the report");
    assert!(is_done, "{status:?}\n{report}\n{}", surface.log());
    the_bus_has_heard_what_was_done(&surface).await;
}

/// The folder for pictures and for what the tests there have told.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/dashboard");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Node with the browser's tests, and what leads them to the page and behind it.
fn browser(surface: &Surface) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    let page = format!("{}/api/sync/dashboard", surface.url());
    let mut command = Command::new(variable("TEST_NODE"));
    command
        .arg(tests.join("tests/it/serverless/dashboard/all.mjs"))
        .env("TEST_CHROMIUM", variable("TEST_CHROMIUM"))
        .env("TEST_NODE_PACKAGES", variable("TEST_NODE_PACKAGES"))
        .env("DASHBOARD_URL", page)
        .env("DASHBOARD_KEY", KEY)
        .env("DASHBOARD_DATA_TYPES", names.join(" "))
        .env("DASHBOARD_PICTURES", pictures())
        .env("DASHBOARD_DATABASE", &surface.database.url)
        .env("DASHBOARD_ODOO", surface.sim.url())
        .env("DASHBOARD_DEAD_LETTERS", surface.dead_letters_url())
        .env("DASHBOARD_SQS", authorization("sqs"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Who else listens has been told of what a person has done on the page.
async fn the_bus_has_heard_what_was_done(surface: &Surface) {
    let details = async |detail_type: &str| -> Vec<Value> {
        let heard = surface.heard(detail_type).await.into_iter();
        heard.map(|mut event| event["detail"].take()).collect()
    };
    wait_until(
        "the bus knows of the runs that were cancelled",
        async || {
            let failed = details("Sync Failed").await;
            let is_cancelled = |it: &&Value| it["error"]["code"] == "cancelled";
            let names: BTreeSet<&str> = failed
                .iter()
                .filter(is_cancelled)
                .filter_map(|it| it["dataType"].as_str())
                .collect();
            names.is_superset(&["warehouses", "purchases"].into())
        },
    )
    .await;
    let requested = details("Sync Requested").await;
    let asked = |name: &str, mode: &str, is_of_a_batch: bool| {
        let mut alike = requested.iter();
        alike.any(|it| {
            it["dataType"] == name
                && it["mode"] == mode
                && it["batchId"].is_string() == is_of_a_batch
        })
    };
    assert!(
        asked("products", "incremental", false),
        "a retry: {requested:?}"
    );
    assert!(
        asked("categories", "full", false),
        "a replay: {requested:?}"
    );
    for spec in REGISTRY {
        assert!(asked(spec.name, "incremental", true), "all: {requested:?}");
    }
}

/// A mirror that has been looked after for some hours: sales fails, transfers is being read.
async fn prepare(surface: &Surface) {
    for spec in REGISTRY {
        let path = format!("/api/sync/{}", spec.name);
        let (status, body) = surface.ask(Method::POST, &path, &json!({})).await;
        assert_eq!(status, 200, "{body}\n{}", surface.log());
    }
    let reconcile = json!({"mode": "reconcile"});
    let (status, body) = surface
        .ask(Method::POST, "/api/sync/products", &reconcile)
        .await;
    assert_eq!(status, 200, "{body}");
    let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    let client = &surface.database.client;
    client.execute(HISTORY, &[&names]).await.expect("runs");
    surface.sim.inject(
        When::any().model("sale.order").forever(),
        Fault::AccessDenied,
    );
    let (status, body) = surface
        .ask(Method::POST, "/api/sync/sales", &json!({}))
        .await;
    assert_eq!(status, 502, "{body}");
    client.batch_execute(TROUBLE).await.expect("trouble");
}

#[tokio::test]
async fn the_page_needs_no_key_and_says_what_a_browser_may_do() {
    let surface = Surface::open(Settings::default()).await;
    let url = format!("{}/api/sync/dashboard", surface.url());
    let http = http_client().build().expect("a client");
    let answer = http.get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cache-control"), "no-store");
    let policy = header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.split("; ").any(|it| it == directive), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    let page = answer.text().await.expect("a page");
    assert!(page.starts_with("<!doctype html>"), "{page:.100}");
    assert!(page.len() < 64 * 1024, "{} bytes", page.len());

    let post = http.post(&url).send().await.expect("an answer");
    assert_eq!(
        (post.status().as_u16(), &post.headers()["allow"]),
        (405, &"GET".parse().expect("a value"))
    );
    let misspelt = http
        .get(format!("{url}?key=x"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(misspelt.status(), 400);
}
