//! Where a backup is read from: its folder in S3, or one on this machine into which it was
//! downloaded.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use bytes::Bytes;

use super::bucket::Bucket;
use super::manifest::{self, Manifest, TableFile};
use super::packing::{Adder, PART};
use crate::config::RetryConfig;
use crate::error::{Error, ErrorKind, Result};

/// A backup that lies somewhere.
#[derive(Debug)]
pub enum Source {
    /// In a bucket.
    Bucket {
        /// The bucket.
        bucket: Bucket,
        /// The folder in it, without a slash at its end.
        folder: String,
    },
    /// On this machine.
    Folder(PathBuf),
}

impl Source {
    /// `s3://bucket/folder`, or the path of a folder. Region and credentials are the environment's.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] for an address without bucket or folder.
    pub async fn find(address: &str, retry: RetryConfig) -> Result<Self> {
        let Some(place) = address.strip_prefix("s3://") else {
            return Ok(Self::Folder(PathBuf::from(address)));
        };
        let (bucket, folder) = place.split_once('/').unwrap_or((place, ""));
        let folder = folder.trim_matches('/');
        if bucket.is_empty() || folder.is_empty() {
            let message =
                "a backup in S3 has the form s3://bucket/backups/20260131T020000Z-0123abcd";
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
        Ok(Self::Bucket {
            bucket: Bucket::connect(bucket, retry)?,
            folder: folder.to_owned(),
        })
    }

    /// Reads what the backup says of itself.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] where there is no manifest, or none of ours.
    pub async fn manifest(&self) -> Result<Manifest> {
        /// Hundreds of tables with their columns.
        const LARGEST: u64 = PART as u64;
        let size = self.size(manifest::NAME).await?;
        let Some(size) = size.filter(|size| (1..=LARGEST).contains(size)) else {
            return Err(self.has_no_manifest());
        };
        let mut bytes = Vec::new();
        let mut file = self.open(manifest::NAME, size)?;
        while let Some(piece) = file.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Manifest::from_json(&bytes)
    }

    fn has_no_manifest(&self) -> Error {
        let name = manifest::NAME;
        let mut message =
            format!("no {name} is there: this is no backup, or one that was never finished");
        if let Self::Bucket { bucket, .. } = self {
            let bucket = bucket.name();
            message.push_str(&format!(
                "; aws s3 ls s3://{bucket}/backups/ shows what is there"
            ));
        }
        Error::new(ErrorKind::BadRequest, message)
    }

    /// Opens a table's file, which must be of the size that the manifest tells.
    pub(super) async fn table(&self, table: &TableFile) -> Result<TableReader<'_>> {
        if self.size(&table.file).await? != Some(table.bytes) {
            return Err(broken(table, "is missing or has another size"));
        }
        Ok(TableReader {
            pieces: self.open(&table.file, table.bytes)?,
            adder: Adder::new(),
        })
    }

    async fn size(&self, name: &str) -> Result<Option<u64>> {
        match self {
            Self::Bucket { bucket, folder } => bucket.size(&format!("{folder}/{name}")).await,
            Self::Folder(folder) => match std::fs::metadata(folder.join(name)) {
                Ok(found) => Ok(Some(found.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unreadable(name, error)),
            },
        }
    }

    fn open(&self, name: &str, size: u64) -> Result<Pieces<'_>> {
        Ok(match self {
            Self::Bucket { bucket, folder } => Pieces::InBucket {
                bucket,
                key: format!("{folder}/{name}"),
                at: 0,
                size,
            },
            Self::Folder(folder) => Pieces::InFolder {
                file: File::open(folder.join(name)).map_err(|error| unreadable(name, error))?,
                name: name.to_owned(),
            },
        })
    }
}

fn unreadable(name: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::BadRequest, format!("{name} cannot be read")).with_source(error)
}

/// A file of the backup is not what its manifest says.
pub(super) fn broken(table: &TableFile, why: &str) -> Error {
    let message = format!("the backup is broken: {} {why}", table.file);
    Error::new(ErrorKind::BadRequest, message)
}

/// A file, piece by piece.
enum Pieces<'a> {
    InBucket {
        bucket: &'a Bucket,
        key: String,
        at: u64,
        size: u64,
    },
    InFolder {
        file: File,
        name: String,
    },
}

impl Pieces<'_> {
    /// `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::InBucket {
                bucket,
                key,
                at,
                size,
            } => {
                if at == size {
                    return Ok(None);
                }
                let end = (*at + PART as u64).min(*size);
                let piece = bucket.read(key, *at..end).await?;
                *at = end;
                Ok(Some(piece))
            }
            Self::InFolder { file, name } => {
                let mut piece = Vec::with_capacity(PART);
                let read = file.take(PART as u64).read_to_end(&mut piece);
                read.map_err(|error| unreadable(name, error))?;
                Ok(Some(piece).filter(|it| !it.is_empty()).map(Bytes::from))
            }
        }
    }
}

/// A table's file, added up as it is read.
pub(super) struct TableReader<'a> {
    pieces: Pieces<'a>,
    adder: Adder,
}

impl TableReader<'_> {
    /// `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.pieces.next().await?;
        if let Some(piece) = &piece {
            self.adder.add(piece);
        }
        Ok(piece)
    }

    /// Reads what is left, and holds all of the file against the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] where it is another file.
    pub(super) async fn check(mut self, table: &TableFile) -> Result<()> {
        while self.next().await?.is_some() {}
        let sums = self.adder.sums();
        if (sums.bytes, sums.sha256.as_str()) == (table.bytes, table.sha256.as_str()) {
            return Ok(());
        }
        Err(broken(table, "has not the SHA-256 of its manifest"))
    }
}
