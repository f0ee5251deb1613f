//! What verify found, for people and for machines.

use super::anchors::Continued;
use super::trust::Trust;
use crate::log::copy::CopyKind;
use crate::log::events::{Predecessor, hex};
use crate::log::fault::Fault;
use crate::log::siblings::Household;
use crate::log::view::Tip;
use crate::proof::Hash;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// What verify checked and what it found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The log's name.
    pub log: String,
    /// The number of records that were read and hashed.
    pub records: u64,
    /// The length of their text in bytes, newlines included.
    pub text: u64,
    /// The length of the files that were read, in bytes.
    pub bytes: u64,
    /// The number of sealed segments and of journals that were read.
    pub segments: u64,
    /// See `segments`.
    pub journals: u64,
    /// How long it took, in nanoseconds.
    pub nanoseconds: u64,
    /// The records that were asked for, if not all.
    pub seqs: Option<Range<u64>>,
    /// The number of records of the whole log, the root of the tree over them and the last link of the chain; only
    /// where everything up to the end could be linked.
    pub size: Option<u64>,
    /// See `size`; in hexadecimal digits.
    pub root: Option<String>,
    /// See `size`; in hexadecimal digits.
    pub chain: Option<String>,
    /// Everything that is not as the log wrote it.
    pub faults: Vec<Fault>,
    /// Writes that a crash cut short: never acknowledged, cut off and kept aside at the next opening.
    pub torn: Vec<TornTail>,
    /// Whole frames behind what the writer told to be durable.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Whether the log was held against a key and a first record that were noted elsewhere. Without them it only agrees
    /// with itself.
    pub authenticated: bool,
    /// How many records, from the first on, the newest epoch has signed, and how many epochs were checked.
    pub signed: u64,
    /// See `signed`.
    pub epochs: u64,
    /// A checkpoint that was given shows that no record before this seq is missing.
    pub complete_to: Option<u64>,
    /// So many checkpoints that were given fit.
    pub anchored: u64,
    /// The records before this seq were dropped when their time had passed; so many tombstones say so. Their hashes were
    /// checked.
    pub dropped: u64,
    /// See `dropped`.
    pub tombstones: u64,
    /// What the log is a copy for, if it is one.
    pub copy: Option<CopyKind>,
    /// The log that this one goes on from, as its first record says.
    pub(crate) predecessor: Option<Predecessor>,
    /// The leaf of its first record; the policy that is in force, and the other logs of the database, as it says.
    pub(crate) genesis: Option<Hash>,
    pub(crate) household: Household,
    /// The digest of the policy file, or that there is none, if it is not the policy that is in force: it was edited, or
    /// taken away, and nothing has recorded that yet.
    pub policy_edited: Option<String>,
}

/// Frames behind the end that `committed` names. A writer is committing them just now, or somebody put an older
/// `committed` back so that readers do not see them; the next opening for writing takes them in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unconfirmed {
    /// The journal.
    pub file: PathBuf,
    /// Where they begin.
    pub offset: u64,
    /// How many records they hold.
    pub records: u64,
}

/// The rest of a write that a crash cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornTail {
    /// The journal.
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes of it there are.
    pub bytes: u64,
}

impl Report {
    pub(crate) fn new(log: &str, seqs: Option<Range<u64>>) -> Self {
        Report {
            log: log.to_owned(),
            records: 0,
            text: 0,
            bytes: 0,
            segments: 0,
            journals: 0,
            nanoseconds: 0,
            seqs,
            size: None,
            root: None,
            chain: None,
            faults: Vec::new(),
            torn: Vec::new(),
            unconfirmed: Vec::new(),
            authenticated: false,
            signed: 0,
            epochs: 0,
            complete_to: None,
            anchored: 0,
            dropped: 0,
            tombstones: 0,
            copy: None,
            predecessor: None,
            genesis: None,
            household: Household::default(),
            policy_edited: None,
        }
    }

    pub(crate) fn set_trust(&mut self, trust: &Trust) {
        self.signed = trust.signed();
        self.epochs = trust.epochs();
        self.predecessor = trust.predecessor().cloned();
        self.genesis = trust.genesis().map(|(leaf, _)| *leaf);
        self.household = trust.household().cloned().unwrap_or_default();
    }

    /// The digest of the policy that is in force, as the log's newest record about it says.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.household.policy.as_deref()
    }

    /// The name of the log that this one goes on from.
    #[must_use]
    pub fn predecessor(&self) -> Option<&str> {
        Some(&self.predecessor.as_ref()?.log)
    }

    /// What this log says of the one of that name, if it goes on from it.
    pub(crate) fn continued_from(&self, name: &str) -> Option<Continued> {
        let predecessor = self.predecessor.clone().filter(|before| before.log == name)?;
        Some(Continued {
            by: self.log.clone(),
            predecessor,
        })
    }

    /// How many of the newest records no epoch has signed yet.
    #[must_use]
    pub fn unsigned(&self) -> Option<u64> {
        Some(self.size?.saturating_sub(self.signed))
    }

    pub(crate) fn set_tip(&mut self, tip: Option<Tip>) {
        if let Some(tip) = tip {
            self.size = Some(tip.next_seq());
            self.root = Some(hex(&tip.tree.root()));
            self.chain = Some(hex(&tip.chain));
        }
    }

    /// Whether everything that was checked is as the log wrote it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    pub(crate) fn to_value(&self) -> serde_json::Value {
        let fault = |fault: &Fault| {
            serde_json::json!({
                "file": fault.file.display().to_string(),
                "offset": fault.offset,
                "seqs": fault.seqs.map(|(first, last)| [first, last]),
                "what": fault.what.to_string(),
            })
        };
        let torn = |torn: &TornTail| {
            let file = torn.file.display().to_string();
            serde_json::json!({ "file": file, "offset": torn.offset, "bytes": torn.bytes })
        };
        let unconfirmed = |found: &Unconfirmed| {
            let file = found.file.display().to_string();
            serde_json::json!({ "file": file, "offset": found.offset, "records": found.records })
        };
        serde_json::json!({
            "log": self.log,
            "predecessor": self.predecessor,
            "sound": self.is_sound(),
            "authenticated": self.authenticated && self.is_sound(),
            "integrity": if self.is_sound() { "sound" } else { "damaged" },
            "completeness": if self.complete_to.is_some() { "proven" } else { "unproven" },
            "complete_to": self.complete_to,
            "anchored": self.anchored,
            "signed": self.signed,
            "epochs": self.epochs,
            "unsigned": self.unsigned(),
            "copy": self.copy,
            "dropped": self.dropped,
            "tombstones": self.tombstones,
            "policy": self.policy(),
            "policy_edited": self.policy_edited,
            "whole": self.seqs.is_none(),
            "seqs": self.seqs.as_ref().map(|seqs| [seqs.start, seqs.end]),
            "records": self.records,
            "text_bytes": self.text,
            "file_bytes": self.bytes,
            "segments": self.segments,
            "journals": self.journals,
            "seconds": self.seconds(),
            "size": self.size,
            "root": self.root,
            "chain": self.chain,
            "faults": self.faults.iter().map(fault).collect::<Vec<_>>(),
            "torn": self.torn.iter().map(torn).collect::<Vec<_>>(),
            "unconfirmed": self.unconfirmed.iter().map(unconfirmed).collect::<Vec<_>>(),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "for showing only")]
    fn seconds(&self) -> f64 {
        self.nanoseconds as f64 / 1e9
    }
}

impl fmt::Display for Report {
    #[expect(clippy::cast_precision_loss, reason = "for showing only")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authenticated && self.is_sound() {
            writeln!(
                f,
                "authenticated: it begins with the record and the key that were given"
            )?;
        } else {
            writeln!(
                f,
                "NOT AUTHENTICATED: {}",
                if self.authenticated {
                    "see below"
                } else {
                    "without --key and --genesis, as `auditdb init` printed them, a log that was written anew as a whole \
                     looks like this one"
                }
            )?;
        }
        if self.copy == Some(CopyKind::Restoring) {
            writeln!(
                f,
                "UNFINISHED: it was not restored to its end, and records may be missing: run `auditdb restore` again"
            )?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT {fault}")?;
        }
        for TornTail { file, offset, bytes } in &self.torn {
            let file = file.display();
            writeln!(
                f,
                "torn tail: {file} at byte {offset}: {bytes} bytes of a write that was never acknowledged"
            )?;
        }
        for found in &self.unconfirmed {
            writeln!(
                f,
                "unconfirmed: {} at byte {}: {} records that readers do not see: they are being committed just now, or an \
                 older `committed` was put back",
                found.file.display(),
                found.offset,
                found.records
            )?;
        }
        if let Some(seqs) = &self.seqs {
            writeln!(f, "only a part was checked: seq {}..{}", seqs.start, seqs.end)?;
        }
        if self.dropped > 0 {
            writeln!(
                f,
                "dropped: records 0..{} by retention, as {} tombstones say; their hashes are kept and were checked",
                self.dropped, self.tombstones
            )?;
        }
        let megabytes = self.text as f64 / 1e6;
        let seconds = self.seconds();
        writeln!(
            f,
            "{}: checked {} records, {megabytes:.1} MB of text in {} segments and {} journals, in {seconds:.2} s ({:.0} MB/s)",
            self.log,
            self.records,
            self.segments,
            self.journals,
            megabytes / seconds.max(1e-9)
        )?;
        if let (Some(size), Some(root), Some(chain)) = (self.size, &self.root, &self.chain) {
            writeln!(f, "size {size}\nroot {root}\nchain {chain}")?;
        }
        if let Some(unsigned) = self.unsigned() {
            writeln!(
                f,
                "signed: {} records in {} epochs; the newest {unsigned} are not signed yet",
                self.signed, self.epochs
            )?;
            match self.complete_to {
                Some(size) => writeln!(
                    f,
                    "completeness: no record before {size} is missing, as {} checkpoints kept elsewhere show; what came later may be",
                    self.anchored
                ),
                None => writeln!(
                    f,
                    "completeness: UNPROVEN; whether newest records were cut off shows a checkpoint kept elsewhere (--against)"
                ),
            }?;
        }
        if let Some(found) = &self.policy_edited {
            writeln!(
                f,
                "policy: edited since it was taken up, and not recorded yet: in force {}, the file {found}",
                self.policy().unwrap_or("none")
            )?;
        }
        match self.faults.len() {
            0 => f.write_str("sound: every byte is as the log wrote it"),
            1 => f.write_str("DAMAGED: 1 fault"),
            faults => write!(f, "DAMAGED: {faults} faults"),
        }
    }
}
