//! From Postgres to S3: one transaction, one table after the other, each as a stream.
//!
//! Two hands at most hold rows: a part that is being packed, and the one before that is on its
//! way. What fails takes its open upload back and leaves no manifest; the files that were
//! done by then stay until the bucket's lifecycle rule removes them, like any backup.

use std::pin::pin;

use bytes::Bytes;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{IsolationLevel, Transaction};
use uuid::Uuid;

use super::bucket::{Bucket, Upload};
use super::catalogue::{self, Table};
use super::manifest::{self, Manifest, TableFile};
use super::packing::{Packer, Sums};
use super::{quoted_list, settle};
use crate::config::PostgresConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::connect;
use crate::mirror::database::Doing;

const CSV: &str = "application/gzip";
const JSON: &str = "application/json";

/// A backup that has been taken.
#[derive(Debug)]
pub struct Taken {
    /// Where it is: `s3://bucket/folder`.
    pub location: String,
    /// What it holds.
    pub manifest: Manifest,
}

/// Takes a backup of all tables of schema `odoo` into a new folder of the bucket.
///
/// # Errors
/// - Those of [`connect`]; `db_auth` where the role may not see all rows of all tables.
/// - [`ErrorKind::DbSchema`] where no migration has been applied.
/// - [`ErrorKind::Config`] where S3 does not take it, and where it is not done by `until`.
pub async fn take(
    config: &PostgresConfig,
    bucket: &Bucket,
    until: Option<Instant>,
) -> Result<Taken> {
    let mut writer = Writer::new(bucket);
    let taking = writer.take(config);
    let taken = match until {
        Some(until) => timeout_at(until, taking)
            .await
            .unwrap_or_else(|_| Err(late())),
        None => taking.await,
    };
    if taken.is_err() {
        writer.take_back().await;
    }
    let manifest = taken?;
    let location = format!("s3://{}/{}", bucket.name(), writer.folder);
    Ok(Taken { location, manifest })
}

fn late() -> Error {
    let message = "the backup was not done before Lambda's deadline: a larger BackupMemoryMegabytes gives the function more of a processor, and cargo xtask backup takes one without a deadline";
    Error::new(ErrorKind::Config, message)
}

/// A folder that is being filled.
struct Writer<'a> {
    bucket: &'a Bucket,
    folder: String,
    /// Kept here, not on the way, so that it can be taken back whatever ends the work.
    open: Option<Upload>,
}

impl<'a> Writer<'a> {
    /// The folders of a bucket are in the order of their times. Two backups that begin in the
    /// same second are two.
    fn new(bucket: &'a Bucket) -> Self {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut id = Uuid::new_v4().simple().to_string();
        id.truncate(8);
        Self {
            bucket,
            folder: format!("backups/{time}-{id}"),
            open: None,
        }
    }

    async fn take(&mut self, config: &PostgresConfig) -> Result<Manifest> {
        const DOING: &str = "opening a backup's transaction";
        let mut connection = connect(config).await?;
        let look = connection.client().transaction().await.doing(DOING)?;
        settle(&look).await?;
        catalogue::required_version(&look).await?;
        let to_hold = catalogue::tables(&look).await?;
        drop(look);
        let transaction = connection
            .client()
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .doing(DOING)?;
        settle(&transaction).await?;
        // Neither this nor the lock takes the snapshot, the next statement does. One that were older
        // than the locks would see a table that was emptied before them as empty, and all
        // others as they had been.
        hold(&transaction, &to_hold).await?;
        let migration_version = catalogue::required_version(&transaction).await?;
        let tables = catalogue::tables(&transaction).await?;
        if tables != to_hold {
            return Err(changed_meanwhile());
        }
        let started_at = time(&transaction, "now()").await?;
        let mut files = Vec::new();
        for table in tables {
            let file = self.write(&transaction, table).await?;
            tracing::info!(
                table = file.name,
                rows = file.rows,
                bytes = file.bytes,
                "table backed up"
            );
            files.push(file);
        }
        let finished_at = time(&transaction, "clock_timestamp()").await?;
        // Nothing was written there; whether its end is heard makes no difference to the backup.
        drop(transaction);
        let manifest = Manifest::new(migration_version, started_at, finished_at, files);
        let (key, body) = (self.key(manifest::NAME), manifest.to_json());
        self.bucket.put(&key, JSON, Bytes::from(body)).await?;
        Ok(manifest)
    }

    fn key(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    async fn write(&mut self, transaction: &Transaction<'_>, table: Table) -> Result<TableFile> {
        let doing = format!("reading {} for a backup", table.name);
        let file = manifest::file_name(&table.name);
        let key = self.key(&file);
        let columns = quoted_list(&table.columns);
        let sql = format!(
            "copy (select {columns} from {}) to stdout (format csv, header)",
            table.qualified()
        );
        let mut lines = pin!(transaction.copy_out(&sql).await.doing(&doing)?);
        let mut packer = Packer::new();
        // Postgres sends a message for each row, and one for the header
        // (its protocol's "COPY Operations").
        let mut messages = 0_u64;
        while let Some(line) = lines.next().await {
            messages += 1;
            if let Some(part) = packer.push(&line.doing(&doing)?) {
                self.add(&key, part).await?;
            }
        }
        let (rest, Sums { bytes, sha256 }) = packer.finish();
        self.close(&key, rest).await?;
        Ok(TableFile {
            name: table.name,
            file,
            columns: table.columns,
            rows: messages.saturating_sub(1),
            bytes,
            sha256,
        })
    }

    async fn add(&mut self, key: &str, part: Bytes) -> Result<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.bucket.begin(key, CSV).await?,
        };
        self.bucket.add(self.open.insert(open), part).await
    }

    /// A file of one part is put in one piece.
    async fn close(&mut self, key: &str, rest: Bytes) -> Result<()> {
        let Some(open) = &mut self.open else {
            return self.bucket.put(key, CSV, rest).await;
        };
        self.bucket.add(open, rest).await?;
        self.bucket.finish(open).await?;
        self.open = None;
        Ok(())
    }

    /// What cannot be taken back is removed by the bucket's lifecycle rule.
    async fn take_back(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        if let Err(error) = self.bucket.abort(&open).await {
            tracing::warn!(
                cause = error.chain(),
                "an upload that is not finished was left behind"
            );
        }
    }
}

fn changed_meanwhile() -> Error {
    let message = "a migration changed the tables while the backup began: take it again";
    Error::new(ErrorKind::DbFault, message)
}

/// Keeps tables from being emptied or rebuilt by others, which a snapshot does not survive.
/// Who reads or writes rows does not notice.
async fn hold(transaction: &Transaction<'_>, tables: &[Table]) -> Result<()> {
    let names: Vec<String> = tables.iter().map(Table::qualified).collect();
    let lock = format!("lock table {} in access share mode", names.join(", "));
    let locked = transaction.batch_execute(&lock).await;
    locked.doing("holding the tables for a backup")
}

async fn time(transaction: &Transaction<'_>, clock: &str) -> Result<String> {
    const DOING: &str = "asking Postgres for its time";
    let row = transaction
        .query_typed_one(&format!("select {clock}"), &[])
        .await;
    let time: Timestamp = row.doing(DOING)?.try_get(0).doing(DOING)?;
    Ok(time.to_string())
}
