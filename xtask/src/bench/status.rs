//! Case `status`: how long `api` takes for `GET /api/sync/status` once it is warm. Postgres is on
//! loopback and holds what some hundred runs and a batch that is on leave behind.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::function::Function;
use super::report::{Bar, Report, Unit, milliseconds};
use super::{Bench, median};
use crate::{child, runtime};

/// The bar, for half of the requests, in milliseconds.
const LONGEST: f64 = 30.0;
/// The first ones open the connection and bring tables into memory.
const WARM_UP: usize = 20;
const REQUESTS: usize = 500;
const RUNS_OF_EACH: u32 = 150;
const BATCHES: u32 = 50;
const FINDINGS_OF_EACH: u32 = 200;
const KEY: &str = "bench";

/// Measures it.
pub(super) fn run(bench: &Bench<'_>) -> Result<Report> {
    let database_url = bench.mirror.make_empty()?;
    let records = records();
    bench.mirror.sql(&records.each_ref().map(String::as_str))?;
    let times = runtime::block_on(measure(&bench.programs, &database_url))??;
    let mut report = Report::new(format!(
        "`GET /api/sync/status`, warm, {REQUESTS} requests one after the other: {} runs, {BATCHES} \
         batches and {} findings of {} data types are on record; Postgres is on loopback.",
        RUNS_OF_EACH as usize * REGISTRY.len(),
        FINDINGS_OF_EACH as usize * REGISTRY.len(),
        REGISTRY.len()
    ));
    let worst = times.iter().max().copied().unwrap_or_default();
    report.figure(
        "status: median",
        milliseconds(median(times)?),
        Unit::Milliseconds,
        Bar::AtMost(LONGEST),
    );
    report.figure(
        "status: worst",
        milliseconds(worst),
        Unit::Milliseconds,
        Bar::None,
    );
    Ok(report)
}

async fn measure(programs: &Path, database_url: &str) -> Result<Vec<Duration>> {
    let mut api = Function::start_api(programs, database_url, KEY).await?;
    let event = request();
    for _ in 0..WARM_UP {
        check(&api.invoke(&event).await?)?;
    }
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        child::check_interrupt()?;
        let started = Instant::now();
        let answer = api.invoke(&event).await?;
        times.push(started.elapsed());
        check(&answer)?;
    }
    Ok(times)
}

/// A fast answer that is none would be no answer.
fn check(answer: &Value) -> Result<()> {
    ensure!(answer["statusCode"] == 200, "it answered {answer}");
    let body: Value = answer["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok())
        .context("the answer has no JSON")?;
    let shown = body["data"]["metadata"].as_array().map(Vec::len);
    ensure!(
        shown == Some(REGISTRY.len()) && body["data"]["batch"].is_object(),
        "the answer lacks something: {body}"
    );
    Ok(())
}

/// The request as API Gateway describes it (HTTP API, payload 2.0).
fn request() -> Value {
    let path = "/api/sync/status";
    json!({
        "version": "2.0",
        "routeKey": "GET /api/sync/status",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {KEY}")},
        "requestContext": {"http": {"method": "GET", "path": path, "protocol": "HTTP/1.1"}},
        "isBase64Encoded": false
    })
}

/// What syncs every five minutes leave behind: runs, one of them on, streams, batches, the last
/// of them on, and findings.
fn records() -> [String; 6] {
    let names: Vec<String> = REGISTRY
        .iter()
        .map(|spec| format!("'{}'", spec.name))
        .collect();
    let streams: Vec<String> = REGISTRY
        .iter()
        .flat_map(|spec| spec.streams.iter().map(|stream| (spec.name, stream.name)))
        .map(|(data_type, stream)| format!("('{data_type}', '{stream}')"))
        .collect();
    let names = format!(
        "unnest(array[{}]) with ordinality names (data_type, place)",
        names.join(", ")
    );
    let streams = streams.join(", ");
    [
        format!(
            "insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at,
                 finished_at, records_updated, records_unchanged)
             select gen_random_uuid(), data_type, 'incremental', 'schedule',
                 case number when 0 then 'in_progress' else 'success' end,
                 now() - number * interval '5 minutes',
                 case when number > 0
                     then now() - number * interval '5 minutes' + interval '2 seconds' end,
                 number, 20
             from {names}, generate_series(0, {RUNS_OF_EACH} - 1) number"
        ),
        "insert into odoo.sync_metadata (data_type, last_sync_timestamp, last_sync_count,
             sync_status, lease_token, lease_expires_at, run_id, run_mode, slice)
         select data_type, now() - interval '5 minutes', 20, status, gen_random_uuid(),
             now() + interval '1 minute', run_id, mode, 1
         from odoo.sync_runs where status = 'in_progress'"
            .to_owned(),
        format!(
            "insert into odoo.sync_streams (data_type, stream, watermark, run_id, window_mode,
                 window_low, window_high, last_id, rows_done, rows_to_do, source_count)
             select data_type, stream, now() - interval '5 minutes', run_id, mode,
                 now() - interval '10 minutes', now(), 5000, 1000, 4000, 100000
             from (values {streams}) known (data_type, stream)
             join odoo.sync_metadata using (data_type)
             join odoo.sync_runs using (run_id, data_type)"
        ),
        format!(
            "insert into odoo.sync_batches (batch_id, data_type, place, mode, triggered_by, state,
                 created_at, requested_at, finished_at)
             select md5(number::text)::uuid, data_type, place, 'incremental', 'schedule',
                 case number when 0 then 'requested' else 'success' end,
                 now() - number * interval '1 day', now() - number * interval '1 day',
                 case when number > 0 then now() - number * interval '1 day' end
             from {names}, generate_series(0, {BATCHES} - 1) number"
        ),
        format!(
            "insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason)
             select data_type, data_type, number, 'warning', 'unique', 'shared by two rows'
             from {names}, generate_series(1, {FINDINGS_OF_EACH}) number"
        ),
        "analyze".to_owned(),
    ]
}
