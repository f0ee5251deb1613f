//! Which answer belongs to which request, and who is talking to whom.

use super::calls::{self, Answer, Pending};
use super::message::{Asked, Hello, Message, Party, messages};
use crate::ingest::short;
use crate::record::{Agent, LOG_AGENT, Record, Source, looks_like};
use std::collections::{HashMap, HashSet};

/// So many requests of a session may be open, and so many sessions known; the oldest are given up.
const LIMIT: usize = 4096;

/// A moment on both clocks, in nanoseconds: since 1970, and on one that never steps.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since 1970.
    pub time: i64,
    /// See [`Moment`].
    pub steady: u64,
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
    open: HashMap<String, Pending>,
    /// The digests of tools that were described.
    described: HashSet<String>,
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
                    self.session(session).client = hello.client_info;
                    self.open(session, &message, now);
                }
                Some("notifications/cancelled") => {
                    let cancelled: Option<Cancelled> = message.params.and_then(read);
                    let id = cancelled.map(|cancelled| cancelled.request_id.get().to_owned());
                    records.extend(id.and_then(|id| self.close(session, &id, Answer::Cancelled, now)));
                }
                Some(_) => self.open(session, &message, now),
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
            let method = self.session(session).open.get(id.get()).map(|open| open.method.clone());
            match (method.as_deref(), &answer) {
                (Some("initialize"), Answer::Result(result)) => {
                    let hello: Hello = read(result).unwrap_or_default();
                    self.servers.add(hello.server_info.as_ref());
                    let named = self.session(session);
                    named.server = hello.server_info;
                    named.open.remove(id.get());
                }
                (Some("tools/list"), Answer::Result(result)) => {
                    self.session(session).open.remove(id.get());
                    let (agent, system) = (self.agent(session), self.system(session));
                    let described = &mut self.session(session).described;
                    records.extend(calls::definitions(&agent, &system, result, described));
                }
                _ => records.extend(self.close(session, id.get(), answer, now)),
            }
        }
        self.finish(records, session)
    }

    /// The records of requests that nobody answers any more: of that session, or of all.
    pub fn ended(&mut self, session: Option<&str>, now: Moment) -> Vec<String> {
        let all: Vec<String> = self
            .order
            .iter()
            .filter(|known| session.is_none_or(|one| one == *known))
            .cloned()
            .collect();
        let mut texts = Vec::new();
        for session in all {
            let mut ids: Vec<(u64, String)> = self
                .session(&session)
                .open
                .iter()
                .map(|(id, open)| (open.since.steady, id.clone()))
                .collect();
            ids.sort();
            let records: Vec<_> = ids
                .iter()
                .filter_map(|(_, id)| self.close(&session, id, Answer::None, now))
                .collect();
            texts.extend(self.finish(records, &session));
        }
        texts
    }

    /// A session that a server has just given its name.
    pub fn named(&mut self, before: &str, after: &str) {
        if let Some(session) = self.sessions.remove(before) {
            self.order.retain(|known| known != before);
            *self.session(after) = session;
        }
    }

    /// Forgets a session of which nothing more comes.
    pub fn forget(&mut self, session: &str) {
        self.sessions.remove(session);
        self.order.retain(|known| known != session);
    }

    fn session(&mut self, name: &str) -> &mut Session {
        if !self.sessions.contains_key(name) {
            self.order.push(name.to_owned());
            if self.order.len() > LIMIT {
                self.sessions.remove(&self.order.remove(0));
            }
        }
        self.sessions.entry(name.to_owned()).or_default()
    }

    fn open(&mut self, session: &str, message: &Message<'_>, now: Moment) {
        let (Some(id), Some(method)) = (message.id, &message.method) else {
            return;
        };
        if !calls::is_watched(method) {
            return;
        }
        let asked: Option<Asked> = message.params.and_then(read);
        let pending = Pending {
            method: method.clone().into_owned(),
            // What cannot be read of it is kept as it was sent.
            unread: message.params.filter(|_| asked.is_none()).map(ToOwned::to_owned),
            asked: asked.unwrap_or_default(),
            since: now,
        };
        let open = &mut self.session(session).open;
        if open.len() < LIMIT {
            open.insert(id.get().to_owned(), pending);
        }
    }

    fn close(&mut self, session: &str, id: &str, answer: Answer<'_>, now: Moment) -> Option<Record> {
        let pending = self.session(session).open.remove(id)?;
        let (agent, system) = (self.agent(session), self.system(session));
        calls::record(agent, &system, id, pending, answer, now)
    }

    fn agent(&mut self, session: &str) -> Agent {
        let client = self.session(session).client.clone();
        let client = client.or_else(|| self.clients.only()).unwrap_or_default();
        let name = self.names.agent.clone().unwrap_or(client.name);
        let name = match short(&name) {
            name if name.is_empty() => "mcp-client".to_owned(),
            name if looks_like(&name, LOG_AGENT) => format!("client {LOG_AGENT}"),
            name => name,
        };
        let mut agent = Agent::new(name);
        agent.version = client
            .version
            .map(|version| short(&version))
            .filter(|version| !version.is_empty());
        agent
    }

    fn system(&mut self, session: &str) -> String {
        let server = self.session(session).server.clone();
        let server = server.or_else(|| self.servers.only()).unwrap_or_default();
        let name = short(&self.names.system.clone().unwrap_or(server.name));
        if name.is_empty() { "mcp-server".to_owned() } else { name }
    }

    /// The records as text, each with its number: one that is missing later was lost.
    fn finish(&mut self, records: Vec<Record>, session: &str) -> Vec<String> {
        let session = self.names.session.clone().unwrap_or_else(|| match session {
            "" => self.run.clone(),
            session => session.to_owned(),
        });
        let mut texts = Vec::with_capacity(records.len());
        for record in records {
            // A definition is the same from whichever run it comes.
            if record.id.is_some() {
                texts.push(record.to_json());
                continue;
            }
            self.number += 1;
            let source = Source::new("mcp-proxy", self.run.as_str(), self.number);
            texts.push(record.session(short(&session)).source(source).to_json());
        }
        texts
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
