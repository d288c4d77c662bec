//! `cargo xtask real-odoo`: a real Odoo server on this machine, to test against.
//!
//! Debian packages Odoo 14 and 19, so each is installed with `debootstrap` into a
//! root folder of its own in the cache. A database with demo data is made once and
//! kept as a template, so that a fresh one is a matter of seconds. The servers
//! listen on loopback and go on running until `down`.

mod borrowed;
mod database;
mod odoo_program;
mod release;
mod root_folder;
mod server;
mod state;
mod volume;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;

use crate::{cache, lock, postgres, privilege};
pub(crate) use borrowed::Borrowed;
use database::Databases;
pub(crate) use release::Release;
use root_folder::RootFolder;
use state::State;
use volume::Volume;

const POSTGRES_PORT: u16 = 18432;
const ONLY_19_MULTIPLIES: &str = "only Odoo 19 can multiply its demo data (`odoo populate`)";

/// Install, start and stop a real Odoo 14 or 19 to test against
///
/// The first `up` of a version takes about five minutes, each further one a few
/// seconds. `up` prints the environment to use, so in a shell:
///
///   eval "$(cargo xtask real-odoo up 19)"
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start it on a fresh database with demo data; install it first where needed
    Up(Up),
    /// Stop it, and its PostgreSQL when nothing else uses that
    Down {
        /// The version of Odoo
        version: Release,
    },
    /// Say what runs, where, and with which environment
    Status {
        /// The version of Odoo; without it, all
        version: Option<Release>,
    },
    /// Make a database of many records and keep it for `up` with the same numbers (19 only)
    Populate {
        /// The version of Odoo
        version: Release,
        #[command(flatten)]
        volume: Volume,
    },
}

#[derive(clap::Args)]
struct Up {
    /// The version of Odoo
    version: Release,
    /// Keep the database of the last time, with all changes made to it
    #[arg(long, conflicts_with_all = ["products", "orders", "moves"])]
    keep: bool,
    /// Worker processes; 0 is one process with threads
    #[arg(long, default_value_t = 0)]
    workers: u16,
    #[command(flatten)]
    volume: Volume,
    /// The loopback port of Odoo [default: 18014 or 18019]
    #[arg(long)]
    port: Option<u16>,
    /// The loopback port of Odoo's PostgreSQL, where that is not running yet
    #[arg(long, default_value_t = POSTGRES_PORT)]
    postgres_port: u16,
}

/// Runs one of the actions, as root: it is about root folders and their owners.
pub(crate) fn run(args: &Args) -> Result<()> {
    privilege::become_root()?;
    // Two of these at once would install over each other.
    let _lock = lock::hold(
        &cache::folder()?.join("real-odoo.lock"),
        "real-odoo command",
    )?;
    match &args.action {
        Action::Up(up_args) => up(up_args),
        Action::Down { version } => down(*version),
        Action::Status { version } => status(*version),
        Action::Populate { version, volume } => populate(*version, *volume),
    }
}

fn up(args: &Up) -> Result<()> {
    let release = args.version;
    ensure!(
        args.volume.is_plain() || release.can_multiply(),
        ONLY_19_MULTIPLIES
    );
    let port = args.port.unwrap_or(release.default_port());
    let root = RootFolder::ensure(release)?;
    let databases = Databases::start(release, &root, args.postgres_port)?;
    let api_key = databases.ensure_template()?;
    databases.ensure_volume(args.volume)?;

    let wanted = server::Settings {
        port,
        workers: args.workers,
    };
    if args.keep && databases.has_working()? {
        if let Some(state) = State::of_running(release)?.filter(|state| state.serves(&wanted)) {
            println!("{}", state.environment().to_shell());
            return Ok(());
        }
        stop_server(release)?;
    } else {
        stop_server(release)?;
        databases.reset_working(args.volume)?;
    }

    let process = server::start(release, &root, &wanted)?;
    let state = State {
        version: release,
        url: format!("http://127.0.0.1:{port}"),
        database: release.working_database(),
        user: "admin".to_owned(),
        password: "admin".to_owned(),
        api_key,
        port,
        workers: args.workers,
        process,
        postgres_url: databases.url(&release.working_database()),
        log: server::log_file(release)?,
    };
    state.save()?;
    server::wait_until_it_answers(&state)?;
    println!("{}", state.environment().to_shell());
    Ok(())
}

fn down(release: Release) -> Result<()> {
    stop_server(release)?;
    for other in Release::ALL {
        if State::of_running(other)?.is_some() {
            return Ok(());
        }
    }
    match postgres::Cluster::running(&postgres_folder()?) {
        Some(cluster) => cluster.stop(),
        None => Ok(()),
    }
}

fn status(only: Option<Release>) -> Result<()> {
    for release in Release::ALL {
        if only.is_some_and(|only| only != release) {
            continue;
        }
        match State::of_running(release)? {
            Some(state) => println!("{}\n", state.describe()),
            None if RootFolder::is_installed(release)? => {
                println!("# Odoo {release} is installed and not running\n");
            }
            None => println!("# Odoo {release} is not installed\n"),
        }
    }
    Ok(())
}

fn populate(release: Release, volume: Volume) -> Result<()> {
    ensure!(release.can_multiply(), ONLY_19_MULTIPLIES);
    ensure!(
        !volume.is_plain(),
        "nothing is to be multiplied: say how many --products, --orders or --moves"
    );
    let root = RootFolder::ensure(release)?;
    let databases = Databases::start(release, &root, POSTGRES_PORT)?;
    databases.ensure_template()?;
    databases.ensure_volume(volume)?;
    println!(
        "use it with: cargo xtask real-odoo up {release}{}",
        volume.options()
    );
    Ok(())
}

fn stop_server(release: Release) -> Result<()> {
    match State::of_running(release)? {
        Some(state) => server::stop(&state),
        None => Ok(()),
    }
}

/// Where everything about one version is kept.
fn folder(release: Release) -> Result<PathBuf> {
    let folder = cache::folder()?.join(format!("odoo-{release}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// One cluster serves all versions.
fn postgres_folder() -> Result<PathBuf> {
    Ok(cache::folder()?.join("odoo-postgres"))
}
