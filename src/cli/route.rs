//! `auditdb route`: where records go, and why.

use super::lines::{Line, What, lines};
use super::{Answer, Outcome, Stop, Waiting, Where, output};
use crate::database::{Database, Explained};
use crate::policy::Policy;
use crate::record::printable;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

/// Where the policy leads records.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  echo '{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\"}' | auditdb route explain my-db -"
)]
pub(super) struct Route {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Explain(Explain),
}

impl Route {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Explain(explain) => explain.run(),
        }
    }
}

/// Say to which log the policy file, as it is now, leads a record, and why. Nothing is stored.
#[derive(Debug, Args)]
#[command(
    after_help = "The first route counts of which all conditions hold; the class and region that a record names itself count more than\n\
    any route. A record without a way goes to main, flagged: `auditdb query DIR 'unrouted:*'` finds those.\n\nExamples:\n  auditdb init my-db\n  \
    echo '{\"agent\":{\"id\":\"a\"},\"kind\":\"decision\",\"class\":\"health\"}' | auditdb route explain my-db -\n  auditdb route explain my-db 0"
)]
pub(super) struct Explain {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    waiting: Waiting,
    /// A file of JSON Lines (- for standard input), or the name of a record that is in a log already.
    #[arg(value_name = "FILE|RECORD")]
    what: Vec<OsString>,
}

impl Explain {
    fn run(self) -> Outcome {
        let (dir, what) = self.at.dir_before(&self.what, 1..=1, "FILE|RECORD")?;
        let policy = Database::policy_file(&dir)?;
        let what = what.into_iter().next().unwrap_or_default();
        let from: Box<dyn Read + Send> = if what == "-" {
            Box::new(std::io::stdin())
        } else if let Ok(file) = File::open(&what) {
            Box::new(file)
        } else {
            let db = self.at.read(&dir)?;
            let name = what.to_string_lossy();
            let patience = self.waiting.patience()?;
            for entry in super::record_name::resolve(&db, &name, &patience)? {
                self.say(
                    policy.as_deref(),
                    &format!("{}/{}", entry.log(), entry.seq()),
                    &db.whole(&entry)?,
                )?;
            }
            return Ok(Answer::Yes);
        };
        for (batch, _) in lines(from) {
            for Line { number, what } in batch {
                let text = match what {
                    What::Text(text) if text.iter().all(u8::is_ascii_whitespace) => continue,
                    What::Text(text) => text,
                    What::Overlong(_) | What::More(_) => {
                        return Err(Stop::CouldNot(format!("line {number} is longer than a record may be")));
                    }
                    What::Failed(error) => return Err(Stop::CouldNot(format!("reading line {number}: {error}"))),
                };
                let text = String::from_utf8_lossy(&text);
                if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_err() {
                    return Err(Stop::CouldNot(format!("line {number} is no JSON object")));
                }
                self.say(policy.as_deref(), &format!("line {number}"), &text)?;
            }
        }
        Ok(Answer::Yes)
    }

    fn say(&self, policy: Option<&Policy>, name: &str, record: &str) -> Result<(), Stop> {
        let way = Explained::of(policy, record);
        if self.at.json {
            let mut json = serde_json::to_value(&way).map_err(|error| Stop::CouldNot(error.to_string()))?;
            if let Some(json) = json.as_object_mut() {
                json.insert("record".to_owned(), name.into());
            }
            output::print(&json.to_string())?;
            return Ok(());
        }
        let months = way
            .months
            .map_or_else(String::new, |months| format!(", {months} months"));
        let region = way
            .region
            .map_or_else(String::new, |region| format!(", region {region}"));
        let mut why = match &way.route {
            Some((line, conditions)) => format!("route at line {line}: {}", printable(conditions)),
            None => "no route fits".to_owned(),
        };
        if way.own {
            why += "; its own class or region decides";
        }
        if let Some(flag) = way.unrouted {
            why += &format!("; flagged: {flag}");
        }
        output::print(&format!(
            "{name} -> {} (class {}{months}{region})  {why}",
            way.log, way.class
        ))?;
        Ok(())
    }
}
