//! The floor that a sync is measured against: the calls that it cannot do without, in a bare loop,
//! the answers thrown away. Nobody can be faster than Odoo answers. For a full sync these are its
//! own `read` calls, for a reconcile the ids and change times of everything.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use serde_json::{Value, json};
use shared::odoo::{Domain, OdooClient};
use shared::specs::{DataType, Related, Source, Stream};
use shared::tls::http_client;

use crate::odoo_environment::OdooEnvironment;

/// What `SYNC_BATCH_SIZE` and `SYNC_FETCH_CONCURRENCY` are unless they are set.
pub(super) const PAGE: usize = 1000;
pub(super) const IN_FLIGHT: usize = 2;

/// So many ids with their change times at once: more make an answer of several megabytes.
const TIMES: usize = 20_000;

/// So many change times of related records does a function that reads everything ask for at once
/// (`shared/src/sync/related.rs`).
const RELATED_TIMES: usize = 10_000;

/// The calls of one sync, found out before the clock runs.
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

/// Calls that follow each other.
struct Page {
    calls: Vec<Call>,
    /// Whether the first call is for rows of the stream itself, not only for records that it is
    /// related to, whose change times are its own too.
    has_rows: bool,
}

struct Call {
    model: &'static str,
    method: &'static str,
    arguments: Value,
}

impl Floor {
    /// Lists the pages of a data type.
    pub(super) async fn prepare(
        spec: &'static DataType,
        odoo: &OdooEnvironment,
        client: &OdooClient,
    ) -> Result<Self> {
        let mut floor = Self::of_nothing(odoo)?;
        for stream in spec.streams {
            let server = client.fields_get(stream.model).await?;
            let resolved = Resolved::new(stream, |name| server.contains_key(name));
            for related in &resolved.related {
                let ids = client.search(related.model, &Domain::all(), None).await?;
                floor.pages.extend(pages_of_related(related.model, &ids));
            }
            let ids = client.search(stream.model, &Domain::all(), None).await?;
            floor.pages.extend(resolved.pages(&ids));
        }
        Ok(floor)
    }

    /// Lists the ids and change times that a data type consists of, those of related records apart.
    pub(super) async fn prepare_times(
        spec: &'static DataType,
        odoo: &OdooEnvironment,
        client: &OdooClient,
    ) -> Result<Self> {
        let mut floor = Self::of_nothing(odoo)?;
        for stream in spec.streams {
            let server = client.fields_get(stream.model).await?;
            let own = Call::times_of(stream.model, client).await?;
            let mut pages: Vec<Page> = own.into_iter().map(Page::of).collect();
            for related in Resolved::new(stream, |name| server.contains_key(name)).related {
                let calls = Call::times_of(related.model, client).await?;
                // As far as possible beside the rows that they belong to.
                for (number, call) in calls.into_iter().enumerate() {
                    let last = pages.len().saturating_sub(1);
                    match pages.get_mut(number.min(last)) {
                        Some(page) => page.calls.push(call),
                        None => pages.push(Page::of(call)),
                    }
                }
            }
            floor.pages.extend(pages);
        }
        Ok(floor)
    }

    fn of_nothing(odoo: &OdooEnvironment) -> Result<Self> {
        Ok(Self {
            client: http_client().no_proxy().gzip(true).build()?,
            odoo: odoo.clone(),
            pages: Vec::new(),
        })
    }

    /// How long the calls take. Each page's calls follow each other.
    pub(super) async fn run(&self, which: Which) -> Result<Duration> {
        let started = Instant::now();
        stream::iter(&self.pages)
            .map(async |page| {
                let calls = match which {
                    Which::All => &page.calls[..],
                    Which::Rows => &page.calls[..usize::from(page.has_rows)],
                };
                for call in calls {
                    self.call(call.model, call.method, &call.arguments).await?;
                }
                anyhow::Ok(())
            })
            // In any order: one that waits for its turn would keep the next from being asked for.
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(started.elapsed())
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
    fn of(call: Call) -> Self {
        Self {
            calls: vec![call],
            has_rows: true,
        }
    }
}

impl Call {
    fn read(model: &'static str, ids: &[i64], fields: &[String]) -> Self {
        Self {
            model,
            method: "read",
            arguments: json!({
                "ids": ids, "fields": fields, "load": null, "context": context(),
            }),
        }
    }

    /// Ids and change times of a whole model, in portions.
    async fn times_of(model: &'static str, client: &OdooClient) -> Result<Vec<Self>> {
        let ids = client.search(model, &Domain::all(), None).await?;
        let portions = ids.chunks(TIMES);
        Ok(portions.map(|ids| Self::times(model, ids)).collect())
    }

    fn times(model: &'static str, ids: &[i64]) -> Self {
        Self {
            model,
            method: "search_read",
            arguments: json!({
                "domain": ["&", ["id", ">=", ids.first()], ["id", "<=", ids.last()]],
                "fields": ["write_date"], "order": "id", "load": null, "context": context(),
            }),
        }
    }
}

/// A stream as a function reads it from the server at hand.
pub(super) struct Resolved {
    model: &'static str,
    pub(super) fields: Vec<String>,
    related: Vec<&'static Related>,
}

impl Resolved {
    pub(super) fn new(stream: &'static Stream, server_has: impl Fn(&str) -> bool) -> Self {
        let related: Vec<&Related> = stream
            .related
            .iter()
            .filter(|related| related.where_field.is_none_or(&server_has))
            .collect();
        let of_columns = stream.columns.iter().filter_map(|column| {
            let names = column.sources.iter().copied().map(Source::field);
            names.into_iter().find(|name| server_has(name))
        });
        let mut fields: Vec<String> = Vec::new();
        for name in of_columns
            .chain(["create_date", "write_date"])
            .chain(related.iter().map(|related| related.field))
        {
            if !fields.iter().any(|known| known == name) {
                fields.push(name.to_owned());
            }
        }
        Self {
            model: stream.model,
            fields,
            related,
        }
    }

    fn pages(&self, ids: &[i64]) -> impl Iterator<Item = Page> {
        let pages = ids.chunks(PAGE);
        pages.map(|ids| Page::of(Call::read(self.model, ids, &self.fields)))
    }
}

/// When the related records changed: all of them, before any row.
fn pages_of_related(model: &'static str, ids: &[i64]) -> impl Iterator<Item = Page> {
    let fields = ["write_date".to_owned()];
    ids.chunks(RELATED_TIMES).map(move |ids| Page {
        calls: vec![Call::read(model, ids, &fields)],
        has_rows: false,
    })
}

/// The context of a function that is told of neither language nor company.
fn context() -> Value {
    json!({"active_test": false, "lang": "en_US"})
}

#[cfg(test)]
mod tests {
    use super::{Call, Page, Resolved, pages_of_related};
    use serde_json::json;
    use shared::specs::{PRODUCTS, TRANSFERS};

    #[test]
    fn reads_what_the_server_has() {
        let moves = &TRANSFERS.streams[1];
        let of_19 = Resolved::new(moves, |name| name != "quantity_done");
        assert!(of_19.fields.iter().any(|name| name == "quantity"));
        assert!(of_19.related.is_empty());
        let of_14 = Resolved::new(moves, |name| name != "quantity");
        assert!(of_14.fields.iter().any(|name| name == "quantity_done"));
        assert!(of_14.fields.iter().any(|name| name == "move_line_ids"));
        assert_eq!(of_14.related.len(), 1);
    }

    #[test]
    fn reads_rows_by_the_thousand_and_related_times_by_ten_thousands() {
        let products = Resolved::new(&PRODUCTS.streams[1], |_| true);
        let ids: Vec<i64> = (1..=10_001).collect();
        let pages: Vec<Page> = products.pages(&ids).collect();
        assert_eq!(pages.len(), 11);
        assert!(pages.iter().all(|page| page.has_rows));
        assert_eq!(pages[10].calls[0].arguments["ids"], json!([10_001]));
        let related: Vec<Page> = pages_of_related("product.template", &ids).collect();
        assert_eq!(related.len(), 2);
        assert!(!related[1].has_rows);
        assert_eq!(
            related[1].calls[0].arguments["fields"],
            json!(["write_date"])
        );
    }

    #[test]
    fn a_portion_of_times_is_a_range_of_ids() {
        let call = Call::times("uom.uom", &[4, 7, 9]);
        assert_eq!(
            call.arguments["domain"],
            json!(["&", ["id", ">=", 4], ["id", "<=", 9]])
        );
    }
}
