//! One simulated Odoo, one mirror of one data type, and the rounds that they go through.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use odoo_sim::proxy::FaultProxy;
use odoo_sim::{OdooSim, Version};
use secrecy::ExposeSecret;
use shared::specs::{DataType, REGISTRY};
use tokio::time::Instant;
use tokio_postgres::Client;

use super::changes::{Past, People};
use super::desk::Desk;
use super::functions::Fleet;
use super::mirror;
use super::network::Network;
use super::reset::Resets;
use super::settled::{Settled, watch};
use super::trouble;
use crate::events::bus::{Bus, Mood};
use crate::support::function::Environment;
use crate::support::odoo::Odoo;
use crate::support::postgres::{TestDatabase, open};
use crate::support::random::Random;
use crate::support::wire::{proxy_before, through};

/// What a world is made of.
pub(super) struct World {
    pub(super) spec: &'static DataType,
    pub(super) sim: OdooSim,
    pub(super) way_to_odoo: FaultProxy,
    pub(super) odoo: Odoo,
    pub(super) database: TestDatabase,
    /// Where functions find Postgres: itself or a pooler.
    pub(super) database_url: String,
    pub(super) deletes_rows: bool,
    pub(super) bus: Bus,
    /// The variables of functions that nothing stands in the way of.
    pub(super) environment: Environment,
    /// How many more rows others have deleted from the mirror than put into it.
    pub(super) lost_by_hand: i64,
    pub(super) desk: Desk,
    past: Past,
    random: Random,
    rounds: usize,
}

/// How long people go on.
#[derive(Default)]
pub(super) struct Day(Cell<bool>);

impl Day {
    pub(super) fn is_over(&self) -> bool {
        self.0.get()
    }

    fn end(&self) {
        self.0.set(true);
    }
}

impl World {
    pub(super) async fn make(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let at = |length: usize| usize::try_from(seed % length as u64).expect("a small number");
        // By the seed itself, so that worlds in a row have all of them.
        let version = Version::ALL[at(Version::ALL.len())];
        let spec = REGISTRY[at(REGISTRY.len())];
        let sim = OdooSim::builder()
            .version(version)
            .products(200)
            .orders(60)
            .seed(seed)
            .delay(Duration::from_millis(random.below(4)))
            .start()
            .await;
        let odoo = Odoo::simulated(&sim).await;
        let desk = Desk::of(spec, &sim);
        let way_to_odoo = proxy_before(sim.url());
        let database = TestDatabase::create().await;
        let way = random.pick(&["direct", "transaction pooler", "session pooler"]);
        let config = match way {
            "direct" => database.config(),
            "session pooler" => database.session_pooler_config(),
            _ => database.pooler_config(),
        };
        let database_url = config.url.expose_secret().to_owned();
        let deletes_rows = random.percent(30);
        let bus = Bus::start(Mood::Takes).await;
        let mut environment = odoo.environment(&database_url);
        environment.extend(bus.variables());
        let page = random.pick(&["3", "10", "40"]);
        for (name, value) in [
            ("SYNC_BATCH_SIZE", page),
            ("SYNC_FETCH_CONCURRENCY", random.pick(&["1", "2", "4"])),
            (
                "SYNC_DELETE_MODE",
                if deletes_rows { "hard" } else { "soft" },
            ),
            ("ODOO_TIMEOUT_MS", "400"),
            ("ODOO_PASSWORD", sim.api_key()),
            ("ODOO_URL", &through(&way_to_odoo, sim.url())),
        ] {
            environment.insert(name, value.to_owned());
        }
        let rounds = 2 + usize::try_from(random.below(4)).expect("a small number");
        eprintln!(
            "{} of Odoo {version}, {way}, pages of {page}, {rounds} rounds{}",
            spec.name,
            if deletes_rows {
                ", rows are deleted"
            } else {
                ""
            }
        );
        Self {
            spec,
            sim,
            way_to_odoo,
            odoo,
            database,
            database_url,
            deletes_rows,
            bus,
            environment,
            lost_by_hand: 0,
            desk,
            past: Past::default(),
            random,
            rounds,
        }
    }

    /// How many rounds it is to go through.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// A connection of the test's own, that no other part of it waits for.
    pub(super) async fn look(&self) -> Client {
        open(&self.database.url).await
    }

    /// Chaos, and what has to hold after it.
    pub(super) async fn round(&mut self) {
        let mut random = self.random.fork();
        let past = std::mem::take(&mut self.past);
        let network = Network::before(self);
        let resets = Resets::default();
        let until = Instant::now() + Duration::from_millis(300 + random.below(800));
        let day = Day::default();
        let mut people = People::of(self, past, random.fork());
        let fleet = Fleet::of(self, &network);
        let functions = 1 + random.below(3);
        let crews: Vec<_> = (0..functions)
            .map(|_| fleet.run(random.fork(), until))
            .collect();
        // People go on for as long as a function is at work.
        let work = async {
            join_all(crews).await;
            day.end();
        };
        let (by_hand, ..) = tokio::join!(
            mirror::meddle(self, random.fork(), &day),
            people.live(&day),
            work,
            network.fail(random.fork(), until),
            trouble::in_odoo(self, random.fork(), until),
            trouble::in_postgres(self, random.fork(), until),
            resets.happen(self, random.fork(), until),
            watch(self, &resets, until),
        );
        // With it goes whatever hangs in it.
        drop(network);
        self.sim.clear_faults();
        let rest = people.come_to_rest();
        self.past = rest.past;
        self.lost_by_hand += by_hand.deleted - by_hand.invented;
        let mut untold = rest.untold;
        untold.extend(by_hand.touched);
        Settled::of(self).await.holds(rest.promise, &untold).await;
    }
}
