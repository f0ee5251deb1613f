//! The table of the eighteen agents: what each of them is asked, knows, checks, decides and does.
//!
//! What must hold: an agent's texts are templates of `prose`; the conditions of its rules look at facts of the case,
//! so that what a rule says can be computed; the other agents to whom it hands on stand in the table.

mod customers;
mod money;
mod people;
mod works;

use super::chance::Chance;
use super::prose::Case;
use crate::record::{Affects, Op, Sensitivity, Trigger};
use serde_json::Value;

/// One agent.
#[derive(Debug)]
pub(super) struct Agent {
    /// Its stable name.
    pub(super) id: &'static str,
    /// The name that people read.
    pub(super) name: &'static str,
    /// Its version.
    pub(super) version: &'static str,
    /// Who serves its model.
    pub(super) provider: &'static str,
    /// Its model.
    pub(super) model: &'static str,
    /// What sets it going.
    pub(super) trigger: Trigger,
    /// The way by which it is asked.
    pub(super) channel: &'static str,
    /// What kind of person it has to do with, as in `pii:customer:…`.
    pub(super) subject: &'static str,
    /// How its references begin.
    pub(super) reference: &'static str,
    /// How much of the work is its own.
    pub(super) weight: u64,
    /// The first paragraph of its prompt.
    pub(super) role: &'static str,
    /// What its cases are about.
    pub(super) items: &'static [&'static str],
    /// The range of amounts, in hundredths.
    pub(super) amount: (u64, u64),
    /// The range of days.
    pub(super) days: (u64, u64),
    /// The range of counts.
    pub(super) count: (u64, u64),
    /// What it is asked.
    pub(super) asks: &'static [&'static str],
    /// What only it weighs.
    pub(super) checks: &'static [&'static str],
    /// What stands in its documents.
    pub(super) pages: &'static [&'static str],
    /// What it answers.
    pub(super) replies: &'static [&'static str],
    /// What it has to follow.
    pub(super) rules: &'static [Rule],
    /// What it can look up.
    pub(super) tools: &'static [Lookup],
    /// What it can do.
    pub(super) deed: Deed,
    /// Its decisions: in favour, against, passed on.
    pub(super) verdicts: [&'static str; 3],
    /// For what purpose it uses data.
    pub(super) purpose: &'static str,
    /// On which legal basis.
    pub(super) basis: &'static str,
    /// How much its decisions affect people.
    pub(super) affects: Affects,
    /// The people behind it.
    pub(super) team: &'static str,
    /// To which agents it hands on.
    pub(super) next: &'static [&'static str],
}

/// One rule of a policy.
#[derive(Debug)]
pub(super) struct Rule {
    /// The policy.
    pub(super) policy: &'static str,
    /// Its version.
    pub(super) version: &'static str,
    /// The rule's name.
    pub(super) rule: &'static str,
    /// The rule in words; the text behind the policy's digest.
    pub(super) text: &'static str,
    /// All of these have to be met.
    pub(super) tests: &'static [Test],
    /// What it asks for then.
    pub(super) met: &'static str,
    /// What it asks for otherwise.
    pub(super) unmet: &'static str,
}

/// One condition.
#[derive(Debug)]
pub(super) struct Test {
    /// What it looks at, by the name in the systems.
    pub(super) field: &'static str,
    /// What that is in the case, and what it is compared with.
    pub(super) with: Fact,
    /// How.
    pub(super) op: Op,
    /// The unit of both.
    pub(super) unit: &'static str,
}

/// A fact of the case, and the threshold in the same measure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fact {
    /// Hundredths.
    Amount(u64),
    /// Days.
    Days(u64),
    /// Things.
    Count(u64),
    /// Thousandths.
    Score(u64),
    /// What it is about; one of these.
    Item(&'static [&'static str]),
    /// Whether the person was verified.
    Verified(bool),
}

/// One way to look something up.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The tool's name.
    pub(super) tool: &'static str,
    /// The system it reaches.
    pub(super) system: &'static str,
    /// What it does there.
    pub(super) operation: &'static str,
    /// What it reads.
    pub(super) resource: &'static str,
    /// What it is given, as JSON.
    pub(super) given: &'static str,
    /// What it gives back, as JSON.
    pub(super) gives: &'static str,
    /// What kind of data that is.
    pub(super) categories: &'static [&'static str],
    /// How sensitive it is.
    pub(super) sensitivity: Sensitivity,
}

/// What an agent can do in the world.
#[derive(Debug)]
pub(super) struct Deed {
    /// The action's name, also that of the tool.
    pub(super) name: &'static str,
    /// Where.
    pub(super) system: &'static str,
    /// What it does there.
    pub(super) operation: &'static str,
    /// To what.
    pub(super) target: &'static str,
    /// With what, as JSON.
    pub(super) with: &'static str,
    /// How it is undone; empty where it cannot be.
    pub(super) undo: &'static str,
}

/// The table.
pub(super) static AGENTS: [&Agent; 18] = [
    &customers::SUPPORT,
    &customers::REFUNDS,
    &customers::BILLING,
    &customers::SALES,
    &money::CLAIMS,
    &money::CREDIT,
    &money::KYC,
    &money::PRICING,
    &money::PROCUREMENT,
    &people::HEALTH,
    &people::HIRING,
    &people::SCHEDULING,
    &people::LEGAL,
    &people::MODERATION,
    &works::RESEARCH,
    &works::CODING,
    &works::HELPDESK,
    &works::LOGISTICS,
];

/// One of the agents, the busy ones more often; its place in the table.
pub(super) fn any(chance: &mut Chance) -> usize {
    let all: u64 = AGENTS.iter().map(|agent| agent.weight).sum();
    let mut left = chance.below(all);
    let found = AGENTS.iter().position(|agent| {
        let here = left < agent.weight;
        left = left.saturating_sub(agent.weight);
        here
    });
    found.unwrap_or_default()
}

/// The place in the table of the agent with this name.
pub(super) fn place_of(id: &str) -> Option<usize> {
    AGENTS.iter().position(|agent| agent.id == id)
}

/// A condition as it was seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// The value in the case.
    pub(super) value: Value,
    /// What it was compared with.
    pub(super) threshold: Value,
    /// Whether the comparison holds.
    pub(super) met: bool,
}

impl Test {
    /// Compares; a number with a number, a name with a list, a truth value with another.
    pub(super) fn on(&self, case: &Case) -> Seen {
        let (value, threshold) = match self.with {
            Fact::Amount(than) => (case.amount, than),
            Fact::Days(than) => (case.days, than),
            Fact::Count(than) => (case.count, than),
            Fact::Score(than) => (case.score, than),
            Fact::Item(of) => {
                return Seen {
                    value: case.item.into(),
                    threshold: of.into(),
                    met: of.contains(&case.item),
                };
            }
            Fact::Verified(wanted) => {
                let same = case.verified == wanted;
                let met = if self.op == Op::Ne { !same } else { same };
                return Seen {
                    value: case.verified.into(),
                    threshold: wanted.into(),
                    met,
                };
            }
        };
        let met = match self.op {
            Op::Eq => value == threshold,
            Op::Ne => value != threshold,
            Op::Lt => value < threshold,
            Op::Le => value <= threshold,
            Op::Gt => value > threshold,
            Op::Ge => value >= threshold,
            Op::In | Op::Matches => false,
        };
        let parts = match self.with {
            Fact::Amount(_) => 100,
            Fact::Score(_) => 1000,
            _ => 1,
        };
        Seen {
            value: number(value, parts),
            threshold: number(threshold, parts),
            met,
        }
    }
}

/// A whole number of hundredths or thousandths, as JSON has it.
fn number(value: u64, parts: u64) -> Value {
    if value.is_multiple_of(parts) {
        (value / parts).into()
    } else {
        (value as f64 / parts as f64).into()
    }
}

impl Rule {
    /// Each condition as it was seen, and what the rule asks for.
    pub(super) fn on(&self, case: &Case) -> (Vec<Seen>, &'static str) {
        let seen: Vec<_> = self.tests.iter().map(|test| test.on(case)).collect();
        let effect = if seen.iter().all(|seen| seen.met) {
            self.met
        } else {
            self.unmet
        };
        (seen, effect)
    }
}

/// What the desks' own rules forbid besides: text that goes out with what names a person in it.
pub(super) static GUARDRAIL: Rule = Rule {
    policy: "egress-guardrail",
    version: "5",
    rule: "no_identifiers_in_outgoing_text",
    text: "Text that leaves the house names nobody. A message in which the scanner finds identifiers is held back and \
           not sent; the agent writes it anew or hands the matter on.",
    tests: &[Test {
        field: "scanner.identifiers",
        with: Fact::Count(1),
        op: Op::Ge,
        unit: "count",
    }],
    met: "deny",
    unmet: "allow",
};

#[cfg(test)]
mod tests {
    use super::super::prose::{filled, tests::case};
    use super::*;
    use crate::record::Operation;

    #[test]
    fn names_are_unique_and_the_next_ones_are_known() {
        for (place, agent) in AGENTS.iter().enumerate() {
            assert_eq!(place_of(agent.id), Some(place));
            assert!(
                agent
                    .next
                    .iter()
                    .all(|next| *next != agent.id && place_of(next).is_some()),
                "{}",
                agent.id
            );
            assert!(
                agent.weight > 0 && !agent.tools.is_empty() && agent.rules.len() >= 2,
                "{}",
                agent.id
            );
        }
    }

    #[test]
    fn every_template_fits_every_case() {
        let mut chance = Chance::new(5);
        for agent in AGENTS {
            for template in [agent.asks, agent.checks, agent.pages, agent.replies].concat() {
                for _ in 0..20 {
                    let text = filled(template, &case(), &mut chance);
                    let whole = text.ends_with(['.', '?', '!']) && !text.contains(['<', '>', '(', ')', '|']);
                    assert!(whole && !text.contains("  "), "{}: {text}", agent.id);
                }
            }
            let json = agent
                .tools
                .iter()
                .flat_map(|tool| [tool.given, tool.gives])
                .chain([agent.deed.with]);
            for template in json {
                for _ in 0..20 {
                    let text = filled(template, &case(), &mut chance);
                    assert!(
                        serde_json::from_str::<Value>(&text).is_ok_and(|v| v.is_object()),
                        "{}: {text}",
                        agent.id
                    );
                }
            }
            for tool in agent.tools {
                assert!(Operation::from_name(tool.operation).is_some(), "{}", tool.tool);
            }
        }
    }

    #[test]
    fn an_effect_follows_from_its_conditions() {
        let (mut met, mut unmet) = (0, 0);
        let mut chance = Chance::new(9);
        for rule in AGENTS.iter().flat_map(|agent| agent.rules) {
            for _ in 0..200 {
                let mut case = case();
                (case.amount, case.days) = (chance.skewed(0, 900_000), chance.skewed(0, 120));
                (case.count, case.score, case.verified) =
                    (chance.below(12), chance.below(1000), chance.in_thousand(500));
                let (seen, effect) = rule.on(&case);
                let all = seen.iter().all(|seen| seen.met);
                assert_eq!(effect, if all { rule.met } else { rule.unmet });
                if all { met += 1 } else { unmet += 1 }
            }
        }
        assert!(met > 100 && unmet > 100);
    }

    #[test]
    fn numbers_are_plain() {
        assert_eq!(number(124_050, 100), Value::from(1240.5));
        assert_eq!(number(1200, 100), Value::from(12));
    }
}
