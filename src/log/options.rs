//! How a log is written. Nothing here but the class is stored: any writer may choose anew.

use super::segment::Encoding;
use crate::error::{Error, Result};
use crate::policy::{Class, POLICY_FILE, Person, Policy};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How a log is written; the defaults are right for nearly everybody.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The journal is sealed when it holds this much text, in bytes (64 MiB).
    pub seal_bytes: u64,
    /// The journal is sealed when its first record is this old (a day), checked when records are appended and every
    /// minute.
    pub seal_age: Duration,
    /// The most text that one commit takes, in bytes (8 MiB); a list of records up to this size is stored as a whole
    /// or not at all.
    pub frame_bytes: usize,
    /// When this much text waits to be written, callers wait too (32 MiB).
    pub queue_bytes: usize,
    /// The longest record in bytes (64 MiB).
    pub record_bytes: usize,
    /// The zstd level of sealed segments (5): 6 makes them half a percent smaller and takes a third longer.
    pub level: i32,
    /// About how much text is compressed together, in bytes (256 KiB): more is smaller, less is quicker to read.
    pub block_bytes: usize,
    /// Whether journals are filled with zeros ahead of the records, so that an fsync has no metadata to write.
    pub zero_ahead: bool,
    /// Whether other processes of this machine may append through this one. Where no socket can be made they cannot,
    /// and are told why.
    pub door: bool,
    /// The group that a new database belongs to, by number; without it, that of the process or the directory, as the
    /// system has it. Only creating a database looks at it: its directories then hand the group on to all that is made
    /// in them, whoever writes later.
    pub group: Option<u32>,
    /// The directory of the secret keys; without it, the one that the environment names in `AUDITDB_KEYS`, else the
    /// database's path with `.keys` at its end. Only writing needs them.
    pub keys: Option<PathBuf>,
    /// The class of the log: for how long its records are kept. Without it, the one that the log has; a new one gets
    /// `standard`. Opening a log for writing with another class changes it, as [`crate::Database::set_class`] does.
    pub class: Option<Class>,
    /// The holds that a new log begins with.
    pub(crate) holds: Vec<serde_json::Value>,
    /// Whether the log has threads of its own. Without them everything happens in the caller's, in a fixed order, which
    /// tests with a simulated disk need; `submit` then waits, and nothing is sealed by age.
    pub(crate) threads: bool,
    /// Whether every sealed segment is indexed in the background, if the crate has its feature `search`. Without it queries
    /// scan, and answer the same; an index that is there is used all the same.
    pub index: bool,
    /// So many indexes are kept open at most (64); asking one that is not takes the time to open it, about a tenth of a
    /// millisecond.
    #[cfg(feature = "search")]
    pub open_indexes: usize,
    /// So many sealed segments are indexed at a time (2, or 1 where there is one processor), each by a thread of low priority
    /// that takes about twice the segment's text in memory.
    #[cfg(feature = "search")]
    pub index_threads: usize,
    /// Told of every sealed segment.
    pub(crate) followers: Vec<std::sync::Arc<dyn super::follow::Follower>>,
    /// The log of the database that is opened alone, such as `eu-health`; without it, its first one, and the others with it
    /// as records are led to them.
    pub log: Option<String>,
    /// How often what has expired is dropped while the database is open, the first time a minute after its opening; without it,
    /// as the policy file says (`retain_every`), and if that says nothing, only when somebody asks for it.
    pub retain_every: Option<Duration>,
    /// The policy that the log takes up when it is opened; `None` leaves the one that it has.
    pub(crate) policy: Option<TakenUp>,
    /// The other logs that a new one names.
    pub(crate) siblings: Vec<super::siblings::Sibling>,
    /// Tells which records should have gone elsewhere.
    pub(crate) router: Option<std::sync::Arc<dyn Router>>,
    /// Does what rooms behind the log know how to do.
    pub(crate) act: Option<Act>,
    /// What other processes may cost this one.
    #[cfg(unix)]
    pub(crate) door_limits: super::door::Limits,
}

/// What a log takes up of the database's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenUp {
    /// The file and its digest; nothing if there is no file any more.
    pub(crate) file: Option<(String, String)>,
    /// The region of the log's records.
    pub(crate) region: Option<String>,
}

impl TakenUp {
    /// Who may do what needs a person, as the file says.
    pub(crate) fn people(&self) -> Result<Vec<Person>> {
        let Some((_, text)) = &self.file else {
            return Ok(Vec::new());
        };
        let path = PathBuf::from(POLICY_FILE);
        let policy = Policy::parse(text).map_err(|mistakes| Error::Policy { path, mistakes })?;
        Ok(policy.persons())
    }
}

/// Knows which log a record belongs to.
pub(crate) trait Router: std::fmt::Debug + Send + Sync {
    /// Why a record that another process sends to this log has no way to it; `None` if it has one.
    fn flag(&self, log: &str, record: &crate::record::Prepared) -> Option<String>;
}

/// What a room behind the log does on it, for this process or for another one that asks through the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Drops what need not be kept any longer.
    Retain,
    /// Places or releases a hold.
    Hold,
    /// Anchors, or keeps a proof.
    Anchor,
}

/// Runs an errand: a request and an answer in bytes.
pub(crate) type Act = fn(Errand, &super::handle::Core, &[u8]) -> Result<Vec<u8>>;

impl Default for Options {
    fn default() -> Self {
        Options {
            seal_bytes: 64 << 20,
            seal_age: Duration::from_secs(24 * 60 * 60),
            frame_bytes: 8 << 20,
            queue_bytes: 32 << 20,
            record_bytes: crate::record::RECORD_LIMIT,
            level: 5,
            block_bytes: 256 << 10,
            zero_ahead: true,
            door: true,
            group: None,
            keys: None,
            class: None,
            holds: Vec::new(),
            threads: true,
            index: true,
            #[cfg(feature = "search")]
            open_indexes: 64,
            #[cfg(feature = "search")]
            index_threads: std::thread::available_parallelism().map_or(1, |threads| threads.get().min(2)),
            followers: Vec::new(),
            log: None,
            retain_every: None,
            policy: None,
            siblings: Vec::new(),
            router: None,
            act: None,
            #[cfg(unix)]
            door_limits: super::door::Limits::default(),
        }
    }
}

impl Options {
    /// Sets how much text is sealed together, in bytes.
    #[must_use]
    pub fn seal_bytes(mut self, bytes: u64) -> Self {
        self.seal_bytes = bytes;
        self
    }

    /// Sets after what time a segment is sealed.
    #[must_use]
    pub fn seal_age(mut self, age: Duration) -> Self {
        self.seal_age = age;
        self
    }

    /// Sets how much text one commit takes, in bytes.
    #[must_use]
    pub fn frame_bytes(mut self, bytes: usize) -> Self {
        self.frame_bytes = bytes;
        self
    }

    /// Sets how much text may wait to be written, in bytes.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Sets the longest record in bytes; more than 64 MiB is not possible.
    #[must_use]
    pub fn record_bytes(mut self, bytes: usize) -> Self {
        self.record_bytes = bytes.min(crate::record::RECORD_LIMIT);
        self
    }

    /// Sets the zstd level of sealed segments.
    #[must_use]
    pub fn level(mut self, level: i32) -> Self {
        self.level = level;
        self
    }

    /// Sets about how much text is compressed together, in bytes; at most 8 MiB.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes.min(8 << 20);
        self
    }

    /// Sets whether journals are filled with zeros ahead.
    #[must_use]
    pub fn zero_ahead(mut self, zero_ahead: bool) -> Self {
        self.zero_ahead = zero_ahead;
        self
    }

    /// Sets whether other processes may append through this one.
    #[must_use]
    pub fn door(mut self, door: bool) -> Self {
        self.door = door;
        self
    }

    /// Sets the group that a new database belongs to, by number; its members can read it.
    #[must_use]
    pub fn group(mut self, group: u32) -> Self {
        self.group = Some(group);
        self
    }

    /// Sets the directory of the secret keys.
    #[must_use]
    pub fn keys(mut self, dir: impl Into<PathBuf>) -> Self {
        self.keys = Some(dir.into());
        self
    }

    /// Sets for how long records are kept.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }

    /// Sets how often what has expired is dropped while the database is open.
    #[must_use]
    pub fn retain_every(mut self, every: Duration) -> Self {
        self.retain_every = Some(every);
        self
    }

    /// Names the log that is opened alone.
    #[must_use]
    pub fn log(mut self, name: impl Into<String>) -> Self {
        self.log = Some(name.into());
        self
    }

    /// Sets whether sealed segments are indexed in the background.
    #[must_use]
    pub fn index(mut self, index: bool) -> Self {
        self.index = index;
        self
    }

    /// Sets how many indexes are kept open at most.
    #[cfg(feature = "search")]
    #[must_use]
    pub fn open_indexes(mut self, count: usize) -> Self {
        self.open_indexes = count.max(1);
        self
    }

    /// Sets how many sealed segments are indexed at a time; at least one is.
    #[cfg(feature = "search")]
    #[must_use]
    pub fn index_threads(mut self, count: usize) -> Self {
        self.index_threads = count.max(1);
        self
    }

    /// Has everything happen in the caller's thread; see [`Options::threads`].
    #[doc(hidden)]
    #[must_use]
    pub fn without_threads(mut self) -> Self {
        self.threads = false;
        self
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding {
            level: self.level,
            frame_text: self.block_bytes.max(1),
        }
    }

    /// By how much a journal grows at least and at most.
    pub(crate) fn growth(&self) -> (u64, u64) {
        if self.zero_ahead { (64 << 10, 4 << 20) } else { (0, 0) }
    }
}
