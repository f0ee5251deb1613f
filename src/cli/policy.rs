//! `auditdb policy`: the policy file, checked and compared.

use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::error::Error;
use crate::policy::POLICY_FILE;
use clap::{Args, Subcommand};
use similar::TextDiff;

/// The policy file, auditdb.toml in DIR: which logs there are and what goes where, for how long it is kept, people, tools.
#[derive(Debug, Args)]
#[command(
    after_help = "The file is yours: nothing but an editor changes it. It is taken up when the database is opened for writing, and by\n\
    a database that is open within seconds; each change is recorded first, whole. A file with mistakes keeps the database\n\
    from being opened, and changes nothing in one that is open.\n\nExamples:\n  auditdb init my-db\n  \
    printf '[log.eu-health]\\nclass = \"health\"\\nregion = \"eu\"\\n' > my-db/auditdb.toml\n  auditdb policy check my-db"
)]
pub(super) struct Policy {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Check(Check),
    Diff(Diff),
}

impl Policy {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Check(check) => check.run(),
            Act::Diff(diff) => diff.run(),
        }
    }
}

/// Read the policy file and name every mistake in it with its line; exit 1 if there is one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb policy check my-db\n  auditdb policy check my-db --json"
)]
pub(super) struct Check {
    #[command(flatten)]
    at: Where,
}

impl Check {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let policy = match Database::policy_file(&dir) {
            Ok(policy) => policy,
            Err(Error::Policy { path, mistakes }) => {
                let file = path.display();
                if self.at.json {
                    let listed = mistakes.iter().map(
                        |found| serde_json::json!({ "line": found.line, "column": found.column, "message": found.message }),
                    );
                    let listed: Vec<_> = listed.collect();
                    output::print(&serde_json::json!({ "file": file.to_string(), "mistakes": listed }).to_string())?;
                } else {
                    for found in &mistakes {
                        output::print(&format!("{file}:{}:{}: {}", found.line, found.column, found.message))?;
                    }
                }
                return Ok(Answer::No);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(policy) = policy else {
            output::print(&if self.at.json {
                serde_json::json!({ "file": null, "mistakes": [] }).to_string()
            } else {
                format!("{} has no policy file: every record goes to main", dir.display())
            })?;
            return Ok(Answer::Yes);
        };
        let (logs, routes, classes) = (policy.logs.len(), policy.routes.len(), policy.classes.len());
        let (people, tools, anchors) = (policy.people.len(), policy.tools.len(), policy.anchors.len());
        let digest = policy.digest();
        output::print(&if self.at.json {
            serde_json::json!({ "file": dir.join(POLICY_FILE).display().to_string(), "mistakes": [], "digest": digest,
                "logs": logs, "routes": routes, "classes": classes, "people": people, "tools": tools, "anchors": anchors })
            .to_string()
        } else {
            format!(
                "no mistakes: {logs} logs, {routes} routes, {classes} classes, {people} people, {tools} tools, {anchors} anchors\ndigest {digest}"
            )
        })?;
        Ok(Answer::Yes)
    }
}

/// Show what the policy file says otherwise than the policy that was taken up last; exit 1 if it does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb policy diff my-db")]
pub(super) struct Diff {
    #[command(flatten)]
    at: Where,
}

impl Diff {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let db = self.at.read(&dir)?;
        let old = db.policy_in_force()?.unwrap_or_default();
        // Also one with mistakes can be compared.
        let path = dir.join(POLICY_FILE);
        let new = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Stop::CouldNot(format!("reading {}: {error}", path.display()))),
        };
        let same = old == new;
        let diff = TextDiff::from_lines(&old, &new);
        let diff = diff.unified_diff().header("in force", "auditdb.toml").to_string();
        if self.at.json {
            output::print(
                &serde_json::json!({ "same": same, "in_force": old, "file": new, "diff": diff }).to_string(),
            )?;
        } else if same {
            output::print("the policy file is the policy in force")?;
        } else {
            output::print(diff.trim_end_matches('\n'))?;
        }
        Ok(if same { Answer::Yes } else { Answer::No })
    }
}
