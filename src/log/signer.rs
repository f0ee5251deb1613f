//! The writer's pen: ends epochs and signs checkpoints. It holds the secrets while a log is open for writing.
//!
//! What must hold: the file of the present epoch is durable with the size that is signed before a signature leaves the
//! process; a directory that is not the one which the keys signed for last is never written.

use super::events::{self, Identity, KeyChange, StateKeys, hex};
use super::keyring::{self, EpochFile, Place};
use super::layout::Layout;
use super::lock::take_lock_at;
use super::replay::InForce;
use super::tombstone::{Manifest, Tombstone};
use super::view::Tip;
use crate::disk::{Disk, LockGuard};
use crate::error::{Error, Estrangement, Result};
use crate::proof::{Checkpoint, EpochKey, Hash, LogKey, SignedCheckpoint, VerifierKey};
use zeroize::Zeroizing;

/// An epoch ends when it has this many records, or when its first is this old in nanoseconds.
const EPOCH_RECORDS: u64 = 10_000;
const EPOCH_NS: u64 = 5 * 60 * 1_000_000_000;

/// The secrets of a log that is open for writing.
#[derive(Debug)]
pub(crate) struct Signer {
    log_id: [u8; 16],
    log_key: LogKey,
    epoch: EpochKey,
    place: Place,
    /// Where the log was at the opening before.
    before: Place,
    /// How far the log was when the present epoch began.
    began: u64,
    /// When it should end, by the clock that never steps; nothing before its first record.
    ends_at: Option<u64>,
    /// The size with which the present epoch's file is known to be durable.
    kept: Option<u64>,
    /// Held as long as anything is signed: two directories with one set of keys would go on as one.
    _alone: Box<dyn LockGuard>,
}

/// How a log's directory and its keys have to agree before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is where it was.
    Same,
    /// A person says that it was moved.
    Moved,
}

impl Signer {
    /// The secrets of a new log.
    pub(crate) fn create(disk: &dyn Disk, layout: &Layout, identity: &Identity) -> Result<Self> {
        let (log_key, epoch) = keyring::create(disk, layout, identity.log_id, &identity.origin())?;
        let alone = take_lock_at(disk, layout.key_lock(identity.log_id))?;
        let signer = Signer {
            log_id: identity.log_id,
            log_key,
            epoch,
            before: Place::of(disk, layout)?,
            place: Place::of(disk, layout)?,
            began: 0,
            ends_at: None,
            kept: None,
            _alone: alone,
        };
        signer.keep(disk, layout, &Tip::empty())?;
        Ok(signer)
    }

    /// The secrets of a log that is opened for writing, if they belong to what was found.
    pub(crate) fn open(
        disk: &dyn Disk,
        layout: &Layout,
        identity: &Identity,
        found: &Found<'_>,
        claim: Claim,
    ) -> Result<Self> {
        // Before the lock, which would be a file in a directory without keys.
        keyring::read_epoch(disk, layout, identity.log_id)?;
        let alone = take_lock_at(disk, layout.key_lock(identity.log_id))?;
        let EpochFile {
            mut key,
            size,
            root,
            place: before,
        } = keyring::read_epoch(disk, layout, identity.log_id)?;
        let estranged = |why| Error::Estranged {
            path: layout.root().to_owned(),
            why,
        };
        let end = found.tip.next_seq();
        if end < size || found.in_force.is_some_and(|now| now.keys.epoch < key.number()) {
            return Err(estranged(Estrangement::RolledBack {
                signed: size,
                found: end,
            }));
        }
        let forked = || estranged(Estrangement::Forked { signed: size });
        if (found.root_at)(size)? != root {
            return Err(forked());
        }
        let place = Place::of(disk, layout)?;
        let moved = place.path != before.path && place.inode != before.inode;
        if moved && claim == Claim::Same {
            return Err(estranged(Estrangement::Copied { from: before.path }));
        }
        // Where the log ends exactly where something was signed last, the file knows as well which epoch comes next.
        let began = match found.in_force {
            None if end > size => return Err(forked()),
            None => end,
            Some(InForce { keys, began, .. }) => {
                // A crash between an epoch's record and its file: what follows is the same whenever it is done.
                for _ in 0..REDONE_AT_MOST {
                    if key.number() == keys.epoch {
                        break;
                    }
                    key = key.next();
                }
                if key.number() != keys.epoch || hex(&key.public()) != keys.epoch_key {
                    return Err(forked());
                }
                *began
            }
        };
        let log_key = keyring::read_log_key(disk, layout, identity, found.in_force.map(|now| now.keys.log.as_str()))?;
        let began_at = found.in_force.map_or(0, |now| now.logged);
        let age = disk.now().saturating_sub(began_at).max(0).unsigned_abs();
        let signer = Signer {
            log_id: identity.log_id,
            log_key,
            epoch: key,
            place,
            before,
            began,
            ends_at: (end > began).then(|| disk.monotonic().saturating_add(EPOCH_NS.saturating_sub(age))),
            kept: None,
            _alone: alone,
        };
        signer.keep_at(disk, layout, size, root)?;
        Ok(signer)
    }

    /// Where the log was when it was written before, and where it is.
    pub(crate) fn places(&self) -> (String, String) {
        (self.before.path.clone(), self.place.path.clone())
    }

    /// The public keys that are in force.
    pub(crate) fn keys(&self) -> StateKeys {
        StateKeys {
            log: self.log_key.verifier().to_string(),
            epoch: self.epoch.number(),
            epoch_key: hex(&self.epoch.public()),
        }
    }

    /// The public half of the key that signs checkpoints.
    pub(crate) fn log_key(&self) -> &VerifierKey {
        self.log_key.verifier()
    }

    /// Notes that records were appended.
    pub(crate) fn appended(&mut self, monotonic: u64) {
        self.ends_at.get_or_insert(monotonic.saturating_add(EPOCH_NS));
    }

    /// Whether the present epoch should end.
    pub(crate) fn is_due(&self, size: u64, monotonic: u64) -> bool {
        size.saturating_sub(self.began) >= EPOCH_RECORDS || self.ends_at.is_some_and(|end| monotonic >= end)
    }

    /// Whether there is anything that no epoch has signed.
    pub(crate) fn has_unsigned(&self, size: u64) -> bool {
        size > self.began
    }

    /// The record that ends the present epoch behind `tip`; with when it is logged, and how far the clock is ahead.
    pub(crate) fn epoch_event(&self, tip: &Tip, logged: (i64, i64)) -> Vec<u8> {
        let log_key = self.log_key.verifier().to_string();
        events::epoch(&self.epoch, &log_key, self.log_id, tip, logged)
    }

    /// Goes on to the next epoch once the record is durable, behind which the log is at `tip`. If the file cannot be
    /// written the old secret stays in it: an opening does this again.
    pub(crate) fn advance(&mut self, disk: &dyn Disk, layout: &Layout, tip: &Tip) -> Result<()> {
        self.epoch = self.epoch.next();
        self.began = tip.next_seq();
        self.ends_at = None;
        self.kept = None;
        self.keep(disk, layout, tip)?;
        self.kept = Some(tip.next_seq());
        Ok(())
    }

    /// Signs how far the log is.
    pub(crate) fn checkpoint(&self, disk: &dyn Disk, layout: &Layout, tip: &Tip) -> Result<SignedCheckpoint> {
        // Nearly always an epoch ended just before, and its file says this already.
        if self.kept != Some(tip.next_seq()) {
            self.keep(disk, layout, tip)?;
        }
        let checkpoint = Checkpoint::new(self.log_key.origin(), tip.next_seq(), tip.tree.root())?;
        Ok(SignedCheckpoint::sign(checkpoint, &self.log_key)?)
    }

    /// The bytes of a tombstone, signed by the log key.
    pub(crate) fn tombstone(&self, said: &Manifest, lines: &[Vec<u8>]) -> Result<Vec<u8>> {
        Tombstone::encode(said, lines, &self.log_key).ok_or_else(|| Error::NotFound {
            what: format!("words for the tombstone of segment {}", said.segment),
        })
    }

    /// A new key for checkpoints, not in force yet, and the record of the change.
    pub(crate) fn new_log_key(&self, disk: &dyn Disk) -> Result<(Zeroizing<[u8; 32]>, Vec<u8>)> {
        let mut seed = Zeroizing::new([0; 32]);
        disk.random(&mut *seed);
        let new = keyring::log_key(self.log_key.origin(), &seed)?;
        let (old_key, new_key) = (self.log_key.verifier().to_string(), new.verifier().to_string());
        let statement = KeyChange::statement(self.log_id, &old_key, &new_key);
        let change = KeyChange {
            name: "key".to_owned(),
            old: old_key,
            new: new_key,
            signed_by_old: hex(&self.log_key.sign(&statement)),
            signed_by_new: hex(&new.sign(&statement)),
        };
        Ok((seed, events::key_change(&change)))
    }

    /// Signs checkpoints with another key from here on; the change is durable in the log and in the file.
    pub(crate) fn set_log_key(&mut self, seed: &[u8; 32]) -> Result<()> {
        self.log_key = keyring::log_key(self.log_key.origin(), seed)?;
        Ok(())
    }

    fn keep(&self, disk: &dyn Disk, layout: &Layout, tip: &Tip) -> Result<()> {
        self.keep_at(disk, layout, tip.next_seq(), tip.tree.root())
    }

    fn keep_at(&self, disk: &dyn Disk, layout: &Layout, size: u64, root: Hash) -> Result<()> {
        let key = EpochKey::new(self.epoch.number(), Zeroizing::new(*self.epoch.seed()));
        let place = self.place.clone();
        let file = EpochFile { key, size, root, place };
        keyring::write_epoch(disk, layout, self.log_id, &file)
    }
}

/// What a log that is being opened says.
pub(crate) struct Found<'a> {
    pub(crate) tip: &'a Tip,
    /// What its last `state`, `epoch` and `key` records put in force; nothing if damage left none of them.
    pub(crate) in_force: Option<&'a InForce>,
    /// The root that it had at a size.
    pub(crate) root_at: &'a dyn Fn(u64) -> Result<Hash>,
}

/// How many epochs a key's file may be behind its log: far more than a crash leaves, and a hostile number ends here.
const REDONE_AT_MOST: u32 = 100_000;
