//! The course of one case: a chain of three to twelve records that share a correlation, from what came in, through
//! what was looked up, to what was decided and done; at times over the desks of two agents.
//!
//! What must hold: each record's parent is the one before it; a retry follows its failure and names it; what is done
//! after a decision is what the decision's rules ask for.

use super::agents::{self, AGENTS, Agent, Lookup};
use super::chance::Chance;
use super::desk::Desk;
use super::faults::{self, Fault};
use super::prose::Case;
use super::story;
use crate::record::{Did, Record, Rel, Verdict};
use std::collections::VecDeque;

/// No case has more records.
pub(super) const LONGEST: usize = 12;
/// No case has fewer.
pub(super) const SHORTEST: usize = 3;

/// Of a thousand calls so many fail.
const FAILING: u64 = 125;

/// One step of a case.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Something comes in.
    Intake,
    /// Documents are looked for.
    Search,
    /// A tool is asked.
    Ask(&'static Lookup, Attempt),
    /// A model writes a draft.
    Draft(Attempt),
    /// It is decided.
    Decide,
    /// The guardrail holds the action back.
    Held,
    /// A human is asked.
    Approve(Did),
    /// It is done.
    Act(Attempt),
    /// It is raised to people.
    Escalate,
    /// It goes to the agent at this place in the table.
    HandOn(usize),
    /// An answer goes out.
    Reply,
    /// A fault that no other attempt can mend is taken down.
    GiveUp(&'static Fault),
    /// Someone judges the decision.
    Review(Verdict),
}

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// Which one, from 1.
    pub(super) number: u64,
    /// How it fails, if it does.
    pub(super) fault: Option<&'static Fault>,
}

/// A record that was written earlier in the case.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its id.
    pub(super) id: String,
    /// What it asked.
    pub(super) lookup: &'static Lookup,
    /// The call within it.
    pub(super) call: String,
}

/// A case at work.
#[derive(Debug)]
pub(super) struct Chain {
    /// What it is about.
    pub(super) case: Case,
    /// The correlation of its records.
    pub(super) correlation: String,
    /// The conversation to which it belongs.
    pub(super) session: String,
    /// The trace of its records.
    pub(super) trace: String,
    /// What was found so far.
    pub(super) known: Vec<Known>,
    /// The record before.
    pub(super) parent: Option<String>,
    /// The decision that counts.
    pub(super) decision: Option<String>,
    /// Whether something was done about it.
    pub(super) done: bool,
    agent: usize,
    steps: VecDeque<Step>,
    written: usize,
    /// What the next record is to an earlier one.
    link: Option<(String, Rel)>,
}

impl Chain {
    /// A new case that came up just now.
    pub(super) fn new(now: i64, chance: &mut Chance) -> Self {
        let place = agents::any(chance);
        let agent = agent_at(place);
        let case = case_of(agent, now, chance);
        let mut steps = VecDeque::from([Step::Intake]);
        plan(&mut steps, agent, &case, chance);
        let pad = SHORTEST.saturating_sub(steps.len());
        steps.extend([Step::Reply; SHORTEST].into_iter().take(pad));
        Self {
            correlation: case.number.clone(),
            session: format!("{}-{}", agent.channel, chance.between(1_000, 9_999_999)),
            trace: format!("{:016x}{:016x}", chance.bits(), chance.bits() | 1),
            case,
            known: Vec::new(),
            parent: None,
            decision: None,
            done: false,
            agent: place,
            steps,
            written: 0,
            link: None,
        }
    }

    /// Whose turn it is: the agent's place in the table.
    pub(super) fn agent(&self) -> usize {
        self.agent
    }

    /// What the case's records share.
    pub(super) fn correlation(&self) -> &str {
        &self.correlation
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.steps.is_empty() || self.written >= LONGEST
    }

    /// Takes the next step and writes its record.
    pub(super) fn next(&mut self, id: &str, time: i64, desk: &mut Desk, chance: &mut Chance) -> Record {
        let step = self.steps.pop_front().unwrap_or(Step::Reply);
        let mut record = story::write(self, step, id, time, desk, chance);
        if let Some((earlier, rel)) = self.link.take() {
            record = record.link(crate::record::Link::new(earlier, rel));
        }
        match step {
            Step::Ask(_, Attempt { fault: Some(_), .. })
            | Step::Draft(Attempt { fault: Some(_), .. })
            | Step::Act(Attempt { fault: Some(_), .. }) => {
                let gives_up = matches!(self.steps.front(), Some(Step::GiveUp(_)));
                let rel = if gives_up { Rel::CausedBy } else { Rel::RetryOf };
                self.link = Some((id.to_owned(), rel));
            }
            Step::Act(_) => self.done = true,
            Step::Decide => self.decision = Some(id.to_owned()),
            Step::HandOn(to) => {
                let next = agent_at(to);
                let earlier = self.case.clone();
                self.case = Case {
                    who: earlier.who,
                    number: earlier.number,
                    ..case_of(next, time, chance)
                };
                self.agent = to;
                self.known.clear();
                self.done = false;
                self.link = Some((id.to_owned(), Rel::HandoffOf));
                plan(&mut self.steps, next, &self.case, chance);
            }
            _ => {}
        }
        self.parent = Some(id.to_owned());
        self.written += 1;
        record
    }
}

/// The agent at that place.
pub(super) fn agent_at(place: usize) -> &'static Agent {
    let [first, ..] = AGENTS;
    AGENTS.get(place).copied().unwrap_or(first)
}

/// The facts of a case at this agent's desk.
fn case_of(agent: &'static Agent, now: i64, chance: &mut Chance) -> Case {
    let token = |before: &str, length: usize, chance: &mut Chance| {
        let mut out = before.to_owned();
        chance.token(length, &mut out);
        out
    };
    let who = format!("pii:{}:", agent.subject);
    Case {
        who: token(&who, 6, chance),
        number: token("case-", 9, chance),
        reference: format!("{}-{}", agent.reference, chance.between(10_000, 9_999_999)),
        item: chance.word(agent.items),
        amount: chance.skewed(agent.amount.0, agent.amount.1),
        days: chance.between(agent.days.0, agent.days.1),
        count: chance.skewed(agent.count.0, agent.count.1),
        score: chance.between(5, 990),
        verified: chance.in_thousand(880),
        staff: format!("staff:{}-{}", agent.team, chance.between(10, 34)),
        opened: now,
    }
}

/// What has to be done for this case at this agent's desk.
fn plan(steps: &mut VecDeque<Step>, agent: &'static Agent, case: &Case, chance: &mut Chance) {
    if chance.in_thousand(450) {
        steps.push_back(Step::Search);
    }
    for tool in agent.tools {
        if chance.in_thousand(620) {
            attempts(steps, chance, |attempt| Step::Ask(tool, attempt));
        }
    }
    if chance.in_thousand(250) {
        attempts(steps, chance, Step::Draft);
    }
    steps.push_back(Step::Decide);
    let effects: Vec<_> = agent.rules.iter().map(|rule| rule.on(case).1).collect();
    match gravest(&effects) {
        "deny" => steps.push_back(Step::Reply),
        "escalate" => {
            steps.push_back(Step::Escalate);
            if chance.in_thousand(600) {
                approval(steps, chance);
            }
        }
        "require_approval" => approval(steps, chance),
        _ => {
            if chance.in_thousand(45) {
                steps.push_back(Step::Held);
                attempts(steps, chance, Step::Draft);
            }
            act(steps, chance);
        }
    }
    if chance.in_thousand(170)
        && let Some(next) = chance.one_of(agent.next).and_then(|next| agents::place_of(next))
    {
        steps.push_back(Step::HandOn(next));
    } else if chance.in_thousand(90) {
        let verdicts = [
            Verdict::Right,
            Verdict::Right,
            Verdict::Right,
            Verdict::Unclear,
            Verdict::Wrong,
        ];
        steps.extend(chance.one_of(&verdicts).map(|verdict| Step::Review(*verdict)));
    }
}

/// A human is asked, and it is done if they agree.
fn approval(steps: &mut VecDeque<Step>, chance: &mut Chance) {
    let answers = [
        Did::Approved,
        Did::Approved,
        Did::Approved,
        Did::Edited,
        Did::Rejected,
        Did::Overrode,
    ];
    let did = chance.one_of(&answers).copied().unwrap_or(Did::Approved);
    steps.push_back(Step::Approve(did));
    if matches!(did, Did::Approved | Did::Edited) {
        act(steps, chance);
    } else {
        steps.push_back(Step::Reply);
    }
}

/// It is done and at times said; where it cannot be done, people take over.
fn act(steps: &mut VecDeque<Step>, chance: &mut Chance) {
    attempts(steps, chance, Step::Act);
    if matches!(steps.back(), Some(Step::GiveUp(_))) {
        steps.push_back(Step::Escalate);
    } else if chance.in_thousand(500) {
        steps.push_back(Step::Reply);
    }
}

/// A call, with what follows where it fails: up to two more attempts, and the note that no other one would help.
fn attempts(steps: &mut VecDeque<Step>, chance: &mut Chance, step: impl Fn(Attempt) -> Step) {
    for number in 1..=3 {
        let fault = if chance.in_thousand(FAILING) {
            faults::any(chance)
        } else {
            None
        };
        steps.push_back(step(Attempt { number, fault }));
        match fault {
            Some(fault) if number == 3 || !fault.retryable => return steps.push_back(Step::GiveUp(fault)),
            Some(_) => {}
            None => return,
        }
    }
}

/// Of several effects the one that decides.
pub(super) fn gravest<'a>(effects: &[&'a str]) -> &'a str {
    let grave = ["deny", "escalate", "require_approval", "redact", "allow"];
    let found = grave
        .iter()
        .find_map(|grave| effects.iter().find(|effect| *effect == grave));
    found.copied().unwrap_or("none")
}
