//! How tools ended, and what a call of the model used.

use super::super::call::{Answer, error};
use super::super::line::{is_true, number, object, object_in, said};
use crate::ingest::raw::Object;
use crate::record::{Did, Json, Status, Usage};
use serde_json::value::RawValue;

/// What stands for a result where a person said no.
const REFUSED: &[&str] = &["exec command rejected by user", "patch rejected by user"];

/// How a call ended, by what its result says. Most results do not say it.
pub(super) fn judge(answer: &mut Answer, text: &str, inner: &Object, value: &Json) {
    let value = serde_json::from_str::<&RawValue>(value.as_str())
        .ok()
        .and_then(object)
        .unwrap_or_default();
    let details = object_in(&value, "metadata").unwrap_or_default();
    let code = details
        .get("exit_code")
        .and_then(|code| code.get().parse().ok())
        .or_else(|| exit_code(text));
    let seconds = details
        .get("duration_seconds")
        .and_then(|raw| raw.get().parse::<f64>().ok());
    answer.duration = seconds
        .filter(|seconds| (0.0..9e12).contains(seconds))
        .map(|seconds| seconds * 1e3);
    let content = said(inner, "content").unwrap_or_else(|| text.to_owned());
    if REFUSED.iter().any(|no| content.starts_with(no)) {
        answer.human = Some((Did::Rejected, None));
        answer.status = Some(Status::Denied);
    } else if content.starts_with("aborted") {
        answer.status = Some(Status::Cancelled);
    } else if let Some(code) = code {
        exited(answer, code);
    } else if content.starts_with("unsupported call") || inner.get("success").is_some_and(|is| is.get() == "false") {
        answer.status = Some(Status::Failure);
        answer.error = Some(error("tool_error", &content));
    } else if is_true(inner, "success") || content.starts_with("Success. Updated the following files") {
        answer.status = Some(Status::Success);
    }
}

/// The exit code among the first lines of what a command said.
fn exit_code(text: &str) -> Option<i64> {
    let marks = ["Exit code: ", "Process exited with code "];
    let mut lines = text.lines().take(6);
    lines.find_map(|line| {
        marks
            .iter()
            .find_map(|mark| line.strip_prefix(mark)?.trim().parse().ok())
    })
}

/// A command ended with that code.
fn exited(answer: &mut Answer, code: i64) {
    if code == 0 {
        answer.status = Some(Status::Success);
        return;
    }
    answer.status = Some(Status::Failure);
    answer.error = Some(error("exit_code", "").code(code.to_string()));
}

/// Tokens as OpenTelemetry counts them.
pub(super) fn used(usage: &Object) -> Usage {
    let mut used = Usage::new();
    used.input_tokens = number(usage, "input_tokens");
    used.output_tokens = number(usage, "output_tokens");
    used.cache_read_tokens = number(usage, "cached_input_tokens");
    used.cache_write_tokens = number(usage, "cache_write_input_tokens");
    used.reasoning_tokens = number(usage, "reasoning_output_tokens");
    used
}

/// What the event says about how the tool ended.
pub(super) fn ended(payload: &Object) -> Answer {
    let mut answer = Answer::default();
    if let Some(code) = payload.get("exit_code").and_then(|code| code.get().parse().ok()) {
        exited(&mut answer, code);
    }
    let result = object_in(payload, "result").unwrap_or_default();
    let is_bad = object_in(&result, "Ok").is_some_and(|ok| {
        ["isError", "is_error"]
            .iter()
            .any(|name| ok.get(name).is_some_and(|is| is.get() == "true"))
    });
    let success = payload.get("success").map(|raw| raw.get() == "true");
    let success = success.or_else(|| result.get("Ok").map(|_| !is_bad));
    if let Some(message) = result.text("Err") {
        answer.status = Some(Status::Failure);
        answer.error = Some(error("tool_error", &message));
    } else if payload.text("status").as_deref() == Some("declined") {
        answer.status = Some(Status::Denied);
        answer.error = None;
    } else if let Some(success) = success {
        answer.status = Some(if success { Status::Success } else { Status::Failure });
    }
    let duration = object_in(payload, "duration").unwrap_or_default();
    let part = |name: &str| duration.get(name).and_then(|raw| raw.get().parse::<f64>().ok());
    let milliseconds = part("secs").map(|seconds| seconds * 1e3 + part("nanos").unwrap_or_default() / 1e6);
    answer.duration = milliseconds.filter(|milliseconds| (0.0..9e15).contains(milliseconds));
    answer
}
