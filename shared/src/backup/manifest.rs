//! What a backup says of itself: `manifest.json`, written once all of its files are there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Name of its file.
pub(super) const NAME: &str = "manifest.json";

/// The form that this program writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// What a file's name keeps of a table's.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// A backup's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    format: u32,
    /// The newest migration that the tables had.
    pub migration_version: i32,
    /// When the transaction began, by Postgres's clock, in ISO 8601; what was committed by then
    /// is in the backup.
    pub started_at: String,
    /// When the last table had been stored, by the same clock.
    pub finished_at: String,
    /// The tables, by name.
    pub tables: Vec<TableFile>,
}

/// One table's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// The table's name in schema `odoo`.
    pub name: String,
    /// Name of the file beside the manifest: CSV with a header, in gzip.
    pub file: String,
    /// The file's columns, in their order.
    pub columns: Vec<String>,
    /// Rows, without the header.
    pub rows: u64,
    /// Size of the file as it is stored.
    pub bytes: u64,
    /// SHA-256 of the file as it is stored, in lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(
        migration_version: i32,
        started_at: String,
        finished_at: String,
        tables: Vec<TableFile>,
    ) -> Self {
        Self {
            format: FORMAT,
            migration_version,
            started_at,
            finished_at,
            tables,
        }
    }

    /// Reads it as it is stored.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] where it is none that this program has written.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let refused = |why: &str| Error::new(ErrorKind::BadRequest, format!("{NAME} {why}"));
        let manifest: Self =
            serde_json::from_slice(text).map_err(|_| refused("is no manifest of a backup"))?;
        if manifest.format != FORMAT {
            let why = format!("has the form {}, and {FORMAT} is known", manifest.format);
            return Err(refused(&why));
        }
        // A name that somebody else has put there might lead out of the folder.
        let is_ours = |table: &TableFile| table.file == file_name(&table.name);
        if !manifest.tables.iter().all(is_ours) {
            return Err(refused("names a file that is no table's"));
        }
        Ok(manifest)
    }

    pub(super) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("texts and numbers are always JSON")
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Bytes of all tables' files.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }
}

/// The file of a table.
pub(super) fn file_name(table: &str) -> String {
    format!("{}.csv.gz", utf8_percent_encode(table, UNSAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(file: &str) -> Manifest {
        let table = TableFile {
            name: "products".to_owned(),
            file: file.to_owned(),
            columns: vec!["odoo_id".to_owned()],
            rows: 2,
            bytes: 40,
            sha256: "00".to_owned(),
        };
        let time = || "2026-01-01T00:00:00Z".to_owned();
        Manifest::new(10, time(), time(), vec![table])
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let written = manifest("products.csv.gz");
        let read = Manifest::from_json(written.to_json().as_bytes()).expect("our own");
        assert_eq!(read, written);
        assert_eq!((read.rows(), read.bytes()), (2, 40));
    }

    #[test]
    fn what_this_program_has_not_written_is_refused() {
        let other_form = manifest("products.csv.gz")
            .to_json()
            .replace(": 1,", ": 2,");
        for text in [
            "{}",
            "",
            &other_form,
            &manifest("../products.csv.gz").to_json(),
        ] {
            let error = Manifest::from_json(text.as_bytes()).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::BadRequest);
        }
    }

    #[test]
    fn no_table_s_name_leads_out_of_the_folder() {
        assert_eq!(file_name("sale_orders"), "sale_orders.csv.gz");
        assert_eq!(file_name("../a b"), "%2E%2E%2Fa%20b.csv.gz");
    }
}
