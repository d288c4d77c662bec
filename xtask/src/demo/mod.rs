//! `cargo xtask demo`: the whole thing on this machine, from nothing. An Odoo, a database,
//! the functions with routes and event bus as AWS would run them, one sync of every data type
//! through HTTP, and the proof that the mirror holds as many rows as Odoo does.

mod comparison;
mod exports;
mod functions;
mod guide;
mod odoo;
mod sync;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use shared::config::Config;
use shared::odoo::OdooClient;
use shared::specs::REGISTRY;

use crate::postgres::{Cluster, RunningCluster, free_port};
use crate::progress::Step;
use crate::real_odoo::Release;
use crate::workspace::Workspace;
use crate::{child, function_environment, lock, migrate, runtime};
use comparison::Comparison;
use functions::Functions;
use odoo::DemoOdoo;
use sync::Watched;

const DATABASE: &str = "demo";

/// Try it: an Odoo, a database, the functions, and a sync of every data type
///
/// Needs nothing but Rust on Debian or Ubuntu: PostgreSQL is installed through apt, and
/// cargo-lambda and moto from PyPI, where they are missing. Starts a private PostgreSQL under
/// target/, an Odoo, and the functions, with the routes, the bus and the rules of
/// template.yaml; syncs every data type through HTTP, compares the numbers of rows, and goes
/// on serving until Ctrl-C. Ends with 1 if a number differs.
///
/// `--odoo sim` simulates an Odoo 19 with a shop of a thousand products. `14` and `19`
/// are real ones (see `cargo xtask real-odoo`); the first time takes some minutes.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The Odoo to sync from
    #[arg(long, value_enum, default_value = "sim")]
    odoo: Choice,
    /// End after the comparison
    #[arg(long)]
    exit: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Sim,
    #[value(name = "14")]
    Odoo14,
    #[value(name = "19")]
    Odoo19,
}

impl Choice {
    /// The version of the real Odoo that was chosen, if one was.
    fn release(self) -> Option<Release> {
        match self {
            Self::Sim => None,
            Self::Odoo14 => Some(Release::V14),
            Self::Odoo19 => Some(Release::V19),
        }
    }
}

/// Sets everything up, syncs, compares, serves. What was started ends on the way out.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let folder = workspace.scratch("demo")?;
    let _lock = lock::hold(&folder.join("lock"), "`cargo xtask demo`")?;
    child::run_to_success(workspace.cargo().args(["build", "--workspace", "--bins"]))?;

    let cluster = start_database(Cluster::prepare(&folder.join("postgres"), free_port()?)?)?;
    let odoo = DemoOdoo::start(args.odoo.release(), &workspace)?;
    let database_url = cluster.url(DATABASE);
    let config = function_environment::config(odoo.environment(), &database_url)?;
    migrate::apply(&config.postgres)?;
    let mut functions = Functions::start(&workspace, &folder, odoo.environment(), &database_url)?;

    let comparison = runtime::block_on(sync_all(&config, &functions, &database_url))??;
    println!("{}", comparison.table());
    ensure!(
        comparison.is_equal(),
        "the mirror and Odoo differ; the functions' log: {}",
        functions.log().display()
    );
    if args.exit {
        return Ok(());
    }
    guide::print(&functions, &odoo, &database_url);
    functions.serve_until_interrupt()
}

/// An empty database on the cluster, which is running from here on.
fn start_database(cluster: Cluster) -> Result<RunningCluster> {
    let cluster = cluster.start_for_now(&[])?;
    cluster.drop_database(DATABASE)?;
    cluster.sql("postgres", &[&format!("create database {DATABASE}")])?;
    Ok(cluster)
}

async fn sync_all(
    config: &Config,
    functions: &Functions,
    database_url: &str,
) -> Result<Comparison> {
    let odoo = OdooClient::new(&config.odoo)?;
    let mirror = sync::Mirror::connect(database_url).await?;
    let step = Step::start("Logging in to Odoo");
    odoo.connect().await?;
    step.done();
    let watched = Watched {
        functions,
        odoo: &odoo,
        mirror: &mirror,
    };
    watched.sync_all().await?;
    let mut comparison = Comparison::default();
    for spec in REGISTRY {
        let (answer, counts) = watched.outcome(spec).await?;
        comparison.add(spec, answer, counts);
    }
    Ok(comparison)
}
