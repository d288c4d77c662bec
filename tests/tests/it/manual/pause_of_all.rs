//! A batch leaves out what is paused, and says so.

use serde_json::{Value, json};

use crate::events::bus::{Bus, Mood};
use crate::http::event::{KEY, ask, request_to};
use crate::support::function::{Environment, Function};
use crate::support::postgres::TestDatabase;
use crate::support::shop::assert_failed;

const ALL: &str = "'categories', 'warehouses', 'products', 'purchases', 'sales', 'transfers'";

struct Yard {
    database: TestDatabase,
    bus: Bus,
    all: Function,
}

impl Yard {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let bus = Bus::start(Mood::Takes).await;
        let mut environment = Environment::from([
            ("SUPABASE_DB_URL", database.url.clone()),
            ("SYNC_API_KEY", KEY.to_owned()),
            ("SYNC_PARALLEL", "6".to_owned()),
        ]);
        environment.extend(bus.variables());
        let all = Function::start("sync-all", &environment).await;
        Self { database, bus, all }
    }

    async fn pause(&self, names: &str) {
        let sql = format!(
            "insert into odoo.sync_metadata (data_type, paused_at)
             select name, now() from unnest(array[{names}]) as it (name)
             on conflict (data_type) do update set paused_at = now()"
        );
        self.database
            .client
            .batch_execute(&sql)
            .await
            .expect("a pause");
    }

    async fn post(&mut self, target: &str) -> (u64, Value) {
        let bearer = format!("Bearer {KEY}");
        let event = request_to("POST", target, Some(&bearer), None);
        ask(&mut self.all, &event).await
    }

    fn asked(&self) -> Vec<Value> {
        let taken = self.bus.taken().into_iter();
        taken.map(|it| it["Detail"]["dataType"].clone()).collect()
    }
}

#[tokio::test]
async fn the_others_are_synced() {
    let mut yard = Yard::open().await;
    yard.pause("'purchases', 'sales'").await;
    let (status, body) = yard.post("/api/sync/all").await;
    assert_eq!(status, 202, "{body}");
    assert_eq!(body["data"]["paused"], json!(["purchases", "sales"]));
    let message = body["message"].as_str().expect("a text");
    assert!(message.contains("purchases, sales"), "{message}");
    assert_eq!(body["data"]["results"].as_array().map(Vec::len), Some(4));
    let others = ["categories", "warehouses", "products", "transfers"];
    assert_eq!(yard.asked(), others.map(Value::from));
}

/// Paused after its turn was put down: its function says so.
#[tokio::test]
async fn one_that_is_paused_meanwhile_fails_its_part_alone() {
    let mut yard = Yard::open().await;
    let (_, body) = yard.post("/api/sync/all").await;
    let batch_id = body["data"]["batchId"].clone();
    let failed = json!({
        "source": "odoo.sync", "detail-type": "Sync Failed",
        "detail": {
            "dataType": "sales", "batchId": batch_id,
            "error": {"code": "paused", "message": "syncs of sales are paused", "remedy": "r"}
        }
    });
    yard.all.call(&failed).await;
    let rows = yard
        .database
        .client
        .query(
            "select data_type::text, state::text, error_code::text from odoo.sync_batches
             where state <> 'requested'",
            &[],
        )
        .await
        .expect("parts");
    let found: Vec<(String, String, Option<String>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert_eq!(
        found,
        [(
            "sales".to_owned(),
            "failed".to_owned(),
            Some("paused".to_owned())
        )]
    );
}

#[tokio::test]
async fn where_all_are_paused_there_is_no_batch() {
    let mut yard = Yard::open().await;
    yard.pause(ALL).await;
    let (status, body) = yard.post("/api/sync/all").await;
    assert_eq!(status, 409, "{body}");
    assert_failed(&body, "paused");
    assert_eq!(yard.asked(), [""; 0]);
    let answer = yard.all.call(&json!({})).await;
    assert_failed(&answer, "paused");
    let log = yard.all.end().await;
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}
