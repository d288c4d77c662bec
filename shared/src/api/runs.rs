//! The latest runs, as `sync_runs` has them.

use serde_json::Value;
use tokio_postgres::types::Type;

use super::read;
use crate::error::Result;
use crate::mirror::database::Database;

/// Data type by data type, so that the index serves: in a year there are half a million runs.
const RUNS: &str = "
    select json_build_object('runs', coalesce(
        json_agg(run order by run.started_at desc, run.run_id), '[]'))
    from (
        select latest.*
        from unnest($1::text[]) wanted (name)
        cross join lateral (
            select run_id, data_type, mode, triggered_by, status, started_at, finished_at,
                   records_inserted, records_updated, records_unchanged, records_deleted,
                   records_skipped, retries, slices, confirm_deletes, error_code,
                   error_message
            from odoo.sync_runs
            where data_type = wanted.name
            order by started_at desc
            limit $2
        ) latest
        order by latest.started_at desc, latest.run_id
        limit $2
    ) run";

/// `runs` of these data types, the latest first.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn latest(
    database: &mut Database,
    data_types: &[&str],
    limit: i64,
) -> Result<Value> {
    let parameters = [
        (&data_types as _, Type::TEXT_ARRAY),
        (&limit as _, Type::INT8),
    ];
    read(database, "reading the runs", RUNS, &parameters).await
}
