//! `unlink`, and what it does to the records that point to the deleted ones.

use super::model::Access;
use super::{Env, World};
use crate::error::OdooError;
use crate::schema::OnDelete;
use crate::value::Value;

impl World {
    /// Deletes records; those that point to them are deleted, emptied or forbid it.
    pub(crate) fn unlink(&mut self, model: usize, ids: &[i64], env: &Env) -> Result<(), OdooError> {
        for referrer in self.models[model].referrers.clone() {
            let source = &self.models[referrer.model];
            let field = &source.fields[referrer.field];
            let Access::Column(column) = field.access else {
                continue;
            };
            let pointing: Vec<i64> = self.tables[referrer.model]
                .range(0, i64::MAX - 1)
                .filter(|(_, row)| row[column].as_ref_id().is_some_and(|id| ids.contains(&id)))
                .map(|(id, _)| id)
                .collect();
            match field.def.on_delete {
                _ if pointing.is_empty() => {}
                OnDelete::Cascade => self.unlink(referrer.model, &pointing, env)?,
                OnDelete::SetNull => {
                    for id in pointing {
                        if let Some(row) = self.tables[referrer.model].get_mut(id) {
                            row[column] = Value::Null;
                        }
                    }
                }
                OnDelete::Restrict => {
                    return Err(OdooError::validation(format!(
                        "The operation cannot be completed: another model requires the record \
                         being deleted.\n\nModel: {} ({})",
                        source.def.label,
                        source.name()
                    )));
                }
            }
        }
        for &id in ids {
            self.remove(model, id, env)?;
        }
        Ok(())
    }

    /// Takes one record away, and the template with its last variant.
    fn remove(&mut self, model: usize, id: i64, env: &Env) -> Result<(), OdooError> {
        let parent = self.models[model].def.inherits.and_then(|(parent, via)| {
            let via = self.models[model].column(via)?;
            let target = self.tables[model].get(id)?[via].as_ref_id()?;
            Some((self.index(parent), target))
        });
        let all: Vec<(usize, Value)> = (0..self.models[model].columns)
            .map(|column| (column, Value::Null))
            .collect();
        let lifted = self.lifted(model, id);
        self.unlink_from_parents(model, id, &all);
        self.tables[model].remove(id);
        for (target, parent) in lifted {
            self.settle_lifted(target, parent, env);
            self.stamp_for_line(target, parent, env);
        }
        let Some((parent, target)) = parent else {
            return Ok(());
        };
        let Some(variants) = self.models[parent].def.variants else {
            return Ok(());
        };
        if self
            .many(parent, target, variants)
            .is_some_and(|(_, left)| left.is_empty())
        {
            self.unlink(parent, &[target], env)?;
        }
        Ok(())
    }
}
