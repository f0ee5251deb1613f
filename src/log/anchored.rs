//! What a log keeps of its anchors: a record of each attempt, the proofs that others made, as files beside the checkpoint that
//! they are about, and a note of how it stands with each target.
//!
//! A proof's file is named by the checkpoint's size and a name of its own, `SIZE20.NAME`. Its bytes are others'; an `anchor`
//! record has their SHA-256. One that no record names counts for nothing: a crash came between the two.
//!
//! What must hold: a file is durable before its record; the note is no evidence, whoever changes or removes it can have an
//! anchor made sooner or later and nothing else.

use super::events::{hex, system};
use super::layout::{Layout, proof_of};
use crate::disk::{Disk, Open, read_short, write_new};
use crate::error::{Error, Result};
use crate::proof::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The longest proof of others that is kept, in bytes.
pub(crate) const PROOF_FILE_BYTES: usize = 1 << 20;

/// What became of a checkpoint on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AnchorDid {
    /// It is there.
    Anchored,
    /// It is not; it is tried again.
    Failed,
    /// Somebody brought a proof of it.
    Attached,
}

/// The event of a checkpoint that went elsewhere, or did not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AnchorEvent {
    pub(crate) name: String,
    pub(crate) did: AnchorDid,
    /// The target, as the policy names it; nothing if somebody brought a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// How many records the checkpoint is for, and its root.
    pub(crate) size: u64,
    pub(crate) root: String,
    /// What it is called there, or beside the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Over a proof that is kept beside the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// When, by the clock of whoever vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    /// Why it failed, and how often it has in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failures: Option<u32>,
}

impl AnchorEvent {
    pub(crate) fn new(did: AnchorDid, to: Option<&str>, size: u64, root: &Hash) -> Self {
        AnchorEvent {
            name: "anchor".to_owned(),
            did,
            to: to.map(str::to_owned),
            size,
            root: hex(root),
            file: None,
            digest: None,
            at: None,
            error: None,
            failures: None,
        }
    }

    /// The members of the record.
    pub(crate) fn members(&self) -> Vec<u8> {
        system(self)
    }

    /// The proof that it says is kept beside a checkpoint: its file's name, and its digest.
    pub(crate) fn kept(&self) -> Option<(&str, &str)> {
        let (file, digest) = (self.file.as_deref()?, self.digest.as_deref()?);
        let (_, name) = file.split_once('.')?;
        (proof_of(file).is_some() && is_proof_name(name)).then_some((file, digest))
    }
}

/// The digest of a proof, as records name it.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Keeps a proof beside the checkpoint of that size, durably, and gives its file's name. The same bytes under the same name
/// are kept once.
pub(crate) fn keep_proof(disk: &dyn Disk, layout: &Layout, size: u64, name: &str, bytes: &[u8]) -> Result<String> {
    let path = layout.checkpoint_proof(size, name);
    let io = |error| Error::io("storing", &path, error);
    let file_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if disk.stat(&path).map_err(io)?.is_some() {
        if read_short(disk, &path, PROOF_FILE_BYTES).map_err(io)? != bytes {
            return Err(Error::Exists { path });
        }
        // A crash may have come before its name was durable.
        disk.sync_dir(&layout.checkpoint_dir()).map_err(io)?;
        return Ok(file_name());
    }
    let temporary = layout.checkpoint_proof(size, &format!("{name}.tmp"));
    write_new(disk, &temporary, bytes).map_err(io)?;
    disk.rename(&temporary, &path).map_err(io)?;
    disk.sync_dir(&layout.checkpoint_dir()).map_err(io)?;
    Ok(file_name())
}

/// The sizes of the checkpoints beside which a proof of that name is kept, the newest first.
#[cfg(feature = "anchors")]
pub(crate) fn kept_for(disk: &dyn Disk, layout: &Layout, name: &str) -> Vec<u64> {
    let names = disk.list(&layout.checkpoint_dir()).unwrap_or_default();
    let size = |found: &String| {
        let (size, behind) = found.split_once('.')?;
        (behind == name).then(|| size.parse().ok())?
    };
    names.iter().rev().filter_map(size).collect()
}

/// Whether a proof may bear that name beside a checkpoint.
pub(crate) fn is_proof_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=100).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().any(|byte| byte != b'.')
        && !name.ends_with(".tmp")
}

/// How it stands with one target, by the note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// How many records the newest checkpoint that went there is for; 0 if none did.
    pub(crate) size: u64,
    /// When that was, in nanoseconds since 1970.
    pub(crate) at: Option<i64>,
    /// Why the last attempt failed, when, and how many have in a row.
    pub(crate) error: Option<String>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) failures: u32,
}

impl Noted {
    /// A checkpoint of that size got there.
    pub(crate) fn arrived(size: u64, now: i64) -> Self {
        Noted {
            size,
            at: Some(now),
            ..Noted::default()
        }
    }

    /// One did not.
    pub(crate) fn failed(&mut self, why: &str, now: i64) {
        self.failures = self.failures.saturating_add(1);
        (self.failed_at, self.error) = (Some(now), Some(why.to_owned()));
    }
}

/// How it stands with all targets, by their names.
pub(crate) type Notes = BTreeMap<String, Noted>;

/// The note as it is; empty where it cannot be read.
pub(crate) fn read_notes(disk: &dyn Disk, layout: &Layout) -> Notes {
    let bytes = read_short(disk, &layout.anchor_note(), PROOF_FILE_BYTES).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Writes the note anew. It may get lost, and so nobody waits until it is durable.
pub(crate) fn write_notes(disk: &dyn Disk, layout: &Layout, notes: &Notes) -> std::io::Result<()> {
    let temporary = layout.anchor_note_temporary();
    if disk.stat(&temporary)?.is_some() {
        disk.remove(&temporary)?;
    }
    let bytes = serde_json::to_vec(notes)?;
    disk.open(&temporary, Open::Create)?.write_at(&bytes, 0)?;
    disk.rename(&temporary, &layout.anchor_note())
}

/// How it stands with one target of a log.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AnchorStanding {
    /// The log.
    pub log: String,
    /// The target, as the policy names it.
    pub to: String,
    /// How many records the newest checkpoint that went there is for, as was noted then; 0 if none did.
    pub size: u64,
    /// How many records a checkpoint is for that is there, or that the target has signed, as was checked just now; 0 if none is.
    /// Nothing if that was not asked for.
    pub proven: Option<u64>,
    /// How many records there are.
    pub records: u64,
    /// When the newest one got there, and how many seconds ago.
    pub anchored: Option<String>,
    /// See `anchored`.
    pub age_seconds: Option<u64>,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// How many have in a row.
    pub failures: u32,
}
