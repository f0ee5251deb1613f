//! Segments that were dropped. Their text is gone, their leaves are not: chain and tree go on over the tree file, and what
//! the epochs signed there is checked against that, from the records that the tombstones keep. So nothing about what is
//! left rests on less than before.
//!
//! What must hold: a tombstone proves nothing by itself. It counts if a key of the log has signed it, if a record of the
//! log announces exactly its bytes, and if by then the segment's time had passed and nothing held it.

use super::states::{Ends, check_ends, check_epoch};
use super::trust::{Announced, Trust};
use super::{Link, Verify};
use crate::log::derive::is_mark;
use crate::log::events::{Standing, Stated, hex, stated, unhex};
use crate::log::fault::{Fault, What};
use crate::log::layout::unannounced_seq;
use crate::log::open::state_in;
use crate::log::replay::{Listing, committed};
use crate::log::segment::SegmentFile;
use crate::log::standing::first_line_of_segment;
use crate::log::tombstone::{self, Manifest, NotHeld, Tombstone};
use crate::log::tree_files;
use crate::log::view::{Marked, Tip};
use crate::policy::{Class, expiry};
use crate::proof::{Hash, chain_next, leaf_hash};
use crate::record::{format_time, parse_time, read_head};
use std::path::Path;

/// What the log's tombstones say, to be judged when all of the log has been read.
#[derive(Default)]
pub(super) struct Dropped {
    /// The tombstones that could be read, with the class and the greatest `logged` that their own records state.
    judged: Vec<(Tombstone, Option<Class>, i64)>,
    /// The first seqs of all that are there.
    there: Vec<u64>,
}

impl Verify<'_> {
    /// Goes over the tombstones of what stood before `first_file`, the first file that is left; those of segments that
    /// are still there are to be finished.
    pub(super) fn dropped(&self, first_file: u64, link: &mut Link<'_>) -> std::io::Result<Dropped> {
        let (firsts, others) = tombstone::list(self.disk, self.layout)?;
        let strays = others.iter().filter(|name| unannounced_seq(name).is_none());
        let dir = self.layout.tombstone_dir();
        let strays = strays.map(|name| Fault::new(dir.join(name), What::Stray));
        link.report.faults.extend(strays);
        let mut dropped = Dropped::default();
        for first in firsts {
            dropped.there.push(first);
            let path = self.layout.tombstone(first);
            let found = match Tombstone::read(self.disk, self.layout, first) {
                Ok(found) => found,
                Err(fault) => {
                    link.report.faults.push(fault);
                    continue;
                }
            };
            let said = &found.said;
            let wrong = |why: String| Fault::new(&path, What::Tombstone(why)).seqs(first, said.end().saturating_sub(1));
            if said.segment != first {
                let why = format!("is that of the segment at {}, put in another's place", said.segment);
                link.report.faults.push(wrong(why));
                continue;
            }
            let log_id = link.identity.map(crate::record::id_text);
            if log_id.is_some_and(|log_id| log_id != said.log_id) {
                link.report
                    .faults
                    .push(wrong(format!("is one of another log, {}", said.log_id)));
                continue;
            }
            let (class, logged) = if first < first_file {
                link.gap(&path, first);
                self.walk(&found, link)
            } else {
                self.still_there(first)
            };
            dropped.judged.push((found, class, logged));
        }
        Ok(dropped)
    }

    /// Goes on over the leaves of a dropped segment; gives its class and the greatest `logged` of its records, as those
    /// say that are kept.
    fn walk(&self, found: &Tombstone, link: &mut Link<'_>) -> (Option<Class>, i64) {
        let (said, path) = (&found.said, self.layout.tombstone(found.said.segment));
        let (first, end) = (said.segment, said.end());
        let fault = |why: &str| Fault::new(&path, What::Tombstone(why.to_owned())).seqs(first, end.saturating_sub(1));
        let told = said.tip();
        if told.is_none() {
            link.report
                .faults
                .push(fault("contradicts itself about where the log stood"));
        }
        let tree = self.layout.tree(0);
        let leaves = tree_files::read(self.disk, &tree, first, said.count);
        let before = link.tip.clone().filter(|tip| tip.next_seq() == first);
        if before.is_none() {
            link.trust.lose_track();
        }
        let before = before.or_else(|| self.behind_a_hole(&found.said));
        let (Some(leaves), Some(before)) = (leaves, before) else {
            let lost = Fault::new(&tree, What::TreeFile).at(first.saturating_mul(32));
            link.report.faults.push(lost.seqs(first, end.saturating_sub(1)));
            link.trust.lose_track();
            *link.tip = told;
            return (None, i64::MIN);
        };
        let walked = walk_leaves(&found.lines, &leaves, &before);
        let (class, logged) = (walked.class.clone(), walked.logged);
        if let Some(seq) = walked.wrong {
            let why = format!("keeps another record {seq} than the one that was there");
            link.report
                .faults
                .push(Fault::new(&path, What::Tombstone(why)).seqs(seq, seq));
        }
        let mut faults = check_ends(&path, &walked.ends, Some(&before), true);
        faults.extend(check_epoch(&path, &walked.ends));
        let standing = |tip: &Tip| Standing::new(&tip.tree, &tip.chain);
        let agrees = standing(&before) == said.before && standing(&walked.after) == said.after;
        // The signed records tell which of the two is wrong.
        if !agrees && faults.is_empty() && walked.wrong.is_none() {
            faults.push(fault("says otherwise where the log stood than its records prove"));
        } else if !faults.is_empty() || walked.wrong.is_some() {
            let other = Fault::new(&tree, What::TreeFile).at(first.saturating_mul(32));
            faults.push(other.seqs(first, end.saturating_sub(1)));
        }
        link.report.faults.extend(faults);
        link.trust
            .take(&path, *link.identity, &walked.marks, &mut link.report.faults);
        link.report.dropped = end;
        link.report.tombstones += 1;
        *link.tip = if agrees || told.is_none() {
            Some(walked.after)
        } else {
            told
        };
        (class, logged)
    }

    /// How far the log is before a segment, where the tombstone before it is missing too: as its own says, if the tree
    /// file agrees.
    fn behind_a_hole(&self, said: &Manifest) -> Option<Tip> {
        let tree = tree_files::frontier_of_leaves(self.disk, self.layout, said.segment)?;
        let chain = unhex(&said.before.chain)?;
        (hex(&tree.root()) == said.before.root).then_some(Tip { tree, chain })
    }

    /// The class of a segment that is still there beside its tombstone, and the greatest `logged` in it.
    fn still_there(&self, first: u64) -> (Option<Class>, i64) {
        let path = self.layout.segment(first);
        let state = first_line_of_segment(self.disk, &path)
            .ok()
            .and_then(|line| state_in(&line));
        let logged = SegmentFile::open(self.disk, &path).map_or(i64::MIN, |file| file.trailer().logged_max);
        (state.map(|(_, state)| state.promise()), logged)
    }

    /// Whether a living writer has gone on behind that end meanwhile.
    fn has_gone_on(&self, end: u64) -> bool {
        let told = || committed(self.disk, self.layout).is_some_and(|told| told.next_seq > end);
        let newer = || Listing::read(self.disk, self.layout).is_ok_and(|now| now.journals.last() > Some(&end));
        told() || newer()
    }

    /// Judges all tombstones by what the whole log says of them.
    /// `end` is how far the log was read.
    pub(super) fn judge(&self, dropped: &Dropped, trust: &Trust, end: Option<u64>, link_faults: &mut Vec<Fault>) {
        let now = self.disk.now();
        for (found, class, logged) in &dropped.judged {
            let said = &found.said;
            let path = self.layout.tombstone(said.segment);
            let seqs = (said.segment, said.end().saturating_sub(1));
            // Dropped since: what announces it is beyond what was read.
            if end.is_some_and(|end| said.record >= end && self.has_gone_on(end)) {
                continue;
            }
            if let Err(why) = judge(found, class.as_ref(), *logged, trust, now) {
                link_faults.push(Fault::new(&path, What::Tombstone(why)).seqs(seqs.0, seqs.1));
            }
        }
        for announced in trust.announced() {
            let first = announced.event.segment;
            let gone = |path: &Path| matches!(self.disk.stat(path), Ok(None));
            let lost = !dropped.there.contains(&first) && gone(&self.layout.segment(first));
            // What is announced and has no name yet is finished at the next opening, as long as the segment is there.
            if lost && gone(&self.layout.tombstone(first)) {
                let why = format!("that record {} announces is gone", announced.seq);
                let last = first.saturating_add(announced.event.count).saturating_sub(1);
                let fault = Fault::new(self.layout.tombstone(first), What::Tombstone(why));
                link_faults.push(fault.seqs(first, last));
            }
        }
    }
}

/// Who verifies on another machine may have another clock.
const DAY_NS: i64 = 86_400_000_000_000;

/// Why a tombstone does not count.
fn judge(found: &Tombstone, class: Option<&Class>, logged: i64, trust: &Trust, now: i64) -> Result<(), String> {
    let said = &found.said;
    if !found.is_signed_by(trust.log_keys()) {
        return Err("is not signed by a key of this log: it was forged".to_owned());
    }
    let of_it: Vec<&Announced> = trust
        .announced()
        .iter()
        .filter(|announced| announced.event.segment == said.segment)
        .collect();
    let Some(announced) = of_it.iter().find(|announced| announced.event.announces(&found.digest)) else {
        return Err(match of_it.last() {
            Some(other) => format!(
                "is another than record {} announces: it was forged, or an older one put back",
                other.seq
            ),
            None => {
                "is announced by no record of the log: it was forged, or brought from another state of it".to_owned()
            }
        });
    };
    if announced.seq != said.record {
        return Err(format!(
            "says that record {} announces it, which does record {}",
            said.record, announced.seq
        ));
    }
    let time = |text: &str| parse_time(text).map_err(|_| format!("holds {text:?}, which is no time"));
    let greatest = time(&said.logged.1)?;
    if greatest < logged {
        return Err(format!(
            "says that its newest record was logged at {}, and keeps one that was logged at {}: its times are false",
            said.logged.1,
            format_time(logged)
        ));
    }
    // What it was, is said where it cannot be told.
    let Some(class) = class else { return Ok(()) };
    let months = class.months().max(announced.months);
    let Some(until) = expiry(greatest, months) else {
        return Err("is one of a segment that never expires".to_owned());
    };
    if announced.logged.saturating_sub(DAY_NS) > now {
        return Err(format!(
            "says that its segment was dropped at {}, which has not come yet",
            format_time(announced.logged)
        ));
    }
    let safe = announced.logged.saturating_sub(announced.ahead.max(0));
    if safe < until {
        return Err(format!(
            "is one of a segment that was to be kept until {} (for {months} months), and it was dropped at {}{}",
            format_time(until),
            format_time(announced.logged),
            if announced.ahead > 0 {
                " by a clock that had gone forward, which nobody had accepted"
            } else {
                ""
            }
        ));
    }
    judge_holds(said, announced)
}

/// Why a segment must not have been dropped, by the holds that were in force. Whether a query fitted a record of which the
/// text is gone nobody can tell any more: of that it has to say that it was looked.
fn judge_holds(said: &Manifest, announced: &Announced) -> Result<(), String> {
    for hold in &announced.holds {
        let id = hold.id();
        if hold.covers(&(said.segment..said.end())) == Some(true) {
            return Err(format!("is one of a segment that was held by {id} when it was dropped"));
        }
        if !said.holds.iter().any(|asked| asked.id == id) {
            return Err(format!(
                "does not say that it was looked whether {id} holds its segment, which was in force when it was dropped"
            ));
        }
    }
    let unknown = |asked: &&NotHeld| !announced.holds.iter().any(|hold| hold.id() == asked.id);
    match said.holds.iter().find(unknown) {
        Some(asked) => Err(format!("speaks of a hold {} that was not in force", asked.id)),
        None => Ok(()),
    }
}

/// What the leaves of a dropped segment and the records that its tombstone keeps prove.
struct Walked {
    after: Tip,
    marks: Vec<Marked>,
    ends: Ends,
    /// The first record that is kept and was not there.
    wrong: Option<u64>,
    class: Option<Class>,
    logged: i64,
}

fn walk_leaves(lines: &[Vec<u8>], leaves: &[Hash], before: &Tip) -> Walked {
    let (mut tip, mut marks, mut ends) = (before.clone(), Vec::new(), Ends::default());
    let (mut wrong, mut class, mut logged) = (None, None, i64::MIN);
    let mut kept = lines.iter().peekable();
    for leaf in leaves {
        let seq = tip.next_seq();
        let head = kept
            .peek()
            .and_then(|line| read_head(line))
            .filter(|head| head.seq <= seq);
        if let Some((head, line)) = head.and_then(|head| Some((head, kept.next()?))) {
            let members = line.get(head.members.clone()).unwrap_or_default();
            if head.seq != seq || leaf_hash(line) != *leaf || !is_mark(members) {
                wrong = wrong.or(Some(head.seq));
            } else {
                logged = logged.max(head.logged);
                if let (None, Some(Stated::State(state))) = (&class, stated(members)) {
                    class = Some(state.promise());
                }
                ends.take(&[line.as_slice(), b"\n"].concat(), seq);
                ends.before_last = Some(tip.clone());
                marks.push(Marked {
                    seq,
                    root: tip.tree.root(),
                    chain: tip.chain,
                    line: line.clone(),
                });
            }
        }
        tip.chain = chain_next(&tip.chain, leaf);
        tip.tree.push(*leaf);
    }
    // Behind the last one, or not in the form of a record.
    if let (None, Some(line)) = (wrong, kept.next()) {
        wrong = Some(read_head(line).map_or(tip.next_seq(), |head| head.seq));
    }
    // Both ends have to be kept.
    let first = marks.first().map(|mark| mark.seq);
    let last = marks.last().map(|mark| mark.seq.saturating_add(1));
    if (first, last) != (Some(before.next_seq()), Some(tip.next_seq())) {
        wrong = wrong.or(Some(before.next_seq()));
    }
    Walked {
        after: tip,
        marks,
        ends,
        wrong,
        class,
        logged,
    }
}
