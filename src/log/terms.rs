//! What holds in a log besides its keys, and the records that change it: for how long records are kept, what is held, what
//! the clock did, which segments were dropped.
//!
//! What must hold: all of it stands in every `state`, so that nobody has to read what stands before.

use super::act::{Act, By};
use super::backed_up::BackedUpTo;
use super::events::{BLAKE3, hex, system, unhex};
use super::siblings::Household;
use super::tombstone::Manifest;
use crate::policy::{Class, Margin, Person};
use crate::proof::Hash;
use crate::record::{format_time, read_time};
use serde::{Deserialize, Serialize};

/// For how long records are kept, as a state promises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keep {
    /// In calendar months.
    pub(crate) months: u32,
    /// What the policy adds to the promise.
    #[serde(flatten)]
    pub(crate) margin: Margin,
}

impl Keep {
    pub(crate) fn of(class: &Class) -> Self {
        Keep {
            months: class.months(),
            margin: class.margin(),
        }
    }
}

/// What the clocks say besides the time at which a record was logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clocks {
    /// The run of the machine, and for how long it has been running, in nanoseconds.
    pub(crate) boot: Option<String>,
    pub(crate) uptime_ns: Option<u64>,
    /// By how much the clock went forward without anybody having accepted that, less by how much it went back.
    #[serde(default)]
    pub(crate) ahead_ns: i64,
}

/// What holds in a log besides its keys, as every state says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) class: Class,
    pub(crate) holds: Vec<serde_json::Value>,
    /// Who may do what needs a person; nobody if the policy names no people.
    pub(crate) people: Vec<Person>,
    pub(crate) clock: Clocks,
    pub(crate) region: Option<String>,
    pub(crate) household: Household,
    /// Up to where it is backed up.
    pub(crate) backup: Option<BackedUpTo>,
}

/// A class that a log is to have, and why although its law asks for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewClass {
    class: String,
    #[serde(flatten)]
    keep: Keep,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

impl NewClass {
    pub(crate) fn new(class: &Class, reason: Option<&str>) -> Self {
        NewClass {
            class: class.name().to_owned(),
            keep: Keep::of(class),
            reason: reason.map(str::to_owned),
        }
    }

    pub(crate) fn class(&self) -> Class {
        Class::stated(&self.class, self.keep.months).with_margin(self.keep.margin)
    }
}

/// Records are kept for another time from here on.
pub(crate) fn class_change(before: &Class, after: &Class, reason: Option<&str>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Kept<'a> {
        class: &'a str,
        #[serde(flatten)]
        keep: Keep,
    }
    #[derive(Serialize)]
    struct Change<'a> {
        name: &'static str,
        before: Kept<'a>,
        after: Kept<'a>,
        /// Why its law is overridden.
        #[serde(skip_serializing_if = "Option::is_none")]
        overridden: Option<&'a str>,
    }
    impl<'a> Kept<'a> {
        fn of(class: &'a Class) -> Self {
            Kept {
                class: class.name(),
                keep: Keep::of(class),
            }
        }
    }
    let (before, after) = (Kept::of(before), Kept::of(after));
    system(&Change {
        name: "class",
        before,
        after,
        overridden: reason,
    })
}

/// The event of a clock that stepped.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClockStep {
    pub(crate) name: String,
    /// What the clock said at the last commit.
    pub(crate) before: String,
    /// What it says now.
    pub(crate) after: String,
    /// What passed by a clock that does not step; unknown over a restart of the machine.
    pub(crate) elapsed_ns: Option<u64>,
}

impl ClockStep {
    /// By how much the clock went forward, or back, in nanoseconds; `None` if it does not say.
    pub(crate) fn step(&self) -> Option<i64> {
        let time = |text: &str| read_time(text.as_bytes()).map(i128::from);
        let step = time(&self.after)? - time(&self.before)? - i128::from(self.elapsed_ns.unwrap_or(0));
        i64::try_from(step.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).ok()
    }
}

/// The clock stepped.
pub(crate) fn clock(before: i64, after: i64, elapsed: Option<u64>) -> Vec<u8> {
    system(&ClockStep {
        name: "clock".to_owned(),
        before: format_time(before),
        after: format_time(after),
        elapsed_ns: elapsed,
    })
}

/// The event of a person who says that the clock is right, however it came to where it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClockAccepted {
    pub(crate) name: String,
    /// By how much it had gone forward by itself, in nanoseconds.
    pub(crate) ahead_ns: i64,
    pub(crate) reason: String,
    /// Who said so, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<By>,
}

/// The act of saying that the clock is right although it went forward by so much.
pub(crate) fn accepting(ahead_ns: i64, reason: &str) -> Act<'_> {
    Act {
        name: "clock_accepted",
        about: serde_json::json!({ "ahead_seconds": ahead_ns / 1_000_000_000 }),
        reason,
    }
}

/// A person says that the clock is right.
pub(crate) fn clock_accepted(ahead_ns: i64, reason: &str, by: Option<By>) -> Vec<u8> {
    system(&ClockAccepted {
        name: "clock_accepted".to_owned(),
        ahead_ns,
        reason: reason.to_owned(),
        by,
    })
}

/// The event of a segment that is dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Dropping {
    pub(crate) name: String,
    /// Its first seq, and how many lines it had.
    pub(crate) segment: u64,
    pub(crate) count: u64,
    pub(crate) class: String,
    pub(crate) months: u32,
    /// Until when it was kept.
    pub(crate) kept_until: String,
    /// Over the tombstone's file.
    pub(crate) digest: String,
}

impl Dropping {
    /// Whether it is this tombstone that is announced.
    pub(crate) fn announces(&self, digest: &Hash) -> bool {
        self.digest.strip_prefix(BLAKE3).and_then(unhex).as_ref() == Some(digest)
    }
}

/// A segment is dropped; the tombstone's file has that digest.
pub(crate) fn tombstone(said: &Manifest, digest: &Hash) -> Vec<u8> {
    system(&Dropping {
        name: "tombstone".to_owned(),
        segment: said.segment,
        count: said.count,
        class: said.class.clone(),
        months: said.months,
        kept_until: said.kept_until.clone(),
        digest: format!("{BLAKE3}{}", hex(digest)),
    })
}
