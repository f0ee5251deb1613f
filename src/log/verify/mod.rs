//! Verify: read and hash every byte of a snapshot of the log and name everything that is not as the log wrote it. It
//! takes no lock, needs no key, and may run beside a writer.
//!
//! What must hold: it never reports a fault where there is none, whatever a living writer does meanwhile; and no byte
//! of an authoritative file can change without a fault.

mod acts;
mod against;
mod anchors;
mod dropped;
mod journal;
mod remains;
mod report;
mod segment;
mod states;
mod tree;
mod trust;

use super::checkpoints;
use super::fault::{Fault, What};
use super::layout::{IN_A_LOG, Layout, is_index};
use super::open::identify;
use super::replay::{Listing, OpenedJournal, list_and_open};
use super::view::Tip;
use crate::disk::Disk;
use crate::log::copy;
use crate::proof::Hash;
pub use anchors::Anchors;
pub(crate) use anchors::{Continued, disagreement};
use dropped::Dropped;
use journal::{Subject, verify_journal};
use parking_lot::Mutex;
use remains::verify_remains;
pub use report::{Report, TornTail, Unconfirmed};
pub(crate) use segment::Checked;
pub(crate) use segment::{verify_part, verify_segment};
pub(crate) use states::{Ends, check_ends, check_epoch};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tree::TreeFiles;
pub(crate) use trust::Trust;

/// What is verified, and how.
pub(crate) struct Verify<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) layout: &'a Layout,
    pub(crate) log: &'a str,
    /// The log's id, where the caller knows it from elsewhere.
    pub(crate) log_id: Option<[u8; 16]>,
    /// Only the records of these seqs.
    pub(crate) seqs: Option<Range<u64>>,
    /// What the log has to be, as somebody noted who saw it before.
    pub(crate) anchors: Anchors<'a>,
    /// What its successor says of it.
    pub(crate) continued: Option<Continued>,
    pub(crate) threads: usize,
    /// Told how many bytes of how many are done.
    pub(crate) progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Verifies a log.
pub(crate) fn verify(task: &Verify<'_>) -> std::io::Result<Report> {
    let started = task.disk.monotonic();
    let mut report = task.snapshot()?;
    report.nanoseconds = task.disk.monotonic().saturating_sub(started);
    Ok(report)
}

impl Verify<'_> {
    fn snapshot(&self) -> std::io::Result<Report> {
        // First: whatever they say the log holds by the time that we get there.
        let stored = checkpoints::list(self.disk, self.layout)?;
        let (tree, tree_faults) = TreeFiles::open(self.disk, self.layout);
        let (listing, files) = list_and_open(self.disk, self.layout)?;
        let mut report = Report::new(self.log, self.seqs.clone());
        report.copy = copy::kind(self.disk, self.layout);
        if self.seqs.is_none() {
            report.faults.extend(tree_faults);
        }
        report.faults.extend(self.strays(&listing));
        let unfinished = self.layout.unfinished();
        if self.disk.stat(&unfinished)?.is_some() {
            report.faults.push(Fault::new(unfinished, What::Unfinished));
        }
        // Also one beside the last journal: what is written to is not sealed.
        let beside_last = listing
            .segments
            .last()
            .filter(|seq| listing.journals.last() == Some(seq));
        if let Some(newest) = listing.newer.last().or(beside_last) {
            // Legitimate only if the log has gone on behind them since.
            let last = Listing::read(self.disk, self.layout)?.journals.last().copied();
            if last.is_none_or(|last| last <= *newest) {
                let copied = self.disk.stat(&self.layout.copied())?.is_some();
                let what = if copied { What::CutShort } else { What::Misplaced };
                report.faults.push(Fault::new(self.layout.segment(*newest), what));
            }
        }
        let all = self.seqs.clone().unwrap_or(0..u64::MAX);
        let wanted: Vec<u64> = listing
            .segments
            .iter()
            .enumerate()
            .filter(|(place, first)| {
                let next = listing
                    .segments
                    .get(place + 1)
                    .copied()
                    .or(listing.journals.last().copied());
                **first < all.end && next.is_none_or(|next| next > all.start)
            })
            .map(|(_, first)| *first)
            .collect();
        let sealed = |first: u64| !listing.journals.contains(&first);
        let next = |first: u64| {
            let later = |seqs: &[u64]| seqs.iter().copied().filter(|seq| *seq > first).min();
            let (segment, journal) = (later(&listing.segments), later(&listing.journals));
            segment.into_iter().chain(journal).min()
        };
        let checked = self.segments(&wanted, &all, &tree, &sealed, &next);
        // One that was dropped meanwhile has its tombstone by now.
        let gone = |first: &u64, checked: &Checked| {
            let path = self.layout.segment(*first);
            checked
                .faults
                .iter()
                .any(|fault| fault.file == path && fault.what == What::Missing)
                && matches!(self.disk.stat(&self.layout.tombstone(*first)), Ok(Some(_)))
        };
        let checked: Vec<(u64, Checked)> = wanted
            .into_iter()
            .zip(checked)
            .filter(|(first, checked)| !gone(first, checked))
            .collect();
        let left = checked
            .iter()
            .map(|(first, _)| *first)
            .chain(listing.journals.iter().copied());
        let first_file = left.min().unwrap_or(0);
        let mut tip = (all.start == 0).then(Tip::empty);
        if self.seqs.is_some() && first_file > 0 {
            tip = None;
        }
        // Whose log this is, says the newest file that can be read, as at an opening.
        let newest = || {
            identify(self.disk, self.layout)
                .ok()
                .flatten()
                .map(|identity| identity.log_id)
        };
        let mut identity = self.log_id.or_else(newest);
        let mut link = Link {
            report: &mut report,
            tip: &mut tip,
            identity: &mut identity,
            end: None,
            trust: Trust::default(),
            tail: Vec::new(),
            beside: BTreeMap::new(),
        };
        let dropped = match self.seqs {
            None => self.dropped(first_file, &mut link)?,
            Some(_) => Dropped::default(),
        };
        for (first, checked) in checked {
            link.segment(
                &self.layout.segment(first),
                first,
                checked,
                sealed(first),
                self.seqs.is_some(),
            );
        }
        self.journals(&listing, files, &all, &tree, &mut link);
        let Link { mut trust, tail, .. } = link;
        if self.seqs.is_none() {
            trust.finish(&mut report.faults);
            let end = tip.as_ref().map(Tip::next_seq);
            self.judge(&dropped, &trust, end, &mut report.faults);
        }
        if self.seqs.is_none() {
            let sealed_end = listing.journals.first().copied().unwrap_or(0);
            let end = tip.as_ref().map_or(u64::MAX, Tip::next_seq);
            report.faults.extend(tree.check_levels(sealed_end, end));
        }
        if self.seqs.is_none() {
            let sealed_end = listing.journals.first().copied().unwrap_or(0);
            let end = tip.as_ref().map(Tip::next_seq);
            self.anchored(&stored, &trust, sealed_end, &tail, end, &mut report);
        }
        report.set_trust(&trust);
        report.set_tip(tip.filter(|_| self.seqs.is_none()));
        report.faults.dedup();
        Ok(report)
    }

    /// Checks segments in parallel. The leaves are compared with the tree file at once and not kept.
    fn segments(
        &self,
        wanted: &[u64],
        seqs: &Range<u64>,
        tree: &TreeFiles,
        sealed: &(impl Fn(u64) -> bool + Sync),
        next_file: &(impl Fn(u64) -> Option<u64> + Sync),
    ) -> Vec<Checked> {
        let len = |first: &u64| {
            self.disk
                .stat(&self.layout.segment(*first))
                .ok()
                .flatten()
                .map_or(0, |stat| stat.len)
        };
        let total: u64 = wanted.iter().map(len).sum();
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let results: Vec<Mutex<Option<Checked>>> = wanted.iter().map(|_| Mutex::new(None)).collect();
        // With fewer segments than threads, the threads share a segment's frames.
        let inner = self.threads.div_ceil(wanted.len().max(1)).max(1);
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some((first, slot)) = wanted.get(place).zip(results.get(place)) else {
                    return;
                };
                let mut checked = verify_part(self.disk, &self.layout.segment(*first), seqs.clone(), inner);
                let mut leaves: Vec<Hash> = std::mem::take(&mut checked.leaves);
                if checked.before.is_none() {
                    let path = self.layout.segment(*first);
                    verify_remains(self.disk, &path, *first, next_file(*first), seqs, &mut checked);
                    // Kept, since no directory says where the log stands behind them.
                    leaves.clone_from(&checked.leaves);
                }
                if !leaves.is_empty() && self.seqs.is_none() && sealed(*first) {
                    checked.faults.extend(tree.check_leaves(*first, &leaves, true));
                }
                let bytes = checked.bytes;
                *slot.lock() = Some(checked);
                (self.progress)(done.fetch_add(bytes, Ordering::Relaxed) + bytes, total);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(wanted.len()) {
                scope.spawn(work);
            }
            work();
        });
        results
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_default())
            .collect()
    }

    fn journals(
        &self,
        listing: &Listing,
        files: Vec<OpenedJournal>,
        seqs: &Range<u64>,
        tree: &TreeFiles,
        link: &mut Link<'_>,
    ) {
        if listing.journals.is_empty() {
            link.report
                .faults
                .push(Fault::new(self.layout.journal_dir(), What::Missing));
        }
        for (place, (first, file)) in listing.journals.iter().zip(files).enumerate() {
            let next = listing.journals.get(place + 1).copied();
            if *first >= seqs.end || next.is_some_and(|next| next <= seqs.start) {
                *link.tip = None;
                continue;
            }
            let path = self.layout.journal(*first);
            link.gap(&path, *first);
            let file = match file {
                Ok(file) => file,
                Err(fault) => {
                    link.report.faults.push(fault);
                    *link.tip = None;
                    continue;
                }
            };
            let Some(log_id) = *link.identity else {
                link.report.faults.push(Fault::new(path, What::FrameHeader));
                continue;
            };
            let before = link.tip.clone().filter(|tip| tip.next_seq() == *first);
            let closed = next.is_some();
            let subject = Subject {
                disk: self.disk,
                layout: self.layout,
                file,
                log_id,
                first_seq: *first,
                before,
                closed,
                seqs: seqs.clone(),
            };
            let checked = verify_journal(&subject, link.report);
            if self.seqs.is_none() && !checked.leaves.is_empty() {
                link.report
                    .faults
                    .extend(tree.check_leaves(*first, &checked.leaves, false));
            }
            link.report.journals += 1;
            link.stated(&path, &checked);
            link.tail.extend_from_slice(&checked.leaves);
            link.trusted(&path, &checked);
            let after = checked.after.clone();
            link.count(checked);
            if let Some((beside, next)) = link.beside.get(first).zip(next) {
                // The journal counts, and whoever reads segments with other tools reads the same.
                let same = after
                    .as_ref()
                    .is_none_or(|after| after.next_seq() != next || after == beside);
                if !same || beside.next_seq() != next {
                    let last = next.saturating_sub(1);
                    let fault = Fault::new(self.layout.segment(*first), What::Chain);
                    link.report.faults.push(fault.seqs(*first, last));
                }
            }
            *link.tip = after;
        }
    }

    /// Files that belong to nothing.
    fn strays(&self, listing: &Listing) -> Vec<Fault> {
        let known = |path: &std::path::Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name == "next" || name == "next.empty" || name.contains(".torn-") || name.ends_with(".jsonl.zst.tmp")
        };
        let root = self.disk.list(self.layout.root()).unwrap_or_default();
        let root = root.into_iter().filter(|name| !IN_A_LOG.contains(&name.as_str()));
        let tree = self.disk.list(&self.layout.tree_dir()).unwrap_or_default();
        let tree = tree
            .into_iter()
            .filter(|name| !matches!(name.as_bytes(), [b'0'..=b'7']));
        let indexes = self.disk.list(&self.layout.index_dir()).unwrap_or_default();
        let indexes = indexes.into_iter().filter(|name| !is_index(name));
        let strays = listing.others.iter().filter(|path| !known(path)).cloned();
        strays
            .chain(root.map(|name| self.layout.root().join(name)))
            .chain(tree.map(|name| self.layout.tree_dir().join(name)))
            .chain(indexes.map(|name| self.layout.index_dir().join(name)))
            .map(|path| Fault::new(path, What::Stray))
            .collect()
    }
}

/// Puts together what the files say one by one.
struct Link<'a> {
    report: &'a mut Report,
    /// How far the log is before the next file, where that is known.
    tip: &'a mut Option<Tip>,
    identity: &'a mut Option<[u8; 16]>,
    /// The seq behind the last record, where no tip is known but that is.
    end: Option<u64>,
    trust: Trust,
    /// The leaves of what is not sealed.
    tail: Vec<Hash>,
    /// How far the log is behind each segment of which the journal is still there.
    beside: BTreeMap<u64, Tip>,
}

impl Link<'_> {
    fn segment(&mut self, path: &std::path::Path, first: u64, checked: Checked, sealed: bool, partial: bool) {
        self.report.segments += 1;
        if partial && self.tip.as_ref().is_some_and(|tip| tip.next_seq() != first) {
            *self.tip = None;
        }
        if sealed {
            self.gap(path, first);
        }
        if let Some(before) = &checked.before {
            if before.next_seq() != first {
                self.report.faults.push(Fault::new(path, What::Misplaced));
            } else if let Some(tip) = self.tip.as_ref().filter(|_| sealed)
                && tip.next_seq() == first
                && tip != before
            {
                let what = if tip.chain == before.chain {
                    What::Tree
                } else {
                    What::Chain
                };
                self.report.faults.push(Fault::new(path, what).seqs(first, first));
            }
        }
        match (checked.log_id, *self.identity) {
            (Some(found), Some(known)) if found != known => {
                self.report.faults.push(Fault::new(path, What::Misplaced));
            }
            (found, None) => *self.identity = found,
            _ => {}
        }
        self.stated(path, &checked);
        let from_text = || {
            let before = self.tip.clone().filter(|tip| tip.next_seq() == first);
            let mut after = before.filter(|_| !checked.leaves.is_empty())?;
            after.extend(&checked.leaves);
            Some(after)
        };
        let after = checked.after.clone().or_else(from_text);
        if sealed {
            self.trusted(path, &checked);
        }
        let read = checked.leaves.len() as u64;
        self.count(checked);
        if !sealed {
            self.beside.extend(after.map(|after| (first, after)));
        } else {
            *self.tip = after;
            self.end = (read > 0).then_some(first + read);
        }
    }

    /// Names the records that are missing before a file.
    fn gap(&mut self, path: &std::path::Path, first: u64) {
        let Some(next) = self.tip.as_ref().map(Tip::next_seq).or(self.end.take()) else {
            return;
        };
        if next != first {
            let (from, to) = (next.min(first), next.max(first));
            let what = if next < first { What::Gap } else { What::Misplaced };
            self.report
                .faults
                .push(Fault::new(path, what).seqs(from, to.saturating_sub(1)));
        }
    }

    /// Goes on over what a file states; without its marks it could not be read as a whole.
    fn trusted(&mut self, path: &std::path::Path, checked: &Checked) {
        if checked.marks.is_empty() && checked.records > 0 {
            self.trust.lose_track();
        }
        self.trust
            .take(path, *self.identity, &checked.marks, &mut self.report.faults);
    }

    /// Holds the log's id in a file's first record against the log's.
    fn stated(&mut self, path: &std::path::Path, checked: &Checked) {
        let expected = self.identity.map(crate::record::id_text);
        if let (Some(stated), Some(expected)) = (&checked.stated_log, expected)
            && *stated != expected
        {
            self.report
                .faults
                .push(Fault::new(path, What::State("it names another log")));
        }
    }

    fn count(&mut self, checked: Checked) {
        self.report.records += checked.records;
        self.report.text += checked.text;
        self.report.bytes += checked.bytes;
        self.report.faults.extend(checked.faults);
    }
}
