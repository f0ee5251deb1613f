//! Why an index is not used. Never an error that stops anything: the segment is scanned instead.

use std::fmt;

/// Why an index is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// There is none.
    Missing,
    /// It was made by other rules, of an older or a newer version of this program.
    Older,
    /// Its bytes are not those that were written.
    Damaged(&'static str),
    /// It is of another segment, or of what the segment was before.
    OtherSegment,
    /// No record of the log vouches for it.
    Unvouched,
    /// The segment itself cannot be read.
    Segment(String),
    /// The system could not read it.
    Unreadable(String),
    /// The search library failed on it.
    Failed(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Missing => f.write_str("is missing"),
            Unfit::Older => f.write_str("was made by another version"),
            Unfit::Damaged(what) => write!(f, "is damaged: {what}"),
            Unfit::OtherSegment => f.write_str("is not of this segment"),
            Unfit::Unvouched => f.write_str("no record vouches for it"),
            Unfit::Segment(why) => write!(f, "its segment cannot be read: {why}"),
            Unfit::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Unfit::Failed(why) => write!(f, "cannot be searched: {why}"),
        }
    }
}

impl From<tantivy::TantivyError> for Unfit {
    fn from(error: tantivy::TantivyError) -> Self {
        Unfit::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Unfit {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Unfit::Missing,
            _ => Unfit::Unreadable(error.to_string()),
        }
    }
}

/// Does something with the search library, which may panic on a rotten file.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Unfit>) -> Result<T, Unfit> {
    // What it left half done is thrown away with the index.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Unfit::Failed(text.unwrap_or_else(|| "it panicked".to_owned())))
    })
}
