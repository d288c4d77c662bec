//! Makes all streams of a run ready to be read: resolves their specs, and opens their
//! windows or goes on in those that an earlier holder of the run opened.
//!
//! All are made ready before the first is read: what is missing in Odoo fails the run
//! before its first page, and the first pages of a stream can be fetched while the last
//! ones of the stream before are being committed. Odoo is asked for the first ids while the
//! windows are put on record.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::try_join;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::fetch::{Fetch, Limits, Listing, joined};
use super::plan::Plan;
use super::request::Mode;
use super::window::{self, Observed, Range, Window};
use crate::config::{Config, OdooConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::hooks;
use crate::metadata::lease::Lease;
use crate::metadata::streams::{self, Fingerprints, NewWindow, Phase, Progress, StreamState};
use crate::mirror::database::{Database, Doing};
use crate::odoo::{Connected, OdooClient};
use crate::specs::{DataType, Stream};

/// A stream that is ready to be read.
pub(crate) struct Opened {
    pub(crate) stream: &'static Stream,
    pub(crate) plan: Arc<Plan>,
    pub(crate) progress: Progress,
    /// Runs in a row whose count of the source differed from the mirror's.
    pub(crate) count_mismatches: i32,
    /// Whether any row waited to be tried again when the run looked. One that it refuses itself
    /// is not due before the next run.
    pub(crate) has_rejects: bool,
}

/// What opening works with.
pub(crate) struct Opening<'a> {
    pub(crate) spec: &'static DataType,
    pub(crate) lease: &'a Lease,
    pub(crate) config: &'a Config,
    pub(crate) odoo: &'a OdooClient,
    pub(crate) database: &'a mut Database,
}

/// A stream whose spec is resolved, and its new window where it needs one.
struct Resolved {
    stream: &'static Stream,
    plan: Arc<Plan>,
    fingerprints: Fingerprints,
    progress: Progress,
    new: Option<Window>,
    count_mismatches: i32,
    has_rejects: bool,
}

/// What Postgres's clock said, and when it was asked.
#[derive(Clone, Copy)]
struct PostgresClock {
    told: Timestamp,
    asked: Instant,
}

impl PostgresClock {
    /// What it says by now, or a little more.
    fn now(&self) -> Timestamp {
        let elapsed = self.asked.elapsed();
        self.told.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

impl Opening<'_> {
    /// Makes the streams ready, in the order of the spec, and begins to fetch what is to be read.
    ///
    /// # Errors
    /// `odoo_schema` with the list of what Odoo lacks, `config` where the mirror was filled
    /// from another Odoo, and every other `odoo_*` and `db_*`.
    pub(crate) async fn all(mut self) -> Result<(Vec<Opened>, Fetch)> {
        // A login needs nothing of Postgres. It is waited for: a question asked beside one that
        // Odoo refuses would try the password again, and Odoo counts.
        let odoo = self.odoo.clone();
        let login = async move { odoo.connect().await };
        let login = AbortOnDropHandle::new(tokio::spawn(login.in_current_span()));
        // By Postgres's clock, and before Odoo is asked for its newest changes.
        let (clock, states) = self.load().await?;
        let reader = joined(self.lease.hold(self.database, login).await?)?;
        let resolved = self.resolve(&reader, clock, states).await?;
        // The first ids are asked for meanwhile; no row is read before its window is on record.
        let (on_record, may_read) = oneshot::channel();
        let fetch = self.fetch(&resolved, may_read);
        self.store(clock.told, &resolved).await?;
        // A task that has ended for an error tells that with its pages.
        let _ = on_record.send(());
        let opened = resolved.into_iter().map(Resolved::opened).collect();
        Ok((opened, fetch))
    }

    async fn load(&mut self) -> Result<(PostgresClock, Vec<StreamState>)> {
        let doing = "reading the streams' states";
        let (spec, run) = (self.spec, self.lease.run);
        let run_id = run.id;
        self.lease
            .transaction(self.database, doing, async |transaction| {
                let asked = Instant::now();
                let clock = async {
                    let row = transaction.query_typed_one("select clock_timestamp()", &[]);
                    row.await.doing(doing)
                };
                let answering = hooks::answer(transaction, spec.name, run.taken_over);
                let (row, ()) = try_join(clock, answering).await?;
                let mut states = Vec::with_capacity(spec.streams.len());
                for stream in spec.streams {
                    states.push(streams::load(transaction, stream, run_id).await?);
                }
                let told = row.try_get(0).doing(doing)?;
                Ok((PostgresClock { told, asked }, states))
            })
            .await
    }

    async fn resolve(
        &mut self,
        reader: &Connected,
        clock: PostgresClock,
        states: Vec<StreamState>,
    ) -> Result<Vec<Resolved>> {
        let (spec, config, odoo, mode) = (self.spec, self.config, self.odoo, self.lease.run.mode);
        let resolved = stream::iter(spec.streams.iter().zip(states))
            .map(|(stream, state)| async move {
                let plan = Plan::resolve(config, odoo, stream).await?;
                let fingerprints = fingerprints(config, odoo, reader, &plan);
                check_source(spec, stream, &state, &fingerprints)?;
                let (progress, new) = match stored(&state, &fingerprints) {
                    Some(progress) => (progress, None),
                    None => {
                        let observed = observe(odoo, &plan, clock).await?;
                        let reading = mode_of_window(mode, &state, &fingerprints);
                        let window =
                            window::open(reading, state.past, observed, config.sync.overlap);
                        (beginning(mode, window, &fingerprints), Some(window))
                    }
                };
                Ok(Resolved {
                    stream,
                    plan: Arc::new(plan),
                    fingerprints,
                    progress,
                    new,
                    count_mismatches: state.count_mismatches,
                    has_rejects: state.has_rejects,
                })
            })
            .buffered(config.sync.fetch_concurrency);
        self.lease
            .hold(self.database, all_or_errors(resolved))
            .await?
    }

    /// Starts to fetch what has not been read to its end.
    fn fetch(&self, streams: &[Resolved], may_read: oneshot::Receiver<()>) -> Fetch {
        let to_read = streams
            .iter()
            .filter(|resolved| resolved.progress.is_in(Phase::Read));
        let listings = to_read
            .map(|resolved| Listing {
                plan: Arc::clone(&resolved.plan),
                range: resolved.progress.range,
                after_id: resolved.progress.last_id,
            })
            .collect();
        let limits = Limits {
            page_size: self.config.sync.batch_size,
            in_flight: self.config.sync.fetch_concurrency,
        };
        Fetch::start(self.odoo.clone(), listings, limits, may_read)
    }

    async fn store(&mut self, opened_at: Timestamp, resolved: &[Resolved]) -> Result<()> {
        let (data_type, run_id) = (self.spec.name, self.lease.run.id);
        self.lease
            .transaction(self.database, "opening windows", async |transaction| {
                for resolved in resolved {
                    let Some(window) = resolved.new else {
                        continue;
                    };
                    let new = NewWindow {
                        data_type,
                        stream: resolved.stream,
                        run_id,
                        mode: resolved.progress.mode,
                        window,
                        opened_at,
                        fingerprints: &resolved.fingerprints,
                    };
                    streams::open(transaction, &new).await?;
                }
                Ok(())
            })
            .await
    }
}

impl Resolved {
    fn opened(self) -> Opened {
        Opened {
            stream: self.stream,
            plan: self.plan,
            progress: self.progress,
            count_mismatches: self.count_mismatches,
            has_rejects: self.has_rejects,
        }
    }
}

/// All of them; or what all of them lack in Odoo, so that a person can mend it at once; or
/// the first other error.
async fn all_or_errors<T>(outcomes: impl stream::Stream<Item = Result<T>>) -> Result<Vec<T>> {
    let mut outcomes = std::pin::pin!(outcomes);
    let mut all = Vec::new();
    let mut lacking = Vec::new();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(one) => all.push(one),
            Err(error) if error.kind() == ErrorKind::OdooSchema => lacking.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    if lacking.is_empty() {
        return Ok(all);
    }
    Err(Error::new(ErrorKind::OdooSchema, lacking.join("; ")))
}

fn fingerprints(
    config: &Config,
    odoo: &OdooClient,
    reader: &Connected,
    plan: &Plan,
) -> Fingerprints {
    let of = &config.odoo;
    Fingerprints {
        // Without a user or password that the URL may hold: a new one is no new Odoo.
        source: sha256(&format!("{:?}", (odoo.source_url(), odoo.database()))),
        read: sha256(&format!(
            "{:?}",
            (
                whoever(of, reader),
                &of.lang,
                of.company_id,
                plan.description()
            )
        )),
    }
}

/// As whom Odoo answers. An API key is its owner's, whatever ODOO_USER says; that stands in only
/// where Odoo did not tell.
fn whoever(config: &OdooConfig, reader: &Connected) -> String {
    match reader.uid {
        Some(uid) => uid.to_string(),
        None => config.user.clone(),
    }
}

/// Whether nothing is known, or what is known is this.
fn is_same(stored: Option<&String>, now: &String) -> bool {
    stored.is_none_or(|stored| stored == now)
}

fn check_source(
    spec: &DataType,
    stream: &Stream,
    state: &StreamState,
    now: &Fingerprints,
) -> Result<()> {
    if is_same(state.source_fingerprint.as_ref(), &now.source) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "the table {table} was filled from another Odoo than ODOO_URL and ODOO_DB name now: set them back, or empty the tables of {data_type} and reset it (POST /api/sync/reset/{data_type}) to fill them anew",
            table = stream.name,
            data_type = spec.name
        ),
    ))
}

/// The window that an earlier holder of this run opened, if it read as we do.
fn stored(state: &StreamState, now: &Fingerprints) -> Option<Progress> {
    let progress = state.progress.as_ref()?;
    let goes_on = progress.done || is_same(progress.read_fingerprint.as_ref(), &now.read);
    goes_on.then(|| progress.clone())
}

/// What was read with another user, language or set of columns is read again; so is what was
/// read with several, of which some may not have come to their end.
fn mode_of_window(mode: Mode, state: &StreamState, now: &Fingerprints) -> Mode {
    match &state.read_fingerprint {
        Some(read) if *read == now.read => mode,
        _ => Mode::Full,
    }
}

fn beginning(mode: Mode, window: Window, fingerprints: &Fingerprints) -> Progress {
    Progress {
        // Without a watermark an incremental run is a full one.
        mode: match window.range {
            Range::Everything => mode.max_with_full(),
            _ => mode,
        },
        phase: Phase::of(window.range),
        range: window.range,
        last_id: 0,
        rows_done: 0,
        done: false,
        read_fingerprint: Some(fingerprints.read.clone()),
    }
}

/// Asks Odoo for the newest change of a stream and of its related records.
async fn observe(odoo: &OdooClient, plan: &Plan, postgres: PostgresClock) -> Result<Observed> {
    let newest = odoo.newest_change(plan.stream.model).await?;
    // A proxy may strip the Date header; then Postgres's clock stands in.
    let (clock, at) = match newest.server_time {
        Some(clock) => (clock, postgres.now()),
        None => (postgres.told, postgres.told),
    };
    let mut high = newest.at;
    for relation in &plan.relations {
        high = high.max(odoo.newest_change(relation.model).await?.at);
    }
    Ok(Observed { high, clock, at })
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
