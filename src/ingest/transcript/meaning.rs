//! What the tools of coding agents do, where their names leave no doubt: which data a call touched, and how.

use super::super::raw::{Object, list, text};
use super::line::{object, said};
use crate::record::{Access, Json, Operation};
use serde_json::value::RawValue;

/// A tool by its name: where it reaches, what it does there, and which parameter says to what.
type Row = (&'static str, &'static str, Operation, &'static [&'static str]);

const TOOLS: &[Row] = &[
    // Claude Code's.
    ("Read", "file", Operation::Read, &["file_path"]),
    ("NotebookRead", "file", Operation::Read, &["notebook_path"]),
    ("LS", "file", Operation::Read, &["path"]),
    ("Glob", "file", Operation::Search, &["pattern"]),
    ("Grep", "file", Operation::Search, &["pattern"]),
    ("Edit", "file", Operation::Update, &["file_path"]),
    ("MultiEdit", "file", Operation::Update, &["file_path"]),
    ("NotebookEdit", "file", Operation::Update, &["notebook_path"]),
    ("Write", "file", Operation::Update, &["file_path"]),
    ("Bash", "shell", Operation::Execute, &["command"]),
    ("WebFetch", "web", Operation::Read, &["url"]),
    ("WebSearch", "web", Operation::Search, &["query"]),
    ("web_search", "web", Operation::Search, &["query"]),
    // Codex's.
    ("shell", "shell", Operation::Execute, &["command"]),
    ("container.exec", "shell", Operation::Execute, &["command"]),
    ("shell_command", "shell", Operation::Execute, &["command"]),
    ("local_shell", "shell", Operation::Execute, &["command"]),
    ("exec_command", "shell", Operation::Execute, &["cmd", "command"]),
    ("read_file", "file", Operation::Read, &["file_path"]),
    ("list_dir", "file", Operation::Read, &["dir_path"]),
    ("grep_files", "file", Operation::Search, &["pattern"]),
    ("view_image", "file", Operation::Read, &["path"]),
];

/// The marks of a patch, as Codex's `apply_patch` takes it, before the names of files.
const PATCH: &[(&str, Operation)] = &[
    ("*** Add File: ", Operation::Create),
    ("*** Update File: ", Operation::Update),
    ("*** Delete File: ", Operation::Delete),
];

/// So many files of one patch are named.
const FILES: usize = 256;

/// What a call with these parameters touched; nothing where that is not certain.
pub(super) fn accesses(name: &str, input: Option<&Json>, call: Option<&str>) -> Vec<Access> {
    let raw = input.and_then(|input| serde_json::from_str::<&RawValue>(input.as_str()).ok());
    let input = raw.and_then(object).unwrap_or_default();
    let of_call = |mut access: Access| {
        access.call = call.map(str::to_owned);
        access
    };
    if name == "apply_patch" {
        let patch = raw.and_then(text).or_else(|| said(&input, "input"));
        return patched(&patch.unwrap_or_default()).map(of_call).take(FILES).collect();
    }
    let Some((_, system, operation, parameters)) = TOOLS.iter().find(|(known, ..)| *known == name) else {
        return Vec::new();
    };
    let access = Access::new(*system, operation.clone());
    let resource = parameters.iter().find_map(|parameter| words(&input, parameter));
    vec![of_call(match resource {
        Some(resource) => access.resource(resource),
        None => access,
    })]
}

/// The files of a patch.
fn patched(patch: &str) -> impl Iterator<Item = Access> {
    patch.lines().filter_map(|line| {
        let found = PATCH
            .iter()
            .find_map(|(mark, operation)| Some((line.strip_prefix(mark)?, operation)));
        found.map(|(file, operation)| Access::new("file", operation.clone()).resource(file))
    })
}

/// A text, or a command as a list of its words.
fn words(input: &Object, name: &str) -> Option<String> {
    let raw = input.get(name)?;
    text(raw).or_else(|| {
        let words: Option<Vec<String>> = list(raw)?.iter().map(|word| text(word)).collect();
        Some(words?.join(" "))
    })
}
