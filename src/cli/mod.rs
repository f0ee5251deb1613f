//! The `auditdb` command: one file a verb. Records go to stdout, everything said about them to stderr.
//!
//! Exit codes: 0 yes; 1 no (damaged, not found, nothing matched); 2 it could not be done (usage, bad input, the
//! system); 3 an answer, but a partial one.

mod anchor;
mod append;
mod backup;
mod checkpoint;
mod count;
mod demo;
mod diff;
mod export;
mod figures;
mod hold;
mod import;
mod import_otlp;
mod import_transcript;
mod init;
mod key;
mod lines;
mod lint;
mod log;
mod look;
#[cfg(feature = "server")]
mod mcp_proxy;
mod names;
mod output;
mod passphrase;
mod person;
mod place;
mod policy;
mod progress;
mod proof;
mod prove;
mod query;
mod record_name;
mod recover;
#[cfg(feature = "search")]
mod reindex;
mod restore;
mod retain;
mod route;
mod schema;
mod seal;
#[cfg(feature = "server")]
mod serve;
mod show;
mod status;
mod tail;
#[cfg(feature = "server")]
mod token;
mod trace;
mod unmapped;
mod verify;
mod waiting;
mod why;

use crate::error::Error;
use clap::{Parser, Subcommand};
use names::Names;
use place::Where;
use std::process::ExitCode;
use waiting::Waiting;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Partial,
}

/// Why a command did not come to an answer.
#[derive(Debug)]
enum Stop {
    /// Whoever read our output has gone; that is not ours to complain about.
    BrokenPipe,
    /// The answer is no, in these words.
    No(String),
    /// It could not be done.
    CouldNot(String),
    /// It was stopped before there was anything to say.
    Partial(String),
}

type Outcome = Result<Answer, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. }
            | Error::Dropped { .. }
            | Error::Ambiguous { .. }
            | Error::Damaged { .. }
            | Error::Apart { .. }
            | Error::Lost { .. } => Stop::No(error.to_string()),
            error => Stop::CouldNot(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Stop::BrokenPipe,
            _ => Stop::CouldNot(format!("writing the output: {error}")),
        }
    }
}

/// The flight recorder for AI agents: an append-only log that shows whether anybody changed it.
#[derive(Debug, Parser)]
#[command(
    name = "auditdb",
    version,
    max_term_width = 100,
    after_help = "Try it: auditdb demo\n\n\
    With AUDITDB_DIR set, DIR may be left out of every command: the first argument is DIR then only if it is a\n\
    directory that the rest can follow, or if there is no other place for it.\n\n\
    Exit codes: 0 yes; 1 no (damaged, not found, nothing matched); 2 it could not be done; 3 a partial answer."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Append(append::Append),
    Import(import::Import),
    #[cfg(feature = "server")]
    Serve(serve::Serve),
    #[cfg(feature = "server")]
    Token(token::TokenNoun),
    #[cfg(feature = "server")]
    McpProxy(mcp_proxy::McpProxyCommand),
    Show(show::Show),
    Tail(tail::Tail),
    Trace(trace::Trace),
    Why(why::Why),
    Diff(diff::Diff),
    Lint(lint::Lint),
    Query(query::Query),
    Count(count::Count),
    Export(export::Export),
    Seal(seal::Seal),
    Retain(retain::Retain),
    Policy(policy::Policy),
    Route(route::Route),
    Hold(hold::Hold),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Verify(Box<verify::Verify>),
    Checkpoint(checkpoint::Checkpoint),
    Anchor(anchor::Anchor),
    Proof(proof::Proof),
    Key(key::Key),
    Log(log::LogNoun),
    Recover(recover::Recover),
    #[cfg(feature = "search")]
    Reindex(reindex::Reindex),
    Status(status::Status),
    Schema(schema::Schema),
    Demo(demo::Demo),
}

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    keep_secrets_out_of_dumps();
    let mut options = std::env::args_os().take_while(|argument| argument != "--");
    let json = options.any(|argument| argument == "--json");
    let outcome = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        // Help and version, which were asked for.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            Ok(Answer::Yes)
        }
        Err(error) => {
            let message = error.render().to_string();
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            Err(Stop::CouldNot(message.trim_end().to_owned()))
        }
    };
    let (code, message) = match outcome {
        Ok(Answer::Yes) | Err(Stop::BrokenPipe) => (0, None),
        Ok(Answer::No) => (1, None),
        Ok(Answer::Partial) => (3, None),
        Err(Stop::No(message)) => (1, Some(message)),
        Err(Stop::CouldNot(message)) => (2, Some(message)),
        Err(Stop::Partial(message)) => (3, Some(message)),
    };
    if let Some(message) = message {
        if json {
            output::say(&serde_json::json!({ "error": message, "exit": code }).to_string());
        } else {
            output::say(&format!("auditdb: {message}"));
        }
    }
    ExitCode::from(code)
}

/// A dump of this process would hold the seeds of the keys. Where the system has no such switch, the threat model says so.
fn keep_secrets_out_of_dumps() {
    #[cfg(target_os = "linux")]
    {
        let not_dumpable = rustix::process::DumpableBehavior::NotDumpable;
        let _ = rustix::process::set_dumpable_behavior(not_dumpable);
    }
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Command::Init(command) => command.run(),
            Command::Append(command) => command.run(),
            Command::Import(command) => command.run(),
            #[cfg(feature = "server")]
            Command::Serve(command) => command.run(),
            #[cfg(feature = "server")]
            Command::Token(command) => command.run(),
            #[cfg(feature = "server")]
            Command::McpProxy(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Tail(command) => command.run(),
            Command::Trace(command) => command.run(),
            Command::Why(command) => command.run(),
            Command::Diff(command) => command.run(),
            Command::Lint(command) => command.run(),
            Command::Query(command) => command.run(),
            Command::Count(command) => command.run(),
            Command::Export(command) => command.run(),
            Command::Seal(command) => command.run(),
            Command::Retain(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Route(command) => command.run(),
            Command::Hold(command) => command.run(),
            Command::Backup(command) => command.run(),
            Command::Restore(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Checkpoint(command) => command.run(),
            Command::Anchor(command) => command.run(),
            Command::Proof(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Log(command) => command.run(),
            Command::Recover(command) => command.run(),
            #[cfg(feature = "search")]
            Command::Reindex(command) => command.run(),
            Command::Status(command) => command.run(),
            Command::Schema(command) => command.run(),
            Command::Demo(command) => command.run(),
        }
    }
}
