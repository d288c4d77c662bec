//! A PostgreSQL of one test's own, for what no other test could bear beside it: restarts, a
//! fail-over, a server that is full.
//!
//! Its programs are those of the server that `cargo xtask test` has started, which can say where
//! they are.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::mirror::migrate::migrate;
use tempfile::TempDir;

use super::postgres::{config, open, variable};

/// PostgreSQL refuses to run as root.
const OS_USER: &str = "postgres";
const PASSWORD: &str = "for-this-test-alone";

/// How a server stops before it starts again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Restart {
    /// It ends all sessions and writes down what it has.
    InOrder,
    /// It is gone at once and recovers from its log.
    Crash,
}

/// A running server. It is stopped when this is dropped.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    url: String,
    options: String,
}

impl Cluster {
    /// Starts one without TLS.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("sync-test-cluster-")
            .tempdir_in("/tmp")
            .expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let cluster = Self {
            programs: programs().await,
            url: format!(
                "postgres://{OS_USER}:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=disable"
            ),
            // A crash loses what the machine's memory held only where the machine crashes too.
            options: format!(
                "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
                 -c fsync=off -c synchronous_commit=on"
            ),
            folder,
        };
        cluster.init();
        cluster.control("start", "fast");
        cluster
    }

    /// Its database `postgres`, as superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// As [`Cluster::url`], after all migrations.
    pub(crate) async fn migrated(&self) -> String {
        migrate(&config(&self.url))
            .await
            .expect("migrations of an empty database");
        self.url.clone()
    }

    /// Stops it in this way and starts it again.
    pub(crate) fn restart(&self, how: Restart) {
        let mode = match how {
            Restart::InOrder => "fast",
            Restart::Crash => "immediate",
        };
        self.control("restart", mode);
    }

    /// Restarts it as a standby: it answers, and lets nobody write.
    pub(crate) fn demote(&self) {
        let signal = self.folder.path().join("data/standby.signal");
        std::fs::write(&signal, "").expect("a file");
        give_away(&[&signal]);
        self.restart(Restart::InOrder);
    }

    /// Ends [`Cluster::demote`] as a fail-over does: it takes writes again.
    pub(crate) fn promote(&self) {
        let mut command = self.program("pg_ctl");
        command
            .args(["promote", "--wait", "--timeout=60", "--pgdata"])
            .arg(self.folder.path().join("data"));
        run(&mut command);
    }

    fn init(&self) {
        let password = self.folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a file");
        give_away(&[self.folder.path(), &password]);
        let mut command = self.program("initdb");
        command
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .args(["--username", OS_USER, "--pwfile"])
            .arg(password)
            .arg("--pgdata")
            .arg(self.folder.path().join("data"));
        run(&mut command);
    }

    fn control(&self, what: &str, mode: &str) {
        let mut command = self.program("pg_ctl");
        command
            .args([what, "--wait", "--timeout=60", "--mode", mode, "--pgdata"])
            .arg(self.folder.path().join("data"))
            .arg("--log")
            .arg(self.folder.path().join("log"));
        if what != "stop" {
            command.arg("--options").arg(&self.options);
        }
        run(&mut command);
    }

    fn program(&self, name: &str) -> Command {
        let mut command = as_os_user(self.programs.join(name));
        command.current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A panic here would hide the one that ended the test.
        let data = self.folder.path().join("data");
        let mut command = self.program("pg_ctl");
        command
            .args(["stop", "--mode=immediate", "--pgdata"])
            .arg(data);
        let _ = command.output();
    }
}

/// Where the running server's programs are.
async fn programs() -> PathBuf {
    let client = open(&variable("TEST_DATABASE_URL")).await;
    let row = client
        .query_one("select setting from pg_config where name = 'BINDIR'", &[])
        .await
        .expect("a superuser may ask");
    PathBuf::from(row.get::<_, String>(0))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_os_user(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", OS_USER, "--"]).arg(program);
    command
}

/// Makes files the server's own, where it runs as another user than we do.
fn give_away(paths: &[&Path]) {
    if !is_root() {
        return;
    }
    let owner = owner();
    for path in paths {
        chown(path, Some(owner), None).expect("the right to give it away");
    }
}

/// The user's number.
fn owner() -> u32 {
    let output = Command::new("id")
        .args(["-u", OS_USER])
        .output()
        .expect("the program id");
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.trim().parse().expect("a number")
}

fn run(command: &mut Command) {
    // Not captured: the server would hold the other end for as long as it lives.
    let status = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("it starts");
    assert!(status.success(), "{command:?} ended with {status}");
}
