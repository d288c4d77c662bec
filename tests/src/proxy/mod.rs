//! A TCP proxy that makes a network fail on request: between a function and Odoo, or between a
//! function and Postgres.
//!
//! ```no_run
//! use odoo_sim::proxy::{Conduct, Direction, Ending, FaultProxy, Point};
//! use std::time::Duration;
//!
//! let proxy = FaultProxy::start("127.0.0.1:5432");
//! // Point the program under test to proxy.address().
//!
//! // By connection: the next one is cut after 2,000 bytes, the one after it gets no answer.
//! proxy.script([
//!     Conduct::cut(Direction::ToServer, Point::Byte(2_000), Ending::Reset),
//!     Conduct::silent(),
//! ]);
//! // By rule: every third one of all others is slow.
//! proxy.rule(|number| match number % 3 {
//!     0 => Conduct::delay(Duration::from_millis(20)),
//!     _ => Conduct::clean(),
//! });
//! // While it runs, to the connections that are open: the server carries the first commit from
//! // now on out, the client never hears of it.
//! proxy.conduct(Conduct::cut(Direction::ToClient, Point::Before(b"COMMIT", 1), Ending::Close));
//! proxy.strike(Ending::HalfOpen);
//! proxy.stall();
//! proxy.go_on();
//! proxy.clear();
//! ```
//!
//! What it cannot do: it is no router, so the kernel acknowledges bytes that a black hole
//! swallows. A client that only watches its socket learns nothing, as behind a pooler that hangs.

mod conduct;
mod cutter;
mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

pub use conduct::{Conduct, Cut, Direction, Ending, Point};
use line::Orders;

/// What new connections are like, by their number from 1.
type Rule = Box<dyn FnMut(usize) -> Conduct + Send>;

/// A running proxy on a port of its own on 127.0.0.1. It runs on a thread of its own, so that a
/// test may block, and ends with all its connections when this is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    target: SocketAddr,
    script: VecDeque<Conduct>,
    rule: Rule,
    is_stalled: bool,
    accepted: usize,
    /// Those that are open, by their number.
    lines: BTreeMap<usize, watch::Sender<Orders>>,
}

impl FaultProxy {
    /// Starts one before this server. Everything passes until something is asked for. Panics
    /// where that is no address or no port is free, as a test could not go on.
    pub fn start(target: impl ToSocketAddrs) -> Self {
        let state = Arc::new(Mutex::new(State {
            target: resolve(target),
            script: VecDeque::new(),
            rule: Box::new(|_| Conduct::clean()),
            is_stalled: false,
            accepted: 0,
            lines: BTreeMap::new(),
        }));
        let socket =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("fault-proxy".to_owned())
            .spawn({
                let state = Arc::clone(&state);
                move || run(socket, &state, stopped)
            })
            .expect("a thread can be started");
        Self {
            address,
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Each of the next connections gets one of these, before any rule.
    pub fn script(&self, conducts: impl IntoIterator<Item = Conduct>) {
        lock(&self.state).script.extend(conducts);
    }

    /// What the connections to come are like, by their number: 1 is the first ever.
    pub fn rule(&self, rule: impl FnMut(usize) -> Conduct + Send + 'static) {
        lock(&self.state).rule = Box::new(rule);
    }

    /// What the connections that are open are like from now on, where bytes and texts are counted
    /// from here. Those to come are not touched.
    pub fn conduct(&self, conduct: Conduct) {
        let conduct = Arc::new(conduct);
        self.order(|orders| orders.conduct = Arc::clone(&conduct));
    }

    /// Ends the connections that are open, in this way, now.
    pub fn strike(&self, ending: Ending) {
        self.order(|orders| orders.strike = Some(ending));
    }

    /// Makes all bytes wait where they are, and those of connections to come, until
    /// [`FaultProxy::go_on`].
    pub fn stall(&self) {
        self.set_stalled(true);
    }

    /// Ends [`FaultProxy::stall`]; nothing is lost.
    pub fn go_on(&self) {
        self.set_stalled(false);
    }

    /// Takes back what was asked for: connections to come are clean, and so are those that are
    /// open from here on. What has ended stays so.
    pub fn clear(&self) {
        {
            let mut state = lock(&self.state);
            state.script.clear();
            state.rule = Box::new(|_| Conduct::clean());
        }
        self.conduct(Conduct::clean());
        self.go_on();
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        lock(&self.state).accepted
    }

    /// How many connections are open, on one side at least.
    pub fn open(&self) -> usize {
        lock(&self.state).lines.len()
    }

    fn set_stalled(&self, is_stalled: bool) {
        lock(&self.state).is_stalled = is_stalled;
        self.order(|orders| orders.is_stalled = is_stalled);
    }

    fn order(&self, change: impl Fn(&mut Orders)) {
        for line in lock(&self.state).lines.values() {
            line.send_modify(&change);
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(socket: std::net::TcpListener, state: &Arc<Mutex<State>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        tokio::select! {
            () = accept_all(socket, state) => {}
            _ = stopped => {}
        }
    });
    // Drops every connection with the runtime.
    runtime.shutdown_background();
}

async fn accept_all(socket: std::net::TcpListener, state: &Arc<Mutex<State>>) {
    let listener = socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .expect("a bound socket can be listened on");
    loop {
        // A client that was gone before it was accepted is no connection.
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let (number, target, orders) = lock(state).enter();
        let state = Arc::clone(state);
        tokio::spawn(async move {
            line::serve(client, target, orders).await;
            lock(&state).lines.remove(&number);
        });
    }
}

impl State {
    /// Takes a new connection in.
    fn enter(&mut self) -> (usize, SocketAddr, watch::Receiver<Orders>) {
        self.accepted += 1;
        let number = self.accepted;
        let conduct = match self.script.pop_front() {
            Some(conduct) => conduct,
            None => (self.rule)(number),
        };
        let (sender, orders) = watch::channel(Orders {
            conduct: Arc::new(conduct),
            is_stalled: self.is_stalled,
            strike: None,
        });
        self.lines.insert(number, sender);
        (number, self.target, orders)
    }
}

fn resolve(target: impl ToSocketAddrs) -> SocketAddr {
    target
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .expect("an address to lead to")
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
