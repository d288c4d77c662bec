//! The functions as AWS would run them: routes and bus from `template.yaml`, moto as
//! EventBridge, and the processes in sandboxes of ours behind `cargo lambda watch`.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Duration;

use anyhow::{Context, Result};
use local_aws::{
    Aws, Bus, DeadLetters, Relay, RetryDelay, SandboxConfig, Sandboxes, Template, router_toml,
};
use serde_json::{Map, Value};
use shared::specs::{DataType, PRODUCTS, REGISTRY};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::exports::{AwsVariables, Exports};
use crate::child::Server;
use crate::moto::Moto;
use crate::odoo_environment::OdooEnvironment;
use crate::postgres::{free_port, is_free};
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{cache, cargo_lambda, function_environment};

/// Where `cargo lambda invoke` looks when it is not told.
const USUAL_PORT: u16 = 9000;
const START_LIMIT: Duration = Duration::from_secs(60);
const BUS: &str = "demo";
/// Of the dead-letter queues' names, as a stack's. The secret's name as well.
const STACK: &str = "demo";
/// What the functions have else is in their environment.
const SECRET: &str = "{}";
const BUCKET: &str = "demo-backups";
/// A second caller gets its 409 from a second process.
const PROCESSES_PER_FUNCTION: usize = 2;
/// On Lambda it is a minute.
const RETRY_DELAY: RetryDelay = RetryDelay(Duration::from_secs(1));

/// The running functions; they end when this is dropped, in the order of its fields.
pub(super) struct Functions {
    _relay: Relay,
    _sandboxes: Sandboxes,
    _runtime: Runtime,
    server: Server,
    _moto: Moto,
    port: u16,
    key: String,
    hook_token: String,
    aws: Box<AwsVariables>,
    dead_letters_url: String,
    log: PathBuf,
    programs: PathBuf,
}

impl Functions {
    /// Starts all that `template.yaml` names; each comes up with its
    /// first event.
    pub(super) fn start(
        workspace: &Workspace,
        folder: &Path,
        odoo: &OdooEnvironment,
        database_url: &str,
    ) -> Result<Self> {
        let binaries = workspace.target.join("debug");
        let template = Template::read(&workspace.root.join("template.yaml"))?;
        let programs = cargo_lambda::programs()?;
        let moto = Moto::start("demo")?;

        let step = Step::start("Starting the functions (cargo lambda watch)");
        let port = if is_free(USUAL_PORT) {
            USUAL_PORT
        } else {
            free_port()?
        };
        let routes = folder.join("routes.toml");
        fs::write(&routes, router_toml(&template))
            .with_context(|| format!("cannot write {}", routes.display()))?;
        let mut server = watch(workspace, &programs, port, &routes)?;
        server.wait_until(START_LIMIT, |_| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })?;

        let aws = Aws::at(moto.url())?;
        let key = Uuid::new_v4().simple().to_string();
        let hook_token = Uuid::new_v4().simple().to_string();
        let mut variables = function_environment::variables(odoo, database_url, BUS);
        variables.push(("SYNC_API_KEY".to_owned(), key.clone()));
        variables.push(("SYNC_HOOK_TOKENS".to_owned(), hook_tokens(&hook_token)));
        variables.push(("SYNC_BACKUP_BUCKET".to_owned(), BUCKET.to_owned()));
        variables.extend(
            aws.variables()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        // What is put into it overrides the variables, as on AWS, once a function's process is a new one.
        variables.push(("SYNC_SECRET_ID".to_owned(), STACK.to_owned()));
        let runtime = runtime()?;
        let (bus, dead_letters) = runtime.block_on(async {
            aws.create_bucket(BUCKET).await?;
            aws.create_secret(STACK, SECRET).await?;
            let bus = Bus::create(&aws, BUS, &template).await?;
            let dead_letters = DeadLetters::create(&aws, STACK, &template).await?;
            anyhow::Ok((bus, dead_letters))
        })?;
        let dead_letters_url = dead_letters.pattern(PRODUCTS.name)?;
        variables.push(("SYNC_DEAD_LETTERS_URL".to_owned(), dead_letters_url.clone()));
        let log = cache::log_file("demo-functions")?;
        fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
        let url = format!("http://127.0.0.1:{port}");
        let config = SandboxConfig {
            binaries,
            variables,
            url: url.clone(),
            concurrency: PROCESSES_PER_FUNCTION,
            timeout: None,
            log: log.clone(),
        };
        let (relay, sandboxes) = runtime.block_on(async {
            let relay = Relay::start(&aws, &bus, dead_letters, &template, &url, RETRY_DELAY)?;
            anyhow::Ok((relay, Sandboxes::start(&template.functions, config)?))
        })?;
        step.done();
        Ok(Self {
            _relay: relay,
            _sandboxes: sandboxes,
            _runtime: runtime,
            server,
            aws: aws.variables().into(),
            dead_letters_url,
            _moto: moto,
            port,
            key,
            hook_token,
            log,
            programs,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The route that starts a sync.
    pub(super) fn url(&self, spec: &DataType) -> String {
        self.address(&format!("/api/sync/{}", spec.name))
    }

    /// The route that starts a sync of all data types.
    pub(super) fn url_of_all(&self) -> String {
        self.address("/api/sync/all")
    }

    /// The route that says how far they are.
    pub(super) fn url_of_status(&self) -> String {
        self.address("/api/sync/status")
    }

    /// The page for a browser.
    pub(super) fn url_of_dashboard(&self) -> String {
        self.address("/api/sync/dashboard")
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The route that Odoo's webhooks call, with its token.
    pub(super) fn url_of_hook(&self, spec: &DataType) -> String {
        let token = &self.hook_token;
        self.address(&format!("/api/sync/hooks/odoo/{}?token={token}", spec.name))
    }

    /// What the commands of README and docs need.
    pub(super) fn exports<'a>(
        &'a self,
        odoo: &'a OdooEnvironment,
        database_url: &'a str,
    ) -> Exports<'a> {
        let queues = self.dead_letters_url.rsplit_once('/');
        Exports {
            api: self.address(""),
            key: &self.key,
            odoo,
            database_url,
            aws: &self.aws,
            stack: STACK,
            queues: queues.map_or("", |(before, _)| before),
            bucket: BUCKET,
            log: self.log.to_str().unwrap_or_default(),
            process: process::id(),
        }
    }

    /// The queue with what the function of a data type could not take.
    pub(super) fn dead_letters(&self, spec: &DataType) -> String {
        self.dead_letters_url.replace("{dataType}", spec.name)
    }

    /// The route that puts it back on the bus.
    pub(super) fn url_of_replay(&self, spec: &DataType) -> String {
        self.address(&format!("/api/sync/replay/{}", spec.name))
    }

    /// What callers send as their bearer.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What the functions log.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The folder with the program `cargo-lambda`.
    pub(super) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Returns when somebody asks this process to end; fails if the functions end before.
    pub(super) fn serve_until_interrupt(&mut self) -> Result<()> {
        self.server.wait_for_interrupt()
    }
}

/// `cargo lambda watch` without its own way to start functions (see `local_aws`), and without
/// the headers for browsers that it would add.
fn watch(workspace: &Workspace, programs: &Path, port: u16, routes: &Path) -> Result<Server> {
    let mut command = Command::new(programs.join("cargo-lambda"));
    command
        .current_dir(&workspace.root)
        .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
        .args(["--invoke-address", "127.0.0.1"])
        .args(["--invoke-port", &port.to_string()])
        .arg("--global")
        .arg(routes);
    let log = cache::log_file("demo-watch")?;
    Server::start("cargo lambda watch", &command, &log)
}

/// One token for the hooks of all data types; deployed, each has its own.
fn hook_tokens(token: &str) -> String {
    let tokens = REGISTRY
        .iter()
        .map(|spec| (spec.name.to_owned(), Value::from(token)));
    Value::Object(tokens.collect::<Map<_, _>>()).to_string()
}

/// Relay and sandboxes work beside this thread, which waits for other things.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start an asynchronous runtime")
}
