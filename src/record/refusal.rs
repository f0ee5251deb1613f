//! Why a caller's text is no record: what is wrong, in which member, at which line and column, and what to do.

use super::printable::printable;
use super::time::TimeFault;
use std::fmt;

/// A record that was refused. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What is wrong.
    pub reason: Reason,
    /// The member concerned, as in `policies[0].conditions[1].op`; empty for the record as a whole.
    pub path: String,
    /// The line in the text handed in, from 1.
    pub line: usize,
    /// The column in that line in bytes, from 1.
    pub column: usize,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The text is not one JSON object.
    NotAnObject,
    /// The text is not JSON: what was expected.
    Syntax(&'static str),
    /// Something stands behind the object.
    Trailing,
    /// The text begins with a byte order mark.
    ByteOrderMark,
    /// The text is not UTF-8.
    Utf8,
    /// A `\u` escape is half of a surrogate pair.
    LoneSurrogate,
    /// Objects and lists are nested more than 64 deep.
    TooDeep,
    /// The object has this member twice.
    Duplicate(String),
    /// The member has a value of another type than the schema says.
    WrongType {
        /// What the schema says.
        expected: String,
        /// What stands there.
        found: &'static str,
    },
    /// The member is not a time that the log takes.
    Time(TimeFault),
    /// Only the log sets this member.
    LogOnly(String),
    /// Only the log writes records of this kind.
    LogKind(String),
    /// Only the log writes under this agent's name.
    LogAgent(String),
    /// A member that has to be there is missing.
    Missing(&'static str),
    /// The text is longer than the limit, in bytes.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", printable(&self.path))?;
        }
        write!(f, "{}", self.reason)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotAnObject => f.write_str("a record is one JSON object, {…}"),
            Reason::Syntax(expected) => write!(f, "not JSON: expected {expected}"),
            Reason::Trailing => f.write_str("something stands behind the object; one record is one object"),
            Reason::ByteOrderMark => f.write_str("the text begins with a byte order mark; leave it out"),
            Reason::Utf8 => f.write_str("not UTF-8; a record's text has to be"),
            Reason::LoneSurrogate => {
                f.write_str("half of a surrogate pair; write the character itself, or both halves")
            }
            Reason::TooDeep => f.write_str("nested more than 64 deep; keep such a value as a string"),
            Reason::Duplicate(name) => write!(f, "the member \"{}\" stands twice in one object", printable(name)),
            Reason::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Reason::Time(fault) => fault.fmt(f),
            Reason::LogOnly(name) => write!(
                f,
                "only the log sets \"{name}\"; leave it out, or put yours in attributes"
            ),
            Reason::LogKind(kind) => write!(f, "only the log writes records of the kind \"{kind}\""),
            Reason::LogAgent(name) => write!(
                f,
                "\"{name}\" is the name that the log's own records go under; give the agent another one"
            ),
            Reason::Missing(name) => write!(f, "\"{name}\" is missing"),
            Reason::TooLong { bytes, limit } => write!(f, "{bytes} bytes are more than the limit of {limit}"),
        }
    }
}
