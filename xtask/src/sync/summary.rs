//! What came of a run, for a person.

use std::time::Duration;

use anyhow::anyhow;
use indicatif::HumanCount;
use shared::error::{Error, ErrorKind};
use shared::sync::RunReport;

/// A run that succeeded.
pub(super) fn of_success(report: &RunReport) -> String {
    lines(&format!("✓ {} is done", subject(report)), report)
}

/// A run that failed; what came in before stays.
pub(super) fn of_failure(report: &RunReport) -> String {
    lines(&format!("✗ {} failed", subject(report)), report)
}

/// A run that was asked to stop.
pub(super) fn of_hand_over(report: &RunReport) -> String {
    let first = format!(
        "{} is handed over: the next sync of {} goes on there",
        subject(report),
        report.data_type
    );
    lines(&first, report)
}

/// An error with its code and what to do.
pub(super) fn told(error: Error) -> anyhow::Error {
    let kind = error.kind();
    let flag = match kind {
        ErrorKind::DeleteGuard => " Here: --confirm-deletes.",
        _ => "",
    };
    anyhow!(
        "{}: {} → {}{flag}",
        kind.code(),
        error.chain(),
        kind.remedy()
    )
}

/// A time as it is said.
pub(super) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn subject(report: &RunReport) -> String {
    format!(
        "{}: {} run {}",
        report.data_type,
        report.mode.word(),
        report.run_id
    )
}

fn lines(first: &str, report: &RunReport) -> String {
    let time = Duration::from_millis(report.duration);
    let time = match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => spoken(time),
    };
    let mut lines = vec![
        first.to_owned(),
        format!(
            "  {} rows in {time}: {} inserted, {} updated, {} unchanged, {} deleted, {} skipped",
            HumanCount(report.records_processed),
            HumanCount(report.records_inserted),
            HumanCount(report.records_updated),
            HumanCount(report.records_unchanged),
            HumanCount(report.records_deleted),
            HumanCount(report.records_skipped),
        ),
        format!("  slices: {}, retries: {}", report.slices, report.retries),
    ];
    lines.extend(report.errors.iter().map(|error| {
        format!(
            "  skipped: {} {}: {}",
            error.stream, error.odoo_id, error.reason
        )
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::sync::RowError;

    #[test]
    fn a_summary_has_counts_time_and_the_rows_that_were_skipped() {
        let report = RunReport {
            data_type: "products".to_owned(),
            records_processed: 120_001,
            records_inserted: 120_000,
            records_skipped: 1,
            duration: 200_000,
            slices: 1,
            errors: vec![RowError {
                odoo_id: 7,
                stream: "products".to_owned(),
                reason: "weight: no number".to_owned(),
            }],
            ..RunReport::default()
        };
        assert_eq!(
            of_success(&report),
            "✓ products: incremental run 00000000-0000-0000-0000-000000000000 is done\n  \
             120,001 rows in 3 min 20 s: 120,000 inserted, 0 updated, 0 unchanged, 0 deleted, 1 skipped\n  \
             slices: 1, retries: 0\n  \
             skipped: products 7: weight: no number"
        );
    }

    #[test]
    fn an_error_has_its_code_and_what_to_do_here() {
        let told = told(Error::new(ErrorKind::DeleteGuard, "too many")).to_string();
        assert!(told.starts_with("delete_guard: too many → "), "{told}");
        assert!(told.ends_with("Here: --confirm-deletes."), "{told}");
    }

    #[test]
    fn a_time_is_said_in_its_two_largest_units() {
        for (seconds, said) in [(7, "7 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")] {
            assert_eq!(spoken(Duration::from_secs(seconds)), said);
        }
    }
}
