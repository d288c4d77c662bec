//! Odoo's rows and the mirror's rows in one comparable form, made by other means than
//! the program's: text of every column, numbers by their exact decimal value.

use std::collections::BTreeMap;

use shared::specs::{DataType, Kind, Related, Source, Stream};
use tokio_postgres::Client;

use super::odoo::{Odoo, RawRecord};

/// Each row's columns by its id.
pub(crate) type Snapshot = BTreeMap<i64, Vec<(String, Option<String>)>>;

/// Asserts that every table of a data type equals Odoo, column by column.
pub(crate) async fn assert_mirror_equals(odoo: &Odoo, client: &Client, spec: &'static DataType) {
    for stream in spec.streams {
        let expected = of_odoo(odoo, stream).await;
        let found = of_mirror(client, stream).await;
        assert_same(stream.name, &expected, &found);
    }
}

/// Points at the first row that differs: a diff of two whole tables helps nobody.
pub(crate) fn assert_same(name: &str, expected: &Snapshot, found: &Snapshot) {
    let ids = |snapshot: &Snapshot| snapshot.keys().copied().collect::<Vec<_>>();
    assert_eq!(ids(expected), ids(found), "the ids of {name} differ");
    for (id, row) in expected {
        assert_eq!(row, &found[id], "row {id} of {name} differs");
    }
}

/// What the mirror should hold, asked of Odoo.
pub(crate) async fn of_odoo(odoo: &Odoo, stream: &'static Stream) -> Snapshot {
    let server = odoo.fields(stream.model).await;
    let source = |sources: &[Source]| {
        sources
            .iter()
            .copied()
            .find(|source| server.iter().any(|field| field == source.field()))
    };
    let related: Vec<&Related> = stream
        .related
        .iter()
        .filter(|r| {
            r.where_field
                .is_none_or(|field| server.iter().any(|it| it == field))
        })
        .collect();
    let mut fields: Vec<String> = stream
        .columns
        .iter()
        .filter_map(|column| source(column.sources))
        .map(|source| source.field().to_owned())
        .chain(["create_date", "write_date"].map(str::to_owned))
        .chain(related.iter().map(|r| r.field.to_owned()))
        .collect();
    fields.sort();
    fields.dedup();
    let times = related_times(odoo, &related).await;
    let mut snapshot = Snapshot::new();
    for record in odoo.all(stream.model, &fields).await {
        let mut row: Vec<(String, Option<String>)> = stream
            .columns
            .iter()
            .map(|column| {
                let value = source(column.sources)
                    .and_then(|source| expected(&record, source, column.kind));
                (column.name.to_owned(), value)
            })
            .collect();
        for (name, field) in [
            ("odoo_created_at", "create_date"),
            ("odoo_updated_at", "write_date"),
        ] {
            row.push((
                name.to_owned(),
                expected(&record, Source::Field(field), Kind::Timestamp),
            ));
        }
        let related = related
            .iter()
            .flat_map(|r| ids(record[r.field].get()).map(|id| times[r.model].get(&id).cloned()))
            .flatten()
            .max();
        row.push(("odoo_related_at".to_owned(), related));
        snapshot.insert(record["id"].get().parse().expect("an id"), row);
    }
    snapshot
}

/// Change times of every related record, by model and by the id's text.
async fn related_times(
    odoo: &Odoo,
    related: &[&'static Related],
) -> BTreeMap<&'static str, BTreeMap<String, String>> {
    let mut times = BTreeMap::new();
    for related in related {
        let records = odoo.all(related.model, &["write_date".to_owned()]).await;
        let of_model = records
            .iter()
            .filter_map(|record| {
                let time = expected(record, Source::Field("write_date"), Kind::Timestamp)?;
                Some((record["id"].get().to_owned(), time))
            })
            .collect();
        times.insert(related.model, of_model);
    }
    times
}

/// The ids in the text of a relation's value: one, a list, or `false` for none.
fn ids(json: &str) -> impl Iterator<Item = String> {
    let ids = json.trim_matches(['[', ']']).split(',');
    ids.map(|id| id.trim().to_owned())
}

fn expected(record: &RawRecord, source: Source, kind: Kind) -> Option<String> {
    let json = record[source.field()].get();
    if let Source::Equals(_, value) = source {
        return Some((json == format!("\"{value}\"")).to_string());
    }
    if let Source::IsSet(_) = source {
        return Some((json != "false").to_string());
    }
    match kind {
        Kind::Boolean => Some(json.to_owned()),
        _ if json == "false" => None,
        Kind::Id => Some(json.to_owned()),
        Kind::Numeric => Some(decimal(json)),
        Kind::Text | Kind::Timestamp => Some(serde_json::from_str(json).expect("text")),
    }
}

/// What the mirror holds of the rows that are not deleted.
pub(crate) async fn of_mirror(client: &Client, stream: &Stream) -> Snapshot {
    let standard = ["odoo_created_at", "odoo_updated_at", "odoo_related_at"];
    let columns: Vec<(&str, Kind)> = stream
        .columns
        .iter()
        .map(|column| (column.name, column.kind))
        .chain(standard.map(|name| (name, Kind::Timestamp)))
        .collect();
    let selected: Vec<String> = columns
        .iter()
        .map(|(name, kind)| match kind {
            Kind::Timestamp => {
                format!("to_char({name} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
            }
            _ => format!("{name}::text"),
        })
        .collect();
    let sql = format!(
        "select odoo_id, {} from odoo.{} where deleted_at is null",
        selected.join(", "),
        stream.name
    );
    let rows = client.query(&sql, &[]).await.expect("the mirror");
    rows.iter()
        .map(|row| {
            let values = columns.iter().enumerate().map(|(index, (name, kind))| {
                let text: Option<String> = row.get(index + 1);
                let text = match kind {
                    Kind::Numeric => text.map(|text| decimal(&text)),
                    _ => text,
                };
                ((*name).to_owned(), text)
            });
            (row.get(0), values.collect())
        })
        .collect()
}

/// A number's exact value in one form: sign, digits without zeros at either end, and
/// the power of ten of the last digit.
fn decimal(text: &str) -> String {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().expect("an exponent")),
        None => (text, 0),
    };
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let scale = exponent - i64::try_from(fraction.len()).expect("a short number");
    let kept = digits.trim_end_matches('0');
    let power = scale + i64::try_from(digits.len() - kept.len()).expect("a short number");
    match kept.trim_start_matches('0') {
        "" => "0".to_owned(),
        kept => format!("{sign}{kept}e{power}"),
    }
}

#[test]
fn a_decimal_s_form_depends_on_its_value_alone() {
    for same in [
        ["12.340", "12.34"],
        ["1e+16", "10000000000000000"],
        ["1e-07", "0.0000001"],
        ["-0.50", "-5E-1"],
        ["0.00", "-0"],
    ] {
        assert_eq!(decimal(same[0]), decimal(same[1]), "{same:?}");
    }
    assert_ne!(decimal("0.30000000000000004"), decimal("0.3"));
}
