//! How often a process is killed, and when. `AUDITDB_KILLS` says how many times, however long that takes; without it there are
//! a few rounds, and fewer where the machine is slow. `AUDITDB_SEED` repeats a run.

use std::time::{Duration, Instant};

/// The rounds of one test.
pub(crate) struct Rounds {
    wanted: u64,
    done: u64,
    started: Instant,
    within: Option<Duration>,
    pub(crate) chance: Chance,
}

impl Rounds {
    /// As many as the environment says; else so many, or fewer in so many seconds.
    pub(crate) fn new(usual: u64, seconds: u64) -> Self {
        let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
        let kills = given("AUDITDB_KILLS");
        let seed = given("AUDITDB_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | usual);
        println!("AUDITDB_SEED={seed}");
        Rounds {
            wanted: kills.unwrap_or(usual),
            done: 0,
            started: Instant::now(),
            within: kills.is_none().then(|| Duration::from_secs(seconds)),
            chance: Chance(seed),
        }
    }

    /// Whether there is another one; then it counts.
    pub(crate) fn next(&mut self) -> bool {
        let more = self.is_more();
        self.done += u64::from(more);
        more
    }

    pub(crate) fn is_more(&self) -> bool {
        let late = self.within.is_some_and(|within| self.started.elapsed() > within);
        self.done < self.wanted && !late
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Says what there was, with how long it took.
    pub(crate) fn sum_up(&self, what: &str) {
        println!("{} kills in {:.1?}: {what}", self.done, self.started.elapsed());
    }
}

/// Numbers that follow from a seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
