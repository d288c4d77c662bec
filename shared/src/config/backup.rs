//! What configures a backup. It asks Odoo nothing, so it demands nothing of Odoo.

use super::environment::variable;
use super::reader::Reader;
use super::{PostgresConfig, read_postgres, read_retry};
use crate::error::Result;

/// What is backed up, and to where.
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// How to reach Postgres; its retries are those of S3 as well.
    pub postgres: PostgresConfig,
    /// Name of the S3 bucket that takes the backups.
    pub bucket: String,
}

impl BackupConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`BackupConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing or malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader::new(lookup);
        let retry = read_retry(&mut reader);
        let config = Self {
            postgres: read_postgres(&mut reader, retry),
            bucket: reader.required("SYNC_BACKUP_BUCKET", "the name of an S3 bucket"),
        };
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_asks_for_database_and_bucket_and_for_nothing_of_odoo() {
        let missing = BackupConfig::from_lookup(&|_| None).expect_err("nothing is set");
        for name in ["SUPABASE_DB_URL", "SYNC_BACKUP_BUCKET"] {
            assert!(missing.to_string().contains(name), "{missing}");
        }
        assert!(!missing.to_string().contains("ODOO"), "{missing}");
        let set = |name: &str| match name {
            "SUPABASE_DB_URL" => Some("postgres://h/d".to_owned()),
            "SYNC_BACKUP_BUCKET" => Some(" shop-backups ".to_owned()),
            _ => None,
        };
        let config = BackupConfig::from_lookup(&set).expect("complete");
        assert_eq!(config.bucket, "shop-backups");
    }
}
