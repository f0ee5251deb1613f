//! The records that the log writes about itself: what their `event` says.

use super::anchored::AnchorEvent;
use super::backed_up::BackedUpTo;
use super::holding::{PeopleChange, Placed, Released};
use super::siblings::{Created, Household, PolicyChange, Sibling};
use super::terms::{ClockAccepted, ClockStep, Clocks, Dropping, Keep, Terms};
use super::view::Tip;
use crate::policy::{Class, Person};
use crate::proof::{EpochKey, EpochStatement, Frontier, Hash};
use crate::record::id_text;
use serde::{Deserialize, Serialize};

/// What a system record's members begin with.
pub(crate) const SYSTEM: &[u8] = b"\"agent\":{\"id\":\"auditdb\"},\"kind\":\"system\"";

/// The software's name and version as it stands in records.
const SOFTWARE: &str = concat!("auditdb ", env!("CARGO_PKG_VERSION"));

/// What identifies a log: it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The database that the log belongs to.
    pub(crate) database: [u8; 16],
    /// The log's id.
    pub(crate) log_id: [u8; 16],
    /// The log's name.
    pub(crate) name: String,
}

impl Identity {
    /// The log's id as text.
    #[must_use]
    pub fn log_id(&self) -> String {
        id_text(self.log_id)
    }

    /// The database's id as text.
    #[must_use]
    pub fn database_id(&self) -> String {
        id_text(self.database)
    }

    /// The log's name to the outside: its checkpoints bear it, and it is the name of the key that signs them.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}/{}", self.name, self.log_id())
    }

    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The event of a segment's first record: all that is needed to check the segment by itself. A reader takes any JSON in the
/// lists, so that a later release can add to what stands there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) format: u16,
    pub(crate) software: String,
    pub(crate) database: String,
    pub(crate) log: String,
    pub(crate) log_id: String,
    /// The log's name to the outside, in its checkpoints.
    pub(crate) origin: String,
    pub(crate) keys: StateKeys,
    /// The class of the records that follow, and what it promises.
    pub(crate) class: Option<String>,
    pub(crate) keep: Option<Keep>,
    pub(crate) region: Option<String>,
    pub(crate) policy: Option<String>,
    #[serde(default, deserialize_with = "known_siblings")]
    pub(crate) siblings: Vec<Sibling>,
    pub(crate) holds: Vec<serde_json::Value>,
    /// Who may do what needs a person, and their keys; nobody if the policy names no people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) people: Vec<Person>,
    /// What the clocks say: later the next opening can tell whether the clock stepped meanwhile.
    pub(crate) clock: Option<Clocks>,
    /// Where the log stood before this record; absent in genesis.
    pub(crate) previous: Option<Standing>,
    /// The log that this one goes on from; only in genesis, and only in that of a successor.
    pub(crate) predecessor: Option<Predecessor>,
    /// Up to where the log is backed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backup: Option<BackedUpTo>,
    /// When it was logged, where that was read with it.
    #[serde(skip)]
    pub(crate) logged: Option<i64>,
}

/// The log that a successor goes on from, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Predecessor {
    /// Its name in the database, and the one to the outside.
    pub(crate) log: String,
    pub(crate) origin: String,
    /// How far it was; nothing if damage left that open.
    pub(crate) standing: Option<Standing>,
    /// Why it could not be written any more, in words.
    pub(crate) why: String,
    /// What the person said who had this log made.
    pub(crate) reason: String,
    /// The records that are known to have been there and are not, since it was restored from a copy that is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gap: Option<Gap>,
}

/// Records that somebody has a checkpoint of and that were not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// The seq of the first of them, and the one behind the last.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The root of the tree over all records before `to`, in hexadecimal digits.
    pub(crate) root: String,
    /// The text of the checkpoint that says so.
    pub(crate) checkpoint: String,
}

impl State {
    /// What was promised about the records that follow. A log from before there were classes promised what is usual.
    pub(crate) fn promise(&self) -> Class {
        match (&self.class, self.keep) {
            (Some(name), Some(keep)) => Class::stated(name, keep.months).with_margin(keep.margin),
            _ => Class::default(),
        }
    }

    /// What holds from here on besides the keys.
    pub(crate) fn terms(self) -> Terms {
        Terms {
            class: self.promise(),
            household: Household::of(&self),
            region: self.region,
            holds: self.holds,
            people: self.people,
            clock: self.clock.unwrap_or_default(),
            backup: self.backup,
        }
    }
}

/// The siblings of a state that are in a form that this release knows.
fn known_siblings<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Sibling>, D::Error> {
    let listed = Vec::<serde_json::Value>::deserialize(from)?.into_iter();
    Ok(listed.filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// The public keys that are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateKeys {
    /// The one that signs checkpoints, as a vkey of C2SP signed-note.
    pub(crate) log: String,
    /// The number of the epoch that signs next, and its public key in hexadecimal digits.
    pub(crate) epoch: u64,
    pub(crate) epoch_key: String,
}

/// How far a log is: how many records, and the two hashes over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) chain: String,
}

impl Standing {
    pub(crate) fn new(tree: &Frontier, chain: &Hash) -> Self {
        Standing {
            size: tree.size(),
            root: hex(&tree.root()),
            chain: hex(chain),
        }
    }
}

/// The event that ends an epoch, and with it every segment: where the log stands, the key of the next epoch, and this
/// epoch's signature over both (see [`EpochStatement`]).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) name: String,
    pub(crate) epoch: u64,
    #[serde(flatten)]
    pub(crate) standing: Standing,
    pub(crate) next_key: String,
    /// See [`Clocks`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) ahead_ns: i64,
    /// The key that signs checkpoints, as a vkey. Not signed: the chain that is signed commits to what put it in force.
    pub(crate) log_key: String,
    pub(crate) signature: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The event of another key that signs checkpoints, signed by both.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyChange {
    pub(crate) name: String,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) signed_by_old: String,
    pub(crate) signed_by_new: String,
}

impl KeyChange {
    /// What both keys sign: context, a zero byte, the log's id, and both keys as text, each with a newline.
    pub(crate) fn statement(log_id: [u8; 16], old: &str, new: &str) -> Vec<u8> {
        let mut bytes = b"auditdb log key v1\0".to_vec();
        bytes.extend_from_slice(&log_id);
        bytes.extend_from_slice(format!("{old}\n{new}\n").as_bytes());
        bytes
    }
}

/// The first record of a log.
pub(crate) fn genesis(
    identity: &Identity,
    keys: StateKeys,
    terms: &Terms,
    predecessor: Option<Predecessor>,
) -> Vec<u8> {
    let genesis = state_of(identity, keys, terms, "genesis", None);
    system(&State { predecessor, ..genesis })
}

/// The first record of every later segment.
pub(crate) fn state(identity: &Identity, keys: StateKeys, terms: &Terms, tree: &Frontier, chain: &Hash) -> Vec<u8> {
    system(&state_of(
        identity,
        keys,
        terms,
        "state",
        Some(Standing::new(tree, chain)),
    ))
}

/// The end of an epoch.
pub(crate) fn epoch(
    key: &EpochKey,
    log_key: &str,
    log_id: [u8; 16],
    tip: &Tip,
    (logged, ahead_ns): (i64, i64),
) -> Vec<u8> {
    let standing = Standing::new(&tip.tree, &tip.chain);
    let next_key = key.next().public();
    let statement = EpochStatement {
        log_id,
        epoch: key.number(),
        size: tip.next_seq(),
        root: tip.tree.root(),
        chain: tip.chain,
        logged,
        next_key,
    };
    system(&Epoch {
        name: "epoch".to_owned(),
        epoch: key.number(),
        standing,
        next_key: hex(&next_key),
        ahead_ns,
        log_key: log_key.to_owned(),
        signature: hex(&key.sign(&statement)),
    })
}

/// The event of an index that was made of a segment, and of which a reader may believe that it is as it was made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Indexed {
    pub(crate) name: String,
    /// The segment's first seq, and how many lines it has.
    pub(crate) segment: u64,
    pub(crate) count: u64,
    /// Over the index file's head, which has the hashes of all the rest.
    pub(crate) digest: String,
    pub(crate) software: String,
}

/// How a digest by BLAKE3 begins in records.
pub(super) const BLAKE3: &str = "blake3:";

/// A segment was indexed.
#[cfg(feature = "search")]
pub(crate) fn indexed(segment: u64, count: u64, digest: &Hash) -> Vec<u8> {
    system(&Indexed {
        name: "indexed".to_owned(),
        segment,
        count,
        digest: format!("{BLAKE3}{}", hex(digest)),
        software: SOFTWARE.to_owned(),
    })
}

/// Which segment's index a record with these members vouches for, and the digest of that; `None` of any other record.
pub(crate) fn vouched_for(members: &[u8]) -> Option<(u64, Hash)> {
    if mark_name(members)? != b"indexed" {
        return None;
    }
    let event: Indexed = event_of(members)?;
    Some((event.segment, unhex(event.digest.strip_prefix(BLAKE3)?)?))
}

/// Another key signs checkpoints from here on.
pub(crate) fn key_change(change: &KeyChange) -> Vec<u8> {
    system(change)
}

/// The log was moved to another place by a person.
pub(crate) fn adopted(from: &str, to: &str, reason: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Adopted<'a> {
        name: &'static str,
        from: &'a str,
        to: &'a str,
        reason: &'a str,
    }
    system(&Adopted {
        name: "adopted",
        from,
        to,
        reason,
    })
}

/// Somebody opened the log for writing.
pub(crate) fn opened(clock: &Clocks) -> Vec<u8> {
    #[derive(Serialize)]
    struct Opened<'a> {
        name: &'static str,
        software: &'static str,
        pid: u32,
        boot: Option<&'a str>,
        uptime_ns: Option<u64>,
    }
    system(&Opened {
        name: "opened",
        software: SOFTWARE,
        pid: std::process::id(),
        boot: clock.boot.as_deref(),
        uptime_ns: clock.uptime_ns,
    })
}

/// What was cut off or put aside before the log was written to again.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Recovered {
    pub(crate) name: &'static str,
    /// `torn_tail` for what an interrupted write left, `damage` for what a person had recovered.
    pub(crate) why: &'static str,
    /// The file, by its name in the log's directory.
    pub(crate) file: String,
    /// What was done with it.
    pub(crate) did: Did,
    /// Which of its bytes this is about: from there on, so many.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    /// Over these bytes; nothing if the file is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Where they are now, by its name in the log's directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    /// What was found, in words; for damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// The first and last seqs of the records that cannot be read any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreadable: Vec<(u64, u64)>,
}

/// What a recovery did with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Did {
    /// Cut it at the byte that is named.
    Cut,
    /// Took it away.
    Removed,
    /// Wrote it anew from what it holds itself, or from other files.
    Rebuilt,
    /// Left it as it is, or missing: nothing can be mended here.
    Left,
}

pub(crate) fn recovered(event: &Recovered) -> Vec<u8> {
    system(event)
}

/// The same for an event that was written down as JSON; `None` if it was not written to its end.
pub(crate) fn recovered_as_noted(text: &str) -> Option<Vec<u8>> {
    let event: &serde_json::value::RawValue = serde_json::from_str(text).ok()?;
    event.get().starts_with('{').then(|| system(&event))
}

/// The event in a system record's members.
pub(crate) fn event_of<'a, T: Deserialize<'a>>(members: &'a [u8]) -> Option<T> {
    let event = crate::record::members(members).find(|child| crate::record::named(members, child, "event"))?;
    serde_json::from_slice(members.get(event.value)?).ok()
}

/// What a record says by which the log says where it stands and which keys are in force.
#[derive(Debug)]
pub(crate) enum Stated {
    State(Box<State>),
    Epoch(Epoch),
    Key(KeyChange),
    Clock(ClockStep),
    ClockAccepted(ClockAccepted),
    Hold(Box<Placed>),
    Released(Box<Released>),
    People(PeopleChange),
    Dropping(Dropping),
    Policy(PolicyChange),
    Created(Created),
    Anchor(AnchorEvent),
}

/// Reads such a record's members: by the name that stands first in them, in the bytes that the log writes, and by nothing
/// else. Whoever checks a record and whoever relies on it have to take it for the same; one that says several things
/// at once is what its name says. `None` for a record of another name, and for one that is not in the form of its name.
pub(crate) fn stated(members: &[u8]) -> Option<Stated> {
    match mark_name(members)? {
        b"genesis" | b"state" => Some(Stated::State(event_of(members)?)),
        b"epoch" => Some(Stated::Epoch(event_of(members)?)),
        b"key" => Some(Stated::Key(event_of(members)?)),
        b"clock" => Some(Stated::Clock(event_of(members)?)),
        b"clock_accepted" => Some(Stated::ClockAccepted(event_of(members)?)),
        b"hold" => Some(Stated::Hold(event_of(members)?)),
        b"hold_released" => Some(Stated::Released(event_of(members)?)),
        b"people" => Some(Stated::People(event_of(members)?)),
        b"tombstone" => Some(Stated::Dropping(event_of(members)?)),
        b"policy" => Some(Stated::Policy(event_of(members)?)),
        b"log" => Some(Stated::Created(event_of(members)?)),
        b"anchor" => Some(Stated::Anchor(event_of(members)?)),
        _ => None,
    }
}

/// The name of the event of a record of the log, where it stands as the log writes it.
pub(crate) fn mark_name(members: &[u8]) -> Option<&[u8]> {
    let event = members.strip_prefix(SYSTEM)?.strip_prefix(b",\"event\":{\"name\":\"")?;
    event.get(..memchr::memchr(b'"', event)?)
}

/// Whether a record says anything that somebody outside should know of: all do but those by which the log keeps itself in
/// order. What it says of its anchors and backups is no reason for another anchor.
pub(crate) fn is_news(members: &[u8]) -> bool {
    let order: [&[u8]; 8] = [
        b"anchor", b"backup", b"epoch", b"state", b"genesis", b"opened", b"indexed", b"clock",
    ];
    !members.starts_with(SYSTEM) || !mark_name(members).is_some_and(|name| order.contains(&name))
}

/// The key that signs checkpoints, as the log's first record names it.
pub(crate) fn first_key(line: &str) -> Option<String> {
    let head = crate::record::read_head(line.as_bytes())?;
    let state: State = event_of(line.as_bytes().get(head.members)?)?;
    Some(state.keys.log)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]);
    let mut out = String::with_capacity(2 * bytes.len());
    out.extend(digits);
    out
}

/// The hash in lower-case hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// A signature from its hexadecimal digits.
pub(crate) fn unhex64(text: &str) -> Option<[u8; 64]> {
    let (left, right) = text.split_at_checked(64)?;
    let halves = [unhex(left)?, unhex(right)?];
    halves.as_flattened().try_into().ok()
}

fn state_of(identity: &Identity, keys: StateKeys, terms: &Terms, name: &str, previous: Option<Standing>) -> State {
    State {
        name: name.to_owned(),
        format: super::format::FORMAT,
        software: SOFTWARE.to_owned(),
        database: identity.database_id(),
        log: identity.name.clone(),
        log_id: identity.log_id(),
        origin: identity.origin(),
        keys,
        class: Some(terms.class.name().to_owned()),
        keep: Some(Keep::of(&terms.class)),
        region: terms.region.clone(),
        policy: terms.household.policy.clone(),
        siblings: terms.household.siblings.clone(),
        holds: terms.holds.clone(),
        people: terms.people.clone(),
        clock: Some(terms.clock.clone()),
        previous,
        predecessor: None,
        backup: terms.backup.clone(),
        logged: None,
    }
}

/// The members of a system record with that event.
pub(super) fn system(event: &impl Serialize) -> Vec<u8> {
    let mut members = b"\"agent\":{\"id\":\"auditdb\"},\"kind\":\"system\",\"event\":".to_vec();
    // Structs of numbers and strings always serialise.
    members.extend_from_slice(&serde_json::to_vec(event).unwrap_or_default());
    members
}
