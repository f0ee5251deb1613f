//! A workforce of eighteen made-up agents that work around the clock: what `auditdb demo` shows, and what tests and
//! measurements are done with. `agents` is the table of who they are, `prose` their sentences, `chain` the course of a
//! case, `story` the record of each step, `desk` an agent's count and signs of life, `clock` the times, `faults` what
//! goes wrong, `chance` the dice.
//!
//! What must hold: the same seed and start give the same records, byte for byte, on every platform; nobody in it is
//! real, and people appear as tokens only; what a record says agrees with itself (an effect follows from its
//! conditions, a retry from its failure); every record is taken by the log.

mod agents;
mod chain;
mod chance;
mod clock;
mod desk;
mod faults;
mod prose;
mod story;

pub use clock::RECORDS_PER_DAY;

use crate::record::{Kind, Record, format_time};
use chain::Chain;
use chance::Chance;
use clock::Clock;
use desk::Desk;

/// How many cases are open at a time.
const OPEN_CASES: usize = 40;

/// The names of the agents, in the order of the table.
pub fn agent_names() -> impl Iterator<Item = &'static str> {
    agents::AGENTS.iter().map(|agent| agent.id)
}

/// One record of the workforce.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record, as a caller sends it.
    pub json: String,
    /// The record's id.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// When it was made, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The case to which it belongs; empty for definitions and signs of life, which belong to none.
    pub correlation: String,
    /// Who made it.
    pub agent: &'static str,
}

/// The workforce: its records in the order of time, without end.
#[derive(Debug)]
pub struct Workforce {
    chance: Chance,
    clock: Clock,
    /// In the order of the agents' table.
    desks: Vec<Desk>,
    cases: Vec<Chain>,
}

impl Workforce {
    /// The workforce of this seed, whose first day begins at `start_ns` nanoseconds since 1970. It makes
    /// [`RECORDS_PER_DAY`] records in each 24 hours from there.
    pub fn new(seed: u64, start_ns: i64) -> Self {
        let mut chance = Chance::new(seed);
        let desks = agents::AGENTS
            .into_iter()
            .map(|agent| Desk::new(agent, &mut chance))
            .collect();
        let cases = (0..OPEN_CASES).map(|_| Chain::new(start_ns, &mut chance)).collect();
        Self {
            chance,
            clock: Clock::new(start_ns),
            desks,
            cases,
        }
    }

    /// The desk that has to say something of its own before the case can go on.
    fn of_a_desk(&mut self, place: usize, time: i64) -> Option<(Record, &'static str)> {
        if let Some(found) = self
            .desks
            .iter_mut()
            .find_map(|desk| Some((desk.sign_of_life(time)?, desk.agent.id)))
        {
            return Some(found);
        }
        let desk = self.desks.get_mut(place)?;
        Some((desk.opening(time)?, desk.agent.id))
    }

    fn step(&mut self) -> Option<Entry> {
        let time = self.clock.tick(&mut self.chance);
        let chosen = usize::try_from(self.chance.below(self.cases.len() as u64)).ok()?;
        let place = self.cases.get(chosen)?.agent();
        if let Some((record, agent)) = self.of_a_desk(place, time) {
            return Some(entry(record, self.chance.id(time), time, String::new(), agent));
        }
        let id = self.chance.id(time);
        let (case, desk) = (self.cases.get_mut(chosen)?, self.desks.get_mut(place)?);
        let record = case.next(&id, time, desk, &mut self.chance);
        let entry = entry(record, id, time, case.correlation().to_owned(), desk.agent.id);
        if case.is_over() {
            *case = Chain::new(time, &mut self.chance);
        }
        Some(entry)
    }
}

impl Iterator for Workforce {
    type Item = Entry;

    /// Never `None`.
    fn next(&mut self) -> Option<Entry> {
        self.step()
    }
}

fn entry(record: Record, id: String, time_ns: i64, correlation: String, agent: &'static str) -> Entry {
    let record = record.id(id.as_str()).at(format_time(time_ns));
    Entry {
        json: record.to_json(),
        id,
        kind: record.kind,
        time_ns,
        correlation,
        agent,
    }
}

#[cfg(test)]
mod tests;
