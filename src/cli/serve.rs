//! `auditdb serve`: take in what agents send, and answer questions.

use super::figures::count;
use super::{Answer, Outcome, Where, output, waiting};
use crate::server::{Server, openapi_document};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Take in what agents send by HTTP, and answer questions: OpenTelemetry (OTLP), and records as JSON. Until Ctrl-C or SIGTERM; also
/// beside another process that writes.
#[derive(Debug, Args)]
#[command(
    after_help = "Agents that speak OpenTelemetry need one variable: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318. What was answered\n\
    with 200 is durable. On this machine no token is needed until `auditdb token create` has made one; other machines\n\
    reach it over TLS and with tokens alone. GET /v1/openapi.json says all that can be asked, also printed by --openapi.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb serve --openapi\n  auditdb serve my-db"
)]
pub(super) struct Serve {
    #[command(flatten)]
    at: Where,
    /// Where to listen; an address that other machines reach needs a certificate, a key and a token.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    listen: SocketAddr,
    /// The certificate chain in PEM, the server's own first.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Print the OpenAPI document and end.
    #[arg(long)]
    openapi: bool,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        if self.openapi {
            output::print(&openapi_document())?;
            return Ok(Answer::Yes);
        }
        let dir = self.at.dir()?;
        let stop = waiting::ended()?;
        let db = self.at.join(&dir)?;
        let (scheme, server) = match self.tls_cert.as_deref().zip(self.tls_key.as_deref()) {
            Some((certificates, key)) => ("https", Server::bind_tls(db, self.listen, certificates, key)?),
            None => ("http", Server::bind(db, self.listen)?),
        };
        let server = server.telling(output::say);
        output::say(&format!("listening on {scheme}://{}", server.address()?));
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
