//! Dropping what need not be kept any longer, and saying what was dropped and until when the rest is kept.
//!
//! The time is the clock's, less by what it went forward without anybody having accepted that: a jump is not time that
//! has passed. Only a person can say that the clock is right all the same, and that is recorded.

use super::fate::{Fate, fates};
use super::hold::Holds;
use crate::error::{Error, Result};
use crate::log::act::{Actor, Asking};
use crate::log::{Core, Doomed, Files, Terms, size_of_dir};
use crate::record::format_time;
use serde::{Deserialize, Serialize};

/// How [`crate::Database::retain_with`] drops.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RetainOptions {
    /// Only say what would be dropped.
    pub dry_run: bool,
    /// Why the clock is right although it went forward by itself; it is recorded. See [`Retained::clock_ahead`].
    pub accept_clock: Option<String>,
    /// Who says so: needed where the policy names people.
    pub by: Option<Actor>,
}

impl RetainOptions {
    /// Sets whether it is only said what would be dropped.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Says that the clock is right, and why.
    #[must_use]
    pub fn accept_clock(mut self, reason: &str) -> Self {
        self.accept_clock = Some(reason.to_owned());
        self
    }

    /// Says who says so.
    #[must_use]
    pub fn by(mut self, actor: &Actor) -> Self {
        self.by = Some(actor.clone());
        self
    }
}

/// What was dropped and what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retained {
    /// Whether nothing was dropped and it is only said what would be.
    pub dry_run: bool,
    /// What the log takes on disk, in bytes, before and after.
    pub bytes_before: u64,
    /// See `bytes_before`.
    pub bytes_after: u64,
    /// The segments that were dropped, in order.
    pub dropped: Vec<DroppedSegment>,
    /// The sealed segments that are kept, in order.
    pub kept: Vec<KeptSegment>,
    /// By how much the clock went forward by itself without anybody having accepted that, in seconds: so much later
    /// everything expires. 0 if it did not.
    pub clock_ahead: u64,
    /// How many segments are kept for nothing but that.
    pub kept_by_clock: u64,
    /// What is wrong with a segment that cannot be read as it was written: it stays, and with it what is behind it.
    pub unreadable: Option<String>,
    /// The seq of the first record that is kept.
    pub earliest: u64,
    /// The minimum index of C2SP tlog-tiles; see [`crate::Database::minimum_index`].
    pub minimum_index: u64,
}

/// A segment that was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DroppedSegment {
    /// The seqs of its first record and of the one behind its last.
    pub first: u64,
    /// See `first`.
    pub end: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// Until when it was kept.
    pub kept_until: String,
    /// The class of its records and for how many months they were kept.
    pub class: String,
    /// See `class`.
    pub months: u32,
    /// The record that says so; `None` if it is not dropped yet.
    pub tombstone: Option<u64>,
}

/// A segment that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptSegment {
    /// The seqs of its first record and of the one behind its last.
    pub first: u64,
    /// See `first`.
    pub end: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// Until when it is kept; `None` if that cannot be told, since the clock went back and has not caught up.
    pub kept_until: Option<String>,
    /// The class of its records and for how many months they are kept.
    pub class: String,
    /// See `class`.
    pub months: u32,
    /// The holds that cover it. What one by query covers is told only where the time of the segment has passed.
    pub held: Vec<String>,
    /// Why it is not sure that they do: in doubt a segment is held.
    pub doubt: Option<String>,
    /// From when on it may be dropped: `kept_until`, or later by the buffer of the log's class.
    #[serde(default)]
    pub from: Option<String>,
    /// What the policy wants done before it is dropped, and is not: `anchor` or `backup`. It is told only where the time has
    /// passed.
    #[serde(default)]
    pub needs: Option<String>,
    /// When a law wants its first record gone, if the class says so.
    #[serde(default)]
    pub delete_by: Option<String>,
    /// Whether that has passed.
    #[serde(default)]
    pub overdue: bool,
}

/// What was asked for through the door.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) dry_run: bool,
    pub(crate) accept_clock: Option<String>,
    #[serde(default)]
    pub(crate) by: Option<Asking>,
}

/// So many segments are dropped at once: all of their tombstones are in memory.
const AT_ONCE: usize = 32;

/// Does what another process asks for; both are JSON.
pub(crate) fn through_the_door(core: &Core, asked: &[u8]) -> Result<Vec<u8>> {
    let malformed = |error: serde_json::Error| Error::NotFound {
        what: format!("a request to drop segments in {error}"),
    };
    let asked: Asked = serde_json::from_slice(asked).map_err(malformed)?;
    let done = retain(core, &asked)?;
    serde_json::to_vec(&done).map_err(malformed)
}

/// Drops what need not be kept any longer.
fn retain(core: &Core, asked: &Asked) -> Result<Retained> {
    // One at a time: what one has decided, the other must not have done.
    let _alone = core.dropping.lock();
    let files = &core.files;
    let size = || size_of_dir(files, files.layout.root());
    let bytes_before = size()?;
    if let Some(reason) = asked.accept_clock.as_deref().filter(|_| !asked.dry_run) {
        core.act(|writer| writer.accept_clock(reason, asked.by.as_ref()))?;
    }
    let (terms, mut clock) = core.act(|writer| Ok((writer.terms.clone(), writer.times())))?;
    if asked.dry_run && asked.accept_clock.is_some() {
        clock.ahead = 0;
    }
    let holds = Holds::new(&terms.holds);
    let (mut fates, fault) = fates(files, &terms, &holds);
    // Of the others nobody has to know it yet, and nothing goes behind one that is held.
    for fate in &mut fates {
        if !fate.may_go(clock.now) {
            break;
        }
        fate.held = holds.by_query(files, &(fate.first..fate.end));
    }
    require(files, &terms, &mut fates, clock.now)?;
    let mut unreadable = fault.map(|fault| fault.to_string());
    let expired = |now: i64| move |fate: &&Fate| fate.may_go(now);
    let going = fates.iter().take_while(expired(clock.safe())).count();
    let kept_by_clock = fates.iter().take_while(expired(clock.now)).count() - going;
    let mut kept = fates.split_off(going);
    let mut dropped = Vec::with_capacity(going);
    for some in fates.chunks(AT_ONCE) {
        let tombstones = if asked.dry_run {
            vec![None; some.len()]
        } else {
            match drop_some(core, some, &holds, clock.safe()) {
                Ok(tombstones) => tombstones,
                Err(Error::Damaged { faults, .. }) => {
                    unreadable = faults.first().map(ToString::to_string);
                    break;
                }
                Err(error) => return Err(error),
            }
        };
        dropped.extend(
            some.iter()
                .zip(tombstones)
                .map(|(fate, tombstone)| fate.dropped(tombstone)),
        );
    }
    // What was not dropped after all.
    kept.splice(0..0, fates.drain(dropped.len().min(fates.len())..));
    let earliest = match dropped.last() {
        Some(last) => last.end,
        None => files.kept_from(),
    };
    let unchanged = asked.dry_run || (dropped.is_empty() && asked.accept_clock.is_none());
    Ok(Retained {
        dry_run: asked.dry_run,
        bytes_before,
        bytes_after: if unchanged { bytes_before } else { size()? },
        dropped,
        kept: kept.into_iter().map(|fate| fate.kept(clock.now)).collect(),
        clock_ahead: u64::try_from(clock.ahead / 1_000_000_000).unwrap_or(0),
        kept_by_clock: kept_by_clock as u64,
        unreadable,
        earliest,
        minimum_index: files.minimum_index(earliest),
    })
}

/// Marks what the policy wants anchored or backed up first, and is not.
fn require(files: &Files, terms: &Terms, fates: &mut [Fate], now: i64) -> Result<()> {
    let wanted = terms.class.margin();
    if !fates.first().is_some_and(|fate| fate.may_go(now)) {
        return Ok(());
    }
    let anchored = match wanted.anchored {
        true => crate::anchor::proven(files)?,
        false => u64::MAX,
    };
    let backed_up = match (wanted.backed_up, &terms.backup) {
        (true, backup) => backup.as_ref().map_or(0, |backup| backup.sealed),
        (false, _) => u64::MAX,
    };
    for fate in fates {
        let needs = [("anchor", anchored), ("backup", backed_up)];
        fate.needs = needs.into_iter().find(|(_, to)| fate.end > *to).map(|(what, _)| what);
    }
    Ok(())
}

fn drop_some(core: &Core, some: &[Fate], holds: &Holds, now: i64) -> Result<Vec<Option<u64>>> {
    let doomed: Vec<Doomed> = some
        .iter()
        .filter_map(|fate| {
            let until = fate.until?;
            Some(Doomed::new(
                &core.files,
                fate.first,
                &fate.class,
                until,
                holds.not_held(),
            ))
        })
        .collect::<Result<_>>()?;
    Ok(core.drop_segments(doomed, now)?.into_iter().map(Some).collect())
}

impl Fate {
    fn dropped(&self, tombstone: Option<u64>) -> DroppedSegment {
        DroppedSegment {
            first: self.first,
            end: self.end,
            bytes: self.bytes,
            kept_until: self.until.map(format_time).unwrap_or_default(),
            class: self.class.name().to_owned(),
            months: self.class.months(),
            tombstone,
        }
    }

    fn kept(self, now: i64) -> KeptSegment {
        KeptSegment {
            first: self.first,
            end: self.end,
            bytes: self.bytes,
            kept_until: self.until.map(format_time),
            class: self.class.name().to_owned(),
            months: self.class.months(),
            doubt: self.held.iter().find_map(|covers| covers.doubt.clone()),
            held: self.held.into_iter().map(|covers| covers.id).collect(),
            from: self.from.map(format_time),
            needs: self.needs.map(str::to_owned),
            delete_by: self.delete_by.map(format_time),
            overdue: self.delete_by.is_some_and(|by| now >= by),
        }
    }
}
