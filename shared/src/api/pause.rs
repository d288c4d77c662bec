//! Keeps a data type from being synced until somebody resumes it. A run that is on goes on to
//! its end, its next slices included; what was remembered to run next waits.

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::types::Type;

use super::read;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Database;
use crate::specs::DataType;

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// What the caller may say of a pause.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    reason: Option<String>,
}

impl Pause {
    /// Reads the body; an empty one is none.
    ///
    /// # Errors
    /// `bad_request` with what is allowed.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let refuse = || {
            Error::new(
                ErrorKind::BadRequest,
                "a pause takes no body, or a JSON object with \"reason\" (text of 500 characters at most) alone",
            )
        };
        // A struct would be read from a list as well.
        let body: Value = serde_json::from_slice(body).map_err(|_| refuse())?;
        let body = Some(body).filter(Value::is_object).ok_or_else(refuse)?;
        let pause: Self = serde_json::from_value(body).map_err(|_| refuse())?;
        match &pause.reason {
            Some(reason) if reason.chars().count() > MAX_REASON => Err(refuse()),
            _ => Ok(pause),
        }
    }

    /// The reason on one line; Postgres's text holds no NUL.
    fn reason(&self) -> Option<String> {
        let reason = self.reason.as_ref()?;
        let plain = |it: char| if it.is_control() { ' ' } else { it };
        Some(reason.chars().map(plain).collect())
    }
}

/// Pauses a data type, which need not have been synced before. One that is paused stays so since
/// then; who and why are told anew. `by` is the address of who asks. Returns the `data` of the answer.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn pause(
    database: &mut Database,
    spec: &DataType,
    pause: &Pause,
    by: Option<&str>,
) -> Result<Value> {
    let reason = pause.reason();
    let parameters = [
        (&spec.name as _, Type::TEXT),
        (&by as _, Type::TEXT),
        (&reason as _, Type::TEXT),
    ];
    let sql = format!(
        "insert into odoo.sync_metadata as metadata
             (data_type, paused_at, paused_by, pause_reason)
         values ($1, now(), $2, $3)
         on conflict (data_type) do update set
             paused_at = coalesce(metadata.paused_at, excluded.paused_at),
             paused_by = excluded.paused_by,
             pause_reason = excluded.pause_reason
         returning {SHOWN}"
    );
    read(database, "pausing a data type", &sql, &parameters).await
}

/// Resumes a data type; one that is not paused stays as it is. Returns the `data` of the answer.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn resume(database: &mut Database, spec: &DataType) -> Result<Value> {
    let sql = format!(
        "with resumed as (
             update odoo.sync_metadata metadata
             set paused_at = null, paused_by = null, pause_reason = null
             where data_type = $1
             returning {SHOWN} as shown)
         select coalesce((select shown from resumed), json_build_object(
             'dataType', $1::text, 'pausedAt', null, 'pausedBy', null, 'reason', null,
             'pendingMode', null))"
    );
    let parameters = [(&spec.name as _, Type::TEXT)];
    read(database, "resuming a data type", &sql, &parameters).await
}

/// Whether a data type is paused.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn is_paused(database: &mut Database, spec: &DataType) -> Result<bool> {
    let sql = "select to_json(exists (
                   select from odoo.sync_metadata
                   where data_type = $1 and paused_at is not null))";
    let parameters = [(&spec.name as _, Type::TEXT)];
    let found = read(database, "looking for a pause", sql, &parameters).await?;
    Ok(found == Value::Bool(true))
}

const SHOWN: &str = "json_build_object(
    'dataType', metadata.data_type, 'pausedAt', metadata.paused_at,
    'pausedBy', metadata.paused_by, 'reason', metadata.pause_reason,
    'pendingMode', metadata.pending_mode)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_be_given_and_nothing_else() {
        let reason = |body: &str| Pause::parse(body.as_bytes()).map(|it| it.reason());
        for nothing in ["", " \n", "{}", r#"{"reason": null}"#] {
            assert_eq!(reason(nothing).expect("allowed"), None, "{nothing}");
        }
        let given = reason(r#"{"reason": "an\u0000 upgrade\n"}"#).expect("allowed");
        assert_eq!(given.as_deref(), Some("an  upgrade "));
        let longest = "ä".repeat(MAX_REASON);
        assert!(reason(&format!(r#"{{"reason": "{longest}"}}"#)).is_ok());
        for bad in [
            "{",
            "[]",
            r#"["an upgrade"]"#,
            "null",
            r#""reason""#,
            r#"{"reason": 7}"#,
            r#"{"why": "x"}"#,
            &format!(r#"{{"reason": "{longest}x"}}"#),
        ] {
            let error = reason(bad).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{bad:.40}");
        }
    }
}
