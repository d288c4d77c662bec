//! Checks the rules of a stream's spec and keeps what it finds as warnings.
//!
//! Rules are checked by Postgres, on the rows as they were written: numbers are added up
//! exactly, and a row is compared with others through an index. All rules of a page are
//! one statement, in the page's transaction. A finding is resolved as soon as its row is
//! found mended, or gone.

use std::fmt::Write;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::database::Doing;
use crate::error::Result;
use crate::specs::{Check, Rule, Stream};

/// Difference up to which a sum is right: documents are rounded to cents.
const CENT: &str = "0.01";

/// Begins the names of the rules that are not checked with each page.
const REFERENCE: &str = "refers_to:";

/// Whose findings they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) data_type: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) run_id: Uuid,
}

/// The statement that checks rows against those rules of a stream that look at its own
/// table alone. Built once a run.
#[derive(Debug)]
pub(crate) struct RowRules {
    /// Whether there is any rule to check.
    pub(crate) any: bool,
    sql: String,
}

impl RowRules {
    pub(crate) fn new(stream: &Stream) -> Self {
        let rules = || stream.rules.iter().filter(|rule| !is_reference(rule));
        let mut broken = String::from("select null::bigint, null::text, null::text where false");
        for rule in rules() {
            broken.push_str(" union all ");
            broken.push_str(&broken_rows(stream.name, rule));
        }
        let unique: Vec<String> = rules()
            .filter(|rule| matches!(rule.check, Check::Unique(_)))
            .map(|rule| literal(&rule.name()))
            .collect();
        let of_any_row = match unique.as_slice() {
            [] => String::new(),
            names => format!("or finding.rule in ({})", names.join(", ")),
        };
        let examined = format!(
            "not starts_with(finding.rule, '{REFERENCE}') \
                 and (finding.odoo_id = any($4) {of_any_row})
             or finding.odoo_id = any($4) and not {}",
            is_live(stream.name, "finding.odoo_id")
        );
        Self {
            any: rules().next().is_some(),
            sql: statement(stream.name, &broken, &examined),
        }
    }

    /// Checks the rows with these ids, which may have been deleted, and all others that
    /// have or had a value in common with them that should be unique.
    pub(crate) async fn check(
        &self,
        transaction: &Transaction<'_>,
        context: Context,
        ids: &[i64],
    ) -> Result<()> {
        execute(transaction, &self.sql, context, ids).await
    }
}

/// Checks the references of a whole stream. One to a stream that has not been filled yet
/// says nothing, so it is left as it was.
pub(crate) async fn check_references(
    transaction: &Transaction<'_>,
    context: Context,
    stream: &Stream,
) -> Result<()> {
    for rule in stream.rules {
        let Check::RefersTo { column, stream: to } = rule.check else {
            continue;
        };
        if !is_filled(transaction, to).await? {
            continue;
        }
        let broken = format!(
            "{} and row.{column} is not null and not {}",
            live_rows(stream.name, rule),
            is_live(to, &format!("row.{column}"))
        );
        let examined = format!("finding.rule = {}", literal(&rule.name()));
        let sql = statement(stream.name, &broken, &examined);
        execute(transaction, &sql, context, &[]).await?;
    }
    Ok(())
}

fn is_reference(rule: &Rule) -> bool {
    matches!(rule.check, Check::RefersTo { .. })
}

/// Records what is broken and resolves those open warnings among the examined that are
/// not. `$1` data type, `$2` stream, `$3` run, `$4` ids.
fn statement(table: &str, broken: &str, examined: &str) -> String {
    let is_live = is_live(table, "finding.odoo_id");
    format!(
        "with broken (odoo_id, rule, reason) as materialized (
             {broken}
         ), recorded as (
             insert into odoo.sync_findings as finding
                 (data_type, stream, odoo_id, severity, rule, reason, run_id)
             select $1, $2, odoo_id, 'warning', rule, reason, $3 from broken
             on conflict (stream, odoo_id, rule) where resolved_at is null do update set
                 reason = excluded.reason,
                 run_id = excluded.run_id,
                 last_seen_at = now(),
                 attempts = finding.attempts + 1
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
    ids: &[i64],
) -> Result<()> {
    transaction
        .execute_typed(
            sql,
            &[
                (&context.data_type, Type::TEXT),
                (&context.stream, Type::TEXT),
                (&context.run_id, Type::UUID),
                (&ids, Type::INT8_ARRAY),
            ],
        )
        .await
        .doing("checking the rules")?;
    Ok(())
}

async fn is_filled(transaction: &Transaction<'_>, stream: &str) -> Result<bool> {
    let doing = "looking which tables are filled";
    transaction
        .query_typed_one(
            "select exists (select from odoo.sync_streams
                            where stream = $1 and watermark is not null)",
            &[(&stream, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Selects the rows among those to check that break a rule, with its name and reason.
fn broken_rows(table: &str, rule: &Rule) -> String {
    match rule.check {
        Check::Unique(column) => twins(table, rule, column),
        _ => format!(
            "{} and row.odoo_id = any($4) and {}",
            live_rows(table, rule),
            is_broken(&rule.check)
        ),
    }
}

/// Selects the rows that have a value more than once, among the values of the rows to
/// check and of those with an open finding. The values go through arrays: as a join, the
/// planner reads the whole table for every page of a first fill.
fn twins(table: &str, rule: &Rule, column: &str) -> String {
    let (name, reason) = (literal(&rule.name()), literal(&rule.reason()));
    let is_live = only_where("row", rule);
    format!(
        "select unnest(array_agg(row.odoo_id)), {name}, {reason}
         from odoo.{table} row
         where {is_live} and row.{column} = any(array(
             select {column} from odoo.{table} where odoo_id = any($4)
             union
             select {column} from odoo.{table} where odoo_id = any(array(
                 select odoo_id from odoo.sync_findings
                 where stream = $2 and rule = {name} and resolved_at is null))))
         group by row.{column} having count(*) > 1"
    )
}

/// Whether a row breaks a rule about itself. Null counts as no.
fn is_broken(check: &Check) -> String {
    match check {
        Check::Required(column) => format!("row.{column} is null"),
        Check::NotBlank(column) => format!(r"row.{column} !~ '\S'"),
        Check::NonNegative(column) => format!("row.{column} < 0"),
        Check::OneOf(column, values) => {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            format!("row.{column} not in ({})", values.join(", "))
        }
        Check::SumsUpTo { parts, total } => {
            let mut sum = String::new();
            for part in *parts {
                // Writing to a String cannot fail.
                let _ = write!(sum, "row.{part} + ");
            }
            let sum = sum.trim_end_matches(" + ");
            format!("abs({sum} - row.{total}) > {CENT}")
        }
        // These look at other rows and are built elsewhere.
        Check::Unique(_) | Check::RefersTo { .. } => "false".to_owned(),
    }
}

/// Selects the live rows that a rule is about, with its name and reason.
fn live_rows(table: &str, rule: &Rule) -> String {
    format!(
        "select row.odoo_id, {}, {} from odoo.{table} row where {}",
        literal(&rule.name()),
        literal(&rule.reason()),
        only_where("row", rule)
    )
}

fn only_where(alias: &str, rule: &Rule) -> String {
    let mut condition = format!("{alias}.deleted_at is null");
    if let Some(only) = &rule.only_where {
        let (column, value) = (only.column, literal(only.value));
        let _ = write!(condition, " and {alias}.{column}::text = {value}");
    }
    condition
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
