//! `auditdb status`: how large a database is and how far.

use super::figures::{bytes, count, ratio, short_time};
use super::unmapped::Unmapped;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::Database;
use crate::log::CopyKind;
use crate::query::{Patience, Query};
use clap::Args;
use std::time::{Duration, Instant};

/// So long is counted what has no mapping, over all logs: where there is no index yet, every record is looked at.
const COUNTING: Duration = Duration::from_secs(2);

/// Show how many records there are, what they take on disk, and the hashes over them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb status my-db\n  auditdb status my-db --json")]
pub(super) struct Status {
    #[command(flatten)]
    at: Where,
}

impl Status {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let logs = self.at.shown(&dir)?;
        let patience = Patience::new().deadline(Instant::now() + COUNTING);
        let of = |log: &String| {
            let db = Database::open_log(&dir, log)?;
            let asked = |expr: &str| Query::parse(expr).map_err(|fault| Stop::CouldNot(fault.to_string()));
            let question = |expr: &str| Ok(asked(expr)?.within(&patience));
            Ok((db.status()?, Unmapped::of(&db, question)?))
        };
        let all = logs.iter().map(of).collect::<Result<Vec<_>, Stop>>()?;
        if self.at.json {
            let object = |(status, unmapped): &(crate::log::Status, Unmapped)| {
                let mut json = serde_json::to_value(status)?;
                if let Some(members) = json.as_object_mut() {
                    members.insert("mapping".to_owned(), unmapped.json());
                }
                Ok(json)
            };
            let objects: serde_json::Result<Vec<_>> = all.iter().map(object).collect();
            let mut objects = objects.map_err(|error| Stop::CouldNot(error.to_string()))?;
            let json = match objects.len() {
                1 => objects.swap_remove(0),
                _ => serde_json::json!({ "logs": objects }),
            };
            output::print(&json.to_string())?;
            return Ok(Answer::Yes);
        }
        for (place, (status, unmapped)) in all.iter().enumerate() {
            if place > 0 {
                output::print("")?;
            }
            show(status, unmapped)?;
        }
        Ok(Answer::Yes)
    }
}

/// One log's figures.
fn show(status: &crate::log::Status, unmapped: &Unmapped) -> Result<(), Stop> {
    let time = |time: &Option<String>| time.as_deref().map_or_else(|| "-".to_owned(), short_time);
    let sealed = if status.sealed_bytes > 0 {
        format!(
            "{} of text in {} on disk, {:.2} to 1",
            bytes(status.sealed_text_bytes),
            bytes(status.sealed_bytes),
            ratio(status.sealed_text_bytes, status.sealed_bytes)
        )
    } else {
        "nothing yet".to_owned()
    };
    let next = status.next_expiry.as_deref().map_or_else(
        || "nothing is sealed yet".to_owned(),
        |time| format!("the oldest segment until {}", short_time(time)),
    );
    let kept = format!(
        "from seq {} on; class {}, {} months; {next}",
        status.earliest, status.class, status.keep_months
    );
    let backup = status.backup.as_ref().map_or_else(
        || "none that the log knows of".to_owned(),
        |backup| {
            let at = short_time(&backup.at);
            format!(
                "{} sealed records are backed up to {}, by {at}",
                count(backup.sealed),
                backup.to
            )
        },
    );
    let month = status.text_bytes_a_month.map_or_else(
        || "not known before an hour has passed".to_owned(),
        |month| format!("{} of text at today's rate", bytes(month)),
    );
    output::print(&format!(
        "log       {} {}\nrecords   {}\nsegments  {} sealed, {} journals\ntext      {}\non disk   {}\nsealed    {sealed}\n\
             oldest    {}\nnewest    {}\na month   {month}\nkept      {kept}\nbackup    {backup}\nroot      {}\nchain     {}",
        status.log,
        status.log_id,
        count(status.records),
        count(status.segments),
        status.journals,
        bytes(status.text_bytes),
        bytes(status.disk_bytes),
        time(&status.oldest),
        time(&status.newest),
        status.root,
        status.chain
    ))?;
    if let Some(said) = unmapped.in_words() {
        output::print(&format!("mapping   {said}"))?;
    }
    if let Some(kind) = status.copy {
        let what = match kind {
            CopyKind::Backup => "a backup",
            CopyKind::Restoring => "NOT RESTORED TO ITS END, and records may be missing: run `auditdb restore` again",
            CopyKind::Restored => "restored from a backup, and only read",
        };
        output::print(&format!("copy      {what}"))?;
    }
    for hold in &status.holds {
        output::print(&format!("held      {}", super::hold::line(hold, false)))?;
    }
    if !status.oldest_held.is_empty() {
        output::print(&format!(
            "          the oldest segment would be dropped but for {}",
            status.oldest_held.join(", ")
        ))?;
    }
    if let Some(by) = status.delete_by.as_deref() {
        let way = match status.in_the_way.is_empty() {
            true => String::new(),
            false => format!("; OVERDUE, and in the way: {}", status.in_the_way.join("; ")),
        };
        output::print(&format!("delete by {}{way}", short_time(by)))?;
    }
    for standing in &status.anchors {
        output::print(&format!("anchor    {}", super::anchor::line_of(standing)))?;
    }
    if status.damaged_segments > 0 {
        output::say(&format!(
            "damaged segments: {}, whose text is not counted; `auditdb verify` says what is wrong",
            status.damaged_segments
        ));
    }
    Ok(())
}
