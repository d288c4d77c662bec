//! The other side of a many2one: one2manys are kept as lists of ids, so that finding a template's
//! variants takes no search.

use std::sync::Arc;

use super::World;
use super::model::Access;
use crate::schema::Kind;
use crate::value::Value;

impl World {
    /// Adds the record to the one2manys of all that it points to.
    pub(crate) fn link_all(&mut self, model: usize, id: i64) {
        for (column, target, one2many) in self.linked_columns(model) {
            let parent = self.tables[model]
                .get(id)
                .and_then(|row| row[column].as_ref_id());
            let Some(row) = parent.and_then(|parent| self.tables[target].get_mut(parent)) else {
                continue;
            };
            if !row[one2many].as_ids().contains(&id) {
                edit_ids(&mut row[one2many], |ids| ids.push(id));
            }
        }
    }

    /// Takes the record out of the one2manys behind the many2ones that are about to change.
    pub(crate) fn unlink_from_parents(
        &mut self,
        model: usize,
        id: i64,
        changed: &[(usize, Value)],
    ) {
        for (column, target, one2many) in self.linked_columns(model) {
            if !changed.iter().any(|(own, _)| *own == column) {
                continue;
            }
            let parent = self.tables[model]
                .get(id)
                .and_then(|row| row[column].as_ref_id());
            if let Some(row) = parent.and_then(|parent| self.tables[target].get_mut(parent)) {
                edit_ids(&mut row[one2many], |ids| ids.retain(|other| *other != id));
            }
        }
    }

    /// The model's many2one columns that have another side: column, target, its one2many column.
    fn linked_columns(&self, model: usize) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for field in &self.models[model].fields {
            let (Access::Column(column), Some(target)) = (field.access, field.relation) else {
                continue;
            };
            if field.kind() != Kind::Many2one {
                continue;
            }
            let one2many = self.models[target].fields.iter().find(|other| {
                other.relation == Some(model) && other.def.inverse == Some(field.def.name)
            });
            if let Some(Access::Column(one2many)) = one2many.map(|field| field.access) {
                found.push((column, target, one2many));
            }
        }
        found
    }
}

fn edit_ids(value: &mut Value, edit: impl FnOnce(&mut Vec<i64>)) {
    let mut ids = value.as_ids().to_vec();
    edit(&mut ids);
    *value = Value::Ids(Arc::new(ids));
}
