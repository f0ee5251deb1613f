//! What can be wrong with a log's files, each with its place.

use super::format::FORMAT;
use std::fmt;
use std::path::PathBuf;

/// Something in a log's files that is not as the log wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Where in the file, in bytes, if it is one place.
    pub offset: Option<u64>,
    /// The first and the last record concerned, as far as that is known.
    pub seqs: Option<(u64, u64)>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The file could not be read: what the system said.
    Unreadable(String),
    /// The file should be there and is not.
    Missing,
    /// No file of this name belongs here.
    Stray,
    /// The file belongs to another log, or its name does not fit its content.
    Misplaced,
    /// The copy of a log was interrupted just when this segment was to become part of it.
    CutShort,
    /// Records that should be there are not.
    Gap,
    /// The header of a journal frame is damaged.
    FrameHeader,
    /// The lines of a journal frame do not have the checksum that its header says.
    FramePayload,
    /// Bytes behind the last frame that no interrupted write can have left.
    Garbage,
    /// The journal ends before what was reported durable since the machine was started.
    Shortened,
    /// A compressed frame does not have its checksum, or does not decompress to its length.
    Compressed,
    /// The directory of a segment is damaged.
    Directory,
    /// The directory of a segment says something that its text does not.
    DirectoryDiffers(&'static str),
    /// The seek table of a segment does not fit its frames.
    SeekTable,
    /// A line is not in the form that the log writes.
    Line,
    /// A record has another seq than its place says.
    Sequence {
        /// The seq that stands in it.
        found: u64,
    },
    /// The records do not link to the chain that was recorded.
    Chain,
    /// The tree over the records does not have the root that was recorded.
    Tree,
    /// A tree file does not hold the hashes of the records.
    TreeFile,
    /// The first record of a segment does not say what it has to, or not what the log's first record says.
    State(&'static str),
    /// The last record of a segment does not close it.
    NotClosed,
    /// A recovery was interrupted before what it did stood in the log.
    Unfinished,
    /// Records that no epoch's signature covers although one has to.
    Unsigned,
    /// An epoch is missing, or comes twice.
    EpochGap {
        /// The epoch that has to come.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
    /// A record is not signed by the key of its epoch.
    Signature,
    /// A record states other keys than those that the records before it put in force.
    Keys,
    /// A record or file is of another format than this version reads.
    Format {
        /// The version that it says.
        version: u16,
    },
    /// The log's first key is not the one that was asked for.
    OtherKey,
    /// The log's first record is not the one that was asked for.
    OtherGenesis,
    /// A checkpoint is not what the log signed: why.
    Checkpoint(String),
    /// The log ends before a checkpoint that was given, and files that are still there know of more records than it has.
    TailCut {
        /// How many records the checkpoint is for.
        size: u64,
        /// How many there are.
        end: u64,
        /// How many are known of.
        known: u64,
    },
    /// The log ends before a checkpoint that was given, and nothing in its directory knows of more.
    RolledBack {
        /// How many records the checkpoint is for.
        size: u64,
        /// How many there are.
        end: u64,
    },
    /// Among the records that a given checkpoint covers are others than it was signed for.
    Rewritten {
        /// Up to here another given checkpoint shows that nothing was changed.
        unchanged: u64,
        /// How many records the checkpoint is for.
        size: u64,
    },
    /// Two given checkpoints that the log's key has signed contradict each other.
    Forked {
        /// How many records the one is for.
        one: u64,
        /// How many the other is for.
        other: u64,
    },
    /// A place that keeps checkpoints has those of a log of this name, and none of this log.
    OtherOrigin {
        /// Whose it has.
        anchored: String,
        /// What this log is.
        found: String,
    },
    /// A proof that was kept beside a checkpoint is not the one of which a record has the digest.
    ProofChanged,
    /// The tombstone of a dropped segment is not one, or the segment must not have been dropped: why.
    Tombstone(String),
    /// A hold is not as it was placed, or was ended without right: which, and why.
    Hold(String),
    /// Something that needs a person was done without one: what, and why it does not count.
    Person(String),
    /// The log is not what its successor says of it.
    Succeeded {
        /// The successor's name.
        by: String,
        /// What is another.
        why: String,
    },
    /// The log is not the one that another log of the database names.
    Sibling {
        /// That log.
        by: String,
    },
    /// The index of a segment would not answer as the segment's text does: why.
    Index(String),
    /// A part record without the record that it belongs to, or the reverse, or with another content.
    Part,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        match self.seqs {
            Some((first, last)) if first == last => write!(f, " (seq {first})")?,
            Some((first, last)) => write!(f, " (seq {first}..{last})")?,
            None => {}
        }
        write!(f, ": {}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Unreadable(message) => write!(f, "cannot be read: {message}"),
            What::Missing => f.write_str("is missing"),
            What::Stray => f.write_str("does not belong here"),
            What::Misplaced => f.write_str("belongs to another log, or its name does not fit its content"),
            What::CutShort => f.write_str("is not part of this backup yet: it was interrupted; run `auditdb backup` again"),
            What::Gap => f.write_str("these records are missing"),
            What::FrameHeader => f.write_str("the frame's header is damaged"),
            What::FramePayload => f.write_str("the frame's lines do not have the checksum in its header"),
            What::Garbage => f.write_str("holds bytes behind its last frame that no interrupted write can have left"),
            What::Shortened => f.write_str("ends before what was acknowledged since the machine was started"),
            What::Compressed => f.write_str("a compressed frame is damaged"),
            What::Directory => f.write_str("the directory is damaged"),
            What::DirectoryDiffers(part) => write!(f, "the directory's {part} is not what the records say"),
            What::SeekTable => f.write_str("the seek table does not fit the frames"),
            What::Line => f.write_str("a line is not in the form that the log writes"),
            What::Sequence { found } => write!(f, "a record says that its seq is {found}"),
            What::Chain => f.write_str("the records do not link to the chain that was recorded: text was changed"),
            What::Tree => f.write_str("the tree over the records does not have the root that was recorded"),
            What::TreeFile => f.write_str("does not hold the hashes of the records"),
            What::State(part) => write!(f, "the segment's first record is not its state: {part}"),
            What::NotClosed => f.write_str("the segment's last record does not close it"),
            What::Unfinished => f.write_str("a recovery was interrupted; run `auditdb recover` again to finish it"),
            What::Unsigned => f.write_str("holds records that are not signed"),
            What::EpochGap { expected, found } => {
                write!(
                    f,
                    "epoch {found} stands where epoch {expected} has to: records were removed, or signed anew"
                )
            }
            What::Signature => {
                f.write_str("is not signed by the key of its epoch: records were changed and signed anew")
            }
            What::Keys => f.write_str("states other keys than the records before it put in force"),
            What::Format { version: 0 } => f.write_str(
                "is of format 0, from before the first release, which carried no promise: export it with the version that \
                 wrote it",
            ),
            What::Format { version } => write!(
                f,
                "is of format {version}, and this version of auditdb reads format {FORMAT}: use the one that wrote it"
            ),
            What::OtherKey => f.write_str(
                "is signed by another key than the one that was given: it is another log, or was written anew",
            ),
            What::OtherGenesis => f.write_str(
                "begins with another record than the one that was given: it is another log, or was written anew",
            ),
            What::Checkpoint(why) => write!(f, "is no checkpoint of this log: {why}"),
            What::TailCut { size, end, known } => write!(
                f,
                "its tail was cut off: a checkpoint was kept for {size} records and the log has {end}: records {end}..{} are \
                 missing; files that are still here know of {known}",
                size.saturating_sub(1)
            ),
            What::RolledBack { size, end } => write!(
                f,
                "it was rolled back: a checkpoint was kept for {size} records and the log has {end}: records {end}..{} are \
                 missing, and nothing here knows of them: an older state of the whole directory was put back, or one like it made",
                size.saturating_sub(1)
            ),
            What::Rewritten { unchanged, size } => {
                write!(
                    f,
                    "its history was rewritten: among its first {size} records are others than a checkpoint was kept for"
                )?;
                match unchanged {
                    0 => Ok(()),
                    unchanged => write!(f, "; the first {unchanged} are as they were"),
                }
            }
            What::Forked { one, other } => write!(
                f,
                "two histories were signed with its key: the checkpoints that were kept for {one} and for {other} records contradict \
                 each other"
            ),
            What::OtherOrigin { anchored, found } => write!(
                f,
                "is {found}, and the checkpoints that were kept are of {anchored}: it is another log, or was written anew"
            ),
            What::ProofChanged => f.write_str("is not the proof of which that record has the digest: it was changed"),
            What::Tombstone(why) => write!(f, "the tombstone {why}"),
            What::Sibling { by } => write!(f, "is not the log that {by} names: it begins with another record"),
            What::Hold(why) => write!(f, "the hold {why}"),
            What::Person(why) => write!(f, "the record {why}"),
            What::Succeeded { by, why } => write!(f, "is not as it was when {by} went on from it: {why}"),
            What::Index(why) => write!(f, "the index {why}"),
            What::Part => f.write_str("a moved-out value and its record do not belong together"),
        }
    }
}

impl Fault {
    /// Adds those of some faults that are not among the others yet.
    pub(crate) fn add_new(to: &mut Vec<Fault>, more: impl IntoIterator<Item = Fault>) {
        for fault in more {
            if !to.contains(&fault) {
                to.push(fault);
            }
        }
    }

    pub(crate) fn new(file: impl Into<PathBuf>, what: What) -> Self {
        Fault {
            file: file.into(),
            offset: None,
            seqs: None,
            what,
        }
    }

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn seqs(mut self, first: u64, last: u64) -> Self {
        self.seqs = Some((first, last));
        self
    }
}
