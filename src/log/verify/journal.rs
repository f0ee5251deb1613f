//! A journal: every frame, whether or not the one before it was intact, and what stands behind the last.

use super::segment::Checked;
use super::states::{Ends, check_ends, check_epoch};
use super::{Report, TornTail, Unconfirmed};
use crate::disk::{Disk, DiskFile};
use crate::log::derive::derive;
use crate::log::fault::{Fault, What};
use crate::log::format::{Fixed, FrameHeader};
use crate::log::journal::{Frame, FrameReader, Tail, is_cut_by_a_kill, next_header, tail};
use crate::log::layout::Layout;
use crate::log::replay::committed;
use crate::log::view::Tip;
use std::ops::Range;
use std::sync::Arc;

/// Which journal, and what is known about it from elsewhere.
pub(crate) struct Subject<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) layout: &'a Layout,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) log_id: [u8; 16],
    pub(crate) first_seq: u64,
    /// How far the log is before it, where that could be checked.
    pub(crate) before: Option<Tip>,
    /// Whether a later journal exists, so that this one is closed.
    pub(crate) closed: bool,
    /// The records that are asked for.
    pub(crate) seqs: Range<u64>,
}

/// Checks a journal's frames.
pub(crate) fn verify_journal(subject: &Subject<'_>, report: &mut Report) -> Checked {
    let mut checked = Checked {
        before: subject.before.clone(),
        ..Checked::default()
    };
    let path = subject.layout.journal(subject.first_seq);
    let mut reader = FrameReader::of(Arc::clone(&subject.file), &path, subject.log_id);
    if let Err(fault) = check(subject, &mut reader, &mut checked, report) {
        checked.faults.push(fault);
    }
    checked
}

fn check(
    subject: &Subject<'_>,
    reader: &mut FrameReader,
    checked: &mut Checked,
    report: &mut Report,
) -> Result<(), Fault> {
    let path = reader.path().to_owned();
    // Read first: what is committed now is in the file by the time we get there.
    let known = committed(subject.disk, subject.layout).filter(|known| known.journal == subject.first_seq);
    let end = known.as_ref().map_or(u64::MAX, |known| known.offset);
    let mut tip = subject.before.clone();
    let (mut ends, mut complete) = (Ends::default(), true);
    let mut next_seq = subject.first_seq;
    loop {
        match reader.next(end)? {
            Some(frame) => {
                complete &= check_frame(&frame, &mut tip, next_seq, &path, checked, &mut ends, &subject.seqs);
                next_seq = frame.end_seq();
            }
            None if reader.offset() == end => break,
            None => {
                let at = reader.offset();
                // Where nothing intact follows, this is the end, and the end is judged by its own rule.
                let Some(resumed) = resume(reader, at, end)? else { break };
                let what = if reader.header(u64::MAX)?.is_some() {
                    What::FramePayload
                } else {
                    let header = reader.bytes(at, FrameHeader::LEN as u64)?;
                    FrameHeader::other_version(&header).map_or(What::FrameHeader, |version| What::Format { version })
                };
                let behind = resumed.first_seq;
                let mut fault = Fault::new(&path, what).at(at);
                if behind > next_seq {
                    fault = fault.seqs(next_seq, behind - 1);
                }
                checked.faults.push(fault);
                (tip, complete, next_seq) = (None, false, behind);
                reader.seek(resumed.offset);
            }
        }
    }
    checked.bytes = reader.file().len().unwrap_or(0);
    judge_end(subject, reader, known.is_some(), end, checked, report)?;
    if complete {
        checked
            .faults
            .extend(check_ends(&path, &ends, subject.before.as_ref(), subject.closed));
        checked.faults.extend(check_epoch(&path, &ends));
        checked.after = tip;
        checked.stated_log = ends.log_id();
    } else {
        checked.leaves.clear();
        checked.marks.clear();
    }
    Ok(())
}

/// Checks one frame's lines; says whether nothing was wrong with them.
fn check_frame(
    frame: &Frame,
    tip: &mut Option<Tip>,
    next_seq: u64,
    path: &std::path::Path,
    checked: &mut Checked,
    ends: &mut Ends,
    seqs: &Range<u64>,
) -> bool {
    let header = &frame.header;
    let last = frame.end_seq().saturating_sub(1);
    let mut fault = |what, first: u64| {
        checked
            .faults
            .push(Fault::new(path, what).at(header.offset).seqs(first, last.max(first)));
    };
    let mut sound = true;
    if header.first_seq != next_seq {
        fault(
            What::Sequence {
                found: header.first_seq,
            },
            next_seq,
        );
        sound = false;
    }
    if tip.as_ref().is_some_and(|tip| tip.chain != header.chain_before) {
        fault(What::Chain, header.first_seq);
        sound = false;
    }
    match derive(&frame.text, header.first_seq, header.chain_before) {
        Err(bad) => {
            fault(bad.what, bad.seq);
            *tip = None;
            return false;
        }
        Ok(derived) if derived.leaves.len() as u64 != u64::from(header.count) => {
            fault(What::Line, header.first_seq);
            *tip = None;
            return false;
        }
        Ok(derived) => {
            if sound {
                ends.take(&frame.text, header.first_seq);
                checked.leaves.extend_from_slice(&derived.leaves);
                if let Some(tip) = tip {
                    let advanced = tip.advance(&derived);
                    ends.before_last = Some(advanced.before_last);
                    checked.marks.extend(advanced.marks);
                }
            } else {
                *tip = None;
            }
            if header.first_seq < seqs.end && frame.end_seq() > seqs.start {
                checked.records += derived.leaves.len() as u64;
                checked.text += frame.text.len() as u64;
            }
        }
    }
    sound
}

/// How many headers without their lines are tried before the rest of a journal is given up: each costs a read, and a
/// hostile file may be full of them.
const RESUMED_AT_MOST: usize = 1_000;

/// Finds the next intact frame behind one that is not.
fn resume(reader: &mut FrameReader, at: u64, end: u64) -> Result<Option<FrameHeader>, Fault> {
    let (mut from, mut resumed) = (at + 1, None);
    for _ in 0..RESUMED_AT_MOST {
        let Some(found) = next_header(reader, from, end)? else {
            break;
        };
        reader.seek(found);
        if let Some(header) = reader.header(end)?
            && reader.next(end)?.is_some()
        {
            resumed = Some(header);
            break;
        }
        from = found + 1;
    }
    reader.seek(at);
    Ok(resumed)
}

/// Judges what stands behind the last intact frame. Behind what is committed, a living writer may be writing just now,
/// so what looks wrong there has to look the same for a while.
fn judge_end(
    subject: &Subject<'_>,
    reader: &mut FrameReader,
    told: bool,
    end: u64,
    checked: &mut Checked,
    report: &mut Report,
) -> Result<(), Fault> {
    let path = reader.path().to_owned();
    if told && reader.offset() < end {
        let what = match tail(reader)? {
            Tail::Damaged(fault) => fault.what,
            Tail::Clean | Tail::Torn { .. } => What::Shortened,
        };
        checked.faults.push(Fault::new(path, what).at(reader.offset()));
        return Ok(());
    }
    let mut judged = judge(reader, told)?;
    let mut ahead = 0;
    if told {
        for _ in 0..5 {
            ahead = records_ahead(reader)?;
            if ahead == 0 && matches!(judged, Tail::Clean) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            let moved_on = committed(subject.disk, subject.layout)
                .is_none_or(|now| now.journal != subject.first_seq || now.offset != end);
            if moved_on {
                return Ok(());
            }
            judged = judge(reader, told)?;
        }
    }
    if ahead > 0 {
        report.unconfirmed.push(Unconfirmed {
            file: path.clone(),
            offset: reader.offset(),
            records: ahead,
        });
    }
    match judged {
        Tail::Clean => {}
        Tail::Damaged(fault) => checked.faults.push(fault),
        Tail::Torn { end } if subject.closed => {
            checked.faults.push(Fault::new(path, What::Garbage).at(end));
        }
        Tail::Torn { end } => report.torn.push(TornTail {
            file: path,
            offset: reader.offset(),
            bytes: end - reader.offset(),
        }),
    }
    Ok(())
}

/// How many records stand in whole frames behind the reader's offset.
fn records_ahead(reader: &mut FrameReader) -> Result<u64, Fault> {
    let at = reader.offset();
    let mut records = 0;
    while let Some(frame) = reader.next(u64::MAX)? {
        records += u64::from(frame.header.count);
    }
    reader.seek(at);
    Ok(records)
}

/// The rule of [`tail`], made stricter where the machine was not restarted since the last commit: the system's cache
/// holds what was written from the front on (see [`is_cut_by_a_kill`]). A frame that is complete
/// was not acknowledged yet, and is none of ours.
fn judge(reader: &mut FrameReader, told: bool) -> Result<Tail, Fault> {
    let at = reader.offset();
    if told && records_ahead(reader)? > 0 {
        while reader.next(u64::MAX)?.is_some() {}
        let behind = tail(reader)?;
        reader.seek(at);
        return Ok(behind);
    }
    let judged = tail(reader)?;
    if told
        && let Tail::Torn { end } = judged
        && !is_cut_by_a_kill(reader, end)?
    {
        return Ok(Tail::Damaged(Fault::new(reader.path(), What::Garbage).at(at)));
    }
    Ok(judged)
}
