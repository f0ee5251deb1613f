//! Time and chance of a simulated disk.
//!
//! What must hold: a disk made from a seed gives the same times and bytes in every run (as long as one thread asks),
//! and its monotonic clock never steps, whatever the wall clock is set to.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::disk::{Disk, RealDisk};

/// 2030-01-01T00:00:00Z: in the future, so that a simulated time never passes for a real one.
const START: i64 = 1_893_456_000_000_000_000;
/// Every look at the clock takes this long; so no two looks see the same time, and nobody waits for ever.
const STEP: u32 = 1_000;
/// How long a machine takes to come back.
const REBOOT: i64 = 1_000_000_000;

pub(super) enum Clock {
    /// The clock and chance of the system.
    Real,
    Simulated(Simulated),
}

pub(super) struct Simulated {
    wall: AtomicI64,
    monotonic: AtomicU64,
    /// What the machine has been running for before this process.
    uptime: u64,
    random: AtomicU64,
}

impl Clock {
    pub(super) fn new(seed: u64) -> Clock {
        Clock::Simulated(Simulated {
            wall: AtomicI64::new(START),
            monotonic: AtomicU64::new(0),
            uptime: 0,
            random: AtomicU64::new(mix(seed)),
        })
    }

    /// The clock of the next process on the same machine.
    pub(super) fn after_kill(&self) -> Clock {
        self.after(0, 0)
    }

    /// The clock after a power cut. `salt` makes the random bytes of different outcomes differ.
    pub(super) fn after_power_cut(&self, salt: u64) -> Clock {
        self.after(REBOOT, salt)
    }

    fn after(&self, pause: i64, salt: u64) -> Clock {
        match self {
            Clock::Real => Clock::Real,
            Clock::Simulated(old) => {
                let random = old.random.load(Relaxed);
                Clock::Simulated(Simulated {
                    wall: AtomicI64::new(old.wall.load(Relaxed).saturating_add(pause)),
                    monotonic: AtomicU64::new(0),
                    // The same run of the machine, or another one.
                    uptime: if pause == 0 { old.up() } else { 0 },
                    random: AtomicU64::new(if salt == 0 { random } else { mix(random ^ salt) }),
                })
            }
        }
    }

    pub(super) fn set_now(&self, now: i64) {
        if let Clock::Simulated(clock) = self {
            clock.wall.store(now, Relaxed);
        }
    }

    pub(super) fn advance(&self, nanos: u64) {
        if let Clock::Simulated(clock) = self {
            clock.wall.fetch_add(i64::try_from(nanos).unwrap_or(i64::MAX), Relaxed);
            clock.monotonic.fetch_add(nanos, Relaxed);
        }
    }

    pub(super) fn now(&self) -> i64 {
        match self {
            Clock::Real => RealDisk.now(),
            Clock::Simulated(clock) => {
                clock.monotonic.fetch_add(STEP.into(), Relaxed);
                clock.wall.fetch_add(STEP.into(), Relaxed)
            }
        }
    }

    pub(super) fn monotonic(&self) -> u64 {
        match self {
            Clock::Real => RealDisk.monotonic(),
            Clock::Simulated(clock) => {
                clock.wall.fetch_add(STEP.into(), Relaxed);
                clock.monotonic.fetch_add(STEP.into(), Relaxed)
            }
        }
    }

    pub(super) fn uptime(&self) -> Option<u64> {
        match self {
            Clock::Real => RealDisk.uptime(),
            Clock::Simulated(clock) => Some(clock.up()),
        }
    }

    pub(super) fn random(&self, bytes: &mut [u8]) {
        match self {
            Clock::Real => RealDisk.random(bytes),
            Clock::Simulated(clock) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = mix(clock.random.fetch_add(GOLDEN, Relaxed)).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
    }

    /// A number for choices of the simulation itself; does not use up any of the disk's randomness.
    pub(super) fn salt(&self) -> u64 {
        match self {
            Clock::Real => 0,
            Clock::Simulated(clock) => mix(!clock.random.load(Relaxed)),
        }
    }
}

impl Simulated {
    fn up(&self) -> u64 {
        self.uptime.saturating_add(self.monotonic.load(Relaxed))
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea, Flood 2014): good enough for choices, and four lines.
pub(super) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(GOLDEN);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
