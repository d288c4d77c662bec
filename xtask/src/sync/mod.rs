//! `cargo xtask sync`: one data type, synced by the functions' own engine on the operator's machine, where
//! no deadline of Lambda's cuts it into slices.
//!
//! Lease, windows and the record of the run are those of the functions, so that either finds the
//! other busy and goes on with what the other left. What a person sees of it is read from Postgres
//! over a connection beside the run's.

mod course;
mod glance;
mod screen;
mod summary;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use shared::config::Config;
use shared::specs::{DataType, REGISTRY};
use shared::sync::request::{Mode, SyncRequest, Trigger};
use shared::sync::{Outcome, Overseer, RunFailure, Syncer};
use tokio::time::Instant;

use crate::signals::Signals;
use crate::{INTERRUPTED, child, runtime};
use glance::Watcher;
use screen::Screen;

/// How often the run is looked at.
const GLANCE: Duration = Duration::from_millis(300);
/// A run takes hours at the most.
const NO_DEADLINE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Sync one data type from here, with progress, for as long as it takes
///
/// For a first fill, or a full or reconcile that no Lambda deadline should cut. Reads the variables of the
/// functions (ODOO_*, SUPABASE_DB_URL, SYNC_*), but no secret of AWS's, and tells no event bus. While it is on, the
/// functions find the data type busy; an unfinished run that it finds it finishes first.
///
/// Ctrl-C commits the page that is on and hands the run over: the next sync of that data type, from here or by a
/// function, goes on there. A second Ctrl-C ends it at once; the run can be taken over a minute later.
/// Ends with 0 only if the sync succeeded, with 130 after Ctrl-C.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// What to sync
    #[arg(value_name = "TYPE", value_parser = data_type())]
    data_type: &'static DataType,
    /// What to read: what changed, everything, or what differs by ids and change times
    #[arg(long, value_enum, default_value = "incremental")]
    mode: Reading,
    /// Let it delete more than SYNC_DELETE_GUARD_PERCENT of a table
    #[arg(long)]
    confirm_deletes: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reading {
    Incremental,
    Full,
    Reconcile,
}

impl From<Reading> for Mode {
    fn from(reading: Reading) -> Self {
        match reading {
            Reading::Incremental => Self::Incremental,
            Reading::Full => Self::Full,
            Reading::Reconcile => Self::Reconcile,
        }
    }
}

fn data_type() -> impl TypedValueParser<Value = &'static DataType> {
    PossibleValuesParser::new(REGISTRY.iter().map(|spec| spec.name))
        .map(|name| DataType::find(&name).expect("the names are those of the registry"))
}

/// Syncs, shows how far it is, and says what came of it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = Config::from_env().map_err(summary::told)?;
    runtime::block_on(sync(args, &config))?
}

async fn sync(args: &Args, config: &Config) -> Result<()> {
    let spec = args.data_type;
    let mut syncer = Syncer::new(config.clone()).map_err(summary::told)?;
    let overseer = syncer.overseer();
    let request = SyncRequest {
        mode: args.mode.into(),
        confirm_deletes: args.confirm_deletes,
        ..SyncRequest::default()
    };
    let screen = Screen::new(spec);
    let mut watcher = Watcher::new(spec, config);
    let mut signals = Signals::listen()?;
    let until = Instant::now() + NO_DEADLINE;
    // Boxed: a run's future is large.
    let running = Box::pin(syncer.run(spec, &request, Trigger::Invoke, until));
    let outcome = tokio::select! {
        biased;
        () = heed(&mut signals, &overseer, &screen) => bail!("interrupted"),
        outcome = running => outcome,
        () = follow(&overseer, &mut watcher, &screen) => bail!("nobody watches the run any more"),
    };
    if let Some(begun) = overseer.begun()
        && let Some(seen) = watcher.glance(begun.run_id).await
    {
        screen.begins(begun);
        screen.shows(&seen);
    }
    screen.ends();
    tell(outcome, spec, &mut watcher).await
}

/// Shows how far the run is until it is dropped.
async fn follow(overseer: &Overseer, watcher: &mut Watcher, screen: &Screen) {
    loop {
        tokio::time::sleep(GLANCE).await;
        if let Some(begun) = overseer.begun() {
            screen.begins(begun);
            if let Some(seen) = watcher.glance(begun.run_id).await {
                screen.shows(&seen);
            }
        }
    }
}

async fn tell(
    outcome: Result<Outcome, RunFailure>,
    spec: &DataType,
    watcher: &mut Watcher,
) -> Result<()> {
    match outcome {
        Ok(Outcome::Finished(report)) => {
            println!("{}", summary::of_success(&report));
            println!("{}", watcher.findings().await);
            Ok(())
        }
        Ok(Outcome::HandedOver { report, .. }) => {
            eprintln!("{}", summary::of_hand_over(&report));
            bail!("stopped before the run was over")
        }
        // It was asked for no slice, and by no batch.
        Ok(Outcome::Repeated { .. }) => bail!("{} was not synced", spec.name),
        Err(failure) => {
            if let Some(report) = &failure.report {
                eprintln!("{}", summary::of_failure(report));
            }
            if let Some(running) = failure.running {
                eprintln!("{}", watcher.describe(running).await);
            }
            let error = summary::told(failure.error);
            // Whoever pressed Ctrl-C is else told of that alone.
            if child::is_interrupted() {
                eprintln!("error: {error:#}");
            }
            Err(error)
        }
    }
}

/// Asks the run to stop where it can go on later, and ends this process when asked again.
async fn heed(signals: &mut Signals, overseer: &Overseer, screen: &Screen) {
    signals.next().await;
    // A run that comes to its end all the same has succeeded.
    child::interrupt();
    overseer.stop();
    screen.says("stopping after the page that is on; Ctrl-C again ends it at once");
    signals.next().await;
    screen.ends();
    eprintln!("ended at once: the run can be taken over a minute from now");
    std::process::exit(INTERRUPTED.into());
}
