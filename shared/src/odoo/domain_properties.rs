//! Any conditions, ids and times make a list that Odoo can read, and that says what was meant:
//! a small interpreter of Odoo's notation and the conditions themselves agree on any record.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::domain::Domain;
use super::value::{format_datetime, parse_datetime};

const PATHS: [&str; 2] = ["product_tmpl_id", "move_line_ids"];

/// A condition as the engine builds it.
#[derive(Debug, Clone)]
enum Condition {
    All,
    IdsIn(Vec<i64>),
    Changed(usize, Timestamp, Timestamp),
    HasChangeTime,
    IdAfter(Box<Condition>, i64),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

/// A record with its own change time and those that [`PATHS`] lead to.
#[derive(Debug, Clone)]
struct Record {
    id: i64,
    changed: Option<Timestamp>,
    related: [Option<Timestamp>; 2],
}

/// From the year 1 on, as Odoo has them; often the same second.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let near = (0..5_i64, 0..1_000_000_000_i32);
    let any = (-62_135_596_800..253_402_207_200_i64, 0..1_000_000_000_i32);
    prop_oneof![near, any].prop_map(|(second, nanosecond)| {
        Timestamp::new(second, if second < 0 { 0 } else { nanosecond }).expect("in range")
    })
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let id = || prop_oneof![0..5_i64, any::<i64>()];
    let leaf = prop_oneof![
        Just(Condition::All),
        Just(Condition::HasChangeTime),
        proptest::collection::vec(id(), 0..5).prop_map(Condition::IdsIn),
        (0..=PATHS.len(), any_time(), any_time())
            .prop_map(|(paths, low, high)| Condition::Changed(paths, low, high)),
    ];
    leaf.prop_recursive(5, 24, 2, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (inner, id()).prop_map(|(it, id)| Condition::IdAfter(Box::new(it), id)),
            two.clone()
                .prop_map(|(a, b)| Condition::And(Box::new(a), Box::new(b))),
            two.prop_map(|(a, b)| Condition::Or(Box::new(a), Box::new(b))),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let time = || proptest::option::weighted(0.8, any_time());
    let id = prop_oneof![0..5_i64, any::<i64>()];
    (id, time(), time(), time()).prop_map(|(id, changed, a, b)| Record {
        id,
        changed,
        related: [a, b],
    })
}

fn build(condition: &Condition) -> Domain {
    match condition {
        Condition::All => Domain::all(),
        Condition::IdsIn(ids) => Domain::ids_in(ids),
        Condition::Changed(paths, low, high) => {
            Domain::changed_within(&PATHS[..*paths], *low, *high)
        }
        Condition::HasChangeTime => Domain::has_change_time(),
        Condition::IdAfter(it, id) => build(it).id_after(*id),
        Condition::And(a, b) => build(a).and(build(b)),
        Condition::Or(a, b) => build(a).or(build(b)),
    }
}

/// What the condition means.
fn holds(condition: &Condition, record: &Record) -> bool {
    match condition {
        Condition::All => true,
        Condition::IdsIn(ids) => ids.contains(&record.id),
        Condition::Changed(paths, low, high) => {
            let seconds = low.as_second()..=high.as_second();
            let within =
                |time: &Option<Timestamp>| time.is_some_and(|it| seconds.contains(&it.as_second()));
            within(&record.changed) || record.related[..*paths].iter().any(within)
        }
        Condition::HasChangeTime => record.changed.is_some(),
        Condition::IdAfter(it, id) => holds(it, record) && record.id > *id,
        Condition::And(a, b) => holds(a, record) && holds(b, record),
        Condition::Or(a, b) => holds(a, record) || holds(b, record),
    }
}

/// Reads one operand off the list, as Odoo's prefix notation has it.
fn evaluate<'a>(terms: &mut impl Iterator<Item = &'a Value>, record: &Record) -> Option<bool> {
    let term = terms.next()?;
    match term.as_str() {
        Some("&") => Some(evaluate(terms, record)? & evaluate(terms, record)?),
        Some("|") => Some(evaluate(terms, record)? | evaluate(terms, record)?),
        Some(_) => None,
        None => leaf(term.as_array()?, record),
    }
}

fn leaf(leaf: &[Value], record: &Record) -> Option<bool> {
    let [field, operator, value] = leaf else {
        return None;
    };
    match (field.as_str()?, operator.as_str()?) {
        ("id", ">") => Some(record.id > value.as_i64()?),
        ("id", "in") => {
            let ids: Option<Vec<i64>> = value.as_array()?.iter().map(Value::as_i64).collect();
            Some(ids?.contains(&record.id))
        }
        ("write_date", "!=") if *value == Value::Bool(false) => Some(record.changed.is_some()),
        (path, operator) => {
            let time = time_at(path, record)?;
            let text = value.as_str()?;
            let limit = parse_datetime(text).filter(|time| format_datetime(*time) == text)?;
            // No time meets no comparison.
            Some(time.is_some_and(|time| match operator {
                ">=" => time >= limit,
                "<" => time < limit,
                other => panic!("an operator that means two things: {other}"),
            }))
        }
    }
}

fn time_at(path: &str, record: &Record) -> Option<Option<Timestamp>> {
    if path == "write_date" {
        return Some(record.changed);
    }
    let slot = PATHS
        .iter()
        .position(|it| format!("{it}.write_date") == path)?;
    Some(record.related[slot])
}

proptest! {
    #[test]
    fn a_list_is_one_operand_and_means_the_condition(
        condition in any_condition(),
        records in proptest::collection::vec(any_record(), 1..10),
    ) {
        let sent = build(&condition).to_json().to_string();
        let list: Value = serde_json::from_str(&sent).expect("JSON");
        let terms = list.as_array().expect("a list");
        for record in &records {
            let mut rest = terms.iter();
            let found = if terms.is_empty() { Some(true) } else { evaluate(&mut rest, record) };
            prop_assert_eq!(found, Some(holds(&condition, record)), "{} on {:?}", sent, record);
            prop_assert_eq!(rest.next(), None, "more than one operand: {}", sent);
        }
    }

    #[test]
    fn any_time_is_written_in_a_form_that_odoo_reads(low in any_time(), high in any_time()) {
        let domain = Domain::changed_within(&[], low, high).to_json();
        for at in [1, 2] {
            let text = domain[at][2].as_str().expect("a time");
            prop_assert_eq!(text.len(), "2024-05-01 10:00:00".len(), "{}", text);
            prop_assert!(parse_datetime(text).is_some(), "{}", text);
        }
    }
}
