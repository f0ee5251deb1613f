//! Taking a checkpoint to its targets, and keeping a proof that somebody brought.

use super::directory;
use super::target::{Target, Way, anchor_error, targets_in_force};
use crate::error::{Error, Result};
use crate::log::anchored::{
    AnchorDid, AnchorEvent, Noted, PROOF_FILE_BYTES, digest_of, is_proof_name, keep_proof, read_notes, write_notes,
};
use crate::log::{Core, Files, checkpoints};
use crate::proof::SignedCheckpoint;
use crate::record::format_time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What became of a checkpoint at one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AnchorAttempt {
    /// The log.
    pub log: String,
    /// The target, as the policy names it; nothing for a proof that somebody brought.
    pub to: Option<String>,
    /// How many records the checkpoint is for.
    pub size: u64,
    /// What the file is called there, or beside the checkpoint.
    pub file: Option<String>,
    /// When, by the clock of whoever vouches for it.
    pub at: Option<String>,
    /// Why it did not get there; it is tried again.
    pub error: Option<String>,
}

/// What is asked for through the door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Asked {
    /// Anchor now, at one target or at all.
    Now { only: Option<String> },
    /// Keep this proof, in base64, beside a checkpoint.
    Attach {
        name: String,
        size: Option<u64>,
        proof: String,
    },
}

/// The longest error that is recorded, in bytes.
const ERROR_BYTES: usize = 500;

/// Does what another process asks for; both are JSON. It can only have the policy's targets used.
pub(crate) fn through_the_door(core: &Core, asked: &[u8]) -> Result<Vec<u8>> {
    let malformed = |error: serde_json::Error| anchor_error("the door", &format!("a request to anchor: {error}"));
    let done = match serde_json::from_slice(asked).map_err(malformed)? {
        Asked::Now { only } => {
            let mut all = targets_in_force(core)?;
            if let Some(only) = only {
                all.retain(|target| target.name == only);
                if all.is_empty() {
                    return Err(anchor_error(&only, "the policy names no such anchor for this log"));
                }
            }
            let done = anchor(core, &all, &|| false)?;
            core.followers().for_each(|follower| follower.look());
            done
        }
        Asked::Attach { name, size, proof } => {
            let proof = crate::proof::base64_bytes(&proof).ok_or_else(|| anchor_error(&name, "it is not base64"))?;
            vec![attach(core, &name, size, &proof)?]
        }
    };
    serde_json::to_vec(&done).map_err(malformed)
}

/// Takes the newest checkpoint, or a new one if there is news, to these targets. `stopped` says that nobody waits any more.
pub(super) fn anchor(core: &Core, targets: &[Target], stopped: &dyn Fn() -> bool) -> Result<Vec<AnchorAttempt>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let _alone = core.anchoring.lock();
    let signed = core.act(|writer| writer.checkpoint_of_news())?;
    let mut done = Vec::with_capacity(targets.len());
    for target in targets {
        if stopped() {
            break;
        }
        done.extend(at_one(core, target, &signed, stopped)?);
    }
    Ok(done)
}

/// What was carried to a target.
pub(super) struct Carried {
    /// What it is called there, or beside the checkpoint.
    pub(super) file: String,
    /// The digest of a proof that is kept beside the checkpoint.
    pub(super) digest: Option<String>,
    /// When, in nanoseconds since 1970, by the clock of whoever vouches for it.
    pub(super) at: Option<i64>,
}

/// Takes a checkpoint to one target and records what came of it; nothing if it was stopped on the way.
fn at_one(
    core: &Core,
    target: &Target,
    signed: &SignedCheckpoint,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<AnchorAttempt>> {
    let (disk, layout) = (&*core.files.disk, &core.files.layout);
    let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
    let known = read_notes(disk, layout).get(&target.name).map_or(0, |noted| noted.size);
    let carried = carry(&core.files, target, signed, known, stopped);
    if carried.is_err() && stopped() {
        return Ok(None);
    }
    let now = disk.now();
    let mut notes = read_notes(disk, layout);
    let noted = notes.entry(target.name.clone()).or_default();
    let event = match &carried {
        Ok(carried) => {
            *noted = Noted::arrived(size, now);
            AnchorEvent {
                file: Some(carried.file.clone()),
                digest: carried.digest.clone(),
                at: carried.at.map(format_time),
                ..AnchorEvent::new(AnchorDid::Anchored, Some(&target.name), size, root)
            }
        }
        Err(why) => {
            let why = shortened(why);
            noted.failed(&why, now);
            AnchorEvent {
                error: Some(why),
                failures: Some(noted.failures),
                ..AnchorEvent::new(AnchorDid::Failed, Some(&target.name), size, root)
            }
        }
    };
    core.act(|writer| writer.record(event.members()))?;
    // A hint: without it the next look is earlier or later.
    let _ = write_notes(disk, layout, &notes);
    Ok(Some(attempt(core, event)))
}

fn attempt(core: &Core, event: AnchorEvent) -> AnchorAttempt {
    AnchorAttempt {
        log: core.files.identity.name().to_owned(),
        to: event.to,
        size: event.size,
        file: event.file,
        at: event.at,
        error: event.error,
    }
}

fn carry(
    files: &Files,
    target: &Target,
    signed: &SignedCheckpoint,
    known: u64,
    stopped: &dyn Fn() -> bool,
) -> std::result::Result<Carried, String> {
    match &target.to {
        Way::Directory(dir) => {
            let file = directory::keep(&*files.disk, dir, signed).map_err(|error| error.to_string())?;
            Ok(Carried {
                file,
                digest: None,
                at: None,
            })
        }
        #[cfg(feature = "anchors")]
        Way::Witness { url, key } => super::witness::cosign(files, url, key, signed, known, stopped),
        #[cfg(feature = "anchors")]
        Way::Authority { url, certificate } => super::authority::stamp(files, url, certificate, signed, stopped),
        #[cfg(not(feature = "anchors"))]
        Way::Witness { .. } | Way::Authority { .. } => {
            let _ = (known, stopped);
            Err(
                "this program was built without its feature `anchors`, and so cannot reach a witness or an authority"
                    .to_owned(),
            )
        }
    }
}

/// Keeps a proof that somebody brought: beside the checkpoint of that size, or else the one whose SHA-256 is in it.
fn attach(core: &Core, name: &str, size: Option<u64>, proof: &[u8]) -> Result<AnchorAttempt> {
    let wrong = |message: &str| anchor_error(name, message);
    if proof.is_empty() || proof.len() > PROOF_FILE_BYTES {
        return Err(wrong(&format!(
            "a proof has at least one byte and at most {PROOF_FILE_BYTES}"
        )));
    }
    let _alone = core.anchoring.lock();
    let (disk, layout) = (&*core.files.disk, &core.files.layout);
    let size = match size {
        Some(size) => size,
        None => size_in(&core.files, proof)?.ok_or_else(|| {
            wrong("it holds the SHA-256 of no checkpoint that is stored; say the size of the one that it is about")
        })?,
    };
    let path = layout.checkpoint(size);
    let bytes = checkpoints::read(disk, &path).map_err(|error| Error::io("reading", &path, error))?;
    let signed = SignedCheckpoint::parse(&bytes)?;
    // Stamping `checkpoints/SIZE20` gives `SIZE20.ots`.
    let own = name.strip_prefix(&format!("{size:020}.")).unwrap_or(name);
    if !is_proof_name(own) {
        return Err(wrong(
            "the name has to be of letters, digits, dots, hyphens and underscores, 1 to 100, and not end in .tmp",
        ));
    }
    let file = keep_proof(disk, layout, size, own, proof)?;
    let event = AnchorEvent {
        file: Some(file),
        digest: Some(digest_of(proof)),
        ..AnchorEvent::new(AnchorDid::Attached, None, size, signed.checkpoint().root())
    };
    core.act(|writer| writer.record(event.members()))?;
    Ok(attempt(core, event))
}

/// The size of the newest stored checkpoint whose SHA-256 stands in a proof, as it does in an OpenTimestamps file and in a time
/// stamp of RFC 3161.
fn size_in(files: &Files, proof: &[u8]) -> Result<Option<u64>> {
    let (disk, layout) = (&*files.disk, &files.layout);
    let io = |error| Error::io("listing", layout.checkpoint_dir(), error);
    let (sizes, _) = checkpoints::list(disk, layout).map_err(io)?;
    let mut digests: HashMap<[u8; 32], u64> = HashMap::new();
    for size in sizes {
        if let Ok(bytes) = checkpoints::read(disk, &layout.checkpoint(size)) {
            digests.insert(Sha256::digest(&bytes).into(), size);
        }
    }
    Ok(proof
        .windows(32)
        .filter_map(|window| digests.get(window))
        .max()
        .copied())
}

/// What stands in a record and in a terminal: printable and of bounded length, whoever said it.
fn shortened(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > ERROR_BYTES {
            break;
        }
        out.push(c);
    }
    out
}
