//! `write_date`: what moves it, on the record itself and on others.

use super::model::Access;
use super::{Env, World};
use crate::schema::Touch;
use crate::value::Value;

impl World {
    /// Sets `write_date` and `write_uid`, and the `write_date` of the records that follow this one.
    pub(super) fn stamp(&mut self, model: usize, id: i64, env: &Env) {
        let definition = &self.models[model];
        let (write_date, write_uid) = (definition.write_date, definition.write_uid);
        let Some(row) = self.tables[model].get_mut(id) else {
            return;
        };
        row[write_date] = Value::Time(env.now);
        row[write_uid] = Value::Ref(env.uid);
        for touch in self.models[model].def.touches {
            if let Touch::All { through, since } = touch
                && *since <= self.version.major()
            {
                self.lift_followers(model, id, through, env);
            }
        }
    }

    /// A follower gets the newer of its own time and this one (`_compute_write_date` of
    /// product.product).
    fn lift_followers(&mut self, model: usize, id: i64, through: &str, env: &Env) {
        let Some((target, followers)) = self.many(model, id, through) else {
            return;
        };
        let column = self.models[target].write_date;
        for follower in followers {
            if let Some(row) = self.tables[target].get_mut(follower) {
                let own = row[column].as_time().unwrap_or(env.now);
                row[column] = Value::Time(own.max(env.now));
            }
        }
    }

    /// Before new values are set: stamps the record that stores some of them as well.
    pub(super) fn touch_sharers(
        &mut self,
        model: usize,
        id: i64,
        new: &[(usize, Value)],
        env: &Env,
    ) {
        for touch in self.models[model].def.touches {
            let Touch::Only { fields, through } = touch else {
                continue;
            };
            let changes = fields.iter().any(|name| {
                let column = self.models[model].column(name);
                let row = self.tables[model].get(id);
                new.iter().any(|(at, value)| {
                    Some(*at) == column && row.is_some_and(|row| row[*at] != *value)
                })
            });
            if changes {
                self.stamp_sharer(model, id, through, env);
            }
        }
    }

    fn stamp_sharer(&mut self, model: usize, id: i64, through: &str, env: &Env) {
        let definition = &self.models[model];
        let Some(field) = definition.field(through) else {
            return;
        };
        let (Access::Column(column), Some(target)) = (field.access, field.relation) else {
            return;
        };
        let one2many = definition_one2many(self, target, model, through);
        let Some(parent) = self.tables[model]
            .get(id)
            .and_then(|row| row[column].as_ref_id())
        else {
            return;
        };
        let alone = self.tables[target]
            .get(parent)
            .is_some_and(|row| one2many.is_some_and(|column| row[column].as_ids() == [id]));
        if alone {
            self.stamp(target, parent, env);
        }
    }
}

/// The column of the one2many in `target` that is the other side of `many2one` in `model`.
fn definition_one2many(
    world: &World,
    target: usize,
    model: usize,
    many2one: &str,
) -> Option<usize> {
    let field = world.models[target]
        .fields
        .iter()
        .find(|field| field.relation == Some(model) && field.def.inverse == Some(many2one))?;
    match field.access {
        Access::Column(column) => Some(column),
        _ => None,
    }
}
