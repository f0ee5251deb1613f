//! The steps of a case from its decision on: what was decided and by which rules, who agreed, what was done, to whom
//! it went on, who judged it.
//!
//! What must hold: the effects in a record are those that its conditions give; what was refused was not done.

use super::super::agents::{GUARDRAIL, Rule};
use super::super::chain::{Attempt, agent_at, gravest};
use super::super::prose::{CONCLUDED, Case, SEEN, WEIGHED};
use super::{Page, amount, failed_as};
use crate::record::{
    Access, Action, Alternative, Condition, ContextItem, Decision, Did, Handoff, Human, Json, Kind, Link, Operation,
    Outcome, Output, Policy, Receiver, Recipient, Record, Rel, Reliance, Review, Sensitivity, Severity, Status, Tool,
    Verdict, Withheld, format_time,
};

/// A rule as it was applied.
fn policy(rule: &Rule, digest: &str, case: &Case) -> Policy {
    let (seen, effect) = rule.on(case);
    let conditions = rule.tests.iter().zip(seen).map(|(test, seen)| {
        let condition = Condition::new(test.field)
            .value(seen.value)
            .op(test.op)
            .threshold(seen.threshold);
        condition.unit(test.unit).met(seen.met)
    });
    let policy = Policy::new(rule.policy)
        .version(rule.version)
        .digest(digest)
        .rule(rule.rule)
        .effect(effect);
    policy.conditions(conditions)
}

impl Page<'_> {
    /// What the agent's rules ask for in this case.
    fn effect(&self) -> &'static str {
        let effects: Vec<_> = self
            .agent
            .rules
            .iter()
            .map(|rule| rule.on(&self.chain.case).1)
            .collect();
        gravest(&effects)
    }

    pub(super) fn decide(&mut self) -> Record {
        let [yes, no, up] = self.agent.verdicts;
        let effect = self.effect();
        let (name, others) = match effect {
            "deny" => (no, [yes, up]),
            "escalate" => (up, [yes, no]),
            _ => (yes, [no, up]),
        };
        let summary = self.filled("(For|On) <ref>, a <item> of <amount>: (the rules|both figures|file and rules) (lead|point) to this, (after <n> steps|with <n> sources|by the newest entry).");
        let mut decision = Decision::new(name)
            .summary(summary)
            .confidence(self.chance.between(550, 990) as f64 / 1000.0)
            .automated(effect != "require_approval" && effect != "escalate")
            .affects(self.agent.affects);
        for other in others {
            let reason = self.prose(1, 1, &[WEIGHED]);
            decision = decision.alternative(Alternative::new().name(other).reason(reason));
        }
        if self.chance.in_thousand(400) {
            let otherwise = self.filled("With (a count of <n>|an amount of <half>|<nn> days less) the (decision|answer) would have been another.");
            decision = decision.counterfactual(otherwise);
        }
        if effect == "deny" && self.chance.in_thousand(300) {
            let ground = Withheld::new()
                .what("the model's single weights")
                .ground("trade secret, art. 15 (4)");
            decision = decision.withhold(ground);
        }
        let mut record = Record::new(self.agent.id, Kind::Decision).input(self.input());
        for known in &self.chain.known {
            let weight = self.chance.between(50, 600) as f64 / 1000.0;
            decision = decision.relied(Reliance::new().id(known.call.as_str()).weight(weight));
            let item = ContextItem::new().system(known.lookup.system).type_("record");
            record = record.retrieved(item.record(known.id.as_str()).call(known.call.as_str()));
        }
        if self.chance.in_thousand(350) {
            let memory = self.prose(1, 3, &[SEEN, self.agent.checks]);
            let resource = self.filled("memory/<token>");
            record = record.retrieved(
                ContextItem::from_system("memory", resource)
                    .type_("memory")
                    .excerpt(memory),
            );
        }
        let rules = self.agent.rules.iter().zip(&self.desk.digests);
        let policies: Vec<_> = rules
            .map(|(rule, digest)| policy(rule, digest, &self.chain.case))
            .collect();
        let reasoning = self.prose(3, 6, &[SEEN, self.agent.checks, WEIGHED, self.agent.checks, CONCLUDED]);
        let status = match effect {
            "require_approval" | "escalate" => Status::Pending,
            _ => Status::Success,
        };
        let record = record
            .reasoning(reasoning)
            .policies(policies)
            .with_decision(decision)
            .outcome(status);
        self.called(record, (2_500, 30_000), (150, 1_400))
    }

    /// What is going to be done, or was.
    fn action(&mut self) -> Action {
        let deed = &self.agent.deed;
        let target = self.filled(deed.target);
        let action = Action::new(deed.name)
            .system(deed.system)
            .target(target.as_str())
            .parameters(self.json(deed.with));
        let action = action.reversible(!deed.undo.is_empty());
        if deed.operation == "send" {
            return action.recipients([Recipient::to(target), Recipient::cc(self.chain.case.staff.as_str())]);
        }
        if deed.undo.is_empty() {
            action
        } else {
            action.undo(deed.undo)
        }
    }

    pub(super) fn act(&mut self, attempt: Attempt) -> Record {
        let deed = &self.agent.deed;
        let (call, took) = (self.call(), self.chance.skewed(60, 4_000) as f64);
        let action = self.action();
        let tool = Tool::new(deed.name)
            .call(call.as_str())
            .system(deed.system)
            .operation(deed.operation);
        let tool = tool.attempt(attempt.number).duration_ms(took);
        let reasoning = self.prose(2, 4, &[CONCLUDED, self.agent.checks, WEIGHED]);
        let record = Record::new(self.agent.id, Kind::Action)
            .input(self.input())
            .reasoning(reasoning);
        let record = record
            .with_action(action)
            .duration_ms(took + self.chance.between(2, 60) as f64);
        if let Some(fault) = attempt.fault {
            let error = fault.error(&self.chain.case, self.chance);
            let outcome = failed_as(Outcome::new(Status::Failure).detail("nothing was changed"), &error);
            return record.tool(tool.status(Status::Failure).error(error)).outcome(outcome);
        }
        let result = self.json(r#"{"receipt":"<long>","version":<nnn>,"queued":false}"#);
        let operation = Operation::from(deed.operation);
        let access = Access::new(deed.system, operation)
            .resource(self.filled(deed.target))
            .rows(1)
            .call(call);
        let access = access
            .purpose(self.agent.purpose)
            .legal_basis(self.agent.basis)
            .subject(self.chain.case.who.as_str());
        let access = access.sensitivity(Sensitivity::Confidential);
        record
            .tool(tool.result(result).status(Status::Success))
            .accessed(access)
            .outcome(Status::Success)
    }

    /// The guardrail found identifiers in what was to go out.
    pub(super) fn held(&mut self) -> Record {
        let seen = Case {
            count: self.chance.between(1, 4),
            ..self.chain.case.clone()
        };
        let digest = self.desk.digests.last().cloned().unwrap_or_default();
        let reasoning = self.prose(2, 3, &[CONCLUDED, WEIGHED]);
        let action = self.action();
        let detail = self
            .filled("held back before it was sent; (rewritten|a new text follows), scanner <n>.<n>, finding <token>");
        Record::new(self.agent.id, Kind::Action)
            .input(self.input())
            .reasoning(reasoning)
            .policy(policy(&GUARDRAIL, &digest, &seen))
            .with_action(action)
            .outcome(Outcome::new(Status::Denied).detail(detail))
            .duration_ms(self.chance.skewed(2, 60) as f64)
    }

    pub(super) fn approve(&mut self, did: Did) -> Record {
        let role = self.agent.team.trim_end_matches('s');
        let comment = match did {
            Did::Rejected => {
                "Not like this: (the <item> of <date> is missing|<fee> would be right|I do not see why <ref> should be an exception)."
            }
            Did::Overrode => {
                "I take this over, (the person called|see note <token>|it was promised on <date>); the (rule|proposal) does not fit."
            }
            Did::Edited => {
                "(Agreed|Fine) with <half> (instead of <amount>|at first), the rest when <token> is (here|settled)."
            }
            _ => "(Agreed|All right|Fine), (looked at <n> of <n> documents|the <item> is clear|as in <token>-<nnn>).",
        };
        let comment = self.filled(comment);
        let saw = self
            .chain
            .known
            .iter()
            .map(|known| known.call.clone())
            .chain(self.chain.decision.clone());
        let human = Human::new()
            .id(self.chain.case.staff.as_str())
            .role(role)
            .did(did)
            .comment(comment);
        let human = human.saw(saw).duration_ms(self.chance.skewed(4_000, 900_000) as f64);
        let status = if did == Did::Rejected {
            Status::Denied
        } else {
            Status::Success
        };
        let asked = self.prose(2, 4, &[SEEN, WEIGHED, self.agent.checks]);
        let output = Output::new().text(asked);
        let record = Record::approval(self.agent.id, human)
            .input(self.input())
            .output(output)
            .outcome(status);
        let record = record.attribute("amount", Json::from(amount(&self.chain.case)));
        match (&self.chain.decision, status) {
            (Some(decision), Status::Success) => record.link(Link::new(decision.as_str(), Rel::Approves)),
            _ => record,
        }
    }

    pub(super) fn escalate(&mut self) -> Record {
        let reason = self.prose(2, 3, &[self.agent.checks, WEIGHED, SEEN]);
        let levels = [Severity::Medium, Severity::Medium, Severity::High, Severity::Critical];
        let severity = self.chance.one_of(&levels).copied().unwrap_or(Severity::Medium);
        let until = self
            .time
            .saturating_add(self.chance.between(15, 2_880) as i64 * 60_000_000_000);
        let handoff = Handoff::new(Receiver::team(self.agent.team))
            .reason(reason)
            .severity(severity);
        let reasoning = self.prose(2, 4, &[SEEN, WEIGHED, CONCLUDED]);
        Record::new(self.agent.id, Kind::Escalation)
            .input(self.input())
            .reasoning(reasoning)
            .with_handoff(handoff.respond_by(format_time(until)))
            .outcome(Status::Pending)
    }

    pub(super) fn hand_on(&mut self, to: usize) -> Record {
        let next = agent_at(to);
        let reason = self.prose(1, 2, &[self.agent.checks, CONCLUDED]);
        let handoff = Handoff::new(Receiver::agent(next.id))
            .reason(reason)
            .severity(Severity::Low);
        let reasoning = self.prose(2, 4, &[WEIGHED, SEEN, CONCLUDED]);
        let given = self.json(r#"{"case":"<case>","reference":"<ref>","item":"<item>","open":["<token>","<token>"]}"#);
        let record = Record::new(self.agent.id, Kind::Handoff)
            .input(self.input())
            .reasoning(reasoning);
        let record = record
            .with_handoff(handoff)
            .output(Output::new().parsed(given))
            .outcome(Status::Success);
        self.called(record, (800, 9_000), (60, 500))
    }

    pub(super) fn review(&mut self, verdict: Verdict) -> Record {
        let reason = self.prose(2, 4, &[WEIGHED, self.agent.checks, SEEN]);
        let mut review = Review::new().verdict(verdict).reason(reason);
        if verdict != Verdict::Right {
            review = review.change(self.filled("(raise|lower|name) the (limit|term) for a <item> to <nn>, (test|compare) it with <nnn> older cases until <soon>"));
        }
        let staff = self.filled("staff:quality-<nn>");
        let human = Human::new()
            .id(staff)
            .role("quality")
            .did(Did::Observed)
            .saw(self.chain.decision.clone());
        let record = Record::new(self.agent.id, Kind::Review).with_review(review);
        let record = record.human(human.duration_ms(self.chance.skewed(20_000, 1_200_000) as f64));
        match &self.chain.decision {
            Some(decision) => record.link(Link::new(decision.as_str(), Rel::Reviews)),
            None => record,
        }
    }
}
