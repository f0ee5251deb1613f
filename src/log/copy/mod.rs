//! Copying a log while it is written: to a backup, and from a backup to where it is restored. Every file is brought under a
//! name that nobody reads, synced, read back past the cache and compared or verified, and only then gets its name.
//!
//! `source` says what there is to copy, `dest` is the copy and how it grows, `segments` brings sealed segments, of which `stored`
//! says whether they are what they were brought from, `journals` what is not sealed yet, `extras` what stands beside the records,
//! `small` whole files; `drops` takes up what was dropped; `note` is the file that says that all of this is a copy, `gap` what is
//! known to be missing behind it.
//!
//! What must hold: the log that is copied is never touched; only files that are known by name are copied, so no secret, lock,
//! socket or hint ever is; the copy is a beginning of the log at every moment; nothing in it goes but a segment for which
//! the log has a tombstone that verify accepts; a log that lacks what the copy has is not copied over it.

mod dest;
mod drops;
mod extras;
mod gap;
mod journals;
mod note;
mod segments;
mod small;
mod source;
mod stored;

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::events::{Standing, Stated, hex, stated, unhex};
use crate::log::fault::{Fault, What};
use crate::log::layout::Layout;
use crate::log::open::identify;
use crate::log::replay::{InForce, Listing};
use crate::log::tombstone;
use crate::log::verify::Trust;
use crate::log::view::{Marked, Tip};
use crate::log::{standing, tree_files};
use crate::proof::VerifierKey;
use crate::record::read_head;
pub(crate) use dest::finish;
use dest::{Dest, extend_tree};
pub(crate) use gap::gap;
pub use note::CopyKind;
pub(crate) use note::{Note, kind, refuse_copy};
pub(crate) use small::{digest as file_digest, put};
use source::Source;
pub(crate) use source::{has_file, log_id, no_links, shown};
use std::path::Path;
use std::sync::Arc;

/// One log that is to be copied, and how.
pub(crate) struct Copying<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) from: &'a Layout,
    pub(crate) to: &'a Layout,
    pub(crate) kind: CopyKind,
    pub(crate) threads: usize,
    /// Told how many bytes of how many are done.
    pub(crate) progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Asked between two files whether to leave it at that.
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copy {
    pub(crate) log_id: String,
    /// How many files were copied or grew, and how many bytes that were.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// How far the copy is: records, root and chain, and how many records are in sealed segments.
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) chain: String,
    pub(crate) sealed: u64,
    /// How many segments were dropped from it.
    pub(crate) dropped: u64,
    /// What is wrong with the log that was copied, and what was wrong with the copy and was copied again.
    pub(crate) faults: Vec<Fault>,
    pub(crate) repaired: Vec<Fault>,
    /// Whether it was stopped before it had all.
    pub(crate) stopped: bool,
}

/// Why a round came to no end.
enum Stop {
    Failed(Error),
    /// A file was dropped or sealed meanwhile: what there is has to be listed anew.
    Gone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// So often what there is is listed anew.
const TRIES: usize = 20;

impl Copying<'_> {
    /// Copies what the copy does not have yet.
    pub(crate) fn run(&self) -> Result<Copy> {
        for _ in 0..TRIES {
            match self.round() {
                Ok(done) => return Ok(done),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Gone) => {}
            }
        }
        Err(Error::io(
            "copying",
            self.from.root(),
            std::io::Error::other("its files go on being dropped while they are copied; run it again"),
        ))
    }

    fn round(&self) -> std::result::Result<Copy, Stop> {
        let disk = &**self.disk;
        let source = Source::read(disk, self.from)?;
        let mut note = self.note(&source)?;
        let mut done = Copy::default();
        let start = self.start(&source, &mut done.faults)?;
        self.again(&source, &mut note, &mut done)?;
        let dest = match start {
            Some(start) => {
                Dest::begin(disk, self.to, &start)?;
                Dest::open(disk, self.to, source.log_id)?
            }
            None => Dest::open(disk, self.to, source.log_id)?,
        };
        let mut work = Work {
            task: self,
            source,
            dest,
            trust: Trust::default(),
            trusted: 0,
            keys: Vec::new(),
            note,
            done,
        };
        work.prime();
        work.is_the_same()?;
        work.segments()?;
        if !work.done.stopped {
            work.journals()?;
            work.checkpoints()?;
            work.tombstones()?;
            work.indexes()?;
            work.drops()?;
        }
        Ok(work.end()?)
    }

    /// The note of the copy, which is there before anything else is.
    fn note(&self, source: &Source) -> Result<Note> {
        let disk = &**self.disk;
        for dir in self.to.dirs() {
            disk.create_dir(&dir)
                .map_err(|error| Error::io("creating", &dir, error))?;
        }
        let log_id = crate::record::id_text(source.log_id);
        match Note::read(disk, self.to)? {
            Some(note) if note.kind != self.kind || note.log_id != log_id => Err(self.apart(
                "another log is in this place, or a copy that is for something else; name another directory".to_owned(),
            )),
            Some(note) => Ok(note),
            None if identify(disk, self.to).ok().flatten().is_some() || self.has_files()? => Err(Error::Exists {
                path: self.to.root().to_owned(),
            }),
            None => {
                let note = Note {
                    kind: self.kind,
                    log: source.log.clone(),
                    log_id,
                    damaged: Vec::new(),
                    gap: None,
                };
                note.write(disk, self.to)?;
                Ok(note)
            }
        }
    }

    fn has_files(&self) -> Result<bool> {
        let listing =
            Listing::read(&**self.disk, self.to).map_err(|error| Error::io("listing", self.to.root(), error))?;
        Ok(!listing.journals.is_empty() || !listing.segments.is_empty())
    }

    /// Where a copy begins that has nothing yet: behind what was dropped, of which the tombstones and leaves are copied.
    fn start(&self, source: &Source, faults: &mut Vec<Fault>) -> Result<Option<Tip>> {
        let disk = &**self.disk;
        if self.has_files()? {
            return Ok(None);
        }
        let first = source.first_file();
        if first == 0 {
            return Ok(Some(Tip::empty()));
        }
        let stated = || {
            let state = standing::stated_by_segment(disk, &self.from.segment(first));
            state.or_else(|| standing::stated_by_journal(disk, &self.from.journal(first)))
        };
        let tip = match tombstone::tip_before(disk, self.from, first) {
            Some(tip) => tip,
            None => {
                let missing = Fault::new(self.from.segment_dir(), What::Gap).seqs(0, first - 1);
                faults.push(missing.clone());
                let stated = stated().and_then(|stated| standing::tip_as_stated(disk, self.from, None, &stated));
                stated.ok_or_else(|| Error::damaged(self.from.root(), missing))?
            }
        };
        let mut at = 0;
        while at < first {
            let count = (first - at).min(1 << 16);
            let tree = self.from.tree(0);
            let leaves = tree_files::read(disk, &tree, at, count);
            let leaves = leaves
                .ok_or_else(|| Error::damaged(self.from.root(), Fault::new(&tree, What::TreeFile).at(at * 32)))?;
            extend_tree(disk, self.to, at, &leaves)?;
            at += count;
        }
        extras::tombstones_before(disk, self.from, self.to, &source.tombstones, first)?;
        Ok(Some(tip))
    }

    fn apart(&self, why: String) -> Error {
        Error::Apart {
            path: self.to.root().to_owned(),
            why,
        }
    }
}

/// What is known while a log is copied.
struct Work<'a> {
    task: &'a Copying<'a>,
    source: Source,
    dest: Dest<'a>,
    /// What was signed, as far as it is copied now; the records before that seq have been looked at.
    trust: Trust,
    trusted: u64,
    /// Keys for checkpoints that what was copied earlier names.
    keys: Vec<VerifierKey>,
    note: Note,
    done: Copy,
}

impl<'a> Work<'a> {
    fn disk(&self) -> &'a dyn Disk {
        &**self.task.disk
    }

    fn is_damaged(&mut self, fault: Fault) {
        Fault::add_new(&mut self.done.faults, [fault]);
    }

    /// Takes up which keys are in force where the copy ends.
    fn prime(&mut self) {
        if let Some(first) = self.dest.segments.last() {
            let path = self.task.to.segment(*first);
            // What they say was looked at when they were copied.
            let _ = self.take_ends(&path, &path);
        }
        self.trusted = self.dest.sealed.next_seq();
        let path = self.task.to.journal(self.trusted);
        let marks = std::mem::take(&mut self.dest.marks);
        self.take_marks(&path, &marks);
    }

    /// Takes up the keys that are in force at both ends of a segment; what stands between them is not looked at. Gives the faults
    /// of the file that it was copied from.
    fn take_ends(&mut self, path: &Path, from: &Path) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.trust.lose_track();
        for mark in stored::ends(self.disk(), path) {
            let key = InForce::after(None, &mark.line).and_then(|now| now.keys.log.parse().ok());
            self.keys.extend(key);
            self.trust.lose_track();
            self.trust.take(from, Some(self.source.log_id), &[mark], &mut faults);
        }
        faults
    }

    /// Holds the records by which the log says where it stands against what was signed before.
    fn take_marks(&mut self, path: &Path, marks: &[Marked]) {
        let new: Vec<Marked> = marks.iter().filter(|mark| mark.seq >= self.trusted).cloned().collect();
        let mut faults = Vec::new();
        self.trust.take(path, Some(self.source.log_id), &new, &mut faults);
        self.trusted = new.last().map_or(self.trusted, |last| last.seq + 1);
        Fault::add_new(&mut self.done.faults, faults);
    }

    /// The keys that may have signed a checkpoint.
    fn keys(&self) -> Vec<VerifierKey> {
        self.trust.log_keys().iter().chain(&self.keys).cloned().collect()
    }

    /// Whether the log has a file where the copy goes on.
    fn is_the_same(&self) -> Result<()> {
        let next = self.dest.sealed.next_seq();
        if self.source.listing.segments.contains(&next) || self.source.listing.journals.contains(&next) {
            return Ok(());
        }
        let first = self.source.first_file();
        let why = if first > next && tombstone::covering(self.disk(), self.task.from, next).is_some() {
            format!(
                "it has dropped records {next}..{first}, which were never copied here; begin a new backup in another directory"
            )
        } else {
            let records = self.dest.tip.next_seq();
            format!(
                "this copy has {records} records, and the log has no file that begins at seq {next}: an older state of it was put \
                 back, or it went another way"
            )
        };
        Err(self.task.apart(why))
    }

    fn end(mut self) -> Result<Copy> {
        let tip = self.dest.tip.clone();
        self.done.log_id = crate::record::id_text(self.source.log_id);
        (self.done.size, self.done.sealed) = (tip.next_seq(), self.dest.sealed.next_seq());
        (self.done.root, self.done.chain) = (hex(&tip.tree.root()), hex(&tip.chain));
        Fault::add_new(&mut self.done.repaired, std::mem::take(&mut self.dest.repaired));
        let kept = Note::read(self.disk(), self.task.to)?;
        if kept.as_ref() != Some(&self.note) {
            self.note.write(self.disk(), self.task.to)?;
        }
        Ok(self.done)
    }
}

/// A record by which the log says where it stands, with what it says itself.
fn as_stated(line: Vec<u8>) -> Option<Marked> {
    let head = read_head(&line)?;
    let standing: Option<Standing> = match stated(line.get(head.members)?)? {
        Stated::State(state) => state.previous,
        Stated::Epoch(epoch) => Some(epoch.standing),
        _ => None,
    };
    let (root, chain) = match standing {
        Some(standing) => (unhex(&standing.root)?, unhex(&standing.chain)?),
        None => Default::default(),
    };
    Some(Marked {
        seq: head.seq,
        root,
        chain,
        line,
    })
}
