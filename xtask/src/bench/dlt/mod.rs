//! dlt (<https://dlthub.com>), the tool that a user would otherwise write a sync with: the same
//! fields from the same Odoo into the same Postgres, merged by id.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::odoo::OdooClient;
use shared::specs::DataType;

use super::Bench;
use super::floor::{IN_FLIGHT, PAGE, Resolved};
use crate::child;
use crate::odoo_environment::OdooEnvironment;
use crate::python::Tool;

const DLT: Tool = Tool {
    package: "dlt[postgres]",
    version: "1.31.0",
    with_dependencies: true,
};
const PIPELINE: &str = include_str!("pipeline.py");
/// The schema that it makes.
const DATASET: &str = "odoo_dlt";

/// A pipeline of one data type.
pub(super) struct Pipeline {
    /// `name`, `model` and `fields` of each stream.
    streams: Vec<Value>,
    python: PathBuf,
}

/// What one run was like.
pub(super) struct Run {
    /// Without the start of Python.
    pub(super) took: Duration,
    /// The most that was resident, in bytes.
    pub(super) memory: u64,
}

#[derive(Deserialize)]
struct Printed {
    seconds: f64,
    peak_bytes: u64,
}

impl Pipeline {
    /// Name and version, for whoever reads the figures.
    pub(super) fn title() -> String {
        format!("dlt {}", DLT.version)
    }

    /// Installs dlt where it is not, and asks Odoo for the fields that the function would read.
    pub(super) async fn prepare(spec: &'static DataType, client: &OdooClient) -> Result<Self> {
        let python = DLT.ensure()?.join("python");
        let mut streams = Vec::new();
        for stream in spec.streams {
            let server = client.fields_get(stream.model).await?;
            let fields = Resolved::new(stream, |name| server.contains_key(name)).fields;
            streams.push(json!({"name": stream.name, "model": stream.model, "fields": fields}));
        }
        Ok(Self { streams, python })
    }

    /// Fills a schema of its own in this database, by a pipeline that knows of no earlier run.
    pub(super) fn run(
        &self,
        bench: &Bench<'_>,
        odoo: &OdooEnvironment,
        database_url: &str,
    ) -> Result<Run> {
        let folder = bench.workspace.scratch("bench/dlt")?;
        fs::remove_dir_all(&folder)
            .and_then(|()| fs::create_dir_all(&folder))
            .with_context(|| format!("cannot empty {}", folder.display()))?;
        let program = folder.join("pipeline.py");
        let task_file = folder.join("task.json");
        let task = json!({
            "url": odoo.url, "database": odoo.database, "key": odoo.api_key,
            "postgres": database_url, "folder": folder,
            "page": PAGE, "in_flight": IN_FLIGHT, "streams": self.streams,
        });
        fs::write(&program, PIPELINE).context("cannot write the pipeline")?;
        fs::write(&task_file, task.to_string()).context("cannot write the pipeline's task")?;
        let mut command = Command::new(&self.python);
        // Its settings and logs are to be found nowhere else.
        command
            .arg(&program)
            .arg(&task_file)
            .env("DLT_DATA_DIR", &folder)
            .current_dir(&folder);
        let printed = child::read(&command)?;
        let last = printed.lines().last().unwrap_or_default();
        let printed: Printed = serde_json::from_str(last).context("dlt's answer is no JSON")?;
        self.expect_rows(bench)?;
        Ok(Run {
            took: Duration::try_from_secs_f64(printed.seconds).context("dlt's time is none")?,
            memory: printed.peak_bytes,
        })
    }

    /// That it brought what the function brought: who leaves rows out is fast.
    fn expect_rows(&self, bench: &Bench<'_>) -> Result<()> {
        for stream in &self.streams {
            let name = stream["name"].as_str().unwrap_or_default();
            let counted = bench.mirror.sql(&[&format!(
                "select (select count(*) from {DATASET}.{name}), (select count(*) from odoo.{name})"
            )])?;
            let (dlt, ours) = counted
                .split_once('|')
                .context("Postgres's answer is no pair")?;
            ensure!(
                dlt == ours,
                "dlt brought {dlt} rows of {name}, the function {ours}"
            );
        }
        Ok(())
    }
}
