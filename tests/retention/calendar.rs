//! A calendar for a test, as plain as it can be: the days are counted one after the other, and nothing is asked of the crate
//! or of what it uses.

/// A day of the calendar, and the nanoseconds of it that have passed, in UTC.
pub(crate) type Moment = (usize, u64);

pub(crate) const SECOND: u64 = 1_000_000_000;

const DAY_SECONDS: u64 = 24 * 3600;

/// 2027-01-01T00:00:00Z in seconds since 1970: a Friday.
const FIRST: i64 = 1_798_761_600;

const BERLIN: usize = 0;
const NEW_YORK: usize = 1;

/// The nights in which clocks are put forward or back: the date, when in seconds of the UTC day, and where.
pub(crate) const NIGHTS: [((i32, u32, u32), u64, usize); 10] = [
    ((2027, 3, 14), 7 * 3600, NEW_YORK),
    ((2027, 3, 28), 3600, BERLIN),
    ((2027, 10, 31), 3600, BERLIN),
    ((2027, 11, 7), 6 * 3600, NEW_YORK),
    ((2028, 3, 12), 7 * 3600, NEW_YORK),
    ((2028, 3, 26), 3600, BERLIN),
    ((2028, 10, 29), 3600, BERLIN),
    ((2028, 11, 5), 6 * 3600, NEW_YORK),
    ((2029, 3, 11), 7 * 3600, NEW_YORK),
    ((2029, 3, 25), 3600, BERLIN),
];

/// The days from 2027 to 2032: year, month, day.
pub(crate) struct Calendar(Vec<(i32, u32, u32)>);

impl Calendar {
    pub(crate) fn new() -> Self {
        let mut days = Vec::new();
        for year in 2027..=2032 {
            let february = if year % 4 == 0 { 29 } else { 28 };
            let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, len) in (1..).zip(months) {
                days.extend((1..=len).map(|day| (year, month, day)));
            }
        }
        Calendar(days)
    }

    /// The day of that date.
    pub(crate) fn day(&self, date: (i32, u32, u32)) -> usize {
        self.0.binary_search(&date).unwrap()
    }

    pub(crate) fn date(&self, day: usize) -> (i32, u32, u32) {
        self.0[day]
    }

    /// So many calendar months later, at the same time of day; where there is no such day, on the first of the next month.
    pub(crate) fn later(&self, (day, time): Moment, months: u32) -> Moment {
        let (mut year, mut month, day) = self.date(day);
        for _ in 0..months {
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        let there = self.0.binary_search(&(year, month, day));
        // Where it would be, the next month begins.
        (there.unwrap_or_else(|next| next), time)
    }

    /// Nanoseconds since 1970.
    pub(crate) fn nanos(&self, (day, time): Moment) -> i64 {
        let seconds = FIRST + i64::try_from(day as u64 * DAY_SECONDS).unwrap();
        seconds * 1_000_000_000 + i64::try_from(time).unwrap()
    }

    pub(crate) fn moment(&self, nanos: i64) -> Moment {
        let nanos = u64::try_from(nanos - FIRST * 1_000_000_000).unwrap();
        let day = nanos / (DAY_SECONDS * SECOND);
        (usize::try_from(day).unwrap(), nanos % (DAY_SECONDS * SECOND))
    }

    /// As the log writes it.
    pub(crate) fn text(&self, (day, time): Moment) -> String {
        let (year, month, day) = self.date(day);
        let (seconds, nanos) = (time / SECOND, time % SECOND);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }

    /// What the log wrote.
    pub(crate) fn read(&self, text: &str) -> Moment {
        let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
        let part = |range| u32::try_from(number(range)).unwrap();
        let date = (i32::try_from(number(0..4)).unwrap(), part(5..7), part(8..10));
        let seconds = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
        assert!(text.len() == 30 && text.ends_with('Z'), "{text}");
        (self.day(date), seconds * SECOND + number(20..29))
    }

    /// As a clock on the wall shows it in Berlin or in New York, with how far that is from UTC.
    pub(crate) fn local(&self, at: Moment, zone: usize) -> String {
        let switches = NIGHTS
            .iter()
            .filter(|(date, time, place)| *place == zone && (self.day(*date), time * SECOND) <= at);
        let summer = switches.count() % 2 == 1;
        let (ahead, offset) = match (zone, summer) {
            (BERLIN, false) => (1, "+01:00"),
            (BERLIN, true) => (2, "+02:00"),
            (_, false) => (-5, "-05:00"),
            (_, true) => (-4, "-04:00"),
        };
        let there = self.moment(self.nanos(at) + ahead * 3_600_000_000_000);
        self.text(there).replace('Z', offset)
    }
}

#[test]
fn the_calendar_is_right() {
    let calendar = Calendar::new();
    assert_eq!(
        calendar.nanos((calendar.day((2030, 1, 1)), 0)),
        1_893_456_000_000_000_000
    );
    let (berlin, new_york) = (BERLIN, NEW_YORK);
    let local = |date, seconds, zone| calendar.local((calendar.day(date), seconds * SECOND), zone);
    for (date, seconds, zone, shown) in [
        ((2027, 3, 28), 3599, berlin, "2027-03-28T01:59:59.000000000+01:00"),
        ((2027, 3, 28), 3600, berlin, "2027-03-28T03:00:00.000000000+02:00"),
        ((2027, 10, 31), 3599, berlin, "2027-10-31T02:59:59.000000000+02:00"),
        ((2027, 10, 31), 3600, berlin, "2027-10-31T02:00:00.000000000+01:00"),
        ((2028, 11, 5), 6 * 3600, new_york, "2028-11-05T01:00:00.000000000-05:00"),
    ] {
        assert_eq!(local(date, seconds, zone), shown);
    }
    // Clocks are put forward and back on Sundays.
    assert!(NIGHTS.iter().all(|(date, ..)| calendar.day(*date) % 7 == 2));
    for (from, months, to) in [
        ((2028, 2, 29), 12, (2029, 3, 1)),
        ((2027, 8, 31), 6, (2028, 3, 1)),
        ((2027, 8, 29), 6, (2028, 2, 29)),
        ((2027, 11, 30), 3, (2028, 3, 1)),
        ((2027, 12, 31), 2, (2028, 3, 1)),
        ((2027, 12, 31), 24, (2029, 12, 31)),
    ] {
        assert_eq!(calendar.later((calendar.day(from), 5), months), (calendar.day(to), 5));
    }
}
