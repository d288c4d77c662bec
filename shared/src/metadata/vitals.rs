//! How a data type is, whatever its last run did: how old the mirror is, how long ago it was
//! verified, and how many findings are open, which is what the alarms look at; and whether one more run is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::Result;
use crate::mirror::database::Doing;

/// A data type's health, by Postgres's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Vitals {
    /// Now less `last_sync_timestamp`. `None` where no run has succeeded yet.
    pub freshness: Option<Duration>,
    /// How long ago the stream was compared with the whole of Odoo for which that is longest; one that never
    /// was counts from when it was first read. `None` where none has been.
    pub unverified: Option<Duration>,
    /// For how long an operator has kept it from being synced: then it is meant to grow old, for a time. `None` where
    /// nobody does.
    pub paused: Option<Duration>,
    /// Open findings, rejects and warnings, by stream. A stream without any is left out.
    pub findings: BTreeMap<String, u64>,
    /// Whether Odoo has called a hook that no run has answered yet.
    pub hook_waits: bool,
}

/// Reads them.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn read(transaction: &Transaction<'_>, data_type: &str) -> Result<Vitals> {
    let doing = "reading freshness and findings";
    let row = transaction
        .query_typed_one(
            "select (select extract(epoch from clock_timestamp() - last_sync_timestamp)::float8
                     from odoo.sync_metadata where data_type = $1),
                    (select coalesce(jsonb_object_agg(stream, findings), '{}')
                     from (select stream, count(*) as findings from odoo.sync_findings
                           where data_type = $1 and resolved_at is null
                           group by stream) as open),
                    (select extract(epoch from clock_timestamp() - paused_at)::float8
                     from odoo.sync_metadata where data_type = $1),
                    exists (select from odoo.sync_hooks
                            where data_type = $1 and requested_at is not null),
                    (select extract(epoch from clock_timestamp()
                                        - min(coalesce(verified_at, created_at)))::float8
                     from odoo.sync_streams where data_type = $1)",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let freshness = row.try_get(0).doing(doing)?;
    let unverified = row.try_get(4).doing(doing)?;
    let paused = row.try_get(2).doing(doing)?;
    let open: Value = row.try_get(1).doing(doing)?;
    let open = open.as_object().into_iter().flatten();
    Ok(Vitals {
        freshness: age(freshness),
        unverified: age(unverified),
        paused: age(paused),
        findings: open
            .map(|(stream, count)| (stream.clone(), count.as_u64().unwrap_or_default()))
            .collect(),
        hook_waits: row.try_get(3).doing(doing)?,
    })
}

/// A clock that was set back makes it less than nothing.
fn age(seconds: Option<f64>) -> Option<Duration> {
    seconds.map(|it| Duration::try_from_secs_f64(it).unwrap_or_default())
}
