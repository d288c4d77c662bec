//! A column of texts in one piece of memory.
//!
//! A page holds thousands of texts and numbers; an allocation for each would cost more than
//! finding them in the answer does.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Texts, each of which may be null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    /// All texts, one after the other.
    joined: String,
    spans: Vec<Option<Span>>,
}

/// Where a text lies among the joined ones.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

impl Texts {
    pub(crate) fn with_capacity(texts: usize) -> Self {
        Self {
            joined: String::new(),
            spans: Vec::with_capacity(texts),
        }
    }

    pub(crate) fn push(&mut self, text: Option<&str>) {
        let span = text.map(|text| {
            let from = self.joined.len();
            self.joined.push_str(text);
            Span {
                from,
                to: self.joined.len(),
            }
        });
        self.spans.push(span);
    }

    /// The text at a place that was pushed to.
    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        self.text(self.spans[at])
    }

    /// Keeps the first ones. The bytes of the others stay until all are dropped.
    pub(crate) fn truncate(&mut self, texts: usize) {
        self.spans.truncate(texts);
    }

    /// Puts these after the others.
    pub(crate) fn append(&mut self, texts: &Self) {
        let offset = self.joined.len();
        self.joined.push_str(&texts.joined);
        let spans = texts.spans.iter().map(|span| {
            span.map(|Span { from, to }| Span {
                from: from + offset,
                to: to + offset,
            })
        });
        self.spans.extend(spans);
    }

    pub(crate) fn slice(&self, from: usize, to: usize) -> Self {
        self.iter().skip(from).take(to - from).collect()
    }

    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.spans.iter().map(|span| self.text(*span))
    }

    fn text(&self, span: Option<Span>) -> Option<&str> {
        span.map(|span| &self.joined[span.from..span.to])
    }
}

/// The same texts, whatever else the memory holds.
impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a> FromIterator<Option<&'a str>> for Texts {
    fn from_iter<All: IntoIterator<Item = Option<&'a str>>>(all: All) -> Self {
        let mut texts = Self::default();
        for text in all {
            texts.push(text);
        }
        texts
    }
}

/// As an array.
impl ToSql for Texts {
    fn to_sql(
        &self,
        array: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let texts: Vec<Option<&str>> = self.iter().collect();
        texts.to_sql(array, out)
    }

    fn accepts(array: &Type) -> bool {
        <Vec<Option<&str>> as ToSql>::accepts(array)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_apart_and_null_is_no_empty_text() {
        let texts: Texts = [Some("a"), None, Some(""), Some("bä")]
            .into_iter()
            .collect();
        let read: Vec<_> = (0..4).map(|at| texts.get(at)).collect();
        assert_eq!(read, [Some("a"), None, Some(""), Some("bä")]);
        let part = texts.slice(1, 4);
        assert_eq!((part.get(0), part.get(2)), (None, Some("bä")));
    }

    #[test]
    fn what_is_appended_reads_as_before() {
        let mut texts: Texts = [Some("a"), Some("taken back")].into_iter().collect();
        texts.truncate(1);
        texts.append(&[None, Some("ä"), Some("")].into_iter().collect());
        let read: Vec<_> = (0..4).map(|at| texts.get(at)).collect();
        assert_eq!(read, [Some("a"), None, Some("ä"), Some("")]);
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut texts: Texts = [Some("a"), Some("of a row that failed")]
            .into_iter()
            .collect();
        texts.truncate(1);
        texts.push(Some("b"));
        assert_eq!((texts.get(0), texts.get(1)), (Some("a"), Some("b")));
    }
}
