//! Whether who holds a lease is alive. Nobody can ask it; but who is alive renews the lease with
//! each page, and while it waits for Odoo, or frees it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::Result;
use crate::mirror::database::{Database, Doing};

/// How often the lease is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    token: Option<Uuid>,
    /// As Postgres writes it: it is only compared.
    expires_at: Option<String>,
}

/// Waits until the lease of the data type is renewed, freed or somebody else's, or has ended: only
/// then its holder is gone. Where `until` comes first it counts as alive: there would be
/// no time to work in its place.
///
/// # Errors
/// Every `db_*`.
pub(super) async fn is_alive(
    database: &mut Database,
    data_type: &str,
    until: Instant,
) -> Result<bool> {
    let (first, mut is_live) = look(database, data_type).await?;
    let mut seen = first.clone();
    loop {
        if seen.token.is_none() {
            return Ok(true);
        }
        if !is_live {
            return Ok(false);
        }
        if seen != first || Instant::now() + GLANCE >= until {
            return Ok(true);
        }
        tokio::time::sleep(GLANCE).await;
        (seen, is_live) = look(database, data_type).await?;
    }
}

/// The lease, and whether it is live.
async fn look(database: &mut Database, data_type: &str) -> Result<(Sight, bool)> {
    let doing = "looking for the holder of a lease";
    database
        .transaction(doing, async |transaction| {
            let row = transaction
                .query_typed_one(
                    "select lease_token, lease_expires_at::text,
                            coalesce(lease_expires_at > clock_timestamp(), false)
                     from odoo.sync_metadata where data_type = $1",
                    &[(&data_type, Type::TEXT)],
                )
                .await
                .doing(doing)?;
            let sight = Sight {
                token: row.try_get(0).doing(doing)?,
                expires_at: row.try_get(1).doing(doing)?,
            };
            Ok((sight, row.try_get(2).doing(doing)?))
        })
        .await
}
