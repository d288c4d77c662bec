//! The floor that a full sync is measured against: the same `read` calls that it makes,
//! in a bare loop, the answers thrown away. Nobody can be faster than Odoo answers.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use serde_json::{Value, json};
use shared::odoo::OdooClient;
use shared::specs::{DataType, Source, Stream};

use crate::odoo_environment::OdooEnvironment;

/// What `SYNC_BATCH_SIZE` and `SYNC_FETCH_CONCURRENCY` are unless they are set.
const PAGE: usize = 1000;
const IN_FLIGHT: usize = 2;

/// The calls of one full sync, found out before the clock runs.
pub(super) struct Floor {
    client: Client,
    odoo: OdooEnvironment,
    pages: Vec<Page>,
}

/// Which of a page's calls are made.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// All that the function makes.
    All,
    /// The rows alone: what there would be to read if no related record ever changed.
    Rows,
}

/// What belongs to one page of a stream: its own `read`, then those of the records that
/// it is related to, whose change times are its own too.
struct Page {
    reads: Vec<Read>,
}

struct Read {
    model: &'static str,
    ids: Vec<i64>,
    fields: Vec<String>,
}

impl Floor {
    /// Lists the pages of a data type.
    pub(super) async fn prepare(
        spec: &'static DataType,
        odoo: &OdooEnvironment,
        client: &OdooClient,
    ) -> Result<Self> {
        let mut floor = Self {
            client: Client::builder().no_proxy().gzip(true).build()?,
            odoo: odoo.clone(),
            pages: Vec::new(),
        };
        for stream in spec.streams {
            let server = client.fields_get(stream.model).await?;
            let fields = fields(stream, |name| server.contains_key(name));
            let records = floor.links(stream).await?;
            floor.pages.extend(
                records
                    .chunks(PAGE)
                    .map(|records| Page::new(stream, &fields, records)),
            );
        }
        Ok(floor)
    }

    /// How long the calls take. Each page's calls follow each other.
    pub(super) async fn run(&self, which: Which) -> Result<Duration> {
        let started = Instant::now();
        stream::iter(&self.pages)
            .map(async |page| {
                let reads = match which {
                    Which::All => &page.reads[..],
                    Which::Rows => &page.reads[..1],
                };
                for read in reads {
                    self.read(read).await?;
                }
                anyhow::Ok(())
            })
            .buffered(IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(started.elapsed())
    }

    /// The records of a stream in id order, with the ids that they are related to.
    async fn links(&self, stream: &Stream) -> Result<Vec<Value>> {
        let fields: Vec<&str> = stream.related.iter().map(|related| related.field).collect();
        let arguments = json!({
            "domain": [], "fields": fields, "order": "id", "load": null, "context": context(),
        });
        let answer = self.call(stream.model, "search_read", &arguments).await?;
        serde_json::from_slice(&answer).context("Odoo's answer is no list")
    }

    async fn read(&self, read: &Read) -> Result<()> {
        let arguments = json!({
            "ids": read.ids, "fields": read.fields, "load": null, "context": context(),
        });
        self.call(read.model, "read", &arguments).await.map(drop)
    }

    async fn call(&self, model: &str, method: &str, arguments: &Value) -> Result<Vec<u8>> {
        let response = self
            .client
            .post(format!("{}/json/2/{model}/{method}", self.odoo.url))
            .bearer_auth(&self.odoo.api_key)
            .header("X-Odoo-Database", &self.odoo.database)
            .json(arguments)
            .send()
            .await?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(
            status.is_success(),
            "Odoo answers {status} to {model}/{method}"
        );
        Ok(body.to_vec())
    }
}

impl Page {
    fn new(stream: &Stream, fields: &[String], records: &[Value]) -> Self {
        let ids_of = |field: &str| -> Vec<i64> {
            let mut ids: Vec<i64> = records
                .iter()
                .filter_map(|record| record[field].as_i64())
                .collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let mut reads = vec![Read {
            model: stream.model,
            ids: ids_of("id"),
            fields: fields.to_vec(),
        }];
        reads.extend(stream.related.iter().map(|related| Read {
            model: related.model,
            ids: ids_of(related.field),
            fields: vec!["write_date".to_owned()],
        }));
        Self { reads }
    }
}

/// The context of a function that is told of neither language nor company.
fn context() -> Value {
    json!({"active_test": false, "lang": "en_US"})
}

/// The fields that a function reads of a stream.
fn fields(stream: &Stream, server_has: impl Fn(&str) -> bool) -> Vec<String> {
    let of_columns = stream.columns.iter().filter_map(|column| {
        let names = column.sources.iter().copied().map(Source::field);
        names.into_iter().find(|name| server_has(name))
    });
    let mut fields: Vec<String> = Vec::new();
    for name in of_columns.chain(["create_date", "write_date"]) {
        if !fields.iter().any(|known| known == name) {
            fields.push(name.to_owned());
        }
    }
    fields
}
