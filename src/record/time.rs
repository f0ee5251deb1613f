//! Times as the log writes them: RFC 3339 in UTC with nine digits and `Z`, held as nanoseconds since 1970 in 64 bits
//! (so the years 1678 to 2261). Any offset is taken from callers; a time without one is refused, since nobody could
//! say later which instant was meant.

use std::fmt;

/// The length of a time as the log writes it: `2026-11-24T15:40:10.000000000Z`.
pub(crate) const TIME_LEN: usize = 30;

/// Why a text is no time that the log takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeFault {
    /// It does not have the form of RFC 3339.
    Form,
    /// It has no offset from UTC.
    NoZone,
    /// No such day or hour, or a year outside 1678 to 2261.
    Range,
    /// A leap second: the clock of the log has none.
    LeapSecond,
    /// More than nine digits of a second.
    TooFine,
}

impl fmt::Display for TimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeFault::Form => "not an RFC 3339 time; write it as 2026-11-24T15:40:10Z or 2026-11-24T16:40:10.25+01:00",
            TimeFault::NoZone => "a time without a zone; append Z if it is UTC, or the offset, as in +01:00",
            TimeFault::Range => "no such time, or a year outside 1678 to 2261",
            TimeFault::LeapSecond => {
                "a leap second, which the log cannot keep apart; write it as :59.999999999, or as :00 of the next minute"
            }
            TimeFault::TooFine => "more than nine digits of a second; the log keeps nine, so cut the time to nanoseconds",
        })
    }
}

/// Reads an RFC 3339 time with any offset, as nanoseconds since 1970.
///
/// # Errors
/// [`TimeFault`] says what is wrong with it.
pub fn parse_time(text: &str) -> Result<i64, TimeFault> {
    let bytes = text.as_bytes();
    let shape_is = |pattern: &[u8]| {
        bytes.len() >= pattern.len()
            && pattern.iter().zip(bytes).all(|(p, b)| match p {
                b'0' => b.is_ascii_digit(),
                b'T' => matches!(b, b'T' | b't' | b' '),
                p => p == b,
            })
    };
    if !shape_is(b"0000-00-00T00:00:00") {
        return Err(TimeFault::Form);
    }
    let (seconds, rest) = text.split_at(19);
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, zone) = match (rest.starts_with('.'), digits) {
        (false, _) => ("", rest),
        (true, 0) => return Err(TimeFault::Form),
        (true, n) => rest.split_at_checked(1 + n).unwrap_or((rest, "")),
    };
    match zone.as_bytes() {
        [] => return Err(TimeFault::NoZone),
        [b'Z' | b'z'] => {}
        [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => {}
        _ => return Err(TimeFault::Form),
    }
    // Both would be stored as another instant than was sent.
    if digits > 9 {
        return Err(TimeFault::TooFine);
    }
    if seconds.ends_with(":60") {
        return Err(TimeFault::LeapSecond);
    }
    let stamp: jiff::Timestamp = format!("{seconds}{fraction}{zone}")
        .parse()
        .map_err(|_| TimeFault::Range)?;
    i64::try_from(stamp.as_nanosecond()).map_err(|_| TimeFault::Range)
}

/// Appends a time as the log writes it; see [`format_time`].
pub(crate) fn write_time(out: &mut Vec<u8>, nanoseconds: i64) {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    let fraction = nanoseconds.rem_euclid(1_000_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let mut put = |value: i64, width: u32, after: u8| {
        for place in (0..width).rev() {
            let digit = value / 10_i64.pow(place) % 10;
            out.push(b'0' + u8::try_from(digit).unwrap_or(0));
        }
        out.push(after);
    };
    put(year, 4, b'-');
    put(month, 2, b'-');
    put(day, 2, b'T');
    put(of_day / 3_600, 2, b':');
    put(of_day / 60 % 60, 2, b':');
    put(of_day % 60, 2, b'.');
    put(fraction, 9, b'Z');
}

/// A time as the log writes it: UTC, nine digits, `Z`.
#[must_use]
pub fn format_time(nanoseconds: i64) -> String {
    let mut out = Vec::with_capacity(TIME_LEN);
    write_time(&mut out, nanoseconds);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads a time in exactly the form that the log writes.
pub(crate) fn read_time(bytes: &[u8]) -> Option<i64> {
    if bytes.len() != TIME_LEN {
        return None;
    }
    let mut value = [0_i64; 7];
    let fields = [
        (0, 4, b'-'),
        (5, 2, b'-'),
        (8, 2, b'T'),
        (11, 2, b':'),
        (14, 2, b':'),
        (17, 2, b'.'),
        (20, 9, b'Z'),
    ];
    for ((start, width, after), slot) in fields.into_iter().zip(&mut value) {
        for byte in bytes.get(start..start + width)? {
            *slot = *slot * 10 + i64::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
        }
        if *bytes.get(start + width)? != after {
            return None;
        }
    }
    let [year, month, day, hour, minute, second, fraction] = value;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_of(year, month, day);
    if civil(days) != (year, month, day) {
        return None;
    }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(fraction)).ok()
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar
/// (H. Hinnant, "chrono-compatible low-level date algorithms": years that begin in March put the leap day last).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`].
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_becomes_utc_with_nine_digits() {
        for (text, expected) in [
            ("2026-11-24T15:40:10Z", "2026-11-24T15:40:10.000000000Z"),
            ("2026-11-24t16:40:10.25+01:00", "2026-11-24T15:40:10.250000000Z"),
            ("2026-11-24 05:10:10.123456789-10:30", "2026-11-24T15:40:10.123456789Z"),
            ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000000Z"),
        ] {
            let nanoseconds = parse_time(text).unwrap();
            assert_eq!(format_time(nanoseconds), expected);
            assert_eq!(read_time(expected.as_bytes()), Some(nanoseconds));
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        assert_eq!(parse_time("2026-11-24T15:40:10"), Err(TimeFault::NoZone));
        assert_eq!(parse_time("2026-11-24"), Err(TimeFault::Form));
        assert_eq!(parse_time("2026-11-24T15:40:10.Z"), Err(TimeFault::Form));
        assert_eq!(parse_time("2026-11-24T15:40:10Z[UTC]"), Err(TimeFault::Form));
        assert_eq!(parse_time("2026-02-30T15:40:10Z"), Err(TimeFault::Range));
        assert_eq!(parse_time("2026-12-31T23:59:60Z"), Err(TimeFault::LeapSecond));
        assert_eq!(parse_time("2027-01-01T00:59:60.5+01:00"), Err(TimeFault::LeapSecond));
        assert_eq!(parse_time("2026-11-24T15:40:10.1234567891Z"), Err(TimeFault::TooFine));
        assert_eq!(parse_time("2026-11-24T15:40:10.1000000000Z"), Err(TimeFault::TooFine));
        assert_eq!(parse_time("1600-01-01T00:00:00Z"), Err(TimeFault::Range));
        assert_eq!(parse_time("2300-01-01T00:00:00Z"), Err(TimeFault::Range));
        assert_eq!(read_time(b"2026-02-30T15:40:10.000000000Z"), None);
    }

    #[test]
    fn the_calendar_agrees_with_a_library() {
        let mut nanoseconds = i64::MIN;
        while let Some(next) = nanoseconds.checked_add(7_654_321_987_654_321) {
            let expected = format!(
                "{:.9}",
                jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap()
            );
            assert_eq!(format_time(nanoseconds), expected);
            assert_eq!(read_time(expected.as_bytes()), Some(nanoseconds));
            nanoseconds = next;
        }
    }
}
