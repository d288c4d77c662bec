//! Syncs all data types through HTTP, watched from both ends: how many rows Odoo has, how many
//! have arrived.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use shared::odoo::{Domain, OdooClient};
use shared::specs::{DataType, REGISTRY, Stream};
use shared::tls::http_client;
use tokio_postgres::NoTls;

use super::functions::Functions;

const GLANCE: Duration = Duration::from_millis(300);
const BAR: &str = "{msg:12} {wide_bar} {human_pos}/{human_len}";

/// What a run has done.
pub(super) struct Answer {
    pub(super) records_inserted: i64,
    pub(super) records_updated: i64,
    pub(super) records_unchanged: i64,
    pub(super) records_skipped: i64,
    /// In milliseconds, over all slices. Measured by Postgres, so what starting the function
    /// takes is left out.
    pub(super) duration: u64,
}

/// How many rows of a stream are where.
pub(super) struct StreamCount {
    pub(super) table: &'static str,
    pub(super) in_odoo: u64,
    pub(super) in_mirror: u64,
}

/// A connection to the mirror for looking at it.
pub(super) struct Mirror(tokio_postgres::Client);

impl Mirror {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .context("cannot connect to the mirror")?;
        tokio::spawn(connection);
        Ok(Self(client))
    }

    /// How many live rows a stream has.
    async fn count(&self, stream: &Stream) -> Result<u64> {
        let query = format!(
            "select count(*) from odoo.{} where deleted_at is null",
            stream.name
        );
        let count: i64 = self.0.query_one(&query, &[]).await?.get(0);
        Ok(u64::try_from(count)?)
    }

    /// What the last run did; none while it goes on, an error if it failed.
    pub(super) async fn last_run(&self, spec: &DataType) -> Result<Option<Answer>> {
        const LAST: &str = "
            select status, records_inserted, records_updated, records_unchanged, records_skipped,
                   (extract(epoch from finished_at - started_at) * 1000)::bigint, error_message
            from odoo.sync_runs where data_type = $1 order by started_at desc limit 1";
        let Some(run) = self.0.query_opt(LAST, &[&spec.name]).await? else {
            return Ok(None);
        };
        match run.get(0) {
            "in_progress" => Ok(None),
            "success" => Ok(Some(Answer {
                records_inserted: run.get(1),
                records_updated: run.get(2),
                records_unchanged: run.get(3),
                records_skipped: run.get(4),
                duration: u64::try_from(run.get::<_, i64>(5)).unwrap_or_default(),
            })),
            _ => bail!(run.get::<_, Option<String>>(6).unwrap_or_default()),
        }
    }
}

/// Both ends, and what is between them.
pub(super) struct Watched<'a> {
    pub(super) functions: &'a Functions,
    pub(super) odoo: &'a OdooClient,
    pub(super) mirror: &'a Mirror,
}

impl Watched<'_> {
    /// Syncs all data types; returns once all have ended.
    pub(super) async fn sync_all(&self) -> Result<()> {
        self.with_progress(self.all_at_once()).await
    }

    /// What came of a data type, and what the numbers are now, stream by stream.
    pub(super) async fn outcome(&self, spec: &DataType) -> Result<(Answer, Vec<StreamCount>)> {
        let answer = self.mirror.last_run(spec).await?;
        let answer = answer.with_context(|| format!("{} is not over", spec.name))?;
        let mut counts = Vec::new();
        for stream in spec.streams {
            counts.push(StreamCount {
                table: stream.name,
                in_odoo: self.odoo.search_count(stream.model, &Domain::all()).await?,
                in_mirror: self.mirror.count(stream).await?,
            });
        }
        Ok((answer, counts))
    }

    /// Shows how far the rows are until `done` is.
    async fn with_progress(&self, done: impl Future<Output = Result<()>>) -> Result<()> {
        let bar = ProgressBar::new(self.rows_in_odoo().await?)
            .with_message("all")
            .with_style(ProgressStyle::with_template(BAR).context("a wrong template")?);
        let started = Instant::now();
        let mut done = Box::pin(done);
        let outcome = loop {
            tokio::select! {
                outcome = &mut done => break outcome,
                () = tokio::time::sleep(GLANCE) => bar.set_position(self.arrived().await?),
            }
        };
        bar.finish_and_clear();
        outcome.with_context(|| {
            let log = self.functions.log().display();
            format!("the sync of all data types failed; the functions' log: {log}")
        })?;
        let seconds = started.elapsed().as_secs_f32();
        eprintln!("✓ Syncing all data types ({seconds:.1} s)");
        Ok(())
    }

    async fn rows_in_odoo(&self) -> Result<u64> {
        let mut rows = 0;
        for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
            rows += self.odoo.search_count(stream.model, &Domain::all()).await?;
        }
        Ok(rows)
    }

    async fn arrived(&self) -> Result<u64> {
        let mut rows = 0;
        for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
            rows += self.mirror.count(stream).await?;
        }
        Ok(rows)
    }

    /// All by the route of `sync-all`, which starts each next one when another has ended.
    async fn all_at_once(&self) -> Result<()> {
        self.send(client()?.post(self.functions.url_of_all()))
            .await?;
        loop {
            let status = client()?.get(self.functions.url_of_status());
            let answer: Status = serde_json::from_str(&self.send(status).await?)
                .context("the status is not what it should be")?;
            let mut words = answer.data.status.values();
            if words.all(|word| word == "success" || word == "failed") {
                break;
            }
            tokio::time::sleep(GLANCE).await;
        }
        for spec in REGISTRY {
            let ended = self.mirror.last_run(spec).await;
            ended.with_context(|| spec.name)?;
        }
        Ok(())
    }

    /// The body of an answer that is a success, or that says that it is on its way.
    async fn send(&self, request: RequestBuilder) -> Result<String> {
        let response = request.bearer_auth(self.functions.key()).send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(
            [StatusCode::OK, StatusCode::ACCEPTED].contains(&status),
            "it answered {status}: {body}"
        );
        Ok(body)
    }
}

/// A proxy of this machine's is not for its own loopback address.
fn client() -> Result<Client> {
    Ok(http_client().no_proxy().build()?)
}

#[derive(Deserialize)]
struct Status {
    data: StatusData,
}

#[derive(Deserialize)]
struct StatusData {
    status: BTreeMap<String, String>,
}
