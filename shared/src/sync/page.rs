//! Records of one page into typed columns; a row that cannot be represented becomes a
//! reject and takes no other row with it.

use std::collections::HashSet;

use jiff::Timestamp;

use super::cell;
use super::plan::{ExtraField, From, Plan, PlannedColumn, PlannedRelation};
use super::record::Record;
use super::related::RelatedTimes;
use crate::mirror::batch::{Batch, Cell, Values};
use crate::mirror::findings::Reject;

/// Builds columns from the records of the ids that were asked for.
pub(crate) fn build(
    plan: &Plan,
    asked: &[i64],
    records: &[Record<'_>],
    related: &RelatedTimes,
) -> (Batch, Vec<Reject>) {
    let mut batch = Batch {
        ids: Vec::with_capacity(records.len()),
        columns: plan
            .columns
            .iter()
            .map(|column| Values::with_capacity(column.column_type(), records.len()))
            .collect(),
    };
    let mut rejects = Vec::new();
    // One row twice in a page, or one that nobody asked for, must not confuse the counts.
    let mut open: HashSet<i64> = asked.iter().copied().collect();
    for record in records.iter().filter(|record| open.remove(&record.id)) {
        match cells(plan, record, related) {
            Ok(cells) => {
                batch.ids.push(record.id);
                for (values, cell) in batch.columns.iter_mut().zip(cells) {
                    values.push(cell);
                }
            }
            Err(reason) => rejects.push(Reject {
                odoo_id: record.id,
                reason,
                payload: record.json.to_owned(),
            }),
        }
    }
    (batch, rejects)
}

fn cells(plan: &Plan, record: &Record<'_>, related: &RelatedTimes) -> Result<Vec<Cell>, String> {
    plan.columns
        .iter()
        .map(|column| {
            value(plan, column, record, related)
                .map_err(|reason| format!("column {}: {reason}", column.name))
        })
        .collect()
}

fn value(
    plan: &Plan,
    column: &PlannedColumn,
    record: &Record<'_>,
    related: &RelatedTimes,
) -> Result<Cell, String> {
    let field = |slot: usize| {
        record.fields[slot]
            .ok_or_else(|| format!("the field {} is missing in the answer", plan.fields[slot]))
    };
    match &column.from {
        From::Slot(slot, kind) => Ok(cell::parse(*kind, field(*slot)?)?),
        From::Equals(slot, value) => Ok(cell::equals(field(*slot)?, value)?),
        From::IsSet(slot) => Ok(cell::is_set(field(*slot)?)?),
        From::Missing(_) => Ok(Cell::Null),
        From::RelatedTime => {
            let newest = newest_related(&plan.relations, record, related);
            Ok(newest.map_or(Cell::Null, Cell::Timestamp))
        }
        From::Extra => extra(&plan.extra, record).map(Cell::Json),
    }
}

/// The newest change time of the records that a record leads to.
pub(crate) fn newest_related(
    relations: &[PlannedRelation],
    record: &Record<'_>,
    related: &RelatedTimes,
) -> Option<Timestamp> {
    relations
        .iter()
        .zip(related)
        .flat_map(|(relation, times)| {
            let ids = relation.ids(record);
            ids.into_iter().filter_map(|id| times.get(id))
        })
        .max()
}

fn extra(fields: &[ExtraField], record: &Record<'_>) -> Result<String, String> {
    let mut object = String::from("{");
    for field in fields {
        let json = record.fields[field.slot]
            .ok_or_else(|| format!("the field {} is missing in the answer", field.name))?;
        let json = cell::json(field.field_type, json)
            .map_err(|reason| format!("the field {}: {reason}", field.name))?;
        if object.len() > 1 {
            object.push(',');
        }
        // A field name of Odoo's needs no escape: letters, digits and underscores.
        object.push_str(&format!("\"{}\":{json}", field.name));
    }
    object.push('}');
    Ok(object)
}
