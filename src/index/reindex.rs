//! Indexing when a person asks for it: every segment is looked at, and each index that cannot be used is made anew.

use super::indexer::mend;
use super::make::{open, segment, vouched};
use super::unfit::Unfit;
use crate::log::{Files, Pen};
use std::fmt;

/// What became of the indexes of a log; see [`crate::Database::reindex`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reindexed {
    /// Each sealed segment's, in order.
    pub segments: Vec<Indexed>,
}

/// What became of the index of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Indexed {
    /// The segment's first seq.
    pub first_seq: u64,
    /// What was wrong with its index; `None` if nothing was.
    pub was: Option<String>,
    /// Why it has none that can be used now; `None` if it has.
    pub is: Option<String>,
    /// The index file's length in bytes, if there is one.
    pub bytes: u64,
}

impl Reindexed {
    /// Whether every sealed segment now has an index that can be used.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.segments.iter().all(|segment| segment.is.is_none())
    }

    /// How many indexes were made.
    #[must_use]
    pub fn made(&self) -> usize {
        let made = |segment: &&Indexed| segment.was.is_some() && segment.is.is_none();
        self.segments.iter().filter(made).count()
    }

    /// The whole as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let segment = |segment: &Indexed| {
            serde_json::json!({
                "first_seq": segment.first_seq,
                "was": segment.was,
                "is": segment.is,
                "bytes": segment.bytes,
            })
        };
        serde_json::json!({
            "complete": self.is_complete(),
            "made": self.made(),
            "segments": self.segments.iter().map(segment).collect::<Vec<_>>(),
        })
        .to_string()
    }
}

impl fmt::Display for Reindexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            let first = segment.first_seq;
            match (&segment.was, &segment.is) {
                (_, Some(is)) => writeln!(f, "the index of the segment at {first} {is}")?,
                (Some(was), None) => writeln!(f, "the index of the segment at {first} was made: the old one {was}")?,
                (None, None) => {}
            }
        }
        let bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let whole = if self.is_complete() { "all" } else { "NOT all" };
        write!(
            f,
            "{whole} of {} segments have an index; {} made now, {bytes} bytes",
            self.segments.len(),
            self.made()
        )
    }
}

/// Looks at every index, every byte of it, and makes what cannot be used. Told how many segments of how many are done.
pub(crate) fn reindex(log: &Pen, progress: &dyn Fn(u64, u64)) -> Reindexed {
    each(log.files(), progress, |first_seq| {
        let files = log.files();
        let distrusted = usable(files, first_seq).err();
        if distrusted.is_none() {
            return (None, None);
        }
        let is = mend(log, first_seq, true, &|| false)
            .and_then(|_| usable(files, first_seq))
            .err();
        (distrusted, is)
    })
}

/// Looks at every index, every byte of it, and changes nothing.
pub(crate) fn check(files: &Files, progress: &dyn Fn(u64, u64)) -> Reindexed {
    each(files, progress, |first_seq| {
        let unfit = usable(files, first_seq).err();
        (unfit.clone(), unfit)
    })
}

fn each(files: &Files, progress: &dyn Fn(u64, u64), look: impl Fn(u64) -> (Option<Unfit>, Option<Unfit>)) -> Reindexed {
    let segments = files.view.read().segments.clone();
    let total = segments.len() as u64;
    let one = |(done, segment): (u64, &std::sync::Arc<crate::log::SegmentRef>)| {
        progress(done, total);
        let first_seq = segment.first_seq;
        let (was, is) = look(first_seq);
        let stat = files.disk.stat(&files.layout.index(first_seq)).ok().flatten();
        Indexed {
            first_seq,
            was: was.map(|unfit| unfit.to_string()),
            is: is.map(|unfit| unfit.to_string()),
            bytes: stat.map_or(0, |stat| stat.len),
        }
    };
    Reindexed {
        segments: (0..).zip(segments.iter()).map(one).collect(),
    }
}

fn usable(files: &Files, first_seq: u64) -> Result<(), Unfit> {
    let segment = segment(files, first_seq)?;
    let head = vouched(files, &segment)?;
    open(files, &segment, &head)?.check_all()
}
