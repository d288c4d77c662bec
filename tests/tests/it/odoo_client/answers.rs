//! What the client asks means the same on every version and protocol, and what is refused is
//! refused in the same words. On the simulator and on real servers.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use odoo_sim::Version;
use serde_json::Value;
use serde_json::value::RawValue;
use shared::config::{Config, OdooConfig, ProtocolChoice};
use shared::error::ErrorKind;
use shared::odoo::value::parse_datetime;
use shared::odoo::{Counters, Domain, FieldType, OdooClient, Protocol};

use super::{MODEL, client, count, read_raw, search};
use crate::support::odoo::{Odoo, simulator};

#[tokio::test]
async fn simulated_14_answers() {
    let sim = simulator(Version::V14, 120).await;
    odoo_answers(&Odoo::simulated(&sim).await, "14", Protocol::JsonRpc).await;
}

#[tokio::test]
async fn simulated_19_answers_over_json_rpc() {
    let sim = simulator(Version::V19, 120).await;
    odoo_answers(&Odoo::simulated(&sim).await, "19", Protocol::JsonRpc).await;
}

#[tokio::test]
async fn simulated_19_answers_over_json_2() {
    let sim = simulator(Version::V19, 120).await;
    let mut odoo = Odoo::simulated(&sim).await;
    odoo.password = sim.api_key().to_owned();
    odoo_answers(&odoo, "19", Protocol::Json2).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn real_odoo_14_answers() {
    odoo_answers(&Odoo::real(14, false).await, "14", Protocol::JsonRpc).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn real_odoo_19_answers_over_json_rpc() {
    odoo_answers(&Odoo::real(19, false).await, "19", Protocol::JsonRpc).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn real_odoo_19_answers_over_json_2() {
    odoo_answers(&Odoo::real(19, true).await, "19", Protocol::Json2).await;
}

/// Everything that the engine relies on, asked of an Odoo that does nothing wrong.
async fn odoo_answers(odoo: &Odoo, version: &str, protocol: Protocol) {
    it_lets_us_in(odoo, version, protocol).await;
    it_knows_its_fields(odoo).await;
    it_lists_ids_in_order(odoo).await;
    it_leaves_out_nothing(odoo).await;
    it_tells_its_newest_change(odoo).await;
    it_reads_records(odoo).await;
    it_refuses_what_is_wrong(odoo, protocol).await;
}

async fn it_lets_us_in(odoo: &Odoo, version: &str, protocol: Protocol) {
    let client = client(&config(odoo));
    let connected = client.connect().await.expect("let in");
    assert_eq!(connected.protocol, protocol);
    assert!(connected.server_version.starts_with(version));
    assert!(connected.uid.is_some());
    let expected = match protocol {
        // Version and key.
        Protocol::Json2 => 2,
        // On 14 there is no version to be had without JSON-RPC; on 19 the password is first
        // tried as a key.
        Protocol::JsonRpc => 3,
    };
    assert_eq!(client.counters().requests, expected);
    assert!(client.can_read(MODEL).await.expect("an answer"));
}

async fn it_knows_its_fields(odoo: &Odoo) {
    let fields = client(&config(odoo))
        .fields_get(MODEL)
        .await
        .expect("fields");
    for (name, expected) in [
        ("list_price", FieldType::Float),
        ("default_code", FieldType::Char),
        ("categ_id", FieldType::Many2one),
        ("active", FieldType::Boolean),
        ("write_date", FieldType::Datetime),
        ("type", FieldType::Selection),
    ] {
        assert_eq!(fields.get(name), Some(&expected), "{name}");
    }
}

async fn it_lists_ids_in_order(odoo: &Odoo) {
    let client = client(&config(odoo));
    let settled = settled(&client).await;
    assert!(settled.is_sorted());
    let count = client.search_count(MODEL, &Domain::ids_in(&settled)).await;
    assert_eq!(count.expect("a count"), settled.len() as u64);

    let mut paged = Vec::new();
    loop {
        let after = paged.last().copied().unwrap_or(0);
        let rest = Domain::ids_in(&settled).id_after(after);
        let page = search(&client, &rest, Some(7)).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, settled);

    let some = [settled[3], settled[1], 2_000_000_000];
    let found = search(&client, &Domain::ids_in(&some), None).await;
    assert_eq!(found, [settled[1], settled[3]]);
}

/// Archived records count. Others may be at work in a real database, so agreeing once is enough.
async fn it_leaves_out_nothing(odoo: &Odoo) {
    let client = client(&config(odoo));
    let mut counts = Vec::new();
    for _ in 0..20 {
        let theirs = odoo.count(MODEL).await;
        let ours = count(&client).await.expect("a count");
        if ours == theirs {
            return;
        }
        counts.push((ours, theirs));
    }
    panic!("ours and theirs never agree: {counts:?}");
}

async fn it_tells_its_newest_change(odoo: &Odoo) {
    let client = client(&config(odoo));
    let settled = settled(&client).await;
    let times = times(&read(&client, &settled, &["write_date"]).await);
    let last = *times.iter().max().expect("some record");

    let newest = client.newest_change(MODEL).await.expect("a time");
    assert!(newest.at.expect("some record has a time") >= last);
    let server_time = newest.server_time.expect("a Date header");
    let apart = Timestamp::now().duration_since(server_time).abs();
    assert!(apart < SignedDuration::from_mins(5), "{apart}");

    let among = |window: Domain| Domain::ids_in(&settled).and(window);
    let at_last = among(Domain::changed_within(&[], last, last));
    let expected: Vec<i64> = settled
        .iter()
        .zip(&times)
        .filter(|(_, time)| **time == last)
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(search(&client, &at_last, None).await, expected);

    let ever = Domain::changed_within(&["product_tmpl_id"], Timestamp::UNIX_EPOCH, server_time);
    assert_eq!(search(&client, &among(ever), None).await, settled);
}

async fn it_reads_records(odoo: &Odoo) {
    let client = client(&config(odoo));
    let settled = settled(&client).await;
    let fields = ["name", "list_price", "categ_id", "barcode", "active"].map(str::to_owned);
    let mut expected = odoo.all(MODEL, &fields).await;
    expected.retain(|record| settled.contains(&number(&record["id"])));
    let records = client.read(MODEL, &settled, &fields).await;
    let records = records.expect("records");
    let records: Vec<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(records.json()).expect("records");
    assert_eq!(records.len(), expected.len());
    for (record, id) in records.iter().zip(&settled) {
        assert_eq!(
            number(&record["id"]),
            *id,
            "in the order that was asked for"
        );
        let same = expected.iter().find(|it| number(&it["id"]) == *id);
        let same = same.expect("it is there");
        for field in &fields {
            assert_eq!(record[field].get(), same[field].get(), "{field} of {id}");
        }
    }
    let gone = read(&client, &[2_000_000_000], &["name"]).await;
    assert_eq!(gone, Value::Array(Vec::new()));
}

async fn it_refuses_what_is_wrong(odoo: &Odoo, protocol: Protocol) {
    let right = client(&config(odoo));
    right.connect().await.expect("let in");
    let before = right.counters();

    let error = right.fields_get("no.such").await.expect_err("no model");
    assert_eq!(error.kind(), ErrorKind::OdooSchema, "{}", error.chain());
    assert!(error.to_string().contains("no.such"));

    let fields = ["x_no_such".to_owned()];
    let error = right
        .read(MODEL, &[1], &fields)
        .await
        .expect_err("no field");
    assert_eq!(error.kind(), ErrorKind::OdooSchema, "{}", error.chain());
    assert!(error.to_string().contains("x_no_such"));

    let mut other = config(odoo);
    other.company_id = Some(9_999);
    let error = count(&client(&other)).await.expect_err("no company");
    assert_eq!(error.kind(), ErrorKind::Config, "{}", error.chain());

    let mut other = config(odoo);
    other.password = "wrong".into();
    let error = count(&client(&other)).await.expect_err("wrong password");
    assert_eq!(error.kind(), ErrorKind::OdooAuth, "{}", error.chain());

    let mut other = config(odoo);
    other.database = "no_such_database".to_owned();
    let lost = client(&other);
    let error = count(&lost).await.expect_err("no database");
    assert_eq!(error.kind(), ErrorKind::OdooAuth, "{}", error.chain());
    assert!(error.to_string().contains("ODOO_DB"), "{error}");

    if protocol == Protocol::Json2 {
        other.protocol = ProtocolChoice::Json2;
        let error = count(&client(&other)).await.expect_err("no database");
        assert_eq!(error.kind(), ErrorKind::OdooAuth, "{}", error.chain());
        assert!(error.to_string().contains("ODOO_DB"), "{error}");

        let mut other = config(odoo);
        other.protocol = ProtocolChoice::JsonRpc;
        let connected = client(&other).connect().await;
        let connected = connected.expect("a key is a password too");
        assert_eq!(connected.protocol, Protocol::JsonRpc);
    }
    let expected = Counters {
        requests: before.requests + 2,
        retries: 0,
    };
    assert_eq!(right.counters(), expected, "nothing is asked twice");
    assert_eq!(lost.counters().retries, 0);
}

/// The oldest records: nobody else who tests against the same real Odoo touches these.
async fn settled(client: &OdooClient) -> Vec<i64> {
    search(client, &Domain::all(), Some(20)).await
}

/// Settings that lead to a real or simulated Odoo, with retries that do not wait.
fn config(odoo: &Odoo) -> OdooConfig {
    let environment = odoo.environment("postgres://nowhere");
    Config::from_lookup(&|name| environment.get(name).cloned())
        .expect("complete")
        .odoo
}

async fn read(client: &OdooClient, ids: &[i64], fields: &[&str]) -> Value {
    let records = read_raw(client, ids, fields).await;
    serde_json::from_str(records.json()).expect("valid JSON")
}

fn times(records: &Value) -> Vec<Timestamp> {
    let records = records.as_array().expect("a list");
    let text = |record: &Value| record["write_date"].as_str().map(str::to_owned);
    records
        .iter()
        .map(|record| {
            text(record)
                .as_deref()
                .and_then(parse_datetime)
                .expect("a time")
        })
        .collect()
}

fn number(raw: &RawValue) -> i64 {
    raw.get().parse().expect("an id")
}
