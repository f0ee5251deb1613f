//! A caller's text made ready for the log, by the caller's own thread: checked, minified, its time normalised, and what
//! is too large for one line moved out into parts. What is left for the one thread that writes is to put the log's own
//! members in front.

use super::line::{HEAD_RESERVE, LINE_LIMIT, Writer};
use super::parts::{self, Moved};
use super::printable::looks_like;
use super::refusal::{Reason, Refusal};
use super::scan::scan;
use super::table::{LOG_KINDS, LOG_ONLY, RECORD};
use super::text::string_value;
use super::time::parse_time;
use super::walk::{self, Child};
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// The longest text of one record that is taken by default, in bytes.
pub const RECORD_LIMIT: usize = 64 << 20;

/// How many definitions that a record names are looked after. Each costs a look-up while everybody waits, and no
/// decision rests on so many policies.
const NAMES_LIMIT: usize = 256;

/// The agent that the log's own records name, which callers therefore must not be; in any spelling that looks like it.
pub(crate) const LOG_AGENT: &str = "auditdb";

/// A record that was checked and can be appended.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The caller's id, in lower case.
    pub(crate) id: Option<[u8; 16]>,
    /// The caller's time.
    pub(crate) time: Option<i64>,
    /// The caller's members but `id` and `time`, minified, without the braces; what was moved out is `null`.
    pub(crate) members: Vec<u8>,
    /// Where each of the members stands; none of them if anything was moved out.
    pub(crate) outermost: Vec<Child>,
    /// What was moved out.
    pub(crate) moved: Vec<Moved>,
    /// The emitter's own count.
    pub(crate) source: Option<SourceKey>,
    /// The digest of the text that this record defines.
    pub(crate) defines: Option<String>,
    /// The digests of definitions that this record names.
    pub(crate) names: Vec<String>,
    /// Why no route led to the log that it goes to.
    pub(crate) unrouted: Option<String>,
    /// In whose name it is appended, if that is not the process.
    pub(crate) writer: Option<Arc<Writer>>,
}

/// The emitter's own running count of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(crate) id: String,
    pub(crate) boot: String,
    pub(crate) number: u64,
}

impl Prepared {
    /// Checks one record as JSON text, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong, in which member, at which line and column.
    pub fn new(text: &[u8], limit: usize) -> Result<Self, Refusal> {
        if text.len() > limit {
            let reason = Reason::TooLong {
                bytes: text.len(),
                limit,
            };
            return Err(Refusal {
                reason,
                path: String::new(),
                line: 1,
                column: 1,
            });
        }
        let scanned = scan(text, &RECORD, LOG_ONLY)?;
        let mut found = Found::default();
        let mut members = Vec::with_capacity(scanned.text.len());
        for member in &scanned.members {
            found
                .take(&scanned.text, member, &mut members)
                .map_err(|(reason, path, at)| refusal_at(text, at, reason, path))?;
        }
        Ok(found.into_prepared(members))
    }

    /// A record that the log itself writes: its members, already minified JSON without the braces.
    pub(crate) fn of_the_log(members: Vec<u8>) -> Self {
        Found::default().into_prepared(members)
    }

    /// A part of a record that is too long for one line.
    pub(crate) fn part(members: Vec<u8>) -> Self {
        let (outermost, moved, names) = (Vec::new(), Vec::new(), Vec::new());
        Prepared {
            id: None,
            time: None,
            members,
            outermost,
            moved,
            source: None,
            defines: None,
            names,
            unrouted: None,
            writer: None,
        }
    }

    /// About how many bytes the record takes in memory and on disk.
    pub(crate) fn weight(&self) -> usize {
        HEAD_RESERVE
            + self.members.len()
            + self
                .moved
                .iter()
                .map(|moved| moved.raw.len() + HEAD_RESERVE)
                .sum::<usize>()
    }
}

/// What is picked out of the outermost members.
#[derive(Default)]
struct Found {
    outermost: Vec<Child>,
    id: Option<[u8; 16]>,
    time: Option<i64>,
    source: Option<SourceKey>,
    defines: Option<String>,
    names: Vec<String>,
}

impl Found {
    /// Takes up one member. What is wrong with it comes with its path and its place in the minified text.
    fn take(
        &mut self,
        text: &[u8],
        member: &Child,
        members: &mut Vec<u8>,
    ) -> Result<(), (Reason, &'static str, usize)> {
        let value = text.get(member.value.clone()).unwrap_or_default();
        let name = unescaped(text.get(member.name.clone()).unwrap_or_default());
        match name.as_ref() {
            // The log writes these two itself, in front.
            b"id" => {
                self.id = uuid::Uuid::try_parse(&unquoted(value)).ok().map(uuid::Uuid::into_bytes);
                return Ok(());
            }
            b"time" => {
                self.time = parse_time(&unquoted(value)).ok();
                return Ok(());
            }
            b"kind" => {
                let kind = unquoted(value);
                if LOG_KINDS.contains(&kind.as_ref()) {
                    return Err((Reason::LogKind(kind.into_owned()), "kind", member.value.start));
                }
            }
            b"agent" => {
                let id = walk::children(value, 0).find(|child| named(value, child, "id"));
                let id = id.and_then(|id| Some((unquoted(value.get(id.value.clone())?), id.value.start)));
                if let Some((id, at)) = id
                    && looks_like(&id, LOG_AGENT)
                {
                    return Err((Reason::LogAgent(id.into_owned()), "agent.id", member.value.start + at));
                }
            }
            b"source" => self.source = source_of(value),
            b"definition" => self.defines = digest_of(value),
            b"input" => {
                let prompt = walk::children(value, 0).find(|child| named(value, child, "prompt"));
                self.names
                    .extend(prompt.and_then(|prompt| digest_of(value.get(prompt.value)?)));
            }
            b"policies" => {
                let policies = walk::children(value, 0);
                self.names
                    .extend(policies.filter_map(|policy| digest_of(value.get(policy.value)?)));
            }
            _ => {}
        }
        if !members.is_empty() {
            members.push(b',');
        }
        // From the name's opening quote to the value's end.
        let (from, to) = (member.name.start - 1, members.len());
        let place = |range: &Range<usize>| range.start - from + to..range.end - from + to;
        self.outermost.push(Child {
            name: place(&member.name),
            value: place(&member.value),
        });
        members.extend_from_slice(text.get(member.name.start - 1..member.value.end).unwrap_or_default());
        Ok(())
    }

    fn into_prepared(mut self, members: Vec<u8>) -> Prepared {
        self.names.sort_unstable();
        self.names.dedup();
        self.names.truncate(NAMES_LIMIT);
        let (members, moved) = parts::move_out(members, LINE_LIMIT - HEAD_RESERVE);
        if !moved.is_empty() {
            self.outermost.clear();
        }
        let Found {
            outermost,
            id,
            time,
            source,
            defines,
            names,
        } = self;
        Prepared {
            id,
            time,
            members,
            outermost,
            moved,
            source,
            defines,
            names,
            unrouted: None,
            writer: None,
        }
    }
}

/// A refusal with the place in the caller's text of what stands at a place in the minified text.
fn refusal_at(text: &[u8], minified_at: usize, reason: Reason, path: &str) -> Refusal {
    let (mut kept, mut quoted, mut escaped) = (0, false, false);
    let (mut line, mut column) = (1, 1);
    for byte in text {
        let space = !quoted && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if !space {
            if kept == minified_at {
                break;
            }
            kept += 1;
            quoted ^= *byte == b'"' && !escaped;
            escaped = quoted && *byte == b'\\' && !escaped;
        }
        (line, column) = if *byte == b'\n' {
            (line + 1, 1)
        } else {
            (line, column + 1)
        };
    }
    Refusal {
        reason,
        path: path.to_owned(),
        line,
        column,
    }
}

/// The content of a `source` member.
pub(crate) fn source_of(value: &[u8]) -> Option<SourceKey> {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        boot: Cow<'a, str>,
        number: u64,
    }
    let Borrowed { id, boot, number } = serde_json::from_slice(value).ok()?;
    Some(SourceKey {
        id: id.into_owned(),
        boot: boot.into_owned(),
        number,
    })
}

/// The `digest` member of an object.
pub(crate) fn digest_of(value: &[u8]) -> Option<String> {
    let digest = walk::children(value, 0).find(|child| named(value, child, "digest"))?;
    let digest = value.get(digest.value).filter(|value| value.starts_with(b"\""))?;
    Some(unquoted(digest).into_owned())
}

pub(crate) fn named(text: &[u8], child: &Child, name: &str) -> bool {
    unescaped(text.get(child.name.clone()).unwrap_or_default()).as_ref() == name.as_bytes()
}

/// A name without its escapes. Hardly any has one, and then it is compared as it stands.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if name.contains(&b'\\') {
        Cow::Owned(string_value(name).into_owned().into_bytes())
    } else {
        Cow::Borrowed(name)
    }
}

/// What a JSON string says; empty for anything else.
pub(crate) fn unquoted(value: &[u8]) -> Cow<'_, str> {
    string_value(
        value
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_suffix(b"\""))
            .unwrap_or_default(),
    )
}
