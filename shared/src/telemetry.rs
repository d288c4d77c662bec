//! Logs: one JSON object a line on standard output, where Lambda collects it.
//!
//! The lines of a run name `data_type` and `run_id`, those of a page its `stream`. Row
//! values, secrets and Odoo's `debug` text never reach a field.

use tracing_subscriber::EnvFilter;

/// Keeps the Lambda runtime from printing each event as it came, an HTTP request with its
/// caller's key, which it does at level `trace`.
const NO_EVENTS: &str = "lambda_runtime::layers::api_response=warn";

/// Keeps the AWS SDK from printing each answer with its body, a secret's text among them, which
/// it does at level `trace`.
const NO_ANSWERS: &str = "aws_smithy_runtime=info";

/// Starts logging; a second call does nothing. `RUST_LOG` or Lambda's own
/// `AWS_LAMBDA_LOG_LEVEL` sets the level, else `info`.
pub fn init() {
    let level = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "info".to_owned());
    let filter = |level: &str| EnvFilter::try_new(format!("{level},{NO_EVENTS},{NO_ANSWERS}"));
    let filter = filter(&level.to_lowercase())
        .or_else(|_| filter("info"))
        .unwrap_or_default();
    // An error means that logging has been started already.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}
