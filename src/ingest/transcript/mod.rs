//! Transcripts that coding agents leave on disk as JSON Lines become records, line by line, also while they grow.
//!
//! Read are Claude Code's session files (`~/.claude/projects/*/SESSION.jsonl` and the sub-agents' files below them; the
//! shapes of versions 1.0 to 2.1, for which there is no specification but the parsers and schemas that others published)
//! and the rollouts of Codex CLI (`~/.codex/sessions/**/rollout-*.jsonl`; `openai/codex`, crates `protocol` and `rollout`,
//! from the bare lines of 2025 to 0.144).
//!
//! `line` reads a line and keeps what no member takes, `course` is what a file has told so far, `call` a tool call that waits
//! for its result, `message` an answer of the model that goes on over several lines, `meaning` what is certain about a tool;
//! `claude_code` and `codex` know the two formats.
//!
//! What must hold: a record is made of what stands before it in its file, never of where the file happens to end, so that
//! a file that has grown gives the same records again and then new ones; ids are computed from session and line; no line is
//! refused or left out: one that is not known is a record of kind `transcript`, whole.

mod call;
mod claude_code;
mod codex;
mod course;
mod line;
mod meaning;
mod message;

use claude_code::ClaudeCode;
use codex::Codex;
use line::Line;

/// The longest line that is read, in bytes: the longest record.
pub const LINE_LIMIT: usize = crate::record::RECORD_LIMIT;

/// Whose transcript it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Claude Code's.
    ClaudeCode,
    /// Codex CLI's.
    Codex,
}

/// How transcripts become records.
#[derive(Debug, Clone)]
pub struct TranscriptOptions {
    /// Whose transcripts they are.
    pub format: Format,
    /// The agent's name; without it `claude-code` or `codex`.
    pub agent: Option<String>,
}

/// What is known about a file that has no further line at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    /// The next line may come at any time: only messages that say themselves that they are over are taken as whole.
    Growing,
    /// It has rested so long that the message at its end is whole.
    Resting,
    /// Nothing will come: calls without a result never had one.
    Ended,
}

/// What waits for its other half.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Tool calls without a result.
    pub calls: u64,
    /// Answers of the model that may go on.
    pub messages: u64,
}

/// A transcript while it is read.
#[derive(Debug)]
pub struct Transcript {
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    ClaudeCode(Box<ClaudeCode>),
    Codex(Box<Codex>),
}

impl Transcript {
    /// One of which nothing is read yet. The file's name stands for the session where no line says it.
    #[must_use]
    pub fn new(options: &TranscriptOptions, file: &str) -> Self {
        let stem = std::path::Path::new(file).file_stem();
        let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let agent = options.agent.as_deref();
        Transcript {
            reader: match options.format {
                Format::ClaudeCode => Reader::ClaudeCode(Box::new(ClaudeCode::new(agent, &stem))),
                Format::Codex => Reader::Codex(Box::new(Codex::new(agent, &stem))),
            },
        }
    }

    /// Reads the next line and gives the records that are whole with it, as JSON text.
    ///
    /// # Errors
    /// The line is not JSON; everything goes on behind it.
    pub fn line(&mut self, text: &[u8]) -> Result<Vec<String>, String> {
        let line = Line::read(text)?;
        Ok(match &mut self.reader {
            Reader::ClaudeCode(reader) => reader.line(&line),
            Reader::Codex(reader) => reader.line(&line),
        })
    }

    /// The records that are whole because there is no further line.
    pub fn pause(&mut self, pause: Pause) -> Vec<String> {
        match &mut self.reader {
            Reader::ClaudeCode(reader) => reader.pause(pause),
            Reader::Codex(reader) => reader.pause(pause),
        }
    }

    /// What is not recorded yet.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        match &self.reader {
            Reader::ClaudeCode(reader) => reader.waiting(),
            Reader::Codex(reader) => reader.waiting(),
        }
    }
}

#[cfg(test)]
mod tests;
