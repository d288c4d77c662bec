//! Starting a real Odoo in the background, waiting for it, and stopping it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use shared::tls::trust_system;

use super::odoo_program;
use super::release::Release;
use super::root_folder::RootFolder;
use super::state::State;
use crate::daemon::{self, Daemon};
use crate::postgres;
use crate::progress::{Step, last_lines};

/// A first start loads a few hundred models, on a busy machine slowly.
const START_LIMIT: Duration = Duration::from_secs(180);
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How a server is to run.
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) workers: u16,
}

/// Starts a server on the working database and returns its process.
pub(super) fn start(release: Release, root: &RootFolder, settings: &Settings) -> Result<Daemon> {
    ensure!(
        postgres::is_free(settings.port),
        "port {} of 127.0.0.1, which Odoo {release} is to use, is taken by another program: \
         choose one with --port",
        settings.port
    );
    let mut command = odoo_program::command(root, &[]);
    command
        .args(["--database", &release.working_database()])
        .arg(format!("--http-port={}", settings.port))
        .arg(format!("--workers={}", settings.workers));
    Daemon::spawn(&command, &log_file(release)?)
}

/// Waits until the administrator can log in.
pub(super) fn wait_until_it_answers(state: &State) -> Result<()> {
    let step = Step::start(format!("Starting Odoo {} at {}", state.version, state.url));
    let client = Client::builder()
        .tls_backend_preconfigured(trust_system())
        .timeout(REQUEST_LIMIT)
        .no_proxy()
        .build()
        .context("cannot make an HTTP client")?;
    let mut ended = false;
    let answers = daemon::wait_until(START_LIMIT, || {
        ended = !state.is_running();
        ended || login(&client, state).is_ok_and(|user| user.is_u64())
    });
    if ended || !answers {
        let log = fs::read_to_string(&state.log).unwrap_or_default();
        bail!(
            "Odoo {} {}\n{}\n(all of it: {})",
            state.version,
            if ended {
                "ended at once"
            } else {
                "does not answer"
            },
            last_lines(&log),
            state.log.display()
        );
    }
    step.done();
    Ok(())
}

/// Stops the server and its workers.
pub(super) fn stop(state: &State) -> Result<()> {
    let step = Step::start(format!("Stopping Odoo {}", state.version));
    state.process.stop()?;
    step.done();
    Ok(())
}

pub(super) fn log_file(release: Release) -> Result<PathBuf> {
    Ok(super::folder(release)?.join("server.log"))
}

/// The user's id, or `false`.
fn login(client: &Client, state: &State) -> reqwest::Result<Value> {
    let call = json!({
        "jsonrpc": "2.0", "method": "call", "id": 1,
        "params": {
            "service": "common", "method": "authenticate",
            "args": [state.database, state.user, state.password, {}],
        },
    });
    let answer: Value = client
        .post(format!("{}/jsonrpc", state.url))
        .json(&call)
        .send()?
        .json()?;
    Ok(answer["result"].clone())
}
