//! A function as Lambda runs it: the release build, a process of its own, under a Runtime
//! API on loopback. Nothing of cargo-lambda's stands between it and the clock.

use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use local_aws::{Invocation, Outcome, RuntimeApi};
use serde_json::Value;
use shared::specs::DataType;

use crate::child::Server;
use crate::odoo_environment::OdooEnvironment;
use crate::{cache, function_environment, memory};

const GLANCE: Duration = Duration::from_millis(200);
/// The longest that Lambda lets a function run.
const INVOCATION_LIMIT: Duration = Duration::from_secs(900);

/// A running function; it ends when this is dropped.
pub(super) struct Function {
    name: String,
    process: Server,
    runtime_api: RuntimeApi,
}

impl Function {
    /// Starts the function of a data type from the folder of programs.
    pub(super) async fn start(
        spec: &DataType,
        programs: &Path,
        odoo: &OdooEnvironment,
        database_url: &str,
    ) -> Result<Self> {
        let name = spec.function_name();
        let mut command = Command::new(programs.join(&name));
        function_environment::set(&mut command, odoo, database_url);
        // Else a run right after another reads the last changes again.
        command.env("SYNC_OVERLAP_SECONDS", "0");
        Self::run(name, command).await
    }

    /// Starts `api`, whose callers have this key. It is told of no Odoo.
    pub(super) async fn start_api(programs: &Path, database_url: &str, key: &str) -> Result<Self> {
        let name = "api".to_owned();
        let mut command = Command::new(programs.join(&name));
        function_environment::set_without_odoo(&mut command, database_url);
        command.env("SYNC_API_KEY", key);
        Self::run(name, command).await
    }

    async fn run(name: String, mut command: Command) -> Result<Self> {
        let runtime_api = RuntimeApi::start().await?;
        command.envs(runtime_api.variables(&name));
        let log = cache::log_file(&format!("bench-{name}"))?;
        Ok(Self {
            process: Server::start(&name, &command, &log)?,
            name,
            runtime_api,
        })
    }

    /// One sync, from the event to the answer's `data`.
    pub(super) async fn sync(&mut self, event: &Value) -> Result<Value> {
        let mut answer = self.invoke(event).await?;
        ensure!(answer["success"] == true, "it answered {answer}");
        Ok(answer["data"].take())
    }

    /// One invocation, from the event to the answer.
    pub(super) async fn invoke(&mut self, event: &Value) -> Result<Value> {
        let invocation = Invocation::new(&self.name, "bench", INVOCATION_LIMIT, event.to_string());
        let mut invoked = pin!(self.runtime_api.invoke(invocation));
        loop {
            tokio::select! {
                outcome = &mut invoked => return read(&outcome?),
                () = tokio::time::sleep(GLANCE) => self.process.check()?,
            }
        }
    }

    /// The most memory it ever had resident, in bytes.
    pub(super) fn peak_memory(&self) -> Result<u64> {
        memory::peak(self.process.id())
    }
}

fn read(outcome: &Outcome) -> Result<Value> {
    match outcome {
        Outcome::Response(body) => serde_json::from_slice(body).context("the answer is not JSON"),
        Outcome::Error(body) => bail!("it failed: {}", String::from_utf8_lossy(body)),
    }
}
