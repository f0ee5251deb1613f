//! The secrets of a log, and what they remember of it. They are kept outside of the database's directory: `KEYS/LOGID.log`
//! holds the seed of the key that signs checkpoints, `KEYS/LOGID.epoch` the seed of the present epoch together with how far
//! the log was when that epoch began, and where the log's directory is.
//!
//! What must hold: the epoch's file is replaced as a whole, durable before anything that its key signed is shown to
//! anybody; it never goes back. The files are for their owner alone. What replaced a secret on the medium may stay there
//! for a while (a journaling file system, a snapshot, a copy, a flash disk's spare blocks), and swap may hold it too: that
//! an old secret is gone holds for what the file system shows, not for what a laboratory finds.

use super::events::Identity;
use super::format::FORMAT;
use super::layout::Layout;
use crate::disk::{Disk, Open};
use crate::error::{Error, Result};
use crate::proof::{EpochKey, Hash, LogKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const EPOCH_MAGIC: [u8; 8] = *b"\xFFAUDITK\0";
const LOG_MAGIC: [u8; 8] = *b"\xFFAUDITL\0";

/// What the file of the present epoch holds.
#[derive(Debug)]
pub(crate) struct EpochFile {
    pub(crate) key: EpochKey,
    /// How far the log was when something was last signed.
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// Where the log's directory was, and its number in its file system.
    pub(crate) place: Place,
}

/// Where a log's directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) inode: u64,
}

impl Place {
    pub(crate) fn of(disk: &dyn Disk, layout: &Layout) -> Result<Self> {
        let root = layout.root();
        let io = |error| Error::io("looking for", root, error);
        let inode = disk.stat(root).map_err(io)?.map_or(0, |stat| stat.inode);
        let path = disk.real_path(root).unwrap_or_else(|| root.to_owned());
        Ok(Place {
            path: path.display().to_string(),
            inode,
        })
    }
}

/// Creates both keys of a new log.
pub(crate) fn create(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16], origin: &str) -> Result<(LogKey, EpochKey)> {
    let dir = layout.keys();
    disk.create_private_dir(dir)
        .map_err(|error| Error::io("creating the directory of the keys", dir, error))?;
    let seed = || {
        let mut seed = Zeroizing::new([0; 32]);
        disk.random(&mut *seed);
        seed
    };
    let log_seed = seed();
    write_log_key(disk, &layout.log_key(log_id), log_id, &log_seed)?;
    Ok((log_key(origin, &log_seed)?, EpochKey::new(0, seed())))
}

/// Keeps another secret for checkpoints until the log has recorded it.
pub(crate) fn write_next_log_key(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16], seed: &[u8; 32]) -> Result<()> {
    write_log_key(disk, &layout.next_log_key(log_id), log_id, seed)
}

/// Puts the secret that was kept for it in the place of the key that signs checkpoints.
pub(crate) fn promote_next_log_key(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16]) -> Result<()> {
    let path = layout.log_key(log_id);
    let io = |error| Error::io("writing", &path, error);
    disk.rename(&layout.next_log_key(log_id), &path).map_err(io)?;
    disk.sync_dir(layout.keys()).map_err(io)
}

/// Reads the key that signs checkpoints, whose public half the log states if it can. A change of keys that a crash cut off is
/// finished.
pub(crate) fn read_log_key(
    disk: &dyn Disk,
    layout: &Layout,
    identity: &Identity,
    stated: Option<&str>,
) -> Result<LogKey> {
    let (log_id, origin) = (identity.log_id, identity.origin());
    let key = |path: &Path| {
        let bytes = read(disk, path)?;
        let seed = body(&bytes, LOG_MAGIC, log_id).and_then(|body| body.try_into().ok());
        let seed: &[u8; 32] = seed.ok_or_else(|| Error::KeyFile { path: path.to_owned() })?;
        log_key(&origin, seed)
    };
    let path = layout.log_key(log_id);
    let present = key(&path)?;
    if stated.is_none_or(|stated| present.verifier().to_string() == stated) {
        return Ok(present);
    }
    match key(&layout.next_log_key(log_id)) {
        Ok(next) if stated == Some(next.verifier().to_string().as_str()) => {
            promote_next_log_key(disk, layout, log_id)?;
            Ok(next)
        }
        _ => Err(Error::KeyFile { path }),
    }
}

/// The key that signs checkpoints, from its secret.
pub(crate) fn log_key(origin: &str, seed: &[u8; 32]) -> Result<LogKey> {
    Ok(LogKey::from_seed(origin, seed)?)
}

/// Replaces the file of the present epoch, durably.
pub(crate) fn write_epoch(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16], file: &EpochFile) -> Result<()> {
    let path = file.place.path.as_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(EPOCH_LEN + path.len()));
    head(&mut bytes, EPOCH_MAGIC, log_id);
    bytes.extend_from_slice(&file.key.number().to_le_bytes());
    bytes.extend_from_slice(file.key.seed());
    bytes.extend_from_slice(&file.size.to_le_bytes());
    bytes.extend_from_slice(&file.root);
    bytes.extend_from_slice(&file.place.inode.to_le_bytes());
    bytes.extend_from_slice(path);
    replace(disk, &layout.epoch_key(log_id), &mut bytes)
}

/// Reads the file of the present epoch.
pub(crate) fn read_epoch(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16]) -> Result<EpochFile> {
    let path = layout.epoch_key(log_id);
    let bytes = read(disk, &path)?;
    let mut body = body(&bytes, EPOCH_MAGIC, log_id).unwrap_or_default();
    let mut file = || {
        let number = u64::from_le_bytes(take(&mut body)?);
        let seed = Zeroizing::new(take(&mut body)?);
        let (size, root) = (u64::from_le_bytes(take(&mut body)?), take(&mut body)?);
        let inode = u64::from_le_bytes(take(&mut body)?);
        let path = std::str::from_utf8(body).ok()?.to_owned();
        Some(EpochFile {
            key: EpochKey::new(number, seed),
            size,
            root,
            place: Place { path, inode },
        })
    };
    file().ok_or(Error::KeyFile { path })
}

/// The length of a log key's file, and of an epoch's without the path.
const LOG_LEN: usize = 28 + 32 + 4;
const EPOCH_LEN: usize = 28 + 88 + 4;

/// No file of keys is longer: a path has at most some thousand bytes.
const FILE_LIMIT: u64 = 64 << 10;

fn write_log_key(disk: &dyn Disk, path: &Path, log_id: [u8; 16], seed: &[u8; 32]) -> Result<()> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LOG_LEN));
    head(&mut bytes, LOG_MAGIC, log_id);
    bytes.extend_from_slice(seed);
    replace(disk, path, &mut bytes)
}

fn head(bytes: &mut Vec<u8>, magic: [u8; 8], log_id: [u8; 16]) {
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&log_id);
}

/// What stands between a file's head and its checksum, if both are right.
fn body(bytes: &[u8], magic: [u8; 8], log_id: [u8; 16]) -> Option<&[u8]> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let mut expected = Vec::new();
    head(&mut expected, magic, log_id);
    (crc32fast::hash(content) == u32::from_le_bytes(*crc))
        .then(|| content.strip_prefix(expected.as_slice()))
        .flatten()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let io = |error| Error::io("reading", path, error);
    let file = disk.open(path, Open::Read).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NoKey { path: path.to_owned() },
        _ => io(error),
    })?;
    let len = file.len().map_err(io)?.min(FILE_LIMIT);
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(len).unwrap_or(0)]);
    let read = file.read_at(&mut bytes, 0).map_err(io)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Replaces a file by these bytes and their checksum, so that a crash leaves the old or the new one.
fn replace(disk: &dyn Disk, path: &Path, bytes: &mut Vec<u8>) -> Result<()> {
    let crc = crc32fast::hash(bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let io = |error| Error::io("writing", &temporary, error);
    if disk.stat(&temporary).map_err(io)?.is_some() {
        disk.remove(&temporary).map_err(io)?;
    }
    let file = disk.open(&temporary, Open::CreateSecret).map_err(io)?;
    file.write_at(bytes, 0).and_then(|()| file.sync()).map_err(io)?;
    let io = |error| Error::io("writing", path, error);
    disk.rename(&temporary, path).map_err(io)?;
    match path.parent() {
        Some(dir) => disk.sync_dir(dir).map_err(io),
        None => Ok(()),
    }
}
