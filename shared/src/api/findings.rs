//! What is wrong in the mirror's rows now: the open findings. Their payload holds values of
//! rows and stays in the table.

use serde_json::Value;
use tokio_postgres::types::Type;

use super::read;
use crate::error::Result;
use crate::mirror::database::Database;

const FINDINGS: &str = "
    with matching as not materialized (
        select id, data_type, stream, odoo_id, severity, rule, reason, first_seen_at,
               last_seen_at, attempts, next_try_at, run_id
        from odoo.sync_findings
        where resolved_at is null
          and data_type = any($1::text[])
          and ($2::text is null or severity = $2)
    )
    select json_build_object(
        'total', (select count(*) from matching),
        'findings', coalesce(
            (select json_agg(finding order by finding.last_seen_at desc, finding.id desc)
             from (
                 select * from matching order by last_seen_at desc, id desc limit $3
             ) finding),
            '[]'))";

/// `findings` of these data types that are open, the latest seen first, and the `total` of
/// which they are the first.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn open(
    database: &mut Database,
    data_types: &[&str],
    severity: Option<&str>,
    limit: i64,
) -> Result<Value> {
    let parameters = [
        (&data_types as _, Type::TEXT_ARRAY),
        (&severity as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    read(database, "reading the findings", FINDINGS, &parameters).await
}
