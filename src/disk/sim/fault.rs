//! When a simulated disk fails, and how.
//!
//! What must hold: an operation is struck by its number alone (see [`SimDisk::op_count`](super::SimDisk::op_count)),
//! so that a loop over all numbers strikes every operation of a deterministic workload.

use std::io;

/// What goes wrong with one operation of a simulated disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// EIO, and nothing was done. What was pending stays pending.
    Io,
    /// ENOSPC, and nothing was done.
    NoSpace,
    /// The first half of a write's bytes is written, then ENOSPC. Any other operation fails as with [`Fault::NoSpace`].
    ShortWrite,
    /// A sync fails with EIO, and the system marks what it could not write as clean: everybody still reads it, no
    /// later sync writes it. Only writing the same bytes again helps. A sync of names fails like
    /// [`Fault::Io`]; other operations are not struck.
    SyncLost,
}

/// The faults that are still to come.
#[derive(Clone, Default)]
pub(super) struct Schedule {
    once: Vec<(u64, Fault)>,
    from: Vec<(u64, Fault)>,
}

impl Schedule {
    pub(super) fn once(&mut self, at: u64, fault: Fault) {
        self.once.push((at, fault));
    }

    pub(super) fn always_from(&mut self, at: u64, fault: Fault) {
        self.from.push((at, fault));
    }

    /// The fault that strikes the operation of that number.
    pub(super) fn strikes(&self, op: u64) -> Option<Fault> {
        let once = self.once.iter().find(|(at, _)| *at == op);
        once.or_else(|| self.from.iter().find(|(at, _)| *at <= op))
            .map(|(_, fault)| *fault)
    }
}

// The numbers are the same on every Unix; an error made from them has the kind and the text of the real one.
const EIO: i32 = 5;
const EBADF: i32 = 9;
const ENOSPC: i32 = 28;

pub(super) fn io_error() -> io::Error {
    io::Error::from_raw_os_error(EIO)
}

pub(super) fn no_space() -> io::Error {
    io::Error::from_raw_os_error(ENOSPC)
}

pub(super) fn not_writable() -> io::Error {
    io::Error::from_raw_os_error(EBADF)
}

pub(super) fn power_cut() -> io::Error {
    io::Error::other("simulated power cut")
}
