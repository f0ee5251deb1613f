//! `auditdb schema`: what a record may hold.

use super::output::Out;
use super::{Answer, Outcome};
use crate::record::{json_schema, query_names, stored_schema};
use clap::Args;

/// Print the JSON Schema of a record.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb schema > record.schema.json\n  auditdb schema --fields")]
pub(super) struct Schema {
    /// The schema of a stored line, with the log's own members.
    #[arg(long, conflicts_with = "fields")]
    stored: bool,
    /// The names that queries use, and where they look.
    #[arg(long)]
    fields: bool,
    /// Answer in JSON, for machines.
    #[arg(long)]
    json: bool,
}

impl Schema {
    pub(super) fn run(self) -> Outcome {
        let mut out = Out::new();
        if !self.fields {
            out.line(&if self.stored { stored_schema() } else { json_schema() })?;
        } else if self.json {
            for field in query_names() {
                let line = serde_json::json!({ "name": field.name, "paths": field.paths, "type": field.type_name, "doc": field.doc });
                out.line(&line.to_string())?;
            }
        } else {
            for field in query_names() {
                out.line(&format!(
                    "{:<16} {:<10} {}\n{:27} {}",
                    field.name,
                    field.type_name,
                    field.paths.join(", "),
                    "",
                    field.doc
                ))?;
            }
        }
        out.flush()?;
        Ok(Answer::Yes)
    }
}
