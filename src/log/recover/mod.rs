//! Making a log writable again after real damage. It never happens by itself: a person asks for it, what is cut off or
//! replaced is kept, and what was done is recorded in the log.
//!
//! `segments` writes a segment anew whose text is whole, and names the records of one whose text is not; `trees` computes
//! the tree files anew; `journals` cuts back what cannot be read or linked; `aside` keeps what is replaced.
//!
//! What must hold: a loss stays visible to verify; nothing is guessed; whatever interrupts a recovery, it can be run
//! again. So what is done to a file is noted before it is done, and stays noted until it stands in the log.

mod aside;
mod journals;
mod segments;
mod trees;

use super::copy::refuse_copy;
use super::events::{self, Did, Identity};
use super::fault::{Fault, What};
use super::handle::Log;
use super::layout::Layout;
use super::lock::take_lock;
use super::open::identify;
use super::options::Options;
use super::replay::{Listing, sealed_tip};
use super::signer::Claim;
use super::verify::{Anchors, Verify, verify};
use super::view::Tip;
use super::writer::Writer;
use crate::disk::Disk;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What recovery found and did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// What verify named before.
    pub faults: Vec<Fault>,
    /// What was done, file by file.
    pub done: Vec<Done>,
}

/// What was done with one file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Done {
    /// The file.
    pub file: PathBuf,
    /// What was done with it.
    pub did: Did,
    /// From which byte on.
    pub offset: u64,
    /// Where its bytes as they were are kept.
    pub kept: Option<PathBuf>,
    /// The first and last seqs of the records that cannot be read any more.
    pub unreadable: Vec<(u64, u64)>,
}

/// Recovers a log; nobody may be writing to it.
pub(crate) fn recover(disk: &Arc<dyn Disk>, layout: &Layout, name: &str, options: &Options) -> Result<Recovery> {
    refuse_copy(&**disk, layout)?;
    let lock = take_lock(&**disk, layout)?;
    let task = Verify {
        disk: &**disk,
        layout,
        log: name,
        log_id: None,
        seqs: None,
        anchors: Anchors::default(),
        continued: None,
        threads: 2,
        progress: &|_, _| {},
    };
    let report = verify(&task).map_err(|error| Error::io("reading", layout.root(), error))?;
    if report.faults.is_empty() {
        drop(lock);
        Log::open(Arc::clone(disk), layout.clone(), options.clone())?;
        let (faults, done) = (Vec::new(), Vec::new());
        return Ok(Recovery { faults, done });
    }
    // What is intact and merely newer must not be taken for damage.
    let foreign = report
        .faults
        .iter()
        .find(|fault| matches!(fault.what, What::Format { .. }));
    if let Some(fault) = foreign {
        return Err(Error::damaged(layout.root(), fault.clone()));
    }
    let dir = layout.damaged_dir();
    disk.create_dir(&dir)
        .map_err(|error| Error::io("creating", &dir, error))?;
    let identity = identify(&**disk, layout)?.ok_or_else(|| Error::NotADatabase {
        path: layout.root().to_owned(),
    })?;
    let mut mend = Mend {
        disk: &**disk,
        layout,
        identity,
        options,
        faults: report.faults,
        done: Vec::new(),
        notes: aside::read_notes(&**disk, layout)?,
        left: Vec::new(),
    };
    let sealed_end = mend.segments()?;
    mend.trees(&sealed_end)?;
    mend.journals(&sealed_end)?;
    mend.hint()?;
    let opens = mend.opens_at(&sealed_end)?;
    let Mend {
        notes,
        left,
        faults,
        done,
        ..
    } = mend;
    // From here on the notes keep any other writer out.
    drop(lock);
    let log = Log::open_at(
        Arc::clone(disk),
        layout.clone(),
        options.clone(),
        Some(sealed_end),
        Claim::Same,
    )?;
    for note in notes.iter().chain(&left) {
        if let Some(members) = events::recovered_as_noted(note) {
            log.core().act(|writer| writer.record(members))?;
        }
    }
    if !opens {
        // The journal is sealed behind it, and that segment says from then on where the log stands.
        log.core().act(Writer::roll)?;
    }
    // Also for what waited to be sealed before: if that fails, the recovery has to be run again.
    log.core().keeper.wait(log.files())?;
    aside::remove_notes(&**disk, layout)?;
    Ok(Recovery { faults, done })
}

/// A recovery under way.
struct Mend<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    identity: Identity,
    options: &'a Options,
    faults: Vec<Fault>,
    done: Vec<Done>,
    /// What is noted already, each event as JSON.
    notes: Vec<String>,
    /// What could not be mended, to be recorded too.
    left: Vec<String>,
}

impl Mend<'_> {
    /// Whether the log can be opened as it is: an opening trusts nothing but the newest segment's directory.
    fn opens_at(&self, sealed_end: &Tip) -> Result<bool> {
        let listing = self.listing()?;
        let first_journal = listing.journals.first().copied().unwrap_or(u64::MAX);
        let sealed: Vec<u64> = listing
            .segments
            .into_iter()
            .filter(|seq| *seq < first_journal)
            .collect();
        Ok(sealed_tip(self.disk, self.layout, &sealed, first_journal).is_ok_and(|tip| tip == *sealed_end))
    }

    /// The hint may speak of what is no longer there.
    fn hint(&self) -> Result<()> {
        let path = self.layout.committed();
        let io = |error| Error::io("removing", &path, error);
        match self.disk.stat(&path).map_err(io)? {
            Some(_) => self.disk.remove(&path).map_err(io),
            None => Ok(()),
        }
    }

    /// What verify named in a file first.
    fn fault_of(&self, path: &Path) -> Option<Fault> {
        self.faults.iter().find(|fault| fault.file == path).cloned()
    }

    fn listing(&self) -> Result<Listing> {
        Listing::read(self.disk, self.layout).map_err(|error| Error::io("listing", self.layout.root(), error))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.disk.list(dir).map_err(|error| Error::io("listing", dir, error))
    }

    fn damaged(&self, fault: Fault) -> Error {
        Error::Damaged {
            path: self.layout.root().to_owned(),
            faults: vec![fault],
        }
    }

    fn lost(&self, what: String) -> Error {
        Error::Lost {
            path: self.layout.root().to_owned(),
            what,
        }
    }
}

/// Seqs from the first to the last, for people.
fn range(seqs: (u64, u64)) -> String {
    format!("{}..{}", seqs.0, seqs.1)
}
