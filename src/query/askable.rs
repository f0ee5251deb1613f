//! A log that is asked, with its indexes where there are any: what they say of a sealed segment, or that it has to be
//! scanned. Without the feature `search` everything is scanned.
//!
//! What must hold: whatever is wrong with an index, the answer is the same.

use super::expr::Expr;
use super::reach::Unasked;
use crate::log::Files;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "search")]
use super::lower::lower;
#[cfg(feature = "search")]
use crate::index::{Index, Positions, Question, Shelf, Unfit};

/// The logs that a question is for.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Those that can be asked, the oldest first.
    pub(crate) asked: Vec<Askable>,
    pub(crate) unasked: Vec<Unasked>,
    /// Where they are: the database, or the log if it is only that one.
    pub(crate) path: PathBuf,
    /// Whether only one log was to be asked.
    pub(crate) alone: bool,
}

impl Logs {
    /// What is said of a record that none of them has.
    pub(super) fn nowhere(&self) -> &'static str {
        match (self.alone, self.unasked.is_empty()) {
            (true, _) => "is not in this log",
            (false, false) => "is in no log that could be asked",
            (false, true) => "is in no log",
        }
    }

    /// The place among the logs of the one that is called so.
    pub(super) fn named(&self, log: &str) -> Option<usize> {
        self.asked.iter().position(|asked| *asked.files.log == *log)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Askable {
    pub(crate) files: Arc<Files>,
    #[cfg(feature = "search")]
    shelf: Option<Arc<Shelf>>,
}

impl Askable {
    /// A log that is scanned.
    pub(crate) fn scanned(files: Arc<Files>) -> Self {
        Askable {
            files,
            #[cfg(feature = "search")]
            shelf: None,
        }
    }

    /// A log and its indexes.
    #[cfg(feature = "search")]
    pub(crate) fn with(files: Arc<Files>, shelf: Arc<Shelf>) -> Self {
        let shelf = Some(shelf);
        Askable { files, shelf }
    }
}

/// A condition as it is asked of a log's indexes.
pub(super) struct Asking {
    #[cfg(feature = "search")]
    shelf: Option<(Arc<Shelf>, Question)>,
}

/// What an index says of a sealed segment.
#[cfg_attr(
    not(feature = "search"),
    allow(dead_code, reason = "without indexes nothing says anything")
)]
pub(super) enum Said {
    /// None is there, or none is asked: look at every record.
    Scan,
    /// Nothing in it fits.
    Nothing,
    /// These lines fit.
    Places(Places),
    /// The index cannot be used, for this reason.
    Unfit(String),
}

/// The lines of a segment that fit, by their places in it.
pub(super) struct Places {
    #[cfg(feature = "search")]
    positions: Positions,
}

impl Asking {
    pub(super) fn new(asked: &Askable, condition: &Expr) -> Self {
        #[cfg(feature = "search")]
        return Asking {
            shelf: asked.shelf.clone().zip(lower(condition)),
        };
        #[cfg(not(feature = "search"))]
        {
            let _ = (asked, condition);
            Asking {}
        }
    }

    /// What the index of the segment that begins there says.
    pub(super) fn segment(&self, files: &Files, first_seq: u64, newest_first: bool) -> Said {
        #[cfg(feature = "search")]
        {
            let Some((shelf, question)) = &self.shelf else {
                return Said::Scan;
            };
            if !shelf.may_match(files, first_seq, question) {
                return Said::Nothing;
            }
            let positions = |index: Arc<Index>| index.positions(question, newest_first);
            match shelf.get(files, first_seq).and_then(positions) {
                Ok(positions) => Said::Places(Places { positions }),
                Err(unfit) => Said::Unfit(unfit.to_string()),
            }
        }
        #[cfg(not(feature = "search"))]
        {
            let _ = (files, first_seq, newest_first);
            Said::Scan
        }
    }

    /// Works something out from a segment's index; `None` if that cannot be used or does not tell.
    #[cfg(feature = "search")]
    pub(super) fn work_out<T>(
        &self,
        files: &Files,
        first_seq: u64,
        work: impl FnOnce(&Index, &Question) -> Result<Option<T>, Unfit>,
        nothing: impl FnOnce() -> T,
    ) -> Option<T> {
        let (shelf, question) = self.shelf.as_ref()?;
        if !shelf.may_match(files, first_seq, question) {
            return Some(nothing());
        }
        let index = shelf.get(files, first_seq).ok()?;
        work(&index, question).unwrap_or_else(|_| {
            shelf.distrust(first_seq);
            None
        })
    }

    /// An index failed while it was asked.
    pub(super) fn distrust(&self, first_seq: u64) {
        #[cfg(feature = "search")]
        if let Some((shelf, _)) = &self.shelf {
            shelf.distrust(first_seq);
        }
        #[cfg(not(feature = "search"))]
        let _ = first_seq;
    }
}

impl Iterator for Places {
    /// A place in the segment, or why the index does not say more.
    type Item = Result<u32, String>;

    fn next(&mut self) -> Option<Self::Item> {
        #[cfg(feature = "search")]
        return self
            .positions
            .next()
            .map(|place| place.map_err(|unfit| unfit.to_string()));
        #[cfg(not(feature = "search"))]
        None
    }
}
