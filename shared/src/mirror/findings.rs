//! Findings: what a run noticed about single rows, kept in `odoo.sync_findings`.
//!
//! A *reject* could not be mirrored. It is tried again by later incremental runs, the
//! pause doubling up to a day, until the row is accepted or Odoo no longer has it.

use futures_util::future::{join, join3};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::database::{Doing, first_column};
use super::sqlstate::refuses_row;
use crate::error::Result;

/// The rule's name for a row that has no representation in the mirror.
const REPRESENTATION: &str = "representation";

/// Longest payload that is kept, in bytes; a reject should not cost more than its row.
const MAX_PAYLOAD: usize = 64 * 1024;

/// Rejects that are recorded by one statement: with their payloads a few megabytes at most.
const AT_ONCE: usize = 100;

/// A row that could not be mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub(crate) odoo_id: i64,
    /// Says which column and what is wrong with it; never the value.
    pub(crate) reason: String,
    /// The record as Odoo sent it.
    pub(crate) payload: String,
}

/// Records rejects: a new finding each, or one more attempt of an open one. A page may be full of
/// them and Postgres far away: so many go by one statement, and none waits for an answer that it need not.
pub(crate) async fn record(
    transaction: &Transaction<'_>,
    data_type: &str,
    stream: &str,
    run_id: Uuid,
    rejects: &[Reject],
) -> Result<()> {
    let recorder = Recorder {
        transaction,
        data_type,
        stream,
        run_id,
    };
    for rejects in rejects.chunks(AT_ONCE) {
        if !recorder.takes(rejects).await? {
            for reject in rejects {
                recorder.record_one(std::slice::from_ref(reject)).await?;
            }
        }
    }
    Ok(())
}

struct Recorder<'a> {
    transaction: &'a Transaction<'a>,
    data_type: &'a str,
    stream: &'a str,
    run_id: Uuid,
}

impl Recorder<'_> {
    /// Records these, unless Postgres refuses one of the payloads: then none of them is, and the
    /// savepoint is rolled back.
    async fn takes(&self, rejects: &[Reject]) -> Result<bool> {
        let doing = "recording a finding";
        match self.insert_after_savepoint(rejects).await? {
            Ok(_) => Ok(true),
            Err(error) if refuses_row(&error) => {
                self.execute(ROLL_BACK).await.doing(doing)?;
                Ok(false)
            }
            Err(error) => Err(error).doing(doing),
        }
    }

    /// Records one. What JSON allows and jsonb refuses (a lone surrogate, a number of a million
    /// digits) is kept as one text.
    async fn record_one(&self, reject: &[Reject]) -> Result<()> {
        let doing = "recording a finding";
        match self.insert_after_savepoint(reject).await? {
            Err(error) if refuses_row(&error) => {
                let as_text = self.insert("to_jsonb(row.payload)", reject);
                let (rolled_back, inserted) = join(self.execute(ROLL_BACK), as_text).await;
                rolled_back.and(inserted).doing(doing)?;
            }
            inserted => {
                inserted.doing(doing)?;
            }
        }
        Ok(())
    }

    /// Sends savepoint, statement and release at once. Where the statement is refused so is the
    /// release, and the savepoint is there to be rolled back to. Left open, those of a page would nest
    /// in each other.
    async fn insert_after_savepoint(
        &self,
        rejects: &[Reject],
    ) -> Result<std::result::Result<u64, tokio_postgres::Error>> {
        let doing = "recording a finding";
        let (set, inserted, released) = join3(
            self.execute("savepoint finding"),
            self.insert("row.payload::jsonb", rejects),
            self.execute("release savepoint finding"),
        )
        .await;
        set.doing(doing)?;
        if inserted.is_ok() {
            released.doing(doing)?;
        }
        Ok(inserted)
    }

    async fn insert(
        &self,
        payload: &str,
        rejects: &[Reject],
    ) -> std::result::Result<u64, tokio_postgres::Error> {
        let ids: Vec<i64> = rejects.iter().map(|it| it.odoo_id).collect();
        let reasons: Vec<&str> = rejects.iter().map(|it| it.reason.as_str()).collect();
        let payloads: Vec<_> = rejects.iter().map(|it| storable(&it.payload)).collect();
        self.transaction
            .execute_typed(
                &insertion(payload),
                &[
                    (&self.data_type, Type::TEXT),
                    (&self.stream, Type::TEXT),
                    (&REPRESENTATION, Type::TEXT),
                    (&self.run_id, Type::UUID),
                    (&ids, Type::INT8_ARRAY),
                    (&reasons, Type::TEXT_ARRAY),
                    (&payloads, Type::TEXT_ARRAY),
                ],
            )
            .await
    }

    async fn execute(&self, statement: &str) -> std::result::Result<(), tokio_postgres::Error> {
        self.transaction.batch_execute(statement).await
    }
}

const ROLL_BACK: &str = "rollback to savepoint finding; release savepoint finding";

/// The statement that records rejects, with this form of their payloads. One that somebody has dismissed
/// stays away while its reason and the record are the same.
fn insertion(payload: &str) -> String {
    format!(
        "insert into odoo.sync_findings as finding
            (data_type, stream, odoo_id, severity, rule, reason, payload, run_id, next_try_at)
        select $1, $2, found.odoo_id, 'reject', $3, found.reason, found.payload, $4,
               now() + interval '1 minute'
        from (
            select row.odoo_id, row.reason, {payload} as payload
            from unnest($5::bigint[], $6::text[], $7::text[]) as row (odoo_id, reason, payload)
        ) found
        where not exists (
                select from odoo.sync_findings dismissed
                where dismissed.stream = $2 and dismissed.odoo_id = found.odoo_id
                  and dismissed.rule = $3 and dismissed.resolution = 'dismissed'
                  and dismissed.reason = found.reason
                  and dismissed.payload is not distinct from found.payload)
            or exists (
                select from odoo.sync_findings open
                where open.stream = $2 and open.odoo_id = found.odoo_id and open.rule = $3
                  and open.resolved_at is null)
        on conflict (stream, odoo_id, rule) where resolved_at is null do update set
            reason = excluded.reason,
            payload = excluded.payload,
            run_id = excluded.run_id,
            last_seen_at = now(),
            attempts = finding.attempts + 1,
            retry_requested_at = null,
            next_try_at = now()
                + least(interval '1 minute' * power(2, least(finding.attempts, 20)), interval '1 day')"
    )
}

/// Closes the open and the dismissed rejects of rows that have been written after all, or are gone.
pub(crate) async fn resolve(
    transaction: &Transaction<'_>,
    stream: &str,
    resolution: &str,
    ids: &[i64],
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_findings set resolved_at = now(), resolution = $3
             where stream = $1 and odoo_id = any($2) and rule = $4
                 and (resolved_at is null or resolution = 'dismissed')",
            &[
                (&stream, Type::TEXT),
                (&ids, Type::INT8_ARRAY),
                (&resolution, Type::TEXT),
                (&REPRESENTATION, Type::TEXT),
            ],
        )
        .await
        .doing("resolving findings")?;
    Ok(())
}

/// Ids of open rejects that somebody wants to be tried, or whose pause is over, the longest untried first,
/// `limit` of them at most.
pub(crate) async fn due(
    transaction: &Transaction<'_>,
    stream: &str,
    limit: usize,
) -> Result<Vec<i64>> {
    let which = "resolved_at is null and (next_try_at <= now() or retry_requested_at is not null)
         order by retry_requested_at nulls last, last_seen_at, odoo_id";
    ids(transaction, stream, which, i64::MIN, limit).await
}

/// Ids of rejects above `after` that are open or dismissed, in order, `limit` of them at most: the source
/// has these rows and the mirror has not.
pub(crate) async fn open_after(
    transaction: &Transaction<'_>,
    stream: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>> {
    let which =
        "(resolved_at is null or resolution = 'dismissed') group by odoo_id order by odoo_id";
    ids(transaction, stream, which, after, limit).await
}

async fn ids(
    transaction: &Transaction<'_>,
    stream: &str,
    which: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>> {
    let sql = format!(
        "select odoo_id from odoo.sync_findings
         where stream = $1 and rule = $2 and odoo_id > $4
           and {which} limit $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let doing = "reading findings";
    let rows = transaction
        .query_typed(
            &sql,
            &[
                (&stream, Type::TEXT),
                (&REPRESENTATION, Type::TEXT),
                (&limit, Type::INT8),
                (&after, Type::INT8),
            ],
        )
        .await
        .doing(doing)?;
    first_column(&rows).doing(doing)
}

/// The payload in a form that jsonb takes, or nothing where it is too long. JSON may
/// escape a NUL and Postgres's text may not hold one, so it becomes U+FFFD.
fn storable(payload: &str) -> Option<String> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    if !payload.contains("\\u0000") {
        return Some(payload.to_owned());
    }
    let mut text = String::with_capacity(payload.len());
    let mut rest = payload;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        if let Some(after) = escape.strip_prefix("\\u0000") {
            text.push_str("\\ufffd");
            rest = after;
        } else {
            // Both characters of the escape, so that an escaped backslash is one.
            let end = escape
                .char_indices()
                .nth(2)
                .map_or(escape.len(), |(i, _)| i);
            text.push_str(&escape[..end]);
            rest = &escape[end..];
        }
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_replaced_and_an_escaped_backslash_is_not_touched() {
        assert_eq!(
            storable(r#"{"a":"x\u0000y","b":"\\u0000"}"#).as_deref(),
            Some(r#"{"a":"x\ufffdy","b":"\\u0000"}"#)
        );
    }

    #[test]
    fn a_payload_that_is_too_long_is_left_out() {
        assert_eq!(storable(&"x".repeat(MAX_PAYLOAD + 1)), None);
    }
}
