//! What of a record decides which log it goes to.

use crate::policy::{Facts, Inner, Policy, Way};
use crate::record::{Child, Prepared, children, members, named, string_value};
use std::borrow::Cow;
use std::cell::LazyCell;

/// The way that the policy leads this record.
pub(super) fn lead(policy: &Policy, record: &Prepared) -> Way {
    policy.way(&facts(record))
}

/// See [`Facts`]. A member that is too long for the line and was moved out of it counts as what it is.
pub(super) fn facts(record: &Prepared) -> Facts<'_> {
    if record.moved.is_empty() {
        return facts_of(&record.members, record.outermost.iter().cloned(), |_| None);
    }
    let whole = record.moved.iter().find(|moved| moved.path.is_empty());
    let line = whole.map_or(record.members.as_slice(), |moved| inside(&moved.raw));
    facts_of(line, members(line), |name| {
        let moved = record
            .moved
            .iter()
            .find(|moved| moved.path.strip_prefix('/') == Some(name))?;
        Some(&moved.raw)
    })
}

/// The facts in a record's members; one that is `null` may have been moved to where the function says.
pub(super) fn facts_of<'a>(
    line: &'a [u8],
    members: impl Iterator<Item = Child>,
    moved: impl Fn(&str) -> Option<&'a [u8]>,
) -> Facts<'a> {
    let mut facts = Facts::default();
    let (mut lists, mut action, mut attributes) = (Vec::new(), None, None);
    for child in members {
        let Some(name) = line.get(child.name) else {
            continue;
        };
        let name = string_value(name);
        let value = match line.get(child.value) {
            Some(b"null") => moved(&name).unwrap_or(b"null"),
            Some(value) => value,
            None => continue,
        };
        match &*name {
            "agent" => {
                facts.agent = text_of(value, "id").unwrap_or_default();
                facts.environment = text_of(value, "environment").unwrap_or_default();
            }
            "kind" => facts.kind = text(value).unwrap_or_default(),
            "class" => facts.class = text(value),
            "region" => facts.region = text(value),
            "tools" | "access" | "context" => lists.push(value),
            "action" => action = Some(value),
            "attributes" => attributes = Some(value),
            _ => {}
        }
    }
    facts.inner = LazyCell::new(Box::new(move || {
        let listed = lists
            .iter()
            .flat_map(|list| children(list, 0).zip(std::iter::repeat(*list)));
        let listed = listed.filter_map(|(child, list)| text_of(list.get(child.value)?, "system"));
        let of_action = action.and_then(|action| text_of(action, "system"));
        Inner {
            systems: listed.chain(of_action).collect(),
            country: attributes.and_then(|attributes| text_of(attributes, "subject_country")),
        }
    }));
    facts
}

/// The text that an object has under that name.
fn text_of<'a>(object: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut all = children(object, 0);
    let child = all.find(|child| named(object, child, name))?;
    text(object.get(child.value)?)
}

fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(string_value(inner))
}

/// What stands between the braces of an object.
pub(super) fn inside(object: &[u8]) -> &[u8] {
    let inner = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    inner.unwrap_or(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RECORD_LIMIT;

    fn said(text: &str) -> String {
        let record = Prepared::new(text.as_bytes(), RECORD_LIMIT).unwrap();
        let Facts {
            agent,
            environment,
            kind,
            class,
            region,
            inner,
        } = facts(&record);
        let Inner { systems, country } = &*inner;
        let known = |fact: Option<Cow<'_, str>>| fact.unwrap_or("-".into()).into_owned();
        let (class, region, country) = (known(class), known(region), known(country.clone()));
        format!(
            "{agent} {environment} {kind} {class} {region} {} {country}",
            systems.join(",")
        )
    }

    #[test]
    fn facts_are_found_wherever_they_stand() {
        assert_eq!(said(r#"{"agent":{"id":"a"},"kind":"decision"}"#), "a  decision - -  -");
        let all = r#"{"class":"health","kind":"tool_call","tools":[{"name":"t","system":"crm"}],"access":[{"system":"mail","operation":"send"}],
            "action":{"name":"x","system":"pay"},"context":[{"system":"wiki"}],"region":"eu","agent":{"environment":"prod","id":"b\u0041"},
            "attributes":{"subject_country":"DE"}}"#;
        assert_eq!(said(all), "bA prod tool_call health eu crm,mail,wiki,pay DE");
    }

    #[test]
    fn facts_are_found_in_what_was_moved_out() {
        let long = "x".repeat(100_000);
        let text = format!(
            r#"{{"agent":{{"id":"a"}},"kind":"decision","attributes":{{"note":"{long}","subject_country":"FR"}},"tools":[{{"name":"t","system":"crm","result":"{long}"}}]}}"#
        );
        assert_eq!(said(&text), "a  decision - - crm FR");
    }
}
