//! A number's text in the binary form of Postgres's `numeric`.
//!
//! The form (PostgreSQL, `numeric_recv` in `src/backend/utils/adt/numeric.c`): four 16-bit
//! numbers, which are the count of digits, the weight of the first one, the sign and the count of
//! decimals shown; then the digits, each of base 10,000. The value is the one that the cast of the
//! text gives, decimals shown included.

use bytes::{BufMut, BytesMut};

/// Decimal digits in one of Postgres's.
const GROUP: i32 = 4;
const NEGATIVE: u16 = 0x4000;

/// Longest text and largest exponent that are put into this form. What is longer is rare, and the
/// cast of Postgres knows its own limits best.
const LONGEST: usize = 500;

/// A JSON number, taken apart.
struct Decimal<'a> {
    is_negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i32,
}

/// Appends the number with its length before it. `None`, and nothing is appended, where the text is
/// no number in JSON's form or too long.
pub(super) fn put(out: &mut BytesMut, text: &str) -> Option<()> {
    let number = Decimal::parse(text)?;
    let decimals = i32::try_from(number.fraction.len()).ok()? - number.exponent;
    let all = number.whole.iter().chain(number.fraction);
    let zeros = all.clone().take_while(|digit| **digit == b'0').count();
    let digits = all.clone().count() - zeros;
    // Decimal digits before the point; negative where zeros follow the point first.
    let before_point = i32::try_from(digits).ok()? - decimals;
    let weight = (before_point + GROUP - 1).div_euclid(GROUP) - 1;
    let padding = (weight + 1) * GROUP - before_point;
    let groups = (digits + usize::try_from(padding).ok()?).div_ceil(GROUP as usize);
    let groups = if digits == 0 { 0 } else { groups };

    out.put_i32(8 + 2 * i32::try_from(groups).ok()?);
    out.put_i16(i16::try_from(groups).ok()?);
    out.put_i16(if digits == 0 {
        0
    } else {
        i16::try_from(weight).ok()?
    });
    let is_negative = number.is_negative && digits > 0;
    out.put_u16(if is_negative { NEGATIVE } else { 0 });
    out.put_u16(u16::try_from(decimals.max(0)).ok()?);
    let mut group = 0;
    let mut filled = padding;
    for digit in all.skip(zeros) {
        group = group * 10 + i16::from(digit - b'0');
        filled += 1;
        if filled == GROUP {
            out.put_i16(group);
            (group, filled) = (0, 0);
        }
    }
    if digits > 0 && filled > 0 {
        out.put_i16(group * 10_i16.pow((GROUP - filled).unsigned_abs()));
    }
    Some(())
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() > LONGEST {
            return None;
        }
        let (is_negative, text) = match text.strip_prefix(b"-") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', text) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = match memchr::memchr(b'.', mantissa) {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        let is_number = !whole.is_empty() && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        is_number.then_some(Self {
            is_negative,
            whole,
            fraction,
            exponent,
        })
    }
}

fn exponent(text: &[u8]) -> Option<i32> {
    let text = str::from_utf8(text).ok()?;
    let exponent: i32 = text.parse().ok()?;
    let limit = i32::try_from(LONGEST).ok()?;
    (-limit..=limit).contains(&exponent).then_some(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weight, sign, decimals shown, digits.
    fn parts(text: &str) -> Option<(i16, bool, u16, Vec<i16>)> {
        let mut out = BytesMut::new();
        put(&mut out, text)?;
        let words: Vec<i16> = out[4..]
            .chunks_exact(2)
            .map(|two| i16::from_be_bytes([two[0], two[1]]))
            .collect();
        assert_eq!(out[..4], (out.len() as u32 - 4).to_be_bytes());
        assert_eq!(words[0] as usize, words.len() - 4, "{text}");
        // Postgres takes zeros at the end away.
        let last = words[4..].iter().rposition(|digit| *digit != 0);
        let digits = words[4..][..last.map_or(0, |last| last + 1)].to_vec();
        let is_negative = words[2] as u16 == NEGATIVE;
        Some((words[1], is_negative, words[3] as u16, digits))
    }

    #[test]
    fn digits_stand_in_groups_of_four_around_the_point() {
        let expected = [
            ("0", (0, false, 0, vec![])),
            ("-0.00", (0, false, 2, vec![])),
            ("1", (0, false, 0, vec![1])),
            ("-12.5", (0, true, 1, vec![12, 5000])),
            ("12345678", (1, false, 0, vec![1234, 5678])),
            ("123456789.01", (2, false, 2, vec![1, 2345, 6789, 100])),
            ("0.00012", (-1, false, 5, vec![1, 2000])),
            ("0.00001", (-2, false, 5, vec![1000])),
            ("1e-07", (-2, false, 7, vec![10])),
            ("1E+16", (4, false, 0, vec![1])),
            ("12e3", (1, false, 0, vec![1, 2000])),
            ("1.50e1", (0, false, 1, vec![15])),
        ];
        for (text, parts_of) in expected {
            assert_eq!(parts(text), Some(parts_of), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_endless_is_left_to_postgres() {
        for text in [
            "",
            "-",
            ".5",
            "NaN",
            "1e",
            "1e501",
            "1e99999999999",
            "1-2",
            "0x1",
            "--1",
        ] {
            let mut out = BytesMut::new();
            assert_eq!(put(&mut out, text), None, "{text}");
            assert!(out.is_empty());
        }
        assert_eq!(put(&mut BytesMut::new(), &"9".repeat(LONGEST + 1)), None);
    }
}
