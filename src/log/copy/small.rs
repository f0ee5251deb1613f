//! Files that are copied as a whole, one after the other: to a temporary name, synced, read back, renamed.

use crate::disk::{Disk, Open};
use std::io;
use std::path::Path;

/// Copies a file under another name and makes it durable. One that was copied to its end already is only made durable; says
/// how many bytes were copied.
pub(super) fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<u64> {
    let len = disk.stat(from)?.ok_or(io::ErrorKind::NotFound)?.len;
    let there = disk.stat(to)?;
    if there.is_some_and(|there| there.len == len) {
        let file = disk.open(to, Open::Read)?;
        file.sync()?;
        file.drop_cache()?;
        return Ok(0);
    }
    copy_anew(disk, from, to)
}

/// The same, whatever stands there.
pub(super) fn copy_anew(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<u64> {
    if disk.stat(to)?.is_some() {
        disk.remove(to)?;
    }
    let copied = disk.copy(from, to)?;
    let file = disk.open(to, Open::Read)?;
    file.sync()?;
    file.drop_cache()?;
    Ok(copied)
}

/// BLAKE3 over a file, as it is read now.
pub(crate) fn digest(disk: &dyn Disk, path: &Path) -> io::Result<blake3::Hash> {
    let file = disk.open(path, Open::Read)?;
    let (mut hasher, mut piece, mut at) = (blake3::Hasher::new(), vec![0; 1 << 20], 0);
    loop {
        let read = file.read_at(&mut piece, at)?;
        if read == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
}

/// Puts a file with these bytes in its place; the directory is not synced yet.
pub(crate) fn put(disk: &dyn Disk, temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if disk.stat(temporary)?.is_some() {
        disk.remove(temporary)?;
    }
    let file = disk.open(temporary, Open::Create)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    file.drop_cache()?;
    let mut back = vec![0; bytes.len()];
    if file.read_at(&mut back, 0)? != bytes.len() || back != bytes {
        return Err(io::Error::other("what was written is not what is read"));
    }
    drop(file);
    disk.rename(temporary, path)
}
