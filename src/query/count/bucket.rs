//! Periods of time as a calendar cuts them in a zone.

use super::super::time::Zone;
use jiff::{Span, Timestamp, Unit, ZonedDateTime, ZonedDateTimeRound};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Per {
    /// An hour.
    Hour,
    /// A day of the calendar, which may have 23 or 25 hours.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month of the calendar.
    Month,
}

/// The periods that times lie in. Times mostly come in order, so the period of the last one is tried first.
#[derive(Debug, Clone)]
pub(super) struct Buckets {
    per: Per,
    zone: Zone,
    last: std::ops::Range<i64>,
}

impl Buckets {
    pub(super) fn new(per: Per, zone: Zone) -> Self {
        Buckets { per, zone, last: 0..0 }
    }

    /// When the period begins in which that moment lies; both in nanoseconds since 1970.
    pub(super) fn start_of(&mut self, moment: i64) -> i64 {
        self.period(moment).start
    }

    /// The period in which that moment lies.
    pub(super) fn period(&mut self, moment: i64) -> std::ops::Range<i64> {
        if !self.last.contains(&moment) {
            self.last = self
                .period_of(moment)
                .filter(|period| period.contains(&moment))
                .unwrap_or(moment..moment.saturating_add(1));
        }
        self.last.clone()
    }

    fn period_of(&self, moment: i64) -> Option<std::ops::Range<i64>> {
        let moment = Timestamp::from_nanosecond(i128::from(moment)).ok()?;
        let moment = moment.to_zoned_datetime(self.zone.time_zone().clone());
        let day = |zoned: &ZonedDateTime| zoned.start_of_day().ok();
        let (start, end) = match self.per {
            Per::Hour => {
                let down = ZonedDateTimeRound::new()
                    .smallest(Unit::Hour)
                    .mode(jiff::RoundMode::Trunc);
                let start = moment.round(down).ok()?;
                let end = start.checked_add(Span::new().hours(1)).ok()?;
                (start, end)
            }
            Per::Day => {
                let start = day(&moment)?;
                let end = day(&start.checked_add(Span::new().days(1)).ok()?)?;
                (start, end)
            }
            Per::Week => {
                let back = i64::from(moment.weekday().to_monday_zero_offset());
                let start = day(&moment.checked_sub(Span::new().days(back)).ok()?)?;
                let end = day(&start.checked_add(Span::new().weeks(1)).ok()?)?;
                (start, end)
            }
            Per::Month => {
                let start = day(&moment.first_of_month().ok()?)?;
                let end = day(&start.checked_add(Span::new().months(1)).ok()?)?;
                (start, end)
            }
        };
        let nanoseconds = |zoned: ZonedDateTime| i64::try_from(zoned.timestamp().as_nanosecond()).ok();
        Some(nanoseconds(start)?..nanoseconds(end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_where_the_calendar_says() {
        let at = |text: &str| i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap();
        let start = |per, zone: &str, text: &str| {
            let mut buckets = Buckets::new(per, Zone::named(zone).unwrap());
            let start = buckets.start_of(at(text));
            assert_eq!(buckets.start_of(start), start);
            Timestamp::from_nanosecond(i128::from(start)).unwrap().to_string()
        };
        assert_eq!(
            start(Per::Hour, "UTC", "2026-11-24T15:40:10.5Z"),
            "2026-11-24T15:00:00Z"
        );
        assert_eq!(start(Per::Day, "UTC", "2026-11-24T15:40:10Z"), "2026-11-24T00:00:00Z");
        assert_eq!(start(Per::Week, "UTC", "2026-11-29T15:40:10Z"), "2026-11-23T00:00:00Z");
        assert_eq!(start(Per::Month, "UTC", "2026-11-24T15:40:10Z"), "2026-11-01T00:00:00Z");
        assert_eq!(
            start(Per::Hour, "+05:30", "2026-11-24T15:40:10Z"),
            "2026-11-24T15:30:00Z"
        );
        assert_eq!(
            start(Per::Day, "+05:30", "2026-11-24T19:40:10Z"),
            "2026-11-24T18:30:00Z"
        );
        // Before 1970, and at the ends of what a time can be.
        assert_eq!(start(Per::Day, "UTC", "1969-12-31T23:59:59Z"), "1969-12-31T00:00:00Z");
        for moment in [i64::MIN, i64::MAX] {
            Buckets::new(Per::Month, Zone::utc()).start_of(moment);
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_hours() {
        let Some(zone) = Zone::named("Europe/Berlin") else {
            return;
        };
        let mut buckets = Buckets::new(Per::Hour, zone);
        let at = |text: &str| i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap();
        // The clock shows 02:30 twice.
        let (first, second) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(buckets.start_of(second) - buckets.start_of(first), 3_600_000_000_000);
    }
}
