//! Where a log's files are and what they are called. A file's name carries the seq of its first record in twenty
//! digits, so that names sort as the records do.

use crate::disk::Disk;
use crate::record::id_text;
use std::path::{Path, PathBuf};

/// The directory of one log.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    /// Where the log's secrets are: not in its directory, so that a copy of the one has not the other.
    keys: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: impl Into<PathBuf>, keys: impl Into<PathBuf>) -> Self {
        Layout {
            root: root.into(),
            keys: keys.into(),
        }
    }

    /// The directory of the secrets.
    pub(crate) fn keys(&self) -> &Path {
        &self.keys
    }

    /// The secret of the present epoch.
    pub(crate) fn epoch_key(&self, log_id: [u8; 16]) -> PathBuf {
        self.keys.join(format!("{}.epoch", id_text(log_id)))
    }

    /// The lock of whoever writes with these secrets, to whichever directory.
    pub(crate) fn key_lock(&self, log_id: [u8; 16]) -> PathBuf {
        self.keys.join(format!("{}.lock", id_text(log_id)))
    }

    /// The secret that signs checkpoints.
    pub(crate) fn log_key(&self, log_id: [u8; 16]) -> PathBuf {
        self.keys.join(format!("{}.log", id_text(log_id)))
    }

    /// Another such secret, until the log has recorded that it is in force.
    pub(crate) fn next_log_key(&self, log_id: [u8; 16]) -> PathBuf {
        self.keys.join(format!("{}.log.next", id_text(log_id)))
    }

    pub(crate) fn checkpoint_dir(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// The checkpoint of that size.
    pub(crate) fn checkpoint(&self, size: u64) -> PathBuf {
        self.checkpoint_dir().join(format!("{size:020}"))
    }

    /// A proof that others made of the checkpoint of that size.
    pub(crate) fn checkpoint_proof(&self, size: u64, name: &str) -> PathBuf {
        self.checkpoint_dir().join(format!("{size:020}.{name}"))
    }

    /// How it stands with the anchors.
    pub(crate) fn anchor_note(&self) -> PathBuf {
        self.root.join("anchors")
    }

    /// The same while it is written.
    pub(crate) fn anchor_note_temporary(&self) -> PathBuf {
        self.root.join("anchors.new")
    }

    /// A checkpoint while it is written.
    pub(crate) fn checkpoint_temporary(&self) -> PathBuf {
        self.checkpoint_dir().join("new")
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    pub(crate) fn door(&self) -> PathBuf {
        self.root.join("writer.sock")
    }

    pub(crate) fn committed(&self) -> PathBuf {
        self.root.join("committed")
    }

    /// The note that says that the directory is a copy.
    pub(crate) fn copied(&self) -> PathBuf {
        self.root.join("copied")
    }

    /// The same while it is written.
    pub(crate) fn copied_temporary(&self) -> PathBuf {
        self.root.join("copied.new")
    }

    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn journal(&self, first_seq: u64) -> PathBuf {
        self.journal_dir().join(format!("{first_seq:020}{JOURNAL}"))
    }

    /// The next journal while it is zeroed ahead, before its first seq is known.
    pub(crate) fn next_journal(&self) -> PathBuf {
        self.journal_dir().join("next")
    }

    /// The next journal where none was zeroed ahead, before its name is known.
    pub(crate) fn empty_journal(&self) -> PathBuf {
        self.journal_dir().join("next.empty")
    }

    /// Where the bytes of a torn tail are kept.
    pub(crate) fn torn(&self, first_seq: u64, offset: u64) -> PathBuf {
        self.journal_dir().join(format!("{first_seq:020}.torn-{offset}"))
    }

    /// The same until it is recorded.
    pub(crate) fn torn_unrecorded(&self, first_seq: u64, offset: u64) -> PathBuf {
        self.journal_dir().join(format!("{first_seq:020}.torn-{offset}.new"))
    }

    pub(crate) fn segment_dir(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub(crate) fn segment(&self, first_seq: u64) -> PathBuf {
        self.segment_dir().join(format!("{first_seq:020}{SEGMENT}"))
    }

    /// A segment while it is written.
    pub(crate) fn segment_temporary(&self, first_seq: u64) -> PathBuf {
        self.segment_dir().join(format!("{first_seq:020}{SEGMENT}.tmp"))
    }

    pub(crate) fn index_dir(&self) -> PathBuf {
        self.root.join("index")
    }

    /// The index of the segment that begins there.
    pub(crate) fn index(&self, first_seq: u64) -> PathBuf {
        self.index_dir().join(format!("{first_seq:020}{INDEX}"))
    }

    /// An index while it is written.
    #[cfg(feature = "search")]
    pub(crate) fn index_temporary(&self, first_seq: u64) -> PathBuf {
        self.index_dir().join(format!("{first_seq:020}{INDEX}{TEMPORARY}"))
    }

    /// Where the tombstones of dropped segments are.
    pub(crate) fn tombstone_dir(&self) -> PathBuf {
        self.root.join("tombstones")
    }

    /// The tombstone of the segment that began there.
    pub(crate) fn tombstone(&self, first_seq: u64) -> PathBuf {
        self.tombstone_dir().join(format!("{first_seq:020}"))
    }

    /// A tombstone until a record announces it.
    pub(crate) fn tombstone_temporary(&self, first_seq: u64) -> PathBuf {
        self.tombstone_dir().join(format!("{first_seq:020}{TEMPORARY}"))
    }

    pub(crate) fn tree_dir(&self) -> PathBuf {
        self.root.join("tree")
    }

    pub(crate) fn tree(&self, level: u32) -> PathBuf {
        self.tree_dir().join(level.to_string())
    }

    /// Where damaged files go when a person had the log recovered.
    pub(crate) fn damaged_dir(&self) -> PathBuf {
        self.root.join("damaged")
    }

    /// What a recovery is about to do and has not recorded in the log yet.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.damaged_dir().join("unfinished")
    }

    /// All directories of a log, to be created and synced together.
    pub(crate) fn dirs(&self) -> [PathBuf; 5] {
        [
            self.root.clone(),
            self.journal_dir(),
            self.segment_dir(),
            self.tree_dir(),
            self.checkpoint_dir(),
        ]
    }
}

/// Whether a file or directory of that name stands in a log's directory.
pub(crate) fn is_in_a_log(name: &str) -> bool {
    IN_A_LOG.contains(&name)
}

/// What stands in a log's directory.
pub(crate) const IN_A_LOG: [&str; 14] = [
    "LOCK",
    "writer.sock",
    "committed",
    "copied",
    "copied.new",
    "journal",
    "segments",
    "tree",
    "checkpoints",
    "damaged",
    "index",
    "tombstones",
    "anchors",
    "anchors.new",
];

const JOURNAL: &str = ".journal";
const SEGMENT: &str = ".jsonl.zst";
const INDEX: &str = ".idx";
const TEMPORARY: &str = ".tmp";

/// Whether a file of that name may stand among the indexes: whatever is in it, it is no evidence.
pub(crate) fn is_index(name: &str) -> bool {
    index_seq(name.strip_suffix(TEMPORARY).unwrap_or(name)).is_some()
}

/// The first seq that a journal's name says.
pub(crate) fn journal_seq(name: &str) -> Option<u64> {
    named_seq(name, JOURNAL)
}

/// The first seq of the segment whose index a name says it is.
pub(crate) fn index_seq(name: &str) -> Option<u64> {
    named_seq(name, INDEX)
}

/// The size that a checkpoint's name says.
pub(crate) fn checkpoint_size(name: &str) -> Option<u64> {
    named_seq(name, "")
}

/// The size of the checkpoint that a proof is about, as the proof's name says.
pub(crate) fn proof_of(name: &str) -> Option<u64> {
    let (size, name) = name.split_once('.')?;
    (!name.is_empty()).then(|| checkpoint_size(size)).flatten()
}

/// The first seq that a tombstone's name says.
pub(crate) fn tombstone_seq(name: &str) -> Option<u64> {
    named_seq(name, "")
}

/// The first seq that the name of a tombstone says that no record announces yet.
pub(crate) fn unannounced_seq(name: &str) -> Option<u64> {
    named_seq(name, TEMPORARY)
}

/// The first seq that a segment's name says.
pub(crate) fn segment_seq(name: &str) -> Option<u64> {
    named_seq(name, SEGMENT)
}

/// The numbers that the names in a directory say, in order, and the names that are none. A copy may have lost a directory
/// while it was empty.
pub(crate) fn list_numbered(
    disk: &dyn Disk,
    dir: &Path,
    number: fn(&str) -> Option<u64>,
) -> std::io::Result<(Vec<u64>, Vec<String>)> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let (mut numbers, mut others) = (Vec::new(), Vec::new());
    for name in names {
        match number(&name) {
            Some(number) => numbers.push(number),
            None => others.push(name),
        }
    }
    numbers.sort_unstable();
    Ok((numbers, others))
}

fn named_seq(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
