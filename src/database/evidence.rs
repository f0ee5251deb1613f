//! What a database shows to the outside: who it is, checkpoints, and proofs. The writer signs; proofs are made from the
//! files, by anybody who can read them.

use super::opening::Opening;
use super::{Database, Mode, lineage};
use crate::disk::{Disk, RealDisk};
use crate::error::{Error, Result};
use crate::log::{self, Log, Options, checkpoints, first_key};
use crate::proof::{
    Hash, ProofFile, SignedCheckpoint, Tile, TileHashes, TileOf, VerifierKey, leaf_hash, prove_consistency,
    prove_inclusion,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What identifies a log for ever: its first record, and the key that this names. Whoever has both from elsewhere can tell
/// the log from one that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Genesis {
    /// The first key that signs the log's checkpoints.
    pub key: VerifierKey,
    /// The leaf of the first record: SHA-256 over a zero byte and its text.
    pub leaf: Hash,
}

impl Database {
    /// The log's first record and key, as `auditdb init` prints them; [`crate::Anchors`] takes them.
    ///
    /// # Errors
    /// The first record cannot be read.
    pub fn genesis(&self) -> Result<Genesis> {
        let first = match self.get(0) {
            Ok(first) => first.text().to_owned(),
            // A tombstone keeps it.
            Err(dropped @ Error::Dropped { .. }) => self.files().kept_line(0).ok_or(dropped)?,
            Err(error) => return Err(error),
        };
        let key = first_key(&first).ok_or_else(|| Error::NotFound {
            what: "the key in the first record".to_owned(),
        })?;
        Ok(Genesis {
            key: key.parse()?,
            leaf: leaf_hash(first.as_bytes()),
        })
    }

    /// The name of a log to the outside, by its newest file that can be read.
    #[cfg(all(feature = "anchors", feature = "cli"))]
    pub(crate) fn origin_of(path: &Path, name: &str) -> Result<String> {
        let layout = lineage::layout(path, name, &Options::default());
        let identity = log::identify(&RealDisk, &layout)?;
        let nothing = || Error::NotADatabase {
            path: layout.root().to_owned(),
        };
        Ok(identity.ok_or_else(nothing)?.origin())
    }

    /// Signs how far the log is, with all that was appended so far, and stores that.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], or nothing can be written.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint> {
        match &self.inner.mode {
            Mode::Writing(log) => log.checkpoint(),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.checkpoint(),
        }
    }

    /// The newest checkpoint that is stored, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn newest_checkpoint(&self) -> Result<Option<SignedCheckpoint>> {
        checkpoints::newest(&*self.inner.disk, &self.files().layout)
    }

    /// A proof that a record is in the log. If the newest checkpoint does not reach it, a new one is signed.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such record; [`Error::ReadOnly`] if a new checkpoint is needed and this handle
    /// cannot have one.
    pub fn prove(&self, seq: u64) -> Result<ProofFile> {
        if seq >= self.len()? {
            let what = format!("record {seq}");
            return Err(Error::NotFound { what });
        }
        let checkpoint = match self.newest_checkpoint()? {
            Some(checkpoint) if checkpoint.checkpoint().size() > seq => checkpoint,
            _ => self.checkpoint()?,
        };
        self.refresh()?;
        let size = checkpoint.checkpoint().size();
        let path = self.files().with_tiles(|tiles| prove_inclusion(tiles, seq, size))?;
        Ok(ProofFile::new(seq, path, checkpoint)?)
    }

    /// A proof that the log of `new` records begins with the log of `old` records (RFC 9162 section 2.1.4).
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log is shorter.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        if old > new || new > self.len()? {
            let what = format!("a log of {old} records within one of {new}");
            return Err(Error::NotFound { what });
        }
        self.files().with_tiles(|tiles| prove_consistency(tiles, old, new))
    }

    /// The minimum index of C2SP tlog-tiles: bundles of entries that end at or before it are no longer served, since they
    /// hold records that were dropped. It is where a bundle begins; hash tiles and proofs are all served as before.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn minimum_index(&self) -> Result<u64> {
        Ok(self.files().minimum_index(self.earliest()?))
    }

    /// The bytes of one tile as C2SP tlog-tiles serves it: hashes, or the texts of records.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log does not reach so far.
    pub fn tile(&self, tile: &Tile) -> Result<Vec<u8>> {
        match tile.of() {
            TileOf::Hashes(level) => {
                let range = tile.range();
                let mut hashes = vec![[0; 32]; usize::try_from(range.end - range.start).unwrap_or(0)];
                self.files()
                    .with_tiles(|tiles| tiles.read(level, range.start, &mut hashes))?;
                Ok(hashes.into_flattened())
            }
            TileOf::Entries => {
                if tile.range().start < self.earliest()? {
                    // It says why.
                    self.get(tile.range().start)?;
                }
                let entries = self.records(tile.range())?.collect::<Result<Vec<_>>>()?;
                if (entries.len() as u64) < tile.range().end - tile.range().start {
                    let what = format!("tile {tile}");
                    return Err(Error::NotFound { what });
                }
                let texts = entries.iter().map(|entry| entry.text().as_bytes());
                Ok(crate::proof::encode_entries(texts)?)
            }
        }
    }

    /// Has checkpoints signed with a new key from here on; both keys sign the change, which is recorded.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], or nothing can be written.
    pub fn rotate_key(&self) -> Result<VerifierKey> {
        match &self.inner.mode {
            Mode::Writing(log) => log.rotate_key(),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.rotate_key(),
        }
    }

    /// Takes a database back that was moved to where it is, and records why. It has to hold exactly what its keys have
    /// signed.
    ///
    /// # Errors
    /// As [`Database::open`]; [`Error::Estranged`] if it was rolled back or forked.
    pub fn adopt(path: impl AsRef<Path>, options: Options, reason: &str) -> Result<Self> {
        let (path, disk): (&Path, Arc<dyn Disk>) = (path.as_ref(), Arc::new(RealDisk));
        let opening = Opening::new(&disk, path, options)?;
        let (layout, options) = (opening.layout.clone(), opening.options.clone());
        let log = Log::adopt(Arc::clone(&disk), layout, options, reason)?;
        Ok(opening.done(path, disk, Mode::Writing(log)))
    }

    /// Goes on in a new log when the newest cannot be written any more: it was rolled back, forked or copied, its keys are
    /// lost, or it is damaged (which [`Database::recover`] may mend). That log stays as it is, to be read and verified;
    /// the new one's first record names it and how far it was, why it could not be written, and `reason`. The new log has
    /// keys of its own: note what [`Database::genesis`] says of it.
    ///
    /// # Errors
    /// [`Error::Writable`] if the log can be written, [`Error::Locked`] if another process writes it.
    pub fn succeed(path: impl AsRef<Path>, options: Options, reason: &str) -> Result<Self> {
        Self::succeed_with(path, Arc::new(RealDisk), options, reason)
    }

    /// The same for a log of which some checkpoints, kept elsewhere, may say that it had more records: the new log's first
    /// record then names which ones are missing, and holds the newest of these checkpoints.
    ///
    /// # Errors
    /// As [`Database::succeed`]; [`Error::Damaged`] if the log never signed such a checkpoint, or is another than it says.
    pub fn succeed_against(
        path: impl AsRef<Path>,
        options: Options,
        reason: &str,
        checkpoints: &[SignedCheckpoint],
    ) -> Result<Self> {
        Self::succeed_on(path.as_ref(), Arc::new(RealDisk), options, reason, checkpoints)
    }

    /// Goes on in a new log on that disk.
    ///
    /// # Errors
    /// As [`Database::succeed`].
    pub fn succeed_with(path: impl AsRef<Path>, disk: Arc<dyn Disk>, options: Options, reason: &str) -> Result<Self> {
        Self::succeed_on(path.as_ref(), disk, options, reason, &[])
    }

    fn succeed_on(
        path: &Path,
        disk: Arc<dyn Disk>,
        options: Options,
        reason: &str,
        anchored: &[SignedCheckpoint],
    ) -> Result<Self> {
        let mut opening = Opening::new(&disk, path, options)?;
        opening.options.siblings = super::branches::siblings(&disk, path, &opening.options)?;
        let name = lineage::successor_of(&opening.name);
        let new = lineage::layout(path, &name, &opening.options);
        let log = log::succeed(
            &disk,
            &opening.layout,
            (name, new),
            &opening.options,
            (reason, anchored),
        )?;
        Ok(opening.done(path, disk, Mode::Writing(log)))
    }

    /// Where the log's secret keys are, or would be.
    #[must_use]
    pub fn keys_dir(&self) -> PathBuf {
        self.files().layout.keys().to_owned()
    }

    pub(super) fn read_only(&self) -> Error {
        Error::ReadOnly {
            path: self.inner.path.clone(),
        }
    }
}
