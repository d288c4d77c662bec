//! Compares the ids of the whole source with the mirror: reads what is missing here and
//! marks what Odoo no longer has.
//!
//! A lost right, a wrong company or a record rule makes rows vanish just as a deletion
//! does. So candidates are judged as a whole by the guard before a single one is
//! touched, and searched for once more before they go.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::plan::Plan;
use super::stream::StreamRun;
use crate::config::DeleteMode;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::lease;
use crate::metadata::runs::{self, Counts};
use crate::metadata::streams;
use crate::mirror::database::Doing;
use crate::mirror::findings::Open;
use crate::odoo::Domain;

/// Ids compared at once.
const IDS_AT_ONCE: usize = 50_000;

/// So many rows may always go: five out of ten test products are no alarm.
const ALWAYS_ALLOWED: usize = 10;

/// How source and mirror differ in their ids.
#[derive(Debug, Default)]
struct Difference {
    missing: Vec<i64>,
    gone: Vec<i64>,
    source_rows: u64,
    mirror_rows: u64,
}

/// Makes the mirror's ids those of the source.
///
/// # Errors
/// `delete_guard` where too large a share would go at once; nothing is deleted then.
pub(crate) async fn run(run: &mut StreamRun<'_>, plan: &Plan) -> Result<()> {
    let difference = compare(run).await?;
    run.read_and_commit(plan, &difference.missing).await?;
    // One that is gone would go on being counted as a row that the source has.
    run.rejects_still_there(Open::All).await?;
    let is_confirmed = run.lease.run.confirm_deletes;
    let percent = run.config.sync.delete_guard_percent;
    if !is_confirmed {
        guard(run.stream.name, &difference, percent)?;
    }
    for ids in difference.gone.chunks(run.config.sync.batch_size) {
        let domain = Domain::ids_in(ids);
        let still_there = run
            .lease
            .hold(
                run.database,
                run.odoo.search(run.stream.model, &domain, None),
            )
            .await??;
        let gone: Vec<i64> = ids
            .iter()
            .copied()
            .filter(|id| still_there.binary_search(id).is_err())
            .collect();
        delete(run, plan, &gone).await?;
    }
    run.check_unique().await?;
    let (stream, rows) = (run.stream, difference.source_rows);
    run.lease
        .transaction(
            run.database,
            "marking a stream as verified",
            async |transaction| streams::verified(transaction, stream, rows).await,
        )
        .await
}

async fn compare(run: &mut StreamRun<'_>) -> Result<Difference> {
    let mut difference = Difference::default();
    let mut after = 0;
    loop {
        let domain = Domain::all().id_after(after);
        let source = run
            .lease
            .hold(
                run.database,
                run.odoo
                    .search(run.stream.model, &domain, Some(IDS_AT_ONCE)),
            )
            .await??;
        let is_last = source.len() < IDS_AT_ONCE;
        let upto = match source.last() {
            Some(last) if !is_last => *last,
            _ => i64::MAX,
        };
        let mirror = mirror_ids(run, after, upto).await?;
        difference.source_rows += source.len() as u64;
        difference.mirror_rows += mirror.len() as u64;
        difference.missing.extend(only_in_first(&source, &mirror));
        difference.gone.extend(only_in_first(&mirror, &source));
        if is_last {
            return Ok(difference);
        }
        after = upto;
    }
}

/// Ids of the live rows in `(after, upto]`, in order.
async fn mirror_ids(run: &mut StreamRun<'_>, after: i64, upto: i64) -> Result<Vec<i64>> {
    let doing = "reading the mirror's ids";
    let table = run.stream.name;
    run.lease
        .transaction(run.database, doing, async |transaction| {
            transaction
                .query_typed(
                    &format!(
                        "select odoo_id from odoo.{table}
                         where deleted_at is null and odoo_id > $1 and odoo_id <= $2
                         order by odoo_id"
                    ),
                    &[(&after, Type::INT8), (&upto, Type::INT8)],
                )
                .await
                .doing(doing)?
                .iter()
                .map(|row| row.try_get(0))
                .collect::<std::result::Result<Vec<i64>, _>>()
                .doing(doing)
        })
        .await
}

/// Both are in order.
fn only_in_first<'a>(first: &'a [i64], second: &'a [i64]) -> impl Iterator<Item = i64> + 'a {
    first
        .iter()
        .copied()
        .filter(|id| second.binary_search(id).is_err())
}

fn guard(stream: &str, difference: &Difference, percent: u8) -> Result<()> {
    let gone = difference.gone.len();
    let is_emptied = difference.source_rows == 0 && difference.mirror_rows > 0;
    let is_large =
        gone > ALWAYS_ALLOWED && gone as u64 * 100 > difference.mirror_rows * u64::from(percent);
    if !is_emptied && !is_large {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DeleteGuard,
        format!(
            "{gone} of {} rows of {stream} are no longer visible in Odoo, which is more than {percent} percent: nothing was deleted",
            difference.mirror_rows
        ),
    ))
}

async fn delete(run: &mut StreamRun<'_>, plan: &Plan, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (table, context) = (run.stream.name, run.rules_context());
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
            let deleted = delete_rows(transaction, &sql, ids).await.doing(doing)?;
            plan.rules.check(transaction, context, ids).await?;
            lease::moved(transaction, context.data_type).await?;
            let counts = Counts {
                deleted,
                ..Counts::default()
            };
            runs::add_counts(transaction, context.run_id, counts).await
        })
        .await
}

async fn delete_rows(
    transaction: &Transaction<'_>,
    sql: &str,
    ids: &[i64],
) -> std::result::Result<u64, tokio_postgres::Error> {
    transaction
        .execute_typed(sql, &[(&ids, Type::INT8_ARRAY)])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(gone: usize, mirror_rows: u64, source_rows: u64) -> Difference {
        Difference {
            missing: Vec::new(),
            gone: (0..gone as i64).collect(),
            source_rows,
            mirror_rows,
        }
    }

    #[test]
    fn the_guard_stops_a_large_share_and_an_emptied_source() {
        assert!(guard("products", &difference(20, 100, 80), 20).is_ok());
        let error = guard("products", &difference(21, 100, 79), 20).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::DeleteGuard);
        assert!(error.to_string().contains("21 of 100"));
        assert!(guard("products", &difference(3, 3, 0), 20).is_err());
    }

    #[test]
    fn a_handful_may_always_go() {
        assert!(guard("products", &difference(10, 12, 2), 20).is_ok());
        assert!(guard("products", &difference(0, 0, 0), 20).is_ok());
    }

    #[test]
    fn ids_are_compared_both_ways() {
        let (source, mirror) = ([1, 3, 5], [1, 2, 5, 9]);
        assert_eq!(only_in_first(&source, &mirror).collect::<Vec<_>>(), [3]);
        assert_eq!(only_in_first(&mirror, &source).collect::<Vec<_>>(), [2, 9]);
    }
}
