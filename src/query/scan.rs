//! The plain scan: through a log's frames from one end, past those that the directories rule out, with the expression
//! held against every record of the others. It works for any log, indexed or not.
//!
//! What must hold: it reads no further than it is asked to; what it cannot read is named and stepped over; what it says is
//! left of the log begins right behind the record that was looked at last.

use super::askable::{Askable, Asking, Places, Said};
use super::by_id;
use super::expr::{Expr, Span};
use super::matcher::Matcher;
use super::patience::Patience;
use super::question::{Order, Query, field};
use super::reach::{Reach, Stopped, Unindexed};
use crate::entry::Entry;
use crate::error::Error;
use crate::log::{Fault, Files, FrameRef, Stretch, Times, What};
use crate::record::{Head, read_head};
use std::ops::Range;
use std::sync::Arc;

/// The records of one log that fit, one after the other as they are found.
pub(crate) struct Scan {
    files: Arc<Files>,
    asking: Option<Asking>,
    #[cfg(feature = "search")]
    condition: Expr,
    matcher: Matcher,
    order: Order,
    bounds: Bounds,
    patience: Patience,
    /// The seq behind the log's last record when it was asked.
    end: u64,
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

/// All of a log.
pub(super) const WHOLE: Range<u64> = 0..u64::MAX;

/// What a record has to lie in to fit.
#[derive(Debug)]
struct Bounds {
    /// What is asked for of the log, such as what lies behind a cursor.
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

impl Scan {
    /// Of what is left of a log, for all that fits: a query's limit and cursor are those of the whole answer.
    pub(super) fn new(asked: &Askable, query: &Query, range: Range<u64>) -> Self {
        let files = Arc::clone(&asked.files);
        let condition = by_id::resolved(query.condition(), &files);
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
        let end = stretches.last().map_or(0, |stretch| stretch.seqs.end);
        if query.order == Order::Oldest {
            stretches.reverse();
        }
        let in_range = stretches.iter().map(|stretch| bounds.count(&stretch.seqs)).sum();
        // What keeps the log from being read to its end concerns nobody who asks for what stands before.
        let to_the_end = bounds.range.end == u64::MAX;
        let broken = files.view.read().broken.clone().filter(|_| to_the_end);
        Scan {
            // Who wants everything reads everything.
            asking: (query.expr != Expr::All).then(|| Asking::new(asked, &condition)),
            matcher: Matcher::new(&condition),
            #[cfg(feature = "search")]
            condition,
            files,
            order: query.order,
            bounds,
            patience: query.patience.clone(),
            end,
            stretches,
            frames: Vec::new(),
            lines: Lines::default(),
            named: None,
            at: None,
            reach: Reach {
                logs: 1,
                in_range,
                unreadable: broken.into_iter().collect(),
                ..Reach::default()
            },
        }
    }

    /// All that a record has to fit.
    #[cfg(feature = "search")]
    pub(super) fn condition(&self) -> &Expr {
        &self.condition
    }

    /// Leaves out the sealed segments for which there is another answer: it says how many records of each of some fit.
    #[cfg(feature = "search")]
    pub(super) fn settle(&mut self, at_a_time: usize, mut answer: impl FnMut(&[u64]) -> Vec<Option<u64>>) {
        let sealed = |(place, stretch): (usize, &Stretch)| {
            let may_hold = self.bounds.may_hold(&stretch.seqs, self.files.times_of(stretch));
            stretch
                .sealed()
                .filter(|_| may_hold)
                .map(|first_seq| (place, first_seq))
        };
        let (places, firsts): (Vec<usize>, Vec<u64>) = self.stretches.iter().enumerate().filter_map(sealed).unzip();
        let mut settled = vec![false; self.stretches.len()];
        for (places, firsts) in places.chunks(at_a_time).zip(firsts.chunks(at_a_time)) {
            // The scan that comes after it finds it stopped.
            self.reach.stopped = self.reach.stopped.or_else(|| self.patience.stop());
            if self.reach.stopped.is_some() {
                break;
            }
            for (place, matched) in places.iter().zip(answer(firsts)) {
                let (Some(matched), Some(stretch)) = (matched, self.stretches.get(*place)) else {
                    continue;
                };
                self.reach.matched += matched;
                self.reach.pruned += self.bounds.count(&stretch.seqs);
                if let Some(settled) = settled.get_mut(*place) {
                    *settled = true;
                }
            }
        }
        let mut settled = settled.into_iter();
        self.stretches.retain(|_| !settled.next().unwrap_or(false));
    }

    /// How far it has been looked so far.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The log's id.
    pub(super) fn log_id(&self) -> [u8; 16] {
        self.files.identity.log_id
    }

    /// Where what is left of the log begins, as a cursor says it (see [`super::cursor::Edge`]).
    pub(super) fn edge(&self) -> u64 {
        match self.order {
            Order::Newest if self.is_over() => 0,
            Order::Newest => self.at.unwrap_or(self.bounds.range.end.min(self.end)),
            Order::Oldest if self.is_over() => self.bounds.range.start.max(self.end),
            Order::Oldest => self.at.map_or(self.bounds.range.start, |at| at.saturating_add(1)),
        }
    }

    /// Whether there is nothing left to look at.
    pub(super) fn is_over(&self) -> bool {
        self.lines.left.is_empty() && self.named.is_none() && self.frames.is_empty() && self.stretches.is_empty()
    }

    /// Why to stop here, if there is a reason.
    fn stop(&self) -> Option<Stopped> {
        let due = self.lines.left.is_empty() || self.reach.scanned.is_multiple_of(CLOCK_EVERY);
        let late = || self.patience.late().filter(|_| due);
        self.patience.cancelled().or_else(late)
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
        let entry = Entry::new(&self.files.log, line.to_vec());
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
                        Fault::add_new(&mut self.reach.unreadable, faults_of(error, &self.files, seq));
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
        self.reach.unindexed.push(self.unindexed(named.first_seq, why));
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

    fn unindexed(&self, segment: u64, why: String) -> Unindexed {
        Unindexed {
            log: self.files.log.to_string(),
            segment,
            why,
        }
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
            Some((first_seq, Said::Unfit(why))) => self.reach.unindexed.push(self.unindexed(first_seq, why)),
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

impl Iterator for Scan {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
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
                    return Some(entry);
                }
            } else if let Some(frame) = self.frames.pop() {
                self.open_frame(frame);
            } else if let Some(stretch) = self.stretches.pop() {
                self.open_stretch(stretch);
            }
        }
    }
}

/// The caller's members of a record whose values were moved out; `None` of any other.
pub(super) fn whole(files: &Arc<Files>, line: &[u8], head: &Head) -> Result<Option<Vec<u8>>, Vec<Fault>> {
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
