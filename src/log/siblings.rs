//! The other logs of the database, as each log names them, and the policy that is in force: what the records of one journal
//! say of both.
//!
//! What must hold: a log that another one has named is missed when it is gone; a policy that is in force was recorded.

use super::events::{BLAKE3, State, Stated, hex, stated, system, unhex};
use super::fault::Fault;
use super::handle::Log;
use super::options::TakenUp;
use super::segment::SegmentFile;
use super::writer::{CommitFailure, Writer};
use crate::disk::Disk;
use crate::error::Result;
use crate::proof::Hash;
use crate::record::read_head;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Another log of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sibling {
    /// Its name, and the leaf of its first record in hexadecimal digits.
    pub(crate) log: String,
    pub(crate) genesis: String,
}

impl Sibling {
    pub(crate) fn new(log: &str, genesis: &Hash) -> Self {
        Sibling {
            log: log.to_owned(),
            genesis: hex(genesis),
        }
    }

    /// The leaf of its first record.
    pub(crate) fn leaf(&self) -> Option<Hash> {
        unhex(&self.genesis)
    }
}

/// The event of a log that is there from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) sibling: Sibling,
}

/// Another log of the database is there from now on.
pub(crate) fn created(sibling: &Sibling) -> Vec<u8> {
    system(&Created {
        name: "log".to_owned(),
        sibling: sibling.clone(),
    })
}

/// The event of a policy that is taken up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyChange {
    pub(crate) name: String,
    /// The digests of the file that was in force and of the one that is from here on; nothing where there is none.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// The new file, whole.
    pub(crate) text: Option<String>,
}

impl PolicyChange {
    /// Whether its text is the one that its digest names.
    pub(crate) fn is_whole(&self) -> bool {
        let found = self.text.as_ref().map(|text| blake3::hash(text.as_bytes()));
        let said = |after: &String| after.strip_prefix(BLAKE3).and_then(unhex);
        self.after.as_ref().map(said) == found.map(|found| Some(*found.as_bytes()))
    }
}

/// A policy is taken up, or none is any more.
pub(crate) fn policy_change(before: Option<&str>, after: Option<(&str, &str)>) -> Vec<u8> {
    system(&PolicyChange {
        name: "policy".to_owned(),
        before: before.map(str::to_owned),
        after: after.map(|(digest, _)| digest.to_owned()),
        text: after.map(|(_, text)| text.to_owned()),
    })
}

/// What a log's records say of both so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Household {
    pub(crate) policy: Option<String>,
    pub(crate) siblings: Vec<Sibling>,
}

impl Household {
    /// What a state says.
    pub(crate) fn of(state: &State) -> Self {
        Household {
            policy: state.policy.clone(),
            siblings: state.siblings.clone(),
        }
    }

    /// Goes on over a record.
    pub(crate) fn take(&mut self, said: &Stated) {
        match said {
            Stated::State(state) => *self = Household::of(state),
            Stated::Policy(change) => self.policy.clone_from(&change.after),
            Stated::Created(created) => self.add(&created.sibling),
            _ => {}
        }
    }

    /// What the records of a segment say, which begins with a state.
    pub(crate) fn behind_segment(disk: &dyn Disk, path: &Path) -> std::result::Result<Self, Fault> {
        let (file, mut household) = (SegmentFile::open(disk, path)?, Household::default());
        for row in file.rows()?.iter() {
            let text = file.frame_text(row)?;
            for line in text.split(|byte| *byte == b'\n') {
                let members = read_head(line).and_then(|head| line.get(head.members));
                if let Some(said) = members.and_then(stated) {
                    household.take(&said);
                }
            }
        }
        Ok(household)
    }

    pub(crate) fn add(&mut self, sibling: &Sibling) {
        if !self.siblings.contains(sibling) {
            self.siblings.push(sibling.clone());
        }
    }
}

impl Log {
    /// The other logs of the database, as far as this one has named them.
    pub(crate) fn siblings(&self) -> Result<Vec<Sibling>> {
        self.act(|writer| Ok(writer.terms.household.siblings.clone()))
    }

    /// Records that the database has another log.
    pub(crate) fn add_sibling(&self, sibling: &Sibling) -> Result<()> {
        self.act(|writer| writer.add_sibling(sibling))
    }

    /// Records that another policy is in force from here on.
    pub(crate) fn take_up(&self, policy: &TakenUp) -> Result<()> {
        self.act(|writer| writer.take_up(policy))?;
        self.core().followers().for_each(|follower| follower.look());
        Ok(())
    }

    pub(super) fn take_up_policy(&self) -> Result<()> {
        self.core()
            .options
            .policy
            .as_ref()
            .map_or(Ok(()), |policy| self.take_up(policy))
    }
}

impl Writer {
    /// Records that another policy is in force from here on.
    pub(crate) fn take_up(&mut self, policy: &TakenUp) -> std::result::Result<(), CommitFailure> {
        let after = policy
            .file
            .as_ref()
            .map(|(digest, text)| (digest.as_str(), text.as_str()));
        self.terms.region.clone_from(&policy.region);
        let people = policy.people()?;
        let before = self.terms.household.policy.as_deref();
        if before != after.map(|(digest, _)| digest) {
            self.record(policy_change(before, after))?;
            self.terms.household.policy = policy.file.as_ref().map(|(digest, _)| digest.clone());
        }
        self.set_people(people)
    }

    /// Records that the database has another log.
    pub(crate) fn add_sibling(&mut self, sibling: &Sibling) -> std::result::Result<(), CommitFailure> {
        if self.terms.household.siblings.contains(sibling) {
            return Ok(());
        }
        self.record(created(sibling))?;
        self.terms.household.add(sibling);
        Ok(())
    }
}
