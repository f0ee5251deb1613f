//! The indexes of a database's log: who makes them, where queries find them, and making them when a person asks.

use super::{Database, lineage};
use crate::disk::{Disk, RealDisk};
use crate::error::Result;
use crate::index::{self, Indexer, Reindexed, Shelf};
use crate::log::{Fault, Files, Follower, Layout, Log, Options, Reading};
use crate::query::Askable;
use std::path::Path;
use std::sync::Arc;

/// The indexes as an open database has them.
#[derive(Debug)]
pub(super) struct Indexes {
    /// What queries ask.
    shelf: Arc<Shelf>,
    indexer: Option<Arc<Indexer>>,
}

impl Indexes {
    /// Of a log that is about to be opened with these options, to which whoever indexes is added.
    pub(super) fn begin(mut options: Options) -> (Options, Self) {
        let indexer = options.index.then(|| Arc::new(Indexer::new(options.index_threads)));
        options
            .followers
            .extend(indexer.clone().map(|indexer| indexer as Arc<dyn Follower>));
        let shelf = Arc::new(Shelf::new(options.open_indexes, indexer.clone()));
        (options, Indexes { shelf, indexer })
    }

    /// Of a log that is only read.
    pub(super) fn of_a_reader(options: &Options) -> Self {
        Indexes {
            shelf: Arc::new(Shelf::new(options.open_indexes, None)),
            indexer: None,
        }
    }

    /// The log with its indexes, to be asked.
    pub(super) fn askable(&self, files: Arc<Files>) -> Askable {
        Askable::with(files, Arc::clone(&self.shelf))
    }
}

impl Database {
    /// Waits until every sealed segment has its index, as far as this handle makes them: they are made in the background, by
    /// whoever has the database open for writing. Says what the last one failed with, if one did. Nobody has to wait: queries
    /// scan what has no index yet, and closing the database leaves the rest for the next opening.
    #[must_use]
    pub fn wait_for_indexes(&self) -> Option<String> {
        let indexer = self.inner.indexes.indexer.as_ref()?;
        // Of the last seal it may not have heard yet.
        let last = self
            .files()
            .view
            .read()
            .segments
            .last()
            .map(|segment| segment.first_seq);
        last.into_iter().for_each(|last| indexer.want(last));
        indexer.wait().map(|unfit| unfit.to_string())
    }

    /// Looks at the index of every sealed segment, all its bytes, and makes anew what cannot be used: what is missing,
    /// damaged, of another version, or not vouched for by a record. With `check` nothing is changed.
    ///
    /// # Errors
    /// As [`Database::open`], with `check` as [`Database::open_read_only`]. A running writer indexes by itself.
    pub fn reindex(path: impl AsRef<Path>, check: bool) -> Result<Reindexed> {
        Self::reindex_with(path, Arc::new(RealDisk), Options::default(), check, &|_, _| {})
    }

    /// The same of a database on that disk; `progress` is told how many segments of how many are done.
    ///
    /// # Errors
    /// As [`Database::reindex`].
    pub fn reindex_with(
        path: impl AsRef<Path>,
        disk: Arc<dyn Disk>,
        options: Options,
        check: bool,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Reindexed> {
        let (_, layout) = lineage::newest(&*disk, path.as_ref(), &options)?;
        if check {
            return Ok(index::check(Reading::open(disk, layout)?.files(), progress));
        }
        let log = Log::open(disk, layout, options)?;
        Ok(index::reindex(&log.pen(), progress))
    }
}

/// What is wrong with the indexes of a log. One that cannot even be read has been reported already.
pub(super) fn compared(disk: &Arc<dyn Disk>, layout: Layout) -> Vec<Fault> {
    Reading::open(Arc::clone(disk), layout)
        .map_or_else(|_| Vec::new(), |reading| index::compare(reading.files(), &|_, _| {}))
}
