//! Damaged journals. From the first frame on that cannot be read, a journal is cut back: what stands behind it cannot
//! be linked to the records before.

use super::Mend;
use crate::disk::Open;
use crate::error::{Error, Result};
use crate::log::fault::{Fault, What};
use crate::log::journal::FrameReader;
use crate::log::replay::replay;
use crate::log::view::Tip;

impl Mend<'_> {
    /// Cuts journals back to the last frame up to which everything links; the first follows `sealed_end`.
    pub(super) fn journals(&mut self, sealed_end: &Tip) -> Result<()> {
        let listing = self.listing()?;
        if listing.journals.is_empty() {
            // Whatever it held is lost; how much that was, nobody can tell.
            let path = self.layout.journal(sealed_end.next_seq());
            self.leave(&path, Some(&Fault::new(&path, What::Missing)), Vec::new())?;
            return self.begin_at(sealed_end.next_seq());
        }
        let mut tip = Some(sealed_end.clone());
        for (place, first) in listing.journals.iter().enumerate() {
            let path = self.layout.journal(*first);
            let fault = self.fault_of(&path);
            let Some(before) = tip.take() else {
                self.cut(&path, 0, fault.as_ref())?;
                continue;
            };
            let is_last = place + 1 == listing.journals.len();
            let reader = FrameReader::open(self.disk, &path, self.identity.log_id);
            let reader = reader.map_err(|fault| self.damaged(fault))?;
            let end = match replay(reader, *first, before.clone(), u64::MAX) {
                Ok(replayed) if concerns_links(fault.as_ref()) && (is_last || replayed.closed) => {
                    tip = Some(replayed.tip);
                    continue;
                }
                Ok(replayed) => replayed.reader.offset(),
                Err(found) if *first == before.next_seq() => found.offset.unwrap_or(0),
                Err(_) => {
                    self.cut(&path, 0, fault.as_ref())?;
                    self.begin_at(before.next_seq())?;
                    continue;
                }
            };
            self.cut(&path, end, fault.as_ref())?;
            if end == 0 {
                self.begin_at(*first)?;
            }
        }
        Ok(())
    }

    fn begin_at(&self, first_seq: u64) -> Result<()> {
        let path = self.layout.journal(first_seq);
        let io = |error| Error::io("creating", &path, error);
        self.disk.open(&path, Open::Create).map_err(io)?;
        self.disk.sync_dir(&self.layout.journal_dir()).map_err(io)
    }
}

/// Whether verify found nothing in a journal but that it does not follow what was read before it: whether it follows
/// what the log stood at, the replay has told.
fn concerns_links(fault: Option<&Fault>) -> bool {
    fault.is_none_or(|fault| matches!(fault.what, What::Chain | What::Tree | What::State(_)))
}
