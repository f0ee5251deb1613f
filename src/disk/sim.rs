//! A disk in memory that knows what a power cut would take.
//!
//! Tests run a workload on it, stop it after any operation, and open every state that the power cut could have left.
//! Applications use [`SimDisk::in_memory`] for a database that leaves no trace.
//!
//! The model is strict POSIX, not what any one file system happens to do: `sync` makes a file's bytes and length
//! durable but not its name; `sync_dir` makes the names in a directory durable but no bytes; what is not durable may
//! survive or not, in any combination. Exceptions, to keep the number of states small: a directory is durable as
//! soon as it is made (so it is on [`RealDisk`](super::RealDisk), which syncs the parent), and so are mode bits and
//! lock files. There are no links, and directories are not renamed or removed.
//!
//! What must hold: a run is a function of the seed and of what is called; nothing here panics on a path.
//!
//! `file` keeps the bytes of one file, `tree` the names and the count of operations, `crash` finds the outcomes of a
//! power cut, `fault` says what fails, `clock` tells time and chance.

mod clock;
mod crash;
mod fault;
mod file;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Disk, DiskFile, LockAttempt, LockGuard, Open, Stat};
use clock::Clock;
pub use fault::Fault;
use tree::{State, clean};

/// A simulated disk. Clones are handles to the same one; [`SimDisk::fork`] makes another.
///
/// Mutating operations are counted: `write_at`, `set_len`, `sync`, `sync_dir`, `rename`, `remove`, `set_readonly`, and
/// `open` with [`Open::Create`], each when it is tried, whatever comes of it. The first one has number 0.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
}

struct Shared {
    state: RwLock<State>,
    clock: Clock,
    boot_id: [u8; 16],
}

impl SimDisk {
    /// An empty disk, of which all times and random bytes follow from the seed.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk::boot(State::new(false), Clock::new(seed))
    }

    /// An empty disk for use as memory: it has the system's clock and randomness, and a power cut takes nothing from
    /// it (so it does not remember what is pending). [`SimDisk::set_now`] and [`SimDisk::advance`] do nothing on it.
    pub fn in_memory() -> SimDisk {
        SimDisk::boot(State::new(true), Clock::Real)
    }

    fn boot(state: State, clock: Clock) -> SimDisk {
        let mut boot_id = [0; 16];
        clock.random(&mut boot_id);
        SimDisk::running(state, clock, boot_id)
    }

    fn running(state: State, clock: Clock, boot_id: [u8; 16]) -> SimDisk {
        SimDisk {
            shared: Arc::new(Shared {
                state: RwLock::new(state),
                clock,
                boot_id,
            }),
        }
    }

    /// Sets the wall clock, in nanoseconds since 1970. Each look at a clock moves it on by a microsecond.
    pub fn set_now(&self, now: i64) {
        self.shared.clock.set_now(now);
    }

    /// Lets that many nanoseconds pass.
    pub fn advance(&self, nanos: u64) {
        self.shared.clock.advance(nanos);
    }

    /// How many mutating operations were tried so far.
    pub fn op_count(&self) -> u64 {
        self.shared.state.read().ops
    }

    /// Cuts the power as soon as `op_count` is `n`: from then on every operation fails, reads too, and nothing
    /// changes any more. What there is can still be looked at and taken on with [`SimDisk::crash_states`].
    pub fn stop_after(&self, n: u64) {
        self.shared.state.write().stop_at = Some(n);
    }

    /// Lets the operation of that number (see [`SimDisk::op_count`]) fail.
    pub fn inject(&self, at_op: u64, fault: Fault) {
        self.shared.state.write().faults.once(at_op, fault);
    }

    /// Lets the operation of that number fail, and all after it.
    pub fn inject_from(&self, at_op: u64, fault: Fault) {
        self.shared.state.write().faults.always_from(at_op, fault);
    }

    /// Lets every read from the file that has this name, now or later, fail with EIO.
    pub fn fail_reads_of(&self, path: impl AsRef<Path>) {
        self.shared.state.write().failing_reads.insert(clean(path.as_ref()));
    }

    /// Takes back all faults that are still to come.
    pub fn clear_faults(&self) {
        let mut state = self.shared.state.write();
        state.faults = fault::Schedule::default();
        state.failing_reads.clear();
    }

    /// The states that a power cut could leave now, all different, at most `limit` of them.
    ///
    /// Pending changes, of names and of bytes, have one order. Of them
    /// - none survive, all, or the first ones;
    /// - all but one;
    /// - the first ones, of which the last, a write, is torn: cut at each sector, or grown to its size without its
    ///   data, or, for at most six sectors, with any of them missing, for more, with each one missing or all behind
    ///   one (what is missing reads as before, or as zeros where the file grew);
    /// - all, but any one write lacks any one sector;
    /// - of the first ones, or of one file, only the names; only the names and sizes; only the bytes;
    /// - up to five: any of them; more: subsets picked by the seed.
    ///
    /// If `limit` is too low for all of these, the seed picks; that none and that all survive is always among them.
    ///
    /// Each state is a disk of its own, on which all this is durable: with another boot id, other random bytes, a
    /// clock a second later, no locks, no faults, and no operations counted.
    pub fn crash_states(&self, limit: usize) -> Vec<SimDisk> {
        let state = self.shared.state.read();
        let images = crash::images(&state, limit, self.shared.clock.salt());
        let boot = |image: crash::Image| {
            let mut salt = [0; 8];
            salt.copy_from_slice(&image.hash.as_bytes()[..8]);
            let clock = self.shared.clock.after_power_cut(u64::from_le_bytes(salt));
            SimDisk::boot(state.after_power_cut(image.names, image.bytes), clock)
        };
        images.into_iter().map(boot).collect()
    }

    /// The disk as the next process finds it after this one was killed: all changes are there, what was pending is
    /// still pending, locks are free, it is the same boot. Faults are taken back and operations counted anew.
    pub fn restart(&self) -> SimDisk {
        let state = self.shared.state.read().without_process();
        SimDisk::running(state, self.shared.clock.after_kill(), self.shared.boot_id)
    }

    /// A copy that goes its own way from here; files that are open stay open on this one only. Otherwise like
    /// [`SimDisk::restart`]: no locks, no faults, operations counted anew. Contents are shared until they change.
    pub fn fork(&self) -> SimDisk {
        self.restart()
    }

    /// A hash over all names and contents that can be read now.
    pub fn image_hash(&self) -> [u8; 32] {
        let state = self.shared.state.read();
        let bytes = |inode| state.inodes.get(&inode).map(file::SimInode::live);
        *crash::image_hash(&state.dirs, &state.names, bytes).as_bytes()
    }

    /// All files' paths, sorted.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.shared.state.read().names.keys().cloned().collect()
    }

    /// What is in a file; not counted, and no fault strikes.
    pub fn contents(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.shared.state.read();
        state
            .at(&clean(path.as_ref()))
            .map(|(_, file)| file.live().get().to_vec())
    }

    /// Sets one byte of a file, durably, as a rotting medium or a forger would. What was pending for the file's bytes
    /// becomes durable. `false` if there is no such file or no such byte.
    pub fn corrupt(&self, path: impl AsRef<Path>, offset: u64, byte: u8) -> bool {
        let mut state = self.shared.state.write();
        let number = state.at(&clean(path.as_ref())).map(|(number, _)| number);
        number
            .and_then(|number| state.inodes.get_mut(&number))
            .is_some_and(|file| file.corrupt(offset, byte))
    }

    /// Replaces a file's bytes, durably, or puts a new file there with its directories; not counted, and no fault
    /// strikes. `false` if a directory or a file on the way is in the way.
    pub fn overwrite(&self, path: impl AsRef<Path>, bytes: &[u8]) -> bool {
        let path = clean(path.as_ref());
        let mut state = self.shared.state.write();
        if let Some(number) = state.names.get(&path).copied() {
            let file = state.inodes.get_mut(&number);
            return file.map(|file| file.overwrite(bytes)).is_some();
        }
        path.parent().is_some_and(|dir| state.add_dirs(dir).is_ok()) && state.add_durable(&path, bytes).is_ok()
    }

    /// Takes a file off the disk, durably, as a thief would; `false` if there is none. Not counted.
    pub fn remove_raw(&self, path: impl AsRef<Path>) -> bool {
        self.shared.state.write().remove_raw(&clean(path.as_ref()))
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.read();
        let (files, pending_names) = (state.names.len(), state.entries.len());
        f.debug_struct("SimDisk")
            .field("files", &files)
            .field("pending_names", &pending_names)
            .field("ops", &state.ops)
            .finish_non_exhaustive()
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.shared.state.write().open(&clean(path), how)?;
        Ok(Arc::new(SimFile {
            held: Held {
                disk: self.clone(),
                inode,
                locked: false,
            },
            writable: how != Open::Read,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.state.write().rename(&clean(from), &clean(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.shared.state.write().remove(&clean(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.shared.state.read().list(&clean(dir))
    }

    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        self.create_dir(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.shared.state.write().create_dir(&clean(dir))
    }

    /// Nothing here has an owner.
    fn set_group(&self, dir: &Path, _group: u32) -> io::Result<()> {
        self.shared.state.read().list(&clean(dir)).map(|_| ())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.shared.state.write().sync_dir(&clean(dir))
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.shared.state.read().stat(&clean(path))
    }

    /// Unlike root on a real disk, nobody opens such a file for writing again.
    fn set_readonly(&self, path: &Path) -> io::Result<()> {
        self.shared.state.write().set_readonly(&clean(path))
    }

    /// Whoever holds it counts as process 1.
    fn lock(&self, path: &Path) -> io::Result<LockAttempt> {
        let path = clean(path);
        Ok(match self.shared.state.write().lock(&path)? {
            Some(inode) => {
                let held = Held {
                    disk: self.clone(),
                    inode,
                    locked: true,
                };
                LockAttempt::Held(Box::new(SimLock { held, path }))
            }
            None => LockAttempt::Busy(Some(1)),
        })
    }

    fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    fn monotonic(&self) -> u64 {
        self.shared.clock.monotonic()
    }

    fn uptime(&self) -> Option<u64> {
        self.shared.clock.uptime()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.shared.clock.random(bytes);
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        Some(self.shared.boot_id)
    }

    fn real_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

/// Keeps a file alive, with or without a name.
struct Held {
    disk: SimDisk,
    inode: u64,
    locked: bool,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inode {}", self.inode)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.shared.state.write().close(self.inode, self.locked);
    }
}

#[derive(Debug)]
struct SimFile {
    held: Held,
    writable: bool,
}

impl SimFile {
    /// Looks at the file, if the power is on.
    fn look<T>(&self, look: impl FnOnce(&State, Option<&file::SimInode>) -> io::Result<T>) -> io::Result<T> {
        let state = self.held.disk.shared.state.read();
        state.check_power()?;
        look(&state, state.inodes.get(&self.held.inode))
    }

    /// Changes the file, if it was opened for that.
    fn change(&self, change: impl FnOnce(&mut State, u64) -> io::Result<()>) -> io::Result<()> {
        if !self.writable {
            return Err(fault::not_writable());
        }
        change(&mut self.held.disk.shared.state.write(), self.held.inode)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.look(|state, file| match file {
            Some(_) if state.reads_fail(self.held.inode) => Err(fault::io_error()),
            file => Ok(file.map_or(0, |file| file.read(buffer, offset))),
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(|state, inode| state.write(inode, bytes, offset))
    }

    fn len(&self) -> io::Result<u64> {
        self.look(|_, file| Ok(file.map_or(0, |file| file.live().get().len() as u64)))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|state, inode| state.set_len(inode, len))
    }

    fn sync(&self) -> io::Result<()> {
        // A file opened for reading may be synced too, as on a real disk.
        self.held.disk.shared.state.write().sync(self.held.inode)
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.look(|_, _| Ok(()))
    }

    fn inode(&self) -> io::Result<u64> {
        self.look(|_, _| Ok(self.held.inode))
    }
}

#[derive(Debug)]
struct SimLock {
    held: Held,
    path: PathBuf,
}

impl LockGuard for SimLock {
    fn still_named(&self) -> io::Result<bool> {
        let state = self.held.disk.shared.state.read();
        state.check_power()?;
        Ok(state.names.get(&self.path) == Some(&self.held.inode))
    }
}
