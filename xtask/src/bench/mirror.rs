//! The mirror of a bench: a private PostgreSQL, with an empty schema for each run.

use std::path::Path;

use anyhow::Result;

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

    /// Runs statements in that database.
    pub(super) fn fill(&self, statements: &[&str]) -> Result<()> {
        self.0.sql(DATABASE, statements).map(drop)
    }
}
