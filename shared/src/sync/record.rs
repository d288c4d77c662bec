//! Takes Odoo's answer apart into records, without building a tree of values: a record
//! borrows its fields' JSON text from the answer.
//!
//! The answer is known to be valid JSON, so that what remains is to find where its values begin
//! and end. One pass does that, and it expects the fields in the order in which they were asked
//! for, which is Odoo's. What it does for each value is inlined by demand: the program is built
//! to be small, and calls would double its time.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// One record of an answer.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) id: i64,
    /// The whole record, for a finding.
    pub(crate) json: &'a str,
    /// JSON text of each field asked for, in that order; `None` where it is absent.
    pub(crate) fields: Vec<Option<&'a str>>,
}

/// Reads the records of an answer to a `read` of `fields`. Text that is no JSON comes out as
/// something or as an error.
///
/// # Errors
/// [`ErrorKind::OdooFault`] where the answer is no list of records with an id each.
pub(crate) fn parse<'a>(json: &'a str, fields: &[String]) -> Result<Vec<Record<'a>>> {
    let mut scan = Scan { text: json, at: 0 };
    scan.records(fields).ok_or_else(|| {
        Error::new(
            ErrorKind::OdooFault,
            "Odoo answered a read with something that is not a list of records",
        )
    })
}

/// A place in JSON text. Every function moves it past what it names, or gives `None` where
/// there is something else.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// Whose value comes next.
enum Key {
    Id,
    Field(usize),
    Unknown,
}

impl<'a> Scan<'a> {
    fn records(&mut self, fields: &[String]) -> Option<Vec<Record<'a>>> {
        let mut records = Vec::new();
        self.items(b'[', b']', |scan| {
            records.push(scan.record(fields)?);
            Some(())
        })?;
        self.skip_space();
        self.peek().is_none().then_some(records)
    }

    fn record(&mut self, fields: &[String]) -> Option<Record<'a>> {
        let start = self.at;
        let mut id = None;
        let mut values = vec![None; fields.len()];
        let mut next = 0;
        self.items(b'{', b'}', |scan| {
            let key = scan.key(fields, next)?;
            scan.take(b':')?;
            let value = scan.value()?;
            match key {
                Key::Id => id = Some(value),
                Key::Field(slot) => {
                    values[slot] = Some(value);
                    next = slot + 1;
                }
                Key::Unknown => {}
            }
            Some(())
        })?;
        Some(Record {
            id: id?.parse().ok()?,
            json: self.since(start)?,
            fields: values,
        })
    }

    /// What is between the brackets, with commas between them.
    #[inline(always)]
    fn items(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            self.skip_space();
            item(self)?;
            if self.take(b',').is_none() {
                return self.take(close);
            }
        }
    }

    fn key(&mut self, fields: &[String], next: usize) -> Option<Key> {
        let expected = fields.get(next).filter(|field| *field != "id");
        if expected.is_some_and(|field| self.take_quoted(field)) {
            return Some(Key::Field(next));
        }
        let name = name(self.string()?)?;
        if name == "id" {
            return Some(Key::Id);
        }
        let slot = fields.iter().position(|field| *field == name);
        Some(slot.map_or(Key::Unknown, Key::Field))
    }

    /// A string that says just this, without an escape.
    #[inline(always)]
    fn take_quoted(&mut self, text: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_next = rest
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_prefix(text.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&b'"'));
        if is_next {
            self.at += text.len() + 2;
        }
        is_next
    }

    #[inline(always)]
    fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        match self.peek()? {
            b'"' => return self.string(),
            b'[' | b'{' => self.skip_nested()?,
            _ => {
                let ends = |byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                while self.peek().is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
            }
        }
        self.since(start)
    }

    /// A string with its quotes.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let stop = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += stop + 1;
            if rest[stop] == b'"' {
                return self.since(start);
            }
            self.at += 1;
        }
    }

    /// A list or an object; how deep it is does not matter to the stack.
    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// One byte, after any space.
    #[inline(always)]
    fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn since(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }
}

/// What a string with its quotes says.
#[inline(always)]
fn name(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.as_bytes().contains(&b'\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    let bare = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(Cow::Borrowed(bare))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn fields(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_id_that_is_asked_for_is_still_the_id() {
        let json = r#"[{"id": 7, "name": "A"}]"#;
        let records = parse(json, &fields(&["id", "name"])).expect("readable");
        assert_eq!((records[0].id, records[0].fields[1]), (7, Some(r#""A""#)));
    }

    #[test]
    fn a_record_s_fields_come_in_the_order_asked_for() {
        let json = r#"[{"n\u0061me": "A\"", "id": 7, "price": 1e+16, "other": [1]}]"#;
        let records = parse(json, &fields(&["price", "name", "absent"])).expect("readable");
        assert_eq!(records[0].id, 7);
        assert_eq!(records[0].fields, [Some("1e+16"), Some(r#""A\"""#), None]);
        assert!(records[0].json.starts_with('{'));
    }

    #[test]
    fn a_record_is_cut_out_whole() {
        let json = r#" [ {"id":1 , "a" : {"}":[]} } ,{"a":"]","id":-2} ] "#;
        let records = parse(json, &fields(&["a"])).expect("readable");
        let texts: Vec<&str> = records.iter().map(|record| record.json).collect();
        assert_eq!(
            texts,
            [r#"{"id":1 , "a" : {"}":[]} }"#, r#"{"a":"]","id":-2}"#]
        );
        assert_eq!(records[0].fields, [Some(r#"{"}":[]}"#)]);
        assert_eq!(records[1].fields, [Some(r#""]""#)]);
    }

    #[test]
    fn the_last_of_two_fields_of_one_name_counts() {
        let json = r#"[{"id": 1, "a": 1, "b": 2, "a": 3, "id": 4}]"#;
        let records = parse(json, &fields(&["a", "b"])).expect("readable");
        assert_eq!(records[0].id, 4);
        assert_eq!(records[0].fields, [Some("3"), Some("2")]);
    }

    #[test]
    fn a_name_that_only_begins_like_a_field_is_another() {
        let json = r#"[{"id": 1, "name_full": 1, "na": 2}]"#;
        let records = parse(json, &fields(&["name"])).expect("readable");
        assert_eq!(records[0].fields, [None]);
    }

    #[test]
    fn an_answer_that_is_no_list_of_records_is_a_fault() {
        for json in [
            "",
            "{}",
            "[1]",
            "[[]]",
            r#"[{"name": "A"}]"#,
            r#"[{"id": "7"}]"#,
            r#"[{"id": 7.0}]"#,
            r#"[{"id": 99999999999999999999}]"#,
        ] {
            let error = parse(json, &fields(&["name"])).expect_err("unreadable");
            assert_eq!(error.kind(), ErrorKind::OdooFault, "{json}");
        }
    }

    #[test]
    fn a_million_brackets_do_no_harm() {
        let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
        let json = format!(r#"[{{"id": 1, "a": {open}{close}}}]"#);
        let records = parse(&json, &fields(&["a"])).expect("readable");
        assert_eq!(records[0].fields[0].map(str::len), Some(2_000_000));
    }

    /// Values with all that could be taken for the end of one.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            r#"[a-z"\\{}\[\],: é]{0,8}"#.prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::hash_map(r#"[a-z"\\,:]{0,3}"#, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn each_value_is_found_whole(
            objects in proptest::collection::vec(
                proptest::collection::hash_map(r#"a|b|c|[a-z"\\é]{0,4}"#, any_value(), 0..6), 0..4),
            is_pretty: bool,
        ) {
            let fields = fields(&["a", "b", "c"]);
            let expected: Vec<Map<String, Value>> = objects
                .into_iter()
                .zip(1..)
                .map(|(fields, id)| {
                    let mut record: Map<String, Value> = fields.into_iter().collect();
                    record.insert("id".to_owned(), Value::from(id));
                    record
                })
                .collect();
            let json = if is_pretty {
                serde_json::to_string_pretty(&expected)
            } else {
                serde_json::to_string(&expected)
            };
            let json = json.expect("JSON");
            let records = parse(&json, &fields).expect("readable");
            prop_assert_eq!(records.len(), expected.len());
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("a value");
            for (record, expected) in records.iter().zip(&expected) {
                prop_assert_eq!(Value::from(record.id), expected["id"].clone());
                prop_assert_eq!(read(record.json), Value::Object(expected.clone()));
                for (name, found) in fields.iter().zip(&record.fields) {
                    prop_assert_eq!(found.map(read), expected.get(name).cloned());
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}",:\\ a1é]{0,40}"#, any_text: String) {
            let _ = parse(&text, &fields(&["a"]));
            let _ = parse(&any_text, &fields(&["a"]));
        }
    }
}
