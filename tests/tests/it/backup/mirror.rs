//! Databases to back up, and what they are compared by.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::s3::Bucket;
use crate::support::function::Function;
use crate::support::postgres::TestDatabase;

/// Each table's rows, as their number and a sum over what they hold, in any order.
pub(super) type Contents = BTreeMap<String, (i64, String)>;

/// What all tables of schema `odoo` hold, but for the history of migrations.
pub(super) async fn contents(client: &Client) -> Contents {
    let tables = "select relname::text from pg_class
        where relnamespace = 'odoo'::regnamespace and relkind = 'r'
          and relname <> 'schema_history'";
    let tables = client.query(tables, &[]).await.expect("the tables");
    let mut contents = Contents::new();
    for row in tables {
        let table: String = row.get(0);
        let sum = format!(
            "select count(*), coalesce(sum(
                 ('x' || left(md5(it::text), 15))::bit(60)::bigint), 0)::text
             from odoo.{table} it"
        );
        let sum = client.query_one(&sum, &[]).await.expect("a sum");
        contents.insert(table, (sum.get(0), sum.get(1)));
    }
    contents
}

pub(super) async fn run(client: &Client, sql: &str) {
    let done = client.batch_execute(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// Values that are easily lost on the way through a file.
pub(super) async fn fill_with_what_is_hard_to_write(client: &Client) {
    run(
        client,
        r#"insert into odoo.products (odoo_id, name, default_code, list_price, active, extra,
               odoo_created_at, odoo_updated_at, deleted_at)
           values
           (1, 'Zimt "Kennwort", ' || chr(10) || chr(13) || chr(9) || '\.', '', 1e-30, true,
            '{"a": ["\\n", null, "ü"]}', '0044-03-15 12:00:00+00 BC', 'infinity', null),
           (2, '\N', null, 123456789012345678901234567890.000100, null, '{}',
            '2026-03-29 01:30:00.123456+00', '-infinity', now()),
           (3, '🧂', 'NULL', 'NaN', false, '{}', null, null, null);
           insert into odoo.sync_metadata (data_type, lease_token, run_id)
           values ('products', gen_random_uuid(), gen_random_uuid());
           insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason, payload)
           select 'products', 'products', 1, 'warning', 'rule ' || n, 'a reason', '{"n": 1.10}'
           from generate_series(1, 40) n"#,
    )
    .await;
}

/// A mirror with a table that S3 takes in two parts.
pub(super) async fn fill_two_parts(client: &Client) {
    run(
        client,
        "insert into odoo.products (odoo_id, name)
         select n, md5(n::text) || md5((-n)::text) from generate_series(1, 180000) n",
    )
    .await;
}

/// Takes a backup, which must succeed; returns the answer's data.
pub(super) async fn back_up(bucket: &Bucket, database: &TestDatabase) -> Value {
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    answer["data"].clone()
}

/// Where the answer's data say that the backup is.
pub(super) fn location(data: &Value) -> &str {
    data["location"].as_str().expect("a location")
}
