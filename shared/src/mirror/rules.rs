//! Checks the rules of a stream's spec and keeps what it finds as warnings.
//!
//! Rules are checked by Postgres, on the rows as they were written: numbers are added up
//! exactly. The rules about a row alone are one statement a page, in the page's transaction, and
//! only where a [`Glance`] found anything; those that compare rows look at the whole table, once a run. A finding is resolved as soon
//! as its row is found mended, or gone.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::database::{Doing, first_column};
use super::glance::{Glance, rows_of_page};
use crate::error::{ErrorKind, Result};
use crate::specs::{Check, Condition, Rule, Stream};

/// Difference up to which a sum is right: documents are rounded to cents.
const CENT: &str = "0.01";

/// When a warning that is still true is noted again. Those of a whole table are looked at in
/// every run, and a row that is written each time only to say so is written for nothing.
const SEEN_ANEW: &str = "1 hour";

/// Whose findings they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) data_type: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) run_id: Uuid,
}

/// The statement that checks rows against those rules of a stream that look at one row
/// alone. Built once a run.
#[derive(Debug)]
pub(crate) struct RowRules {
    /// Whether there is anything to check or to resolve; asked first.
    pub(crate) glance: Glance,
    sql: String,
}

impl RowRules {
    pub(crate) fn new(stream: &Stream) -> Self {
        // Those of a rule that the stream no longer has are over as well.
        let elsewhere: Vec<String> = stream
            .rules
            .iter()
            .filter(|rule| is_broken(rule).is_none())
            .map(|rule| literal(&rule.name()))
            .collect();
        let examined = format!(
            "finding.odoo_id = any($4)
                 and (not {} or finding.rule <> all(array[{}]::text[]))",
            is_live(stream.name, "finding.odoo_id"),
            elsewhere.join(", ")
        );
        let any: Vec<String> = stream.rules.iter().filter_map(is_broken).collect();
        let any = (!any.is_empty()).then(|| any.join(" or "));
        Self {
            glance: Glance::new(stream.name, any.as_deref()),
            sql: statement(stream.name, &broken_alone(stream), &examined),
        }
    }

    /// Checks the rows with these ids, which may have been deleted: then all their warnings
    /// are resolved.
    pub(crate) async fn check(
        &self,
        transaction: &Transaction<'_>,
        context: Context,
        ids: &[i64],
    ) -> Result<()> {
        let ids = (&ids as &(dyn ToSql + Sync), Type::INT8_ARRAY);
        execute(transaction, &self.sql, context, Some(ids)).await
    }
}

/// What a check came to. One that Postgres breaks off, because it takes too long on a large table, say,
/// leaves the findings as they are and comes to `otherwise`: neither rows that are mirrored nor
/// the checks after it wait for it.
pub(crate) fn or_warn<T>(checked: Result<T>, otherwise: T) -> Result<T> {
    match checked {
        Err(error) if error.kind() == ErrorKind::DbFault => {
            tracing::warn!(cause = error.chain(), "a rule was not checked");
            Ok(otherwise)
        }
        checked => checked,
    }
}

/// The rules of a stream that look at other tables, each with the statement that checks it.
pub(crate) fn references(stream: &'static Stream) -> impl Iterator<Item = Reference> {
    stream.rules.iter().filter_map(|rule| match rule.check {
        Check::RefersTo { column, stream: to } => {
            let broken = format!(
                "{} and row.{column} is not null and not {}",
                live_rows(stream.name, rule),
                is_live(to, &format!("row.{column}"))
            );
            Some(Reference {
                sql: statement(
                    stream.name,
                    &format!(
                        "{broken} and coalesce(
                             greatest(row.odoo_updated_at, row.odoo_related_at) < $4, true)"
                    ),
                    // One that is broken still, but too new to be judged, is not mended.
                    &format!(
                        "finding.rule = {} and not exists (
                             {broken} and row.odoo_id = finding.odoo_id)",
                        literal(&rule.name())
                    ),
                ),
                to,
            })
        }
        _ => None,
    })
}

/// A rule that says what a column refers to.
pub(crate) struct Reference {
    to: &'static str,
    sql: String,
}

impl Reference {
    /// Checks the whole stream. A row may be newer than what the other table was last filled
    /// with, so only rows are judged that had not changed for `overlap` when that was last
    /// read; where it never was, nothing is.
    pub(crate) async fn check(
        &self,
        transaction: &Transaction<'_>,
        context: Context,
        overlap: Duration,
    ) -> Result<()> {
        let Some(seen_at) = self.seen_at(transaction, context.run_id).await? else {
            return Ok(());
        };
        let before = seen_at.checked_sub(overlap).unwrap_or(Timestamp::MIN);
        let before = (&before as &(dyn ToSql + Sync), Type::TIMESTAMPTZ);
        execute(transaction, &self.sql, context, Some(before)).await
    }

    /// When the table referred to was last read to its end, by this run or by the last one
    /// that succeeded.
    async fn seen_at(
        &self,
        transaction: &Transaction<'_>,
        run_id: Uuid,
    ) -> Result<Option<Timestamp>> {
        let doing = "looking which tables are filled";
        let row = transaction
            .query_typed_opt(
                "select case when run_id = $2 and window_done then window_opened_at
                             else watermark_last_seen_at end
                 from odoo.sync_streams where stream = $1",
                &[(&self.to, Type::TEXT), (&run_id, Type::UUID)],
            )
            .await
            .doing(doing)?;
        match row {
            Some(row) => row.try_get(0).doing(doing),
            None => Ok(None),
        }
    }
}

/// Ids of the rows with an open warning that what they refer to is not mirrored, those noticed last
/// first, `limit` of them at most.
pub(crate) async fn rows_with_broken_references(
    transaction: &Transaction<'_>,
    stream: &'static Stream,
    limit: usize,
) -> Result<Vec<i64>> {
    let refers = |rule: &&Rule| matches!(rule.check, Check::RefersTo { .. });
    let names: Vec<String> = stream.rules.iter().filter(refers).map(Rule::name).collect();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let doing = "reading findings";
    let rows = transaction
        .query_typed(
            "select odoo_id from odoo.sync_findings
             where stream = $1 and rule = any($2) and resolved_at is null
             group by odoo_id order by max(first_seen_at) desc, odoo_id limit $3",
            &[
                (&stream.name, Type::TEXT),
                (&names, Type::TEXT_ARRAY),
                (&limit, Type::INT8),
            ],
        )
        .await
        .doing(doing)?;
    first_column(&rows).doing(doing)
}

/// Checks all of a stream for values that no two rows may share. Whichever of two twins
/// changes, it is about both: so this looks at the whole table, once a run that read any row.
/// With each page it would look at all twins there are for every page of a first fill.
pub(crate) async fn check_unique(
    transaction: &Transaction<'_>,
    context: Context,
    stream: &Stream,
) -> Result<()> {
    for rule in stream.rules {
        let Check::Unique { column, within } = rule.check else {
            continue;
        };
        let sql = statement(
            stream.name,
            &twins(stream.name, rule, column, within),
            &format!("finding.rule = {}", literal(&rule.name())),
        );
        execute(transaction, &sql, context, None).await?;
    }
    Ok(())
}

/// Records what is broken, but for what somebody has dismissed since the row last changed, and resolves
/// those open warnings among the examined that are not. `$1` data type, `$2` stream, `$3` run; `$4` the ids of a page, or for a reference the
/// time before which a row must have changed.
fn statement(table: &str, broken: &str, examined: &str) -> String {
    let is_live = is_live(table, "finding.odoo_id");
    format!(
        "with broken (odoo_id, rule, reason) as materialized (
             {broken}
         ), recorded as (
             insert into odoo.sync_findings as finding
                 (data_type, stream, odoo_id, severity, rule, reason, run_id)
             select $1, $2, odoo_id, 'warning', rule, reason, $3 from broken
             where not exists (
                 select from odoo.sync_findings dismissed
                 join odoo.{table} same on same.odoo_id = dismissed.odoo_id
                 where dismissed.stream = $2 and dismissed.odoo_id = broken.odoo_id
                     and dismissed.rule = broken.rule and dismissed.resolution = 'dismissed'
                     and dismissed.reason = broken.reason
                     and same.synced_at <= dismissed.resolved_at)
             on conflict (stream, odoo_id, rule) where resolved_at is null do update set
                 reason = excluded.reason,
                 run_id = excluded.run_id,
                 last_seen_at = now()
             where finding.reason <> excluded.reason
                 or finding.last_seen_at < now() - interval '{SEEN_ANEW}'
         )
         update odoo.sync_findings finding set
             resolved_at = now(),
             resolution = case when {is_live} then 'mended' else 'gone' end
         where stream = $2 and severity = 'warning' and resolved_at is null
             and ({examined})
             and not exists (
                 select from broken
                 where broken.odoo_id = finding.odoo_id and broken.rule = finding.rule)"
    )
}

async fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    context: Context,
    fourth: Option<(&(dyn ToSql + Sync), Type)>,
) -> Result<()> {
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![
        (&context.data_type, Type::TEXT),
        (&context.stream, Type::TEXT),
        (&context.run_id, Type::UUID),
    ];
    parameters.extend(fourth);
    transaction
        .execute_typed(sql, &parameters)
        .await
        .doing("checking the rules")?;
    Ok(())
}

/// Selects the rows among those to check that break a rule about themselves, with its name
/// and reason. One look at each row, whatever the number of rules.
fn broken_alone(stream: &Stream) -> String {
    let rules: Vec<(&Rule, String)> = stream
        .rules
        .iter()
        .filter_map(|rule| Some((rule, is_broken(rule)?)))
        .collect();
    if rules.is_empty() {
        return "select null::bigint, null::text, null::text where false".to_owned();
    }
    let values: Vec<String> = rules
        .iter()
        .map(|(rule, is_broken)| {
            let (name, reason) = (literal(&rule.name()), literal(&rule.reason()));
            format!("({name}, {reason}, {is_broken})")
        })
        .collect();
    let any: Vec<&str> = rules.iter().map(|(_, it)| it.as_str()).collect();
    format!(
        "select row.odoo_id, rule.name, rule.reason
         from {}
         cross join lateral (values {}) rule (name, reason, is_broken)
         where ({}) and rule.is_broken",
        rows_of_page(stream.name, "$4"),
        values.join(", "),
        any.join(" or ")
    )
}

/// Selects the rows that share a value, with the rule's name and reason.
fn twins(table: &str, rule: &Rule, column: &str, within: &str) -> String {
    let (name, reason) = (literal(&rule.name()), literal(&rule.reason()));
    let is_live = only_where(rule);
    format!(
        "(with same as materialized (
             select row.odoo_id, row.{column} as value, row.{within} as scope
             from odoo.{table} row
             where {is_live} and row.{column} in (
                 select row.{column} from odoo.{table} row
                 where {is_live} and row.{column} is not null
                 group by row.{column} having count(*) > 1)
         )
         select one.odoo_id, {name}, {reason} from same one
         where exists (
             select from same other
             where other.value = one.value and other.odoo_id <> one.odoo_id
                 and coalesce(other.scope = one.scope, true)))"
    )
}

/// Whether a row breaks a rule; null counts as no. `None` for a rule that looks at other
/// rows as well.
fn is_broken(rule: &Rule) -> Option<String> {
    let is_broken = match rule.check {
        Check::Required(column) => format!("row.{column} is null"),
        // A text that begins with a visible character of ASCII, as almost all do, need not be matched:
        // that is four times as fast.
        Check::NotBlank(column) => {
            format!(r"(ascii(row.{column}) not between 33 and 126 and row.{column} !~ '\S')")
        }
        Check::NonNegative(column) => format!("row.{column} < 0"),
        Check::OneOf(column, values) => {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            format!("row.{column} not in ({})", values.join(", "))
        }
        Check::SumsUpTo { parts, total } => {
            let parts: Vec<String> = parts.iter().map(|part| format!("row.{part}")).collect();
            format!("abs({} - row.{total}) > {CENT}", parts.join(" + "))
        }
        Check::Unique { .. } | Check::RefersTo { .. } => return None,
    };
    Some(match &rule.only_where {
        Some(only) => format!("({} and {is_broken})", has_value(only)),
        None => format!("({is_broken})"),
    })
}

/// Selects the live rows that a rule is about, with its name and reason.
fn live_rows(table: &str, rule: &Rule) -> String {
    format!(
        "select row.odoo_id, {}, {} from odoo.{table} row where {}",
        literal(&rule.name()),
        literal(&rule.reason()),
        only_where(rule)
    )
}

fn only_where(rule: &Rule) -> String {
    const IS_LIVE: &str = "row.deleted_at is null";
    match &rule.only_where {
        Some(only) => format!("{IS_LIVE} and {}", has_value(only)),
        None => IS_LIVE.to_owned(),
    }
}

fn has_value(only: &Condition) -> String {
    format!("row.{}::text = {}", only.column, literal(only.value))
}

fn is_live(table: &str, id: &str) -> String {
    format!(
        "exists (select from odoo.{table} live
                 where live.odoo_id = {id} and live.deleted_at is null)"
    )
}

/// A constant of a spec as SQL text.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
