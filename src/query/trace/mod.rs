//! The whole of what came from one trigger: the records of a chain, what they came from and what came of them, as a tree
//! by parent and links. `ties` reads what binds a record to others, `tree` puts them in order; here they are gathered, over
//! all logs that are asked.
//!
//! What must hold: every record that is gathered stands in the tree once, whatever its parents say; what is named and not
//! there is said to be missing; nothing is taken for missing because a log could not be read.

mod json;
mod ties;
mod tree;

use super::askable::Logs;
use super::count::{Counting, count};
use super::expr::{Expr, Scalar};
use super::patience::Patience;
use super::place::Texts;
use super::question::{Order, Query, field};
use super::reach::{Reach, Stopped};
use super::scan::{Scan, WHOLE};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::log::Fault;
use crate::record::terms::Number;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use ties::Ties;
use tree::Place;
pub use tree::Tie;

/// A chain of records as a tree; see [`crate::Database::trace`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Trace {
    /// The records, each behind its parent, siblings by their times.
    pub steps: Vec<Step>,
    /// Numbers that an emitter counted between two records of the chain and that no log has: records that were lost before
    /// they were written.
    pub gaps: Vec<Gap>,
    /// From the first record's start to the end of the last, in nanoseconds.
    pub duration: i64,
    /// What could not be read, so that records may be missing; the answer is partial if there is any.
    pub unreadable: Vec<Fault>,
    /// Whether it was cut at [`Trace::LIMIT`] records.
    pub cut: bool,
    /// Why it was not looked any further, if that was before the end.
    pub stopped: Option<Stopped>,
}

/// A record in its place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// The record.
    pub entry: Entry,
    /// How deep it stands, from 0.
    pub depth: usize,
    /// What puts it there.
    pub tie: Tie,
    /// From its start to its end, in nanoseconds, as it says.
    pub duration: Option<i64>,
}

/// Records that an emitter counted and no log has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The emitter, and which run of it.
    pub source: String,
    /// See `source`.
    pub boot: String,
    /// The first and the last number that is missing.
    pub numbers: (u64, u64),
}

impl Trace {
    /// The most records of which a trace is made.
    pub const LIMIT: usize = 10_000;

    /// Whether records may be missing because something could not be read, there are too many, or time ran out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.cut || self.stopped.is_some() || !self.unreadable.is_empty()
    }
}

/// A record that was gathered.
#[derive(Debug)]
struct Node {
    /// Its log's place in the line.
    log: Option<usize>,
    entry: Entry,
    ties: Ties,
}

/// So many times it is looked for what came of what was found.
const ROUNDS: usize = 8;
/// So many ids are asked for at once.
const AT_ONCE: usize = 64;

/// The chains that these records belong to: all records with their correlation or, where they have none, their trace; what
/// those came from; and what names one of them as its parent or links to it.
pub(crate) fn trace(logs: &Logs, seeds: Vec<Entry>, patience: &Patience) -> Result<Trace> {
    let mut gathered = Gathered::new(logs, patience);
    let mut keys = Vec::new();
    for entry in seeds {
        let ties = gathered.ties(&entry);
        let key = match (&ties.correlation, &ties.trace) {
            (Some(correlation), _) => Some(is("correlation", correlation)),
            (None, Some(trace)) => Some(is("trace", &trace.id)),
            (None, None) => None,
        };
        keys.extend(key.filter(|key| !keys.contains(key)));
        gathered.add(entry);
    }
    if !keys.is_empty() {
        gathered.ask(Expr::Or(keys));
    }
    let mut asked = 0;
    for _ in 0..ROUNDS {
        gathered.ancestors()?;
        let ids: Vec<String> = gathered.nodes.iter().skip(asked).map(|node| node.entry.id()).collect();
        if ids.is_empty() || gathered.is_at_an_end() {
            break;
        }
        asked = gathered.nodes.len();
        for ids in ids.chunks(AT_ONCE) {
            let named = |name: &'static str| ids.iter().map(move |id| is(name, id));
            gathered.ask(Expr::Or(named("parent").chain(named("link")).collect()));
        }
    }
    let gaps = gathered.gaps();
    Ok(gathered.finish(gaps))
}

fn is(name: &'static str, value: &str) -> Expr {
    Expr::Text(field(name), crate::record::terms::cut(value).to_owned())
}

/// The record of that id, in the newest log that has it.
///
/// # Errors
/// It was found in no log, and one of them could not be searched to its end.
pub(super) fn find(logs: &Logs, id: &str) -> Result<Option<Entry>> {
    let Ok(id) = uuid::Uuid::try_parse(id) else {
        return Ok(None);
    };
    let mut unanswered = None;
    for asked in logs.asked.iter().rev() {
        let files = &asked.files;
        let line = files
            .find_id(id.as_bytes())
            .and_then(|seq| seq.map(|seq| files.line(seq)).transpose());
        match line {
            Ok(line) => {
                let entry = line.flatten().and_then(|line| Entry::new(&files.log, line));
                if entry.is_some() {
                    return Ok(entry);
                }
            }
            Err(error) => _ = unanswered.get_or_insert(error),
        }
    }
    unanswered.map_or(Ok(None), Err)
}

/// What was found so far.
struct Gathered<'a> {
    logs: &'a Logs,
    patience: &'a Patience,
    nodes: Vec<Node>,
    /// Which node an id is: the first one, if several logs have it.
    by_id: HashMap<String, usize>,
    known: BTreeSet<(String, u64)>,
    /// Ids that are named and in no log.
    absent: BTreeSet<String>,
    unreadable: Vec<Fault>,
    stopped: Option<Stopped>,
}

impl<'a> Gathered<'a> {
    fn new(logs: &'a Logs, patience: &'a Patience) -> Self {
        Gathered {
            logs,
            patience,
            nodes: Vec::new(),
            by_id: HashMap::new(),
            known: BTreeSet::new(),
            absent: BTreeSet::new(),
            unreadable: logs.unasked.iter().map(|unasked| unasked.why.clone()).collect(),
            stopped: None,
        }
    }

    fn is_full(&self) -> bool {
        self.nodes.len() >= Trace::LIMIT
    }

    /// Whether nothing more is looked for.
    fn is_at_an_end(&self) -> bool {
        self.is_full() || self.stopped.is_some()
    }

    fn ties(&mut self, entry: &Entry) -> Ties {
        let (text, faults) = Texts { logs: self.logs }.of(entry);
        Fault::add_new(&mut self.unreadable, faults);
        Ties::of(&text)
    }

    fn add(&mut self, entry: Entry) {
        if self.is_full() || !self.known.insert((entry.log().to_owned(), entry.seq())) {
            return;
        }
        let (log, ties) = (self.logs.named(entry.log()), self.ties(&entry));
        self.by_id.entry(entry.id()).or_insert(self.nodes.len());
        self.nodes.push(Node { log, entry, ties });
    }

    /// Takes in all records that fit.
    fn ask(&mut self, expr: Expr) {
        let query = Query::of(expr).order(Order::Oldest).within(self.patience);
        let logs = self.logs;
        for asked in &logs.asked {
            if self.is_at_an_end() {
                return;
            }
            let mut found = Scan::new(asked, &query, WHOLE);
            for entry in found.by_ref() {
                self.add(entry);
                if self.is_full() {
                    return;
                }
            }
            self.looked(found.reach());
        }
    }

    /// Notes how a scan ended.
    fn looked(&mut self, reach: &Reach) {
        Fault::add_new(&mut self.unreadable, reach.unreadable.iter().cloned());
        self.stopped = self.stopped.or(reach.stopped);
    }

    /// Takes in what the records came from, up to what has no parent.
    fn ancestors(&mut self) -> Result<()> {
        let mut next = 0;
        while let Some(node) = self.nodes.get(next) {
            next += 1;
            let Some(parent) = node.ties.parent.clone() else {
                continue;
            };
            if self.by_id.contains_key(&parent) || self.absent.contains(&parent) {
                continue;
            }
            self.stopped = self.stopped.or_else(|| self.patience.stop());
            if self.stopped.is_some() {
                break;
            }
            match find(self.logs, &parent) {
                Ok(Some(entry)) => self.add(entry),
                Ok(None) => _ = self.absent.insert(parent),
                Err(Error::Damaged { faults, .. }) => {
                    Fault::add_new(&mut self.unreadable, faults);
                    self.absent.insert(parent);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The numbers between those of the chain's records that no log has.
    fn gaps(&mut self) -> Vec<Gap> {
        let mut streams: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
        for source in self.nodes.iter().filter_map(|node| node.ties.source.as_ref()) {
            let stream = (source.id.clone(), source.boot.clone());
            streams.entry(stream).or_default().insert(source.number);
        }
        let mut gaps = Vec::new();
        for ((source, boot), mut numbers) in streams {
            let (Some(first), Some(last)) = (numbers.first().copied(), numbers.last().copied()) else {
                continue;
            };
            if last - first + 1 == numbers.len() as u64 {
                continue;
            }
            // Most of what lies between belongs to other chains; of these only the numbers are of interest, which indexes tell.
            let number = |number: u64| {
                i64::try_from(number)
                    .ok()
                    .map(|number| Scalar::Number(Number::Integer(number)))
            };
            let (Some(least), Some(most)) = (number(first), number(last)) else {
                continue;
            };
            let range = Expr::Range(field("source.number"), Bound::Included(least), Bound::Included(most));
            let expr = is("source", &source).and(is("source.boot", &boot)).and(range);
            let Ok(counting) = Counting::new(Query::of(expr).within(self.patience)).by("source.number") else {
                continue;
            };
            let counts = count(self.logs, &counting);
            let found = counts.rows.iter().flat_map(|row| &row.values).flatten();
            numbers.extend(found.filter_map(|number| number.parse::<u64>().ok()));
            self.looked(&counts.reach);
            // Nobody has looked for all of them.
            if self.stopped.is_some() {
                break;
            }
            let mut next = first;
            for number in numbers {
                if number > next {
                    gaps.push(Gap {
                        source: source.clone(),
                        boot: boot.clone(),
                        numbers: (next, number - 1),
                    });
                }
                next = number.saturating_add(1);
            }
        }
        gaps
    }

    fn finish(self, gaps: Vec<Gap>) -> Trace {
        let cut = self.is_full();
        let order = tree::order(&self.nodes, &self.by_id);
        let end = |node: &Node| node.entry.time().saturating_add(node.ties.duration().unwrap_or(0));
        let first = self.nodes.iter().map(|node| node.entry.time()).min().unwrap_or(0);
        let last = self.nodes.iter().map(end).max().unwrap_or(0);
        let mut nodes: Vec<Option<Node>> = self.nodes.into_iter().map(Some).collect();
        let step = |Place { node, depth, tie }: Place| {
            let Node { entry, ties, .. } = nodes.get_mut(node)?.take()?;
            let duration = ties.duration();
            Some(Step {
                entry,
                depth,
                tie,
                duration,
            })
        };
        Trace {
            steps: order.into_iter().filter_map(step).collect(),
            gaps,
            duration: last.saturating_sub(first),
            unreadable: self.unreadable,
            cut,
            stopped: self.stopped,
        }
    }
}
