//! The rows of one model, by id, and beside them the few values that most rows do not have:
//! translations, other companies' values, raw JSON that a test put in.

use std::collections::{HashMap, HashSet};

use crate::value::{NULL, Value};

/// One row's columns.
pub(crate) type Row = Box<[Value]>;

/// The rows of one model.
#[derive(Default)]
pub(crate) struct Table {
    /// Indexed by id: ids are handed out in order, so gaps are few.
    rows: Vec<Option<Row>>,
    count: usize,
    /// By column and language.
    translations: HashMap<(usize, String), HashMap<i64, Value>>,
    /// By column and company; the rows themselves hold the main company's value.
    by_company: HashMap<(usize, i64), HashMap<i64, Value>>,
    /// By id and field name: JSON that is sent as it is, right or wrong.
    patches: HashMap<i64, HashMap<String, String>>,
    /// Ids that a record rule hides.
    hidden: HashSet<i64>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The id that the next record gets.
    pub(crate) fn next_id(&self) -> i64 {
        self.rows.len().max(1) as i64
    }

    /// Takes ids out of the sequence, as a rolled back transaction does.
    pub(crate) fn skip_ids(&mut self, count: usize) {
        let next = self.next_id() as usize;
        self.rows.resize_with(next + count, || None);
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Row> {
        self.rows.get(usize::try_from(id).ok()?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(id).ok()?)?.as_mut()
    }

    pub(crate) fn insert(&mut self, id: i64, row: Row) {
        let index = id as usize;
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, || None);
        }
        if self.rows[index].replace(row).is_none() {
            self.count += 1;
        }
    }

    pub(crate) fn remove(&mut self, id: i64) {
        let slot = usize::try_from(id)
            .ok()
            .and_then(|index| self.rows.get_mut(index));
        if slot.and_then(Option::take).is_some() {
            self.count -= 1;
        }
    }

    /// Rows with ids from `low` to `high`, both included, in id order.
    pub(crate) fn range(
        &self,
        low: i64,
        high: i64,
    ) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        let end = usize::try_from(high.saturating_add(1))
            .unwrap_or(0)
            .min(self.rows.len());
        let start = usize::try_from(low.max(0)).unwrap_or(0).min(end);
        self.rows[start..end]
            .iter()
            .enumerate()
            .filter_map(move |(at, row)| row.as_ref().map(|row| ((start + at) as i64, row)))
    }

    pub(crate) fn ids(&self) -> Vec<i64> {
        self.range(0, i64::MAX - 1).map(|(id, _)| id).collect()
    }

    pub(crate) fn translation(&self, column: usize, lang: &str, id: i64) -> Option<&Value> {
        if self.translations.is_empty() {
            return None;
        }
        self.translations.get(&(column, lang.to_owned()))?.get(&id)
    }

    pub(crate) fn translate(&mut self, column: usize, lang: &str, id: i64, value: Value) {
        self.translations
            .entry((column, lang.to_owned()))
            .or_default()
            .insert(id, value);
    }

    pub(crate) fn of_company(&self, column: usize, company: i64, id: i64) -> &Value {
        self.by_company
            .get(&(column, company))
            .and_then(|values| values.get(&id))
            .unwrap_or(&NULL)
    }

    pub(crate) fn set_of_company(&mut self, column: usize, company: i64, id: i64, value: Value) {
        self.by_company
            .entry((column, company))
            .or_default()
            .insert(id, value);
    }

    pub(crate) fn patch(&mut self, id: i64, field: &str, json: String) {
        self.patches
            .entry(id)
            .or_default()
            .insert(field.to_owned(), json);
    }

    pub(crate) fn patches_of(&self, id: i64) -> Option<&HashMap<String, String>> {
        if self.patches.is_empty() {
            None
        } else {
            self.patches.get(&id)
        }
    }

    pub(crate) fn clear_patches(&mut self) {
        self.patches.clear();
    }

    pub(crate) fn hide(&mut self, ids: &[i64]) {
        self.hidden.extend(ids);
    }

    pub(crate) fn show_all(&mut self) {
        self.hidden.clear();
    }

    pub(crate) fn is_hidden(&self, id: i64) -> bool {
        !self.hidden.is_empty() && self.hidden.contains(&id)
    }
}
