//! The servers that the tests use, and the variables that lead there.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;

use crate::moto::Moto;
use crate::postgres::{Certificates, Cluster, PoolMode, Pooler, RunningCluster, free_port};
use crate::workspace::Workspace;
use crate::{cargo_lambda, lock};

/// PostgreSQL with TLS, PgBouncer in front of it, and moto as AWS; they end when this is
/// dropped, in the order of its fields.
pub(crate) struct Servers {
    transaction_pooler: Pooler,
    session_pooler: Pooler,
    cluster: RunningCluster,
    certificates: Certificates,
    moto: Moto,
    cargo_lambda: PathBuf,
    _lock: File,
}

impl Servers {
    /// Starts them on free ports, for this command of ours: each has its own, so that a long
    /// one does not keep the others waiting.
    pub(crate) fn start(workspace: &Workspace, command: &str) -> Result<Self> {
        let folder = workspace.scratch(command)?;
        let lock = lock::hold(&folder.join("lock"), &format!("`cargo xtask {command}`"))?;
        let cluster = Cluster::prepare(&folder.join("postgres"), free_port()?)?;
        let certificates = Certificates::make(&folder)?;
        let certificate = cluster.place("server.pem", &certificates.server)?;
        let key = cluster.place("server.key", &certificates.key)?;
        let cluster = cluster.start_for_now(&[
            ("max_connections", "200"),
            ("ssl", "on"),
            ("ssl_cert_file", &certificate.to_string_lossy()),
            ("ssl_key_file", &key.to_string_lossy()),
        ])?;
        Ok(Self {
            transaction_pooler: Pooler::start(&cluster, PoolMode::Transaction)?,
            session_pooler: Pooler::start(&cluster, PoolMode::Session)?,
            cluster,
            certificates,
            moto: Moto::start(command)?,
            cargo_lambda: cargo_lambda::programs()?.join("cargo-lambda"),
            _lock: lock,
        })
    }

    /// The variables that the tests read.
    pub(crate) fn variables(&self) -> [(&'static str, String); 6] {
        let database = "postgres";
        let cluster = &self.cluster;
        [
            ("TEST_DATABASE_URL", cluster.url(database)),
            (
                "TEST_POOLER_URL",
                self.transaction_pooler.url(cluster, database),
            ),
            (
                "TEST_SESSION_POOLER_URL",
                self.session_pooler.url(cluster, database),
            ),
            (
                "TEST_CA_CERT",
                self.certificates.ca.to_string_lossy().into_owned(),
            ),
            ("TEST_AWS_URL", self.moto.url().to_owned()),
            (
                "TEST_CARGO_LAMBDA",
                self.cargo_lambda.to_string_lossy().into_owned(),
            ),
        ]
    }
}
