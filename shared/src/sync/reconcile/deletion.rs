//! Deletes what a comparison did not find in Odoo.
//!
//! A lost right, a wrong company or a record rule makes rows vanish just as a deletion
//! does. So they are judged as a whole by the guard before a single one is touched, and
//! searched for once more before they go.

use tokio_postgres::types::Type;

use crate::config::DeleteMode;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::comparison::{self, Compared};
use crate::metadata::runs::{self, Counts};
use crate::metadata::{deletions, lease};
use crate::mirror::database::Doing;
use crate::mirror::findings::Open;
use crate::mirror::upsert;
use crate::odoo::Domain;
use crate::sync::plan::Plan;
use crate::sync::stream::StreamRun;

/// So many rows may always go: five out of ten test products are no alarm.
const ALWAYS_ALLOWED: u64 = 10;

/// Deletes a stream's rows that were put down as gone, and marks it as verified. All streams of
/// the run have been judged before.
///
/// # Errors
/// Any `odoo_*` or `db_*`.
pub(crate) async fn delete(run: &mut StreamRun<'_>, plan: &Plan) -> Result<()> {
    // One that is gone would go on being counted as a row that the source has.
    run.rejects_still_there(Open::All).await?;
    let mut is_changed = false;
    loop {
        let ids = first(run).await?;
        if ids.is_empty() {
            break;
        }
        is_changed = true;
        let domain = Domain::ids_in(&ids);
        let search = run.odoo.search(run.stream.model, &domain, None);
        let there = run.lease.hold(run.database, search).await??;
        let (there, gone): (Vec<i64>, Vec<i64>) =
            ids.iter().partition(|id| there.binary_search(id).is_ok());
        // They were not there when the source was compared, so they may have changed.
        run.read_and_commit(plan, &there).await?;
        remove(run, plan, &ids, &gone).await?;
    }
    if is_changed {
        run.check_unique().await?;
    }
    let stream = run.stream;
    let doing = "marking a stream as verified";
    run.lease
        .transaction(run.database, doing, async |transaction| {
            let known = upsert::count_known(transaction, stream.name).await?;
            comparison::verified(transaction, stream, known.live).await
        })
        .await
}

/// Judges what was put down of a stream. Comes for all streams before the first row of any of them
/// goes: what takes most of one away may take few of another.
///
/// # Errors
/// `delete_guard` where too large a share would go at once, and every `db_*`.
pub(crate) async fn judge(run: &mut StreamRun<'_>) -> Result<()> {
    let (stream, run_id) = (run.stream, run.lease.run.id);
    let doing = "judging what Odoo no longer has";
    let (gone, compared) = run
        .lease
        .transaction(run.database, doing, async |transaction| {
            let gone = deletions::count(transaction, run_id, stream).await?;
            Ok((gone, comparison::compared(transaction, stream).await?))
        })
        .await?;
    if run.lease.run.confirm_deletes {
        return Ok(());
    }
    guard(
        stream.name,
        gone,
        compared,
        run.config.sync.delete_guard_percent,
    )
}

fn guard(stream: &str, gone: u64, compared: Compared, percent: u8) -> Result<()> {
    let Compared {
        source_rows,
        rows_here,
    } = compared;
    let is_emptied = source_rows == 0 && gone > 0;
    let is_large = gone > ALWAYS_ALLOWED && gone * 100 > rows_here * u64::from(percent);
    let why = match (is_emptied, is_large) {
        (true, _) => "which shows none at all any more".to_owned(),
        (_, true) => format!("which is more than {percent} percent"),
        _ => return Ok(()),
    };
    Err(Error::new(
        ErrorKind::DeleteGuard,
        format!(
            "{gone} of {rows_here} rows of {stream} are no longer visible in Odoo, {why}: nothing was deleted"
        ),
    ))
}

async fn first(run: &mut StreamRun<'_>) -> Result<Vec<i64>> {
    let (stream, run_id) = (run.stream, run.lease.run.id);
    let limit = run.config.sync.batch_size;
    let doing = "reading what Odoo no longer has";
    run.lease
        .transaction(run.database, doing, async |transaction| {
            deletions::first(transaction, run_id, stream, limit).await
        })
        .await
}

/// Deletes the rows that are gone, and takes all that were looked for off the list.
async fn remove(run: &mut StreamRun<'_>, plan: &Plan, ids: &[i64], gone: &[i64]) -> Result<()> {
    let (stream, context) = (run.stream, run.rules_context());
    let table = stream.name;
    let sql = match run.config.sync.delete_mode {
        DeleteMode::Soft => format!(
            "update odoo.{table} set deleted_at = now(), synced_at = now()
             where odoo_id = any($1) and deleted_at is null"
        ),
        DeleteMode::Hard => format!("delete from odoo.{table} where odoo_id = any($1)"),
    };
    let doing = "deleting rows that Odoo no longer has";
    run.lease
        .transaction(run.database, doing, async |transaction| {
            let deleted = transaction
                .execute_typed(&sql, &[(&gone, Type::INT8_ARRAY)])
                .await
                .doing(doing)?;
            plan.rules.check(transaction, context, gone).await?;
            deletions::take_off(transaction, context.run_id, stream, ids).await?;
            lease::moved(transaction, context.data_type).await?;
            let counts = Counts {
                deleted,
                ..Counts::default()
            };
            runs::add_counts(transaction, context.run_id, counts).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(gone: u64, rows_here: u64, source_rows: u64) -> Result<()> {
        let compared = Compared {
            source_rows,
            rows_here,
        };
        guard("products", gone, compared, 20)
    }

    #[test]
    fn the_guard_stops_a_large_share_and_an_emptied_source() {
        assert!(judged(20, 100, 80).is_ok());
        let error = judged(21, 100, 79).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::DeleteGuard);
        assert!(error.to_string().contains("21 of 100"));
        let error = judged(3, 3, 0).expect_err("all");
        assert!(error.to_string().contains("3 of 3"));
    }

    #[test]
    fn a_handful_may_always_go() {
        assert!(judged(10, 12, 2).is_ok());
        assert!(judged(0, 0, 0).is_ok());
    }
}
