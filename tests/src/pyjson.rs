//! JSON as Python's `json.dumps` writes it: `", "` and `": "` between, floats in Python's shortest
//! form, `NaN` and `Infinity` bare, and on 14 nothing but ASCII.
//!
//! Clients meet these texts, so the simulator may not "improve" them.

use std::io::Write as _;

use serde_json::Value as Json;

use crate::schema::Kind;
use crate::time;
use crate::value::Value;

/// Appends to a body; `ascii` is `ensure_ascii`.
pub(crate) struct PyJson {
    pub(crate) out: Vec<u8>,
    ascii: bool,
}

impl PyJson {
    pub(crate) fn new(ascii: bool) -> Self {
        PyJson {
            out: Vec::with_capacity(1024),
            ascii,
        }
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn int(&mut self, value: i64) {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.out.push(b'-');
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    pub(crate) fn float(&mut self, value: f64) {
        push_float(&mut self.out, value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain_from = 0;
        for (at, character) in text.char_indices() {
            let plain = matches!(character, ' '..='~' if character != '"' && character != '\\')
                || (!self.ascii && character > '\u{7f}')
                || (!self.ascii && character == '\u{7f}');
            if plain {
                continue;
            }
            self.out.extend_from_slice(&text.as_bytes()[plain_from..at]);
            self.escaped(character);
            plain_from = at + character.len_utf8();
        }
        self.out.extend_from_slice(&text.as_bytes()[plain_from..]);
        self.out.push(b'"');
    }

    fn escaped(&mut self, character: char) {
        match character {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\n' => self.raw("\\n"),
            '\r' => self.raw("\\r"),
            '\t' => self.raw("\\t"),
            '\u{8}' => self.raw("\\b"),
            '\u{c}' => self.raw("\\f"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing into a Vec cannot fail.
                    let _ = write!(self.out, "\\u{unit:04x}");
                }
            }
        }
    }

    pub(crate) fn ids(&mut self, ids: &[i64]) {
        self.out.push(b'[');
        for (at, id) in ids.iter().enumerate() {
            if at > 0 {
                self.raw(", ");
            }
            self.int(*id);
        }
        self.out.push(b']');
    }

    /// A stored value as Odoo sends it, a many2one as its bare id: `false` for null, but zero for
    /// a number and an empty list for ids (`convert_to_record` in Odoo's `fields.py`).
    pub(crate) fn value(&mut self, value: &Value, kind: Kind) {
        match value {
            Value::Null => match kind {
                Kind::Integer => self.raw("0"),
                Kind::Float | Kind::Monetary => self.raw("0.0"),
                Kind::One2many | Kind::Many2many => self.raw("[]"),
                _ => self.raw("false"),
            },
            Value::Bool(value) => self.bool(*value),
            Value::Int(value) | Value::Ref(value) => self.int(*value),
            Value::Float(value) => self.float(*value),
            Value::Text(text) => self.string(text),
            Value::Time(micros) => {
                self.out.push(b'"');
                time::push_datetime(&mut self.out, *micros);
                self.out.push(b'"');
            }
            Value::Ids(ids) => self.ids(ids),
        }
    }

    pub(crate) fn json(&mut self, json: &Json) {
        match json {
            Json::Null => self.raw("null"),
            Json::Bool(value) => self.bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(int), _, _) => self.int(int),
                (_, Some(int), _) => self.raw(&int.to_string()),
                (_, _, Some(float)) => self.float(float),
                _ => self.raw("null"),
            },
            Json::String(text) => self.string(text),
            Json::Array(items) => {
                self.out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.raw(", ");
                    }
                    self.json(item);
                }
                self.out.push(b']');
            }
            Json::Object(map) => {
                self.out.push(b'{');
                for (at, (key, item)) in map.iter().enumerate() {
                    if at > 0 {
                        self.raw(", ");
                    }
                    self.string(key);
                    self.raw(": ");
                    self.json(item);
                }
                self.out.push(b'}');
            }
        }
    }
}

/// Python's `repr(float)`: the shortest digits that read back as the same number, with an
/// exponent of two digits at least from 1e16 on and below 1e-4.
pub(crate) fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    } else if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        let _ = write!(out, "{value:?}");
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |small| ('-', small));
        let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = Vec::new();
        push_float(&mut out, value);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let cases = [
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (12.0, "12.0"),
            (12.345, "12.345"),
            (1e16, "1e+16"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (0.000_099, "9.9e-05"),
            (-2.5e-10, "-2.5e-10"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn text_is_ascii_on_14_and_as_it_is_on_19() {
        let text = "a\"\\\n\u{1}é😀";
        let mut ascii = PyJson::new(true);
        ascii.string(text);
        assert_eq!(ascii.out, br#""a\"\\\n\u0001\u00e9\ud83d\ude00""#);
        let mut unicode = PyJson::new(false);
        unicode.string(text);
        assert_eq!(
            String::from_utf8_lossy(&unicode.out),
            "\"a\\\"\\\\\\n\\u0001é😀\""
        );
    }
}
