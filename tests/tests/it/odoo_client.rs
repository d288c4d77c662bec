//! The Odoo client against Odoo, simulated and real.

mod answers;
mod faults;

use shared::config::OdooConfig;
use shared::error::Result;
use shared::odoo::{Domain, OdooClient, RawRecords};

const MODEL: &str = "product.product";

fn client(config: &OdooConfig) -> OdooClient {
    OdooClient::new(config).expect("a client")
}

async fn count(client: &OdooClient) -> Result<u64> {
    client.search_count(MODEL, &Domain::all()).await
}

async fn search(client: &OdooClient, domain: &Domain, limit: Option<usize>) -> Vec<i64> {
    client.search(MODEL, domain, limit).await.expect("ids")
}

async fn read_raw(client: &OdooClient, ids: &[i64], fields: &[&str]) -> RawRecords {
    let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
    client.read(MODEL, ids, &fields).await.expect("records")
}
