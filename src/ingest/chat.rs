//! Trajectories of OpenAI chat-completion messages: a JSON array, or JSON Lines, of objects that hold a message list in
//! `messages` or `traj`, or bare message lists.
//!
//! Each assistant turn, each tool call with its result, and the outcome (if the file says one) becomes a record; all of
//! a trajectory share a correlation, each names the one before as its parent, and the system prompt is one definition.
//! Ids are computed from the content, so that importing again is a retry.

use crate::record::{
    Agent, Decision, Definition, Input, Json, Model, Output, Prompt, Record, Review, Status, Tool, Trigger, Verdict,
    digest,
};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::BufRead;

/// How trajectories become records.
#[derive(Debug, Clone, Default)]
pub struct ChatOptions {
    /// The agent's name; without it that of the file, or `chat`.
    pub agent: Option<String>,
}

/// One trajectory.
#[derive(Debug, Clone)]
pub struct Trajectory {
    messages: Vec<Map<String, Value>>,
    /// Everything else that the object holds.
    rest: Map<String, Value>,
    correlation: String,
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
    let (mut place, mut left) = (0, VecDeque::new());
    std::iter::from_fn(move || {
        loop {
            if let Some(value) = left.pop_front() {
                place += 1;
                return Some(trajectory(value, &name, place));
            }
            let fail = |place: usize, what: String| {
                Some(Err(ImportError {
                    file: name.clone(),
                    place,
                    what,
                }))
            };
            let mut text = Vec::new();
            match reader.read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return fail(place + 1, error.to_string()),
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let mut parsed = serde_json::from_slice(&text);
            if place == 0 && parsed.is_err() {
                // Not a line for itself: the file is one value over several lines.
                if let Err(error) = reader.read_to_end(&mut text) {
                    return fail(1, error.to_string());
                }
                parsed = serde_json::from_slice(&text);
            }
            match parsed {
                Ok(Value::Array(elements)) if !elements.iter().any(is_message) => left.extend(elements),
                Ok(value) => left.push_back(value),
                Err(error) => {
                    place += 1;
                    return fail(place, format!("not JSON: {error}"));
                }
            }
        }
    })
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string)
}

fn trajectory(value: Value, file: &str, place: usize) -> Result<Trajectory, ImportError> {
    let fail = |what: String| ImportError {
        file: file.to_owned(),
        place,
        what,
    };
    let content = blake3::hash(value.to_string().as_bytes()).to_hex();
    let (list, rest) = match value {
        Value::Array(list) => (Value::Array(list), Map::new()),
        Value::Object(mut members) => {
            let list = members.remove("messages").or_else(|| members.remove("traj"));
            (
                list.ok_or_else(|| fail("an object without messages or traj".to_owned()))?,
                members,
            )
        }
        _ => return Err(fail("neither a message list nor an object that holds one".to_owned())),
    };
    let Value::Array(list) = list else {
        return Err(fail("messages is not a list".to_owned()));
    };
    let mut messages = Vec::with_capacity(list.len());
    for (number, message) in list.into_iter().enumerate() {
        match message {
            Value::Object(message) if message.get("role").is_some_and(Value::is_string) => messages.push(message),
            _ => return Err(fail(format!("message {} is not an object with a role", number + 1))),
        }
    }
    let text = |name: &str| rest.get(name).and_then(scalar);
    let stem = std::path::Path::new(file)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let named = ["id", "conversation_id", "session_id"].into_iter().find_map(text);
    let task = text("task_id").map(|task| format!("{stem}-{task}-{}", text("trial").unwrap_or_default()));
    let correlation = named.or(task).unwrap_or_else(|| content.chars().take(32).collect());
    Ok(Trajectory {
        messages,
        rest,
        correlation: short(&correlation),
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
        let text = |name: &str| trajectory.rest.get(name).and_then(scalar);
        let agent = self
            .options
            .agent
            .clone()
            .or_else(|| text("agent"))
            .unwrap_or_else(|| "chat".to_owned());
        let mut course = Course {
            agent: short(&agent),
            correlation: &trajectory.correlation,
            model: text("model"),
            prompt: None,
            parent: None,
            heard: String::new(),
            out: Vec::new(),
        };
        let mut results: HashMap<&str, VecDeque<&Map<String, Value>>> = HashMap::new();
        for message in &trajectory.messages {
            if let Some(call) = call_of_result(message) {
                results.entry(call).or_default().push_back(message);
            }
        }
        for message in &trajectory.messages {
            match role(message) {
                "system" | "developer" => {
                    let prompt = content(message);
                    let digest = digest(prompt.as_bytes());
                    if self.defined.insert(digest.clone()) {
                        course.define(&digest, &prompt);
                    }
                    course.prompt = Some(digest);
                }
                "user" => {
                    if !course.heard.is_empty() {
                        course.heard.push('\n');
                    }
                    course.heard.push_str(&content(message));
                }
                "assistant" => course.turn(message, &mut results),
                "tool" | "function" => {}
                _ => course.other(message),
            }
        }
        course.outcome(&trajectory.rest);
        course.out
    }
}

/// A trajectory while it becomes records.
struct Course<'a> {
    agent: String,
    correlation: &'a str,
    model: Option<String>,
    prompt: Option<String>,
    parent: Option<String>,
    /// What the user said since the last turn.
    heard: String,
    out: Vec<String>,
}

impl Course<'_> {
    fn define(&mut self, digest: &str, prompt: &str) {
        // The same definition from another trajectory is the same record: its id is the digest's.
        let record = Record::definition(
            Agent::new(self.agent.as_str()),
            Definition::prompt("system", digest).text(prompt),
        );
        let id = uuid_of(&[b"definition", self.agent.as_bytes(), digest.as_bytes()]);
        self.out.push(record.id(id).to_json());
    }

    fn turn(&mut self, message: &Map<String, Value>, results: &mut HashMap<&str, VecDeque<&Map<String, Value>>>) {
        let mut calls: Vec<(String, String, Value)> = Vec::new();
        for call in message
            .get("tool_calls")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let function = call.get("function").unwrap_or(call);
            let part =
                |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            calls.push((
                part(call, "id"),
                part(function, "name"),
                function.get("arguments").cloned().unwrap_or_default(),
            ));
        }
        if let Some(function) = message.get("function_call").filter(|function| function.is_object()) {
            let name = function
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            calls.push((
                name.clone(),
                name,
                function.get("arguments").cloned().unwrap_or_default(),
            ));
        }
        let said = content(message);
        if calls.is_empty() {
            let output = Output::default().text(said.as_str());
            let mut record = self.record(Record::message(Agent::new(self.agent.as_str())), message, true);
            record = record.with_decision(Decision::new("reply")).output(output);
            self.push(record);
            return;
        }
        for (place, (call, name, arguments)) in calls.into_iter().enumerate() {
            let mut tool =
                Tool::new(short(if name.is_empty() { "unnamed" } else { &name })).parameters(parsed(&arguments));
            if !call.is_empty() {
                tool = tool.call(short(&call));
            }
            let mut record = Record::new(Agent::new(self.agent.as_str()), "tool_call");
            let result = results.get_mut(call.as_str()).and_then(VecDeque::pop_front);
            let mut status = Status::Unknown;
            if let Some(result) = result {
                let text = content(result);
                let failed = text.starts_with("Error") || result.get("is_error") == Some(&Value::Bool(true));
                status = if failed { Status::Failure } else { Status::Success };
                tool = tool.result(parsed(&Value::String(text.clone())));
                if failed {
                    record = record.failed("tool_error", text.as_str());
                }
            }
            if status != Status::Failure {
                record = record.outcome(status);
            }
            record = record.tool(tool.status(status));
            if place == 0 && !said.is_empty() {
                record = record.reasoning(said.as_str());
            }
            let record = self.record(record, message, place == 0);
            self.push(record);
        }
    }

    /// A message of a role that is not known: kept as it is.
    fn other(&mut self, message: &Map<String, Value>) {
        let record =
            Record::message(Agent::new(self.agent.as_str())).attribute("message", Value::Object(message.clone()));
        let record = self.record(record, message, false);
        self.push(record);
    }

    /// The last record, if the file says how the trajectory ended.
    fn outcome(&mut self, rest: &Map<String, Value>) {
        let verdict = ["reward", "score", "success"]
            .into_iter()
            .find_map(|name| Some((name, rest.get(name)?)));
        let Some((name, value)) = verdict else { return };
        let right = match value {
            Value::Bool(right) => *right,
            Value::Number(number) => number.as_f64().is_some_and(|number| number >= 1.0),
            _ => return,
        };
        let verdict = if right { Verdict::Right } else { Verdict::Wrong };
        let mut record = Record::review(Agent::new(self.agent.as_str()), verdict).with_review(
            Review::new()
                .verdict(verdict)
                .reason(format!("{name} {value} in the imported file")),
        );
        for (name, value) in rest {
            record = record.attribute(name.as_str(), value.clone());
        }
        let record = self.record(record, &Map::new(), false);
        self.push(record);
    }

    /// What every record of the trajectory has in common.
    fn record(&mut self, mut record: Record, message: &Map<String, Value>, answers: bool) -> Record {
        record = record.correlation(self.correlation).session(self.correlation);
        if let Some(model) = message.get("model").and_then(scalar).or_else(|| self.model.clone()) {
            record = record.model(Model::default().name(short(&model)));
        }
        let mut input = Input::default();
        if let Some(digest) = &self.prompt {
            input = input.prompt(Prompt::default().id("system").digest(digest.as_str()));
        }
        if answers && !self.heard.is_empty() {
            input = input.trigger(Trigger::Person).text(std::mem::take(&mut self.heard));
        }
        if input != Input::default() {
            record = record.input(input);
        }
        if let Some(time) = ["timestamp", "created_at", "created"]
            .into_iter()
            .find_map(|name| time(message.get(name)?))
        {
            record = record.at(time);
        }
        const KNOWN: [&str; 7] = [
            "role",
            "content",
            "tool_calls",
            "function_call",
            "model",
            "name",
            "tool_call_id",
        ];
        for (name, value) in message.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
            record = record.attribute(name.as_str(), value.clone());
        }
        record
    }

    fn push(&mut self, mut record: Record) {
        if let Some(parent) = &self.parent {
            record = record.parent(parent.as_str());
        }
        let place = self.out.len().to_string();
        let id = uuid_of(&[
            self.correlation.as_bytes(),
            place.as_bytes(),
            record.to_json().as_bytes(),
        ]);
        self.parent = Some(id.clone());
        self.out.push(record.id(id).to_json());
    }
}

fn role(message: &Map<String, Value>) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The call that a tool's message answers.
fn call_of_result(message: &Map<String, Value>) -> Option<&str> {
    let name = match role(message) {
        "tool" => message.get("tool_call_id").or_else(|| message.get("name")),
        "function" => message.get("name"),
        _ => None,
    };
    name?.as_str()
}

/// A message's text; parts that are no text stay as JSON.
fn content(message: &Map<String, Value>) -> String {
    let part = |part: &Value| {
        part.get("text")
            .and_then(Value::as_str)
            .map_or_else(|| part.to_string(), str::to_owned)
    };
    match message.get("content").or_else(|| message.get("refusal")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().map(part).collect::<Vec<_>>().join("\n"),
        None | Some(Value::Null) => message
            .get("refusal")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        Some(other) => other.to_string(),
    }
}

/// JSON that stands in a string, as JSON.
fn parsed(value: &Value) -> Json {
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    Json::from(inner.unwrap_or_else(|| value.clone()))
}

/// A string or a number as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text as a name: without control characters, at most 256 bytes.
fn short(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean
        .get(..clean.floor_char_boundary(256))
        .unwrap_or_default()
        .to_owned()
}

/// RFC 3339 as it stands, or seconds since 1970.
fn time(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => crate::record::parse_time(text).ok().map(crate::record::format_time),
        Value::Number(number) => number
            .as_i64()?
            .checked_mul(1_000_000_000)
            .map(crate::record::format_time),
        _ => None,
    }
}

/// A UUIDv8 (RFC 9562 §5.8) of a hash over the parts.
fn uuid_of(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let bytes = hasher
        .finalize()
        .as_bytes()
        .first_chunk::<16>()
        .copied()
        .unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Prepared, RECORD_LIMIT};

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
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(TOOLS).unwrap()).unwrap();
        assert_eq!(records(&pretty), records(TOOLS));
        let old = r#"[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"}]"#;
        assert_eq!(records(old)[0]["tools"][0]["result"], 1);
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
}
