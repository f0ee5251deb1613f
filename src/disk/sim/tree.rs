//! The names of a simulated disk, its count of operations, and what stops or strikes them.
//!
//! What must hold: every mutating operation passes [`State::begin`] exactly once, before it changes anything; every
//! change is either durable or pending under a number of its own; a file lives as long as a name, a pending change
//! of a name, or somebody who opened it holds on to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use super::fault::{Fault, Schedule, io_error, no_space, power_cut};
use super::file::{Bytes, SimInode};
use crate::disk::{Kind, Open, Stat};

/// A change of names that no `sync_dir` has made durable.
#[derive(Clone)]
pub(super) struct Entry {
    /// Its place among all pending changes of the disk.
    pub(super) order: u64,
    pub(super) inode: u64,
    kind: EntryKind,
    /// The directories that have to be synced before it is durable: a move between two needs both.
    unsynced: Vec<PathBuf>,
}

#[derive(Clone)]
enum EntryKind {
    Create(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Entry {
    /// Repeats the change on names that need not be those it was first made on, as earlier ones may be lost.
    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        let unname = |names: &mut BTreeMap<PathBuf, u64>, path: &Path| {
            if names.get(path) == Some(&self.inode) {
                names.remove(path);
            }
        };
        match &self.kind {
            EntryKind::Create(path) => _ = names.insert(path.clone(), self.inode),
            EntryKind::Rename(from, to) => {
                unname(names, from);
                names.insert(to.clone(), self.inode);
            }
            EntryKind::Remove(path) => unname(names, path),
        }
    }
}

#[derive(Clone)]
pub(super) struct State {
    /// What everybody sees.
    pub(super) names: BTreeMap<PathBuf, u64>,
    /// What a power cut leaves if nothing pending survives.
    pub(super) durable: BTreeMap<PathBuf, u64>,
    pub(super) entries: Vec<Entry>,
    pub(super) dirs: BTreeMap<PathBuf, u64>,
    pub(super) inodes: BTreeMap<u64, SimInode>,
    pub(super) faults: Schedule,
    pub(super) failing_reads: BTreeSet<PathBuf>,
    pub(super) stop_at: Option<u64>,
    pub(super) ops: u64,
    next_inode: u64,
    next_order: u64,
    /// Whether changes are durable at once: no power cut threatens memory.
    in_memory: bool,
}

impl State {
    pub(super) fn new(in_memory: bool) -> State {
        State {
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            entries: Vec::new(),
            // Where relative paths start, and where absolute ones do.
            dirs: BTreeMap::from([(PathBuf::new(), 1), (PathBuf::from("/"), 2)]),
            inodes: BTreeMap::new(),
            faults: Schedule::default(),
            failing_reads: BTreeSet::new(),
            stop_at: None,
            ops: 0,
            next_inode: 3,
            next_order: 0,
            in_memory,
        }
    }

    /// The same files after the process that used them is gone.
    pub(super) fn without_process(&self) -> State {
        let mut state = self.clone();
        for inode in state.inodes.values_mut() {
            (inode.open, inode.locked) = (0, false);
        }
        state.forget_process();
        state
    }

    /// A disk on which exactly these names and bytes are durable.
    pub(super) fn after_power_cut(&self, names: BTreeMap<PathBuf, u64>, mut bytes: BTreeMap<u64, Bytes>) -> State {
        let inodes = names.values().map(|number| {
            let readonly = self.inodes.get(number).is_some_and(|inode| inode.readonly);
            (
                *number,
                SimInode::durable(bytes.remove(number).unwrap_or_default(), readonly),
            )
        });
        let mut state = State {
            inodes: inodes.collect(),
            durable: names.clone(),
            names,
            entries: Vec::new(),
            dirs: self.dirs.clone(),
            faults: Schedule::default(),
            failing_reads: BTreeSet::new(),
            ..*self
        };
        state.forget_process();
        state
    }

    fn forget_process(&mut self) {
        self.faults = Schedule::default();
        self.failing_reads.clear();
        self.stop_at = None;
        self.ops = 0;
        self.sweep();
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        match self.stop_at {
            Some(stop) if self.ops >= stop => Err(power_cut()),
            _ => Ok(()),
        }
    }

    /// Counts a mutating operation and says what strikes it.
    fn begin(&mut self) -> io::Result<Option<Fault>> {
        self.check_power()?;
        let fault = self.faults.strikes(self.ops);
        self.ops += 1;
        Ok(fault)
    }

    /// The same for an operation that a fault leaves undone.
    fn begin_whole(&mut self) -> io::Result<()> {
        match self.begin()? {
            Some(Fault::Io) => Err(io_error()),
            Some(Fault::NoSpace | Fault::ShortWrite) => Err(no_space()),
            Some(Fault::SyncLost) | None => Ok(()),
        }
    }

    fn order(&mut self) -> Option<u64> {
        self.next_order += 1;
        (!self.in_memory).then_some(self.next_order)
    }

    fn file(&mut self, number: u64) -> io::Result<&mut SimInode> {
        self.inodes.get_mut(&number).ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn open(&mut self, path: &Path, how: Open) -> io::Result<u64> {
        let number = if matches!(how, Open::Create | Open::CreateSecret) {
            self.begin_whole()?;
            let dir = self.parent(path)?;
            if self.names.contains_key(path) || self.dirs.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let number = self.add_inode(SimInode::default());
            self.change_names(number, EntryKind::Create(path.to_path_buf()), vec![dir]);
            number
        } else {
            self.check_power()?;
            self.named(path)?
        };
        let file = self.file(number)?;
        if how == Open::Write && file.readonly {
            return Err(ErrorKind::PermissionDenied.into());
        }
        file.open += 1;
        Ok(number)
    }

    pub(super) fn close(&mut self, number: u64, was_locked: bool) {
        let Ok(file) = self.file(number) else { return };
        file.open = file.open.saturating_sub(1);
        file.locked &= !was_locked;
        let last = file.open == 0;
        // A file that still has its name, as nearly all have, need not be looked for anywhere else.
        if last && !self.names.values().any(|named| *named == number) {
            self.sweep();
        }
    }

    pub(super) fn write(&mut self, number: u64, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (bytes, outcome) = match self.begin()? {
            Some(Fault::Io) => return Err(io_error()),
            Some(Fault::NoSpace) => return Err(no_space()),
            Some(Fault::ShortWrite) => (&bytes[..bytes.len() / 2], Err(no_space())),
            Some(Fault::SyncLost) | None => (bytes, Ok(())),
        };
        let order = self.order();
        self.file(number)?.write(bytes, offset, order)?;
        outcome
    }

    pub(super) fn set_len(&mut self, number: u64, len: u64) -> io::Result<()> {
        self.begin_whole()?;
        let order = self.order();
        self.file(number)?.set_len(len, order)
    }

    pub(super) fn sync(&mut self, number: u64) -> io::Result<()> {
        match self.begin()? {
            None => self.file(number)?.sync(),
            Some(Fault::SyncLost) if !self.in_memory => {
                self.file(number)?.lose();
                return Err(io_error());
            }
            Some(Fault::Io | Fault::SyncLost) => return Err(io_error()),
            Some(Fault::NoSpace | Fault::ShortWrite) => return Err(no_space()),
        }
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let fault = self.begin()?;
        if !self.dirs.contains_key(dir) {
            return Err(self.absent(dir));
        }
        match fault {
            // Names are metadata: file systems journal them, and what a failed sync leaves is never taken for written.
            Some(Fault::Io | Fault::SyncLost) => return Err(io_error()),
            Some(Fault::NoSpace | Fault::ShortWrite) => return Err(no_space()),
            None => {}
        }
        for mut entry in std::mem::take(&mut self.entries) {
            let concerned = entry.unsynced.iter().any(|unsynced| unsynced == dir);
            entry.unsynced.retain(|unsynced| unsynced != dir);
            if !entry.unsynced.is_empty() {
                self.entries.push(entry);
            } else if concerned {
                entry.apply(&mut self.durable);
            }
        }
        self.sweep();
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin_whole()?;
        let number = self.named(from)?;
        let mut dirs = vec![self.parent(from)?, self.parent(to)?];
        dirs.dedup();
        if self.dirs.contains_key(to) {
            return Err(ErrorKind::IsADirectory.into());
        }
        if from != to {
            self.change_names(number, EntryKind::Rename(from.to_path_buf(), to.to_path_buf()), dirs);
            self.sweep();
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.begin_whole()?;
        let (number, dir) = (self.named(path)?, self.parent(path)?);
        self.change_names(number, EntryKind::Remove(path.to_path_buf()), vec![dir]);
        self.sweep();
        Ok(())
    }

    pub(super) fn set_readonly(&mut self, path: &Path) -> io::Result<()> {
        self.begin_whole()?;
        let number = self.named(path)?;
        self.file(number)?.readonly = true;
        Ok(())
    }

    pub(super) fn create_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.check_power()?;
        self.add_dirs(dir)
    }

    pub(super) fn add_dirs(&mut self, dir: &Path) -> io::Result<()> {
        if dir.ancestors().any(|part| self.names.contains_key(part)) {
            return Err(ErrorKind::NotADirectory.into());
        }
        for part in dir.ancestors() {
            if !self.dirs.contains_key(part) {
                self.dirs.insert(part.to_path_buf(), self.next_inode);
                self.next_inode += 1;
            }
        }
        Ok(())
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.check_power()?;
        if !self.dirs.contains_key(dir) {
            return Err(self.absent(dir));
        }
        let mut names: Vec<String> = below(&self.names, dir).chain(below(&self.dirs, dir)).collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.check_power()?;
        if let Some(inode) = self.dirs.get(path) {
            return Ok(Some(Stat {
                kind: Kind::Dir,
                len: 0,
                inode: *inode,
            }));
        }
        Ok(self.at(path).map(|(inode, file)| Stat {
            kind: Kind::File,
            len: file.live().get().len() as u64,
            inode,
        }))
    }

    /// The lock file is made durable at once and is not counted: what it says matters to nobody after a power cut.
    pub(super) fn lock(&mut self, path: &Path) -> io::Result<Option<u64>> {
        self.check_power()?;
        let number = match self.names.get(path) {
            Some(number) => *number,
            None => self.add_durable(path, b"1\n")?,
        };
        let file = self.file(number)?;
        if std::mem::replace(&mut file.locked, true) {
            return Ok(None);
        }
        file.open += 1;
        Ok(Some(number))
    }

    /// Puts a durable file under a name that is free.
    pub(super) fn add_durable(&mut self, path: &Path, bytes: &[u8]) -> io::Result<u64> {
        self.parent(path)?;
        if self.dirs.contains_key(path) {
            return Err(ErrorKind::IsADirectory.into());
        }
        let number = self.add_inode(SimInode::durable(Bytes::new(bytes.to_vec()), false));
        self.names.insert(path.to_path_buf(), number);
        self.durable.insert(path.to_path_buf(), number);
        Ok(number)
    }

    /// Takes a file off the disk as if it had never been there.
    pub(super) fn remove_raw(&mut self, path: &Path) -> bool {
        let Some(number) = self.names.remove(path) else {
            return false;
        };
        self.durable.retain(|name, inode| name != path && *inode != number);
        self.entries.retain(|entry| entry.inode != number);
        self.sweep();
        true
    }

    /// The file of that name.
    pub(super) fn at(&self, path: &Path) -> Option<(u64, &SimInode)> {
        let number = *self.names.get(path)?;
        Some((number, self.inodes.get(&number)?))
    }

    pub(super) fn reads_fail(&self, number: u64) -> bool {
        self.failing_reads
            .iter()
            .any(|path| self.names.get(path) == Some(&number))
    }

    fn add_inode(&mut self, inode: SimInode) -> u64 {
        let number = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(number, inode);
        number
    }

    fn change_names(&mut self, inode: u64, kind: EntryKind, unsynced: Vec<PathBuf>) {
        let order = self.order();
        let entry = Entry {
            order: order.unwrap_or_default(),
            inode,
            kind,
            unsynced,
        };
        entry.apply(&mut self.names);
        match order {
            Some(_) => self.entries.push(entry),
            None => entry.apply(&mut self.durable),
        }
    }

    fn named(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(number) => Ok(*number),
            None if self.dirs.contains_key(path) => Err(ErrorKind::IsADirectory.into()),
            None => Err(self.absent(path)),
        }
    }

    fn parent(&self, path: &Path) -> io::Result<PathBuf> {
        match path.parent() {
            Some(dir) if self.dirs.contains_key(dir) => Ok(dir.to_path_buf()),
            _ => Err(self.absent(path)),
        }
    }

    /// Why there is no file or no directory at a path.
    fn absent(&self, path: &Path) -> io::Error {
        let file_on_the_way = path.ancestors().any(|part| self.names.contains_key(part));
        if file_on_the_way {
            ErrorKind::NotADirectory.into()
        } else {
            ErrorKind::NotFound.into()
        }
    }

    /// Frees the files that nothing holds on to.
    fn sweep(&mut self) {
        let held: BTreeSet<u64> = self.names.values().chain(self.durable.values()).copied().collect();
        let entries = &self.entries;
        let pending = |number: &u64| entries.iter().any(|entry| entry.inode == *number);
        self.inodes
            .retain(|number, inode| inode.open > 0 || held.contains(number) || pending(number));
    }
}

/// The names directly in a directory.
fn below<'a>(paths: &'a BTreeMap<PathBuf, u64>, dir: &'a Path) -> impl Iterator<Item = String> + 'a {
    // Paths are ordered part by part, so what lies under a directory stands right behind it.
    let under = paths
        .range(dir.to_path_buf()..)
        .map(|(path, _)| path)
        .take_while(move |path| path.starts_with(dir));
    under
        .filter(move |path| path.parent() == Some(dir))
        .filter_map(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned())
}

/// A path without `.` and `..`; there are no links that could give `..` another meaning.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = clean.pop(),
            part => clean.push(part),
        }
    }
    clean
}
