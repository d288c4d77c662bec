//! Deletes what a comparison did not find in Odoo.
//!
//! A lost right, a wrong company or a record rule makes rows vanish just as a deletion
//! does. So they are judged as a whole by the guard before a single one is touched, and
//! searched for once more before they go.

use tokio_postgres::types::Type;

use crate::config::DeleteMode;
use crate::error::Result;
use crate::metadata::comparison::{self, Compared};
use crate::metadata::runs::{self, Counts};
use crate::metadata::{deletions, lease};
use crate::mirror::database::Doing;
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
    // They would go on being counted as rows that the source has.
    run.resolve_rejects_that_are_gone().await?;
    // An earlier slice may have deleted the last of them and come to its end before it looked.
    let mut is_changed = run.lease.run.taken_over;
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
    let (stream, run_id) = (run.stream, run.lease.run.id);
    let doing = "marking a stream as verified";
    run.lease
        .transaction(run.database, doing, async |transaction| {
            let known = upsert::count_known(transaction, stream.name).await?;
            comparison::verified(transaction, stream, run_id, known.live).await
        })
        .await
}

/// Judges what was put down of a stream, and puts down why nothing of it may go. Comes for all
/// streams before the first row of any of them goes: what takes most of one away may take few of
/// another. Returns why it is stopped, if it is.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn judge(run: &mut StreamRun<'_>) -> Result<Option<String>> {
    let (stream, lease) = (run.stream, run.lease);
    let percent = run.config.sync.delete_guard_percent;
    let doing = "judging what Odoo no longer has";
    lease
        .transaction(run.database, doing, async |transaction| {
            if lease.run.confirm_deletes {
                return Ok(None);
            }
            let gone = deletions::count(transaction, lease.run.id, stream).await?;
            let compared = comparison::compared(transaction, stream, lease.run.id).await?;
            let why = guard(stream.name, gone, compared, percent);
            comparison::guarded(transaction, stream, why.as_deref()).await?;
            Ok(why)
        })
        .await
}

/// Why so many rows may not go, if they may not.
fn guard(stream: &str, gone: u64, compared: Compared, percent: u8) -> Option<String> {
    let Compared {
        source_rows,
        rows_here,
        rows_new,
    } = compared;
    // After a first fill, of which no run has seen the counts agree, all rows are new: then they
    // are what there is to judge by.
    let rows_before = match rows_here.saturating_sub(rows_new) {
        0 => rows_here,
        before => before,
    };
    let is_emptied = source_rows == 0 && gone > 0;
    let is_large = gone > ALWAYS_ALLOWED && gone * 100 > rows_before * u64::from(percent);
    // Where some of those that are gone are new themselves, they are a part of all that is here.
    let are_new_gone = gone > rows_before;
    let why = match (is_emptied, is_large) {
        (true, _) => "which shows none at all any more".to_owned(),
        (_, true) if are_new_gone => format!(
            "which is more than {percent} percent of the {rows_before} that were here before"
        ),
        (_, true) => format!("which is more than {percent} percent"),
        _ => return None,
    };
    let of = if are_new_gone { rows_here } else { rows_before };
    Some(format!(
        "{gone} of {of} rows of {stream} are no longer visible in Odoo, {why}: nothing was deleted"
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

    fn judged(gone: u64, rows_here: u64, source_rows: u64) -> Option<String> {
        judged_with_new(gone, rows_here, 0, source_rows)
    }

    fn judged_with_new(
        gone: u64,
        rows_here: u64,
        rows_new: u64,
        source_rows: u64,
    ) -> Option<String> {
        let compared = Compared {
            source_rows,
            rows_here,
            rows_new,
        };
        guard("products", gone, compared, 20)
    }

    #[test]
    fn the_guard_stops_a_large_share_and_an_emptied_source() {
        assert_eq!(judged(20, 100, 80), None);
        let why = judged(21, 100, 79).expect("too many");
        assert!(why.contains("21 of 100"), "{why}");
        let why = judged(3, 3, 0).expect("all");
        assert!(why.contains("3 of 3"), "{why}");
    }

    #[test]
    fn a_handful_may_always_go() {
        assert_eq!(judged(10, 12, 2), None);
        assert_eq!(judged(0, 0, 0), None);
    }

    #[test]
    fn rows_that_have_just_come_are_no_measure() {
        let why = judged_with_new(21, 1_100, 1_000, 1_079).expect("too many");
        assert!(why.contains("21 of 100"), "{why}");
        // Those that go are the new ones.
        let why = judged_with_new(1_000, 1_100, 1_000, 100).expect("too many");
        assert!(
            why.contains("1000 of 1100") && why.contains("20 percent of the 100 "),
            "{why}"
        );
    }

    #[test]
    fn where_all_rows_have_just_come_they_are_the_measure() {
        assert_eq!(judged_with_new(12, 100, 100, 88), None);
        assert_eq!(judged_with_new(12, 100, 130, 88), None);
        let why = judged_with_new(21, 100, 100, 79).expect("too many");
        assert!(why.contains("21 of 100"), "{why}");
        let why = judged_with_new(3, 3, 3, 0).expect("all");
        assert!(why.contains("3 of 3"), "{why}");
    }
}
