//! What a file has told so far, and what all of its records have in common.

use super::line::{Left, Line};
use crate::ingest::{uuid_of, word};
use crate::record::{Agent, Definition, Json, Kind, Prompt, Record, digest, format_time, parse_time};
use std::collections::{HashMap, HashSet};

/// See the module.
#[derive(Debug)]
pub(super) struct Course {
    /// The name of the format's own members in `attributes`.
    format: &'static str,
    /// The agent's id, without what a sub-agent adds.
    pub(super) agent: String,
    pub(super) version: Option<String>,
    pub(super) session: String,
    /// When the last line was written.
    time: Option<String>,
    is_time_assumed: bool,
    /// How often lines without an id of their own were seen.
    seen: HashMap<[u8; 16], u64>,
    defined: HashSet<String>,
    out: Vec<String>,
}

/// What a record has from its line: taken when the line is read, since what waits is recorded later.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) agent: String,
    version: Option<String>,
    session: String,
    pub(super) correlation: String,
    pub(super) time: Option<String>,
    is_time_assumed: bool,
    format: &'static str,
    pub(super) parent: Option<String>,
}

impl Course {
    pub(super) fn new(format: &'static str, agent: &str, session: &str) -> Self {
        Course {
            format,
            agent: word(agent).unwrap_or_else(|| format.to_owned()),
            version: None,
            session: word(session).unwrap_or_else(|| "unnamed".to_owned()),
            time: None,
            is_time_assumed: false,
            seen: HashMap::new(),
            defined: HashSet::new(),
            out: Vec::new(),
        }
    }

    /// The time of the line that is read now; where it has none, that of the one before stands for it.
    pub(super) fn now(&mut self, time: Option<String>) {
        let time = time.and_then(|time| parse_time(&time).ok()).map(format_time);
        self.is_time_assumed = time.is_none();
        if time.is_some() {
            self.time = time;
        }
    }

    pub(super) fn stamp(&self, agent: &str, correlation: &str, parent: Option<String>) -> Stamp {
        Stamp {
            agent: agent.to_owned(),
            version: self.version.clone(),
            session: self.session.clone(),
            correlation: word(correlation).unwrap_or_else(|| self.session.clone()),
            time: self.time.clone(),
            is_time_assumed: self.is_time_assumed,
            format: self.format,
            parent,
        }
    }

    /// The id of what is known in the session by these names.
    pub(super) fn id(&self, names: &[&str]) -> String {
        self.id_in(&self.session, names)
    }

    /// The same in another session.
    pub(super) fn id_in(&self, session: &str, names: &[&str]) -> String {
        let mut parts = vec![self.format.as_bytes(), session.as_bytes()];
        parts.extend(names.iter().map(|name| name.as_bytes()));
        uuid_of(blake3::Hasher::new_derive_key("auditdb transcript id v1"), &parts)
    }

    /// The id of a line that has none of its own: what it says, and how often that was said before.
    pub(super) fn place(&mut self, line: &Line) -> String {
        let hash = line.hash();
        let key = hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        let times = self.seen.entry(key).or_default();
        *times += 1;
        let times = times.to_string();
        self.id(&["line", hash.to_hex().as_str(), &times])
    }

    /// A prompt that is named by its digest, and defined when it is first seen.
    pub(super) fn prompt(&mut self, name: &str, text: &str) -> Prompt {
        let digest = digest(text.as_bytes());
        if self.defined.insert(digest.clone()) {
            let definition = Definition::prompt(name, digest.as_str()).text(text);
            // From whichever session it comes, a definition is the same record.
            let id = self.id_in("", &["definition", &self.agent, &digest]);
            let record = Record::definition(Agent::new(self.agent.as_str()), definition).id(id);
            self.push(record);
        }
        Prompt::new().id(name).digest(digest)
    }

    pub(super) fn push(&mut self, record: Record) {
        self.out.push(record.to_json());
    }

    /// The records that were made since this was asked last.
    pub(super) fn taken(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }
}

impl Stamp {
    /// The same for what comes from that record.
    pub(super) fn below(&self, parent: &str) -> Self {
        Stamp {
            parent: Some(parent.to_owned()),
            ..self.clone()
        }
    }

    pub(super) fn record(&self, kind: impl Into<Kind>) -> Record {
        let mut agent = Agent::new(self.agent.as_str());
        agent.version.clone_from(&self.version);
        Record::new(agent, kind)
    }

    /// The record with its id, its place and time, and what is left of its lines.
    pub(super) fn finish(&self, mut record: Record, id: String, left: Left) -> Record {
        record.time.clone_from(&self.time);
        record.parent = self.parent.clone().filter(|parent| *parent != id);
        let mut record = record
            .id(id)
            .session(self.session.as_str())
            .correlation(self.correlation.as_str());
        if !left.members.is_empty() {
            record = record.attribute(self.format, Json::from(left.members));
        }
        if self.is_time_assumed && self.time.is_some() {
            record = record.attribute("time.assumed", true);
        }
        if left.is_odd {
            record = record.attribute("json.odd", true);
        }
        record
    }

    /// How long it is from this to that, in milliseconds.
    pub(super) fn until(&self, later: &Stamp) -> Option<f64> {
        let nanoseconds = |stamp: &Stamp| parse_time(stamp.time.as_deref()?).ok();
        if self.is_time_assumed || later.is_time_assumed {
            return None;
        }
        let nanoseconds = nanoseconds(later)?.checked_sub(nanoseconds(self)?)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a duration need not be exact to the nanosecond"
        )]
        (nanoseconds >= 0).then(|| nanoseconds as f64 / 1e6)
    }
}
