//! Finds the point at which a connection is cut, in bytes that come in pieces.

use super::conduct::Point;

/// What may still pass of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it.
    All,
    /// So many bytes, and then the connection ends.
    Only(usize),
}

/// Looks for one point.
pub(super) struct Cutter {
    point: Option<Point>,
    passed: u64,
    found: usize,
    /// The end of what has passed, in which bytes that are looked for may begin.
    tail: Vec<u8>,
}

impl Cutter {
    pub(super) fn new(point: Option<Point>) -> Self {
        Self {
            point,
            passed: 0,
            found: 0,
            tail: Vec::new(),
        }
    }

    /// Whether the point is reached before a further byte.
    pub(super) fn is_due(&self) -> bool {
        self.point == Some(Point::Byte(self.passed))
    }

    pub(super) fn judge(&mut self, piece: &[u8]) -> Verdict {
        let cut = match self.point {
            None => None,
            Some(Point::Byte(limit)) => usize::try_from(limit.saturating_sub(self.passed))
                .ok()
                .filter(|left| *left <= piece.len()),
            Some(Point::Before(text, nth)) => self.nth_end(piece, text, nth).map(|end| {
                let begins = end.saturating_sub(text.len());
                begins.min(piece.len())
            }),
            Some(Point::After(text, nth)) => self.nth_end(piece, text, nth),
        };
        self.passed += piece.len() as u64;
        cut.map_or(Verdict::All, Verdict::Only)
    }

    /// Where in `piece` the n-th occurrence ends.
    fn nth_end(&mut self, piece: &[u8], text: &[u8], nth: usize) -> Option<usize> {
        let before = self.tail.len();
        self.tail.extend_from_slice(piece);
        let mut at = 0;
        while let Some(offset) = find(&self.tail[at..], text) {
            at += offset + text.len();
            self.found += 1;
            if self.found == nth {
                return Some(at - before);
            }
        }
        // What is counted is not counted again.
        let keep = (text.len() - 1).min(self.tail.len() - at);
        self.tail.drain(..self.tail.len() - keep);
        None
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much passes of pieces, up to the cut.
    fn passes(point: Point, pieces: &[&[u8]]) -> Option<usize> {
        let mut cutter = Cutter::new(Some(point));
        let mut passed = 0;
        for piece in pieces {
            match cutter.judge(piece) {
                Verdict::All => passed += piece.len(),
                Verdict::Only(some) => return Some(passed + some),
            }
        }
        None
    }

    #[test]
    fn a_byte_is_found_wherever_the_pieces_end() {
        for pieces in [&[b"abcdef".as_slice()][..], &[b"ab", b"cd", b"ef"]] {
            assert_eq!(passes(Point::Byte(4), pieces), Some(4));
            assert_eq!(passes(Point::Byte(5), pieces), Some(5));
            assert_eq!(passes(Point::Byte(7), pieces), None);
        }
        assert!(Cutter::new(Some(Point::Byte(0))).is_due());
    }

    #[test]
    fn a_text_is_found_although_it_comes_in_parts_and_counted_once_each() {
        for pieces in [
            &[b"--END--END--".as_slice()][..],
            &[b"--EN", b"D--E", b"N", b"D--"],
        ] {
            assert_eq!(passes(Point::After(b"END", 1), pieces), Some(5));
            assert_eq!(passes(Point::After(b"END", 2), pieces), Some(10));
            assert_eq!(passes(Point::After(b"END", 3), pieces), None);
        }
        assert_eq!(
            passes(Point::Before(b"END", 2), &[b"--END--END--"]),
            Some(7)
        );
        // The parts that passed before anybody could know are gone.
        assert_eq!(
            passes(Point::Before(b"END", 1), &[b"--EN", b"D--"]),
            Some(4)
        );
    }
}
