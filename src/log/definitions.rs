//! The texts behind digests: finding the records that define one, and writing a definition again.

use super::fault::Fault;
use super::keys::definition_key;
use super::read::Files;
use super::view::Place;
use crate::error::Result;
use crate::record::{Head, Prepared, RECORD_LIMIT};
use std::sync::Arc;

impl Files {
    /// The seqs of the records that may define this digest, and what kept a file from answering. The log writes a definition
    /// again beside the records that name it, so it is in the same file mostly: with `beside`, only the one that holds that
    /// seq is asked.
    pub(crate) fn find_definitions(&self, digest: &str, beside: Option<u64>) -> (Vec<u64>, Option<Fault>) {
        let key = definition_key(digest);
        let Some(seq) = beside else {
            return self.find(key, |_| true);
        };
        let segment = {
            let view = self.view.read();
            match view.place(seq) {
                Some(Place::Segment(segment)) => segment,
                Some(Place::Journal { .. }) => {
                    let live = view.journals.iter().flat_map(|journal| journal.find(key));
                    return (live.collect(), None);
                }
                None => return (Vec::new(), None),
            }
        };
        match segment.open(&*self.disk).and_then(|file| file.find(key)) {
            Ok(seqs) => (seqs, None),
            Err(fault) => (Vec::new(), Some(fault)),
        }
    }

    /// What a definition says, ready to be written again: without what identifies the first writing.
    pub(crate) fn definition_again(self: &Arc<Self>, line: &[u8], head: &Head) -> Result<Option<Prepared>> {
        let members = self.whole_members(line, head)?;
        let mut again = b"{".to_vec();
        for child in crate::record::members(&members) {
            if crate::record::named(&members, &child, "source") {
                continue;
            }
            if again.len() > 1 {
                again.push(b',');
            }
            again.extend_from_slice(members.get(child.name.start - 1..child.value.end).unwrap_or_default());
        }
        again.push(b'}');
        // Rules may have become stricter since it was written; then it stays where it is.
        Ok(Prepared::new(&again, RECORD_LIMIT * 2).ok())
    }
}
