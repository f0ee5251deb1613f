//! Who follows a log that is written: is told of each segment when it is sealed and its journal is gone, and may do
//! something with it in a thread of its own. The log does not know what that is (rooms above it do), and nothing of what
//! becomes of it holds the log up.

#[cfg(feature = "search")]
use super::events;
use super::handle::Core;
#[cfg(feature = "search")]
use super::keys::indexed_key;
use super::read::Files;
#[cfg(feature = "search")]
use crate::error::Result;
#[cfg(feature = "search")]
use crate::proof::Hash;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "search")]
use std::sync::atomic::Ordering;

/// Follows a log from its opening to its end.
pub(crate) trait Follower: fmt::Debug + Send + Sync {
    /// The log is open; from here on it may be written through this.
    fn begin(&self, log: Pen);
    /// The segment that begins there is sealed. Called by the thread that seals, which waits for nothing.
    fn sealed(&self, first_seq: u64);
    /// There may be something new to do: somebody has done something by hand.
    fn look(&self) {}
    /// The log is about to be closed: everything that holds on to it has to let go before this returns.
    fn stop(&self);
}

/// What a follower may do with the log.
#[derive(Clone)]
pub(crate) struct Pen(Arc<Core>);

impl Pen {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Pen(Arc::clone(core))
    }

    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.0.files
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }

    #[cfg(feature = "search")]
    /// Records that this is the digest of a segment's index. It is one of the log's own records: it never makes a seal due.
    pub(crate) fn vouch(&self, segment: u64, count: u64, digest: &Hash) -> Result<()> {
        self.0
            .act(|writer| writer.record(events::indexed(segment, count, digest)))
    }
}

impl fmt::Debug for Pen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pen").finish_non_exhaustive()
    }
}

#[cfg(feature = "search")]
impl Files {
    /// Whether a record says that this is the digest of a segment's index. It can only stand behind the segment, and
    /// mostly stands in the next one.
    pub(crate) fn vouches(&self, segment: u64, digest: &Hash) -> bool {
        let key = indexed_key(segment, digest);
        let segments = {
            let view = self.view.read();
            if view.journals.iter().any(|journal| journal.find(key).next().is_some()) {
                return true;
            }
            view.segments.clone()
        };
        let behind = segments.partition_point(|later| later.first_seq <= segment);
        let behind = segments.get(behind..).unwrap_or_default();
        // Where indexing lags behind, it does so by about as much from one segment to the next.
        let usual = self.vouched_behind.load(Ordering::Relaxed).min(behind.len());
        let mut places = (usual..behind.len()).chain((0..usual).rev());
        let says = |place: &usize| {
            let later = behind.get(*place);
            // One that cannot be read vouches for nothing.
            let found = later.map(|later| later.open(&*self.disk).and_then(|file| file.find(key)));
            found.is_some_and(|found| found.is_ok_and(|seqs| !seqs.is_empty()))
        };
        let there = places.find(says);
        if let Some(place) = there {
            self.vouched_behind.store(place, Ordering::Relaxed);
        }
        there.is_some()
    }
}
