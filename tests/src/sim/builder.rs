//! Describing a simulator before it starts.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::{OdooSim, SimHandle, State};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::requests::RequestLog;
use crate::seed;
use crate::server::Server;
use crate::version::Version;

/// So many orders of each kind where nobody says how many: a million products need no minutes.
const MOST_ORDERS: usize = 5_000;

/// What the simulator is to be; see [`OdooSim::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    version: Version,
    products: usize,
    orders: Option<usize>,
    seed: u64,
    port: u16,
    gzip: bool,
    delay: Duration,
    database: String,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            version: Version::V19,
            products: 1_000,
            orders: None,
            seed: 1,
            port: 0,
            gzip: true,
            delay: Duration::ZERO,
            database: "shop".to_owned(),
        }
    }
}

impl Builder {
    /// Which Odoo to be; 19 where nothing is said.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// How many variants (`product.product`), archived ones included; 1,000 where nothing is said.
    pub fn products(mut self, products: usize) -> Self {
        self.products = products;
        self
    }

    /// How many purchase orders and how many sale orders, with the transfers and moves that belong
    /// to them; a third of the products, 5,000 at most, where nothing is said.
    pub fn orders(mut self, orders: usize) -> Self {
        self.orders = Some(orders);
        self
    }

    /// The data set's seed: the same seed, version and size make the same records.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The port on 127.0.0.1; a free one where nothing is said.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Whether answers are compressed where the client takes gzip, as a proxy in front of Odoo
    /// does (Odoo itself does not). On where nothing is said.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// How long each call waits before it is answered.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The database's name; `shop` where nothing is said.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = name.into();
        self
    }

    /// Makes the data and serves it. Panics where the port is taken.
    pub async fn start(self) -> OdooSim {
        self.start_blocking()
    }

    /// The same without async.
    pub fn start_blocking(self) -> OdooSim {
        let world = {
            let orders = self.orders.unwrap_or((self.products / 3).min(MOST_ORDERS));
            seed::world(self.version, self.products, orders, self.seed)
        };
        let state = Arc::new(State {
            version: self.version,
            database: self.database,
            users: seed::users(),
            clock: Clock::default(),
            faults: Faults::new(self.delay),
            log: RequestLog::default(),
            gzip: self.gzip,
            world: RwLock::new(world),
        });
        let server = Server::start(Arc::clone(&state), self.port);
        let url = format!("http://127.0.0.1:{}", server.port());
        OdooSim {
            handle: SimHandle::new(state, &url),
            _server: server,
        }
    }
}
