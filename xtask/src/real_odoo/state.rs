//! What is known about a server that was started: kept in a file beside it, told
//! to a person and to a shell.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::release::Release;
use super::server::Settings;
use crate::daemon::Daemon;
use crate::odoo_environment::OdooEnvironment;

/// A server that was started, as `state.json` beside it has it.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub(super) version: Release,
    pub(super) url: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) api_key: String,
    pub(super) port: u16,
    pub(super) workers: u16,
    pub(super) process: Daemon,
    pub(super) postgres_url: String,
    pub(super) log: PathBuf,
}

impl State {
    /// The server of this version, if it runs. A file that does not fit is one of
    /// another time, and is treated as none.
    pub(super) fn of_running(release: Release) -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(file(release)?) else {
            return Ok(None);
        };
        let state: Option<Self> = serde_json::from_str(&text).ok();
        Ok(state.filter(Self::is_running))
    }

    pub(super) fn save(&self) -> Result<()> {
        let file = file(self.version)?;
        let text = serde_json::to_string_pretty(self).context("cannot write the state as JSON")?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.is_running()
    }

    pub(super) fn serves(&self, wanted: &Settings) -> bool {
        self.port == wanted.port && self.workers == wanted.workers
    }

    /// How it is reached.
    pub(super) fn environment(&self) -> OdooEnvironment {
        OdooEnvironment {
            url: self.url.clone(),
            database: self.database.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            api_key: self.api_key.clone(),
        }
    }

    /// All of it, as comments and variables.
    pub(super) fn describe(&self) -> String {
        let processes = match self.workers {
            0 => "one process with threads".to_owned(),
            workers => format!("{workers} workers"),
        };
        format!(
            "# Odoo {} runs at {} (process {}, {processes})\n\
             # its log: {}\n\
             # its database: {}\n{}",
            self.version,
            self.url,
            self.process.pid,
            self.log.display(),
            self.postgres_url,
            self.environment().to_shell()
        )
    }
}

fn file(release: Release) -> Result<PathBuf> {
    Ok(super::folder(release)?.join("state.json"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Daemon, Release, Settings, State};

    fn state() -> State {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = Daemon::spawn(&Command::new("true"), &folder.path().join("log"));
        State {
            version: Release::V19,
            url: "http://127.0.0.1:18019".into(),
            database: "odoo_19".into(),
            user: "admin".into(),
            password: "admin".into(),
            api_key: "k".into(),
            port: 18019,
            workers: 0,
            process: process.expect("it starts"),
            postgres_url: "postgres://x".into(),
            log: "/log".into(),
        }
    }

    #[test]
    fn serves_only_what_it_was_started_with() {
        let same = Settings {
            port: 18019,
            workers: 0,
        };
        let other = Settings {
            port: 18019,
            workers: 2,
        };
        assert!(state().serves(&same));
        assert!(!state().serves(&other));
    }
}
