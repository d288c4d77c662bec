//! Metrics, in CloudWatch's embedded metric format: a line of the log from which CloudWatch makes
//! them, so that nobody has to be called and nothing is lost with a process that is frozen.
//!
//! Names and dimensions are those that alarms and dashboard in `template.yaml` ask for; a test
//! compares them. Each name is paid for once a data type, so what only a person looks up is no
//! metric but a plain field of the same line.

use std::io::{self, Write};
use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::Value;

use crate::specs::DataType;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "OdooSync";
/// Dimension: the stack, since an account may have several.
pub const STACK: &str = "Stack";
/// Dimension: the data type.
pub const DATA_TYPE: &str = "DataType";
/// Dimension of [`RUNS_FAILED`] alone, which is also there without: the error code.
pub const CODE: &str = "Code";

/// Rows new in the mirror, once a run's end, as the other rows.
pub const ROWS_INSERTED: &str = "RowsInserted";
/// Rows that differed.
pub const ROWS_UPDATED: &str = "RowsUpdated";
/// Rows that were read and did not differ.
pub const ROWS_UNCHANGED: &str = "RowsUnchanged";
/// Rows that Odoo no longer has.
pub const ROWS_DELETED: &str = "RowsDeleted";
/// Rows that could not be mirrored.
pub const ROWS_SKIPPED: &str = "RowsSkipped";
/// Milliseconds from a run's start to its end, all slices.
pub const DURATION: &str = "Duration";
/// Milliseconds that an invocation waited for Odoo; of requests under way at once each for itself.
pub const ODOO_TIME: &str = "OdooTime";
/// Milliseconds that an invocation's transactions took.
pub const POSTGRES_TIME: &str = "PostgresTime";
/// Requests and transactions of a run that were tried again.
pub const RETRIES: &str = "Retries";
/// Invocations that a run took.
pub const SLICES: &str = "Slices";
/// Runs that failed, those that could not even begin included.
pub const RUNS_FAILED: &str = "RunsFailed";
/// Open findings of the data type.
pub const FINDINGS_OPEN: &str = "FindingsOpen";
/// Seconds since the last successful run began: now less `last_sync_timestamp`.
pub const FRESHNESS: &str = "Freshness";
/// Seconds since the data type was last compared with the whole of Odoo, all of its streams.
pub const UNVERIFIED: &str = "Unverified";

/// Every name.
pub const NAMES: [&str; 14] = [
    ROWS_INSERTED,
    ROWS_UPDATED,
    ROWS_UNCHANGED,
    ROWS_DELETED,
    ROWS_SKIPPED,
    DURATION,
    ODOO_TIME,
    POSTGRES_TIME,
    RETRIES,
    SLICES,
    RUNS_FAILED,
    FINDINGS_OPEN,
    FRESHNESS,
    UNVERIFIED,
];

/// The stack of a function that is in none.
const NO_STACK: &str = "local";

/// What gathers a process's metrics. None where something else does so already.
static COLLECTOR: OnceLock<Option<&'static Collector>> = OnceLock::new();

/// Writes what has been recorded since the last time, as one line a set of dimensions, with these plain
/// fields; those that are null are left out.
pub(crate) fn write(spec: &DataType, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let Some(collector) = collector(spec) else {
        return;
    };
    for (name, value) in fields {
        match value {
            Value::Null => collector.remove_property(name),
            value => collector.set_property(name, value),
        };
    }
    let mut lines = Vec::new();
    let written = collector
        .flush(&mut lines)
        .and_then(|()| io::stdout().lock().write_all(&lines));
    if let Err(cause) = written {
        tracing::warn!(cause = cause.to_string(), "metrics were not written");
    }
}

/// Makes what is recorded from now on be gathered, for this data type. A second call does nothing.
pub(crate) fn collector(spec: &DataType) -> Option<&'static Collector> {
    *COLLECTOR.get_or_init(|| {
        let collector = Builder::new()
            .cloudwatch_namespace(NAMESPACE)
            .with_dimension(
                STACK,
                stack(std::env::var("AWS_LAMBDA_FUNCTION_NAME").ok(), spec),
            )
            .with_dimension(DATA_TYPE, spec.name)
            .init()
            .ok()?;
        describe();
        Some(collector)
    })
}

fn describe() {
    for name in NAMES {
        match name {
            DURATION | ODOO_TIME | POSTGRES_TIME => {
                describe_histogram!(name, Unit::Milliseconds, "");
            }
            FRESHNESS | UNVERIFIED => describe_gauge!(name, Unit::Seconds, ""),
            FINDINGS_OPEN => describe_gauge!(name, Unit::Count, ""),
            _ => describe_counter!(name, Unit::Count, ""),
        }
    }
}

/// What stands before the data type's own name in that of its function: `prod` of
/// `prod-sync-products`.
fn stack(function: Option<String>, spec: &DataType) -> String {
    let own = format!("-{}", spec.function_name());
    function
        .and_then(|name| name.strip_suffix(&own).map(str::to_owned))
        .filter(|stack| !stack.is_empty())
        .unwrap_or_else(|| NO_STACK.to_owned())
}

#[cfg(test)]
mod tests {
    use super::stack;
    use crate::specs::PRODUCTS;

    #[test]
    fn the_stack_is_read_from_the_function_s_name() {
        for (name, expected) in [
            (Some("shop-prod-sync-products"), "shop-prod"),
            (Some("sync-products"), "local"),
            (Some("-sync-products"), "local"),
            (Some("something"), "local"),
            (None, "local"),
        ] {
            assert_eq!(
                stack(name.map(str::to_owned), &PRODUCTS),
                expected,
                "{name:?}"
            );
        }
    }
}
