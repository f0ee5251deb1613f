//! Reading records: by seq, by key, or a range in order; the same code in the writing process and beside it.

use super::derive::Spans;
use super::events::Identity;
use super::fault::{Fault, What};
use super::format::FrameRow;
use super::journal::FrameReader;
use super::keys::{id_key, id_prefix};
use super::layout::Layout;
use super::segment::Remains;
use super::tombstone::{self, Manifest};
use super::view::{Place, SegmentRef, View};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::proof::{Hash, TILE, chain_next, leaf_hash};
use crate::record::{Head, part_text, put_back, read_head, read_parts};
use parking_lot::{Mutex, RwLock};
use std::ops::Range;
use std::sync::Arc;

/// A log's files and the view of them that this process has.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    /// The log's name, as its records bear it when they are read.
    pub(crate) log: Arc<str>,
    pub(crate) view: RwLock<View>,
    /// The blocks that were read last, the newest last: what is looked up one by one mostly stands together, and a chain of
    /// decisions in a few places.
    recent: Mutex<Vec<Arc<Block>>>,
    /// So many segments behind its own the last index was vouched for.
    #[cfg(feature = "search")]
    pub(super) vouched_behind: std::sync::atomic::AtomicUsize,
}

/// So much text of recent blocks is kept at most, in bytes, and the last one whatever its length.
const RECENT: usize = 4 << 20;

/// Some consecutive lines, as they were committed or compressed together.
#[derive(Debug)]
struct Block {
    first_seq: u64,
    /// Not known where a segment's directory is lost.
    chain_before: Option<Hash>,
    text: Vec<u8>,
    /// Where each line ends in the text, at its line feed.
    ends: Vec<usize>,
}

impl Files {
    pub(crate) fn new(disk: Arc<dyn Disk>, layout: Layout, identity: Identity, view: View) -> Self {
        Files {
            disk,
            layout,
            log: identity.name().into(),
            identity,
            view: RwLock::new(view),
            recent: Mutex::default(),
            #[cfg(feature = "search")]
            vouched_behind: std::sync::atomic::AtomicUsize::default(),
        }
    }

    /// The seq behind the last record that is durable.
    pub(crate) fn end_seq(&self) -> u64 {
        self.view.read().end_seq().unwrap_or(0)
    }

    /// The first record that is still kept.
    pub(crate) fn kept_from(&self) -> u64 {
        self.view.read().kept_from
    }

    /// The minimum index of C2SP tlog-tiles of a log that is kept from there on: where the first whole bundle begins, or the
    /// end if there is none.
    pub(crate) fn minimum_index(&self, earliest: u64) -> u64 {
        earliest.next_multiple_of(TILE as u64).min(self.end_seq())
    }

    /// What is said of the record of that seq, if it was dropped.
    pub(crate) fn dropped(&self, seq: u64) -> Option<Manifest> {
        if self
            .view
            .read()
            .place(seq)
            .is_some_and(|place| !place.is_gone(&*self.disk))
        {
            return None;
        }
        tombstone::covering(&*self.disk, &self.layout, seq).map(|found| found.said)
    }

    /// The text of a dropped record, if its tombstone keeps that.
    pub(crate) fn kept_line(&self, seq: u64) -> Option<String> {
        let lines = tombstone::covering(&*self.disk, &self.layout, seq)?.lines;
        let line = lines
            .into_iter()
            .find(|line| read_head(line).is_some_and(|head| head.seq == seq))?;
        String::from_utf8(line).ok()
    }

    /// The line of that seq; `None` if there is none (yet).
    pub(crate) fn line(&self, seq: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.block(seq)?.and_then(|block| block.line(seq).map(<[u8]>::to_vec)))
    }

    /// The link of the chain behind the record of that seq.
    pub(crate) fn chain_at(&self, seq: u64) -> Result<Option<Hash>> {
        let Some(block) = self.block(seq)? else { return Ok(None) };
        let through = usize::try_from(seq - block.first_seq)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let lines = block.text.split(|byte| *byte == b'\n').take(through);
        let through = |before| lines.fold(before, |chain, line| chain_next(&chain, &leaf_hash(line)));
        Ok(block.chain_before.map(through))
    }

    /// The seqs of the records that may have this key, the oldest first, and what kept a segment from answering.
    /// Segments are asked only if `possible` says that they can hold it.
    pub(crate) fn find(&self, hash: u64, possible: impl Fn(&Spans) -> bool) -> (Vec<u64>, Option<Fault>) {
        let (segments, mut found) = {
            let view = self.view.read();
            let live: Vec<u64> = view.journals.iter().flat_map(|journal| journal.find(hash)).collect();
            (view.segments.clone(), live)
        };
        let ask = |segment: &SegmentRef| -> std::result::Result<Vec<u64>, Fault> {
            let trailer = segment.trailer(&*self.disk)?;
            let spans = Spans {
                time: (trailer.time_min, trailer.time_max),
                logged: (trailer.logged_min, trailer.logged_max),
                id: (trailer.id_min, trailer.id_max),
            };
            if possible(&spans) {
                segment.open(&*self.disk)?.find(hash)
            } else {
                Ok(Vec::new())
            }
        };
        let mut unanswered = None;
        for segment in segments.iter() {
            match ask(segment) {
                Ok(seqs) => found.extend(seqs),
                Err(fault) => _ = unanswered.get_or_insert(fault),
            }
        }
        found.sort_unstable();
        (found, unanswered)
    }

    /// The seq of the record with that id.
    pub(crate) fn find_id(&self, id: &[u8; 16]) -> Result<Option<u64>> {
        let prefix = id_prefix(id);
        let (found, unanswered) = self.find(id_key(id), |spans| spans.may_hold(prefix));
        for seq in found {
            let line = self.line(seq)?;
            if line.as_deref().and_then(read_head).is_some_and(|head| head.id == *id) {
                return Ok(Some(seq));
            }
        }
        // Who was not asked may have it.
        unanswered.map_or(Ok(None), |fault| Err(self.damaged(fault)))
    }

    /// The lines of these seqs in order, as far as they are there when they are reached.
    pub(crate) fn lines(self: &Arc<Self>, range: Range<u64>) -> Lines {
        let end = self.end_seq();
        Lines {
            files: Arc::clone(self),
            broken: self.broken().filter(|_| range.end > end),
            // What was dropped is passed over; who wants to know asks for it by name.
            range: range.start.max(self.kept_from())..range.end.min(end),
            block: None,
            at: 0,
        }
    }

    /// A record's members with everything in its place that was moved out.
    pub(crate) fn whole_members(self: &Arc<Self>, line: &[u8], head: &Head) -> Result<Vec<u8>> {
        let members = line.get(head.members.clone()).unwrap_or_default();
        let Some(parts) = &head.parts else {
            return Ok(members.to_vec());
        };
        let mismatch = || {
            let fault = Fault::new(self.layout.root(), What::Part).seqs(head.seq, head.seq);
            self.damaged(fault)
        };
        let entries = line.get(parts.clone()).and_then(read_parts).ok_or_else(mismatch)?;
        let total: u64 = entries.iter().fold(0, |total, entry| total.saturating_add(entry.count));
        let first = head.seq.checked_sub(total).ok_or_else(mismatch)?;
        // In order and together, since they mostly stand in the same block.
        let mut parts = self.lines(first..head.seq);
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut raw = Vec::new();
            for _ in 0..entry.count {
                let (_, part) = parts.next().ok_or_else(mismatch)??;
                let part_head = read_head(&part).ok_or_else(mismatch)?;
                let text = part.get(part_head.members).and_then(part_text).ok_or_else(mismatch)?;
                raw.extend_from_slice(text.as_bytes());
                if raw.len() as u64 > entry.bytes {
                    return Err(mismatch());
                }
            }
            if crate::record::digest(&raw) != entry.digest {
                return Err(mismatch());
            }
            values.push((entry.path, raw));
        }
        put_back(members, &values).ok_or_else(mismatch)
    }

    /// The first seq of the next file behind this seq.
    fn next_file(&self, seq: u64) -> Option<u64> {
        let view = self.view.read();
        let segments = view.segments.iter().map(|segment| segment.first_seq);
        let firsts = segments.chain(view.journals.iter().map(|journal| journal.first_seq));
        firsts.filter(|first| *first > seq).min()
    }

    /// The first seq of what can be read next behind a block that cannot.
    fn next_block(&self, seq: u64) -> Option<u64> {
        let place = self.view.read().place(seq)?;
        let next = match place {
            Place::Journal { next, .. } => next,
            Place::Segment(segment) => {
                let behind = |rows: &[FrameRow]| rows.iter().map(|row| row.first_seq).find(|first| *first > seq);
                match segment.open(&*self.disk).and_then(|file| file.rows()) {
                    Ok(rows) => behind(&rows),
                    Err(_) => {
                        let remains = Remains::read(&*self.disk, &segment.path).ok();
                        remains.and_then(|remains| {
                            remains.pieces().map(|piece| piece.first_seq).find(|first| *first > seq)
                        })
                    }
                }
            }
        };
        next.or_else(|| self.next_file(seq))
    }

    /// What keeps the log from being read further than the view goes, if something does.
    pub(crate) fn broken(&self) -> Option<Error> {
        let fault = self.view.read().broken.clone()?;
        Some(self.damaged(fault))
    }

    /// Forgets the blocks that were read: their segments may be gone.
    pub(crate) fn forget(&self) {
        self.recent.lock().clear();
    }

    pub(crate) fn damaged(&self, fault: Fault) -> Error {
        Error::damaged(self.layout.root(), fault)
    }

    /// The block that holds this seq; what was committed never changes, so one that was read before will do.
    fn block(&self, seq: u64) -> Result<Option<Arc<Block>>> {
        let kept = self
            .recent
            .lock()
            .iter()
            .find(|block| block.line(seq).is_some())
            .cloned();
        if kept.is_some() {
            return Ok(kept);
        }
        let Some(block) = self.read_block(seq)?.map(Arc::new) else {
            return Ok(None);
        };
        let mut recent = self.recent.lock();
        recent.push(Arc::clone(&block));
        let mut room = RECENT;
        let mut fits = |block: &Arc<Block>| {
            let left = room.checked_sub(block.text.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let kept = recent
            .iter()
            .rev()
            .map_while(|block| fits(block).then_some(()))
            .count()
            .max(1);
        let too_old = recent.len() - kept;
        recent.drain(..too_old);
        Ok(Some(block))
    }

    fn read_block(&self, seq: u64) -> Result<Option<Block>> {
        let place = self.view.read().place(seq);
        let block = match place {
            None => return Ok(None),
            Some(Place::Journal {
                file,
                path,
                offset,
                end,
                ..
            }) => {
                let mut reader = FrameReader::of(file, &path, self.identity.log_id);
                reader.seek(offset);
                let frame = reader.next(end).map_err(|fault| self.damaged(fault))?;
                let damaged = || self.damaged(Fault::new(&path, What::FramePayload).at(offset).seqs(seq, seq));
                let frame = frame.ok_or_else(damaged)?;
                Block::new(frame.header.first_seq, Some(frame.header.chain_before), frame.text)
            }
            Some(Place::Segment(segment)) => {
                match self.segment_block(&segment, seq).map_err(|fault| self.damaged(fault))? {
                    Some(block) => block,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(block))
    }

    fn segment_block(&self, segment: &SegmentRef, seq: u64) -> std::result::Result<Option<Block>, Fault> {
        let opened = segment
            .open(&*self.disk)
            .and_then(|file| file.rows().map(|rows| (file, rows)));
        let (file, rows) = match opened {
            Ok(opened) => opened,
            // Dropped since the view was made.
            Err(fault) if fault.what == What::Missing && self.dropped(seq).is_some() => return Ok(None),
            Err(fault) => return self.block_of_remains(segment, seq).map(Some).ok_or(fault),
        };
        let behind = rows.partition_point(|row| row.first_seq <= seq);
        let row = behind.checked_sub(1).and_then(|place| rows.get(place));
        let Some(row) = row.filter(|row| seq < row.first_seq.saturating_add(u64::from(row.count))) else {
            return Ok(None);
        };
        let text = file.frame_text(row)?;
        Ok(Some(Block::new(row.first_seq, Some(row.chain_before), text)))
    }

    /// Without its directory a segment is gone through from its beginning each time: slow, but what is left is read.
    fn block_of_remains(&self, segment: &SegmentRef, seq: u64) -> Option<Block> {
        let remains = Remains::read(&*self.disk, &segment.path).ok()?;
        let piece = remains
            .pieces()
            .find(|piece| (piece.first_seq..piece.end_seq).contains(&seq))?;
        Some(Block::new(piece.first_seq, None, piece.text))
    }
}

impl Block {
    fn new(first_seq: u64, chain_before: Option<Hash>, text: Vec<u8>) -> Self {
        Block {
            first_seq,
            chain_before,
            ends: memchr::memchr_iter(b'\n', &text).collect(),
            text,
        }
    }

    fn line(&self, seq: u64) -> Option<&[u8]> {
        let place = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        let end = *self.ends.get(place)?;
        self.text.get(self.start(place)..end)
    }

    /// Where the line at that place begins.
    fn start(&self, place: usize) -> usize {
        let before = place.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| end + 1)
    }
}

/// Lines in order; see [`Files::lines`]. What should be there and cannot be read is one error, and what stands behind it
/// comes next.
pub(crate) struct Lines {
    files: Arc<Files>,
    range: Range<u64>,
    /// What keeps records from being read that are asked for and stand behind the view's end.
    broken: Option<Error>,
    block: Option<Arc<Block>>,
    /// Where in the block's text the next line begins.
    at: usize,
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.range.is_empty() {
                return self.broken.take().map(Err);
            }
            let rest = self
                .block
                .as_ref()
                .and_then(|block| block.text.get(self.at..))
                .unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                let line = rest.get(..end).unwrap_or_default().to_vec();
                let seq = self.range.start;
                self.at += end + 1;
                self.range.start += 1;
                return Some(Ok((seq, line)));
            }
            match self.files.block(self.range.start) {
                Ok(Some(block)) => {
                    let skipped = usize::try_from(self.range.start - block.first_seq).unwrap_or(usize::MAX);
                    self.at = block.start(skipped);
                    self.block = Some(block);
                }
                Ok(None) => {
                    let (start, next) = (self.range.start, self.files.next_file(self.range.start));
                    self.go_on_at(next);
                    if let Some(next) = next.filter(|_| self.files.dropped(start).is_none()) {
                        let path = self.files.layout.segment(start);
                        let gap = Fault::new(path, What::Gap).seqs(start, next.saturating_sub(1));
                        return Some(Err(self.files.damaged(gap)));
                    }
                }
                Err(error) => {
                    self.go_on_at(self.files.next_block(self.range.start));
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Lines {
    /// Goes on with that record, or is at an end if there is none.
    fn go_on_at(&mut self, seq: Option<u64>) {
        self.block = None;
        self.range.start = seq.unwrap_or(self.range.end).min(self.range.end);
    }
}
