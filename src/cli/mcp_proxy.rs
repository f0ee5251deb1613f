//! `auditdb mcp-proxy`: stand between a client and a server of MCP, and record what is called.

use super::figures::count;
use super::{Answer, Outcome, Stop, Where, output, waiting};
use crate::ingest::mcp::{Names, Passing, Recorder, Trouble, Watch, run};
use crate::log::Options;
use crate::server::McpProxy;
use clap::Args;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Command;

/// Stand between a client and a server of MCP (Model Context Protocol): every tool call with its parameters, result, error and
/// duration, every resource read and every prompt used becomes a record. Neither side knows, and what else they say passes
/// untouched.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb mcp-proxy [OPTIONS] [DIR] -- <COMMAND>...\n       auditdb mcp-proxy [OPTIONS] [DIR] --url <URL>",
    after_help = "In a client's configuration write `auditdb mcp-proxy DIR --` before the server's command. With --url, give the\n\
    client the address that is printed in place of the server's. The database may be written by others meanwhile.\n\n\
    Exit codes: 0 it ended; 1 the server failed; 2 it could not be begun; 3 records were lost.\n\n\
    Examples:\n  auditdb init my-db\n  \
    echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}' | auditdb mcp-proxy my-db -- cat"
)]
pub(super) struct McpProxyCommand {
    #[command(flatten)]
    at: Where,
    /// The agent's name; what the client calls itself if it is left out.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The system that the tools belong to; what the server calls itself if it is left out.
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// The session of the records; one of its own for each connection if it is left out.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// When an answer passes on: once its record is durable, or at once, and the record becomes durable behind it.
    #[arg(long, value_enum, default_value_t = Passing::Recorded)]
    answer: Passing,
    /// What happens while the log takes nothing: messages pass and are recorded later, or nothing passes that is to be recorded.
    #[arg(long, value_enum, default_value_t = Trouble::Open)]
    when_log_fails: Trouble,
    /// A server over HTTP (streamable HTTP), instead of a command.
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    url: Option<String>,
    /// With --url: where the client finds the proxy, an address of this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4319", requires = "url")]
    listen: SocketAddr,
    /// The server's command and its arguments.
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<OsString>,
}

impl McpProxyCommand {
    pub(super) fn run(self) -> Outcome {
        if (self.answer, self.when_log_fails) == (Passing::AtOnce, Trouble::Closed) {
            let why = "--answer at-once lets answers pass before they are recorded, and --when-log-fails closed does not: leave one out";
            return Err(Stop::CouldNot(why.to_owned()));
        }
        let dir = self.at.dir()?;
        let stop = waiting::ended()?;
        let names = Names {
            agent: self.agent.clone(),
            system: self.system.clone(),
            session: self.session.clone(),
        };
        let watch = Watch::new(names, uuid_of_this_run());
        let options = self
            .at
            .log()
            .map_or_else(Options::default, |log| Options::default().log(log));
        let record = || Recorder::start(&dir, options.clone(), (self.answer, self.when_log_fails), output::say);
        let (lost, failed) = match (&self.url, self.command.split_first()) {
            (Some(url), _) => {
                let proxy = McpProxy::bind(self.listen, url, watch, record()?)?;
                output::say(&format!("listening on http://{}/mcp", proxy.address()?));
                (proxy.run(&stop)?, None)
            }
            (None, Some((program, arguments))) => {
                let mut command = Command::new(program);
                command.args(arguments);
                let not_begun =
                    |error| Stop::CouldNot(format!("the server {} cannot be started: {error}", program.display()));
                let ended = run(&mut command, watch, record()?, &stop).map_err(not_begun)?;
                // One that was ended by a signal since nobody talks to it any more did not fail.
                let by_signal = ended.asked && ended.status.code().is_none();
                let failed = (!ended.status.success() && !by_signal).then_some(ended.status);
                (ended.lost, failed)
            }
            (None, None) => {
                return Err(Stop::CouldNot(
                    "no server given: write its command behind --, or its --url".to_owned(),
                ));
            }
        };
        if lost > 0 {
            return Err(Stop::Partial(format!("{} records were lost", count(lost))));
        }
        match failed {
            Some(status) => Err(Stop::No(format!("the server ended with {status}"))),
            None => Ok(Answer::Yes),
        }
    }
}

/// No other run has it.
fn uuid_of_this_run() -> String {
    crate::record::id_text(crate::log::new_id(&crate::disk::RealDisk))
}
