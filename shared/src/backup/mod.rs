//! A copy of the mirror that lies outside Postgres, and the way back.
//!
//! A backup is a folder: `manifest.json` and one `<table>.csv.gz` for each table of schema
//! `odoo`, as Postgres's own `copy` writes it. All tables are read in one transaction that sees
//! one state of the database, so that what belongs together (a page's rows and its cursor) is
//! together in the backup. The manifest is written last: a folder without one is no backup.
//!
//! | module | is for |
//! | --- | --- |
//! | `catalogue` | which tables there are, in the database at hand |
//! | `manifest` | what a backup says of itself |
//! | `packing` | rows to gzip in parts, and back, with their sums |
//! | `bucket` | S3, as far as a backup needs it |
//! | `failure` | why S3 did not do what it was asked for |
//! | `silence` | how long Postgres may take for an answer |
//! | `take` | from Postgres to S3 |
//! | `source` | where a backup is read from: S3, or a folder that was downloaded |
//! | `restore` | from there into an empty database |
//!
//! The history of migrations is no file: its version stands in the manifest, and a restore
//! makes the tables by those very migrations.

mod bucket;
mod catalogue;
mod failure;
mod manifest;
mod packing;
mod restore;
mod silence;
mod source;
mod take;

pub use bucket::Bucket;
pub use manifest::{Manifest, TableFile};
pub use restore::{Restored, restore};
pub use source::Source;
pub use take::{Taken, take};

use tokio_postgres::Transaction;

use crate::error::Result;
use crate::mirror::database::Doing;

/// How values are written and read, whatever the server's or the role's own settings say, and no
/// limit that a long copy would meet. With `row_security` off a role that may not see all
/// rows is refused; with it on, it would see those that it may, and nobody would notice.
const TRANSACTION_SETTINGS: &str = "set local statement_timeout = 0; \
     set local idle_in_transaction_session_timeout = '10min'; \
     set local lock_timeout = '30s'; \
     set local row_security = off; \
     set local datestyle = 'ISO, YMD'; \
     set local intervalstyle = 'postgres'; \
     set local timezone = 'UTC'; \
     set local extra_float_digits = 1; \
     set local bytea_output = 'hex'";

async fn settle(transaction: &Transaction<'_>) -> Result<()> {
    let set = transaction.batch_execute(TRANSACTION_SETTINGS).await;
    set.doing("setting up a transaction for a backup")
}

/// A name as it may stand in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::quoted_list;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let names = ["name", "a\"b"].map(str::to_owned);
        assert_eq!(quoted_list(&names), r#""name", "a""b""#);
    }
}
