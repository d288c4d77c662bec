//! Logs and metrics: one JSON object a line on standard output, where Lambda collects it.
//!
//! Each line of a run names `data_type`, `run_id` and `slice`, and what is done for a stream its
//! `stream`, however deep it is written: they are the fields of spans, and stand at the top of a line
//! beside its own. A line's own fields therefore never have these names. Row
//! values, secrets and Odoo's `debug` text never reach a field.

pub mod metrics;

use std::panic;

use json_subscriber::JsonLayer;
use tracing::Span;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use uuid::Uuid;

use crate::specs::{DataType, Stream};

/// Keeps the Lambda runtime from printing each event as it came, an HTTP request with its
/// caller's key, which it does at level `trace`.
const NO_EVENTS: &str = "lambda_runtime::layers::api_response=warn";

/// Keeps the AWS SDK from printing each answer with its body, a secret's text among them, which
/// it does at level `trace`.
const NO_ANSWERS: &str = "aws_smithy_runtime=info";

/// Starts logging; a second call does nothing. `RUST_LOG` (levels by target: what else an
/// `EnvFilter` takes needs regular expressions, 0.8 MB in every function) or
/// Lambda's own `AWS_LAMBDA_LOG_LEVEL` sets the level, else `info`.
pub fn init() {
    let level = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "info".to_owned());
    let mut lines = JsonLayer::stdout();
    lines.with_timer("timestamp", SystemTime);
    lines.with_level("level");
    lines.with_target("target");
    lines.with_flattened_event();
    lines.with_top_level_flattened_span_list();
    // An error means that logging has been started already.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter(&level))
        .try_init();
    panic::set_hook(Box::new(|panic| {
        // Its text may hold a value; where it was says enough.
        let at = panic.location().map(ToString::to_string);
        tracing::error!(at, "a bug: the program panicked");
    }));
}

/// What is done for a data type. At the highest level, as the others, so that its lines name it
/// whatever is logged.
pub(crate) fn of_data_type(spec: &DataType) -> Span {
    tracing::error_span!("data type", data_type = spec.name)
}

/// One invocation's work on a run.
pub(crate) fn of_run(spec: &DataType, run_id: Uuid, slice: i32) -> Span {
    tracing::error_span!("run", data_type = spec.name, %run_id, slice)
}

/// What is done for a stream.
pub(crate) fn of_stream(stream: &Stream) -> Span {
    tracing::error_span!("stream", stream = stream.name)
}

/// What is told at this level; at `info` where it is none.
fn filter(level: &str) -> Targets {
    let targets = |level: &str| -> Result<Targets, ParseError> {
        format!("{level},{NO_EVENTS},{NO_ANSWERS}").parse()
    };
    targets(&level.to_lowercase())
        .or_else(|_| targets("info"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::filter;
    use tracing_subscriber::filter::LevelFilter;

    #[test]
    fn the_level_is_as_set_and_info_where_it_is_none() {
        for (set, level) in [
            ("INFO", LevelFilter::INFO),
            ("trace", LevelFilter::TRACE),
            ("Debug", LevelFilter::DEBUG),
            ("error", LevelFilter::ERROR),
            ("a=b=c", LevelFilter::INFO),
        ] {
            assert_eq!(filter(set).default_level(), Some(level), "{set}");
        }
        let filter = filter("warn,shared=debug");
        assert!(filter.would_enable("shared::sync", &tracing::Level::DEBUG));
        assert!(!filter.would_enable("hyper", &tracing::Level::INFO));
    }

    #[test]
    fn no_level_lets_events_or_answers_through() {
        let filter = filter("trace");
        assert!(!filter.would_enable("aws_smithy_runtime", &tracing::Level::DEBUG));
        let events = "lambda_runtime::layers::api_response";
        assert!(!filter.would_enable(events, &tracing::Level::INFO));
    }
}
