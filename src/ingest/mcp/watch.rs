//! Which answer belongs to which request, and who is talking to whom.

use super::calls::{self, Answer, Pending};
use super::message::{Asked, Hello, Id, Message, Party, messages};
use crate::disk::{Disk as _, RealDisk};
use crate::ingest::{short, word};
use crate::record::{Agent, LOG_AGENT, Record, Source, looks_like};
use std::collections::{HashMap, HashSet};

/// So many requests of a session may be open, and so many sessions known; the oldest are given up.
const LIMIT: usize = 4096;

/// What the name of a request begins with that belongs to no session. No header can hold it.
pub(crate) const NO_SESSION: char = '\0';

/// A moment on both clocks, in nanoseconds: since 1970, and on one that never steps.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since 1970.
    pub time: i64,
    /// See [`Moment`].
    pub steady: u64,
}

impl Moment {
    /// The present one.
    #[must_use]
    pub fn now() -> Self {
        Moment {
            time: RealDisk.now(),
            steady: RealDisk.monotonic(),
        }
    }
}

/// What is called how where the sides do not say it, or what is to be called otherwise.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The agent; without it what the client calls itself.
    pub agent: Option<String>,
    /// The system that tools and resources belong to; without it what the server calls itself.
    pub system: Option<String>,
    /// The session; without it the connection's.
    pub session: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub struct Watch {
    names: Names,
    /// This run, and the number of its last record.
    run: String,
    number: u64,
    sessions: HashMap<String, Session>,
    /// In the order in which they came.
    order: Vec<String>,
    /// Where a server knows no sessions, a request does not say whose it is.
    clients: Parties,
    servers: Parties,
    /// The digests of tools that were described.
    described: HashSet<String>,
}

/// Who has come so far.
#[derive(Debug, Default)]
struct Parties {
    first: Option<Party>,
    /// Whether others have come.
    others: bool,
}

impl Parties {
    fn add(&mut self, party: Option<&Party>) {
        match (&self.first, party) {
            (Some(first), Some(party)) => self.others |= first != party,
            (None, Some(party)) => self.first = Some(party.clone()),
            (_, None) => {}
        }
    }

    /// The only one that there can be meant.
    fn only(&self) -> Option<Party> {
        self.first.clone().filter(|_| !self.others)
    }
}

/// One connection of a client to a server.
#[derive(Debug, Default)]
struct Session {
    client: Option<Party>,
    server: Option<Party>,
    open: HashMap<Id, Pending>,
}

impl Watch {
    /// For a run of that name, which no other has.
    #[must_use]
    pub fn new(names: Names, run: String) -> Self {
        Watch {
            names,
            run,
            number: 0,
            sessions: HashMap::new(),
            order: Vec::new(),
            clients: Parties::default(),
            servers: Parties::default(),
            described: HashSet::new(),
        }
    }

    /// Takes note of what a client sent; gives the records that come of it already.
    pub fn sent(&mut self, session: &str, text: &str, now: Moment) -> Vec<String> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        let Some(all) = messages(text) else {
            let unread = self.agent(session);
            return self.finish(vec![calls::unread(unread, text, now)], session);
        };
        let mut records = Vec::new();
        for message in all {
            match message.method.as_deref() {
                Some("initialize") => {
                    let hello: Hello = message.params.and_then(read).unwrap_or_default();
                    self.clients.add(hello.client_info.as_ref());
                    self.session(session, &mut records).client = hello.client_info;
                    self.open(session, &message, now, &mut records);
                }
                Some("notifications/cancelled") => {
                    // Its answer may come all the same.
                    let cancelled: Option<Cancelled> = message.params.and_then(read);
                    let id = cancelled.and_then(|cancelled| Id::of(&cancelled.request_id));
                    if let Some(open) = id.and_then(|id| self.sessions.get_mut(session)?.open.get_mut(&id)) {
                        open.is_cancelled = true;
                    }
                }
                Some(_) => self.open(session, &message, now, &mut records),
                None => {}
            }
        }
        self.finish(records, session)
    }

    /// Takes note of what a server sent; gives the records of what it answers.
    pub fn answered(&mut self, session: &str, text: &str, now: Moment) -> Vec<String> {
        let mut records = Vec::new();
        for message in messages(text).unwrap_or_default() {
            let (None, Some(id)) = (&message.method, message.id) else {
                continue;
            };
            let answer = match (message.result, message.error) {
                (_, Some(error)) => Answer::Error(error),
                (Some(result), None) => Answer::Result(result),
                (None, None) => continue,
            };
            let Some((id, known)) = Id::of(id).zip(self.sessions.get_mut(session)) else {
                continue;
            };
            let method = known.open.get(&id).map(|open| open.method.clone());
            match (method.as_deref(), &answer) {
                (Some("initialize"), Answer::Result(result)) => {
                    let hello: Hello = read(result).unwrap_or_default();
                    known.open.remove(&id);
                    known.server.clone_from(&hello.server_info);
                    self.servers.add(hello.server_info.as_ref());
                }
                (Some("tools/list"), Answer::Result(result)) => {
                    known.open.remove(&id);
                    let (agent, system) = (self.agent(session), self.system(session));
                    records.extend(calls::definitions(&agent, &system, result, &mut self.described));
                }
                _ => records.extend(self.close(session, &id, answer, now)),
            }
        }
        self.finish(records, session)
    }

    /// The records of requests that nobody answers any more: of that session, which is forgotten, or of all.
    pub fn ended(&mut self, session: Option<&str>, now: Moment) -> Vec<String> {
        let is_meant = |known: &&String| session.is_none_or(|one| one == *known);
        let all: Vec<String> = self.order.iter().filter(is_meant).cloned().collect();
        let mut texts = Vec::new();
        for session in all {
            let mut records = Vec::new();
            self.give_up(&session, now, &mut records);
            texts.extend(self.finish(records, &session));
        }
        texts
    }

    /// Something passed that is too long to be looked at, or in a form that is not known: a record says so, and whose it was.
    pub fn passed_over(&mut self, session: &str, why: &str, now: Moment) -> Vec<String> {
        let record = calls::passed_over(self.agent(session), why, now);
        self.finish(vec![record], session)
    }

    /// A session that a server has just given its name.
    pub fn named(&mut self, before: &str, after: &str) {
        if let Some(session) = self.sessions.remove(before) {
            self.order.retain(|known| known != before && known != after);
            self.sessions.insert(after.to_owned(), session);
            self.order.push(after.to_owned());
        }
    }

    /// The session of that name. If there are too many, the oldest is given up.
    fn session(&mut self, name: &str, records: &mut Vec<Record>) -> &mut Session {
        if !self.sessions.contains_key(name) {
            self.order.push(name.to_owned());
            if self.order.len() > LIMIT {
                let oldest = self.order.remove(0);
                self.give_up(&oldest, Moment::now(), records);
            }
        }
        self.sessions.entry(name.to_owned()).or_default()
    }

    /// Forgets a session; what is open in it is answered by nobody.
    fn give_up(&mut self, session: &str, now: Moment, records: &mut Vec<Record>) {
        let open = self.sessions.get(session).map(|session| &session.open);
        let mut ids: Vec<(u64, Id)> = open
            .into_iter()
            .flatten()
            .map(|(id, open)| (open.since.steady, id.clone()))
            .collect();
        ids.sort_by(|a, b| (a.0, a.1.text()).cmp(&(b.0, b.1.text())));
        let name = self.name_of(session);
        let closed = ids
            .iter()
            .filter_map(|(_, id)| self.close(session, id, Answer::None, now));
        let closed: Vec<Record> = closed.map(|record| record.session(name.as_str())).collect();
        records.extend(closed);
        self.sessions.remove(session);
        self.order.retain(|known| known != session);
    }

    fn open(&mut self, session: &str, message: &Message<'_>, now: Moment, records: &mut Vec<Record>) {
        let Some(method) = message.method.as_deref().filter(|method| calls::is_watched(method)) else {
            return;
        };
        let asked: Option<Asked> = message.params.and_then(read);
        let pending = Pending {
            method: method.to_owned(),
            // What cannot be read of it is kept as it was sent.
            unread: message.params.filter(|_| asked.is_none()).map(ToOwned::to_owned),
            asked: asked.unwrap_or_default(),
            since: now,
            is_cancelled: false,
        };
        let Some(id) = message.id.and_then(Id::of) else {
            // No answer will be known as its own.
            let (agent, system) = (self.agent(session), self.system(session));
            records.extend(calls::record(agent, &system, "", pending, Answer::None, now));
            return;
        };
        // One that is asked under the id of another that is open, and one too many, push others out.
        let open = &self.session(session, records).open;
        let oldest = || {
            open.iter()
                .min_by_key(|(_, open)| open.since.steady)
                .map(|(id, _)| id.clone())
        };
        let pushed = match open.contains_key(&id) {
            true => Some(id.clone()),
            false if open.len() >= LIMIT => oldest(),
            false => None,
        };
        records.extend(pushed.and_then(|pushed| self.close(session, &pushed, Answer::None, now)));
        self.session(session, records).open.insert(id, pending);
    }

    fn close(&mut self, session: &str, id: &Id, answer: Answer<'_>, now: Moment) -> Option<Record> {
        let pending = self.sessions.get_mut(session)?.open.remove(id)?;
        let (agent, system) = (self.agent(session), self.system(session));
        calls::record(agent, &system, id.text(), pending, answer, now)
    }

    fn agent(&self, session: &str) -> Agent {
        let client = self.sessions.get(session).and_then(|session| session.client.clone());
        let client = client.or_else(|| self.clients.only()).unwrap_or_default();
        let name = match word(self.names.agent.as_deref().unwrap_or(&client.name)) {
            None => "mcp-client".to_owned(),
            Some(name) if looks_like(&name, LOG_AGENT) => format!("client {LOG_AGENT}"),
            Some(name) => name,
        };
        let mut agent = Agent::new(name);
        agent.version = client.version.as_deref().and_then(word);
        agent
    }

    fn system(&self, session: &str) -> String {
        let server = self.sessions.get(session).and_then(|session| session.server.clone());
        let server = server.or_else(|| self.servers.only()).unwrap_or_default();
        let name = word(self.names.system.as_deref().unwrap_or(&server.name));
        name.unwrap_or_else(|| "mcp-server".to_owned())
    }

    /// The records as text, each with its number: one that is missing later was lost.
    fn finish(&mut self, records: Vec<Record>, session: &str) -> Vec<String> {
        let session = self.name_of(session);
        let mut texts = Vec::with_capacity(records.len());
        for record in records {
            // A definition is the same from whichever run it comes.
            if record.id.is_some() {
                texts.push(record.to_json());
                continue;
            }
            self.number += 1;
            let source = Source::new("mcp-proxy", self.run.as_str(), self.number);
            // One that was given up was another's.
            let record = match record.session {
                Some(_) => record,
                None => record.session(session.as_str()),
            };
            texts.push(record.source(source).to_json());
        }
        texts
    }

    /// What records of a session say that it is.
    fn name_of(&self, session: &str) -> String {
        let named = self.names.session.as_deref().unwrap_or(match session {
            // A connection without a session, and a request of none.
            session if session.starts_with(NO_SESSION) || session.is_empty() => &self.run,
            session => session,
        });
        short(named)
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    request_id: Box<serde_json::value::RawValue>,
}

pub(super) fn read<T: for<'a> serde::Deserialize<'a>>(raw: &serde_json::value::RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}
