//! Case `nothing`: how often Odoo is asked when nothing has changed. The simulator counts,
//! so what is told is what arrived there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use shared::specs::{DataType, REGISTRY, Stream};

use super::function::Function;
use super::mirror::Mirror;
use super::verdict;
use crate::odoo_environment::OdooEnvironment;
use crate::runtime;
use crate::simulator::Simulator;
use crate::workspace::Workspace;

/// The bar: so many requests a stream, and one more for each related model.
const MOST_REQUESTS: u64 = 4;
/// Longer than the resolution of a change time.
const PAUSE: Duration = Duration::from_millis(2100);

/// Requests by model and method, such as `product.product read`.
type Counts = BTreeMap<String, u64>;

/// Measures every data type; true if every bar was taken.
pub(super) fn run(workspace: &Workspace, programs: &Path, mirror: &Mirror) -> Result<bool> {
    let odoo = Simulator::start(workspace)?;
    let database_url = mirror.make_empty()?;
    let mut passed = true;
    for spec in REGISTRY {
        let asked = runtime::block_on(measure(spec, programs, odoo.environment(), &database_url))??;
        println!(
            "{}: an incremental sync when nothing has changed",
            spec.name
        );
        for stream in spec.streams {
            passed &= report(stream, &asked);
        }
    }
    Ok(passed)
}

/// What Odoo was asked by a sync of a data type that nothing has changed for. That is known
/// from the third on: the second, too, must look for rows that were committed late.
async fn measure(
    spec: &DataType,
    programs: &Path,
    odoo: &OdooEnvironment,
    database_url: &str,
) -> Result<Counts> {
    let mut function = Function::start(spec, programs, odoo, database_url).await?;
    for _ in 0..2 {
        function.sync(&json!({})).await?;
        tokio::time::sleep(PAUSE).await;
    }
    let before = requests(odoo).await?;
    function.sync(&json!({})).await?;
    Ok(difference(&before, requests(odoo).await?))
}

async fn requests(odoo: &OdooEnvironment) -> Result<Counts> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/_sim/requests", odoo.url);
    client
        .get(url)
        .send()
        .await?
        .json()
        .await
        .context("the simulator does not tell its requests")
}

fn difference(before: &Counts, mut after: Counts) -> Counts {
    for (request, count) in &mut after {
        *count -= before.get(request).copied().unwrap_or(0).min(*count);
    }
    after.retain(|_, count| *count > 0);
    after
}

fn report(stream: &Stream, asked: &Counts) -> bool {
    let models: Vec<&str> = std::iter::once(stream.model)
        .chain(stream.related.iter().map(|related| related.model))
        .collect();
    let of_stream: Vec<(&String, &u64)> = asked
        .iter()
        .filter(|(request, _)| {
            let model = request.split(' ').next().unwrap_or_default();
            models.contains(&model)
        })
        .collect();
    let total: u64 = of_stream.iter().map(|(_, count)| **count).sum();
    let most = MOST_REQUESTS + stream.related.len() as u64;
    let passed = total <= most;
    let list: Vec<String> = of_stream
        .iter()
        .map(|(request, count)| format!("{count} {request}"))
        .collect();
    println!(
        "  {}: {total} requests, at most {most}: {} ({})",
        stream.name,
        verdict(passed),
        list.join(", ")
    );
    passed
}

#[cfg(test)]
mod tests {
    use super::{Counts, difference, report};
    use shared::specs::PRODUCTS;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs
            .iter()
            .map(|(request, count)| ((*request).to_owned(), *count))
            .collect()
    }

    #[test]
    fn counts_what_came_since() {
        let before = counts(&[("a read", 2), ("a search", 1)]);
        let after = counts(&[("a read", 2), ("a search", 3), ("b read", 1)]);
        assert_eq!(
            difference(&before, after),
            counts(&[("a search", 2), ("b read", 1)])
        );
    }

    #[test]
    fn a_related_model_gives_one_request_more() {
        let products = &PRODUCTS.streams[1];
        let within = counts(&[("product.product search", 4), ("product.template read", 1)]);
        assert!(report(products, &within));
        let beyond = counts(&[("product.product search", 4), ("product.template read", 2)]);
        assert!(!report(products, &beyond));
        let of_others = counts(&[("product.category search", 9)]);
        assert!(report(products, &of_others));
    }
}
