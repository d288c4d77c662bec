//! The HTTP server: a runtime of its own on threads of its own, so that a test may block.

mod connection;
mod control;
mod route;
mod trouble;
mod web;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::sync::oneshot;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::sim::{SimHandle, State};
use connection::{Listener, Peer};

/// How many threads answer.
const WORKERS: usize = 2;

/// A running server; dropping it stops it.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

impl Server {
    /// Listens on 127.0.0.1; panics where it cannot, as a test could not go on.
    pub(crate) fn start(state: Arc<State>, port: u16) -> Self {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .unwrap_or_else(|error| panic!("cannot listen on 127.0.0.1:{port}: {error}"));
        let address = socket.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("odoo-sim".to_owned())
            .spawn({
                let state = Arc::clone(&state);
                move || run(socket, address, state, stopped)
            })
            .expect("a thread can be started");
        Server {
            address,
            stop: Some(stop),
            thread: Some(thread),
            state,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Hooks hold handles to the state that holds them.
        self.state.faults.clear();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    socket: std::net::TcpListener,
    address: SocketAddr,
    state: Arc<State>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("odoo-sim-worker")
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let handle = SimHandle::new(Arc::clone(&state), &format!("http://{address}"));
        let gzip = state.gzip;
        let listener = Listener::new(socket, address, state);
        let app = Router::new().fallback(route::handle).with_state(handle);
        // The fastest level: what a proxy uses, and tests wait for it.
        let app = if gzip {
            app.layer(
                CompressionLayer::new()
                    .gzip(true)
                    .quality(CompressionLevel::Fastest),
            )
        } else {
            app
        };
        let serve = axum::serve(listener, app.into_make_service_with_connect_info::<Peer>());
        tokio::select! {
            _ = std::future::IntoFuture::into_future(serve) => {}
            _ = stopped => {}
        }
    });
    // Requests that hang on purpose would hold an ordinary shutdown up.
    runtime.shutdown_background();
}
