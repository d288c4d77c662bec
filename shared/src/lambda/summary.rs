//! One line for people about the end of a run, made to be put into a chat by EventBridge alone.
//!
//! EventBridge puts a value into a target's template as it is ("EventBridge doesn't escape values
//! extracted by Input Path", its guide says), so that a message with a quotation mark would break the JSON
//! around it. In this line no character has a meaning, for JSON or for Slack.

use crate::error::Error;
use crate::specs::DataType;
use crate::sync::RunReport;

/// Longest line, in characters.
const LONGEST: usize = 1000;

/// How a run ended well; `recovered` where the one before it had failed.
pub(super) fn of_success(spec: &DataType, report: &RunReport, recovered: bool) -> String {
    let how = if recovered { "recovered" } else { "completed" };
    plain(&format!(
        "{title} sync {how}: {inserted} inserted, {updated} updated, {deleted} deleted, {skipped} skipped ({mode}, {seconds:.1} s)",
        title = spec.title,
        inserted = report.records_inserted,
        updated = report.records_updated,
        deleted = report.records_deleted,
        skipped = report.records_skipped,
        mode = report.mode.word(),
        seconds = report.duration as f64 / 1000.0,
    ))
}

/// Why a run failed, and what to do about it.
pub(super) fn of_failure(spec: &DataType, error: &Error) -> String {
    plain(&format!(
        "{title} sync failed ({code}): {error}. {remedy}",
        title = spec.title,
        code = error.kind().code(),
        remedy = error.kind().remedy(),
    ))
}

/// The text with other characters in place of those that mean something in a JSON string or, such as
/// `<!channel>`, in a chat.
fn plain(text: &str) -> String {
    text.chars()
        .take(LONGEST)
        .map(|character| match character {
            '"' => '\'',
            '\\' => '/',
            '<' => '‹',
            '>' => '›',
            '&' => '+',
            // Separators of lines and paragraphs among them: JavaScript's strings do not take those.
            '\u{2028}' | '\u{2029}' => ' ',
            character if character.is_control() => ' ',
            character => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::specs::PRODUCTS;

    #[test]
    fn no_character_needs_to_be_escaped_whatever_the_message() {
        let message = "he said \"no\" \\ <!channel> & \n\t\u{2028}\u{0} ä";
        let line = of_failure(&PRODUCTS, &Error::new(ErrorKind::OdooFault, message));
        assert_eq!(serde_json::json!(line).to_string(), format!("\"{line}\""));
        assert!(!line.contains(['<', '>', '&']), "{line}");
        assert!(
            line.starts_with("Products sync failed (odoo_fault): he said 'no' / ‹!channel› + ")
        );
        assert!(line.ends_with(ErrorKind::OdooFault.remedy()), "{line}");
    }

    #[test]
    fn a_long_message_is_cut() {
        let error = Error::new(ErrorKind::OdooFault, "ä".repeat(5000));
        assert_eq!(of_failure(&PRODUCTS, &error).chars().count(), LONGEST);
    }

    #[test]
    fn a_run_that_ended_well_says_what_it_did() {
        let report = RunReport {
            records_inserted: 3,
            duration: 2540,
            ..RunReport::default()
        };
        assert_eq!(
            of_success(&PRODUCTS, &report, true),
            "Products sync recovered: 3 inserted, 0 updated, 0 deleted, 0 skipped (incremental, 2.5 s)"
        );
    }
}
