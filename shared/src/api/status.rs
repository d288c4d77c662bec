//! Where each data type stands: its row of `sync_metadata` without the lease's token, its
//! streams, and, while a run is on, how far that has come and whether it is stale; and the
//! newest batch that any of them was in, in the words in which `sync-all` tells it. Before that
//! is shown it is brought up to what its runs have done: the event that would have said so may
//! be lost.

use serde_json::{Value, json};
use tokio_postgres::types::Type;

use super::read_in;
use crate::error::{ErrorKind, Result};
use crate::metadata::batches;
use crate::metadata::stale::IS_STALE;
use crate::mirror::database::Database;

/// Rows that a run has still to read or compare in a stream. One whose turn has not come is not counted yet: where all of it
/// will be gone over, what was counted there the last time is near enough. All of a stream in its phase of
/// deletions has been compared.
const ROWS_LEFT: &str = "case
    when window_done or window_phase = 'delete' then 0
    when rows_to_do is not null then rows_to_do
    when source_count is not null and (window_phase = 'compare' or window_mode = 'full')
    then greatest(source_count - rows_done, 0)
    end";

/// A data type that has never been synced has no row and is `pending`. The last reconcile is looked for no farther
/// back than a weekly one needs: where there is none, every run there ever was would be gone over.
const STATUS: &str = "
    select json_build_object(
        'status', json_object_agg(
            wanted.name, coalesce(metadata.sync_status, 'pending') order by wanted.position),
        'metadata', coalesce(
            json_agg(shown.row order by wanted.position) filter (where shown.row is not null),
            '[]'),
        'batch', (
            select json_build_object(
                'batchId', batch_id,
                'mode', min(mode),
                'status', case
                    when bool_or(state in ('pending', 'requested')) then 'in_progress'
                    when bool_or(state = 'failed') then 'failed'
                    else 'success'
                    end,
                'createdAt', min(created_at),
                'finishedAt', case
                    when bool_and(state in ('success', 'failed')) then max(finished_at)
                    end,
                'done', count(*) filter (where state in ('success', 'failed')),
                'toDo', count(*) filter (where state in ('pending', 'requested')),
                'results', json_agg(
                    json_strip_nulls(json_build_object(
                        'dataType', data_type,
                        'status', case state when 'requested' then 'in_progress' else state end,
                        'requestedAt', requested_at, 'finishedAt', finished_at, 'runId', run_id,
                        'error', case when error_code is not null then json_build_object(
                            'code', error_code,
                            'message', coalesce(error_message, error_code))
                            end))
                    order by place))
            from odoo.sync_batches
            where batch_id = (
                select batch_id from odoo.sync_batches
                where data_type = any($1::text[])
                order by created_at desc, batch_id
                limit 1)
            group by batch_id))
    from unnest($1::text[]) with ordinality wanted (name, position)
    left join odoo.sync_metadata metadata on metadata.data_type = wanted.name
    left join lateral (
        select row_to_json(columns) as row
        from (
            select metadata.id, metadata.data_type, metadata.last_sync_timestamp,
                   metadata.last_sync_count, metadata.sync_status, metadata.error_message,
                   metadata.created_at, metadata.updated_at, metadata.lease_expires_at,
                   metadata.run_id, metadata.run_mode, metadata.slice, metadata.takeovers,
                   metadata.pending_mode, metadata.pending_reconcile,
                   metadata.pending_confirm_deletes,
                   metadata.paused_at, metadata.paused_by, metadata.pause_reason,
                   {is_stale} as stale,
                   (select coalesce(json_agg(of_type order by of_type.stream), '[]')
                    from (
                        select stream, watermark, window_mode, window_phase, window_low,
                               window_high, window_done, last_id, rows_done, rows_to_do,
                               verified_at, source_count, mirror_count, count_mismatches,
                               updated_at
                        from odoo.sync_streams
                        where data_type = metadata.data_type
                    ) of_type) as streams,
                   case when metadata.sync_status = 'in_progress' then
                       (select json_build_object(
                            'rows_done', coalesce(sum(rows_done), 0),
                            'rows_to_do', case
                                when bool_and(rows_left is not null) then sum(rows_left) end)
                        from (
                            select rows_done, {rows_left} as rows_left
                            from odoo.sync_streams
                            where data_type = metadata.data_type and run_id = metadata.run_id
                        ) of_run)
                   end as progress,
                   (select row_to_json(reconcile)
                    from (
                        select run_id, status, started_at, finished_at, error_code, error_message
                        from odoo.sync_runs
                        where data_type = metadata.data_type and mode = 'reconcile'
                            and status <> 'in_progress'
                            and coalesce(error_code not in ('busy', 'cancelled'), true)
                            and started_at > now() - interval '8 days'
                        order by started_at desc limit 1
                    ) reconcile) as last_reconcile
        ) columns
        where metadata.data_type is not null
    ) shown on true";

/// `status`, `metadata` and `batch` of these data types, in their order.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn of(database: &mut Database, data_types: &[&str]) -> Result<Value> {
    let doing = "reading the status";
    let parameters = [(&data_types as _, Type::TEXT_ARRAY)];
    let sql = STATUS
        .replace("{is_stale}", IS_STALE)
        .replace("{rows_left}", ROWS_LEFT);
    let mut status = database
        .transaction(doing, async |transaction| {
            batches::look_after(transaction).await?;
            read_in(transaction, doing, &sql, &parameters).await
        })
        .await?;
    add_remedies(&mut status);
    Ok(status)
}

/// Postgres knows code and message of an error; what to do about it is known here.
fn add_remedies(status: &mut Value) {
    let results = status.pointer_mut("/batch/results");
    for result in results.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(error) = result.get_mut("error") {
            let kind = error["code"].as_str().and_then(ErrorKind::from_code);
            error["remedy"] = json!(kind.unwrap_or(ErrorKind::Internal).remedy());
        }
    }
}
