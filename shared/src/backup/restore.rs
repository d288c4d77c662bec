//! From a backup into an empty database, in one transaction: whatever fails leaves the database
//! as it was.
//!
//! The tables are made by the migrations as far as the backup's own version, filled, and brought
//! up to date by the migrations that came after it, which so find the rows that they may want to
//! change. A file is checked while it is read: what it brought in is undone if it turns out to
//! be another one than the manifest says.

use std::collections::BTreeSet;
use std::io;
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::{CopyInSink, Transaction};

use super::catalogue::{self, Table, qualified};
use super::manifest::{Manifest, TableFile};
use super::packing::Unpacker;
use super::silence::Silence;
use super::source::{Source, broken};
use super::{quoted_list, settle};
use crate::config::PostgresConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::{Connection, connect};
use crate::mirror::database::Doing;
use crate::mirror::migrate;

const LOOKING: &str = "looking whether the database is empty";

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    /// What the backup holds.
    pub manifest: Manifest,
    /// The migrations that came after the backup and have been applied to its rows.
    pub migrated: Vec<migrate::Migration>,
}

/// Loads a backup into a database whose schema `odoo` has no rows, or does not exist.
/// `skipped` are tables of the backup that are left out; `done` hears of each table that is in.
///
/// # Errors
/// - [`ErrorKind::BadRequest`]: the backup is none, broken, of a newer program, or has other tables than the migrations make;
///   the database holds rows or is ahead of the backup.
/// - Those of [`connect`] and of [`migrate`](migrate::migrate); `db_unreachable` where Postgres says nothing any more.
/// - [`ErrorKind::Config`] where the bucket is missing or closed; [`ErrorKind::S3Unreachable`] and
///   [`ErrorKind::S3Fault`] where S3 fails.
pub async fn restore(
    config: &PostgresConfig,
    source: &Source,
    skipped: &[String],
    mut done: impl FnMut(&TableFile),
) -> Result<Restored> {
    let manifest = source.manifest().await?;
    let mut connection = connect(config).await?;
    let silence = Silence::on(&connection);
    let version = manifest.migration_version;
    let opening = open(&mut connection, version);
    let transaction = silence.broken_by(LOOKING, opening).await?;
    let migrating = migrate::apply(transaction, Some(version));
    let (transaction, _) = silence.broken_by_migrations(migrating).await?;
    let choosing = async {
        check_reached(&transaction, version).await?;
        chosen(&transaction, &manifest, skipped).await
    };
    let tables = silence.broken_by(LOOKING, choosing).await?;
    for (table, file) in &tables {
        load(&transaction, source, file, silence).await?;
        let doing = format!("setting the sequences of {}", table.name);
        let setting = catalogue::set_sequences(&transaction, table, &doing);
        silence.broken_by(&doing, setting).await?;
        done(file);
    }
    let migrating = migrate::apply(transaction, None);
    let (transaction, migrated) = silence.broken_by_migrations(migrating).await?;
    let doing = "committing a restore";
    let committing = async { transaction.commit().await.doing(doing) };
    silence.broken_by(doing, committing).await?;
    Ok(Restored { manifest, migrated })
}

/// Begins the transaction, in a database that may be restored into.
async fn open(connection: &mut Connection, version: i32) -> Result<Transaction<'_>> {
    let transaction = migrate::begin(connection).await?;
    settle(&transaction).await?;
    check_version(&transaction, version).await?;
    check_empty(&transaction).await?;
    Ok(transaction)
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::BadRequest, message)
}

/// The way back from newer tables to older ones is no migration's.
async fn check_version(transaction: &Transaction<'_>, version: i32) -> Result<()> {
    match catalogue::migration_version(transaction).await? {
        Some(here) if here > version => Err(refused(format!(
            "the backup is of migration V{version} and the database has V{here} already: restore into a database without schema odoo"
        ))),
        _ => Ok(()),
    }
}

async fn check_reached(transaction: &Transaction<'_>, version: i32) -> Result<()> {
    let here = catalogue::migration_version(transaction).await?;
    if here == Some(version) {
        return Ok(());
    }
    Err(refused(format!(
        "the backup is of migration V{version}, which this program does not have: restore it with the version that took it, or a newer one"
    )))
}

/// Looks before the migrations do, some of which may leave rows of their own.
async fn check_empty(transaction: &Transaction<'_>) -> Result<()> {
    for table in catalogue::tables(transaction).await? {
        let query = format!("select exists (select from {})", table.qualified());
        let row = transaction.query_typed_one(&query, &[]).await;
        if row.doing(LOOKING)?.try_get(0).doing(LOOKING)? {
            return Err(refused(format!(
                "odoo.{} holds rows: a backup is restored into an empty database only",
                table.name
            )));
        }
    }
    Ok(())
}

/// The backup's tables, each with the database's own.
async fn chosen<'a>(
    transaction: &Transaction<'_>,
    manifest: &'a Manifest,
    skipped: &[String],
) -> Result<Vec<(Table, &'a TableFile)>> {
    let tables = catalogue::tables(transaction).await?;
    let there: BTreeSet<&str> = manifest.tables.iter().map(|it| it.name.as_str()).collect();
    if let Some(unknown) = skipped.iter().find(|name| !there.contains(name.as_str())) {
        return Err(refused(format!(
            "the backup has no table {unknown} to leave out"
        )));
    }
    if let Some(table) = tables
        .iter()
        .find(|table| !there.contains(table.name.as_str()))
    {
        return Err(refused(format!(
            "the backup is broken: it lacks the table {}",
            table.name
        )));
    }
    let wanted = manifest.tables.iter();
    let wanted = wanted.filter(|file| !skipped.contains(&file.name));
    wanted
        .map(|file| {
            let table = tables.iter().find(|table| table.name == file.name);
            let table = table.cloned().ok_or_else(|| {
                let name = &file.name;
                refused(format!("no migration makes the table odoo.{name} of the backup: make it first, or leave it out with --skip {name}"))
            })?;
            Ok((table, file))
        })
        .collect()
}

/// Fills one table. Where that fails the file is read to its end all the same: if it is another
/// one than it should be, that is the reason to tell.
async fn load(
    transaction: &Transaction<'_>,
    source: &Source,
    file: &TableFile,
    silence: Silence,
) -> Result<()> {
    let mut reader = source.table(file).await?;
    let doing = format!("restoring {}", file.name);
    let name = qualified(&file.name);
    // What a migration has left there gives way to the backup's.
    let empty = format!("delete from {name}");
    let columns = quoted_list(&file.columns);
    let sql = format!("copy {name} ({columns}) from stdin (format csv, header match)");
    let beginning = async {
        transaction.batch_execute(&empty).await.doing(&doing)?;
        transaction.copy_in(&sql).await.doing(&doing)
    };
    let loading = async {
        let mut sink = pin!(silence.broken_by(&doing, beginning).await?);
        let mut unpacker = Unpacker::new();
        while let Some(packed) = reader.next().await? {
            for rows in unpacker.push(&packed) {
                let sending = send(sink.as_mut(), rows, file, &doing);
                silence.broken_by(&doing, sending).await?;
            }
        }
        let finishing = async {
            send(sink.as_mut(), unpacker.finish(), file, &doing).await?;
            sink.finish().await.doing(&doing)
        };
        silence.broken_by(&doing, finishing).await
    };
    let loaded = loading.await;
    reader.check(file).await?;
    let rows = loaded?;
    if rows == file.rows {
        return Ok(());
    }
    let why = format!("has {rows} rows, and its manifest says {}", file.rows);
    Err(broken(file, &why))
}

async fn send(
    mut sink: Pin<&mut CopyInSink<Bytes>>,
    rows: io::Result<Bytes>,
    file: &TableFile,
    doing: &str,
) -> Result<()> {
    let rows = rows.map_err(|_| broken(file, "is no gzip"))?;
    if rows.is_empty() {
        return Ok(());
    }
    // Fed, not sent: a flush would wait for each small piece to leave.
    sink.feed(rows).await.doing(doing)
}
