//! The bridge to `shared`, whose functions are asynchronous; commands here are not.

use anyhow::{Context, Result};

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start an asynchronous runtime")?;
    Ok(runtime.block_on(future))
}
