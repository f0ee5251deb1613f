//! The day's figures of a log.

use super::anchored::AnchorStanding;
use super::backed_up::BackedUpTo;
use super::copy::{self, CopyKind};
use super::events::{State, hex};
use super::fault::{Fault, What};
use super::open::{newest_state, state_in};
use super::read::Files;
use super::replay::{ReadFailure, read_view};
use super::standing::{first_line_of_segment, last_line_of_segment};
use super::view::SegmentRef;
use crate::disk::Kind;
use crate::error::{Error, Result};
use crate::policy::{Class, HoldInForce};
use crate::record::{format_time, read_head};
use std::path::Path;
use std::sync::Arc;

/// How large a log is and how far it is.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The log's name.
    pub log: String,
    /// Its id.
    pub log_id: String,
    /// The number of records, the log's own included.
    pub records: u64,
    /// The number of sealed segments, and how many journals wait to be sealed or are being written.
    pub segments: u64,
    /// See `segments`.
    pub journals: u64,
    /// What the log is a copy for, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyKind>,
    /// What is wrong where the records end, if the log goes on there and cannot be read; the figures stop there.
    pub damage: Option<String>,
    /// How many segments have a directory that cannot be read; the figures leave their text out, and verify says more.
    pub damaged_segments: u64,
    /// The length of the records' text in bytes, newlines included.
    pub text_bytes: u64,
    /// What all files of the log take on disk, in bytes.
    pub disk_bytes: u64,
    /// What sealed segments take, in bytes, and the text that is in them.
    pub sealed_bytes: u64,
    /// See `sealed_bytes`.
    pub sealed_text_bytes: u64,
    /// The class of the log, and for how many calendar months it keeps its records.
    pub class: String,
    /// See `class`.
    pub keep_months: u32,
    /// The first record that is still kept: those before it were dropped because their time had passed.
    pub earliest: u64,
    /// From when on the oldest sealed segment may be dropped, if there is one: when its time has passed, and the buffer of its class.
    pub next_expiry: Option<String>,
    /// The holds in force.
    pub holds: Vec<HoldInForce>,
    /// The holds for nothing but which the oldest sealed segment is kept: its time has passed.
    pub oldest_held: Vec<String>,
    /// When a law wants the first record of the oldest sealed segment gone, if the class says so, and what stands in the way
    /// if that has passed.
    pub delete_by: Option<String>,
    /// See `delete_by`.
    pub in_the_way: Vec<String>,
    /// Up to where it is backed up, if its writer heard of a backup.
    pub backup: Option<BackedUpTo>,
    /// When the first and the last record were logged.
    pub oldest: Option<String>,
    /// See `oldest`.
    pub newest: Option<String>,
    /// Bytes of text that a month of thirty days adds if it goes on as on the last day.
    pub text_bytes_a_month: Option<u64>,
    /// How it stands with the anchors, as was noted when checkpoints went there.
    pub anchors: Vec<AnchorStanding>,
    /// The root of the tree over all records, in hexadecimal digits.
    pub root: String,
    /// The last link of the chain, in hexadecimal digits.
    pub chain: String,
}

const DAY_NS: i64 = 86_400_000_000_000;

pub(crate) fn status(files: &Files) -> Result<Status> {
    let (disk, layout) = (&*files.disk, &files.layout);
    let (view, last) = read_view(disk, layout, files.identity.log_id).map_err(|failure| match failure {
        ReadFailure::Io(error) => Error::io("listing", layout.root(), error),
        ReadFailure::Fault(fault) => files.damaged(fault),
    })?;
    let snapshot = Arc::new(Files::new(
        Arc::clone(&files.disk),
        layout.clone(),
        files.identity.clone(),
        view.clone(),
    ));
    let logged = |seq: u64| -> Result<Option<i64>> {
        Ok(snapshot
            .line(seq)?
            .as_deref()
            .and_then(read_head)
            .map(|head| head.logged))
    };
    let tip = last.tip;
    let state = newest_state(disk, layout)?.map(|(_, state)| state);
    let class = state.as_ref().map_or_else(Class::default, State::promise);
    let holds = state.iter().flat_map(|state| &state.holds);
    let holds = holds
        .map(|hold| HoldInForce::read(files.identity.name(), hold))
        .collect();
    let backup = last.backup.or(state.and_then(|state| state.backup));
    let earliest = view.kept_from;
    // What cannot be read is verify's to name.
    let oldest = logged(earliest).ok().flatten();
    let newest = tip.next_seq().checked_sub(1).map_or(Ok(None), logged)?;
    let (mut sealed_text, mut sealed_bytes, mut day_text, mut damaged) = (0, 0, 0, 0);
    let since = newest.map_or(i64::MAX, |newest| newest.saturating_sub(DAY_NS));
    for segment in view.segments.iter() {
        sealed_bytes += disk.stat(&segment.path).ok().flatten().map_or(0, |stat| stat.len);
        let Ok(trailer) = segment.trailer(disk) else {
            damaged += 1;
            continue;
        };
        sealed_text += trailer.text;
        let span = trailer.logged_max.saturating_sub(trailer.logged_min).max(1);
        let within = trailer.logged_max.saturating_sub(since).clamp(0, span);
        day_text += share(trailer.text, within, span);
    }
    let live: u64 = view.journals.iter().map(|journal| journal.text).sum();
    let lived = oldest
        .zip(newest)
        .map(|(oldest, newest)| newest.saturating_sub(oldest).clamp(1, DAY_NS));
    // A log that is younger than an hour says nothing about a month.
    let month = lived
        .filter(|lived| *lived > DAY_NS / 24)
        .map(|lived| share(day_text + live, 30 * DAY_NS, lived));
    Ok(Status {
        log: files.identity.name.clone(),
        log_id: files.identity.log_id(),
        records: tip.next_seq(),
        segments: view.segments.len() as u64,
        journals: view.journals.len() as u64,
        copy: copy::kind(disk, layout),
        damage: view.broken.as_ref().map(ToString::to_string),
        damaged_segments: damaged,
        text_bytes: sealed_text + live,
        disk_bytes: size_of_dir(files, layout.root())?,
        sealed_bytes,
        sealed_text_bytes: sealed_text,
        class: class.name().to_owned(),
        keep_months: class.months(),
        earliest,
        next_expiry: None,
        holds,
        // Whoever knows how to ask them says it.
        oldest_held: Vec::new(),
        delete_by: None,
        in_the_way: Vec::new(),
        backup,
        oldest: oldest.map(format_time),
        newest: newest.map(format_time),
        text_bytes_a_month: month,
        anchors: Vec::new(),
        root: hex(&tip.tree.root()),
        chain: hex(&tip.chain),
    })
}

/// What a sealed segment says of itself at both ends, for whoever has to know how long it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// The seq of its first record, and the one behind its last.
    pub(crate) first: u64,
    pub(crate) end: u64,
    /// The length of its file in bytes.
    pub(crate) bytes: u64,
    /// For how long its records were promised to be kept.
    pub(crate) promise: Class,
    /// When its last record was logged, and the latest that any was, in nanoseconds since 1970.
    pub(crate) last_logged: i64,
    pub(crate) logged_max: i64,
    /// The earliest that any was.
    pub(crate) logged_min: i64,
}

impl Ends {
    /// The class by which the segment is kept: what was promised with it, or what the log promises now, if that is longer.
    pub(crate) fn kept_by<'a>(&'a self, now: &'a Class) -> &'a Class {
        if now.months() > self.promise.months() {
            now
        } else {
            &self.promise
        }
    }
}

/// Reads both ends of a sealed segment, once: it is never written again. Whether it is still as it was shows before it is
/// dropped, when all of it is read.
pub(crate) fn ends_of_segment(files: &Files, segment: &SegmentRef) -> std::result::Result<Ends, Fault> {
    if let Some(known) = segment.ends.get() {
        return Ok(known.clone());
    }
    let disk = &*files.disk;
    let fault = |what| Fault::new(&segment.path, what);
    let file = segment.open(disk)?;
    let first = first_line_of_segment(disk, &segment.path)?;
    let (_, state) = state_in(&first).ok_or_else(|| fault(What::State("it is another record")))?;
    let last = last_line_of_segment(disk, &segment.path)?;
    let last = read_head(&last).ok_or_else(|| fault(What::Line))?;
    let ends = Ends {
        first: segment.first_seq,
        end: file.end_seq(),
        bytes: file.len(),
        promise: state.promise(),
        last_logged: last.logged,
        logged_max: file.trailer().logged_max,
        logged_min: file.trailer().logged_min,
    };
    Ok(segment.ends.get_or_init(|| ends).clone())
}

/// `whole * part / of`, without overflow.
fn share(whole: u64, part: i64, of: i64) -> u64 {
    let share = i128::from(whole) * i128::from(part) / i128::from(of.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// What all files below a directory take, in bytes.
pub(crate) fn size_of_dir(files: &Files, dir: &Path) -> Result<u64> {
    let io = |error| Error::io("listing", dir, error);
    let mut size = 0;
    for name in files.disk.list(dir).map_err(io)? {
        let path = dir.join(name);
        match files.disk.stat(&path).map_err(io)? {
            Some(stat) if stat.kind == Kind::Dir => size += size_of_dir(files, &path)?,
            Some(stat) if stat.kind == Kind::File => size += stat.len,
            _ => {}
        }
    }
    Ok(size)
}
