//! What an operator decides about one finding: that its row is tried again at once, or that
//! nobody wants to see it any more.
//!
//! A dismissed finding is resolved as `dismissed`. The run that meets the same row again, with the same
//! reason and unchanged, does not put it down anew (`mirror/findings.rs`, `mirror/rules.rs`).

use std::cell::Cell;

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use crate::error::Result;
use crate::mirror::database::{Database, Doing};

const DOING: &str = "deciding about a finding";

/// A finding of which somebody wants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) id: i64,
    pub(crate) data_type: String,
    pub(crate) stream: String,
    pub(crate) odoo_id: i64,
    is_reject: bool,
    resolution: Option<String>,
    is_resolved: bool,
    /// Whether its data type is paused.
    pub(crate) is_paused: bool,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It is done.
    Done(Finding),
    /// There is no such finding.
    Unknown,
    /// It is resolved already.
    Resolved,
    /// It is a warning, whose row is mirrored: there is nothing to try.
    Warning,
}

/// Lets the next incremental run try a reject again, whatever its pause.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn retry(database: &mut Database, id: i64) -> Result<Decided> {
    database
        .transaction(DOING, async |transaction| {
            let found = match find(transaction, id).await? {
                None => return Ok(Decided::Unknown),
                Some(found) if found.is_resolved => return Ok(Decided::Resolved),
                Some(found) if !found.is_reject => return Ok(Decided::Warning),
                Some(found) => found,
            };
            let sql = "update odoo.sync_findings set retry_requested_at = now() where id = $1";
            transaction
                .execute_typed(sql, &[(&id, Type::INT8)])
                .await
                .doing(DOING)?;
            Ok(Decided::Done(found))
        })
        .await
}

/// Resolves a finding as dismissed.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn dismiss(database: &mut Database, id: i64) -> Result<Decided> {
    let is_repeated = Cell::new(false);
    database
        .transaction(DOING, async |transaction| {
            let is_repeated = is_repeated.replace(true);
            let found = match find(transaction, id).await? {
                None => return Ok(Decided::Unknown),
                // The commit of the attempt before has gone through unheard.
                Some(found) if is_repeated && found.resolution.as_deref() == Some("dismissed") => {
                    return Ok(Decided::Done(found));
                }
                Some(found) if found.is_resolved => return Ok(Decided::Resolved),
                Some(found) => found,
            };
            let sql = "update odoo.sync_findings
                 set resolved_at = now(), resolution = 'dismissed', retry_requested_at = null
                 where id = $1";
            transaction
                .execute_typed(sql, &[(&id, Type::INT8)])
                .await
                .doing(DOING)?;
            Ok(Decided::Done(found))
        })
        .await
}

async fn find(transaction: &Transaction<'_>, id: i64) -> Result<Option<Finding>> {
    transaction
        .query_typed_opt(
            "select id, data_type, stream, odoo_id, severity = 'reject', resolution,
                    resolved_at is not null,
                    exists (select from odoo.sync_metadata metadata
                            where metadata.data_type = finding.data_type
                                and paused_at is not null)
             from odoo.sync_findings finding where id = $1 for update of finding",
            &[(&id, Type::INT8)],
        )
        .await
        .doing(DOING)?
        .map(|row| Finding::read(&row))
        .transpose()
        .doing(DOING)
}

impl Finding {
    fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            data_type: row.try_get(1)?,
            stream: row.try_get(2)?,
            odoo_id: row.try_get(3)?,
            is_reject: row.try_get(4)?,
            resolution: row.try_get(5)?,
            is_resolved: row.try_get(6)?,
            is_paused: row.try_get(7)?,
        })
    }
}
