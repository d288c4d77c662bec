//! Where batches are looked at: a mirror's database, a bus that only remembers, and `sync-all`.
//! The data types' functions are played by the test; there is no Odoo.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::events::bus::{Bus, Mood};
use crate::support::function::{Environment, Function};
use crate::support::postgres::TestDatabase;

/// The key of every function here.
const KEY: &str = "schluessel-0815";

/// In the order in which they are started.
pub(super) const ALL: [&str; 6] = [
    "categories",
    "warehouses",
    "products",
    "purchases",
    "sales",
    "transfers",
];

pub(super) struct Yard {
    pub(super) database: TestDatabase,
    pub(super) bus: Bus,
    pub(super) environment: Environment,
}

impl Yard {
    /// Nothing of Odoo is set, which `sync-all` never asks.
    pub(super) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let bus = Bus::start(Mood::Takes).await;
        let mut environment = Environment::from([
            ("SUPABASE_DB_URL", database.url.clone()),
            ("SYNC_API_KEY", KEY.to_owned()),
            ("SYNC_RETRY_DELAY_MS", "1".to_owned()),
        ]);
        environment.extend(bus.variables());
        Self {
            database,
            bus,
            environment,
        }
    }

    pub(super) async fn function(&self) -> Function {
        Function::start("sync-all", &self.environment).await
    }

    pub(super) async fn function_with(&self, name: &'static str, value: &str) -> Function {
        let mut environment = self.environment.clone();
        environment.insert(name, value.to_owned());
        Function::start("sync-all", &environment).await
    }

    /// Rows of a query as JSON objects.
    pub(super) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(found) from ({query}) found");
        let rows = self.database.client.query(&query, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(super) async fn execute(&self, sql: &str) {
        let done = self.database.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Everything that is known of batches.
    pub(super) async fn batches(&self) -> Vec<Value> {
        self.rows("select * from odoo.sync_batches order by created_at, place")
            .await
    }

    /// The row of a data type in the latest batch.
    pub(super) async fn part(&self, data_type: &str) -> Value {
        let query = format!(
            "select * from odoo.sync_batches where data_type = '{data_type}'
             order by created_at desc limit 1"
        );
        self.rows(&query).await.remove(0)
    }

    /// The data types of the latest batch that are in this state, in their order.
    pub(super) async fn in_state(&self, state: &str) -> Vec<String> {
        let query = format!(
            "select data_type from odoo.sync_batches where state = '{state}' and batch_id = (
                 select batch_id from odoo.sync_batches order by created_at desc limit 1)
             order by place"
        );
        names(&self.rows(&query).await, "data_type")
    }

    /// The data types that the bus was asked for, in the order in which it took the requests.
    pub(super) fn requested(&self) -> Vec<String> {
        let taken = self.bus.taken();
        let details: Vec<Value> = taken
            .iter()
            .filter(|entry| entry["DetailType"] == "Sync Requested")
            .map(|entry| entry["Detail"].clone())
            .collect();
        names(&details, "dataType")
    }

    /// Puts down a run as a function would: it ended with this status, having begun so many
    /// seconds after now.
    pub(super) async fn put_run(
        &self,
        data_type: &str,
        mode: &str,
        status: &str,
        begins: i32,
    ) -> Uuid {
        let run = Uuid::new_v4();
        self.execute(&format!(
            "insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at,
                 finished_at, records_inserted, records_unchanged, error_code, error_message)
             values ('{run}', '{data_type}', '{mode}', 'event', '{status}',
                 clock_timestamp() + interval '{begins} seconds',
                 case when '{status}' <> 'in_progress' then clock_timestamp() end, 7, 2,
                 case when '{status}' = 'failed' then 'odoo_fault' end,
                 case when '{status}' = 'failed' then 'Odoo answered with a fault' end)"
        ))
        .await;
        run
    }

    /// Puts down a run that is on, with its lease ending so many seconds after now.
    pub(super) async fn put_running(&self, data_type: &str, begins: i32, expires: i32) -> Uuid {
        let run = self
            .put_run(data_type, "incremental", "in_progress", begins)
            .await;
        self.execute(&format!(
            "insert into odoo.sync_metadata
                 (data_type, sync_status, run_id, run_mode, slice, lease_token, lease_expires_at,
                  updated_at)
             values ('{data_type}', 'in_progress', '{run}', 'incremental', 1,
                 gen_random_uuid(), clock_timestamp() + interval '{expires} seconds',
                 clock_timestamp() + interval '{begins} seconds')"
        ))
        .await;
        run
    }

    /// Notes in the latest batch that this run works for it, as a function does when it begins.
    pub(super) async fn assign(&self, data_type: &str, run: Uuid) {
        self.execute(&format!(
            "update odoo.sync_batches set run_id = '{run}'
             where data_type = '{data_type}' and state in ('pending', 'requested')"
        ))
        .await;
    }

    /// Lets so many minutes pass since everything was requested.
    pub(super) async fn let_pass(&self, minutes: u32) {
        self.execute(&format!(
            "update odoo.sync_batches set requested_at = requested_at - interval '{minutes} minutes'"
        ))
        .await;
    }
}

fn names(rows: &[Value], field: &str) -> Vec<String> {
    let texts = rows.iter().map(|row| row[field].as_str().expect("a name"));
    texts.map(str::to_owned).collect()
}

/// Starts a batch; its id.
pub(super) async fn start(function: &mut Function) -> String {
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["data"]["status"], "in_progress");
    answer["data"]["batchId"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// An event as the bus delivers it.
pub(super) fn event(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type, "source": source, "account": "000000000000",
        "time": "2026-11-22T10:00:00Z", "region": "eu-central-1", "resources": [],
        "detail": detail
    })
}

/// `Sync Completed` of a data type for a batch.
pub(super) fn completed(data_type: &str, batch: &str) -> Value {
    let detail = json!({"dataType": data_type, "batchId": batch, "runId": Uuid::new_v4()});
    event("odoo.sync", "Sync Completed", &detail)
}

/// `Sync Failed` of a data type for a batch.
pub(super) fn failed(data_type: &str, batch: &str, code: &str) -> Value {
    let detail = json!({
        "dataType": data_type, "batchId": batch,
        "error": {"code": code, "message": "what went wrong", "remedy": "what to do"}
    });
    event("odoo.sync", "Sync Failed", &detail)
}

/// What Lambda's destination puts on the bus after a function's last attempt.
pub(crate) fn crashed(data_type: &str, payload: &Value) -> Value {
    let arn =
        format!("arn:aws:lambda:eu-central-1:000000000000:function:shop-sync-{data_type}:$LATEST");
    let detail = json!({
        "version": "1.0", "timestamp": "2026-11-22T10:00:00.000Z",
        "requestContext": {
            "requestId": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "functionArn": arn,
            "condition": "RetriesExhausted", "approximateInvokeCount": 3
        },
        "requestPayload": payload,
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"
        },
        "responsePayload": {"errorType": "Runtime.ExitError"}
    });
    event(
        "lambda",
        "Lambda Function Invocation Result - Failure",
        &detail,
    )
}

/// `POST /api/sync/all` with the key.
pub(crate) fn post(body: &str, wait: Option<&str>) -> Value {
    request("POST", Some(&format!("Bearer {KEY}")), body, wait)
}

/// A request as API Gateway describes it.
pub(super) fn request(
    method: &str,
    authorization: Option<&str>,
    body: &str,
    wait: Option<&str>,
) -> Value {
    let path = "/api/sync/all";
    let mut event = json!({
        "version": "2.0", "routeKey": "POST /api/sync/all", "rawPath": path,
        "rawQueryString": wait.map(|it| format!("wait={it}")).unwrap_or_default(),
        "headers": {"content-type": "application/json", "host": "abc123.example.com"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "abc123",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "curl/8"
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "POST /api/sync/all",
            "stage": "$default", "timeEpoch": 1_795_255_200_000_i64
        },
        "body": body, "isBase64Encoded": false
    });
    if let Some(wait) = wait {
        event["queryStringParameters"] = json!({"wait": wait});
    }
    if let Some(value) = authorization {
        event["headers"]["authorization"] = json!(value);
    }
    event
}
