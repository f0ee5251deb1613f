//! A record as it is read back.

use crate::error::{Error, Result};
use crate::log::{Files, Lines};
use crate::record::{Head, format_time, id_text, kind_and_event, read_head};
use std::sync::Arc;

/// A stored record: its line, byte for byte as it was hashed, and what the log put in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    log: Arc<str>,
    text: String,
    head: Head,
}

impl Entry {
    /// From a line that the log of that name stores; `None` if it is not one that a log writes.
    pub(crate) fn new(log: &Arc<str>, line: Vec<u8>) -> Option<Self> {
        let head = read_head(&line)?;
        Some(Entry {
            log: Arc::clone(log),
            text: String::from_utf8(line).ok()?,
            head,
        })
    }

    /// The line without its newline, exactly as it was hashed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line in a JSON object that says where it stands: `log`, `seq` and `record`, which goes in as it was hashed.
    #[cfg(any(feature = "cli", feature = "server"))]
    pub(crate) fn placed(&self) -> String {
        let log = serde_json::Value::from(self.log());
        format!("{{\"log\":{log},\"seq\":{},\"record\":{}}}", self.seq(), self.text())
    }

    /// The name of the log that it is in.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// The record's place in its log, from 0.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.head.seq
    }

    /// The record's id.
    #[must_use]
    pub fn id(&self) -> String {
        id_text(self.head.id)
    }

    /// When the log took it, in nanoseconds since 1970.
    #[must_use]
    pub fn logged(&self) -> i64 {
        self.head.logged
    }

    /// When it happened, as its writer says, in nanoseconds since 1970.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.head.time
    }

    /// The same in RFC 3339.
    #[must_use]
    pub fn time_text(&self) -> String {
        format_time(self.head.time)
    }

    /// Why it is in the default log although a policy leads records elsewhere: no route led anywhere, or there is no such
    /// class or region. `None` if it belongs where it is.
    #[must_use]
    pub fn unrouted(&self) -> Option<String> {
        let why = self.text.get(self.head.unrouted.clone()?)?;
        serde_json::from_str(why).ok()
    }

    /// The seq of the record whose id or source it came under although its content differs.
    #[must_use]
    pub fn conflict(&self) -> Option<u64> {
        self.head.conflict
    }

    /// What kind of record it is.
    #[must_use]
    pub fn kind(&self) -> String {
        kind_and_event(self.members()).0
    }

    /// Whether the log itself wrote it: `system`, `alert` or `part`.
    #[must_use]
    pub fn is_of_the_log(&self) -> bool {
        crate::record::LOG_KINDS.contains(&self.kind().as_str())
    }

    /// Whether some of its values are too long for one line and stand in parts; [`crate::Database::whole`] puts them back.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.head.parts.is_some()
    }

    /// The record with everything in its place, as one JSON object.
    pub(crate) fn whole(&self, files: &Arc<Files>) -> Result<String> {
        let Some(parts) = &self.head.parts else {
            return Ok(self.text.clone());
        };
        let members = files.whole_members(self.text.as_bytes(), &self.head)?;
        // Everything before `,"parts":`, then the members.
        let front = self.text.get(..parts.start - ",\"parts\":".len()).unwrap_or_default();
        let members = String::from_utf8_lossy(&members);
        Ok(format!("{front},{members}}}"))
    }

    /// The caller's members, without the braces.
    pub(crate) fn members(&self) -> &[u8] {
        self.text.as_bytes().get(self.head.members.clone()).unwrap_or_default()
    }
}

/// Records in the order of their seqs; see [`crate::Database::records`].
pub struct Records {
    pub(crate) lines: Lines,
    pub(crate) files: Arc<Files>,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl Iterator for Records {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let (seq, line) = match self.lines.next()? {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        Some(Entry::new(&self.files.log, line).ok_or_else(|| {
            let fault = crate::log::Fault {
                file: self.files.layout.root().to_owned(),
                offset: None,
                seqs: Some((seq, seq)),
                what: crate::log::What::Line,
            };
            Error::Damaged {
                path: self.files.layout.root().to_owned(),
                faults: vec![fault],
            }
        }))
    }
}

/// How a record is named: by its seq or by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Its place in the log.
    Seq(u64),
    /// Its id.
    Id([u8; 16]),
    /// One of the two as text.
    Text(String),
}

impl From<u64> for At {
    fn from(seq: u64) -> Self {
        At::Seq(seq)
    }
}

impl From<[u8; 16]> for At {
    fn from(id: [u8; 16]) -> Self {
        At::Id(id)
    }
}

impl From<&str> for At {
    fn from(text: &str) -> Self {
        At::Text(text.to_owned())
    }
}

impl From<String> for At {
    fn from(text: String) -> Self {
        At::Text(text)
    }
}
