//! Cases `nothing` and `one-row`: an incremental run when nothing has changed, and when one row
//! has: what Odoo is asked, and the time beyond that in which it was busy answering.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use shared::specs::{DataType, Source, Stream};

use super::function::Function;
use super::meter::{Counts, Meter};
use super::report::{Bar, Report, Unit, milliseconds, ratio};
use super::{Bench, median};
use crate::odoo_environment::OdooEnvironment;
use crate::simulator::Simulator;
use crate::{child, runtime};

/// The bar of `nothing`: so many requests a stream, and one more for each related model.
const MOST_REQUESTS: f64 = 3.0;
/// The bar of `nothing`: our own time, in milliseconds.
const LONGEST: f64 = 20.0;
/// Longer than the resolution of a change time.
const PAUSE: Duration = Duration::from_millis(2100);
/// How many runs the medians are of.
const RUNS: usize = 5;
/// Fields of which a stream has one that can be written without changing any other row.
const HARMLESS: [&str; 3] = ["default_code", "origin", "name"];

/// What has changed before a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    OneRow,
}

/// One data type's runs, medians.
struct Measured {
    /// Of each run.
    requests: Vec<Counts>,
    /// The whole run, from the event to the answer.
    took: Duration,
    /// In which a request was under way.
    of_requests: Duration,
}

/// Measures these data types.
pub(super) fn run(bench: &Bench<'_>, change: Change, specs: &[&DataType]) -> Result<Report> {
    if !bench.args.no_build {
        child::run_to_success(
            bench
                .workspace
                .cargo()
                .args(["build", "--workspace", "--bins"]),
        )?;
    }
    let odoo = Simulator::start(bench.workspace)?;
    let database_url = bench.mirror.make_empty()?;
    let case = change.case();
    let mut report = Report::new(change.about());
    report.table(
        "Times are medians; requests are those of the last run.",
        &[
            "data type",
            "requests",
            "whole run",
            "requests' own time",
            "ours",
        ],
    );
    let mut most_requests = 0.0_f64;
    let mut worst = (Duration::ZERO, 0.0_f64);
    for spec in specs {
        let measured = runtime::block_on(measure(
            bench,
            spec,
            change,
            odoo.environment(),
            &database_url,
        ))??;
        let own = measured.took.saturating_sub(measured.of_requests);
        worst.0 = worst.0.max(own);
        worst.1 = worst.1.max(ratio(measured.took, measured.of_requests));
        report.row([
            spec.name.to_owned(),
            measured.requests.last().map(list).unwrap_or_default(),
            format!("{:.1} ms", milliseconds(measured.took)),
            format!("{:.1} ms", milliseconds(measured.of_requests)),
            format!("{:.1} ms", milliseconds(own)),
        ]);
        for stream in spec.streams {
            for of_run in &measured.requests {
                most_requests = most_requests.max(beside_related(stream, of_run));
            }
        }
    }
    let bars = match change {
        Change::Nothing => (Bar::AtMost(MOST_REQUESTS), Bar::AtMost(LONGEST)),
        Change::OneRow => (Bar::None, Bar::None),
    };
    report.figure(
        format!("{case}: most requests a stream, one for each related model aside"),
        most_requests,
        Unit::Requests,
        bars.0,
    );
    report.figure(
        format!("{case}: our own time, longest of a data type"),
        milliseconds(worst.0),
        Unit::Milliseconds,
        bars.1,
    );
    report.figure(
        format!("{case}: whole run against its requests' own time"),
        worst.1,
        Unit::Ratio,
        Bar::None,
    );
    Ok(report)
}

impl Change {
    fn case(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::OneRow => "one-row",
        }
    }

    fn about(self) -> String {
        let what = match self {
            Self::Nothing => "when nothing has changed",
            Self::OneRow => "when one row has changed",
        };
        format!(
            "An incremental run {what}, by a process that has logged in before, of the simulated Odoo \
             19 behind a proxy that notes each request. Our own time is that in which no request was \
             under way. {RUNS} runs a data type, with `SYNC_OVERLAP_SECONDS` 0: as where the last change \
             is older than the overlap."
        )
    }
}

/// That nothing has changed is known from the third run on: the second, too, must look for rows that
/// were committed late.
async fn measure(
    bench: &Bench<'_>,
    spec: &DataType,
    change: Change,
    odoo: &OdooEnvironment,
    database_url: &str,
) -> Result<Measured> {
    let meter = Meter::start(odoo).await?;
    let mut function =
        Function::start(spec, &bench.programs, meter.environment(), database_url).await?;
    for _ in 0..2 {
        function.sync(&json!({})).await?;
        tokio::time::sleep(PAUSE).await;
    }
    let mut runs = Vec::new();
    for number in 0..RUNS {
        if change == Change::OneRow {
            change_a_row(bench, spec, odoo, number).await?;
        }
        meter.take();
        let started = Instant::now();
        let data = function.sync(&json!({})).await?;
        let took = started.elapsed();
        let changed = data["recordsUpdated"].as_u64().unwrap_or_default();
        let expected = u64::from(change == Change::OneRow);
        ensure!(
            changed == expected,
            "{}: {changed} rows were updated instead of {expected}",
            spec.name
        );
        runs.push((took, meter.take()));
        if change == Change::OneRow {
            // Else the next change is of the same second.
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Measured {
        requests: runs.iter().map(|(_, asked)| asked.counts()).collect(),
        took: median(runs.iter().map(|(took, _)| *took))?,
        of_requests: median(runs.iter().map(|(_, asked)| asked.took()))?,
    })
}

/// Writes the newest row of the last stream.
async fn change_a_row(
    bench: &Bench<'_>,
    spec: &DataType,
    odoo: &OdooEnvironment,
    number: usize,
) -> Result<()> {
    let stream = spec.streams.last().context("a data type without streams")?;
    let field = harmless(stream)
        .with_context(|| format!("no field of {} is known to be harmless", stream.model))?;
    let id: i64 = bench
        .mirror
        .sql(&[&format!("select max(odoo_id) from odoo.{}", stream.name)])?
        .parse()
        .with_context(|| format!("{} is empty", stream.name))?;
    let client = shared::tls::http_client().no_proxy().build()?;
    let written = client
        .post(format!("{}/_sim/write", odoo.url))
        .json(&json!({
            "model": stream.model,
            "ids": [id],
            "values": {field: format!("changed {number}")},
        }))
        .send()
        .await?;
    ensure!(
        written.status().is_success(),
        "the simulator refuses to write {field} of {}: {}",
        stream.model,
        written.text().await?
    );
    Ok(())
}

fn harmless(stream: &Stream) -> Option<&'static str> {
    let has = |field: &&'static str| {
        let sources = stream.columns.iter().flat_map(|column| column.sources);
        sources
            .copied()
            .any(|source| source == Source::Field(field))
    };
    HARMLESS.into_iter().find(has)
}

/// Requests for a stream and its related models, less one for each of those that is asked for: which
/// those are depends on the server.
fn beside_related(stream: &Stream, requests: &Counts) -> f64 {
    let of = |model: &str| -> u64 {
        let asked = requests
            .iter()
            .filter(|(request, _)| request.split(' ').next() == Some(model));
        asked.map(|(_, count)| count).sum()
    };
    let beside = stream
        .related
        .iter()
        .map(|related| of(related.model).saturating_sub(1));
    (of(stream.model) + beside.sum::<u64>()) as f64
}

/// By method, whatever the model: `3 fields_get, 1 read`.
fn list(requests: &Counts) -> String {
    let mut of_methods = Counts::new();
    for (request, count) in requests {
        let (_, method) = request.rsplit_once(' ').unwrap_or(("", request));
        *of_methods.entry(method.to_owned()).or_default() += count;
    }
    let each = of_methods.iter();
    let each = each.map(|(method, count)| format!("{count} {method}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Counts, beside_related, harmless, list};
    use shared::specs::{PRODUCTS, REGISTRY};

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs
            .iter()
            .map(|(request, count)| ((*request).to_owned(), *count))
            .collect()
    }

    #[test]
    fn one_request_for_each_related_model_is_left_out() {
        let products = &PRODUCTS.streams[1];
        let requests = counts(&[
            ("product.product search", 4),
            ("product.template read", 1),
            ("uom.uom search", 9),
        ]);
        assert_eq!(beside_related(products, &requests), 4.0);
        assert_eq!(beside_related(products, &counts(&[])), 0.0);
        let unrelated = counts(&[("product.product search", 4)]);
        assert_eq!(beside_related(products, &unrelated), 4.0);
    }

    #[test]
    fn every_data_type_has_a_field_to_change() {
        for spec in REGISTRY {
            assert!(
                harmless(spec.streams.last().expect("one")).is_some(),
                "{}",
                spec.name
            );
        }
    }

    #[test]
    fn requests_are_listed_by_what_they_do() {
        let requests = counts(&[("a read", 1), ("a search", 1), ("b search", 2)]);
        assert_eq!(list(&requests), "1 read, 3 search");
    }
}
