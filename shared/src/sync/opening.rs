//! Opens the window of a stream, or goes on in the one that an earlier holder of the run
//! opened, after a look at whether the mirror was filled from the same Odoo in the same way.

use jiff::Timestamp;

use super::plan::Plan;
use super::request::Mode;
use super::stream::StreamRun;
use super::window::{self, Observed, Range};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::streams::{self, Fingerprints, NewWindow, Progress, StreamState};
use crate::mirror::database::Doing;
use crate::odoo::OdooClient;

impl StreamRun<'_> {
    pub(crate) fn fingerprints(&self, plan: &Plan) -> Fingerprints {
        let odoo = &self.config.odoo;
        Fingerprints {
            // Without a user or password that the URL may hold: a new one is no new Odoo.
            source: sha256(&format!(
                "{:?}",
                (self.odoo.source_url(), self.odoo.database())
            )),
            read: sha256(&format!(
                "{:?}",
                (&odoo.user, &odoo.lang, odoo.company_id, plan.description())
            )),
        }
    }

    /// The window to read: that of an earlier holder of this run, or a new one.
    pub(crate) async fn progress(
        &mut self,
        plan: &Plan,
        state: &StreamState,
        fingerprints: &Fingerprints,
    ) -> Result<Progress> {
        let is_same = |stored: &Option<String>, now: &String| {
            stored.as_ref().is_none_or(|stored| stored == now)
        };
        if !is_same(&state.source_fingerprint, &fingerprints.source) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the table {} was filled from another Odoo than ODOO_URL and ODOO_DB name now: set them back, or empty the tables of {} and their rows in odoo.sync_streams to fill them anew",
                    self.stream.name, self.spec.name
                ),
            ));
        }
        if let Some(progress) = &state.progress
            && is_same(&progress.read_fingerprint, &fingerprints.read)
        {
            return Ok(progress.clone());
        }
        // What was read with another user, language or set of columns is read again.
        let mode = if is_same(&state.read_fingerprint, &fingerprints.read) {
            self.lease.run.mode
        } else {
            self.lease.run.mode.max_with_full()
        };
        self.open_window(plan, state, fingerprints, mode).await
    }

    async fn open_window(
        &mut self,
        plan: &Plan,
        state: &StreamState,
        fingerprints: &Fingerprints,
        mode: Mode,
    ) -> Result<Progress> {
        let opened_at = self.postgres_time().await?;
        let observed = self
            .lease
            .hold(self.database, observe(self.odoo, plan, opened_at))
            .await??;
        let window = window::open(mode, state.past, observed, self.config.sync.overlap);
        // Without a watermark an incremental run is a full one.
        let mode = match window.range {
            Range::Everything => mode.max_with_full(),
            _ => mode,
        };
        let new = NewWindow {
            data_type: self.spec.name,
            stream: self.stream,
            run_id: self.lease.run.id,
            mode,
            window,
            opened_at,
            fingerprints,
        };
        self.lease
            .transaction(self.database, "opening a window", async |transaction| {
                streams::open(transaction, &new).await
            })
            .await?;
        Ok(Progress {
            mode,
            range: window.range,
            last_id: 0,
            done: false,
            read_fingerprint: Some(fingerprints.read.clone()),
        })
    }

    async fn postgres_time(&mut self) -> Result<Timestamp> {
        let doing = "reading Postgres's clock";
        self.lease
            .transaction(self.database, doing, async |transaction| {
                let row = transaction
                    .query_typed_one("select clock_timestamp()", &[])
                    .await
                    .doing(doing)?;
                row.try_get(0).doing(doing)
            })
            .await
    }
}

/// Asks Odoo for the newest change of a stream and of its related records.
async fn observe(odoo: &OdooClient, plan: &Plan, postgres_time: Timestamp) -> Result<Observed> {
    let newest = odoo.newest_change(plan.stream.model).await?;
    let mut high = newest.at;
    for relation in &plan.relations {
        high = high.max(odoo.newest_change(relation.model).await?.at);
    }
    Ok(Observed {
        high,
        // A proxy may strip the Date header; then Postgres's clock stands in.
        clock: newest.server_time.unwrap_or(postgres_time),
    })
}

fn sha256(text: &str) -> String {
    openssl::sha::sha256(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
