//! The table at the end of a demo: what Odoo has and what the mirror has.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use shared::specs::DataType;

use super::sync::{Answer, StreamCount};

const HEADER: [&str; 9] = [
    "data type",
    "table",
    "in Odoo",
    "in the mirror",
    "inserted",
    "updated",
    "unchanged",
    "skipped",
    "seconds",
];
const FIRST_NUMBER: usize = 2;

/// All data types, as far as they are synced.
#[derive(Default)]
pub(super) struct Comparison {
    rows: Vec<[String; HEADER.len()]>,
    differs: bool,
}

impl Comparison {
    /// Adds a data type: a row a stream, what its sync said on the first.
    pub(super) fn add(&mut self, spec: &DataType, answer: Answer, streams: Vec<StreamCount>) {
        let mut said = said(spec, &answer);
        for stream in streams {
            self.differs |= stream.in_odoo != stream.in_mirror;
            let [name, inserted, updated, unchanged, skipped, took] = std::mem::take(&mut said);
            self.rows.push([
                name,
                stream.table.to_owned(),
                stream.in_odoo.to_string(),
                stream.in_mirror.to_string(),
                inserted,
                updated,
                unchanged,
                skipped,
                took,
            ]);
        }
    }

    /// Whether the mirror has as many rows as Odoo, everywhere.
    pub(super) fn is_equal(&self) -> bool {
        !self.differs
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(HEADER).add_rows(&self.rows);
        for column in table.column_iter_mut().skip(FIRST_NUMBER) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn said(spec: &DataType, answer: &Answer) -> [String; 6] {
    let took = Duration::from_millis(answer.duration);
    [
        spec.name.to_owned(),
        answer.records_inserted.to_string(),
        answer.records_updated.to_string(),
        answer.records_unchanged.to_string(),
        answer.records_skipped.to_string(),
        format!("{:.1}", took.as_secs_f32()),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Answer, Comparison, StreamCount};
    use shared::specs::PRODUCTS;

    fn comparison(in_mirror: u64) -> Comparison {
        let answer = Answer {
            records_inserted: 1234,
            records_updated: 0,
            records_unchanged: 0,
            records_skipped: 0,
            duration: 1500,
        };
        let stream = |table, in_odoo, in_mirror| StreamCount {
            table,
            in_odoo,
            in_mirror,
        };
        let mut comparison = Comparison::default();
        comparison.add(
            &PRODUCTS,
            answer,
            vec![stream("uoms", 20, 20), stream("products", 1214, in_mirror)],
        );
        comparison
    }

    #[test]
    fn one_missing_row_is_a_difference() {
        assert!(comparison(1214).is_equal());
        assert!(!comparison(1213).is_equal());
    }

    #[test]
    fn what_a_sync_said_stands_once() {
        let table = comparison(1214).table().to_string();
        assert_eq!(table.matches("1234").count(), 1, "{table}");
        assert_eq!(table.matches("1214").count(), 2, "{table}");
    }
}
