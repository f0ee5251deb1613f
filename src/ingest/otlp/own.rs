//! What no convention of OpenTelemetry has, as attributes of our own (`auditdb.*`), so that a span can say which policy decided
//! on which values; and guardrails and evaluations, which others write in part.

use super::super::{short, word};
use super::look::{Look, kept};
use super::span::Value;
use crate::record::{
    Access, Condition, Decision, Did, Effect, Human, Op, Outcome, Policy, Record, Review, Sensitivity, Status, Verdict,
};
use std::borrow::Cow;

/// Adds the members that `auditdb.*` attributes say.
pub(super) fn members(look: &Look<'_>, record: &mut Record) {
    record.policies.extend(policy(look));
    if let Some(name) = named(look, "auditdb.decision") {
        let mut decision = Decision::new(name);
        decision.summary = said(look, &["auditdb.decision.summary"]);
        decision.automated = flag(look, "auditdb.decision.automated");
        record.decision = Some(decision);
    }
    record.access.extend(access(look));
    if let Some(human) = human(look) {
        record.human = Some(human);
    }
    match look.first(&["auditdb.subject", "auditdb.subjects"]).as_deref() {
        Some(Value::List(all)) => {
            let subjects = all.iter().filter_map(Value::scalar);
            record.subjects.extend(subjects.map(|subject| short(&subject)));
        }
        Some(one) => record.subjects.extend(one.scalar().map(|subject| short(&subject))),
        None => {}
    }
    record.class = named(look, "auditdb.class");
    record.region = named(look, "auditdb.region");
}

/// A guardrail lets something through or not.
pub(super) fn guardrail(look: &Look<'_>, record: Record) -> Record {
    let name = named(look, "gen_ai.guardrail.name").unwrap_or_else(|| short(&look.span.name));
    let name = if name.is_empty() { "guardrail".to_owned() } else { name };
    let triggered = flag(look, "gen_ai.guardrail.triggered").unwrap_or(look.span.failed);
    let effect = if triggered { Effect::Deny } else { Effect::Allow };
    let mut policy =
        Policy::new(named(look, "gen_ai.guardrail.policy_id").unwrap_or_else(|| name.clone())).effect(effect);
    policy.rule = said(look, &["gen_ai.guardrail.violation_type"]);
    let status = if triggered { Status::Denied } else { Status::Success };
    record
        .with_decision(Decision::new("guardrail").automated(true).summary(name))
        .policy(policy)
        .outcome(Outcome::new(status))
}

/// A judgement of what came out. What counts as right is the evaluator's: only its words for it are known here.
pub(super) fn evaluation(look: &Look<'_>, record: Record) -> Record {
    let label = look.word(&["gen_ai.evaluation.score.label", "eval.label"]);
    let mut review = Review::new().verdict(verdict(label.as_deref()));
    review.reason = said(look, &["gen_ai.evaluation.explanation", "eval.explanation"]);
    let record = record.with_review(review);
    match label {
        Some(label) => record.attribute("evaluation.label", &*label),
        None => record,
    }
}

/// What an evaluator's word says.
pub(super) fn verdict(label: Option<&str>) -> Verdict {
    match label.map(str::to_ascii_lowercase).as_deref() {
        Some("pass" | "passed" | "correct" | "relevant" | "true") => Verdict::Right,
        Some("fail" | "failed" | "incorrect" | "irrelevant" | "false") => Verdict::Wrong,
        _ => Verdict::Unclear,
    }
}

fn policy(look: &Look<'_>) -> Option<Policy> {
    let mut policy = Policy::new(named(look, "auditdb.policy.id").or_else(|| named(look, "auditdb.policy"))?);
    policy.version = named(look, "auditdb.policy.version");
    policy.rule = said(look, &["auditdb.policy.rule"]);
    policy.effect = look
        .word(&["auditdb.policy.effect"])
        .map(|effect| Effect::from(short(&effect)));
    if let Some(field) = named(look, "auditdb.policy.field") {
        let mut condition = Condition::new(field);
        condition.value = look.first(&["auditdb.policy.value"]).map(|value| kept(&value));
        condition.threshold = look.first(&["auditdb.policy.threshold"]).map(|value| kept(&value));
        condition.unit = named(look, "auditdb.policy.unit");
        condition.met = flag(look, "auditdb.policy.met");
        // Another word for it stays among the attributes.
        condition.op = one_of(look, "auditdb.policy.op", Op::from_name);
        policy = policy.condition(condition);
    }
    Some(policy)
}

fn access(look: &Look<'_>) -> Option<Access> {
    let system = named(look, "auditdb.access.system")?;
    let operation = named(look, "auditdb.access.operation").unwrap_or_else(|| "read".to_owned());
    let mut access = Access::new(system, operation.as_str());
    access.resource = said(look, &["auditdb.access.resource"]);
    access.purpose = named(look, "auditdb.access.purpose").or_else(|| named(look, "auditdb.purpose"));
    access.legal_basis = named(look, "auditdb.access.legal_basis");
    access.sensitivity = one_of(look, "auditdb.access.sensitivity", Sensitivity::from_name);
    Some(access)
}

fn human(look: &Look<'_>) -> Option<Human> {
    let mut human = Human::new();
    human.id = named(look, "auditdb.human.id").or_else(|| named(look, "auditdb.human"));
    human.id.as_ref()?;
    human.role = named(look, "auditdb.human.role");
    human.did = one_of(look, "auditdb.human.did", Did::from_name);
    human.comment = said(look, &["auditdb.human.comment"]);
    Some(human)
}

/// A word of a closed list; any other one is not taken, and stays where it is.
fn one_of<T>(look: &Look<'_>, name: &str, of: impl Fn(&str) -> Option<T>) -> Option<T> {
    let known = look.span.attributes.text(name).and_then(of);
    known.inspect(|_| look.take(name))
}

fn said(look: &Look<'_>, names: &[&str]) -> Option<String> {
    look.word(names).map(Cow::into_owned)
}

fn named(look: &Look<'_>, name: &str) -> Option<String> {
    word(&look.word(&[name])?)
}

fn flag(look: &Look<'_>, name: &str) -> Option<bool> {
    let said = match look.span.attributes.get(name)? {
        Value::Bool(said) => Some(*said),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    said.inspect(|_| look.take(name))
}
