//! What differs between two records: their members, each by its path, with what either has.

use super::Without;
use crate::record::look::{elements, members, said, shown, word};
use std::collections::BTreeMap;

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The member, such as `policy refund-limit version`.
    pub member: String,
    /// What the first record has, if it has it.
    pub a: Option<String>,
    /// What the second record has, if it has it.
    pub b: Option<String>,
    /// Whether it is more than the words in which something was said.
    pub matters: bool,
}

/// Members that differ from run to run by nature: where and when a record stands, what a call took and cost.
const BY_NATURE: &[&str] = &[
    "v",
    "seq",
    "id",
    "logged",
    "time",
    "writer",
    "salt",
    "conflict",
    "unrouted",
    "parts",
    "duration_ms",
    "correlation",
    "session",
    "parent",
    "trace",
    "links",
    "source",
    "usage",
];

/// The same within an object, by the object's name and the member's; an empty name is any object's.
const BY_NATURE_WITHIN: &[(&str, &str)] = &[
    ("", "duration_ms"),
    ("", "call"),
    ("input", "received"),
    ("context", "record"),
    ("context", "as_of"),
    ("decision", "relied_on"),
    ("human", "saw"),
    ("tools", "time"),
    ("handoff", "respond_by"),
    ("error", "stack"),
];

/// What comes first in a decision is named first: by which rules, who, knowing what, doing what. What is not named here
/// comes last.
const ORDER: &[&str] = &[
    "policies", "agent", "model", "input", "context", "access", "tools", "decision", "human", "action", "handoff",
    "fallback", "outcome",
];

/// Words in which something was said: a model finds others every time.
const WORDS: &[&str] = &[
    "reasoning",
    "output",
    "decision summary",
    "decision alternative",
    "decision confidence",
    "decision counterfactual",
    "human comment",
    "handoff reason",
    "review reason",
    "outcome detail",
    "outcome error message",
];

/// Deeper than this a value is compared as a whole.
const DEPTH: usize = 8;

/// The members that differ, but for those that are left out.
pub(super) fn changes(a: &str, b: &str, without: &Without) -> Vec<Change> {
    let (mut a, mut b) = (flat(a, without), flat(b, without));
    let mut changes: Vec<((usize, usize), Change)> = Vec::new();
    for (member, in_a) in std::mem::take(&mut a) {
        let in_b = b.remove(&member);
        if in_b.as_ref().is_none_or(|in_b| in_b.raw != in_a.raw) {
            changes.push((in_a.place, change(member, Some(in_a), in_b)));
        }
    }
    changes.extend(
        b.into_iter()
            .map(|(member, in_b)| (in_b.place, change(member, None, Some(in_b)))),
    );
    changes.sort_by_key(|(place, _)| *place);
    changes.into_iter().map(|(_, change)| change).collect()
}

fn change(member: String, a: Option<Value>, b: Option<Value>) -> Change {
    let text = |value: Value| said(&value.raw).map_or_else(|| value.raw.clone(), |text| text.into_owned());
    let is = |words: &&str| {
        member
            .strip_prefix(*words)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    Change {
        matters: !WORDS.iter().any(is),
        member,
        a: a.map(text),
        b: b.map(text),
    }
}

/// A value, and where it is named.
struct Value {
    raw: String,
    /// By the order of members and the record's own.
    place: (usize, usize),
}

/// All plain values of a record, by their paths in words.
fn flat(text: &str, without: &Without) -> BTreeMap<String, Value> {
    let mut flat = Flat {
        without,
        rank: 0,
        all: BTreeMap::new(),
    };
    for (name, raw) in members(text).filter(|(name, _)| !BY_NATURE.contains(&name.as_ref())) {
        flat.rank = ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        let at = At {
            words: singular(&name),
            path: name.to_string(),
        };
        flat.walk(&at, raw, 0);
    }
    flat.all
}

/// Where a value stands.
struct At {
    /// In words, with the names of what stands in lists.
    words: String,
    /// By the members' names alone.
    path: String,
}

struct Flat<'a> {
    without: &'a Without,
    /// The place in the order of members of what is walked through.
    rank: usize,
    all: BTreeMap<String, Value>,
}

impl Flat<'_> {
    fn walk(&mut self, at: &At, raw: &str, depth: usize) {
        if raw == "null" || self.without.has(&at.path) {
            return;
        }
        let parent = at.path.rsplit('.').next().unwrap_or_default();
        if raw.starts_with('{') && raw != "{}" && depth < DEPTH {
            let by_nature = |name: &str| {
                let mut known = BY_NATURE_WITHIN.iter();
                known.any(|(object, member)| (object.is_empty() || *object == parent) && *member == name)
            };
            for (name, value) in members(raw).filter(|(name, _)| !by_nature(name)) {
                let below = At {
                    words: format!("{} {}", at.words, singular(&name)),
                    path: format!("{}.{name}", at.path),
                };
                self.walk(&below, value, depth + 1);
            }
            return;
        }
        if raw.starts_with('[') && elements(raw).any(|one| one.starts_with('{')) && depth < DEPTH {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for (place, one) in (1..).zip(elements(raw)) {
                // By its name where it has one, so that one more does not move all others.
                let named = ["name", "id", "field"].into_iter().find_map(|name| shown(one, &[name]));
                let named = named.filter(|_| {
                    matches!(
                        parent,
                        "policies" | "conditions" | "tools" | "alternatives" | "recipients"
                    )
                });
                let name = named.map_or_else(|| format!("{place}"), |name| word(&name));
                let again = seen.entry(name.clone()).or_default();
                *again += 1;
                let name = if *again > 1 { format!("{name} ({again})") } else { name };
                let below = At {
                    words: format!("{} {name}", at.words),
                    path: at.path.clone(),
                };
                self.walk(&below, one, depth + 1);
            }
            return;
        }
        let value = Value {
            raw: raw.to_owned(),
            place: (self.rank, self.all.len()),
        };
        self.all.insert(at.words.clone(), value);
    }
}

/// A list's name as that of one of it.
pub(super) fn singular(name: &str) -> String {
    let known = [
        ("policies", "policy"),
        ("tools", "tool"),
        ("conditions", "condition"),
        ("alternatives", "alternative"),
        ("recipients", "recipient"),
    ];
    let found = known.iter().find(|(plural, _)| *plural == name);
    found.map_or_else(|| word(name), |(_, one)| (*one).to_owned())
}
