//! The record of each step of a case: what came in, what was looked up, what was written. `verdict` has the steps from
//! the decision on.
//!
//! What must hold: a fact stands in one record, later ones name it by its id; every text is filled from the case; a
//! model's use is told where a model was called.

#[path = "verdict.rs"]
mod verdict;

use super::agents::{Agent, Lookup};
use super::chain::{Attempt, Chain, Known, Step};
use super::chance::Chance;
use super::desk::Desk;
use super::faults::Fault;
use super::prose::{CONCLUDED, Case, HANDBOOK, SEEN, WEIGHED, filled, paragraph};
use crate::record::{
    Access, ContextItem, ContextType, Fallback, Input, Json, Model, Operation, Outcome, Output, Record, Status, Tool,
    Trace, Usage, format_time,
};

/// What the writing of one record needs.
struct Page<'a> {
    chain: &'a mut Chain,
    agent: &'static Agent,
    desk: &'a mut Desk,
    chance: &'a mut Chance,
    time: i64,
}

/// Writes the record of this step; the id is the record's own, for later ones to name.
pub(super) fn write(
    chain: &mut Chain,
    step: Step,
    id: &str,
    time: i64,
    desk: &mut Desk,
    chance: &mut Chance,
) -> Record {
    let mut page = Page {
        chain,
        agent: desk.agent,
        desk,
        chance,
        time,
    };
    let record = match step {
        Step::Intake => page.intake(),
        Step::Search => page.search(),
        Step::Ask(lookup, attempt) => page.ask(lookup, attempt, id),
        Step::Draft(attempt) => page.draft(attempt),
        Step::Decide => page.decide(),
        Step::Held => page.held(),
        Step::Approve(did) => page.approve(did),
        Step::Act(attempt) => page.act(attempt),
        Step::Escalate => page.escalate(),
        Step::HandOn(to) => page.hand_on(to),
        Step::Reply => page.reply(),
        Step::GiveUp(fault) => page.give_up(fault),
        Step::Review(verdict) => page.review(verdict),
    };
    page.framed(record)
}

impl Page<'_> {
    /// What every record of a case has.
    fn framed(&mut self, record: Record) -> Record {
        let mut record = record
            .correlation(self.chain.correlation.as_str())
            .session(self.chain.session.as_str())
            .trace(
                Trace::new()
                    .id(self.chain.trace.as_str())
                    .span(format!("{:016x}", self.chance.bits() | 1)),
            )
            .source(self.desk.source())
            .subject(self.chain.case.who.as_str());
        record.agent = self.desk.agent();
        match &self.chain.parent {
            Some(parent) => record.parent(parent.as_str()),
            None => record,
        }
    }

    fn filled(&mut self, template: &str) -> String {
        filled(template, &self.chain.case, self.chance)
    }

    fn json(&mut self, template: &str) -> Json {
        let text = self.filled(template);
        // A test fills every template of the table; a text that were no JSON would be kept as a string.
        Json::raw(text.as_str()).unwrap_or_else(|_| Json::from(text))
    }

    fn prose(&mut self, least: u64, most: u64, pools: &[&[&str]]) -> String {
        let sentences = self.chance.between(least, most);
        paragraph(sentences, pools, &self.chain.case, self.chance)
    }

    fn call(&mut self) -> String {
        let mut call = "call_".to_owned();
        self.chance.token(14, &mut call);
        call
    }

    /// What was put into the prompt's template.
    fn input(&mut self) -> Input {
        let case = &self.chain.case;
        let variables = [
            ("case", case.number.as_str()),
            ("reference", case.reference.as_str()),
            ("item", case.item),
        ];
        let locales = ["en-GB", "en-US", "de-DE", "fr-FR", "pt-BR"];
        let mut input = Input::new().prompt(self.desk.prompt.clone()).variables(variables);
        input
            .variables
            .get_or_insert_default()
            .set("locale", self.chance.word(&locales));
        input
    }

    /// The model that was called, and what the call used.
    fn called(&mut self, record: Record, read: (u64, u64), wrote: (u64, u64)) -> Record {
        let (read, wrote) = (self.chance.skewed(read.0, read.1), self.chance.skewed(wrote.0, wrote.1));
        let cached = if self.chance.in_thousand(600) {
            read * self.chance.between(30, 85) / 100
        } else {
            0
        };
        // In millionths of a dollar, so that the sum is exact.
        let cost = (read - cached) * 3 + cached * 3 / 10 + wrote * 15;
        let usage = Usage::new()
            .input_tokens(read)
            .output_tokens(wrote)
            .cache_read_tokens(cached);
        let heat = [0.0, 0.0, 0.2, 0.7];
        let heat = self.chance.one_of(&heat).copied().unwrap_or_default();
        let model = Model::new().provider(self.agent.provider).name(self.agent.model);
        let model = model.parameters([("temperature", Json::from(heat)), ("max_tokens", Json::from(4096))]);
        record
            .model(model)
            .usage(usage.cost(cost as f64 / 1e6).currency("USD"))
            .duration_ms(self.chance.skewed(400, 14_000) as f64)
    }

    fn intake(&mut self) -> Record {
        let ask = self.chance.word(self.agent.asks);
        let mut text = self.filled(ask);
        if self.chance.in_thousand(300) {
            text.push(' ');
            let more = self.chance.word(self.agent.asks);
            text += &self.filled(more);
        }
        let received = self.time - self.chance.skewed(200, 600_000) as i64 * 1_000_000;
        let input = self
            .input()
            .trigger(self.agent.trigger)
            .from(self.chain.case.who.as_str());
        let input = input
            .channel(self.agent.channel)
            .received(format_time(received))
            .text(text);
        let reasoning = self.prose(2, 4, &[SEEN, self.agent.checks, CONCLUDED]);
        let language = self.chance.word(&["en", "de", "fr", "pt"]);
        let intent = self.chain.case.item;
        let parsed = [
            ("intent", intent),
            ("language", language),
            ("urgency", self.chance.word(&["low", "normal", "high"])),
        ];
        let output = Output::new()
            .parsed(serde_json::Value::from_iter(parsed))
            .finish("stop");
        let record = Record::message(self.agent.id)
            .input(input)
            .reasoning(reasoning)
            .output(output);
        self.called(record, (900, 9_000), (60, 400)).outcome(Status::Success)
    }

    fn search(&mut self) -> Record {
        // Now and then somebody asks for everything: the large records.
        let large = self.chance.in_thousand(90);
        let (documents, least, most) = if large {
            (6, 6, 10)
        } else {
            (self.chance.between(2, 4), 1, 4)
        };
        let mut record = Record::retrieval(self.agent.id).input(self.input());
        let mut sentences = 0;
        for _ in 0..documents {
            let page = self.filled("handbook/<token>-<nn>");
            let excerpt = self.prose(least, most, &[HANDBOOK, self.agent.pages]);
            sentences += 1;
            let digest = format!(
                "sha256:{:016x}{:016x}{:016x}{:016x}",
                self.chance.bits(),
                self.chance.bits(),
                self.chance.bits(),
                self.chance.bits()
            );
            let version = self.chance.between(2, 40).to_string();
            let item = ContextItem::from_system("knowledge", page)
                .type_(ContextType::Document)
                .version(version);
            let score = 0.93 - f64::from(sentences) * 0.05 - self.chance.below(40) as f64 / 1000.0;
            let score = (score * 1000.0).round() / 1000.0;
            record = record.retrieved(item.digest(digest).score(score).excerpt(excerpt));
        }
        let query = self.filled("<item> (limit|term|exception|procedure) <nnn> <ref>");
        let access = Access::new("knowledge", Operation::Search)
            .resource("index/handbook")
            .purpose(self.agent.purpose);
        let access = access
            .sensitivity(crate::record::Sensitivity::Internal)
            .rows(documents)
            .category("guidelines");
        record
            .accessed(access)
            .attribute("query", query)
            .duration_ms(self.chance.skewed(12, 900) as f64)
            .outcome(Status::Success)
    }

    fn ask(&mut self, lookup: &'static Lookup, attempt: Attempt, id: &str) -> Record {
        let call = self.call();
        let took = self.chance.skewed(20, 2_500) as f64;
        let resource = self.filled(lookup.resource);
        let mut tool = Tool::new(lookup.tool)
            .call(call.as_str())
            .system(lookup.system)
            .operation(lookup.operation)
            .attempt(attempt.number)
            .parameters(self.json(lookup.given))
            .duration_ms(took);
        let record = Record::new(self.agent.id, crate::record::Kind::ToolCall).input(self.input());
        let record = record.duration_ms(took + self.chance.between(1, 40) as f64);
        if let Some(fault) = attempt.fault {
            let error = fault.error(&self.chain.case, self.chance);
            tool = tool.status(Status::Failure).error(error);
            let reasoning = self.prose(2, 3, &[WEIGHED, self.agent.checks, SEEN]);
            let outcome = Outcome::new(Status::Failure).detail(format!("{} gave no result", lookup.tool));
            return record
                .reasoning(reasoning)
                .tool(tool)
                .outcome(failed_as(outcome, &fault.error(&self.chain.case, self.chance)));
        }
        let tool = tool.result(self.json(lookup.gives)).status(Status::Success);
        let access = Access::new(lookup.system, lookup.operation)
            .resource(resource)
            .categories(lookup.categories.iter().copied())
            .sensitivity(lookup.sensitivity)
            .purpose(self.agent.purpose)
            .legal_basis(self.agent.basis)
            .rows(self.chance.skewed(1, 40))
            .subject(self.chain.case.who.as_str())
            .call(call.as_str());
        self.chain.known.push(Known {
            id: id.to_owned(),
            lookup,
            call,
        });
        let reasoning = self.prose(2, 5, &[SEEN, self.agent.checks, WEIGHED, SEEN]);
        record
            .reasoning(reasoning)
            .tool(tool)
            .accessed(access)
            .outcome(Status::Success)
    }

    fn draft(&mut self, attempt: Attempt) -> Record {
        let record = Record::new(self.agent.id, crate::record::Kind::ModelCall).input(self.input());
        let record = self
            .called(record, (1_500, 22_000), (120, 1_600))
            .attribute("attempt", attempt.number);
        let record = match self.chain.known.last() {
            Some(known) => record.retrieved(ContextItem::new().record(known.id.as_str()).call(known.call.as_str())),
            None => record,
        };
        if let Some(fault) = attempt.fault {
            let error = fault.error(&self.chain.case, self.chance);
            let from = self.agent.model;
            let fallback = Fallback::new(from, format!("{from}@second-region")).reason("the first region failed");
            let reasoning = self.prose(2, 3, &[WEIGHED, CONCLUDED]);
            return record
                .fallback(fallback)
                .reasoning(reasoning)
                .outcome(Outcome::new(Status::Failure).error(error));
        }
        let mut text = self.prose(1, 1, &[self.agent.replies]);
        text.push_str("\n\n");
        text += &self.prose(2, 4, &[WEIGHED, SEEN]);
        let reasoning = self.prose(2, 5, &[SEEN, self.agent.checks, CONCLUDED]);
        record
            .reasoning(reasoning)
            .output(Output::new().text(text).finish("stop"))
            .outcome(Status::Success)
    }

    fn reply(&mut self) -> Record {
        let replies = self.agent.replies;
        let fitting = if self.chain.done {
            replies.first()
        } else {
            replies.last()
        };
        let mut text = self.filled(fitting.copied().unwrap_or_default());
        text.push(' ');
        text += &self.filled("(Kind regards|Best wishes|Regards), <staff>, (case|reference) <case>.");
        let reasoning = self.prose(2, 5, &[self.agent.checks, CONCLUDED, WEIGHED]);
        let digest = crate::record::digest(text.as_bytes());
        let output = Output::new().text(text).digest(digest).finish("stop");
        let record = Record::message(self.agent.id)
            .input(self.input())
            .reasoning(reasoning)
            .output(output);
        let decided = self.chain.decision.clone();
        let record = match decided {
            Some(decision) => record.retrieved(ContextItem::new().record(decision).type_(ContextType::History)),
            None => record,
        };
        self.called(record, (1_200, 12_000), (80, 700)).outcome(Status::Success)
    }

    fn give_up(&mut self, fault: &Fault) -> Record {
        let message = self.filled("(another|one more) attempt (would not help|cannot help), (going on without it|taking the way round over <item>), see <token>");
        let reasoning = self.prose(2, 4, &[WEIGHED, SEEN, CONCLUDED]);
        let outcome = Outcome::new(Status::Failure).detail(message);
        let error = fault.error(&self.chain.case, self.chance).retryable(false);
        Record::new(self.agent.id, crate::record::Kind::Error)
            .input(self.input())
            .reasoning(reasoning)
            .outcome(outcome.error(error))
            .attribute("runtime", "agentd 4.6.1")
    }
}

/// The outcome by an error that the record's tool tells in full: here its class is enough.
fn failed_as(outcome: Outcome, error: &crate::record::ErrorDetail) -> Outcome {
    let mut short = crate::record::ErrorDetail::new().retryable(error.retryable.unwrap_or_default());
    short.type_ = error.type_.clone();
    short.code = error.code.clone();
    outcome.error(short)
}

/// The case as its own condition sees it.
fn amount(case: &Case) -> f64 {
    case.amount as f64 / 100.0
}
