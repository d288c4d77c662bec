//! Locks between processes: what two commands at once would spoil, the second waits for.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use crate::progress::Step;

/// Waits until nobody else holds the lock. It is held until the file is dropped, and
/// never outlives its process.
pub(crate) fn hold(path: &Path, holder: &str) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        let step = Step::start(format!("Waiting for another {holder} to end"));
        file.lock()
            .with_context(|| format!("cannot wait for another {holder}"))?;
        step.done();
    }
    Ok(file)
}
