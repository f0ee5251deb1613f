//! Times as people write them in queries. What is not written of a time is open: `2026-11` is the whole month,
//! `2026-11-24T15:40` the whole minute, so a time in a query is a period with a beginning and an end.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// The time zone in which times without an offset are read and shown.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time, as the log writes it.
    #[must_use]
    pub fn utc() -> Self {
        Zone(TimeZone::UTC)
    }

    /// The zone of this machine; UTC if it has none that can be told.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Zone(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// A zone by its name in the system's database (`Europe/Berlin`), `UTC`, `local`, or an offset (`+01:00`). `None` if
    /// there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "UTC" | "utc" | "Z" => Some(Zone::utc()),
            "local" => Some(Zone::of_this_machine()),
            name => offset(name)
                .map(TimeZone::fixed)
                .or_else(|| TimeZone::get(name).ok())
                .map(Zone),
        }
    }

    /// A moment as a clock in this zone shows it, to the millisecond and with its offset:
    /// `2026-11-24 16:40:10.250 +01:00`.
    #[must_use]
    pub fn show(&self, nanoseconds: i64) -> String {
        let Ok(moment) = Timestamp::from_nanosecond(i128::from(nanoseconds)) else {
            return String::new();
        };
        moment
            .to_zoned_datetime(self.0.clone())
            .strftime("%Y-%m-%d %H:%M:%S.%3f %:z")
            .to_string()
    }

    /// Whether this zone is UTC itself.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }

    pub(super) fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    fn moment(&self, time: DateTime) -> Option<i64> {
        // What a clock set forward leaves out is moved on; of what one set back shows twice, the first is meant.
        let moment = self.0.to_ambiguous_timestamp(time).compatible().ok()?;
        Some(clamp(moment))
    }
}

/// From the beginning of a time to the beginning of the next one, in nanoseconds since 1970.
pub(super) type Period = std::ops::Range<i64>;

/// The period that a text names: a year, a month, a day, an hour … down to a nanosecond; without an offset, in that zone.
pub(super) fn period(text: &str, zone: &Zone) -> Option<Period> {
    let mut reader = Reader { rest: text };
    let year = reader.number(4)?;
    let mut time = DateTime::new(i16::try_from(year).ok()?, 1, 1, 0, 0, 0, 0).ok()?;
    let mut step = Span::new().years(1);
    let mut zone = zone.clone();
    if reader.take("-") {
        time = time.with().month(reader.small()?).build().ok()?;
        step = Span::new().months(1);
        if reader.take("-") {
            time = time.with().day(reader.small()?).build().ok()?;
            step = Span::new().days(1);
            if reader.take("T") || reader.take("t") || reader.take(" ") {
                (time, step) = clock(&mut reader, time)?;
                if !reader.rest.is_empty() {
                    zone = Zone(TimeZone::fixed(offset(reader.rest)?));
                    reader.rest = "";
                }
            }
        }
    }
    let end = time.checked_add(step).ok()?;
    reader.rest.is_empty().then_some(())?;
    let (start, end) = (zone.moment(time)?, zone.moment(end)?);
    // A period that a clock set back makes twice as long, or one set forward leaves out, still has a beginning.
    Some(start..end.max(start.saturating_add(1)))
}

/// The time of day as far as it is written, and the length of the last part.
fn clock(reader: &mut Reader<'_>, day: DateTime) -> Option<(DateTime, Span)> {
    let mut time = day.with().hour(reader.small()?).build().ok()?;
    let mut step = Span::new().hours(1);
    if reader.take(":") {
        time = time.with().minute(reader.small()?).build().ok()?;
        step = Span::new().minutes(1);
        if reader.take(":") {
            time = time.with().second(reader.small()?).build().ok()?;
            step = Span::new().seconds(1);
            if reader.take(".") {
                let digits = reader.rest.bytes().take_while(u8::is_ascii_digit).count();
                let fraction = reader.number(digits).filter(|_| (1..=9).contains(&digits))?;
                let unit = 10_i32.checked_pow(u32::try_from(9 - digits).ok()?)?;
                time = time
                    .with()
                    .subsec_nanosecond(fraction.checked_mul(unit)?)
                    .build()
                    .ok()?;
                step = Span::new().nanoseconds(i64::from(unit));
            }
        }
    }
    Some((time, step))
}

/// A moment by its distance from now (`24h`, `7d`, `now`), or the beginning of a [`period`].
#[cfg(any(feature = "cli", feature = "server"))]
pub(crate) fn moment(text: &str, zone: &Zone, now: i64) -> Option<i64> {
    if text == "now" {
        return Some(now);
    }
    let unit = text.chars().last()?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return period(text, zone).map(|period| period.start),
    };
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
    let ago = count.saturating_mul(seconds).saturating_mul(1_000_000_000);
    Some(now.saturating_sub(ago))
}

/// `Z` or an offset such as `+01:00`.
fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (None, Some(rest)) => (-1, rest),
        (None, None) => return None,
    };
    let mut reader = Reader { rest };
    let hours = reader.number(2).filter(|hours| *hours < 24)?;
    let minutes = if reader.take(":") {
        reader.number(2).filter(|minutes| *minutes < 60)?
    } else {
        0
    };
    reader.rest.is_empty().then_some(())?;
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn clamp(moment: Timestamp) -> i64 {
    let nanoseconds = moment.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A number of exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<i32> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        self.rest = rest;
        number.parse().ok()
    }

    /// A number of two digits.
    fn small(&mut self) -> Option<i8> {
        i8::try_from(self.number(2)?).ok()
    }
}
