//! Opening a log: finding out whose it is, going through what is not sealed yet, and finishing or undoing what a crash
//! interrupted. What a crash cannot have done is damage: it is reported, and nothing is written.

use super::backed_up::BackedUpTo;
use super::events::{self, Identity, State};
use super::fault::{Fault, What};
use super::journal::{FrameReader, Tail, is_cut_by_a_kill, tail};
use super::layout::Layout;
use super::replay::{InForce, Listing, Replayed, committed, kept_from, replay, sealed_tip};
use super::siblings::Household;
use super::standing::{first_line_of_journal, first_line_of_segment, last_line_of_segment};
use super::terms::Terms;
use super::torn;
use super::view::{SegmentRef, Tip, View};
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use crate::record::read_head;
use std::sync::Arc;

/// A log that was gone through, ready to be written to.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) view: View,
    /// The journal that is written to next.
    pub(crate) last: Replayed,
    /// How far the log is behind its last segment.
    pub(crate) sealed: Tip,
    /// The keys that the log's records put in force, if one that says it is left.
    pub(crate) keys: Option<InForce>,
    /// What holds besides the keys, and when the clocks said so.
    pub(crate) terms: Terms,
    pub(crate) stated: Option<i64>,
}

/// Whose log this is, as its newest readable first record says; `None` if there is no record at all.
pub(crate) fn identify(disk: &dyn Disk, layout: &Layout) -> Result<Option<Identity>> {
    Ok(newest_state(disk, layout)?.map(|(identity, _)| identity))
}

/// What the newest first record of a file that can be read says: whose log it is, and what holds in it since.
pub(crate) fn newest_state(disk: &dyn Disk, layout: &Layout) -> Result<Option<(Identity, State)>> {
    let listing = match Listing::read(disk, layout) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("listing", layout.root(), error)),
    };
    let mut fault = None;
    for first_seq in listing.journals.iter().rev() {
        match first_line_of_journal(disk, &layout.journal(*first_seq)) {
            Ok(Some(line)) => match state_in(&line) {
                Some(found) => return Ok(Some(found)),
                None => {
                    fault = Some(Fault::new(
                        layout.journal(*first_seq),
                        What::State("it is another record"),
                    ))
                }
            },
            Ok(None) => {}
            Err(found) => fault = Some(found),
        }
    }
    for first_seq in listing.segments.iter().rev() {
        let path = layout.segment(*first_seq);
        match first_line_of_segment(disk, &path) {
            Ok(line) => {
                if let Some(found) = state_in(&line) {
                    return Ok(Some(found));
                }
            }
            Err(found) => fault = Some(found),
        }
    }
    match fault {
        Some(fault) => Err(Error::damaged(layout.root(), fault)),
        None => Ok(None),
    }
}

/// Whether there is a log that has a first record, readable or not.
pub(crate) fn has_record(disk: &dyn Disk, layout: &Layout) -> bool {
    !matches!(identify(disk, layout), Ok(None))
}

/// Goes through a log that was locked. `sealed_end` is how far it is behind its last segment, where a recovery found that
/// out; an opening without one trusts nothing but the segment itself.
pub(crate) fn open(disk: &dyn Disk, layout: &Layout, identity: &Identity, sealed_end: Option<Tip>) -> Result<Opened> {
    clean_up(disk, layout)?;
    let listing = Listing::read(disk, layout).map_err(|error| Error::io("listing", layout.root(), error))?;
    let damaged = |fault: Fault| Error::damaged(layout.root(), fault);
    let first_journal = listing.journals.first().copied();
    let first_journal = first_journal.ok_or_else(|| damaged(Fault::new(layout.journal_dir(), What::Missing)))?;
    let sealed: Vec<u64> = listing
        .segments
        .iter()
        .copied()
        .filter(|seq| *seq < first_journal)
        .collect();
    let mut tip = match sealed_end {
        Some(tip) => tip,
        None => sealed_tip(disk, layout, &sealed, first_journal).map_err(damaged)?,
    };
    let sealed_tip = tip.clone();
    let told = committed(disk, layout);
    let segments = sealed
        .iter()
        .map(|seq| Arc::new(SegmentRef::new(*seq, layout.segment(*seq))))
        .collect();
    let mut view = View {
        segments: Arc::new(segments),
        kept_from: kept_from(disk, layout, sealed.first().copied().unwrap_or(first_journal)),
        ..View::default()
    };
    let mut last = None;
    let mut household = None;
    let (mut keys, mut backup): (Option<InForce>, Option<BackedUpTo>) = (None, None);
    for (place, first_seq) in listing.journals.iter().enumerate() {
        let reader = FrameReader::open(disk, &layout.journal(*first_seq), identity.log_id).map_err(damaged)?;
        let replayed = replay(reader, *first_seq, tip, u64::MAX).map_err(damaged)?;
        let is_last = place + 1 == listing.journals.len();
        let known = told.as_ref().filter(|told| told.journal == *first_seq);
        let end = replayed.reader.offset();
        if known.is_some_and(|told| end < told.offset) {
            let fault = match tail(&replayed.reader).map_err(damaged)? {
                Tail::Damaged(fault) => fault,
                Tail::Clean | Tail::Torn { .. } => Fault::new(&replayed.journal.path, What::Shortened).at(end),
            };
            return Err(damaged(fault));
        }
        match tail(&replayed.reader).map_err(damaged)? {
            Tail::Clean => {}
            Tail::Torn { end: torn_end } if is_last => {
                if known.is_some() && !is_cut_by_a_kill(&replayed.reader, torn_end).map_err(damaged)? {
                    return Err(damaged(Fault::new(&replayed.journal.path, What::Garbage).at(end)));
                }
                torn::cut(disk, layout, &replayed, torn_end)?;
            }
            Tail::Torn { .. } => return Err(damaged(Fault::new(&replayed.journal.path, What::Garbage).at(end))),
            Tail::Damaged(fault) => return Err(damaged(fault)),
        }
        if !is_last && !replayed.closed {
            let last = replayed.tip.next_seq().saturating_sub(1);
            return Err(damaged(
                Fault::new(&replayed.journal.path, What::NotClosed).seqs(last, last),
            ));
        }
        keys = replayed.keys.clone().or(keys);
        backup = replayed.backup.clone().or(backup);
        tip = replayed.tip.clone();
        if replayed.journal.end > 0 {
            household = Some(replayed.household.clone());
        }
        view.journals.push(replayed.journal.clone());
        last = Some(replayed);
    }
    let mut last = last.ok_or_else(|| damaged(Fault::new(layout.journal_dir(), What::Missing)))?;
    if told.as_ref().is_some_and(|told| told.journal > last.journal.first_seq) {
        return Err(damaged(
            Fault::new(&last.journal.path, What::Shortened).at(last.reader.offset()),
        ));
    }
    make_durable(disk, layout, &mut last)?;
    let keys = match (keys, sealed.last()) {
        (Some(keys), _) => Some(keys),
        // Nothing was written behind the last segment: its last record says it.
        (None, Some(segment)) => {
            let line = last_line_of_segment(disk, &layout.segment(*segment)).ok();
            line.and_then(|line| InForce::after(None, &line))
        }
        (None, None) => None,
    };
    let state = newest_state(disk, layout)?.map(|(_, state)| state);
    let stated = state.as_ref().and_then(|state| state.logged);
    let mut terms = state.map(State::terms).unwrap_or_default();
    // A journal that says something begins with a state. Where none does, what was said last stands in the last segment.
    match (household, sealed.last()) {
        (Some(household), _) => terms.household = household,
        (None, Some(segment)) => {
            // One that lost records says what its state says.
            if let Ok(household) = Household::behind_segment(disk, &layout.segment(*segment)) {
                terms.household = household;
            }
        }
        (None, None) => {}
    }
    // Of what was said in a segment that is sealed now, its own state says less: then it is heard of again.
    terms.backup = backup.or(terms.backup);
    Ok(Opened {
        view,
        last,
        sealed: sealed_tip,
        keys,
        terms,
        stated,
    })
}

/// The last frame may have lived in the system's cache only, if the process was killed or an fsync failed: it is
/// written again with its own bytes before anything relies on it. The names may not be durable either.
fn make_durable(disk: &dyn Disk, layout: &Layout, last: &mut Replayed) -> Result<()> {
    let path = &last.journal.path;
    let file = disk
        .open(path, Open::Write)
        .map_err(|error| Error::io("opening", path, error))?;
    let io = |error| Error::io("making durable", path, error);
    if let Some((_, offset)) = last.journal.frames.last() {
        let damaged = |fault| Error::damaged(layout.root(), fault);
        let bytes = last.reader.bytes(*offset, last.journal.end - offset).map_err(damaged)?;
        file.write_at(&bytes, *offset).map_err(io)?;
    }
    file.sync().map_err(io)?;
    last.journal.file = file;
    for dir in layout.dirs() {
        disk.sync_dir(&dir).map_err(|error| Error::io("syncing", &dir, error))?;
    }
    Ok(())
}

/// Removes what a crash left half done and nobody relies on.
fn clean_up(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    for dir in layout.dirs() {
        // A copy may have lost one that was empty.
        disk.create_dir(&dir)
            .map_err(|error| Error::io("creating", &dir, error))?;
    }
    for next in [layout.next_journal(), layout.empty_journal()] {
        let io = |error| Error::io("removing", &next, error);
        if disk.stat(&next).map_err(io)?.is_some() {
            disk.remove(&next).map_err(io)?;
        }
    }
    // An index says what the records of its segment said, and must not outlive it half written either.
    for (dir, ending) in [
        (layout.segment_dir(), ".jsonl.zst.tmp"),
        (layout.index_dir(), ".idx.tmp"),
    ] {
        let io = |error| Error::io("cleaning", &dir, error);
        let names = match disk.list(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            names => names.map_err(io)?,
        };
        for name in names.iter().filter(|name| name.ends_with(ending)) {
            disk.remove(&dir.join(name)).map_err(io)?;
        }
    }
    Ok(())
}

/// What a first record of a file says.
pub(crate) fn state_in(line: &[u8]) -> Option<(Identity, State)> {
    let head = read_head(line)?;
    let mut state: State = events::event_of(line.get(head.members)?)?;
    state.logged = Some(head.logged);
    let id = |text: &str| uuid::Uuid::try_parse(text).ok().map(uuid::Uuid::into_bytes);
    let identity = Identity {
        database: id(&state.database)?,
        log_id: id(&state.log_id)?,
        name: state.log.clone(),
    };
    Some((identity, state))
}
