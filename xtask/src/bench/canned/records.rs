//! The records of the canned Odoo: each is one text with its id written into it, so that a page
//! of them is little more than a copy of bytes.

use std::ops::RangeInclusive;

/// Every id has as many digits, so that it always fits into its place.
pub(super) const FIRST_ID: u64 = 10_000_001;
const DIGITS: usize = 8;
/// Where the id goes in a value.
const ID: &str = "########";
const SEPARATOR: &[u8] = b", ";

/// A model of the canned Odoo.
pub(super) struct Model {
    /// With every field that its stream reads.
    fields: &'static [Field],
    pub(super) rows: u64,
}

struct Field {
    name: &'static str,
    kind: &'static str,
    /// The value's JSON.
    value: &'static str,
}

const fn field(name: &'static str, kind: &'static str, value: &'static str) -> Field {
    Field { name, kind, value }
}

const CREATED: Field = field("create_date", "datetime", "\"2025-11-03 09:14:52\"");
const CHANGED: Field = field("write_date", "datetime", "\"2026-01-15 08:30:11\"");

const UOM: &[Field] = &[
    field("name", "char", "\"Unit ########\""),
    field("factor", "float", "1.0"),
    field("active", "boolean", "true"),
    CREATED,
    CHANGED,
];

const TEMPLATE: &[Field] = &[CREATED, CHANGED];

/// As long as a record of the multiplied demo data.
const PRODUCT: &[Field] = &[
    field("product_tmpl_id", "many2one", ID),
    field("name", "char", "\"Four-person desk, oak veneer ########\""),
    field("default_code", "char", "\"FURN-########\""),
    field("barcode", "char", "\"59012########\""),
    field("type", "selection", "\"consu\""),
    field("is_storable", "boolean", "true"),
    field("categ_id", "many2one", "7"),
    field("uom_id", "many2one", "10000001"),
    field("list_price", "float", "2350.0"),
    field("standard_price", "float", "1799.99"),
    field("weight", "float", "9.54"),
    field("volume", "float", "0.08"),
    field("tracking", "selection", "\"none\""),
    field("sale_ok", "boolean", "true"),
    field("purchase_ok", "boolean", "true"),
    field("company_id", "many2one", "false"),
    field("active", "boolean", "true"),
    CREATED,
    CHANGED,
];

impl Model {
    /// The model of this name in an Odoo with so many products, each with a template of its own.
    pub(super) fn find(name: &str, products: u64) -> Option<Self> {
        let (fields, rows) = match name {
            "uom.uom" => (UOM, 20),
            "product.product" => (PRODUCT, products),
            "product.template" => (TEMPLATE, products),
            _ => return None,
        };
        Some(Self { fields, rows })
    }

    /// Its ids, without a gap.
    pub(super) fn ids(&self) -> RangeInclusive<u64> {
        FIRST_ID..=FIRST_ID + self.rows - 1
    }

    /// The answer to `fields_get`.
    pub(super) fn description(&self) -> String {
        let fields = self.fields.iter();
        let fields =
            fields.map(|field| format!("\"{}\": {{\"type\": \"{}\"}}", field.name, field.kind));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
    }

    /// The answer to a read of these records. A field that it does not have is left out.
    pub(super) fn records(&self, ids: RangeInclusive<u64>, fields: &[String]) -> Vec<u8> {
        let mut record = format!("{{\"id\": {ID}");
        for name in fields {
            if let Some(field) = self.fields.iter().find(|field| field.name == name) {
                record.push_str(&format!(", \"{name}\": {}", field.value));
            }
        }
        record.push('}');
        repeated(&record, ids)
    }
}

/// The answer to a `search` that finds these records.
pub(super) fn list(ids: RangeInclusive<u64>) -> Vec<u8> {
    repeated(ID, ids)
}

/// A list of one text again and again, with the next id in each.
fn repeated(text: &str, ids: RangeInclusive<u64>) -> Vec<u8> {
    let places: Vec<usize> = text.match_indices(ID).map(|(at, _)| at).collect();
    let count = usize::try_from((ids.end() + 1).saturating_sub(*ids.start())).unwrap_or_default();
    let mut answer = Vec::with_capacity(2 + count * (text.len() + SEPARATOR.len()));
    let mut digits = ids.start().to_string().into_bytes();
    answer.push(b'[');
    for number in 0..count {
        if number > 0 {
            answer.extend_from_slice(SEPARATOR);
            increment(&mut digits);
        }
        let start = answer.len();
        answer.extend_from_slice(text.as_bytes());
        for place in &places {
            let from = start + place;
            answer[from..from + DIGITS].copy_from_slice(&digits);
        }
    }
    answer.push(b']');
    answer
}

/// Of decimal digits. Formatting a number takes longer, and there are millions of them.
fn increment(digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_ID, Model, list};
    use serde_json::{Value, json};
    use shared::specs::PRODUCTS;

    fn parsed(answer: &[u8]) -> Value {
        serde_json::from_slice(answer).expect("JSON")
    }

    #[test]
    fn every_record_has_its_own_id_in_every_place() {
        let products = Model::find("product.product", 12).expect("there is one");
        let fields = ["product_tmpl_id", "barcode", "no_such_field"].map(str::to_owned);
        let records = parsed(&products.records(10_000_009..=10_000_010, &fields));
        assert_eq!(
            records,
            json!([
                {"id": 10_000_009, "product_tmpl_id": 10_000_009, "barcode": "5901210000009"},
                {"id": 10_000_010, "product_tmpl_id": 10_000_010, "barcode": "5901210000010"},
            ])
        );
        assert_eq!(products.ids(), FIRST_ID..=10_000_012);
    }

    #[test]
    fn ids_follow_each_other() {
        assert_eq!(
            parsed(&list(10_000_099..=10_000_101)),
            json!([10_000_099, 10_000_100, 10_000_101])
        );
        let none = Model::find("product.product", 0).expect("there is one");
        assert_eq!(list(none.ids()), b"[]");
    }

    #[test]
    fn it_has_every_field_that_the_streams_read() {
        for stream in PRODUCTS.streams {
            let model = Model::find(stream.model, 1).expect("a model of the canned Odoo");
            let described = parsed(model.description().as_bytes());
            for column in stream.columns {
                let has = |source: &shared::specs::Source| described[source.field()].is_object();
                assert!(column.sources.iter().any(has), "{}", column.name);
            }
        }
    }
}
