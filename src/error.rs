//! What can go wrong, in one type. Every message says what happened, where, and what to do about it.

use crate::log::{CopyKind, Fault, What};
use crate::policy::Mistake;
use crate::proof::ProofFault;
use crate::query::QueryFault;
use crate::record::Refusal;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The text is no record that the log takes; nothing of it was stored.
    Refused(Refusal),
    /// The operating system said no.
    Io {
        /// What was being done, as in `reading`.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: std::sync::Arc<io::Error>,
    },
    /// The disk is full. Of the records or the seal that met it nothing was stored; the log goes on as soon as there is
    /// room.
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another process writes to this log.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, as far as the file says.
        pid: Option<u32>,
        /// Why that process lets no others append through it, where it said so.
        no_door: Option<String>,
    },
    /// The lock file was replaced while it was held: another writer may be running.
    LockReplaced {
        /// The lock file.
        path: PathBuf,
    },
    /// A write or an fsync failed before; what reached the disk is unknown, so this handle writes nothing any more.
    Poisoned {
        /// The log's directory.
        path: PathBuf,
        /// What failed.
        cause: String,
    },
    /// The log's files are damaged, so it is not opened for writing.
    Damaged {
        /// The log's directory.
        path: PathBuf,
        /// What was found.
        faults: Vec<Fault>,
    },
    /// The log's files are of a format that this version does not read.
    Format {
        /// The log's directory.
        path: PathBuf,
        /// The file, and what is wrong with it.
        fault: Box<Fault>,
    },
    /// A recovery cannot tell from what is left where the log stands, so it cannot be written to; nothing was guessed.
    Lost {
        /// The log's directory.
        path: PathBuf,
        /// What is lost.
        what: String,
    },
    /// There is a database already, or something else that would be in its way.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is no secret key for this log, so nothing can be signed and nothing is written: the directory is a copy, or
    /// its keys are elsewhere.
    NoKey {
        /// Where the key was looked for.
        path: PathBuf,
    },
    /// A file of keys is damaged, or another log's.
    KeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The directory is not the one that the keys belong to, so it is not written: two would go on as one.
    Estranged {
        /// The log's directory.
        path: PathBuf,
        /// What shows it.
        why: Estrangement,
    },
    /// The log can be written, so it needs no successor.
    Writable {
        /// The log's directory.
        path: PathBuf,
    },
    /// The log is a copy that says of itself what it is for, so it is not written.
    Copy {
        /// The log's directory.
        path: PathBuf,
        /// What it is for.
        kind: CopyKind,
    },
    /// The log is not the one, or not in the state, of which this is a copy; nothing was copied over it.
    Apart {
        /// The copy's directory.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// Another log of the database goes on from this one, which is only read any more.
    Succeeded {
        /// The log's name.
        log: String,
        /// The name of the one that is written.
        by: String,
    },
    /// A key, a signed text or a proof was not accepted.
    Proof(ProofFault),
    /// A query's text cannot be read.
    Query(QueryFault),
    /// A class of records that there is not, or one that keeps them for too short or too long.
    Class {
        /// What is wrong with it.
        message: String,
    },
    /// The policy file has mistakes, so nothing is done by it.
    Policy {
        /// The file.
        path: PathBuf,
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// A record would need a new log, and the database has as many as it may.
    TooManyLogs {
        /// The database's directory.
        path: PathBuf,
        /// How many that is.
        most: usize,
    },
    /// What was asked needs a person, or two, and was not asked so; or no hold of that name is in force.
    Person {
        /// What is wrong.
        message: String,
    },
    /// Whoever asks may not do that; nothing of it was done.
    NotAllowed {
        /// What.
        what: String,
    },
    /// An anchor that there cannot be, or a proof that is not taken.
    Anchor {
        /// The target, or the proof's name.
        to: String,
        /// What is wrong.
        message: String,
    },
    /// A cursor came from other logs than those that are asked.
    OtherCursor {
        /// The database's directory, or the log's if only that one is asked.
        path: PathBuf,
    },
    /// There is no database here.
    NotADatabase {
        /// Where.
        path: PathBuf,
    },
    /// No such record, segment or log.
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The record was dropped with its segment when the time had passed for which it was to be kept.
    Dropped {
        /// Which one.
        seq: u64,
        /// The record that says so.
        tombstone: u64,
        /// When that was.
        on: String,
    },
    /// The prefix of an id fits several records.
    Ambiguous {
        /// What was looked for.
        what: String,
    },
    /// The database was opened for reading only.
    ReadOnly {
        /// Where it is.
        path: PathBuf,
    },
    /// The process that writes to the log did not do what was asked through its socket.
    Door {
        /// The socket.
        path: PathBuf,
        /// What it answered.
        message: String,
    },
    /// The process that writes went away before it answered, and no other could be asked: the records may or may not
    /// be stored.
    Uncertain {
        /// The log's directory.
        path: PathBuf,
        /// What happened last.
        cause: String,
    },
    /// The log was closed.
    Closed,
}

impl Error {
    /// A log that cannot be used because of that fault. A file that the system does not let us read is no damage.
    pub(crate) fn damaged(log: &std::path::Path, fault: Fault) -> Self {
        match fault.what {
            What::Unreadable(message) => Error::Io {
                doing: "reading",
                path: fault.file,
                source: std::sync::Arc::new(io::Error::other(message)),
            },
            What::Format { .. } => Error::Format {
                path: log.to_owned(),
                fault: Box::new(fault),
            },
            _ => Error::Damaged {
                path: log.to_owned(),
                faults: vec![fault],
            },
        }
    }

    /// Wraps what the operating system said; a full disk has its own variant.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
            _ => Error::Io {
                doing,
                path,
                source: std::sync::Arc::new(source),
            },
        }
    }
}

/// What shows that a log's directory is not the one that its keys have signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Estrangement {
    /// It ends before what was signed: an older state was put back.
    RolledBack {
        /// How many records were there when the keys signed last.
        signed: u64,
        /// How many there are.
        found: u64,
    },
    /// It holds other records than those that were signed.
    Forked {
        /// Among how many records, from the first on, the difference is.
        signed: u64,
    },
    /// It is at another path and is another directory than the one that was written last.
    Copied {
        /// Where that one was.
        from: String,
    },
}

impl fmt::Display for Estrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Estrangement::RolledBack { signed, found } => write!(
                f,
                "it was rolled back: its keys have signed for {signed} records and {found} are there. Bring the newer \
                 directory back; if that is lost, `auditdb log succeed` goes on in a new log and keeps this one as it is"
            ),
            Estrangement::Forked { signed } => write!(
                f,
                "it was forked: among its first {signed} records are others than its keys have signed for. Bring the right \
                 directory back; if that is lost, `auditdb log succeed` goes on in a new log and keeps this one as it is"
            ),
            Estrangement::Copied { from } => write!(
                f,
                "it is a copy: the log was written at {from} last, in another directory. If it was moved and nothing writes \
                 there any more, `auditdb log adopt` takes it back; if both are to be written, `auditdb log succeed` goes on here in \
                 a new log"
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "record refused: {refusal}"),
            Error::Io { doing, path, source } => write!(f, "{doing} {}: {source}", path.display()),
            Error::DiskFull { path } => write!(
                f,
                "the disk is full: {} could not grow. What was acknowledged before is safe; make room and try again",
                path.display()
            ),
            Error::Locked { path, pid, no_door } => {
                write!(f, "another process writes to this log (lock {}, ", path.display())?;
                match pid {
                    Some(pid) => write!(f, "process {pid})"),
                    None => f.write_str("process unknown)"),
                }?;
                match no_door {
                    Some(why) => write!(f, "; others cannot append through it: {why}; open it read-only"),
                    None => f.write_str("; open it read-only, or append through that process"),
                }
            }
            Error::LockReplaced { path } => write!(
                f,
                "the lock file {} was replaced while it was held: another writer may be running. Find out who removed \
                 it, then open the database again",
                path.display()
            ),
            Error::Poisoned { path, cause } => write!(
                f,
                "the log {} takes no more records since a write failed ({cause}); nobody can tell what reached the \
                 disk until it is opened anew",
                path.display()
            ),
            Error::Damaged { path, faults } => {
                write!(f, "the log {} is damaged:", path.display())?;
                for fault in faults {
                    write!(f, "\n  {fault}")?;
                }
                f.write_str("\n`auditdb verify` names all that is wrong, `auditdb export` prints what can be read, and only `auditdb recover` \
                     makes the log writable again")
            }
            Error::Format { path, fault } => write!(f, "the log {} was left alone: {fault}", path.display()),
            Error::Lost { path, what } => write!(
                f,
                "the log {} cannot be made writable: {what}. Copy the damaged files back from a backup and run `auditdb \
                 recover` again; what is left can be read with `auditdb verify` and `auditdb export`. New records can go \
                 into a successor (`auditdb log succeed`)",
                path.display()
            ),
            Error::NoKey { path } => write!(
                f,
                "no secret key at {}, so nothing is written: give the directory of the log's keys (AUDITDB_KEYS), or open \
                 it for reading. A copy is never written again: `auditdb log succeed` goes on in a new log",
                path.display()
            ),
            Error::KeyFile { path } => write!(
                f,
                "{} is damaged or holds the key of another log; bring back the file as it was last, never an older one",
                path.display()
            ),
            Error::Estranged { path, why } => write!(f, "{} was opened for nothing but reading: {why}", path.display()),
            Error::Writable { path } => write!(
                f,
                "{} can be written, so it needs no successor: that is for a log that was rolled back, forked or copied, or \
                 whose keys are lost",
                path.display()
            ),
            Error::Copy { path, kind } => match kind {
                CopyKind::Backup => write!(
                    f,
                    "{} is a backup and is never written: read it as it is, or make a database of it with `auditdb restore`",
                    path.display()
                ),
                CopyKind::Restoring => write!(
                    f,
                    "{} was not restored to its end: run `auditdb restore` again",
                    path.display()
                ),
                CopyKind::Restored => write!(
                    f,
                    "{} was restored from a backup and is only read any more: `auditdb log succeed` goes on in a new log",
                    path.display()
                ),
            },
            Error::Apart { path, why } => write!(f, "nothing was copied to {}: {why}", path.display()),
            Error::Succeeded { log, by } => write!(f, "the log {log} is only read any more: {by} goes on from it"),
            Error::Proof(fault) => fault.fmt(f),
            Error::Query(fault) => fault.fmt(f),
            Error::Class { message } | Error::Person { message } | Error::NotAllowed { what: message } => {
                f.write_str(message)
            }
            Error::Policy { path, mistakes } => {
                write!(f, "the policy {} has mistakes:", path.display())?;
                for mistake in mistakes {
                    write!(f, "\n  {mistake}")?;
                }
                Ok(())
            }
            Error::TooManyLogs { path, most } => write!(
                f,
                "{} has {most} logs, and none is added: name fewer classes and regions in its policy",
                path.display()
            ),
            Error::Anchor { to, message } => write!(f, "{to}: {message}"),
            Error::OtherCursor { path } => write!(
                f,
                "the cursor is of other logs than those of {} that can be asked; ask those, or begin without a cursor",
                path.display()
            ),
            Error::Exists { path } => write!(f, "{} is already there and was left alone", path.display()),
            Error::NotADatabase { path } => {
                write!(f, "no database at {}; `auditdb init` makes one", path.display())
            }
            Error::NotFound { what } => write!(f, "{what} was not found"),
            Error::Dropped { seq, tombstone, on } => write!(
                f,
                "record {seq} was dropped by retention, tombstone {tombstone}, on {on}: its text is gone, and its hash is kept, so \
                 that a copy of the text can still be proved"
            ),
            Error::Ambiguous { what } => write!(f, "{what} fits several records; give more of it"),
            Error::ReadOnly { path } => write!(f, "{} was opened for reading only", path.display()),
            Error::Door { path, message } => write!(f, "the writer behind {} said: {message}", path.display()),
            Error::Uncertain { path, cause } => write!(
                f,
                "the records may or may not be stored in {}: {cause}. Append again those that have an id or a source, \
                 which is harmless; look for the others first",
                path.display()
            ),
            Error::Closed => f.write_str("the log was closed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            Error::Proof(fault) => Some(fault),
            Error::Query(fault) => Some(fault),
            Error::Io { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<ProofFault> for Error {
    fn from(fault: ProofFault) -> Self {
        Error::Proof(fault)
    }
}

impl From<QueryFault> for Error {
    fn from(fault: QueryFault) -> Self {
        Error::Query(fault)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}
