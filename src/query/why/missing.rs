//! What is not on record and should be.

use super::Section;
use super::sections::Page;
use crate::query::expected::expected;
use crate::query::trace::Tie;
use crate::record::look::{elements, shown, value, word};

/// In words, one thing a line; `absent` is what was looked for already.
pub(super) fn missing(page: &Page<'_>, sections: &[Section], absent: Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    let has = |name: &str| sections.iter().any(|section| section.name == name);
    if !has("decision") {
        all.push("no decision is on record that this was or came from".to_owned());
    }
    let came_in = sections.iter().find(|section| section.name == "came_in");
    let asked = |name: &str| ["trigger", "from", "channel", "text"].contains(&name);
    if !came_in.is_some_and(|section| section.facts.iter().any(|fact| asked(&fact.said.name))) {
        all.push("no record of the chain says what set it going".to_owned());
    }
    if !has("knew") {
        all.push("nothing says what the agent knew: no context, no lookup before it".to_owned());
    }
    if !has("data") {
        all.push("no record of the chain names the data that were touched".to_owned());
    }
    let who = sections.iter().find(|section| section.name == "who");
    if !who.is_some_and(|section| section.facts.iter().any(|fact| fact.said.name == "model")) {
        all.push("no record of the chain names the model that was called".to_owned());
    }
    for at in &page.cast.core {
        let Some((from, text)) = page.record(*at) else { continue };
        let kind = shown(&text, &["kind"]).unwrap_or_default();
        let members = expected(&kind).iter();
        for member in members.filter(|member| member.is_asked_of(&text) && !member.stands_in(&text)) {
            all.push(format!("#{} ({}) {}", from.seq, word(&kind), member.of_one()));
        }
        for policy in value(&text, &["policies"]).into_iter().flat_map(elements) {
            let id = word(&shown(policy, &["id"]).unwrap_or_default());
            if shown(policy, &["version"]).is_none() && shown(policy, &["digest"]).is_none() {
                all.push(format!(
                    "#{}: of the policy {id} neither version nor digest is named",
                    from.seq
                ));
            }
            if value(policy, &["conditions"]).is_none_or(|list| elements(list).next().is_none()) {
                all.push(format!("#{}: what the policy {id} looked at is not named", from.seq));
            }
        }
    }
    let concerned = page.cast.before.iter().chain(&page.cast.core).chain(&page.cast.after);
    for step in concerned.filter_map(|at| page.steps.get(*at)) {
        match &step.tie {
            Tie::Orphan { parent } => all.push(format!(
                "the record {} that #{} came from is in no log",
                word(parent),
                step.entry.seq()
            )),
            Tie::Circle => all.push(format!("the parents of #{} lead back to it", step.entry.seq())),
            Tie::Root | Tie::Child | Tie::Link(_) => {}
        }
    }
    let anchor = page.record(page.cast.anchor);
    let pending =
        anchor.filter(|(_, text)| shown(text, &["outcome", "status"]).is_some_and(|status| status == "pending"));
    if let Some((from, _)) = pending.filter(|_| page.cast.core.len() == 1 && page.cast.after.is_empty()) {
        all.push(format!("#{} is pending, and nothing says what became of it", from.seq));
    }
    all.extend(absent);
    all
}
