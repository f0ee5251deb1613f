//! The page's sections: which facts of which records answer which question.

use super::chain::{Brief, Cast};
use super::definitions::Sought;
use super::{Fact, Said, Section, facts};
use crate::error::{Error, Result};
use crate::query::place::{Place, Texts, place_of};
use crate::query::trace::Step;
use crate::record::look::{elements, members, shown, value, word};
use std::collections::{BTreeMap, HashMap};

/// The questions, in the order in which a person asks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    CameIn,
    Who,
    Knew,
    Reasoning,
    Policies,
    Decision,
    People,
    Did,
    Data,
    Outcome,
    Else,
    After,
}

impl Question {
    /// For machines and for people.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Question::CameIn => ("came_in", "What came in"),
            Question::Who => ("who", "Who decided"),
            Question::Knew => ("knew", "What it knew"),
            Question::Reasoning => ("reasoning", "Its reasoning"),
            Question::Policies => ("policies", "By which rules"),
            Question::Decision => ("decision", "What was decided"),
            Question::People => ("people", "People who took part"),
            Question::Did => ("did", "What was done"),
            Question::Data => ("data", "Which data were touched"),
            Question::Outcome => ("outcome", "How it ended"),
            Question::Else => ("else", "What else its records say"),
            Question::After => ("after", "What came after"),
        }
    }
}

/// What the page is made from.
pub(super) struct Page<'a> {
    pub(super) texts: &'a Texts<'a>,
    pub(super) steps: &'a [Step],
    pub(super) briefs: &'a [Brief],
    pub(super) cast: &'a Cast,
}

type Facts = BTreeMap<Question, Vec<Fact>>;

/// Where a record is, as one of another place names it: with its log where that is another one.
fn seen_from(from: &Place, place: &Place) -> String {
    if from.log == place.log {
        format!("#{}", place.seq)
    } else {
        format!("{}/{}", place.log, place.seq)
    }
}

impl Page<'_> {
    /// The text of a record, and where it is.
    pub(super) fn record(&self, at: usize) -> Option<(Place, String)> {
        let step = self.steps.get(at)?;
        Some((place_of(&step.entry), self.texts.of(&step.entry).0))
    }

    fn brief(&self, at: usize) -> Option<&Brief> {
        self.briefs.get(at)
    }

    /// Who and what, in a line.
    pub(super) fn title(&self) -> String {
        let Some((_, text)) = self.record(self.cast.subject) else {
            return String::new();
        };
        let what: [&[&str]; 4] = [
            &["action", "name"],
            &["decision", "name"],
            &["tools", "0", "name"],
            &["handoff", "to", "id"],
        ];
        let what = what.into_iter().find_map(|path| shown(&text, path));
        let parts = [shown(&text, &["agent", "id"]), shown(&text, &["kind"]), what];
        parts
            .into_iter()
            .flatten()
            .map(|part| word(&part))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The sections, and what became of what the records name.
    pub(super) fn sections(&self) -> Result<(Vec<Section>, Sought)> {
        let (mut all, mut sought) = (Facts::new(), Sought::default());
        self.came_in(&mut all, &mut sought)?;
        self.who(&mut all);
        for at in &self.cast.core {
            if let Some((from, text)) = self.record(*at) {
                self.known(&mut all, &mut sought, &from, &text)?;
                self.policies(&mut all, &mut sought, &from, &text)?;
                done(&mut all, &from, &text);
            }
        }
        for at in &self.cast.before {
            if let Some((from, text)) = self.record(*at) {
                let earlier = shown(&text, &["decision", "name"]);
                let by = shown(&text, &["agent", "id"]).unwrap_or_default();
                let earlier =
                    earlier.map(|name| Said::new("earlier decision", format!("{} by {}", word(&name), word(&by))));
                add(&mut all, Question::CameIn, &from, earlier);
                looked_up(&mut all, &from, &text);
            }
        }
        for at in &self.cast.after {
            if let Some((from, text)) = self.record(*at) {
                let said = self.came_after(*at, &text);
                add(&mut all, Question::After, &from, [said]);
            }
        }
        let section = |(question, facts): (Question, Vec<Fact>)| {
            let (name, title) = question.names();
            Section { name, title, facts }
        };
        Ok((all.into_iter().map(section).collect(), sought))
    }

    /// The nearest record that says what set the chain going; the template is the decision's own.
    fn came_in(&self, all: &mut Facts, sought: &mut Sought) -> Result<()> {
        let earlier = self.cast.before.iter().rev();
        let nearest = [self.cast.anchor]
            .into_iter()
            .chain(self.cast.ancestors.iter().copied())
            .chain(earlier.copied());
        let (mut asked, mut handed, mut prompted) = (false, false, false);
        for at in nearest {
            if asked && prompted {
                break;
            }
            let Some((from, text)) = self.record(at) else { continue };
            let input = value(&text, &["input"]).unwrap_or("{}");
            let has = |name: &str| shown(input, &[name]).is_some();
            if !asked && ["trigger", "from", "channel", "text"].into_iter().any(has) {
                asked = true;
                add(all, Question::CameIn, &from, facts::came_in(input));
            }
            // Only what stands between the asking and the decision brought the matter here.
            if !asked
                && !handed
                && at != self.cast.anchor
                && let Some(handoff) = value(&text, &["handoff"])
            {
                handed = true;
                let by = shown(&text, &["agent", "id"]).map(|by| Said::new("by", word(&by)));
                add(all, Question::CameIn, &from, [facts::handoff(handoff).with(by)]);
            }
            if !prompted && (has("prompt") || has("variables")) {
                prompted = true;
                add(all, Question::CameIn, &from, facts::prompt(input));
                if let Some(prompt) = value(input, &["prompt"]) {
                    let definition = self.definition(sought, &from, "prompt", prompt)?;
                    all.entry(Question::CameIn).or_default().extend(definition);
                }
            }
        }
        Ok(())
    }

    /// The policies that a record names, each with its text as it was in force.
    fn policies(&self, all: &mut Facts, sought: &mut Sought, from: &Place, text: &str) -> Result<()> {
        for policy in value(text, &["policies"]).into_iter().flat_map(elements) {
            add(all, Question::Policies, from, [facts::policy(policy)]);
            let definition = self.definition(sought, from, "policy", policy)?;
            all.entry(Question::Policies).or_default().extend(definition);
        }
        Ok(())
    }

    fn who(&self, all: &mut Facts) {
        let Some((from, text)) = self.record(self.cast.anchor) else {
            return;
        };
        add(all, Question::Who, &from, facts::agent(&text));
        let when = Said::new("when", shown(&text, &["time"]).unwrap_or_default());
        let took = facts::took(&text).map(|took| Said::new("took", took));
        let chain = ["correlation", "session"].map(|name| shown(&text, &[name]).map(|id| Said::new(name, word(&id))));
        add(
            all,
            Question::Who,
            &from,
            [when].into_iter().chain(took).chain(chain.into_iter().flatten()),
        );
        if value(&text, &["model"]).is_some() {
            return;
        }
        // The model may have been called in a record of its own.
        let own = |at: &&usize| {
            self.brief(**at).map(|brief| &brief.agent) == self.brief(self.cast.anchor).map(|brief| &brief.agent)
        };
        for at in self.cast.before.iter().rev().filter(own) {
            let Some((from, text)) = self.record(*at) else { continue };
            if value(&text, &["model"]).is_some() {
                add(
                    all,
                    Question::Who,
                    &from,
                    facts::agent(&text).into_iter().filter(|said| said.name == "model"),
                );
                return;
            }
        }
    }

    /// The context that a record names itself. An item that names another record says which; one outside of the chain is
    /// looked for.
    fn known(&self, all: &mut Facts, sought: &mut Sought, from: &Place, text: &str) -> Result<()> {
        let places: HashMap<&str, usize> = self
            .briefs
            .iter()
            .zip(0..)
            .map(|(brief, at)| (brief.id.as_str(), at))
            .collect();
        for item in value(text, &["context"]).into_iter().flat_map(elements) {
            let mut said = facts::context(item);
            let Some(id) = shown(item, &["record"]).map(|id| id.to_ascii_lowercase()) else {
                add(all, Question::Knew, from, [said]);
                continue;
            };
            if let Some(step) = places.get(id.as_str()).and_then(|at| self.steps.get(*at)) {
                said = found_in(said, &seen_from(from, &place_of(&step.entry)));
                add(all, Question::Knew, from, [said]);
                continue;
            }
            let nowhere = match self.texts.find(&id) {
                Ok(Some((place, text))) => {
                    said = found_in(said, &format!("{}, outside of this chain", seen_from(from, &place)));
                    add(all, Question::Knew, from, [said]);
                    looked_up(all, &place, &text);
                    continue;
                }
                Ok(None) => self.texts.logs.nowhere(),
                Err(Error::Damaged { faults, .. }) => {
                    sought.unreadable.extend(faults);
                    "could not be looked for in all logs"
                }
                Err(error) => return Err(error),
            };
            sought.absent.push(format!(
                "the record {id} that #{} names as its context {nowhere}",
                from.seq
            ));
            said = found_in(said, &format!("record {id}, which {nowhere}"));
            add(all, Question::Knew, from, [said]);
        }
        Ok(())
    }

    /// One line about what came of it.
    fn came_after(&self, at: usize, text: &str) -> Said {
        let what: [&[&str]; 4] = [
            &["decision", "name"],
            &["action", "name"],
            &["tools", "0", "name"],
            &["handoff", "to", "id"],
        ];
        let what = what.into_iter().find_map(|path| shown(text, path));
        let parts = [shown(text, &["agent", "id"]), shown(text, &["kind"]), what];
        let mut line = parts
            .into_iter()
            .flatten()
            .map(|part| word(&part))
            .collect::<Vec<_>>()
            .join(" ");
        if let Some(status) = shown(text, &["outcome", "status"]) {
            line += &format!(": {}", word(&status));
        }
        let links = self.brief(at).map_or(&[][..], |brief| &brief.links);
        let linked = links.iter().filter_map(|(id, rel)| {
            let mut core = self
                .cast
                .core
                .iter()
                .filter_map(|at| Some((self.brief(*at)?, self.steps.get(*at)?)));
            let (_, step) = core.find(|(brief, _)| brief.id == *id)?;
            Some(Said::new(
                &word(rel).replace('_', " "),
                format!("#{}", step.entry.seq()),
            ))
        });
        let review = value(text, &["review"]).map(facts::review);
        let handoff = value(text, &["handoff"]).map(facts::handoff);
        let human = value(text, &["human"]).map(facts::human);
        let error = value(text, &["outcome", "error"]).map(|error| facts::tree("error", error));
        Said::new("", line)
            .with(linked)
            .with(review)
            .with(human)
            .with(handoff)
            .with(error)
    }
}

fn found_in(mut said: Said, place: &str) -> Said {
    let between = if said.text.is_empty() { "" } else { ", " };
    said.text += &format!("{between}found in {place}");
    said
}

fn add(all: &mut Facts, question: Question, from: &Place, said: impl IntoIterator<Item = Said>) {
    let facts = said.into_iter().map(|said| Fact {
        from: from.clone(),
        said,
    });
    let mut facts = facts.peekable();
    if facts.peek().is_some() {
        all.entry(question).or_default().extend(facts);
    }
}

/// What a record before the decision brought to it.
fn looked_up(all: &mut Facts, from: &Place, text: &str) {
    let each = |name: &str| value(text, &[name]).into_iter().flat_map(elements).collect::<Vec<_>>();
    add(all, Question::Knew, from, each("tools").into_iter().map(facts::tool));
    // An item that names another record is told where that record is.
    let own = each("context")
        .into_iter()
        .filter(|item| shown(item, &["record"]).is_none());
    add(all, Question::Knew, from, own.map(facts::context));
    add(all, Question::Data, from, each("access").into_iter().map(facts::access));
}

/// All that the decision's own record, or one that carried it out, says, but for context and policies.
fn done(all: &mut Facts, from: &Place, text: &str) {
    let one = |name: &str| value(text, &[name]).filter(|raw| *raw != "null");
    let each = |name: &str| value(text, &[name]).into_iter().flat_map(elements).collect::<Vec<_>>();
    let reasoning = shown(text, &["reasoning"]).map(|text| Said::new("", text));
    add(all, Question::Reasoning, from, reasoning);
    add(
        all,
        Question::Decision,
        from,
        one("decision").map(facts::decision).into_iter().flatten(),
    );
    add(all, Question::People, from, one("human").map(facts::human));
    add(all, Question::Did, from, each("tools").into_iter().map(facts::tool));
    add(all, Question::Did, from, one("action").map(facts::action));
    add(all, Question::Did, from, one("handoff").map(facts::handoff));
    add(
        all,
        Question::Did,
        from,
        one("output").map(|output| facts::tree("output", output)),
    );
    add(all, Question::Did, from, one("fallback").map(facts::fallback));
    add(all, Question::Data, from, each("access").into_iter().map(facts::access));
    add(all, Question::Outcome, from, one("outcome").map(facts::outcome));
    add(all, Question::Outcome, from, one("review").map(facts::review));
    let other =
        members(text).filter(|(name, raw)| !TOLD.contains(&name.as_ref()) && !matches!(*raw, "null" | "[]" | "{}"));
    add(
        all,
        Question::Else,
        from,
        other.map(|(name, raw)| facts::tree(&name, raw)),
    );
}

/// The members of a record that stand elsewhere on the page; links stand at both ends, and parts are put back.
const TOLD: &[&str] = &[
    "v",
    "seq",
    "id",
    "logged",
    "time",
    "writer",
    "salt",
    "parts",
    "agent",
    "kind",
    "duration_ms",
    "correlation",
    "session",
    "parent",
    "trace",
    "links",
    "source",
    "input",
    "model",
    "context",
    "reasoning",
    "policies",
    "decision",
    "human",
    "tools",
    "access",
    "action",
    "output",
    "fallback",
    "handoff",
    "outcome",
    "review",
];
