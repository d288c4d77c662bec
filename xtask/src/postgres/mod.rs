//! Private PostgreSQL clusters: made by us, on a loopback port of their own,
//! thrown away without regret. Nothing of a PostgreSQL that the machine may
//! already run is touched.
//!
//! PostgreSQL refuses to run as root. Where we are root its programs run as the
//! user `postgres`, which the package brings along, and that user must be able to
//! reach the cluster's folder. It often cannot: home folders, root's above all,
//! are closed to others. Then the cluster lies under `/var/lib` instead.

mod certificate;
mod folder;
mod pooler;
mod programs;

pub(crate) use certificate::Certificates;
pub(crate) use pooler::{PoolMode, Pooler};

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::progress::run_logged;

/// The superuser of every cluster made here.
pub(crate) const SUPERUSER: &str = "postgres";

/// A private cluster; it may be running or not.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    password: String,
}

impl Cluster {
    /// The cluster in `folder`, made if there is none, PostgreSQL installed if the
    /// machine has none. `port` is where it will listen once it is started.
    pub(crate) fn prepare(folder: &Path, port: u16) -> Result<Self> {
        let programs = programs::find_or_install()?;
        let folder = folder::owned(folder)?;
        let cluster = Self::open(folder, programs, port)?;
        if !cluster.is_usable() {
            cluster.init()?;
        }
        Ok(cluster)
    }

    /// The running cluster that [`Cluster::prepare`] made for `folder`, if there is one.
    pub(crate) fn running(folder: &Path) -> Option<Self> {
        let programs = programs::newest()?;
        [folder.to_owned(), folder::fallback(folder)]
            .into_iter()
            .filter_map(|folder| Self::open(folder, programs.clone(), 0).ok())
            .find(|cluster| cluster.postmaster().is_some())
    }

    fn open(folder: PathBuf, programs: PathBuf, port: u16) -> Result<Self> {
        let password = folder::password(&folder)?;
        let mut cluster = Self {
            programs,
            folder,
            port,
            password,
        };
        if let Some(running) = cluster.postmaster() {
            cluster.port = running.port;
        }
        Ok(cluster)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Where a client finds a database of this cluster, as superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        url(&self.password, self.port, database)
    }

    /// Starts it with these settings, unless it runs.
    pub(crate) fn start(&self, settings: &[(&str, &str)]) -> Result<()> {
        if self.postmaster().is_some() {
            return Ok(());
        }
        self.remove_stale_pid_file()?;
        ensure!(
            is_free(self.port),
            "port {} of 127.0.0.1, which PostgreSQL is to use, is taken by another program",
            self.port
        );
        run_logged(
            &format!("Starting PostgreSQL on port {}", self.port),
            &cache::log_file("postgres-start")?,
            self.program("pg_ctl")
                .args(["start", "--wait", "--timeout=60"])
                .arg("--pgdata")
                .arg(self.data())
                .arg("--log")
                .arg(self.folder.join("postgres.log"))
                .arg("--options")
                .arg(options(self.port, settings)),
        )
        .with_context(|| format!("see {}", self.folder.join("postgres.log").display()))
    }

    /// Stops it, if it runs, whoever is connected.
    pub(crate) fn stop(&self) -> Result<()> {
        if self.postmaster().is_none() {
            return Ok(());
        }
        run_logged(
            "Stopping PostgreSQL",
            &cache::log_file("postgres-stop")?,
            self.program("pg_ctl")
                .args(["stop", "--wait", "--mode=fast"])
                .arg("--pgdata")
                .arg(self.data()),
        )
    }

    /// Runs SQL statements, each in a transaction of its own, and returns what
    /// they answer: a line a row, columns separated by `|`.
    pub(crate) fn sql(&self, database: &str, statements: &[&str]) -> Result<String> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url(database))
            .args(statements.iter().flat_map(|statement| ["-c", statement]));
        let output = psql.output().context("cannot start psql")?;
        ensure!(
            output.status.success(),
            "PostgreSQL refused: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it, and stops it when the result is dropped. One that runs was left behind
    /// by a command that was killed, maybe with other settings, and is stopped first.
    pub(crate) fn start_for_now(self, settings: &[(&str, &str)]) -> Result<RunningCluster> {
        self.stop()?;
        self.start(settings)?;
        Ok(RunningCluster(self))
    }

    /// Writes a file that none but the cluster's own programs may read.
    pub(crate) fn place(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        folder::write_for_owner_of(&self.folder, &file, text)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    /// Whether a database of this name exists.
    pub(crate) fn has_database(&self, name: &str) -> Result<bool> {
        let query = format!(
            "select 1 from pg_database where datname = {}",
            literal(name)
        );
        Ok(self.sql("postgres", &[&query])? == "1")
    }

    /// Makes `name` a copy of `template`; a database of that name is dropped.
    /// Copying files is many times faster than logging every page of them.
    pub(crate) fn copy_database(&self, template: &str, name: &str, owner: &str) -> Result<()> {
        let create =
            format!("create database {name} template {template} owner {owner} strategy file_copy");
        self.drop_database(name)?;
        self.sql("postgres", &[&create]).map(drop)
    }

    /// Drops the database, whoever is connected, if it exists.
    pub(crate) fn drop_database(&self, name: &str) -> Result<()> {
        let drop_it = format!("drop database if exists {name} with (force)");
        self.sql("postgres", &["set client_min_messages = warning", &drop_it])
            .map(drop)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Made to the end, by the version of PostgreSQL that is installed now.
    fn is_usable(&self) -> bool {
        let made_by = fs::read_to_string(self.data().join("PG_VERSION")).unwrap_or_default();
        programs::version(&self.programs)
            .is_some_and(|version| made_by.trim() == version.to_string())
    }

    fn init(&self) -> Result<()> {
        // Made under another name: one that was interrupted is not mistaken for a cluster.
        let unfinished = self.folder.join("data.new");
        for leftover in [&unfinished, &self.data()] {
            if leftover.exists() {
                fs::remove_dir_all(leftover)
                    .with_context(|| format!("cannot remove {}", leftover.display()))?;
            }
        }
        run_logged(
            &format!("Making a private PostgreSQL in {}", self.folder.display()),
            &cache::log_file("postgres-init")?,
            self.program("initdb")
                .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
                .args(["--no-sync", "--username", SUPERUSER])
                .arg("--pwfile")
                .arg(folder::password_file(&self.folder))
                .arg("--pgdata")
                .arg(&unfinished),
        )?;
        fs::rename(&unfinished, self.data()).context("cannot put the cluster in its place")
    }

    /// One of PostgreSQL's programs, run as a user that it accepts.
    fn program(&self, name: &str) -> Command {
        let mut command = folder::as_os_user(self.programs.join(name));
        // It need not be able to reach the folder that we were called in.
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// The server that runs on this cluster. Its process works in the data folder;
    /// after a restart of the machine the recorded id may be another program's.
    fn postmaster(&self) -> Option<Postmaster> {
        let recorded = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let postmaster = Postmaster::parse(&recorded)?;
        let works_in = fs::read_link(format!("/proc/{}/cwd", postmaster.pid)).ok()?;
        (works_in == self.data().canonicalize().ok()?).then_some(postmaster)
    }

    fn remove_stale_pid_file(&self) -> Result<()> {
        let file = self.data().join("postmaster.pid");
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        Ok(())
    }
}

/// A cluster that is stopped when this is dropped.
pub(crate) struct RunningCluster(Cluster);

impl Deref for RunningCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.0
    }
}

impl Drop for RunningCluster {
    fn drop(&mut self) {
        if let Err(error) = self.0.stop() {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
    }
}

/// What `postmaster.pid` says: the process on its first line, the port on its fourth.
struct Postmaster {
    pid: u32,
    port: u16,
}

impl Postmaster {
    fn parse(file: &str) -> Option<Self> {
        let mut lines = file.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let port = lines.nth(2)?.trim().parse().ok()?;
        Some(Self { pid, port })
    }
}

fn url(password: &str, port: u16, database: &str) -> String {
    format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// A text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether nobody listens on this loopback port.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A loopback port that nobody listens on. Another program may take it before we do; then
/// what was to listen there says so.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener
        .local_addr()
        .context("the free port has no number")?
        .port())
}

/// The server's command line. A private cluster that can be made again needs no
/// crash safety, and no socket file in a folder that it may not write to.
fn options(port: u16, settings: &[(&str, &str)]) -> String {
    let port = port.to_string();
    let ours = [
        ("port", port.as_str()),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
    ];
    ours.iter()
        .chain(settings)
        .map(|(name, value)| format!("-c {name}='{value}'"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Postmaster, literal, options};

    #[test]
    fn reads_the_pid_file() {
        let file = "4711\n/data\n1700000000\n18432\n\n127.0.0.1\n  0 0\nready\n";
        let found = Postmaster::parse(file).expect("it is complete");
        assert_eq!((found.pid, found.port), (4711, 18432));
    }

    #[test]
    fn survives_a_pid_file_cut_short() {
        assert!(Postmaster::parse("").is_none());
        assert!(Postmaster::parse("4711\n/data").is_none());
        assert!(Postmaster::parse("x\n/data\n1\n5\n").is_none());
    }

    #[test]
    fn quotes_settings_and_literals() {
        assert!(options(1, &[("ssl", "on")]).ends_with("-c ssl='on'"));
        assert_eq!(literal("it's"), "'it''s'");
    }
}
