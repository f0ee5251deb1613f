//! What single members of a record say, in words.
//!
//! What must hold: nothing is rounded or left out: what has no words here stands under its own name; a name inside a
//! sentence stands in quotes where it is more than a word.

use super::Said;
use crate::record::look::{elements, members, said, shown, value, word};

/// Deeper than this a value stands as its own JSON.
const DEPTH: usize = 4;

/// A value with its own below it.
pub(super) fn tree(name: &str, raw: &str) -> Said {
    branch(name, raw, 0)
}

fn branch(name: &str, raw: &str, depth: usize) -> Said {
    let leaf = |text: String| Said::new(name, text);
    if !is_container(raw) || depth >= DEPTH {
        return leaf(said(raw).map_or_else(|| raw.to_owned(), |text| text.into_owned()));
    }
    if let Some(line) = on_a_line(raw) {
        return leaf(line);
    }
    if raw.starts_with('{') {
        let under = members(raw).map(|(name, value)| branch(&name, value, depth + 1));
        return leaf(String::new()).with(under);
    }
    let numbered = (1..).zip(elements(raw));
    leaf(String::new()).with(numbered.map(|(place, one)| branch(&format!("{place}"), one, depth + 1)))
}

fn is_container(raw: &str) -> bool {
    raw.starts_with(['{', '[']) && !matches!(raw, "{}" | "[]")
}

/// A list of plain values, or an object of a few, on one line.
fn on_a_line(raw: &str) -> Option<String> {
    /// A longer one is easier to read with a line for each.
    const LINE: usize = 160;
    if raw.starts_with('[') {
        return (!elements(raw).any(is_container)).then(|| list(raw));
    }
    if raw.len() > LINE || members(raw).any(|(_, value)| is_container(value)) {
        return None;
    }
    let each = members(raw).map(|(name, value)| {
        let value = said(value).map_or_else(|| value.to_owned(), |text| word(&text));
        format!("{} {value}", word(&name))
    });
    Some(each.collect::<Vec<_>>().join(", "))
}

/// The elements of a list of plain values, one behind the other.
fn list(raw: &str) -> String {
    let each = elements(raw).map(|one| said(one).map_or_else(|| one.to_owned(), |text| word(&text)));
    each.collect::<Vec<_>>().join(", ")
}

/// All members of an object but those.
fn rest<'a>(object: &'a str, but: &'a [&str]) -> impl Iterator<Item = Said> + 'a {
    members(object)
        .filter(move |(name, value)| !but.contains(&name.as_ref()) && *value != "null")
        .map(|(name, value)| tree(&name, value))
}

/// A part of a sentence: the member's value as a word behind those words, if it is there.
fn bit(object: &str, before: &str, path: &[&str], behind: &str) -> Option<String> {
    shown(object, path).map(|text| format!("{before}{}{behind}", word(&text)))
}

fn joined(bits: impl IntoIterator<Item = Option<String>>, between: &str) -> String {
    bits.into_iter().flatten().collect::<Vec<_>>().join(between)
}

/// How long something took.
pub(super) fn took(object: &str) -> Option<String> {
    shown(object, &["duration_ms"]).map(|ms| format!("{} ms", word(&ms)))
}

/// What came in: who sent what, which way.
pub(super) fn came_in(input: &str) -> Vec<Said> {
    rest(input, &["prompt", "variables"]).collect()
}

/// The template and what was put into it.
pub(super) fn prompt(input: &str) -> Vec<Said> {
    let mut all = Vec::new();
    if let Some(prompt) = value(input, &["prompt"]) {
        let name = joined(
            [bit(prompt, "", &["id"], ""), bit(prompt, "version ", &["version"], "")],
            " ",
        );
        all.push(Said::new("prompt", name).with(rest(prompt, &["id", "version"])));
    }
    all.extend(value(input, &["variables"]).map(|variables| tree("variables", variables)));
    all
}

/// The agent, for whom it acted, and its model.
pub(super) fn agent(text: &str) -> Vec<Said> {
    let mut all = Vec::new();
    if let Some(agent) = value(text, &["agent"]) {
        let name = joined(
            [
                bit(agent, "", &["id"], ""),
                bit(agent, "version ", &["version"], ""),
                bit(agent, "(", &["name"], ")"),
                bit(agent, "in ", &["environment"], ""),
            ],
            " ",
        );
        all.push(Said::new("agent", name).with(rest(agent, &["id", "version", "name", "environment", "on_behalf_of"])));
    }
    if let Some(principal) = value(text, &["agent", "on_behalf_of"]) {
        all.push(Said::new(
            "on behalf of",
            joined(
                [bit(principal, "", &["type"], ""), bit(principal, "", &["id"], "")],
                " ",
            ),
        ));
    }
    all.extend(value(text, &["model"]).map(model));
    all
}

fn model(model: &str) -> Said {
    let name = joined(
        [
            bit(model, "", &["name"], ""),
            bit(model, "version ", &["version"], ""),
            bit(model, "of ", &["provider"], ""),
            bit(model, "(asked for ", &["requested"], ")"),
            bit(model, "in ", &["region"], ""),
        ],
        " ",
    );
    Said::new("model", name).with(rest(model, &["name", "version", "provider", "requested", "region"]))
}

/// One thing that the agent was given to know.
pub(super) fn context(item: &str) -> Said {
    let what = joined(
        [
            bit(item, "", &["type"], ""),
            bit(item, "", &["resource"], ""),
            bit(item, "of ", &["system"], ""),
            bit(item, "version ", &["version"], ""),
            bit(item, "as of ", &["as_of"], ""),
        ],
        " ",
    );
    Said::new("context", what).with(rest(
        item,
        &["type", "resource", "system", "version", "as_of", "record", "call"],
    ))
}

/// A policy with the conditions that it looked at.
pub(super) fn policy(policy: &str) -> Said {
    let named = joined(
        [
            bit(policy, "", &["id"], ""),
            bit(policy, "version ", &["version"], ""),
            bit(policy, "rule ", &["rule"], ""),
        ],
        ", ",
    );
    let effect = bit(policy, "", &["effect"], "").unwrap_or_else(|| "its effect is not on record".to_owned());
    let conditions = value(policy, &["conditions"]).into_iter().flat_map(elements);
    Said::new("policy", format!("{named}: {effect}"))
        .with(conditions.map(condition))
        .with(rest(policy, &["id", "version", "rule", "effect", "conditions"]))
}

/// `field value op threshold unit: met`
fn condition(condition: &str) -> Said {
    let sign = |op: String| match op.as_str() {
        "eq" => "=".to_owned(),
        "ne" => "!=".to_owned(),
        "lt" => "<".to_owned(),
        "le" => "<=".to_owned(),
        "gt" => ">".to_owned(),
        "ge" => ">=".to_owned(),
        _ => word(&op),
    };
    let compared = joined(
        [
            bit(condition, "", &["field"], ""),
            of(condition, "value"),
            shown(condition, &["op"]).map(sign),
            of(condition, "threshold"),
            bit(condition, "", &["unit"], ""),
        ],
        " ",
    );
    let met = match value(condition, &["met"]) {
        Some("true") => "met",
        Some("false") => "not met",
        _ => "whether it was met is not on record",
    };
    Said::new("condition", format!("{compared}: {met}"))
        .with(rest(condition, &["field", "value", "op", "threshold", "unit", "met"]))
}

/// A value that is compared: a name as a word, any other JSON as it stands.
fn of(object: &str, name: &str) -> Option<String> {
    let raw = value(object, &[name])?;
    Some(said(raw).map_or_else(|| raw.to_owned(), |text| word(&text)))
}

/// What was decided, and what was not.
pub(super) fn decision(decision: &str) -> Vec<Said> {
    let name = shown(decision, &["name"]).map(|name| word(&name)).unwrap_or_default();
    let mut all = vec![Said::new("decided", name)];
    for (name, raw) in members(decision).filter(|(_, raw)| *raw != "null") {
        match name.as_ref() {
            "name" => {}
            "alternatives" => all.extend(elements(raw).map(|other| {
                let reason = shown(other, &["reason"]).map(|reason| Said::new("reason", reason));
                Said::new("not chosen", bit(other, "", &["name"], "").unwrap_or_default())
                    .with(reason)
                    .with(rest(other, &["name", "reason"]))
            })),
            "relied_on" => {
                let each = elements(raw)
                    .map(|on| joined([bit(on, "", &["id"], ""), bit(on, "(weight ", &["weight"], ")")], " "));
                all.push(Said::new("relied on", each.collect::<Vec<_>>().join(", ")));
            }
            name => all.push(tree(name, raw)),
        }
    }
    all
}

/// The human who took part.
pub(super) fn human(human: &str) -> Said {
    let who = joined(
        [
            bit(human, "", &["did"], ""),
            bit(human, "by ", &["id"], ""),
            bit(human, "(", &["role"], ")"),
        ],
        " ",
    );
    let time = took(human).map(|took| Said::new("took", took));
    Said::new("human", who)
        .with(rest(human, &["did", "id", "role", "duration_ms"]))
        .with(time)
}

/// A call of a tool.
pub(super) fn tool(tool: &str) -> Said {
    let how = joined(
        [
            bit(tool, "", &["status"], ""),
            bit(tool, "attempt ", &["attempt"], ""),
            took(tool),
        ],
        ", ",
    );
    let where_ = joined(
        [bit(tool, "", &["operation"], ""), bit(tool, "in ", &["system"], "")],
        " ",
    );
    let name = bit(tool, "", &["name"], "").unwrap_or_default();
    let where_ = if where_.is_empty() {
        where_
    } else {
        format!(" ({where_})")
    };
    let how = if how.is_empty() { how } else { format!(": {how}") };
    Said::new("tool", format!("{name}{where_}{how}")).with(rest(
        tool,
        &[
            "name",
            "status",
            "attempt",
            "duration_ms",
            "system",
            "operation",
            "call",
        ],
    ))
}

/// An access to data, on one line.
pub(super) fn access(access: &str) -> Said {
    let plain = |name: &'static str, label: &str| {
        let raw = value(access, &[name]).filter(|raw| *raw != "null" && *raw != "[]")?;
        let text = if raw.starts_with('[') {
            list(raw)
        } else {
            said(raw).map_or_else(|| raw.to_owned(), |text| word(&text))
        };
        Some(format!("{label}{text}"))
    };
    let what = joined(
        [
            bit(access, "", &["operation"], ""),
            bit(access, "", &["resource"], ""),
            bit(access, "of ", &["system"], ""),
        ],
        " ",
    );
    let what_data = joined(
        [
            plain("rows", "rows: "),
            plain("categories", "categories: "),
            plain("sensitivity", "sensitivity: "),
        ],
        "; ",
    );
    let what_for = joined(
        [
            plain("purpose", "for: "),
            plain("legal_basis", "legal basis: "),
            plain("subjects", "about: "),
            plain("recipient", "given to: "),
        ],
        "; ",
    );
    let more = [what_data, what_for].into_iter().filter(|line| !line.is_empty());
    Said::new("access", what)
        .with(more.map(|line| Said::new("", line)))
        .with(rest(
            access,
            &[
                "system",
                "resource",
                "operation",
                "rows",
                "categories",
                "sensitivity",
                "purpose",
                "legal_basis",
                "subjects",
                "recipient",
                "call",
            ],
        ))
}

/// What was done in the world.
pub(super) fn action(action: &str) -> Said {
    let what = joined(
        [
            bit(action, "", &["name"], ""),
            bit(action, "in ", &["system"], ""),
            bit(action, "on ", &["target"], ""),
        ],
        " ",
    );
    let recipients = value(action, &["recipients"]).into_iter().flat_map(elements);
    let recipients = recipients.map(|one| joined([bit(one, "", &["role"], ""), bit(one, "", &["id"], "")], " "));
    let recipients = recipients.collect::<Vec<_>>().join(", ");
    Said::new("action", what)
        .with((!recipients.is_empty()).then(|| Said::new("recipients", recipients)))
        .with(rest(action, &["name", "system", "target", "recipients"]))
}

/// To whom the matter was handed on.
pub(super) fn handoff(handoff: &str) -> Said {
    let to = joined(
        [
            bit(handoff, "to ", &["to", "type"], ""),
            bit(handoff, "", &["to", "id"], ""),
            bit(handoff, "(", &["severity"], ")"),
        ],
        " ",
    );
    Said::new("handed on", to).with(rest(handoff, &["to", "severity"]))
}

/// How it ended.
pub(super) fn outcome(outcome: &str) -> Said {
    let status = bit(outcome, "", &["status"], "").unwrap_or_default();
    Said::new("outcome", status).with(rest(outcome, &["status"]))
}

/// What was used in place of something else.
pub(super) fn fallback(fallback: &str) -> Said {
    let what = joined(
        [
            bit(fallback, "", &["to"], ""),
            bit(fallback, "in place of ", &["from"], ""),
        ],
        " ",
    );
    Said::new("fallback", what).with(rest(fallback, &["from", "to"]))
}

/// A later judgement.
pub(super) fn review(review: &str) -> Said {
    Said::new("review", bit(review, "", &["verdict"], "").unwrap_or_default()).with(rest(review, &["verdict"]))
}
