//! Mends the one thing in which Python's JSON is no JSON: a bare `NaN` or `Infinity`.
//!
//! One such number in one row would make a whole page unreadable. Written as a string it
//! makes only its own row a reject, for no number column takes a string.

const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Puts quotes around every bare `NaN`, `Infinity` and `-Infinity`. Text inside strings is left
/// as it is. `None` where there is nothing to quote.
pub(crate) fn quoted(json: &str) -> Option<String> {
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < json.len() {
        if json.as_bytes()[at] == b'"' {
            at = end_of_string(json, at);
        } else if let Some(word) = word_at(json, at) {
            mended.push_str(&json[copied..at]);
            mended.push('"');
            mended.push_str(word);
            mended.push('"');
            at += word.len();
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(&json[copied..]);
    Some(mended)
}

/// The index after the closing quote of the string that opens at `start`, or the
/// end of the text where it never closes.
fn end_of_string(json: &str, start: usize) -> usize {
    let bytes = json.as_bytes();
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// The bare word that begins at `at` and is not part of a longer one.
fn word_at(json: &str, at: usize) -> Option<&'static str> {
    let bytes = json.as_bytes();
    let is_part_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if at > 0 && is_part_of_a_word(&bytes[at - 1]) {
        return None;
    }
    WORDS.into_iter().find(|word| {
        bytes[at..].starts_with(word.as_bytes())
            && !bytes.get(at + word.len()).is_some_and(is_part_of_a_word)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn bare_words_become_strings() {
        let cases = [
            ("NaN", r#""NaN""#),
            (
                "[NaN,Infinity,-Infinity]",
                r#"["NaN","Infinity","-Infinity"]"#,
            ),
            (r#"{"a": NaN, "b": 1.5}"#, r#"{"a": "NaN", "b": 1.5}"#),
            (r#"{"NaN":NaN}"#, r#"{"NaN":"NaN"}"#),
            (r#"["\\",NaN]"#, r#"["\\","NaN"]"#),
            (r#"["é",NaN,"é"]"#, r#"["é","NaN","é"]"#),
        ];
        for (json, expected) in cases {
            assert_eq!(quoted(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for json in [
            "",
            "[1,-1,true,null]",
            r#"["NaN"]"#,
            r#"["a NaN, b"]"#,
            r#"["\",NaN,\""]"#,
            r#"["\\\",NaN"]"#,
            r#"{"Infinity":1}"#,
            "[NaNa, aNaN, 1NaN, --Infinity]",
            r#"["never closed, NaN"#,
            r#"["\"#,
            "\"\\\u{e9}",
        ] {
            assert_eq!(quoted(json), None, "{json}");
        }
    }

    /// JSON values whose strings are full of what could be mistaken.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = proptest::collection::vec(
            prop_oneof![
                Just("NaN".to_owned()),
                Just("-Infinity".to_owned()),
                Just("\"".to_owned()),
                Just("\\".to_owned()),
                Just(",".to_owned()),
                any::<char>().prop_map(String::from),
            ],
            0..8,
        )
        .prop_map(|parts| parts.concat());
        let leaf = prop_oneof![
            text.clone().prop_map(Value::String),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::Bool),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::hash_map(text.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn valid_json_stays_as_it_is(value in any_json()) {
            prop_assert_eq!(quoted(&value.to_string()), None);
        }

        #[test]
        fn a_bare_nan_beside_any_value_is_mended(value in any_json()) {
            let mended = quoted(&format!("[{value},NaN,{value}]")).expect("holds a NaN");
            let read: Value = serde_json::from_str(&mended).expect("valid now");
            prop_assert_eq!(read, serde_json::json!([value, "NaN", value]));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = quoted(&text);
        }
    }
}
