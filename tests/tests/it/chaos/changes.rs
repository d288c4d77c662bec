//! What people do in Odoo while it is synced.

use std::collections::BTreeSet;
use std::time::Duration;

use odoo_sim::{OdooSim, SimHandle, Transaction};
use serde_json::json;
use tokio::time::sleep;

use super::desk::Desk;
use super::world::{Day, World};
use crate::support::random::Random;

/// What `SYNC_OVERLAP_SECONDS` is where nobody sets it, less what a slow machine may take between
/// two looks at a clock.
const OVERLAP: Duration = Duration::from_secs(290);
const DAY: u64 = 24 * 60 * 60;

/// A model and an id.
pub(super) type Record = (&'static str, i64);

/// What the next incremental run has to bring in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Every row that Odoo shows, but for what no change time tells of.
    EveryRow,
    /// Nothing: something was committed later than the overlap after its change time.
    OnlyByReconcile,
}

/// What lasts from round to round.
#[derive(Default)]
pub(super) struct Past {
    /// Records that people have made: nothing else refers to them, so they may be deleted.
    made: Vec<Record>,
    /// Records that a rule hides.
    hidden: BTreeSet<Record>,
}

/// What people leave behind.
pub(super) struct Rest {
    pub(super) promise: Promise,
    /// Records that changed without a newer change time: shown again, or restored.
    pub(super) untold: BTreeSet<Record>,
    pub(super) past: Past,
}

/// Those who change Odoo.
pub(super) struct People<'a> {
    sim: &'a OdooSim,
    desk: &'a Desk,
    random: Random,
    open: Vec<Open<'a>>,
    /// Whether rules hide and show rows in this round: where many do, an incremental run owes
    /// little.
    has_rules: bool,
    rest: Rest,
}

/// A transaction that is not committed yet.
struct Open<'a> {
    transaction: Transaction<'a>,
    began: jiff::Timestamp,
    made: Vec<Record>,
}

impl<'a> People<'a> {
    pub(super) fn of(world: &'a World, past: Past, mut random: Random) -> Self {
        Self {
            sim: &world.sim,
            desk: &world.desk,
            has_rules: random.percent(40),
            random,
            open: Vec::new(),
            rest: Rest {
                promise: Promise::EveryRow,
                untold: BTreeSet::new(),
                past,
            },
        }
    }

    /// Changes something every few milliseconds.
    pub(super) async fn live(&mut self, day: &Day) {
        while !day.is_over() {
            sleep(self.random.milliseconds(60)).await;
            for _ in 0..=self.random.below(3) {
                self.act();
            }
        }
    }

    fn act(&mut self) {
        match self.random.below(60) {
            0..6 => self.pass_time(),
            6..15 => self.commit_one(),
            15..19 => self.delete(),
            19 => self.import(),
            20..23 if self.has_rules => self.hide(),
            23..27 if self.has_rules => self.show(),
            27..31 => self.restore_one(),
            _ => self.change(),
        }
    }

    /// Commits what is open or takes it back. Now and then the last thing is that rows vanish.
    pub(super) fn come_to_rest(mut self) -> Rest {
        while !self.open.is_empty() {
            self.commit_one();
        }
        if self.has_rules && self.random.percent(80) {
            self.hide();
        }
        if self.random.percent(40) {
            self.delete();
        }
        self.rest
    }

    /// Minutes, so that what has been read falls out of the next windows. Seldom more than the
    /// overlap while a transaction is open.
    fn pass_time(&mut self) {
        let is_long = self.open.is_empty() || self.random.percent(12);
        let seconds = if is_long { 600 } else { 60 };
        self.sim.clock().advance(Duration::from_secs(seconds));
    }

    fn change(&mut self) {
        let mut open = self.begin();
        for _ in 0..=self.random.below(3) {
            if self.random.percent(30) {
                self.make_one(&mut open);
            } else {
                let (model, id, values) = self.desk.edit(&mut self.random);
                open.transaction.write(model, &[id], values);
            }
        }
        if self.random.percent(35) {
            self.open.push(open);
        } else {
            self.commit(open);
        }
    }

    /// Many records at once.
    fn import(&mut self) {
        let mut open = self.begin();
        for _ in 0..10 + self.random.below(50) {
            self.make_one(&mut open);
        }
        self.commit(open);
    }

    fn begin(&self) -> Open<'a> {
        Open {
            transaction: self.sim.begin(),
            began: self.sim.clock().now(),
            made: Vec::new(),
        }
    }

    fn make_one(&mut self, open: &mut Open<'_>) {
        let (model, values) = self.desk.new_record(&mut self.random);
        open.made
            .push((model, open.transaction.create(model, values)));
    }

    fn commit_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let at = self.below(self.open.len());
        let open = self.open.swap_remove(at);
        // Some think better of it.
        if self.random.percent(90) {
            self.commit(open);
        }
    }

    fn commit(&mut self, open: Open<'_>) {
        let took = self.sim.clock().now().duration_since(open.began);
        open.transaction.commit();
        self.rest.past.made.extend(open.made);
        if took.unsigned_abs() > OVERLAP {
            self.rest.promise = Promise::OnlyByReconcile;
        }
    }

    /// One, a few, or any number up to all that were made here.
    fn delete(&mut self) {
        let all = self.rest.past.made.len();
        let most = match self.random.below(10) {
            0..5 => 1,
            5..8 => 6,
            _ => all,
        };
        for _ in 0..(1 + self.below(most)).min(all) {
            let at = self.below(self.rest.past.made.len());
            let (model, id) = self.rest.past.made.swap_remove(at);
            self.sim.unlink(model, &[id]);
        }
    }

    /// A record rule takes a few records, a share of them, or all.
    fn hide(&mut self) {
        let model = self.random.pick(&self.desk.mirrored);
        let percent = self.random.pick(&[1, 4, 15, 25, 50, 100]);
        let mut ids = self.sim.ids(model);
        ids.retain(|_| self.random.percent(percent));
        self.sim.hide(model, &ids);
        let records = ids.into_iter().map(|id| (model, id));
        self.rest.past.hidden.extend(records);
    }

    /// The rules of a model are taken away.
    fn show(&mut self) {
        let model = self.random.pick(&self.desk.mirrored);
        self.sim.show_all(model);
        let hidden = std::mem::take(&mut self.rest.past.hidden);
        let (shown, hidden) = hidden.into_iter().partition(|(it, _)| *it == model);
        self.rest.past.hidden = hidden;
        self.rest.untold.extend::<BTreeSet<Record>>(shown);
    }

    /// Puts back what a backup had of a record: a value, and with it an older change time. That
    /// comes last, since whoever reads in between must not take the one with the other.
    fn restore_one(&mut self) {
        let (model, id, field) = self.desk.text_of_one(&mut self.random);
        let text = format!("R{}", self.random.below(1_000_000));
        let age = Duration::from_secs(DAY + self.random.below(300 * DAY));
        let then = SimHandle::odoo_time(self.sim.clock().now() - age);
        self.sim.set_raw(model, id, field, json!(text));
        self.sim.set_raw(model, id, "write_date", json!(then));
        self.rest.untold.insert((model, id));
    }

    /// An index below a length.
    fn below(&mut self, length: usize) -> usize {
        let at = self.random.below(length as u64);
        usize::try_from(at).expect("it is below a length")
    }
}
