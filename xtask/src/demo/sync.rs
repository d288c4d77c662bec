//! One sync through HTTP, watched from both ends: how many rows Odoo has, how many have
//! arrived.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Client;
use serde::Deserialize;
use shared::odoo::{Domain, OdooClient};
use shared::specs::{DataType, Stream};
use tokio_postgres::NoTls;

use super::functions::Functions;

const GLANCE: Duration = Duration::from_millis(300);
const BAR: &str = "{msg:12} {wide_bar} {human_pos}/{human_len}";

/// The part of an answer's `data` that is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) records_inserted: u64,
    pub(super) records_updated: u64,
    pub(super) records_unchanged: u64,
    pub(super) records_skipped: u64,
    /// In milliseconds. Measured by the function, so what starting it takes is left out.
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
}

/// Syncs a data type and shows how far it is.
pub(super) async fn with_progress(
    spec: &DataType,
    functions: &Functions,
    odoo: &OdooClient,
    mirror: &Mirror,
) -> Result<Answer> {
    let mut rows = 0;
    for stream in spec.streams {
        rows += odoo.search_count(stream.model, &Domain::all()).await?;
    }
    let bar = ProgressBar::new(rows)
        .with_message(spec.name)
        .with_style(ProgressStyle::with_template(BAR).context("a wrong template")?);
    let started = Instant::now();
    let mut request = Box::pin(request(spec, functions));
    let answer = loop {
        tokio::select! {
            answer = &mut request => break answer,
            () = tokio::time::sleep(GLANCE) => bar.set_position(arrived(spec, mirror).await?),
        }
    };
    bar.finish_and_clear();
    let answer = answer.with_context(|| {
        format!(
            "the sync of {} failed; the functions' log: {}",
            spec.name,
            functions.log().display()
        )
    })?;
    let seconds = started.elapsed().as_secs_f32();
    eprintln!("✓ Syncing {} ({seconds:.1} s)", spec.name);
    Ok(answer)
}

/// What the numbers are now, stream by stream.
pub(super) async fn count(
    spec: &DataType,
    odoo: &OdooClient,
    mirror: &Mirror,
) -> Result<Vec<StreamCount>> {
    let mut counts = Vec::new();
    for stream in spec.streams {
        counts.push(StreamCount {
            table: stream.name,
            in_odoo: odoo.search_count(stream.model, &Domain::all()).await?,
            in_mirror: mirror.count(stream).await?,
        });
    }
    Ok(counts)
}

async fn arrived(spec: &DataType, mirror: &Mirror) -> Result<u64> {
    let mut rows = 0;
    for stream in spec.streams {
        rows += mirror.count(stream).await?;
    }
    Ok(rows)
}

async fn request(spec: &DataType, functions: &Functions) -> Result<Answer> {
    // A proxy of this machine's is not for its own loopback address.
    let client = Client::builder().no_proxy().build()?;
    let response = client
        .post(functions.url(spec))
        .bearer_auth(functions.key())
        .send()
        .await?;
    let status = response.status();
    let body = response.text().await?;
    match serde_json::from_str::<Body>(&body) {
        Ok(Body { data }) if status == reqwest::StatusCode::OK => Ok(data),
        _ => bail!("it answered {status}: {body}"),
    }
}

#[derive(Deserialize)]
struct Body {
    data: Answer,
}
