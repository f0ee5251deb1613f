//! What agents touch by tools that they only name: filled in from the policy's `[tools.NAME]`, so that whoever asks for
//! all that was read from a system finds it.
//!
//! What must hold: an agent that says itself what it accessed is believed and nothing is added; what is added names the
//! rule that it came from, and its version.

use crate::policy::{Policy, ToolRule};
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

/// The record's text with an `access` for each of its tools that the policy knows; as it is if there is none to add, or if
/// it is no record.
pub(super) fn filled<'a>(policy: &Policy, text: &'a [u8]) -> Cow<'a, [u8]> {
    let may_be = !policy.tools.is_empty() && memmem::find(text, b"\"tools\"").is_some();
    let access = may_be.then(|| access_of(policy, text)).flatten();
    let Some((access, end)) = access.zip(text.iter().rposition(|byte| *byte == b'}')) else {
        return Cow::Borrowed(text);
    };
    let (before, behind) = text.split_at(end);
    Cow::Owned([before, b",\"access\":", access.as_bytes(), behind].concat())
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    call: Option<String>,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    parameters: Value,
}

fn access_of(policy: &Policy, text: &[u8]) -> Option<String> {
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(text).ok()?;
    if members.get("access").is_some_and(|access| access.get() != "null") {
        return None;
    }
    let tools: Vec<Call> = serde_json::from_str(members.get("tools")?.get()).ok()?;
    let known = tools.iter().filter_map(|call| {
        let (name, rule) = policy.tools.get_key_value(&call.name)?;
        Some(entry(name, rule, call))
    });
    let known: Vec<Value> = known.collect();
    // With a null of the caller's own there would be two.
    (!known.is_empty() && !members.contains_key("access")).then(|| Value::Array(known).to_string())
}

fn entry(name: &str, rule: &ToolRule, call: &Call) -> Value {
    let mut entry = Map::new();
    let mut put = |member: &str, value: Option<Value>| _ = value.map(|value| entry.insert(member.to_owned(), value));
    put(
        "system",
        Some(call.system.as_ref().unwrap_or(&rule.system).as_str().into()),
    );
    put("operation", Some(rule.operation.as_str().into()));
    let pointed = |pointer: &String| call.parameters.pointer(pointer).and_then(as_text);
    put("resource", rule.resource.as_ref().and_then(pointed).map(Value::from));
    let categories = (!rule.categories.is_empty()).then(|| json!(rule.categories));
    put("categories", categories);
    put("sensitivity", rule.sensitivity.clone().map(Value::from));
    put("purpose", rule.purpose.clone().map(Value::from));
    put("legal_basis", rule.legal_basis.clone().map(Value::from));
    let subjects: Vec<String> = rule
        .subject
        .iter()
        .flat_map(|pointer| subjects(call, pointer))
        .collect();
    put("subjects", (!subjects.is_empty()).then(|| json!(subjects)));
    put("call", call.call.clone().map(Value::from));
    put("rule", Some(format!("tools.{name}").into()));
    put("rule_version", rule.version.clone().map(Value::from));
    Value::Object(entry)
}

/// Those whom a call's parameters name there: one, or a list.
fn subjects(call: &Call, pointer: &str) -> Vec<String> {
    // A subject's name is no longer than that; longer text is none.
    let fits = |name: &String| !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
    let found = call.parameters.pointer(pointer);
    let listed = found
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(as_text).collect());
    let names = listed.unwrap_or_else(|| found.and_then(as_text).into_iter().collect::<Vec<_>>());
    names.into_iter().filter(fits).collect()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Prepared, RECORD_LIMIT};

    const POLICY: &str = "[tools.refund]\nversion = \"2\"\nsystem = \"payments\"\noperation = \"update\"\nsensitivity = \"confidential\"\n\
        categories = [\"payment\"]\npurpose = \"refund\"\nresource = \"/order/id\"\nsubject = [\"/customer\", \"/others\"]\n";

    fn fill(text: &str) -> String {
        let policy = Policy::parse(POLICY).unwrap();
        let filled = filled(&policy, text.as_bytes()).into_owned();
        Prepared::new(&filled, RECORD_LIMIT).unwrap();
        String::from_utf8(filled).unwrap()
    }

    #[test]
    fn a_tool_that_is_only_named_is_filled_in() {
        let text = r#"{"agent":{"id":"a"},"kind":"tool_call","tools":[{"name":"refund","call":"c1","parameters":{"order":{"id":77},"customer":"t1","others":["t2",3]}},{"name":"other"}]} "#;
        let filled: Value = serde_json::from_str(&fill(text)).unwrap();
        let expected = json!([{"system":"payments","operation":"update","resource":"77","categories":["payment"],
            "sensitivity":"confidential","purpose":"refund","subjects":["t1","t2","3"],"call":"c1","rule":"tools.refund","rule_version":"2"}]);
        assert_eq!(filled["access"], expected);
    }

    #[test]
    fn nothing_is_added_where_there_is_nothing_to_add() {
        for text in [
            r#"{"agent":{"id":"a"},"kind":"tool_call","tools":[{"name":"other"}]}"#,
            r#"{"agent":{"id":"a"},"kind":"tool_call","tools":[{"name":"refund"}],"access":[]}"#,
            r#"{"agent":{"id":"a"},"kind":"tool_call","tools":[{"name":"refund"}],"access":null}"#,
            r#"{"agent":{"id":"a"},"kind":"message","attributes":{"tools":[{"name":"refund"}]}}"#,
        ] {
            assert_eq!(fill(text), text);
        }
        let policy = Policy::parse(POLICY).unwrap();
        for text in [
            "",
            "}",
            r#"{"tools":"#,
            r#"{"tools":[{"name":"refund"}]"#,
            "[\"tools\"]",
        ] {
            assert_eq!(filled(&policy, text.as_bytes()), text.as_bytes());
        }
        // Where the parameters do not have it, it is left out.
        let bare: Value = serde_json::from_str(&fill(
            r#"{"tools":[{"name":"refund"}],"agent":{"id":"a"},"kind":"tool_call"}"#,
        ))
        .unwrap();
        assert_eq!(bare["access"][0].get("resource"), None);
    }
}
