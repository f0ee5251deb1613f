//! Trajectories of OpenAI chat-completion messages: a JSON array, or JSON Lines, of objects that hold a message list in
//! `messages` or `traj`, or bare message lists.
//!
//! Each assistant turn, each tool call with its result, and the outcome (if the file says one) becomes a record; all of
//! a trajectory share a correlation, each names the one before as its parent, and the system prompt is one definition.
//! Ids are computed from the content, so that importing again is a retry.
//!
//! What must hold: nothing of a file is changed or left out in silence. What has no member of its own stands in
//! `attributes` as it was; what nobody answered has a record too; what cannot be taken is named.

mod course;

use super::raw::{Object, has_member, list, minified};
use super::short;
use course::Course;
use serde_json::value::RawValue;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::io::{BufRead, Cursor};

/// How trajectories become records.
#[derive(Debug, Clone, Default)]
pub struct ChatOptions {
    /// The agent's name; without it that of the file, or `chat`.
    pub agent: Option<String>,
}

/// One trajectory.
#[derive(Debug, Clone)]
pub struct Trajectory {
    messages: Vec<Message>,
    /// Everything else that the object holds.
    rest: Object,
    correlation: String,
    /// The members of the file that the correlation tells in full.
    named_by: Vec<&'static str>,
    file: String,
    place: usize,
}

#[derive(Debug, Clone)]
struct Message {
    role: String,
    members: Object,
    raw: Box<RawValue>,
}

impl Trajectory {
    /// Where it stands, for messages about it.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}, trajectory {}", self.file, self.place)
    }
}

/// A trajectory that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportError {
    /// The file.
    pub file: String,
    /// The line, or the place in the array, from 1.
    pub place: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, trajectory {}: {}", self.file, self.place, self.what)
    }
}

impl std::error::Error for ImportError {}

/// Reads the trajectories of a file: JSON Lines one by one, an array as a whole.
pub fn read(mut reader: impl BufRead, name: &str) -> impl Iterator<Item = Result<Trajectory, ImportError>> {
    let name = name.to_owned();
    let (mut place, mut left) = (0, VecDeque::<Box<RawValue>>::new());
    // What was read ahead in the belief that the file is one value.
    let mut ahead = Cursor::new(Vec::new());
    std::iter::from_fn(move || {
        loop {
            if let Some(value) = left.pop_front() {
                place += 1;
                return Some(trajectory(&value, &name, place));
            }
            let fail = |place: usize, what: String| {
                Some(Err(ImportError {
                    file: name.clone(),
                    place,
                    what,
                }))
            };
            let mut text = Vec::new();
            let read = match ahead.read_until(b'\n', &mut text) {
                Ok(0) => reader.read_until(b'\n', &mut text),
                read => read,
            };
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return fail(place + 1, error.to_string()),
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let mut parsed = serde_json::from_slice::<Box<RawValue>>(&text);
            if place == 0 && parsed.is_err() && ahead.get_ref().is_empty() {
                // Not a line for itself: the file may be one value over several lines.
                let mut rest = Vec::new();
                if let Err(error) = reader.read_to_end(&mut rest) {
                    return fail(1, error.to_string());
                }
                match serde_json::from_slice(&[text.as_slice(), &rest].concat()) {
                    Ok(value) => parsed = Ok(value),
                    Err(_) => ahead = Cursor::new(rest),
                }
            }
            match parsed {
                Ok(value) => match list(&value) {
                    Some(elements) if !elements.iter().any(|element| has_member(element, "role")) => {
                        left.extend(elements)
                    }
                    _ => left.push_back(value),
                },
                Err(error) => {
                    place += 1;
                    return fail(place, format!("not JSON: {error}"));
                }
            }
        }
    })
}

fn trajectory(value: &RawValue, file: &str, place: usize) -> Result<Trajectory, ImportError> {
    let fail = |what: String| ImportError {
        file: file.to_owned(),
        place,
        what,
    };
    let (messages, rest) = match value.get().as_bytes().first() {
        Some(b'[') => (value.to_owned(), Object::default()),
        Some(b'{') => {
            let mut members = Object::parse(value).map_err(fail)?;
            let list = members.remove("messages").or_else(|| members.remove("traj"));
            (
                list.ok_or_else(|| fail("an object without messages or traj".to_owned()))?,
                members,
            )
        }
        _ => return Err(fail("neither a message list nor an object that holds one".to_owned())),
    };
    let Some(raws) = list(&messages) else {
        return Err(fail("messages is not a list".to_owned()));
    };
    let mut messages = Vec::with_capacity(raws.len());
    for (number, raw) in (1..).zip(raws) {
        let members = Object::parse(&raw).map_err(|what| fail(format!("message {number} is {what}")))?;
        let role = members.text("role");
        let role = role.ok_or_else(|| fail(format!("message {number} is not an object with a role")))?;
        messages.push(Message { role, members, raw });
    }
    let stem = std::path::Path::new(file)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let named = ["id", "conversation_id", "session_id"]
        .into_iter()
        .find_map(|name| Some((rest.scalar(name)?, vec![name])));
    let task = || {
        let trial = rest.scalar("trial").unwrap_or_default();
        let name = format!("{stem}-{}-{trial}", rest.scalar("task_id")?);
        Some((name, vec!["task_id", "trial"]))
    };
    let content = || {
        let hash = blake3::hash(minified(value.get()).as_bytes()).to_hex();
        (hash.chars().take(32).collect(), Vec::new())
    };
    let (name, mut named_by) = named.or_else(task).unwrap_or_else(content);
    let correlation = short(&name);
    if correlation != name {
        named_by.clear();
    }
    Ok(Trajectory {
        messages,
        rest,
        correlation,
        named_by,
        file: file.to_owned(),
        place,
    })
}

/// Turns trajectories into records.
#[derive(Debug)]
pub struct Importer {
    options: ChatOptions,
    defined: HashSet<String>,
}

impl Importer {
    /// An importer that has seen nothing yet.
    #[must_use]
    pub fn new(options: ChatOptions) -> Self {
        Importer {
            options,
            defined: HashSet::new(),
        }
    }

    /// The records of a trajectory as JSON text, in their order.
    pub fn records(&mut self, trajectory: &Trajectory) -> Vec<String> {
        let named = self.options.agent.clone().or_else(|| trajectory.rest.scalar("agent"));
        let agent = short(named.as_deref().unwrap_or("chat"));
        Course::new(trajectory, agent, &mut self.defined).records()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Prepared, RECORD_LIMIT};
    use serde_json::Value;

    fn records(text: &str) -> Vec<Value> {
        let mut importer = Importer::new(ChatOptions::default());
        let all = read(text.as_bytes(), "dir/file.jsonl").flat_map(|trajectory| importer.records(&trajectory.unwrap()));
        all.map(|text| {
            Prepared::new(text.as_bytes(), RECORD_LIMIT).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
            serde_json::from_str(&text).unwrap()
        })
        .collect()
    }

    const TOOLS: &str = r#"{"task_id":3,"trial":1,"reward":0.0,"traj":[{"role":"system","content":"Be kind."},{"role":"user","content":"Refund!"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"id\":7}"}},{"id":"c2","function":{"name":"pay","arguments":"oops"}}]},{"role":"tool","tool_call_id":"c2","content":"Error: no"},{"role":"tool","tool_call_id":"c1","content":"{\"total\":5}"},{"role":"assistant","content":"Done."}]}"#;

    #[test]
    fn calls_find_their_results_and_the_outcome_is_last() {
        let records = records(TOOLS);
        let kinds: Vec<_> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["definition", "tool_call", "tool_call", "message", "review"]);
        let tool = |place: usize| &records[place]["tools"][0];
        assert_eq!(
            (&tool(1)["parameters"]["id"], &tool(1)["result"]["total"]),
            (&Value::from(7), &Value::from(5))
        );
        assert_eq!(
            (&tool(2)["parameters"], &tool(2)["status"]),
            (&Value::from("oops"), &Value::from("failure"))
        );
        assert_eq!(records[1]["input"]["text"], "Refund!");
        assert_eq!(
            records[1]["input"]["prompt"]["digest"],
            records[0]["definition"]["digest"]
        );
        assert_eq!(records[4]["review"]["verdict"], "wrong");
        assert!(records.iter().skip(1).all(|record| record["correlation"] == "file-3-1"));
        assert!(
            records
                .windows(2)
                .skip(1)
                .all(|pair| pair[1]["parent"] == pair[0]["id"])
        );
    }

    #[test]
    fn every_form_of_file_is_read_and_the_same_twice() {
        let bare =
            r#"[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":"hello"}]"#;
        assert_eq!(records(bare).len(), 1);
        assert_eq!(records(&format!("[{bare},\n {TOOLS}]")).len(), 6);
        assert_eq!(
            records(&format!("{TOOLS}\n\n{bare}\n")),
            records(&format!("{TOOLS}\n{bare}"))
        );
        let pretty = TOOLS.replace(",\"", ",\n  \"");
        assert_eq!(records(&pretty), records(TOOLS));
        let old = r#"[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"}]"#;
        assert_eq!(records(old)[0]["tools"][0]["result"], "1");
    }

    #[test]
    fn what_is_no_trajectory_is_named_and_the_rest_goes_on() {
        let text = format!("{{\"messages\":7}}\n[1]\n{TOOLS}\nnot json\n{{\"messages\":[{{}}]}}\n\"x\"\n");
        let read: Vec<_> = read(text.as_bytes(), "f").collect();
        assert_eq!(read.iter().filter(|trajectory| trajectory.is_ok()).count(), 1);
        assert_eq!(read.len(), 6);
        let odd = format!(
            r#"{{"id":"{}","model":[],"reward":"x","messages":[{{"role":"assistant","content":{{}},"tool_calls":[7,{{"function":3}}],"function_call":1}},{{"role":"\u0007"}}]}}"#,
            "\\n".repeat(300)
        );
        assert!(!records(&odd).is_empty());
    }

    /// Every string of it stands somewhere in the records.
    fn kept(text: &str, strings: &[&str]) -> Vec<Value> {
        let records = records(text);
        let all = serde_json::to_string(&records).unwrap();
        for string in strings {
            assert!(all.contains(string), "{string} is not in {all}");
        }
        records
    }

    #[test]
    fn arguments_stay_as_they_were_sent() {
        let arguments = [
            r#"{"a":1,"a":2}"#,
            r#"{"n": 12345678901234567890.10}"#,
            r#"{"a":1e400}"#,
            "7",
        ];
        let calls =
            arguments.map(|arguments| format!(r#"{{"id":"c","function":{{"name":"f","arguments":{arguments:?}}}}}"#));
        let text = format!(r#"[{{"role":"assistant","tool_calls":[{}]}}]"#, calls.join(","));
        let mut importer = Importer::new(ChatOptions::default());
        let texts = read(text.as_bytes(), "f").flat_map(|one| importer.records(&one.unwrap()));
        let texts: Vec<String> = texts.collect();
        let expected = [
            r#""parameters":"{\"a\":1,\"a\":2}""#,
            r#""parameters":{"n":12345678901234567890.10}"#,
            r#""parameters":{"a":1e400}"#,
            r#""parameters":"7""#,
        ];
        for (text, expected) in texts.iter().zip(expected) {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn nothing_is_left_out_in_silence() {
        let only_a_user = kept(
            r#"[{"role":"system","content":"Be kind."},{"role":"user","content":"Anybody?","name":"Eve"}]"#,
            &["Anybody?", "Eve"],
        );
        assert_eq!(only_a_user[1]["input"]["text"], "Anybody?");
        assert_eq!(only_a_user[1]["attributes"]["messages"][0]["name"], "Eve");
        assert_eq!(
            kept(r#"[{"role":"system","content":"Be kind."}]"#, &["Be kind."]).len(),
            2
        );
        let orphan = kept(
            r#"[{"role":"tool","tool_call_id":"c9","content":"early"},{"role":"assistant","tool_calls":[{"id":"c9","index":3,"function":{"name":"f","strict":true}}]},{"role":"tool","tool_call_id":"c9","content":"{\"x\":1}","name":"g","ms":7},{"role":"tool","tool_call_id":"c9","content":"again"}]"#,
            &["early", "again", "strict", "index", "\"g\"", "\"ms\":7"],
        );
        let results: Vec<&Value> = orphan.iter().map(|record| &record["tools"][0]["result"]).collect();
        assert_eq!(
            results,
            [
                &Value::from("early"),
                &serde_json::json!({"x": 1}),
                &Value::from("again")
            ]
        );
        kept(
            r#"{"id":"x","agent":"helper","model":"m","note":{"b":1,"a":2},"traj":[1],"messages":[{"role":"critic","content":"odd","z":[1.50]},{"role":"assistant","content":[{"type":"text","text":"t","cached":true}],"tool_calls":"odd calls","function_call":"odd call","model":["odd model"],"tool_calls_":null}]}"#,
            &[
                "critic",
                "odd\"",
                "cached",
                "odd calls",
                "odd call\"",
                "odd model",
                "\"note\"",
                "traj",
            ],
        );
        // All of it told in other members: no record of its own.
        assert_eq!(
            records(r#"{"id":"x","agent":"helper","model":"m","messages":[{"role":"assistant","content":"t"}]}"#).len(),
            1
        );
        let twice = r#"[{"role":"user","content":"a","content":"b"}]"#;
        let error = read(twice.as_bytes(), "f").next().unwrap().unwrap_err();
        assert!(
            error.to_string().contains("message 1") && error.to_string().contains("\"content\" twice"),
            "{error}"
        );
        let broken = format!("not json\n{TOOLS}\n{TOOLS}\n");
        assert_eq!(read(broken.as_bytes(), "f").filter(Result::is_ok).count(), 2);
    }
}
