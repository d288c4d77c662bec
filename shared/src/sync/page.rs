//! Records of one page into typed columns; a row that cannot be represented becomes a
//! reject and takes no other row with it.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;

use super::cell;
use super::plan::{ExtraField, From, Plan, PlannedColumn, PlannedRelation};
use super::record::Record;
use super::related::RelatedTimes;
use crate::mirror::batch::{Batch, Cell, Values};
use crate::mirror::findings::Reject;

/// Builds columns from the records of the ids that were asked for, some records at a time.
pub(crate) struct Builder<'a> {
    plan: &'a Plan,
    related: &'a RelatedTimes,
    /// Ids that have not come yet: one row twice in a page, or one that nobody asked for, must
    /// not confuse the counts.
    open: HashSet<i64>,
    batch: Batch,
    rejects: Vec<Reject>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(plan: &'a Plan, asked: &[i64], related: &'a RelatedTimes) -> Self {
        let columns = plan.columns.iter();
        Self {
            plan,
            related,
            open: asked.iter().copied().collect(),
            batch: Batch {
                ids: Vec::with_capacity(asked.len()),
                columns: columns
                    .map(|column| Values::with_capacity(column.column_type(), asked.len()))
                    .collect(),
            },
            rejects: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, records: &[Record<'_>]) {
        let batch = &mut self.batch;
        for record in records {
            if !self.open.remove(&record.id) {
                continue;
            }
            match push(self.plan, record, self.related, &mut batch.columns) {
                Ok(()) => batch.ids.push(record.id),
                Err(reason) => {
                    for values in &mut batch.columns {
                        values.truncate(batch.ids.len());
                    }
                    self.rejects.push(Reject {
                        odoo_id: record.id,
                        reason,
                        payload: record.json.to_owned(),
                    });
                }
            }
        }
    }

    pub(crate) fn finish(self) -> (Batch, Vec<Reject>) {
        (self.batch, self.rejects)
    }
}

/// Pushes a record's values; not all of them where one has no form.
fn push(
    plan: &Plan,
    record: &Record<'_>,
    related: &RelatedTimes,
    columns: &mut [Values],
) -> Result<(), String> {
    for (column, values) in plan.columns.iter().zip(columns) {
        let cell = value(plan, column, record, related)
            .map_err(|reason| format!("column {}: {reason}", column.name))?;
        values.push(cell);
    }
    Ok(())
}

fn value<'a>(
    plan: &Plan,
    column: &PlannedColumn,
    record: &Record<'a>,
    related: &RelatedTimes,
) -> Result<Cell<'a>, String> {
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
        .flat_map(|(relation, times)| relation.ids(record).filter_map(|id| times.get(id)))
        .max()
}

fn extra(fields: &[ExtraField], record: &Record<'_>) -> Result<Cow<'static, str>, String> {
    if fields.is_empty() {
        return Ok("{}".into());
    }
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
    Ok(object.into())
}
