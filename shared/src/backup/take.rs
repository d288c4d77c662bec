//! From Postgres to S3: one transaction, one table after the other, each as a stream.
//!
//! Two hands at most hold rows: a part that is being packed, and the one before that is on its
//! way. What fails takes its open upload back and leaves no manifest; the files that were
//! done by then stay until the bucket's lifecycle rule removes them, like any backup.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_postgres::{Client, IsolationLevel, Transaction};
use uuid::Uuid;

use super::bucket::{Bucket, Upload};
use super::catalogue::{self, Table};
use super::manifest::{self, Manifest, TableFile};
use super::packing::{Packer, Sums};
use super::silence::Silence;
use super::{quoted_list, settle};
use crate::config::PostgresConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::connect;
use crate::mirror::database::Doing;

const CSV: &str = "application/gzip";
const JSON: &str = "application/json";

const OPENING: &str = "opening a backup's transaction";
const CLOCK: &str = "asking Postgres for its time";

/// How long an upload may take to be taken back. Lambda's deadline leaves 20 s; a person has
/// pressed Ctrl-C.
const TAKE_BACK_LIMIT: Duration = Duration::from_secs(10);

/// A backup that has been taken.
#[derive(Debug)]
pub struct Taken {
    /// Where it is: `s3://bucket/folder`.
    pub location: String,
    /// What it holds.
    pub manifest: Manifest,
}

/// Takes a backup of all tables of schema `odoo` into a new folder of the bucket, unless `end`
/// comes first, which says why.
///
/// # Errors
/// - Those of [`connect`]; `db_auth` where the role may not see all rows of all tables;
///   `db_unreachable` where Postgres says nothing any more.
/// - [`ErrorKind::DbSchema`] where no migration has been applied.
/// - [`ErrorKind::Config`] where the bucket is missing or closed; [`ErrorKind::S3Unreachable`] and
///   [`ErrorKind::S3Fault`] where S3 fails.
/// - That of `end`.
pub async fn take(
    config: &PostgresConfig,
    bucket: &Bucket,
    end: impl Future<Output = Error>,
) -> Result<Taken> {
    let mut writer = Writer::new(bucket);
    let taken = tokio::select! {
        biased;
        taken = writer.take(config) => taken,
        why = end => Err(why),
    };
    if taken.is_err() {
        writer.take_back().await;
    }
    let manifest = taken?;
    let location = format!("s3://{}/{}", bucket.name(), writer.folder);
    Ok(Taken { location, manifest })
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
        let mut connection = connect(config).await?;
        let silence = Silence::on(&connection);
        let Moment {
            transaction,
            migration_version,
            tables,
            started_at,
        } = silence
            .broken_by(OPENING, open(connection.client()))
            .await?;
        let mut files = Vec::new();
        for table in tables {
            let file = self.write(&transaction, table, silence).await?;
            tracing::info!(
                table = file.name,
                rows = file.rows,
                bytes = file.bytes,
                "table backed up"
            );
            files.push(file);
        }
        let finished_at = time(&transaction, "clock_timestamp()");
        let finished_at = silence.broken_by(CLOCK, finished_at).await?;
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

    async fn write(
        &mut self,
        transaction: &Transaction<'_>,
        table: Table,
        silence: Silence,
    ) -> Result<TableFile> {
        let doing = format!("reading {} for a backup", table.name);
        let file = manifest::file_name(&table.name);
        let key = self.key(&file);
        let columns = quoted_list(&table.columns);
        let sql = format!(
            "copy (select {columns} from {}) to stdout (format csv, header)",
            table.qualified()
        );
        let copying = async { transaction.copy_out(&sql).await.doing(&doing) };
        let mut lines = pin!(silence.broken_by(&doing, copying).await?);
        let mut packer = Packer::new();
        // Postgres sends a message for each row, and one for the header
        // (its protocol's "COPY Operations").
        let mut messages = 0_u64;
        loop {
            let line = async { lines.try_next().await.doing(&doing) };
            let Some(line) = silence.broken_by(&doing, line).await? else {
                break;
            };
            messages += 1;
            if let Some(part) = packer.push(&line) {
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
        let aborting = timeout(TAKE_BACK_LIMIT, self.bucket.abort(&open)).await;
        let cause = match aborting {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.chain(),
            Err(_) => "S3 does not answer in time".to_owned(),
        };
        tracing::warn!(cause, "an upload that is not finished was left behind");
    }
}

/// A transaction that sees one state of the database, and what there is to write of it.
struct Moment<'a> {
    transaction: Transaction<'a>,
    migration_version: i32,
    tables: Vec<Table>,
    started_at: String,
}

/// Begins the transaction, with the tables held.
async fn open(client: &mut Client) -> Result<Moment<'_>> {
    let look = client.transaction().await.doing(OPENING)?;
    settle(&look).await?;
    catalogue::required_version(&look).await?;
    let to_hold = catalogue::tables(&look).await?;
    drop(look);
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .doing(OPENING)?;
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
    Ok(Moment {
        transaction,
        migration_version,
        tables,
        started_at,
    })
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
    let row = transaction
        .query_typed_one(&format!("select {clock}"), &[])
        .await;
    let time: Timestamp = row.doing(CLOCK)?.try_get(0).doing(CLOCK)?;
    Ok(time.to_string())
}
