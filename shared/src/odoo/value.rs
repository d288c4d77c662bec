//! How Odoo writes a point in time: `2024-05-01 13:37:00`, always UTC, never saying so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Reads a datetime as Odoo sends it. A fraction of a second is kept; anything else
/// than date, space and time gives `None`.
///
/// ```
/// use shared::odoo::value::parse_datetime;
/// let time = parse_datetime("2024-05-01 13:37:00").expect("a datetime");
/// assert_eq!(time.to_string(), "2024-05-01T13:37:00Z");
/// assert_eq!(parse_datetime("2024-05-01"), None);
/// ```
pub fn parse_datetime(text: &str) -> Option<Timestamp> {
    let time = whole_seconds(text).or_else(|| with_fraction(text))?;
    Offset::UTC.to_timestamp(time).ok()
}

/// The one form that Odoo's API has. Each row has several of them, and a format string is a
/// program that takes five times as long.
fn whole_seconds(text: &str) -> Option<DateTime> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        b' ',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
    ] = bytes
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number: i16, digit| {
            let digit = digit.is_ascii_digit().then(|| i16::from(digit - b'0'))?;
            Some(number * 10 + digit)
        })
    };
    let two = |at: usize| number(&bytes[at..at + 2]).and_then(|number| i8::try_from(number).ok());
    let (year, month, day) = (number(&bytes[..4])?, two(5)?, two(8)?);
    DateTime::new(year, month, day, two(11)?, two(14)?, two(17)?, 0).ok()
}

fn with_fraction(text: &str) -> Option<DateTime> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).ok()
}

/// Writes a datetime as Odoo's domains take it: whole seconds, what is below them cut off.
pub fn format_datetime(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads the date form of HTTP's headers (`Sun, 06 Nov 1994 08:49:37 GMT`, RFC 9110).
pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn a_datetime_is_utc_and_may_have_a_fraction() {
        let cases = [
            ("2024-02-29 00:00:00", "2024-02-29T00:00:00Z"),
            ("1999-12-31 23:59:59", "1999-12-31T23:59:59Z"),
            ("2024-05-01 13:37:00.123456", "2024-05-01T13:37:00.123456Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_datetime(text), Some(time(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_datetime_gives_none() {
        for text in [
            "",
            "false",
            "2024-05-01",
            "2024-02-30 00:00:00",
            "2024-05-01 25:00:00",
            "2024-05-01T13:37:00Z",
            "2024-05-01 13:37:00 ",
            "2024-05-01 13:37:00+02:00",
            "\u{0661}024-05-01 13:37:00",
        ] {
            assert_eq!(parse_datetime(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_and_the_long_one_agree(
            text in r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        ) {
            let long = with_fraction(&text);
            prop_assert!(whole_seconds(&text).is_none_or(|time| Some(time) == long));
            let read = long.and_then(|time| Offset::UTC.to_timestamp(time).ok());
            prop_assert_eq!(parse_datetime(&text), read);
        }
    }

    #[test]
    fn what_is_written_is_read_back_in_whole_seconds() {
        let written = format_datetime(time("2024-05-01T13:37:59.999999Z"));
        assert_eq!(written, "2024-05-01 13:37:59");
        assert_eq!(parse_datetime(&written), Some(time("2024-05-01T13:37:59Z")));
    }

    #[test]
    fn an_http_date_is_read() {
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(time("1994-11-06T08:49:37Z"))
        );
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
