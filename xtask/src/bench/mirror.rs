//! The mirror of a bench: a private PostgreSQL, with an empty schema for each run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::config::PostgresConfig;

use crate::migrate;
use crate::postgres::{Cluster, RunningCluster, free_port};

const DATABASE: &str = "bench";

/// A running PostgreSQL; it ends when this is dropped.
pub(super) struct Mirror(RunningCluster);

impl Mirror {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let cluster = Cluster::prepare(&folder.join("postgres"), free_port()?)?;
        Ok(Self(cluster.start_for_now(&[])?))
    }

    /// A database in which nothing was ever synced; returns where it is.
    pub(super) fn make_empty(&self) -> Result<String> {
        self.0.drop_database(DATABASE)?;
        self.0
            .sql("postgres", &[&format!("create database {DATABASE}")])?;
        let url = self.0.url(DATABASE);
        let variable = |name: &str| (name == "SUPABASE_DB_URL").then(|| url.clone());
        migrate::apply(&PostgresConfig::from_lookup(&variable)?)?;
        Ok(url)
    }

    /// Runs statements in that database, in one session of psql, each in a transaction of its own
    /// unless they say otherwise; returns what they answer.
    pub(super) fn sql(&self, statements: &[&str]) -> Result<String> {
        self.0.sql(DATABASE, statements)
    }

    /// Writes a file that Postgres and psql may read and write; returns where it is.
    pub(super) fn place(&self, name: &str, text: &str) -> Result<PathBuf> {
        self.0.place(name, text)
    }

    /// The time in UTC, to the minute, and PostgreSQL's name with its version.
    pub(super) fn date_and_version(&self) -> Result<(String, String)> {
        let answer = self.0.sql(
            "postgres",
            &[
                "select to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI')",
                "select 'PostgreSQL ' || current_setting('server_version')",
            ],
        )?;
        let (date, version) = answer
            .split_once('\n')
            .context("PostgreSQL does not tell its version")?;
        Ok((format!("{date} UTC"), version.to_owned()))
    }
}
