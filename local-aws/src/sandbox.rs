//! The processes of the functions, as Lambda's workers run them: started with the first event,
//! one event at a time each, ended at their deadline, and missed when they crash.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Bytes;
use reqwest::{Client, StatusCode};
use serde_json::json;
use shared::tls::http_client;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::runtime_api::{Invocation, Outcome, REQUEST_ID, RuntimeApi};
use crate::template::Function;

/// Pause after `cargo lambda watch` could not be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// What the processes are.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The folder with the binaries, such as `target/debug`.
    pub binaries: PathBuf,
    /// Their variables. They have these and what Lambda sets, and no others.
    pub variables: Vec<(String, String)>,
    /// Address of `cargo lambda watch`, such as `http://127.0.0.1:9000`.
    pub url: String,
    /// How many processes of one function there may be at once. Two events at once need two.
    pub concurrency: usize,
    /// The limit of one invocation, in place of the template's.
    pub timeout: Option<Duration>,
    /// Where they log to; what is there is kept.
    pub log: PathBuf,
}

/// The running sandboxes; they end, with their processes, when this is dropped.
#[derive(Debug)]
pub struct Sandboxes {
    tasks: Vec<JoinHandle<()>>,
}

impl Sandboxes {
    /// Waits for events of these functions. A process is started with its first event.
    ///
    /// # Errors
    /// Where no HTTP client can be made or the log cannot be written.
    pub fn start(functions: &[Function], config: SandboxConfig) -> Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&config.log)
            .with_context(|| format!("cannot write {}", config.log.display()))?;
        let shared = Arc::new(Shared {
            http: http_client().no_proxy().build()?,
            config,
            log,
        });
        let mut tasks = Vec::new();
        for function in functions {
            for _ in 0..shared.config.concurrency {
                let sandbox = Sandbox {
                    shared: Arc::clone(&shared),
                    function: function.clone(),
                    worker: None,
                };
                tasks.push(tokio::spawn(sandbox.serve()));
            }
        }
        Ok(Self { tasks })
    }
}

impl Drop for Sandboxes {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Shared {
    config: SandboxConfig,
    http: Client,
    log: File,
}

struct Sandbox {
    shared: Arc<Shared>,
    function: Function,
    worker: Option<Worker>,
}

/// A process with its Runtime API.
struct Worker {
    api: RuntimeApi,
    process: Child,
}

/// An event that `cargo lambda watch` has handed out.
struct Taken {
    request_id: String,
    event: Bytes,
}

impl Sandbox {
    async fn serve(mut self) {
        loop {
            match self.next().await {
                Ok(taken) => {
                    let outcome = self.work(&taken).await;
                    // Who asked may be gone.
                    let _ = self.answer(&taken, outcome).await;
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn invocations(&self) -> String {
        let (url, binary) = (&self.shared.config.url, &self.function.binary);
        format!("{url}/.rt/{binary}/2018-06-01/runtime/invocation")
    }

    async fn next(&self) -> Result<Taken> {
        let address = format!("{}/next", self.invocations());
        let answer = self.shared.http.get(address).send().await?;
        anyhow::ensure!(answer.status() == StatusCode::OK, "no event");
        let id = answer.headers().get(REQUEST_ID);
        let request_id = id.context("an event has no id")?.to_str()?.to_owned();
        Ok(Taken {
            request_id,
            event: answer.bytes().await?,
        })
    }

    async fn answer(&self, taken: &Taken, outcome: Outcome) -> Result<()> {
        let (kind, body) = match outcome {
            Outcome::Response(body) => ("response", body),
            Outcome::Error(body) => ("error", body),
        };
        let address = format!("{}/{}/{kind}", self.invocations(), taken.request_id);
        self.shared.http.post(address).body(body).send().await?;
        Ok(())
    }

    /// What the process makes of it, or what Lambda says in its place.
    async fn work(&mut self, taken: &Taken) -> Outcome {
        let timeout = self.shared.config.timeout.unwrap_or(self.function.timeout);
        let invocation = Invocation::new(
            &self.function.name,
            &taken.request_id,
            timeout,
            taken.event.clone(),
        );
        let mut worker = match self.worker().await {
            Ok(worker) => worker,
            Err(error) => return failed(taken, "Runtime.InvalidEntrypoint", &format!("{error:#}")),
        };
        let outcome = tokio::select! {
            biased;
            outcome = worker.api.invoke(invocation) => outcome.map_err(|error| {
                failed(taken, "Runtime.ExitError", &format!("{error:#}"))
            }),
            status = worker.process.wait() => {
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(failed(taken, "Runtime.ExitError", &format!("Error: Runtime exited with error: {how}")))
            }
            () = tokio::time::sleep(timeout) => {
                let seconds = timeout.as_secs_f32();
                Err(failed(taken, "Sandbox.Timedout", &format!("Error: Task timed out after {seconds:.2} seconds")))
            }
        };
        match outcome {
            Ok(outcome) => {
                self.worker = Some(worker);
                outcome
            }
            // The process is killed when it is dropped; the next event has a new one.
            Err(failure) => failure,
        }
    }

    /// The process that is there, if it lives, or a new one.
    async fn worker(&mut self) -> Result<Worker> {
        if let Some(mut worker) = self.worker.take()
            && matches!(worker.process.try_wait(), Ok(None))
        {
            return Ok(worker);
        }
        let config = &self.shared.config;
        let api = RuntimeApi::start().await?;
        let binary = &self.function.binary;
        let mut command = Command::new(config.binaries.join(binary));
        command
            .env_clear()
            .envs(config.variables.iter().cloned())
            .envs(api.variables(&self.function.name))
            .stdin(Stdio::null())
            .stdout(self.shared.log.try_clone()?)
            .stderr(self.shared.log.try_clone()?)
            // A terminal's Ctrl-C is for who started us; these end with us.
            .process_group(0)
            .kill_on_drop(true);
        let process = command
            .spawn()
            .with_context(|| format!("{binary} does not start"))?;
        Ok(Worker { api, process })
    }
}

/// Lambda's own words for a process that did not answer.
fn failed(taken: &Taken, kind: &str, why: &str) -> Outcome {
    let message = format!("RequestId: {} {why}", taken.request_id);
    let body = json!({"errorType": kind, "errorMessage": message});
    Outcome::Error(Bytes::from(body.to_string()))
}
