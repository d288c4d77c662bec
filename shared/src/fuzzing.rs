//! What `cargo xtask fuzz` throws any bytes at. A target panics where the program would, and where
//! what it made of the bytes is wrong. The corpora stand in `fuzz/corpus`; the ordinary tests go
//! over them too.

use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::lambda;
use crate::odoo;
use crate::specs::{REGISTRY, Stream};
use crate::sync::page_oracle;
use crate::sync::plan::Plan;

/// Every stream's plan, by its stream's name.
static PLANS: LazyLock<Vec<(&'static Stream, Plan)>> = LazyLock::new(|| {
    let streams = REGISTRY.iter().flat_map(|spec| spec.streams);
    streams
        .map(|stream| (stream, page_oracle::plan_of(stream)))
        .collect()
});

/// An answer of Odoo's to a `read`, from the body's bytes to rows and rejects. The first line
/// says of which stream, over which protocol and with which status it is read
/// (`products json2 200`); the body follows.
pub fn odoo_answer(input: &[u8]) {
    let (head, body) = first_line(input);
    let mut words = head.split(' ');
    let name = words.next().unwrap_or_default();
    let is_json2 = words.next() == Some("json2");
    let status = words.next().and_then(|word| word.parse().ok());
    let (_, plan) = PLANS
        .iter()
        .find(|(stream, _)| stream.name == name)
        .unwrap_or(&PLANS[0]);
    if let Some(records) = odoo::fuzzing::records(is_json2, status.unwrap_or(200), body) {
        page_oracle::check(plan, records.json());
    }
}

/// Whatever wakes a function.
pub fn trigger(input: &[u8]) {
    // The Lambda runtime hands over valid JSON only.
    let text = std::str::from_utf8(input);
    if let Ok(event) = text
        .map_err(|_| ())
        .and_then(|text| serde_json::from_str::<&RawValue>(text).map_err(|_| ()))
    {
        lambda::fuzzing::read(event);
    }
}

fn first_line(input: &[u8]) -> (&str, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (head, body) = input.split_at(end.unwrap_or(0));
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    (std::str::from_utf8(head).unwrap_or_default(), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
        let folder = corpus.join(target);
        let inputs = fs::read_dir(&folder).expect("the corpus");
        let mut count = 0;
        for input in inputs {
            let path = input.expect("a file").path();
            run(&fs::read(&path).expect("its bytes"));
            count += 1;
        }
        assert!(count > 10, "{} holds {count} inputs", folder.display());
    }

    #[test]
    fn the_corpus_of_odoo_s_answers_does_no_harm() {
        replay("odoo_answer", odoo_answer);
    }

    #[test]
    fn the_corpus_of_triggers_does_no_harm() {
        replay("trigger", trigger);
    }
}
