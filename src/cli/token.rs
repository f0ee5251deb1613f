//! `auditdb token`: by what agents and auditors show the server who they are.

use super::{Answer, Outcome, Stop, Where, output};
use crate::disk::{Disk as _, RealDisk};
use crate::query::{Zone, moment};
use crate::server::{Scope, Token, Tokens, Wanted};
use clap::{Args, Subcommand};
use std::ffi::OsString;

/// Tokens for `auditdb serve`: who may send records to it, or ask for them.
#[derive(Debug, Args)]
#[command(
    after_help = "From the first token on the server lets nobody in without one. The token's id becomes the `writer` of what is sent\n\
    with it; making and revoking one is recorded.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb token create my-db --id refunds --agent refunds\n  \
    auditdb token list my-db\n  auditdb token revoke my-db refunds"
)]
pub(super) struct TokenNoun {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

impl TokenNoun {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Create(create) => create.run(),
            Act::List(list) => list.run(),
            Act::Revoke(revoke) => revoke.run(),
        }
    }
}

/// Make a token. It is shown once, and only its hash is stored.
#[derive(Debug, Args)]
#[command(
    after_help = "A client sends it as the header `Authorization: Bearer TOKEN`. An OpenTelemetry SDK does so with\n\
    OTEL_EXPORTER_OTLP_HEADERS=\"Authorization=Bearer%20TOKEN\".\n\n\
    Examples:\n  auditdb init my-db\n  auditdb token create my-db --id refunds --agent refunds\n  \
    auditdb token create my-db --id auditor --scope read --expires 90d\n  \
    auditdb token create my-db --scope write --scope read --expires never"
)]
pub(super) struct Create {
    #[command(flatten)]
    at: Where,
    /// What it is called, which is what records name: up to 64 of a-z, 0-9, - _ . ; a random name if it is left out.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What it may be used for; may be given twice. Writing if it is left out.
    #[arg(long, value_enum)]
    scope: Vec<Scope>,
    /// Only for this agent's records; may be given several times.
    #[arg(long, value_name = "AGENT")]
    agent: Vec<String>,
    /// Only for records of this log; may be given several times.
    #[arg(long = "for-log", value_name = "NAME")]
    for_log: Vec<String>,
    /// When it ends: in so many days or hours as in 90d, 12h, at a date or a time, or never.
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    expires: String,
}

impl Create {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let db = self.at.join(&dir)?;
        let wanted = Wanted {
            id: self.id.clone(),
            scopes: self.scope.clone(),
            agents: self.agent.clone(),
            logs: self.for_log.clone(),
            expires: end(&self.expires)?,
        };
        let (token, secret) = Tokens::of(&dir).create(&db, wanted)?;
        if self.at.json {
            output::print(
                &serde_json::json!({ "id": token.id, "token": secret, "expires": token.expires }).to_string(),
            )?;
        } else {
            output::print(&secret)?;
            output::say(&format!("{}: note it now, nobody can show it again", in_words(&token)));
        }
        Ok(Answer::Yes)
    }
}

/// List the tokens, also those that open nothing any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb token create my-db\n  auditdb token list my-db")]
pub(super) struct List {
    #[command(flatten)]
    at: Where,
}

impl List {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        // It says if there is no database.
        self.at.read(&dir)?;
        for token in Tokens::of(&dir).list()? {
            show(&self.at, &token)?;
        }
        Ok(Answer::Yes)
    }
}

/// Revoke a token: a server lets nobody in by it from a second later on. What was sent with it stays.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb token revoke [OPTIONS] [DIR] <ID>",
    after_help = "Examples:\n  auditdb init my-db\n  auditdb token create my-db --id ci\n  auditdb token revoke my-db ci"
)]
pub(super) struct Revoke {
    #[command(flatten)]
    at: Where,
    /// Which one.
    #[arg(value_name = "ID")]
    id: Option<OsString>,
}

impl Revoke {
    fn run(self) -> Outcome {
        let (dir, id) = self.at.dir_and_record(self.id.as_slice())?;
        let db = self.at.join(&dir)?;
        let token = Tokens::of(&dir).revoke(&db, &id)?;
        show(&self.at, &token)?;
        Ok(Answer::Yes)
    }
}

fn show(at: &Where, token: &Token) -> Result<(), Stop> {
    output::print(&match at.json {
        true => serde_json::to_string(token).unwrap_or_default(),
        false => in_words(token),
    })?;
    Ok(())
}

fn in_words(token: &Token) -> String {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let mut said = format!("{}: {}", token.id, scopes.join(" and "));
    for (what, names) in [("agents", &token.agents), ("logs", &token.logs)] {
        if !names.is_empty() {
            said += &format!(", only {what} {}", names.join(", "));
        }
    }
    if let Some(why) = &token.unreadable {
        return format!("{}: opens nothing: {why}", token.id);
    }
    match (&token.revoked, &token.expires) {
        (Some(revoked), _) => said += &format!(", revoked {revoked}"),
        (None, Some(expires)) if token.is_valid(RealDisk.now()) => said += &format!(", until {expires}"),
        (None, Some(expires)) => said += &format!(", expired {expires}"),
        (None, None) => said += ", without an end",
    }
    said
}

/// When a token ends, in nanoseconds since 1970.
fn end(text: &str) -> Result<Option<i64>, Stop> {
    if text == "never" {
        return Ok(None);
    }
    let now = RealDisk.now();
    let none = || {
        Stop::CouldNot(format!(
            "--expires {text:?} is no end; write 90d, 12h, 2027-11-24, an RFC 3339 time, or never"
        ))
    };
    let named = moment(text, &Zone::utc(), now).ok_or_else(none)?;
    let is_length = text.ends_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(['-', ':']);
    // Elsewhere a length is one that has passed.
    let end = match is_length {
        true => now.saturating_add(now.saturating_sub(named)),
        false => named,
    };
    match end > now {
        true => Ok(Some(end)),
        false => Err(Stop::CouldNot(format!("--expires {text:?} has passed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_lies_ahead() {
        let hour = 3_600_000_000_000;
        let ahead = |text| end(text).unwrap().unwrap() - RealDisk.now();
        assert!((ahead("12h") - 12 * hour).abs() < hour);
        assert!((ahead("90d") - 90 * 24 * hour).abs() < hour);
        assert!(ahead("2100-01-01T00:00:00Z") > 70 * 365 * 24 * hour);
        assert_eq!(end("never").unwrap(), None);
        for wrong in ["2020-01-01", "now", "soon", "", "-5d"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
