//! A request to the simulator that is not answered until the test says so: the way to
//! look at a run while it is on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use odoo_sim::{OdooSim, When};

use super::wait_until;

/// A held request. Dropping it lets the request go on.
pub(crate) struct Hold {
    is_reached: Arc<AtomicBool>,
    _release: mpsc::Sender<()>,
}

impl Hold {
    /// Will hold the request that `when` describes.
    pub(crate) fn the_next(sim: &OdooSim, when: When) -> Self {
        let is_reached = Arc::new(AtomicBool::new(false));
        let (release, wait) = mpsc::channel::<()>();
        let reached = Arc::clone(&is_reached);
        sim.on_request(when, move |_| {
            reached.store(true, Ordering::SeqCst);
            // Ends with the other end being dropped.
            let _ = wait.recv_timeout(Duration::from_secs(60));
        });
        Self {
            is_reached,
            _release: release,
        }
    }

    /// Waits for the request to arrive.
    pub(crate) async fn reached(&self) {
        wait_until("a request is held", async || {
            self.is_reached.load(Ordering::SeqCst)
        })
        .await;
    }

    /// Lets the request go on.
    pub(crate) fn release(self) {}
}
