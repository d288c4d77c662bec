//! How a part of the source and the same part of the mirror differ. Pure, both in id order.

use super::listing::Portion;
use super::source::Seen;
use crate::mirror::times::Known;

/// Rows that the cursor moves over in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Missing here, marked as deleted here, or of another time: one page of them at most.
    pub(super) to_read: Vec<i64>,
    /// Live here and not in the source.
    pub(super) gone: Vec<i64>,
    /// The last id that this part is about.
    pub(super) to_id: i64,
    /// Rows of the source in it.
    pub(super) rows: u64,
    /// Live rows here in it.
    pub(super) rows_here: u64,
}

/// Splits a portion so that each part has one page to read, and only a portion without
/// anything to read has one without.
pub(super) fn parts(portion: &Portion, page_size: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = Part {
        to_id: portion.after,
        ..Part::default()
    };
    for (seen, known) in pairs(&portion.source, &portion.mirror) {
        let is_to_read = is_to_read(seen, known);
        if is_to_read && part.to_read.len() == page_size.max(1) {
            let next = Part {
                to_id: part.to_id,
                ..Part::default()
            };
            parts.push(std::mem::replace(&mut part, next));
        }
        part.add(seen, known, is_to_read);
    }
    parts.push(part);
    parts
}

impl Part {
    fn add(&mut self, seen: Option<&Seen>, known: Option<&Known>, is_to_read: bool) {
        let is_live = known.is_some_and(|known| known.is_live);
        let Some(id) = seen.map(|seen| seen.id).or(known.map(|known| known.id)) else {
            return;
        };
        self.to_id = id;
        self.rows += u64::from(seen.is_some());
        self.rows_here += u64::from(is_live);
        if is_to_read {
            self.to_read.push(id);
        }
        if seen.is_none() && is_live {
            self.gone.push(id);
        }
    }
}

/// An Odoo restored from a backup goes back in time: any other time counts, not only a
/// newer one.
fn is_to_read(seen: Option<&Seen>, known: Option<&Known>) -> bool {
    match (seen, known) {
        (Some(seen), Some(known)) => {
            seen.must_be_read
                || !known.is_live
                || (seen.changed, seen.related) != (known.changed, known.related)
        }
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Each id once, with what stands for it on either side.
fn pairs<'a>(
    source: &'a [Seen],
    mirror: &'a [Known],
) -> impl Iterator<Item = (Option<&'a Seen>, Option<&'a Known>)> {
    let mut source = source.iter().peekable();
    let mut mirror = mirror.iter().peekable();
    std::iter::from_fn(move || {
        let id = match (source.peek(), mirror.peek()) {
            (Some(seen), Some(known)) => seen.id.min(known.id),
            (Some(seen), None) => seen.id,
            (None, Some(known)) => known.id,
            (None, None) => return None,
        };
        Some((
            source.next_if(|seen| seen.id == id),
            mirror.next_if(|known| known.id == id),
        ))
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        (second > 0).then(|| Timestamp::from_second(second).expect("a small number"))
    }

    fn seen(id: i64, changed: i64, related: i64) -> Seen {
        Seen {
            id,
            changed: at(changed),
            related: at(related),
            must_be_read: false,
        }
    }

    fn known(id: i64, changed: i64, related: i64) -> Known {
        Known {
            id,
            changed: at(changed),
            related: at(related),
            is_live: true,
            leads_to: None,
        }
    }

    fn portion(source: Vec<Seen>, mirror: Vec<Known>) -> Portion {
        Portion {
            after: 0,
            source,
            mirror,
            related: None,
        }
    }

    fn whole(source: Vec<Seen>, mirror: Vec<Known>) -> Part {
        let mut parts = parts(&portion(source, mirror), 1_000);
        assert_eq!(parts.len(), 1);
        parts.remove(0)
    }

    #[test]
    fn rows_of_the_same_times_are_passed_over() {
        let part = whole(
            vec![seen(1, 5, 7), seen(2, 5, 0), seen(9, 0, 0)],
            vec![known(1, 5, 7), known(2, 5, 0), known(9, 0, 0)],
        );
        let expected = Part {
            to_id: 9,
            rows: 3,
            rows_here: 3,
            ..Part::default()
        };
        assert_eq!(part, expected);
    }

    #[test]
    fn a_time_that_differs_in_either_direction_is_read_and_null_is_a_value() {
        for (source, mirror) in [
            (seen(1, 6, 7), known(1, 5, 7)),
            (seen(1, 4, 7), known(1, 5, 7)),
            (seen(1, 5, 8), known(1, 5, 7)),
            (seen(1, 5, 6), known(1, 5, 7)),
            (seen(1, 0, 7), known(1, 5, 7)),
            (seen(1, 5, 7), known(1, 0, 7)),
            (seen(1, 5, 0), known(1, 5, 7)),
            (seen(1, 5, 7), known(1, 5, 0)),
        ] {
            assert_eq!(whole(vec![source], vec![mirror]).to_read, [1]);
        }
    }

    #[test]
    fn what_one_side_lacks_is_read_or_gone_and_what_came_back_is_read() {
        let deleted = |id| Known {
            is_live: false,
            ..known(id, 5, 0)
        };
        let part = whole(
            vec![seen(1, 5, 0), seen(3, 5, 0), seen(5, 5, 0)],
            vec![
                known(1, 5, 0),
                known(2, 5, 0),
                deleted(4),
                deleted(5),
                known(9, 5, 0),
            ],
        );
        assert_eq!(part.to_read, [3, 5]);
        assert_eq!(part.gone, [2, 9]);
        assert_eq!((part.rows, part.rows_here), (3, 3));
    }

    #[test]
    fn what_an_incremental_run_would_read_is_read_whatever_its_times() {
        let recent = Seen {
            must_be_read: true,
            ..seen(1, 5, 0)
        };
        assert_eq!(whole(vec![recent], vec![known(1, 5, 0)]).to_read, [1]);
    }

    #[test]
    fn parts_have_a_page_each_and_every_row_is_in_one_of_them() {
        let source = (1..=7).map(|id| seen(id, 6, 0)).collect();
        let mirror = [1, 2, 3, 4, 8].map(|id| known(id, 5, 0)).into();
        let parts = parts(&portion(source, mirror), 3);
        let pages: Vec<&[i64]> = parts.iter().map(|part| &part.to_read[..]).collect();
        assert_eq!(pages, [&[1, 2, 3][..], &[4, 5, 6], &[7]]);
        let ends: Vec<i64> = parts.iter().map(|part| part.to_id).collect();
        assert_eq!(ends, [3, 6, 8]);
        assert_eq!(parts.iter().map(|part| part.rows).sum::<u64>(), 7);
        assert_eq!(parts.iter().map(|part| part.rows_here).sum::<u64>(), 5);
        assert_eq!(parts[2].gone, [8]);
    }

    #[test]
    fn nothing_on_either_side_leaves_the_cursor_where_it_is() {
        let empty = Portion {
            after: 41,
            ..portion(Vec::new(), Vec::new())
        };
        let parts = parts(&empty, 3);
        assert_eq!((parts.len(), parts[0].to_id), (1, 41));
    }
}
