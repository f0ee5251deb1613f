//! The plain scan: through a log's frames from one end, past those that the directories rule out, with the expression
//! held against every record of the others. It works for any log, indexed or not.
//!
//! What must hold: it reads no further than it is asked to; what it cannot read is named and stepped over; the cursor
//! behind it stands at the record that was looked at last.

use super::askable::{Askable, Asking, Places, Said};
use super::cursor::Cursor;
use super::expr::{Expr, Span};
use super::matcher::Matcher;
use super::question::{Order, Query, field};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::log::{Fault, Files, FrameRef, Stretch, Times, What};
use crate::record::{Head, read_head};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How far an answer goes: of how many records it was made, and what it had to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// The records that the question is about: the whole log, or what lies behind the cursor. Here and below, the pieces
    /// of large records count as the lines that they are.
    pub in_range: u64,
    /// Of them, those whose text was looked at.
    pub scanned: u64,
    /// Of them, those that could not fit by their time or seq, so that their text was not read.
    pub pruned: u64,
    /// The records that fit, as far as was looked.
    pub matched: u64,
    /// The records that were given.
    pub returned: u64,
    /// Of how many sealed segments the index was asked; of all others its head alone, or their times, said that nothing in
    /// them fits, or there was no index. What a count adds up from indexes alone is not in here.
    pub indexes: u64,
    /// The sealed segments that were scanned because their index could not be used: where each begins, and why. The answer
    /// is none the worse.
    pub unindexed: Vec<(u64, String)>,
    /// What could not be read; the answer is partial if there is any.
    pub unreadable: Vec<Fault>,
    /// Why it was not looked any further; `None` at the end of the log.
    pub stopped: Option<Stopped>,
}

/// Why a search ended before the log did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// As many records as were wanted are found.
    Limit,
    /// The deadline has passed.
    Deadline,
    /// It was cancelled.
    Cancelled,
}

impl Reach {
    /// Whether records may be missing that should have been given: something could not be read, or time ran out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.unreadable.is_empty() || matches!(self.stopped, Some(Stopped::Deadline | Stopped::Cancelled))
    }
}

/// The records that fit a query, one after the other as they are found; see [`crate::Database::query`].
pub struct Found {
    files: Arc<Files>,
    asking: Option<Asking>,
    #[cfg(feature = "search")]
    condition: Expr,
    matcher: Matcher,
    order: Order,
    bounds: Bounds,
    left: Option<usize>,
    deadline: Option<Instant>,
    cancel: Option<Arc<AtomicBool>>,
    /// What is still to be gone through; the next one last.
    stretches: Vec<Stretch>,
    frames: Vec<FrameRef>,
    lines: Lines,
    /// The lines of a segment that its index names.
    named: Option<Named>,
    /// The record that was looked at last.
    at: Option<u64>,
    reach: Reach,
}

/// What a record has to lie in to fit.
#[derive(Debug)]
struct Bounds {
    /// Behind the cursor.
    range: Range<u64>,
    /// By what the expression says of the seq.
    seqs: Range<u64>,
    time: Span,
    logged: Span,
}

/// A frame's lines that are still to be looked at; the next one last.
#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    left: Vec<(u64, Range<usize>)>,
}

/// The lines of a sealed segment that its index says fit.
struct Named {
    stretch: Stretch,
    first_seq: u64,
    places: Places,
    /// How many records were behind the cursor when it was begun, and how many were looked at by then.
    records: u64,
    scanned: u64,
}

/// After so many records it is looked at the clock.
const CLOCK_EVERY: u64 = 64;

impl Found {
    pub(crate) fn new(asked: &Askable, query: &Query) -> Result<Self> {
        let files = Arc::clone(&asked.files);
        let range = match query.cursor {
            None => 0..u64::MAX,
            Some(cursor) if cursor.log_id != files.identity.log_id => {
                return Err(Error::OtherCursor {
                    path: files.layout.root().to_owned(),
                });
            }
            Some(Cursor {
                order: Order::Newest,
                seq,
                ..
            }) => 0..seq,
            Some(cursor) => cursor.seq.saturating_add(1)..u64::MAX,
        };
        let condition = query.condition();
        let seqs = condition.span(field("seq"));
        let unsigned = |seq: i64| u64::try_from(seq).unwrap_or(0);
        let bounds = Bounds {
            range,
            seqs: if seqs.1 < 0 {
                0..0
            } else {
                unsigned(seqs.0)..unsigned(seqs.1).saturating_add(1)
            },
            time: condition.span(field("time")),
            logged: condition.span(field("logged")),
        };
        let mut stretches = files.stretches();
        if query.order == Order::Oldest {
            stretches.reverse();
        }
        let in_range = stretches.iter().map(|stretch| bounds.count(&stretch.seqs)).sum();
        // What keeps the log from being read to its end concerns nobody who asks for what stands before.
        let to_the_end = bounds.range.end == u64::MAX;
        let broken = files.view.read().broken.clone().filter(|_| to_the_end);
        Ok(Found {
            // Who wants everything reads everything.
            asking: (query.expr != Expr::All).then(|| Asking::new(asked, &condition)),
            matcher: Matcher::new(&condition),
            #[cfg(feature = "search")]
            condition,
            files,
            order: query.order,
            bounds,
            left: query.limit,
            deadline: query.deadline,
            cancel: query.cancel.clone(),
            stretches,
            frames: Vec::new(),
            lines: Lines::default(),
            named: None,
            at: query.cursor.map(|cursor| cursor.seq),
            reach: Reach {
                in_range,
                unreadable: broken.into_iter().collect(),
                ..Reach::default()
            },
        })
    }

    /// All that a record has to fit.
    #[cfg(feature = "search")]
    pub(super) fn condition(&self) -> &Expr {
        &self.condition
    }

    /// Leaves out the sealed segments for which there is another answer: it says how many records of one fit.
    #[cfg(feature = "search")]
    pub(super) fn settle(&mut self, mut answer: impl FnMut(u64) -> Option<u64>) {
        for stretch in std::mem::take(&mut self.stretches) {
            let may_hold = self.bounds.may_hold(&stretch.seqs, self.files.times_of(&stretch));
            match stretch.sealed().filter(|_| may_hold).and_then(&mut answer) {
                Some(matched) => {
                    self.reach.matched += matched;
                    self.reach.pruned += self.bounds.count(&stretch.seqs);
                }
                None => self.stretches.push(stretch),
            }
        }
    }

    /// How far it has been looked so far; the whole answer's reach once there are no more records.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Where to go on behind what was looked at so far; `None` at the end of the log. What comes there need not fit.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        let seq = self.at.filter(|_| !self.is_over())?;
        Some(Cursor {
            log_id: self.files.identity.log_id,
            order: self.order,
            seq,
        })
    }

    /// Why to stop here, if there is a reason.
    fn stop(&self) -> Option<Stopped> {
        if self.left == Some(0) {
            return Some(Stopped::Limit);
        }
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Some(Stopped::Cancelled);
        }
        let late = |deadline: Instant| Instant::now() >= deadline;
        let due = self.lines.left.is_empty() || self.reach.scanned.is_multiple_of(CLOCK_EVERY);
        (due && self.deadline.is_some_and(late)).then_some(Stopped::Deadline)
    }

    /// Whether there is nothing left to look at.
    fn is_over(&self) -> bool {
        self.lines.left.is_empty() && self.named.is_none() && self.frames.is_empty() && self.stretches.is_empty()
    }

    /// Looks at one line.
    fn look(&mut self, seq: u64, at: Range<usize>) -> Option<Entry> {
        self.at = Some(seq);
        self.reach.scanned += 1;
        if !self.bounds.seqs.contains(&seq) {
            return None;
        }
        // Out of the text while it is looked at, and back.
        let text = std::mem::take(&mut self.lines.text);
        let entry = self.look_at(seq, text.get(at).unwrap_or_default());
        self.lines.text = text;
        entry
    }

    fn look_at(&mut self, seq: u64, line: &[u8]) -> Option<Entry> {
        let Some(head) = read_head(line).filter(|head| head.seq == seq) else {
            let fault = Fault::new(self.files.layout.root(), What::Line).seqs(seq, seq);
            self.reach.unreadable.push(fault);
            return None;
        };
        let outside = |time: i64, span: Span| time < span.0 || time > span.1;
        if outside(head.time, self.bounds.time) || outside(head.logged, self.bounds.logged) {
            return None;
        }
        let whole = match whole(&self.files, line, &head) {
            Ok(whole) => whole,
            Err(faults) => {
                self.reach.unreadable.extend(faults);
                None
            }
        };
        if !self.matcher.matches(line, whole.as_deref()) {
            return None;
        }
        let entry = Entry::new(line.to_vec());
        if entry.is_none() {
            let fault = Fault::new(self.files.layout.root(), What::Line).seqs(seq, seq);
            self.reach.unreadable.push(fault);
        }
        entry
    }

    /// Takes the next frame's lines, if they can matter and can be read.
    fn open_frame(&mut self, frame: FrameRef) {
        let seqs = frame.seqs.clone();
        if !self.bounds.may_hold(&seqs, frame.spans) {
            self.reach.pruned += self.bounds.count(&seqs);
            return;
        }
        match self.files.frame_text(frame) {
            Ok(text) => self.lines = Lines::new(text, seqs.start, &self.bounds.range, self.order),
            Err(fault) => self.reach.unreadable.push(fault),
        }
    }

    /// Looks at the next line that the index names, or goes on without it.
    fn look_at_named(&mut self) -> Option<Entry> {
        let named = self.named.as_mut()?;
        match named.places.next() {
            Some(Ok(place)) => {
                let seq = named.first_seq.saturating_add(u64::from(place));
                if !self.bounds.range.contains(&seq) {
                    return None;
                }
                let line = self.files.line(seq);
                self.at = Some(seq);
                self.reach.scanned += 1;
                match line {
                    Ok(Some(line)) if self.bounds.seqs.contains(&seq) => self.look_at(seq, &line),
                    Ok(_) => None,
                    Err(error) => {
                        let new = faults_of(error, &self.files, seq);
                        let new = new.into_iter().filter(|fault| !self.reach.unreadable.contains(fault));
                        let new: Vec<Fault> = new.collect();
                        self.reach.unreadable.extend(new);
                        None
                    }
                }
            }
            Some(Err(why)) => {
                if let Some(named) = self.named.take() {
                    self.scan_the_rest(named, why);
                }
                None
            }
            None => {
                if let Some(named) = self.named.take() {
                    let looked = self.reach.scanned - named.scanned;
                    self.reach.pruned += named.records.saturating_sub(looked);
                    // Nothing of it is left, which a cursor has to know.
                    self.pass(&named.stretch.seqs);
                }
                None
            }
        }
    }

    /// Goes on scanning a segment of which the index failed half way: what it named so far was all that fits there.
    fn scan_the_rest(&mut self, named: Named, why: String) {
        if let Some(asking) = &self.asking {
            asking.distrust(named.first_seq);
        }
        self.reach.unindexed.push((named.first_seq, why));
        if let Some(at) = self.at.filter(|at| named.stretch.seqs.contains(at)) {
            match self.order {
                Order::Newest => self.bounds.range.end = self.bounds.range.end.min(at),
                Order::Oldest => self.bounds.range.start = self.bounds.range.start.max(at.saturating_add(1)),
            }
        }
        let looked = self.reach.scanned - named.scanned;
        let left = self.bounds.count(&named.stretch.seqs);
        self.reach.pruned += named.records.saturating_sub(left).saturating_sub(looked);
        self.scan_stretch(&named.stretch);
    }

    /// Notes that everything up to the end of these records was dealt with.
    fn pass(&mut self, seqs: &Range<u64>) {
        let last = match self.order {
            Order::Newest => seqs.start,
            Order::Oldest => seqs.end.saturating_sub(1),
        };
        if self.bounds.range.contains(&last) {
            self.at = Some(last);
        }
    }

    /// Takes the next file: asks its index, or takes its frames, if they can matter and can be listed.
    fn open_stretch(&mut self, stretch: Stretch) {
        let times = self.files.times_of(&stretch);
        if !self.bounds.may_hold(&stretch.seqs, times) {
            self.reach.pruned += self.bounds.count(&stretch.seqs);
            return;
        }
        let records = self.bounds.count(&stretch.seqs);
        let asked = self.asking.as_ref().zip(stretch.sealed());
        let newest_first = self.order == Order::Newest;
        match asked.map(|(asking, first_seq)| (first_seq, asking.segment(&self.files, first_seq, newest_first))) {
            None | Some((_, Said::Scan)) => {}
            Some((_, Said::Nothing)) => {
                self.reach.pruned += records;
                return;
            }
            Some((first_seq, Said::Places(places))) => {
                self.reach.indexes += 1;
                self.named = Some(Named {
                    stretch,
                    first_seq,
                    places,
                    records,
                    scanned: self.reach.scanned,
                });
                return;
            }
            Some((first_seq, Said::Unfit(why))) => self.reach.unindexed.push((first_seq, why)),
        }
        self.scan_stretch(&stretch);
    }

    fn scan_stretch(&mut self, stretch: &Stretch) {
        let (mut frames, faults) = self.files.frames(stretch);
        if self.order == Order::Oldest {
            frames.reverse();
        }
        self.frames = frames;
        let bounds = &self.bounds;
        let concerned = |fault: &Fault| {
            let may_hold = |(first, last): (u64, u64)| bounds.may_hold(&(first..last.saturating_add(1)), None);
            fault.seqs.is_none_or(may_hold)
        };
        self.reach.unreadable.extend(faults.into_iter().filter(concerned));
    }
}

impl Iterator for Found {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        loop {
            if self.reach.stopped.is_some() || self.is_over() {
                return None;
            }
            self.reach.stopped = self.stop();
            if self.reach.stopped.is_some() {
                return None;
            }
            let next = self.lines.left.pop();
            if next.is_some() || self.named.is_some() {
                let found = match next {
                    Some((seq, at)) => self.look(seq, at),
                    None => self.look_at_named(),
                };
                if let Some(entry) = found {
                    self.reach.matched += 1;
                    self.reach.returned += 1;
                    self.left = self.left.map(|left| left.saturating_sub(1));
                    return Some(Ok(entry));
                }
            } else if let Some(frame) = self.frames.pop() {
                self.open_frame(frame);
            } else if let Some(stretch) = self.stretches.pop() {
                self.open_stretch(stretch);
            }
        }
    }
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// The caller's members of a record whose values were moved out; `None` of any other.
pub(super) fn whole(files: &Arc<Files>, line: &[u8], head: &Head) -> std::result::Result<Option<Vec<u8>>, Vec<Fault>> {
    if head.parts.is_none() {
        return Ok(None);
    }
    files
        .whole_members(line, head)
        .map(Some)
        .map_err(|error| faults_of(error, files, head.seq))
}

/// A record's text with everything in its place; where its parts cannot be read, its line as it stands, and why.
pub(super) fn whole_text(files: &Arc<Files>, entry: &Entry) -> (String, Vec<Fault>) {
    match entry.whole(files) {
        Ok(text) => (text, Vec::new()),
        Err(error) => (entry.text().to_owned(), faults_of(error, files, entry.seq())),
    }
}

/// What an answer has to leave out because of that error at a record.
fn faults_of(error: Error, files: &Files, seq: u64) -> Vec<Fault> {
    match error {
        Error::Damaged { faults, .. } => faults,
        error => vec![Fault::new(files.layout.root(), What::Unreadable(error.to_string())).seqs(seq, seq)],
    }
}

impl Bounds {
    /// How many of these records lie behind the cursor.
    fn count(&self, seqs: &Range<u64>) -> u64 {
        seqs.end
            .min(self.range.end)
            .saturating_sub(seqs.start.max(self.range.start))
    }

    /// Whether a record that fits may be among these.
    fn may_hold(&self, seqs: &Range<u64>, times: Option<Times>) -> bool {
        let meet = |a: &Range<u64>, b: &Range<u64>| a.start < b.end && b.start < a.end;
        let lie = |a: Span, b: Span| a.0 <= b.1 && b.0 <= a.1;
        meet(seqs, &self.range)
            && meet(seqs, &self.seqs)
            && self.time.0 <= self.time.1
            && self.logged.0 <= self.logged.1
            && times.is_none_or(|times| lie(times.time, self.time) && lie(times.logged, self.logged))
    }
}

impl Lines {
    fn new(text: Vec<u8>, first_seq: u64, wanted: &Range<u64>, order: Order) -> Self {
        let (mut start, mut left) = (0, Vec::new());
        for (seq, end) in (first_seq..).zip(memchr::memchr_iter(b'\n', &text)) {
            if wanted.contains(&seq) {
                left.push((seq, start..end));
            }
            start = end + 1;
        }
        if order == Order::Oldest {
            left.reverse();
        }
        Lines { text, left }
    }
}
