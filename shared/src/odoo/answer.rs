//! From an answer's bytes to JSON that is known to be valid.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fault::{Asked, Content, Symptom};
use super::non_finite;
use crate::error::{Error, Result};

/// An HTTP answer, read to its end.
pub(crate) struct Answer {
    pub(crate) head: Head,
    /// Where a redirect leads: scheme, host and port, if on another server.
    pub(crate) redirect_to: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as valid JSON text, whatever the status.
    pub(crate) fn into_json(self, asked: &Asked<'_>) -> Result<String> {
        let status = self.head.status;
        if (300..400).contains(&status) {
            let to = self.redirect_to;
            return Err(Symptom::Redirect { status, to }.error(asked));
        }
        json_text(self.body).map_err(|content| self.head.refusal(content, asked))
    }
}

/// What of an answer's first lines matters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The `Date` header: the clock of Odoo's side.
    pub(crate) server_time: Option<Timestamp>,
    /// How long `Retry-After` asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl Head {
    pub(crate) fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The error for a body that is no result but `content`.
    pub(crate) fn refusal(self, content: Content<'_>, asked: &Asked<'_>) -> Error {
        let symptom = Symptom::Answer {
            status: self.status,
            content,
            retry_after: self.retry_after,
        };
        symptom.error(asked)
    }
}

/// The value that a call returned, as valid JSON text. It has no `Debug`, and its kin here
/// neither: they hold rows, which must not get into a log by accident.
pub(crate) struct Payload {
    text: String,
    value: Range<usize>,
    pub(crate) server_time: Option<Timestamp>,
}

impl Payload {
    /// A payload that is the whole of `text`.
    pub(crate) fn whole(text: String, server_time: Option<Timestamp>) -> Self {
        let value = 0..text.len();
        Self {
            text,
            value,
            server_time,
        }
    }

    /// A payload that is one value inside `text`, which is kept whole: copying a page of
    /// rows only to drop its envelope would hold it in memory twice.
    pub(crate) fn within(
        text: String,
        value: Range<usize>,
        server_time: Option<Timestamp>,
    ) -> Self {
        Self {
            text,
            value,
            server_time,
        }
    }

    pub(crate) fn json(&self) -> &str {
        &self.text[self.value.clone()]
    }

    /// Reads the value as a `T`. What serde says of a mismatch is dropped: it quotes values.
    pub(crate) fn read<T: DeserializeOwned>(&self, asked: &Asked<'_>) -> Result<T> {
        serde_json::from_str(self.json()).map_err(|_| Symptom::WrongShape.error(asked))
    }

    /// The value as a list of records.
    pub(crate) fn into_records(self, asked: &Asked<'_>) -> Result<RawRecords> {
        if self.json().starts_with('[') {
            return Ok(RawRecords { payload: self });
        }
        Err(Symptom::WrongShape.error(asked))
    }
}

/// Records as Odoo sent them: a JSON list of objects, as text, so that numbers keep their digits.
pub struct RawRecords {
    payload: Payload,
}

/// Says how much it holds, never what: rows have no place in a log.
impl fmt::Debug for RawRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRecords({} bytes)", self.json().len())
    }
}

impl RawRecords {
    /// The list: valid JSON, beginning with `[`. A number that JSON cannot hold stands there as the
    /// string `"NaN"`, `"Infinity"` or `"-Infinity"`.
    pub fn json(&self) -> &str {
        self.payload.json()
    }
}

/// The body as valid JSON text, or what it is instead.
fn json_text(body: Vec<u8>) -> Result<String, Content<'static>> {
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(Content::Page);
    }
    let text = String::from_utf8(body).map_err(|error| match error.utf8_error().error_len() {
        None => Content::Cut,
        Some(_) => Content::Unreadable,
    })?;
    match check(&text) {
        Ok(()) => Ok(text),
        Err(Content::Cut) => Err(Content::Cut),
        Err(other) => {
            let mended = non_finite::quoted(&text).ok_or(other)?;
            check(&mended).map(|()| mended)
        }
    }
}

/// Whether the text is JSON from end to end. Nothing is built, and nesting is followed
/// without recursion, so depth cannot exhaust the stack here.
fn check(text: &str) -> Result<(), Content<'static>> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) if error.is_eof() => Err(Content::Cut),
        Err(_) => Err(Content::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<String, Content<'static>> {
        json_text(body.to_vec())
    }

    #[test]
    fn json_passes_unchanged_with_its_digits() {
        for text in ["[1e-07,12.340]", "null", " {\"a\":\"\u{1f600}\"}\n"] {
            assert_eq!(read(text.as_bytes()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_ends_early_is_cut() {
        for body in [
            "",
            "  ",
            "[",
            "[1,",
            "{\"a\"",
            "[\"abc",
            "[tru",
            "[NaN,{\"a\":",
        ] {
            assert_eq!(read(body.as_bytes()), Err(Content::Cut), "{body:?}");
        }
        assert_eq!(read(b"[\"\xc3"), Err(Content::Cut), "half a character");
    }

    #[test]
    fn a_page_is_told_by_its_first_character_whatever_its_encoding() {
        assert_eq!(read(b"\n <!DOCTYPE html>"), Err(Content::Page));
        assert_eq!(read(b"<html>\xe9</html>"), Err(Content::Page));
    }

    #[test]
    fn anything_else_is_unreadable() {
        for body in [
            &b"Bad Gateway"[..],
            b"[1] trailing",
            b"[\"\xff\"]",
            b"[NaN] x",
        ] {
            assert_eq!(read(body), Err(Content::Unreadable), "{body:?}");
        }
    }

    #[test]
    fn python_s_bare_words_are_quoted() {
        assert_eq!(read(b"[NaN]"), Ok("[\"NaN\"]".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let _ = json_text(body);
        }
    }

    #[test]
    fn a_million_brackets_do_no_harm() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(read(deep.as_bytes()), Err(Content::Cut));
        let closed = deep + &"]".repeat(1_000_000);
        assert!(read(closed.as_bytes()).is_ok());
    }
}
