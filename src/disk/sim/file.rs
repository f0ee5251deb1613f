//! The bytes of one simulated file, and which of them would survive a power cut.
//!
//! Only the live bytes are kept whole. What a pending change overwrote is kept beside them, so an append costs one
//! copy, a sync just forgets, and the medium's state is found by undoing. What must hold: undoing all pending
//! changes, newest first, gives the medium's bytes, unless a sync was lost; from then on they are kept apart.

use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};

/// What a disk writes as a whole or not at all.
pub(super) const SECTOR: usize = 512;

/// No simulated file may grow longer: a length that somebody got wrong must not eat the machine's memory.
const MAX_LEN: u64 = 1 << 34;

/// Bytes that copies of a disk share until one of them is changed, with their hash once somebody asked.
#[derive(Clone, Default)]
pub(super) struct Bytes {
    data: Arc<Vec<u8>>,
    hash: OnceLock<blake3::Hash>,
}

impl Bytes {
    pub(super) fn new(data: Vec<u8>) -> Bytes {
        Bytes {
            data: Arc::new(data),
            hash: OnceLock::new(),
        }
    }

    pub(super) fn get(&self) -> &[u8] {
        &self.data
    }

    pub(super) fn edit(&mut self) -> &mut Vec<u8> {
        self.hash = OnceLock::new();
        Arc::make_mut(&mut self.data)
    }

    pub(super) fn hash(&self) -> &blake3::Hash {
        self.hash.get_or_init(|| blake3::hash(&self.data))
    }
}

/// A change of a file's bytes, as done.
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Change {
    pub(super) fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => write(data, *offset, bytes),
            Change::SetLen(len) => data.resize(*len, 0),
        }
    }

    /// How many sectors of the file it writes to, at least in part.
    pub(super) fn sectors(&self) -> usize {
        match self {
            Change::Write { offset, bytes } => (offset + bytes.len()).div_ceil(SECTOR) - offset / SECTOR,
            Change::SetLen(_) => 0,
        }
    }

    /// Applies a write of which some sectors did not reach the medium: those keep what they had, or are zero where
    /// the file grew. It grows to the end of the last sector that did, or, if `grow`, to the end of the write.
    pub(super) fn apply_torn(&self, data: &mut Vec<u8>, kept: impl Fn(usize) -> bool, grow: bool) {
        let Change::Write { offset, bytes } = self else {
            return self.apply(data);
        };
        let end = offset + bytes.len();
        if grow && data.len() < end {
            data.resize(end, 0);
        }
        for (number, sector) in (offset / SECTOR..end.div_ceil(SECTOR)).enumerate() {
            if kept(number) {
                let (from, to) = ((sector * SECTOR).max(*offset), ((sector + 1) * SECTOR).min(end));
                write(data, from, &bytes[from - offset..to - offset]);
            }
        }
    }
}

fn write(data: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if data.len() < offset {
        data.resize(offset, 0);
    }
    let over = bytes.len().min(data.len() - offset);
    data[offset..offset + over].copy_from_slice(&bytes[..over]);
    data.extend_from_slice(&bytes[over..]);
}

/// A change that no sync has made durable, as what it takes to undo it.
#[derive(Clone)]
struct Pending {
    /// Its place among all pending changes of the disk.
    order: u64,
    /// The file's length before.
    old_len: usize,
    undo: Undo,
}

#[derive(Clone)]
enum Undo {
    Write { offset: usize, len: usize, old: Vec<u8> },
    SetLen { len: usize, cut: Vec<u8> },
}

impl Pending {
    /// Takes the change back and says what it was.
    fn undo(&self, data: &mut Vec<u8>) -> Change {
        match &self.undo {
            Undo::Write { offset, len, old } => {
                let bytes = data[*offset..offset + len].to_vec();
                data.truncate(self.old_len);
                if !old.is_empty() {
                    write(data, *offset, old);
                }
                Change::Write { offset: *offset, bytes }
            }
            Undo::SetLen { len, cut } => {
                data.truncate(self.old_len);
                data.extend_from_slice(cut);
                Change::SetLen(*len)
            }
        }
    }
}

/// A file without its name.
#[derive(Clone, Default)]
pub(super) struct SimInode {
    live: Bytes,
    pending: Vec<Pending>,
    /// What is on the medium under the pending changes, if a lost sync made that differ from what undoing gives.
    medium: Option<Bytes>,
    pub(super) readonly: bool,
    pub(super) locked: bool,
    /// Open files and lock guards that hold on to it.
    pub(super) open: usize,
}

impl SimInode {
    /// A file that is as durable as it can be.
    pub(super) fn durable(live: Bytes, readonly: bool) -> SimInode {
        SimInode {
            live,
            readonly,
            ..SimInode::default()
        }
    }

    pub(super) fn live(&self) -> &Bytes {
        &self.live
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.live.get().get(offset..))
            .unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        len
    }

    /// Writes; the change is pending under that number, or durable at once if there is none.
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64, order: Option<u64>) -> io::Result<()> {
        let offset = checked_end(offset, bytes.len()).map(|end| end - bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(order) = order {
            let live = self.live.get();
            let old_len = live.len();
            let old = live[offset.min(old_len)..(offset + bytes.len()).min(old_len)].to_vec();
            self.pending.push(Pending {
                order,
                old_len,
                undo: Undo::Write {
                    offset,
                    len: bytes.len(),
                    old,
                },
            });
        }
        write(self.live.edit(), offset, bytes);
        Ok(())
    }

    /// Cuts or extends, as [`SimInode::write`] writes.
    pub(super) fn set_len(&mut self, len: u64, order: Option<u64>) -> io::Result<()> {
        let len = checked_end(len, 0)?;
        let live = self.live.get();
        if len == live.len() {
            return Ok(());
        }
        if let Some(order) = order {
            let (old_len, cut) = (live.len(), live.get(len..).unwrap_or_default().to_vec());
            self.pending.push(Pending {
                order,
                old_len,
                undo: Undo::SetLen { len, cut },
            });
        }
        self.live.edit().resize(len, 0);
        Ok(())
    }

    /// Makes what is pending durable.
    pub(super) fn sync(&mut self) {
        if self.medium.is_some() {
            let (mut medium, changes) = self.unroll();
            changes.iter().for_each(|(_, change)| change.apply(medium.edit()));
            self.medium = Some(medium);
        }
        self.pending.clear();
    }

    /// Forgets that anything was pending, without making it durable.
    pub(super) fn lose(&mut self) {
        self.medium = Some(self.unroll().0);
        self.pending.clear();
    }

    /// What is on the medium, and what is pending on top of it, oldest first, with its place in the disk's order.
    pub(super) fn unroll(&self) -> (Bytes, Vec<(u64, Change)>) {
        let mut base = self.live.clone();
        let mut changes = Vec::with_capacity(self.pending.len());
        for pending in self.pending.iter().rev() {
            changes.push((pending.order, pending.undo(base.edit())));
        }
        changes.reverse();
        (self.medium.clone().unwrap_or(base), changes)
    }

    /// Sets one byte on the medium and in what everybody reads, past all bookkeeping; `false` past the end.
    pub(super) fn corrupt(&mut self, offset: u64, byte: u8) -> bool {
        let Some(offset) = usize::try_from(offset)
            .ok()
            .filter(|offset| *offset < self.live.get().len())
        else {
            return false;
        };
        self.sync();
        self.live.edit()[offset] = byte;
        if let Some(place) = self.medium.as_mut().and_then(|medium| medium.edit().get_mut(offset)) {
            *place = byte;
        }
        true
    }

    /// Replaces all bytes, durably, past all bookkeeping.
    pub(super) fn overwrite(&mut self, bytes: &[u8]) {
        self.live = Bytes::new(bytes.to_vec());
        self.pending.clear();
        self.medium = None;
    }
}

fn checked_end(offset: u64, len: usize) -> io::Result<usize> {
    let end = offset.checked_add(len as u64).filter(|end| *end <= MAX_LEN);
    end.and_then(|end| usize::try_from(end).ok())
        .ok_or_else(|| ErrorKind::FileTooLarge.into())
}
