//! Ctrl-C and what else asks a program to end. A terminal sends the first to all of its programs.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those signals, caught: they no longer end this process by themselves.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    /// Catches them from here on, within a runtime.
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot catch signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        let [first, second, third] = &mut self.0;
        tokio::select! {
            _ = first.recv() => (),
            _ = second.recv() => (),
            _ = third.recv() => (),
        }
    }
}
