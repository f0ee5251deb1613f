//! Bringing what is not sealed yet: whole frames, up to what the writer told to be durable.

use super::dest::take;
use super::{Stop, Work};
use crate::error::Result;
use crate::log::fault::{Fault, What};
use crate::log::journal::{FrameReader, Tail, tail};
use crate::log::replay::committed;
use std::sync::Arc;

impl Work<'_> {
    /// Brings the lines of the journals.
    pub(super) fn journals(&mut self) -> std::result::Result<(), Stop> {
        let journals = self.source.listing.journals.clone();
        let files = std::mem::take(&mut self.source.files);
        if journals.is_empty() {
            self.is_damaged(Fault::new(self.task.from.journal_dir(), What::Missing));
        }
        let bytes = self.dest.tip.next_seq();
        for (first, file) in journals.into_iter().zip(files) {
            match file {
                Err(fault) => {
                    self.is_damaged(fault);
                    break;
                }
                Ok(file) => {
                    if !self.journal(first, file)? {
                        break;
                    }
                }
            }
        }
        self.done.files += u64::from(self.dest.tip.next_seq() > bytes);
        let marks = std::mem::take(&mut self.dest.marks);
        self.take_marks(&self.task.from.journal_dir(), &marks);
        Ok(())
    }

    /// Brings the lines of one journal that the copy does not have; says whether what stands behind it can be brought too.
    fn journal(&mut self, first: u64, file: Arc<dyn crate::disk::DiskFile>) -> Result<bool> {
        let disk = self.disk();
        let path = self.task.from.journal(first);
        // Asked before it is read: what is committed now is in the file by the time that we get there.
        let told = committed(disk, self.task.from).filter(|told| told.journal == first);
        let end = told.as_ref().map_or(u64::MAX, |told| told.offset);
        if !self.dest.journals.iter().any(|journal| journal.first == first) {
            if self.dest.tip.next_seq() != first {
                let (from, to) = (self.dest.tip.next_seq().min(first), self.dest.tip.next_seq().max(first));
                self.is_damaged(Fault::new(&path, What::Gap).seqs(from, to.saturating_sub(1)));
                return Ok(false);
            }
            self.dest.begin_journal()?;
        }
        let known = self.dest.tip.clone();
        let (mut tip, mut next) = (known.clone(), first);
        let mut reader = FrameReader::of(file, &path, self.source.log_id);
        let other = |seq: u64| {
            let why = format!("at seq {seq} of {} the log goes on in another way", path.display());
            self.task.apart(why)
        };
        loop {
            let at = reader.offset();
            let header = match reader.header(end) {
                Ok(Some(header)) if header.first_seq == next => header,
                Ok(_) => break,
                Err(fault) => {
                    self.is_damaged(fault);
                    return Ok(false);
                }
            };
            let behind = header.first_seq.saturating_add(u64::from(header.count));
            if behind <= known.next_seq() {
                reader.seek(at + header.frame_len());
                next = behind;
                continue;
            }
            if header.first_seq <= known.next_seq()
                && (header.first_seq, header.chain_before) != (known.next_seq(), known.chain)
            {
                return Err(other(header.first_seq));
            }
            let frame = match reader.next(end) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(fault) => {
                    self.is_damaged(fault);
                    return Ok(false);
                }
            };
            if let Err(fault) = take(&frame, &mut tip, &path) {
                self.is_damaged(fault);
                self.dest.flush()?;
                return Ok(false);
            }
            self.done.bytes += frame.text.len() as u64;
            self.dest.push(&frame.text, frame.header.count as usize)?;
            next = behind;
        }
        self.dest.flush()?;
        if next < known.next_seq() && self.dest.journals.last().is_some_and(|journal| journal.first == first) {
            let missing = known.next_seq();
            let why = format!(
                "this copy has {missing} records and {} ends at {next}: an older state of it was put back",
                path.display()
            );
            return Err(self.task.apart(why));
        }
        if reader.offset() == end {
            return Ok(true);
        }
        match tail(&reader) {
            Ok(Tail::Damaged(fault)) | Err(fault) => {
                // Beside a writer that tells nothing, what stands there may be a write that is under way.
                if told.is_some() || disk.boot_id().is_some() {
                    self.is_damaged(fault);
                }
                Ok(false)
            }
            Ok(Tail::Clean | Tail::Torn { .. }) => {
                if told.is_some() {
                    self.is_damaged(Fault::new(&path, What::Shortened).at(reader.offset()));
                }
                Ok(true)
            }
        }
    }
}
