//! When the workforce's records are made: 12,000 a day, most of them in working hours.
//!
//! What must hold: times rise strictly; each day of 24 hours from the start holds the same number of records; only
//! whole numbers are used, so that the same seed gives the same times everywhere.

use super::chance::Chance;

/// How many records the workforce makes in a day.
pub const RECORDS_PER_DAY: u64 = 12_000;

const MINUTE: i64 = 60_000_000_000;
const MINUTES: u64 = 1_440;

/// How busy each hour of the day is, in UTC, from midnight.
const BUSY: [u64; 24] = [
    6, 5, 5, 5, 6, 9, 16, 34, 62, 84, 92, 88, 66, 74, 90, 86, 70, 48, 30, 22, 18, 14, 10, 8,
];

/// Gives the records' times, one after the other.
#[derive(Debug)]
pub(super) struct Clock {
    start: i64,
    /// The work before each minute of a day that begins at the start; one more at the end.
    before: Vec<u64>,
    number: u64,
    last: i64,
}

impl Clock {
    /// Of a workforce that begins then.
    pub(super) fn new(start: i64) -> Self {
        let first = start.div_euclid(MINUTE);
        let mut sum = 0;
        let mut before = vec![0];
        for minute in 0..MINUTES as i64 {
            let hour = (first + minute).rem_euclid(MINUTES as i64) / 60;
            sum += usize::try_from(hour)
                .ok()
                .and_then(|hour| BUSY.get(hour))
                .copied()
                .unwrap_or(1);
            before.push(sum);
        }
        Self {
            start,
            before,
            number: 0,
            last: start.saturating_sub(1),
        }
    }

    /// The next record's time.
    pub(super) fn tick(&mut self, chance: &mut Chance) -> i64 {
        let (day, place) = (self.number / RECORDS_PER_DAY, self.number % RECORDS_PER_DAY);
        self.number += 1;
        let all = self.before.last().copied().unwrap_or(1);
        // The day is cut into as many pieces of equal work as it has records; each one comes somewhere in its piece.
        let point = u128::from(place << 16 | chance.below(1 << 16)) * u128::from(all) * MINUTE as u128
            / (u128::from(RECORDS_PER_DAY) << 16);
        let (minute, work) = ((point / MINUTE as u128) as u64, point);
        let minute = self
            .before
            .partition_point(|before| *before <= minute)
            .saturating_sub(1);
        let at = self.before.get(minute).copied().unwrap_or_default();
        let width = self.before.get(minute + 1).map_or(1, |next| next - at).max(1);
        let inside = (work - u128::from(at) * MINUTE as u128) / u128::from(width);
        let minutes = (day * MINUTES + minute as u64) as i64;
        let time = self
            .start
            .saturating_add(minutes.saturating_mul(MINUTE))
            .saturating_add(inside as i64);
        self.last = time.max(self.last.saturating_add(1));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = MINUTE * MINUTES as i64;

    #[test]
    fn a_day_holds_its_records_and_noon_is_busier_than_night() {
        for start in [1_767_225_600_000_000_000, 1_767_261_111_222_333_444, -5] {
            let mut chance = Chance::new(1);
            let mut clock = Clock::new(start);
            let times: Vec<i64> = (0..2 * RECORDS_PER_DAY).map(|_| clock.tick(&mut chance)).collect();
            assert!(times.is_sorted_by(|a, b| a < b));
            let (first, second) = times.split_at(RECORDS_PER_DAY as usize);
            assert!(first[0] >= start && first[first.len() - 1] < start + DAY);
            assert!(second[0] >= start + DAY && second[second.len() - 1] < start + 2 * DAY);
            let within = |hour: i64| {
                first
                    .iter()
                    .filter(|time| time.rem_euclid(DAY) / (60 * MINUTE) == hour)
                    .count()
            };
            assert!(within(10) > 10 * within(2), "{} {}", within(10), within(2));
        }
    }
}
