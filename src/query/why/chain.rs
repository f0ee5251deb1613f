//! Which records of a chain a page is about: the decision, what carried it out, what came before and what came after.

use crate::query::trace::{Step, Tie};
use crate::record::look::{elements, shown, value};
use std::collections::BTreeSet;

/// What has to be known of a record to put it in its place.
pub(super) struct Brief {
    pub(super) id: String,
    pub(super) agent: String,
    pub(super) kind: String,
    correlation: Option<String>,
    decides: bool,
    acts: bool,
    human: bool,
    /// The records that it links to, and how.
    pub(super) links: Vec<(String, String)>,
}

impl Brief {
    pub(super) fn of(id: String, text: &str) -> Self {
        let has = |name: &str| shown(text, &[name]).is_some();
        let links = value(text, &["links"]).into_iter().flat_map(elements);
        let link = |link: &str| Some((shown(link, &["id"])?.to_ascii_lowercase(), shown(link, &["rel"])?));
        Brief {
            id,
            agent: shown(text, &["agent", "id"]).unwrap_or_default(),
            kind: shown(text, &["kind"]).unwrap_or_default(),
            correlation: shown(text, &["correlation"]),
            decides: has("decision"),
            acts: has("action"),
            human: has("human"),
            links: links.filter_map(link).collect(),
        }
    }

    /// Of several records the one that matters most is the last of those with the highest rank.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Brief { acts: true, .. } => 2,
            Brief { decides: true, .. } => 1,
            _ => 0,
        }
    }
}

/// The records of a trace, by their places in it.
pub(super) struct Cast {
    /// The one that was asked about.
    pub(super) subject: usize,
    /// The decision that it is or came from; the subject itself where there is none.
    pub(super) anchor: usize,
    pub(super) decided: bool,
    /// The anchor, the subject, and what carried the decision out: actions, tool calls and approvals behind it, as far as
    /// the next decision.
    pub(super) core: Vec<usize>,
    /// What the anchor came from, the nearest first.
    pub(super) ancestors: Vec<usize>,
    /// What was there before the anchor, in order: its ancestors and all that is earlier in the same chain.
    pub(super) before: Vec<usize>,
    /// What came of the core's records.
    pub(super) after: Vec<usize>,
}

/// Puts the records of a trace in their places around that one.
pub(super) fn cast(steps: &[Step], briefs: &[Brief], subject: usize) -> Cast {
    let found = decision(steps, briefs, subject);
    let anchor = found.unwrap_or(subject);
    let below = descendants(steps, anchor);
    let mut core = carried_out(steps, briefs, anchor, &below);
    if !core.contains(&subject) {
        core.push(subject);
        core.sort_unstable();
    }
    let ancestors = ancestors(steps, anchor);
    let when = |at: usize| {
        let step = steps.get(at);
        step.map(|step| (step.entry.time(), step.entry.log(), step.entry.seq()))
    };
    let chain = briefs.get(anchor).and_then(|brief| brief.correlation.as_ref());
    let same = |at: usize| chain.is_some() && briefs.get(at).and_then(|brief| brief.correlation.as_ref()) == chain;
    let (above, done): (BTreeSet<usize>, BTreeSet<usize>) =
        (ancestors.iter().copied().collect(), core.iter().copied().collect());
    let mut before: Vec<usize> = (0..steps.len())
        .filter(|at| above.contains(at) || (same(*at) && when(*at) < when(anchor)))
        .filter(|at| !done.contains(at) && !below.contains(at))
        .collect();
    before.sort_by_key(|at| when(*at));
    let earlier: BTreeSet<usize> = before.iter().copied().collect();
    let ids: BTreeSet<&str> = core
        .iter()
        .filter_map(|at| Some(briefs.get(*at)?.id.as_str()))
        .collect();
    let names_core = |at: usize| {
        let links = briefs.get(at).map_or(&[][..], |brief| &brief.links);
        links.iter().any(|(to, _)| ids.contains(to.as_str()))
    };
    let mut after: Vec<usize> = (0..steps.len())
        .filter(|at| below.contains(at) || names_core(*at))
        .filter(|at| !done.contains(at) && !earlier.contains(at))
        .collect();
    after.sort_by_key(|at| when(*at));
    Cast {
        subject,
        anchor,
        decided: found.is_some(),
        core,
        ancestors,
        before,
        after,
    }
}

/// The decision that a record is, or that it came from.
fn decision(steps: &[Step], briefs: &[Brief], subject: usize) -> Option<usize> {
    let brief = briefs.get(subject)?;
    if brief.decides {
        return Some(subject);
    }
    let decides = |at: &usize| briefs.get(*at).is_some_and(|above| above.decides);
    let above = ancestors(steps, subject);
    if let Some(parent) = above.first().copied().filter(decides) {
        return Some(parent);
    }
    // What was looked up stands before a decision; only what was done can come from one that is further up.
    let of_a_person = matches!(brief.kind.as_str(), "approval" | "review");
    let done =
        brief.acts || of_a_person || matches!(brief.kind.as_str(), "action" | "escalation" | "handoff" | "error");
    let nearest = above.into_iter().find(decides).filter(|_| done)?;
    let same = briefs.get(nearest).is_some_and(|above| above.agent == brief.agent);
    (same || of_a_person).then_some(nearest)
}

/// What a record came from, the nearest first. In a trace each record stands behind what it came from.
fn ancestors(steps: &[Step], at: usize) -> Vec<usize> {
    let mut depth = steps.get(at).map_or(0, |step| step.depth);
    let mut found = Vec::new();
    for (place, step) in steps.iter().enumerate().take(at).rev() {
        if depth == 0 {
            break;
        }
        if step.depth < depth {
            depth = step.depth;
            found.push(place);
        }
    }
    found
}

/// What came of a record; nothing stands between them in a trace.
fn descendants(steps: &[Step], at: usize) -> std::ops::Range<usize> {
    let depth = steps.get(at).map_or(0, |step| step.depth);
    let behind = steps.iter().skip(at + 1);
    at + 1..at + 1 + behind.take_while(|step| step.depth > depth).count()
}

fn carried_out(steps: &[Step], briefs: &[Brief], anchor: usize, below: &std::ops::Range<usize>) -> Vec<usize> {
    let agent = briefs.get(anchor).map(|brief| brief.agent.as_str());
    let mut core = vec![anchor];
    // Below another decision nothing is this one's.
    let mut other: Option<usize> = None;
    for at in below.clone() {
        let (Some(step), Some(brief)) = (steps.get(at), briefs.get(at)) else {
            continue;
        };
        if other.is_some_and(|depth| step.depth > depth) {
            continue;
        }
        other = brief.decides.then_some(step.depth);
        let does = brief.acts || brief.human || matches!(brief.kind.as_str(), "action" | "tool_call" | "approval");
        let own = Some(brief.agent.as_str()) == agent || brief.human;
        if !brief.decides && does && own && brief.kind != "review" && step.tie != Tie::Circle {
            core.push(at);
        }
    }
    core
}
