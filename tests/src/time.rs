//! Odoo's text form of a date with time, `YYYY-MM-DD HH:MM:SS` in UTC without saying so.
//!
//! Written by hand because it is in the innermost loop of every read.

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// The whole second that `micros` lies in, in microseconds.
pub(crate) fn whole_second(micros: i64) -> i64 {
    micros.div_euclid(MICROS) * MICROS
}

/// Appends `YYYY-MM-DD HH:MM:SS`; the microseconds are cut off, not rounded, as Odoo does.
pub(crate) fn push_datetime(out: &mut Vec<u8>, micros: i64) {
    let seconds = micros.div_euclid(MICROS);
    push_date(out, seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    out.push(b' ');
    push_padded(out, of_day / 3600, 2);
    out.push(b':');
    push_padded(out, of_day / 60 % 60, 2);
    out.push(b':');
    push_padded(out, of_day % 60, 2);
}

/// Appends `YYYY-MM-DD` for a number of days since 1970.
pub(crate) fn push_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    push_padded(out, year, 4);
    out.push(b'-');
    push_padded(out, month, 2);
    out.push(b'-');
    push_padded(out, day, 2);
}

/// Odoo's text form as a `String`.
pub(crate) fn datetime_text(micros: i64) -> String {
    let mut out = Vec::with_capacity(19);
    push_datetime(&mut out, micros);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads `YYYY-MM-DD[ HH:MM:SS[.ffffff]]` (a `T` is taken as well) as microseconds since 1970.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let at = match text.len() {
        10 => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
        _ => text
            .replacen(' ', "T", 1)
            .parse::<jiff::civil::DateTime>()
            .ok()?,
    };
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

fn push_padded(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(b'0' + digit.unsigned_abs() as u8);
    }
}

/// Year, month and day of a day number. Years are counted from March, so that the leap day is
/// the last of its year (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree_over_four_centuries() {
        for day in (-80_000..80_000).step_by(13) {
            let micros = day * DAY * MICROS + 45_296_999_999;
            let text = datetime_text(micros);
            assert_eq!(parse_datetime(&text), Some(whole_second(micros)), "{text}");
        }
    }
}
