//! `search` and `search_count`.
//!
//! In id order a search stops at its limit and starts at the id that its domain names, so paging
//! through a million rows visits each of them once.

use serde_json::Value as Json;

use super::domain::Domain;
use super::order::{Order, SortValue};
use crate::error::OdooError;
use crate::store::model::Model;
use crate::store::table::Row;
use crate::store::{Env, World};

/// How many rows are kept before the best of them are picked.
const SORTED_AT_ONCE: usize = 1024;

/// The arguments of a search.
pub(crate) struct Search<'a> {
    pub(crate) domain: &'a Json,
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) order: Option<&'a str>,
}

impl World {
    /// The ids that match, in order.
    pub(crate) fn search(
        &self,
        model: &Model,
        search: &Search<'_>,
        env: &Env,
    ) -> Result<Vec<i64>, OdooError> {
        let domain = Domain::parse(self, model, search.domain)?;
        let order = Order::parse(model, search.order.unwrap_or(model.def.order))?;
        let limit = search.limit.unwrap_or(usize::MAX);
        if let Some(descending) = order.by_id() {
            let ids = self
                .matching(model, &domain, env, descending)
                .map(|(id, _)| id);
            return Ok(ids.skip(search.offset).take(limit).collect());
        }
        let compare = |left: &(Vec<SortValue>, i64), right: &(Vec<SortValue>, i64)| {
            order.compare(&left.0, &right.0).then(left.1.cmp(&right.1))
        };
        let wanted = search.offset.saturating_add(limit);
        let most = wanted.saturating_mul(2).max(SORTED_AT_ONCE);
        let mut found: Vec<(Vec<SortValue>, i64)> = Vec::new();
        for (id, row) in self.matching(model, &domain, env, false) {
            found.push((order.values(self, model, id, row, env), id));
            // The newest of a million needs no million in memory.
            if found.len() >= most {
                found.select_nth_unstable_by(wanted, compare);
                found.truncate(wanted);
            }
        }
        found.sort_unstable_by(compare);
        Ok(found
            .into_iter()
            .skip(search.offset)
            .take(limit)
            .map(|(_, id)| id)
            .collect())
    }

    pub(crate) fn search_count(
        &self,
        model: &Model,
        domain: &Json,
        limit: Option<usize>,
        env: &Env,
    ) -> Result<usize, OdooError> {
        let domain = Domain::parse(self, model, domain)?;
        Ok(self
            .matching(model, &domain, env, false)
            .take(limit.unwrap_or(usize::MAX))
            .count())
    }

    fn matching<'a>(
        &'a self,
        model: &'a Model,
        domain: &'a Domain,
        env: &'a Env,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (i64, &'a Row)> + 'a> {
        let active = model
            .column("active")
            .filter(|_| env.active_test && !domain.names_active);
        let rows = self.candidates(model, domain, descending);
        Box::new(rows.filter(move |&(id, row)| {
            active.is_none_or(|column| row[column].as_bool())
                && domain.predicate.matches(self, model, id, row, env)
                && self.visible(model, id, row, env)
        }))
    }

    fn candidates<'a>(
        &'a self,
        model: &Model,
        domain: &Domain,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (i64, &'a Row)> + 'a> {
        let table = &self.tables[model.index];
        let (low, high) = domain.ids;
        match &domain.candidates {
            Some(ids) => {
                // Sorted by `Domain`, but a client may name an id twice.
                let mut ids = ids.clone();
                ids.dedup();
                if descending {
                    ids.reverse();
                }
                Box::new(
                    ids.into_iter()
                        .filter_map(|id| table.get(id).map(|row| (id, row))),
                )
            }
            None if descending => Box::new(table.range(low, high).rev()),
            None => Box::new(table.range(low, high)),
        }
    }
}
