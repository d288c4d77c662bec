//! Stored full names of trees (`complete_name`, `parent_path`): renaming a node rewrites all its
//! descendants, and that moves their `write_date` (both versions).

use super::{Env, World};
use crate::value::Value;

impl World {
    /// Recomputes the full names of these nodes and of everything below them, stamping the
    /// descendants whose name changed.
    pub(super) fn rename_branches(&mut self, model: usize, ids: &[i64], env: &Env) {
        let Some(tree) = &self.models[model].def.tree else {
            return;
        };
        let column = |name| self.models[model].column(name);
        let (Some(parent), Some(name), Some(full_name)) =
            (column(tree.parent), column("name"), column(tree.full_name))
        else {
            return;
        };
        let path = column("parent_path");
        let stands_alone = tree
            .stands_alone
            .and_then(|(field, value)| Some((column(field)?, value)));
        let mut below: Vec<i64> = ids.to_vec();
        let mut seen = 0;
        while seen < below.len() {
            let id = below[seen];
            seen += 1;
            let parent_id = self.tables[model]
                .get(id)
                .and_then(|row| row[parent].as_ref_id());
            let above = parent_id.and_then(|parent| self.tables[model].get(parent));
            let above_name = above
                .and_then(|row| row[full_name].as_text())
                .map(str::to_owned);
            let above_path = above
                .and_then(|row| row[path?].as_text())
                .unwrap_or_default()
                .to_owned();
            let Some(row) = self.tables[model].get_mut(id) else {
                continue;
            };
            let own = row[name].as_text().unwrap_or_default();
            let alone =
                stands_alone.is_some_and(|(column, value)| row[column].as_text() == Some(value));
            let full = match above_name {
                Some(above) if !alone => format!("{above}{}{own}", tree.separator),
                _ => own.to_owned(),
            };
            let changed = row[full_name].as_text() != Some(full.as_str());
            row[full_name] = Value::text(full);
            if let Some(path) = path {
                row[path] = Value::text(format!("{above_path}{id}/"));
            }
            if changed && !ids.contains(&id) {
                self.stamp(model, id, env);
            }
            if changed || ids.contains(&id) {
                below.extend(self.children(model, id));
            }
        }
    }

    fn children(&self, model: usize, id: i64) -> Vec<i64> {
        let one2many = self.models[model]
            .referrers
            .iter()
            .find(|referrer| referrer.model == model)
            .and_then(|referrer| referrer.one2many)
            .and_then(|field| self.models[model].column(self.models[model].fields[field].def.name));
        match (one2many, self.tables[model].get(id)) {
            (Some(column), Some(row)) => row[column].as_ids().to_vec(),
            _ => Vec::new(),
        }
    }
}
