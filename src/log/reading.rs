//! A log that is open for reading only, beside whoever writes it.

use super::format::Committed;
use super::layout::Layout;
use super::open;
use super::read::Files;
use super::replay::{Listing, ReadFailure, Replayed, committed, read_view, told};
use super::view::View;
use crate::disk::Disk;
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;

/// A log that is open for reading only; it sees what a writer elsewhere appends after [`Reading::refresh`].
#[derive(Debug)]
pub(crate) struct Reading {
    files: Arc<Files>,
    /// The replay of the last journal, which goes on as that grows, and what showed when the view was built.
    last: Mutex<Option<(Replayed, Option<Shown>)>>,
}

/// What shows of a log without looking into its journals: which files there are, and what its writer last told.
type Shown = (Vec<u64>, Vec<u64>, Committed);

impl Reading {
    pub(crate) fn open(disk: Arc<dyn Disk>, layout: Layout) -> Result<Self> {
        let identity = open::identify(&*disk, &layout)?;
        let identity = identity.ok_or_else(|| Error::NotADatabase {
            path: layout.root().to_owned(),
        })?;
        let files = Arc::new(Files::new(disk, layout, identity, View::default()));
        let last = Mutex::new(None);
        let reading = Reading { files, last };
        reading.refresh()?;
        Ok(reading)
    }

    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Takes up what was appended and sealed since.
    pub(crate) fn refresh(&self) -> Result<()> {
        let mut last = self.last.lock();
        if last.as_mut().is_some_and(|(last, _)| self.goes_on(last)) {
            return Ok(());
        }
        // Before the files are read: what comes meanwhile shows next time.
        let shown = self.shown();
        let known = last.as_ref().and_then(|(_, known)| known.as_ref());
        if shown.is_some() && known == shown.as_ref() && self.files.view.read().broken.is_none() {
            return Ok(());
        }
        let Files {
            disk, layout, identity, ..
        } = &*self.files;
        let (fresh, replayed) = read_view(&**disk, layout, identity.log_id).map_err(|failure| match failure {
            ReadFailure::Io(error) => Error::io("listing", layout.root(), error),
            ReadFailure::Fault(fault) => self.files.damaged(fault),
        })?;
        *self.files.view.write() = fresh;
        *last = Some((replayed, shown));
        Ok(())
    }

    /// What shows of the log now; `None` where that does not tell whether something was appended. What was told before the
    /// machine was started is void, but whoever writes since has told something else: so a log that nobody writes any more
    /// is not gone through again for every question.
    fn shown(&self) -> Option<Shown> {
        let (disk, layout) = (&*self.files.disk, &self.files.layout);
        disk.boot_id()?;
        let told = told(disk, layout)?;
        let listing = Listing::read(disk, layout).ok()?;
        Some((listing.journals, listing.segments, told))
    }

    /// Whether the journal that was last is still the one that is written, and all that was written to it since could be
    /// taken up. Otherwise everything has to be listed anew.
    fn goes_on(&self, last: &mut Replayed) -> bool {
        let told = committed(&*self.files.disk, &self.files.layout);
        let told = told.filter(|told| told.journal == last.journal.first_seq && told.offset >= last.reader.offset());
        let Some(told) = told else { return false };
        let mut view = self.files.view.write();
        let whole = view.broken.is_none();
        // With older journals in it, it waits for their segments.
        let first = view.segments.first().cloned();
        let ([live], true) = (view.journals.as_mut_slice(), whole) else {
            return false;
        };
        // Segments go from the beginning of the log.
        if first.is_some_and(|first| matches!(self.files.disk.stat(&first.path), Ok(None))) {
            return false;
        }
        last.go_on(told.offset, |framed| live.push(framed)).is_ok() && last.reader.offset() == told.offset
    }
}
