//! Damaged segments. One whose text is whole and links on both sides is written anew from it. One that lost text stays
//! as it is, as evidence of what is left, and its lost records are named; what follows goes on from where records and
//! trees that are still sound say that the log stood.

use super::{Mend, range};
use crate::error::{Error, Result};
use crate::log::derive::derive;
use crate::log::events::{Did, Standing};
use crate::log::fault::{Fault, What};
use crate::log::seal;
use crate::log::segment::{Remains, SealFailure};
use crate::log::standing::{stated_by_journal, stated_by_segment, tip_as_stated, tip_before, tip_of, tip_of_directory};
use crate::log::tombstone;
use crate::log::verify::{Ends, check_ends, check_epoch, verify_segment};
use crate::log::view::Tip;
use std::path::Path;

/// The file behind a segment: its first seq, and whether it is a segment too.
type Next = Option<(u64, bool)>;

impl Mend<'_> {
    /// Mends what can be mended, and says how far the log is behind its last segment.
    pub(super) fn segments(&mut self) -> Result<Tip> {
        let listing = self.listing()?;
        let first_journal = listing.journals.first().copied();
        let sealed: Vec<u64> = listing
            .segments
            .iter()
            .copied()
            .filter(|seq| first_journal.is_none_or(|first| *seq < first))
            .collect();
        // How far the log is before the next file, where that is known, and the last segment that stays.
        let first_file = sealed.first().copied().or(first_journal).unwrap_or(0);
        let dropped = tombstone::tip_before(self.disk, self.layout, first_file);
        let (mut tip, mut before) = (Some(dropped.unwrap_or_else(Tip::empty)), None);
        for (place, first) in sealed.iter().copied().enumerate() {
            let next = match sealed.get(place + 1) {
                Some(next) => Some((*next, true)),
                None => first_journal.map(|next| (next, false)),
            };
            let path = self.layout.segment(first);
            if self.does_not_belong(&path, first) {
                self.cut(&path, 0, Some(&Fault::new(&path, What::Misplaced)))?;
                continue;
            }
            let start = self.arrive(tip.take(), before, Some((first, true)))?;
            tip = self.segment(first, next, start)?;
            before = Some(first);
        }
        let end = self.arrive(tip, before, first_journal.map(|first| (first, false)))?;
        end.ok_or_else(|| {
            let last = before.map_or_else(
                || "no segment is there".to_owned(),
                |first| {
                    format!(
                        "the last segment, {}, lost its text",
                        self.layout.segment(first).display()
                    )
                },
            );
            let journal = match first_journal {
                Some(_) => "the journal behind it does not say with a tree that fits",
                None => "no journal follows",
            };
            self.lost(format!(
                "{last}, and {journal}, so nothing intact says where the log stands"
            ))
        })
    }

    /// How far the log is before a file, given how far it is behind the segments before. If records are missing in
    /// between, they are named.
    fn arrive(&mut self, tip: Option<Tip>, before: Option<u64>, next: Next) -> Result<Option<Tip>> {
        let Some((first, is_segment)) = next else {
            return Ok(tip);
        };
        match tip {
            Some(tip) if tip.next_seq() == first => return Ok(Some(tip)),
            Some(tip) if tip.next_seq() < first => {
                let missing = (tip.next_seq(), first - 1);
                let path = self.layout.segment(missing.0);
                let fault = Fault::new(&path, What::Missing).seqs(missing.0, missing.1);
                self.leave(&path, Some(&fault), vec![missing])?;
            }
            Some(tip) => {
                let path = if is_segment {
                    self.layout.segment(first)
                } else {
                    self.layout.journal(first)
                };
                let claimed = range((first, tip.next_seq() - 1));
                let what = format!("{} and the file before it both hold records {claimed}", path.display());
                return Err(self.lost(format!("{what}, and nothing says which of them belongs here")));
            }
            None => {}
        }
        let Some(stated) = self.stated(first, is_segment) else {
            return Ok(tip_before(self.disk, self.layout, before, first, || None).ok());
        };
        let told = tip_as_stated(self.disk, self.layout, before, &stated);
        // Some leaves in the tree files may be damaged where the text is sound.
        let by_leaves = || {
            tip_of(&stated, |size| {
                self.leaves(size).iter().map(|leaves| Self::tree_over(leaves)).collect()
            })
        };
        Ok(told.or_else(by_leaves).filter(|tip| tip.next_seq() == first))
    }

    /// Goes over one segment, which the log reaches at `start`, where that is known; says where it leaves it.
    fn segment(&mut self, first: u64, next: Next, start: Option<Tip>) -> Result<Option<Tip>> {
        let path = self.layout.segment(first);
        let named = self.fault_of(&path);
        if named.is_none() {
            let told = tip_of_directory(self.disk, &path);
            return told.map(Some).map_err(|fault| self.damaged(fault));
        }
        let checked = verify_segment(self.disk, &path);
        let links = start
            .as_ref()
            .is_none_or(|start| checked.before.as_ref() == Some(start));
        if checked.faults.is_empty() && links {
            // It was named for what stands before it.
            return Ok(checked.after);
        }
        let fault = checked.faults.first().or(named.as_ref());
        let remains = Remains::read(self.disk, &path).map_err(|fault| self.damaged(fault))?;
        if let Some((start, end)) = self.whole(&remains, first, next, start.as_ref()) {
            self.keep(&path, Did::Rebuilt, 0, fault)?;
            self.rebuild(&remains, &start)?;
            return Ok(Some(end));
        }
        // Its directory counts no further than the file behind it agrees.
        let unreadable = unreadable(&remains, first, next, checked.after.as_ref());
        self.leave(&path, fault, unreadable)?;
        let after = checked.after.filter(|after| match next {
            Some((seq, is_segment)) => {
                let stated = self.stated(seq, is_segment);
                seq == after.next_seq() && stated.is_none_or(|stated| stated == standing(after))
            }
            None => true,
        });
        Ok(after)
    }

    /// Where the log stands before and behind a segment whose text is all there, says so at both ends, and links to
    /// the files around it.
    fn whole(&self, remains: &Remains, first: u64, next: Next, start: Option<&Tip>) -> Option<(Tip, Tip)> {
        let start = start?.clone();
        let (mut ends, mut end) = (Ends::default(), start.clone());
        for piece in remains.pieces() {
            if piece.first_seq != end.next_seq() {
                return None;
            }
            ends.take(&piece.text, piece.first_seq);
            let derived = derive(&piece.text, piece.first_seq, end.chain).ok()?;
            ends.before_last = Some(end.advance(&derived).before_last);
        }
        let states = end.next_seq() > first
            && check_ends(remains.path(), &ends, Some(&start), true).is_empty()
            && check_epoch(remains.path(), &ends).is_none()
            && ends.log_id() == Some(self.identity.log_id());
        let links = match next {
            Some((seq, is_segment)) if seq == end.next_seq() => {
                let stated = self.stated(seq, is_segment);
                stated.is_none_or(|stated| stated == standing(&end))
            }
            // What stood behind it is gone; its own last record closes it.
            Some((seq, _)) => seq > end.next_seq(),
            None => true,
        };
        (states && links).then_some((start, end))
    }

    /// Writes a segment anew from its text; its bytes as they were have been kept.
    fn rebuild(&self, remains: &Remains, start: &Tip) -> Result<()> {
        let (disk, layout, first) = (self.disk, self.layout, start.next_seq());
        let failed = |failure| match failure {
            SealFailure::Io(error) => Error::io("writing", layout.segment_temporary(first), error),
            SealFailure::Line(bad) => self.damaged(Fault::new(remains.path(), bad.what).seqs(bad.seq, bad.seq)),
        };
        let encoding = self.options.encoding();
        let (file, mut writer) = seal::begin(disk, layout, self.identity.log_id, start, encoding)?;
        for piece in remains.pieces() {
            for line in piece.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                writer.push(line).map_err(failed)?;
            }
        }
        writer.finish().map_err(failed)?;
        let checked = seal::give_its_name(disk, layout, first, file)?;
        match checked.faults.into_iter().next() {
            Some(fault) => Err(self.damaged(fault)),
            None => Ok(()),
        }
    }

    /// Whether a file among the segments is a copy of another one, or holds not a single record.
    fn does_not_belong(&self, path: &Path, first: u64) -> bool {
        let read = |path: &Path| Remains::read(self.disk, path).ok();
        let Some(remains) = self.fault_of(path).and_then(|_| read(path)) else {
            return false;
        };
        // One that the system cannot read may hold anything.
        match remains.pieces().next() {
            None => remains.unreadable().is_none() && self.overlaps(first),
            Some(piece) => {
                piece.first_seq != first
                    && read(&self.layout.segment(piece.first_seq)).is_some_and(|own| own.bytes() == remains.bytes())
            }
        }
    }

    /// Whether a segment that begins before this seq holds it too.
    fn overlaps(&self, first: u64) -> bool {
        let earlier = self.listing().map(|listing| listing.segments).unwrap_or_default();
        let earlier = earlier.into_iter().filter(|seq| *seq < first).max();
        earlier.is_some_and(|seq| {
            let remains = Remains::read(self.disk, &self.layout.segment(seq)).ok();
            remains.is_some_and(|remains| remains.pieces().any(|piece| piece.end_seq > first))
        })
    }

    fn stated(&self, first: u64, is_segment: bool) -> Option<Standing> {
        if is_segment {
            stated_by_segment(self.disk, &self.layout.segment(first))
        } else {
            stated_by_journal(self.disk, &self.layout.journal(first))
        }
    }
}

fn standing(tip: &Tip) -> Standing {
    Standing::new(&tip.tree, &tip.chain)
}

/// The seqs of a segment that none of its sound frames holds. Where nothing says how far it went, the last are unknown.
fn unreadable(remains: &Remains, first: u64, next: Next, after: Option<&Tip>) -> Vec<(u64, u64)> {
    let (mut lost, mut expected) = (Vec::new(), first);
    for piece in remains.pieces() {
        if piece.first_seq > expected {
            lost.push((expected, piece.first_seq - 1));
        }
        expected = expected.max(piece.end_seq);
    }
    let end = next.map(|(next, _)| next).or(after.map(Tip::next_seq));
    if let Some(end) = end.filter(|end| *end > expected) {
        lost.push((expected, end - 1));
    }
    lost
}

/// These seqs in words.
pub(super) fn ranges(lost: &[(u64, u64)]) -> String {
    lost.iter().map(|seqs| range(*seqs)).collect::<Vec<_>>().join(", ")
}
