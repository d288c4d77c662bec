//! When related records changed, which gives a row's `odoo_related_at`.
//!
//! A time must never be newer than what the row was read with: a row would look fresh though it
//! holds the old value, and only a `full` would mend it. So the times are read before the rows.
//! One that is too old makes the next comparison read the row again, no more.
//!
//! Nobody knows before a row is read where it leads. A comparison has that from the mirror or from
//! its listing. For a page the records are found by the way back. A run that reads everything reads all times
//! first, many at once, which costs Odoo the least.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::fetch::{IDS_AT_ONCE, NEVER_CLOSED, read_visible};
use super::plan::{CHANGED, PlannedRelation};
use super::record::{self, Record};
use crate::error::Result;
use crate::odoo::value::parse_datetime;
use crate::odoo::{Domain, OdooClient, RawRecords};

/// Times read at once. 10,000 of them are an answer of half a megabyte.
const TIMES_AT_ONCE: usize = 10_000;
/// Times of the records that the rows of a portion lead to, at once: mostly all of them. A row may lead
/// to any number.
const TIMES_OF_A_PORTION: usize = 20_000;
/// More related records than these are not read all at once: they bound the memory of a run, at
/// 12 MB.
const MOST_RECORDS: usize = 500_000;

/// Change times of related records; one for each relation of the plan.
pub(crate) type RelatedTimes = Vec<ChangeTimes>;

/// Change times by the record's id. A record without one, or that is hidden, is not in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangeTimes {
    /// In id order: a third of the memory that a map takes.
    sorted: Vec<(i64, Timestamp)>,
}

impl ChangeTimes {
    pub(crate) fn get(&self, id: i64) -> Option<Timestamp> {
        let at = self.sorted.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.sorted[at].1)
    }
}

impl FromIterator<(i64, Timestamp)> for ChangeTimes {
    fn from_iter<Times: IntoIterator<Item = (i64, Timestamp)>>(times: Times) -> Self {
        let mut sorted: Vec<_> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

/// Of the records that these lead to.
pub(crate) async fn times_of(
    odoo: &OdooClient,
    relations: &[PlannedRelation],
    records: &[Record<'_>],
) -> Result<RelatedTimes> {
    let mut related = RelatedTimes::with_capacity(relations.len());
    for relation in relations {
        let ids = records.iter().flat_map(|record| relation.ids(record));
        related.push(times_by_ids(odoo, relation, ids.collect()).await?);
    }
    Ok(related)
}

/// Of the records with these ids, in any order, each any number of times. Where few others lie between
/// them, those are read as well: a range of ids costs Odoo a sixth less than as many single ones.
pub(crate) async fn times_by_ids(
    odoo: &OdooClient,
    relation: &PlannedRelation,
    mut ids: Vec<i64>,
) -> Result<ChangeTimes> {
    ids.sort_unstable();
    ids.dedup();
    let mut times = Vec::new();
    for ids in ids.chunks(TIMES_OF_A_PORTION) {
        times.extend(match dense_range(ids) {
            Some((first, last)) => {
                let (domain, fields) = (Domain::ids_between(first, last), fields());
                let found = odoo.search_read(relation.model, &domain, &fields, None);
                times_in(&found.await?)?
            }
            None => read_times(odoo, relation, ids).await?,
        });
    }
    Ok(times.into_iter().collect())
}

/// The first and the last id, if at least half of those between them are among these.
fn dense_range(ids: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (*ids.first()?, *ids.last()?);
    (last.abs_diff(first) / 2 < ids.len() as u64).then_some((first, last))
}

/// Of the records that rows with these ids lead to. They are found by the way back.
pub(crate) async fn times_leading_to(
    odoo: &OdooClient,
    relations: &[PlannedRelation],
    ids: &[i64],
) -> Result<RelatedTimes> {
    let mut related = RelatedTimes::with_capacity(relations.len());
    for relation in relations {
        let domain = Domain::leading_to(relation.inverse, ids);
        let fields = fields();
        let found = odoo.search_read(relation.model, &domain, &fields, None);
        related.push(times_in(&found.await?)?.into_iter().collect());
    }
    Ok(related)
}

/// Of all records that any row may lead to; `None` where they are too many. Takes a permit for
/// each question, and asks as many at a time as there are.
pub(crate) async fn all_times(
    odoo: &OdooClient,
    relations: &[PlannedRelation],
    permits: &Semaphore,
    in_flight: usize,
) -> Result<Option<RelatedTimes>> {
    let mut related = RelatedTimes::with_capacity(relations.len());
    for relation in relations {
        let Some(ids) = all_ids(odoo, relation, permits).await? else {
            return Ok(None);
        };
        let questions: Vec<_> = ids
            .chunks(TIMES_AT_ONCE)
            .map(|ids| read_times_in_turn(odoo, relation, ids, permits))
            .collect();
        let times: Vec<Vec<(i64, Timestamp)>> = stream::iter(questions)
            .buffered(in_flight)
            .try_collect()
            .await?;
        related.push(times.into_iter().flatten().collect());
    }
    Ok(Some(related))
}

async fn all_ids(
    odoo: &OdooClient,
    relation: &PlannedRelation,
    permits: &Semaphore,
) -> Result<Option<Vec<i64>>> {
    let mut all = Vec::new();
    loop {
        let _permit = permits.acquire().await.expect(NEVER_CLOSED);
        let domain = Domain::all().id_after(all.last().copied().unwrap_or_default());
        let ids = odoo
            .search(relation.model, &domain, Some(IDS_AT_ONCE))
            .await?;
        let is_end = ids.len() < IDS_AT_ONCE;
        all.extend(ids);
        if all.len() > MOST_RECORDS {
            return Ok(None);
        }
        if is_end {
            return Ok(Some(all));
        }
    }
}

async fn read_times_in_turn(
    odoo: &OdooClient,
    relation: &PlannedRelation,
    ids: &[i64],
    permits: &Semaphore,
) -> Result<Vec<(i64, Timestamp)>> {
    let _permit = permits.acquire().await.expect(NEVER_CLOSED);
    read_times(odoo, relation, ids).await
}

async fn read_times(
    odoo: &OdooClient,
    relation: &PlannedRelation,
    ids: &[i64],
) -> Result<Vec<(i64, Timestamp)>> {
    times_in(&read_visible(odoo, relation.model, ids, &fields()).await?)
}

fn fields() -> [String; 1] {
    [CHANGED.to_owned()]
}

/// The times in an answer to a question for nothing else.
fn times_in(answer: &RawRecords) -> Result<Vec<(i64, Timestamp)>> {
    let records = record::parse(answer.json(), &fields())?;
    Ok(records
        .iter()
        .filter_map(|record| {
            let text = record.fields[0]?.strip_prefix('"')?.strip_suffix('"')?;
            Some((record.id, parse_datetime(text)?))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::dense_range;

    #[test]
    fn ids_are_dense_where_a_range_brings_at_most_twice_as_many() {
        assert_eq!(dense_range(&[7]), Some((7, 7)));
        assert_eq!(dense_range(&[7, 8, 9]), Some((7, 9)));
        assert_eq!(dense_range(&[1, 4]), Some((1, 4)));
        for sparse in [&[1, 5][..], &[1, 2, 3, 1_000], &[i64::MIN, i64::MAX], &[]] {
            assert_eq!(dense_range(sparse), None, "{sparse:?}");
        }
    }
}
