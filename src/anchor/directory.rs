//! A directory elsewhere that keeps signed checkpoints: a disk of its own, a share of another host, a mount that lets nothing
//! be changed. Each checkpoint is one file, a C2SP signed note that any tool for those reads:
//! `ORIGIN.SIZE.ROOT.checkpoint`, the origin with a dot for its slash, the size in twenty digits, the first 16 digits of the
//! root. Several logs may share a directory.
//!
//! What must hold: nothing that is there is ever overwritten, renamed or removed, so that a directory which only takes new files
//! will do. A file that a crash cut short stays, and the next one gets a number behind its name.

use crate::disk::{Disk, Kind, Open, read_short};
use crate::log::hex;
use crate::proof::{Checkpoint, NOTE_LIMIT, SignedCheckpoint};
use std::io;
use std::path::Path;
#[cfg(feature = "cli")]
use std::path::PathBuf;

/// What the names end in.
const ENDING: &str = ".checkpoint";

/// So many leftovers of one checkpoint are gone by.
const LEFTOVERS: u32 = 100;

/// Keeps a checkpoint durably; gives its file's name.
pub(crate) fn keep(disk: &dyn Disk, dir: &Path, signed: &SignedCheckpoint) -> io::Result<String> {
    match disk.stat(dir)? {
        Some(stat) if stat.kind == Kind::Dir => {}
        // Made here, it might stand where something else was to be mounted.
        _ => {
            return Err(io::Error::other(
                "it is no directory: make it, or mount what should be there",
            ));
        }
    }
    let bytes = signed.to_string().into_bytes();
    for number in 0..LEFTOVERS {
        let name = name_of(signed.checkpoint(), number);
        let path = dir.join(&name);
        if disk.stat(&path)?.is_none() {
            write(disk, &path, &bytes)?;
        }
        if reads_back(disk, &path, &bytes)? {
            disk.sync_dir(dir)?;
            return Ok(name);
        }
    }
    Err(io::Error::other(
        "too many files of this checkpoint are cut short there",
    ))
}

/// What a directory has.
#[derive(Debug)]
#[cfg(feature = "cli")]
pub(crate) struct Found {
    pub(crate) checkpoints: Vec<SignedCheckpoint>,
    /// What is wrong with files that by their names should be some.
    pub(crate) unreadable: Vec<(PathBuf, String)>,
}

/// The checkpoints in a directory, of whichever logs.
#[cfg(feature = "cli")]
pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> io::Result<Found> {
    let (mut checkpoints, mut unreadable) = (Vec::new(), Vec::new());
    for name in disk.list(dir)? {
        let path = dir.join(&name);
        if !matches!(disk.stat(&path), Ok(Some(stat)) if stat.kind == Kind::File) {
            continue;
        }
        let parsed = read_short(disk, &path, NOTE_LIMIT)
            .map_err(|error| error.to_string())
            .and_then(|bytes| SignedCheckpoint::parse(&bytes).map_err(|fault| fault.to_string()));
        match parsed {
            Ok(signed) => checkpoints.push(signed),
            Err(why) if name.ends_with(ENDING) => unreadable.push((path, why)),
            // Whatever else lies there.
            Err(_) => {}
        }
    }
    Ok(Found {
        checkpoints,
        unreadable,
    })
}

/// The checkpoints of one log in a directory that can be read, the newest first.
pub(crate) fn of_log<'a>(
    disk: &'a dyn Disk,
    dir: &'a Path,
    origin: &str,
) -> io::Result<impl Iterator<Item = SignedCheckpoint> + 'a> {
    let begins = format!("{}.", origin.replace('/', "."));
    let mut names = disk.list(dir)?;
    names.retain(|name| name.starts_with(&begins) && name.ends_with(ENDING));
    // The size stands in twenty digits, so names sort as sizes do.
    let signed = |name: String| SignedCheckpoint::parse(&read_short(disk, &dir.join(name), NOTE_LIMIT).ok()?).ok();
    Ok(names.into_iter().rev().filter_map(signed))
}

fn name_of(checkpoint: &Checkpoint, number: u32) -> String {
    let (origin, size) = (checkpoint.origin().replace('/', "."), checkpoint.size());
    let root: String = hex(checkpoint.root()).chars().take(16).collect();
    match number {
        0 => format!("{origin}.{size:020}.{root}{ENDING}"),
        number => format!("{origin}.{size:020}.{root}.{number}{ENDING}"),
    }
}

/// Writes a new file under its last name: a directory that only takes new files lets nothing be renamed.
fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(path, Open::Create)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    // Some mounts have no such bits, and then have rules of their own.
    let _ = disk.set_readonly(path);
    Ok(())
}

/// Whether the medium has these bytes, and not only the system's memory: a sync that failed may have left them there alone.
fn reads_back(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let file = disk.open(path, Open::Read)?;
    // What is there may be of an attempt that was killed before it had this.
    file.sync()?;
    file.drop_cache()?;
    Ok(read_short(disk, path, NOTE_LIMIT)? == bytes)
}
