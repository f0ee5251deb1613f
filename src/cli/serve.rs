//! `auditdb serve`: take in what agents send.

use super::figures::count;
use super::{Answer, Outcome, Stop, Where, output, waiting};
use crate::server::Server;
use clap::Args;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;
use std::net::SocketAddr;
use std::sync::Arc;

/// Take in what agents send by OpenTelemetry (OTLP over HTTP), until Ctrl-C or SIGTERM; also beside another process that writes.
#[derive(Debug, Args)]
#[command(
    after_help = "Agents need one variable: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318. What was answered with 200 is durable.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb serve my-db"
)]
pub(super) struct Serve {
    #[command(flatten)]
    at: Where,
    /// Where to listen: an address of this machine, since there is nothing yet by which others could show who they are.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    listen: SocketAddr,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let stop = waiting::interrupted()?;
        flag::register(SIGTERM, Arc::clone(&stop))
            .map_err(|error| Stop::CouldNot(format!("minding SIGTERM: {error}")))?;
        let server = Server::bind_telling(self.at.join(&dir)?, self.listen, output::say)?;
        output::say(&format!("listening on http://{}", server.address()?));
        let served = server.run(&stop)?;
        if self.at.json {
            let answer = serde_json::json!({"requests": served.requests, "records": served.records, "refused": served.refused, "metrics": served.metrics});
            output::print(&answer.to_string())?;
        } else {
            output::print(&format!(
                "{} requests, {} records taken, {} refused",
                count(served.requests),
                count(served.records),
                count(served.refused)
            ))?;
        }
        Ok(Answer::Yes)
    }
}
