//! The workforce's dice: xoshiro256**, seeded by SplitMix64 (D. Blackman, S. Vigna; both in the public domain).
//!
//! What must hold: the same seed gives the same throws on every machine and in every later version, since tests and
//! measurements name seeds. So only whole numbers are used, and nothing of the standard library's hashing. It is no
//! source of secrets.

/// A seeded row of throws.
#[derive(Debug, Clone)]
pub(super) struct Chance {
    state: [u64; 4],
}

impl Chance {
    /// The row that belongs to this seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut at = seed;
        let state = [(); 4].map(|()| {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        });
        Self { state }
    }

    /// Any 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let thrown = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let kept = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= kept;
        *d = d.rotate_left(45);
        thrown
    }

    /// A number below `end`; 0 where that is none. The unevenness is below one in 2^32 for every `end` in use here.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(end);
        (wide >> 64) as u64
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// A number of that range, small ones far more often than large ones: waiting times, amounts of money.
    pub(super) fn skewed(&mut self, least: u64, most: u64) -> u64 {
        let share = u128::from(self.below(1 << 20));
        let width = u128::from(most.saturating_sub(least) + 1);
        least + ((width * share * share) >> 40) as u64
    }

    /// True in so many of a thousand throws.
    pub(super) fn in_thousand(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of them, or `None` of an empty list.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let place = self.below(all.len() as u64);
        all.get(usize::try_from(place).ok()?)
    }

    /// One of these texts; empty of an empty list.
    pub(super) fn word<'a>(&mut self, all: &[&'a str]) -> &'a str {
        self.one_of(all).copied().unwrap_or_default()
    }

    /// So many characters of a token: letters and digits that are not taken for each other.
    pub(super) fn token(&mut self, length: usize, out: &mut String) {
        const LETTERS: &[u8; 32] = b"023456789abcdefghjkmnpqrstuvwxyz";
        let mut bits = self.bits();
        for place in 0..length {
            if place % 12 == 11 {
                bits = self.bits();
            }
            let letter = LETTERS.get((bits & 31) as usize).copied().unwrap_or(b'0');
            out.push(char::from(letter));
            bits >>= 5;
        }
    }

    /// An id of version 7: the time in milliseconds, and 74 thrown bits.
    pub(super) fn id(&mut self, time_ns: i64) -> String {
        let millis = u128::from(time_ns.div_euclid(1_000_000).max(0).unsigned_abs()) & 0xffff_ffff_ffff;
        let high = u128::from(self.bits() & 0xfff);
        let low = u128::from(self.bits() >> 2);
        let bits = millis << 80 | 7 << 76 | high << 64 | 2 << 62 | low;
        uuid::Uuid::from_u128(bits).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // From the authors' C code: xoshiro256** with the state 1, 2, 3, 4.
        let mut chance = Chance { state: [1, 2, 3, 4] };
        assert_eq!(
            [0; 4].map(|_| chance.bits()),
            [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]
        );
        // SplitMix64 of 0 begins with this number.
        assert_eq!(Chance::new(0).state[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn throws_stay_in_their_range() {
        let mut chance = Chance::new(7);
        for _ in 0..10_000 {
            assert!(chance.below(3) < 3);
            assert!((5..=9).contains(&chance.between(5, 9)));
            assert!((100..=900).contains(&chance.skewed(100, 900)));
        }
        assert_eq!((chance.below(0), chance.between(4, 4)), (0, 4));
        assert_eq!(chance.word(&[]), "");
    }

    #[test]
    fn ids_are_of_version_seven_and_begin_with_the_time() {
        let id = Chance::new(1).id(1_767_225_600_123_000_000);
        let id = uuid::Uuid::parse_str(&id).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.as_u128() >> 80, 1_767_225_600_123);
    }
}
