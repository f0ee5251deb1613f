//! `auditdb anchor`: checkpoints where whoever holds this machine cannot reach them.

use super::figures::{count, short_time};
use super::progress::waiting;
use super::{Answer, Outcome, Stop, Where, output};
use crate::anchor::AnchorAttempt;
use crate::database::Database;
#[cfg(feature = "anchors")]
use crate::disk::{Disk, RealDisk};
use crate::log::AnchorStanding;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Keep signed checkpoints in another directory, with a witness, or stamped by an authority, so that a cut tail, a roll-back and
/// a rewritten history show.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  mkdir my-anchors\n  auditdb anchor add my-db --to dir:my-anchors\n  \
    auditdb anchor list my-db\n  auditdb verify my-db --against my-anchors --require complete"
)]
pub(super) struct Anchor {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Add(Add),
    List(List),
    Now(Now),
    Attach(Attach),
}

impl Anchor {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Add(add) => add.run(),
            Act::List(list) => list.run(),
            Act::Now(now) => now.run(),
            Act::Attach(attach) => attach.run(),
        }
    }
}

/// Name a target in the policy (auditdb.toml, `[[anchor]]`), and anchor there at once. From then on whoever keeps the log open
/// anchors each segment that is closed, and other news after an hour; where nobody does, let `anchor now` run from time to time.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  mkdir my-anchors\n  auditdb anchor add my-db --to dir:my-anchors"
)]
pub(super) struct Add {
    #[command(flatten)]
    at: Where,
    /// Where to: dir:PATH, a directory that is there (best one that only takes new files); witness:URL, a witness that speaks C2SP
    /// tlog-witness; tsa:URL, an authority that speaks RFC 3161.
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// The witness's vkey.
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
    /// The SHA-256 of the certificate with which the authority signs, as `sha256:HEX`. Without it the one with which it signs now
    /// is taken and printed: compare it.
    #[arg(long, value_name = "DIGEST")]
    certificate: Option<String>,
}

impl Add {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let db = self.at.join(&dir)?;
        let to = absolute(&self.to);
        let certificate = match (to.strip_prefix("tsa:"), self.certificate) {
            (Some(url), None) => Some(present_certificate(url)?),
            (_, given) => given,
        };
        let mut done = waiting("anchoring", || {
            db.add_anchor(&to, self.key.as_deref(), certificate.as_deref())
        })?;
        for log in self.at.written(&dir)?.iter().filter(|log| *log != db.identity().name()) {
            let other = self.at.join_log(&dir, log)?;
            done.extend(waiting("anchoring", || other.anchor_at(&to))?);
        }
        show(&done, self.at.json)
    }
}

/// Anchor now at all targets, whether or not anything is due; also beside a running agent.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  mkdir my-anchors\n  auditdb anchor add my-db --to dir:my-anchors\n  auditdb anchor now my-db"
)]
pub(super) struct Now {
    #[command(flatten)]
    at: Where,
}

impl Now {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let mut done = Vec::new();
        for log in self.at.written(&dir)? {
            let db = self.at.join_log(&dir, &log)?;
            done.extend(waiting("anchoring", || db.anchor())?);
        }
        if done.is_empty() {
            return Err(Stop::No(
                "the policy names no anchor: `auditdb anchor add` does".to_owned(),
            ));
        }
        show(&done, self.at.json)
    }
}

/// Show the targets: how far each has the log, as can be proved now, since when, and what failed last.
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 1 if a target has nothing of the log.\n\nExamples:\n  auditdb init my-db\n  mkdir my-anchors\n  \
    auditdb anchor add my-db --to dir:my-anchors\n  auditdb anchor list my-db --json"
)]
pub(super) struct List {
    #[command(flatten)]
    at: Where,
}

impl List {
    fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let mut standings = Vec::new();
        for log in self.at.written(&dir)? {
            standings.extend(Database::open_log(&dir, &log)?.anchors()?);
        }
        if standings.is_empty() && !self.at.json {
            output::say("the policy names no anchor: `auditdb anchor add` does");
        }
        for standing in &standings {
            output::print(&if self.at.json {
                serde_json::to_string(standing).map_err(|error| Stop::CouldNot(error.to_string()))?
            } else {
                line_of(standing)
            })?;
        }
        let all = standings.iter().all(|standing| standing.proven.unwrap_or(0) > 0);
        Ok(if all { Answer::Yes } else { Answer::No })
    }
}

/// Keep a proof that others made of a checkpoint beside it, such as an OpenTimestamps file of `auditdb checkpoint`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb anchor attach my-db newest.checkpoint.ots\n  auditdb anchor attach my-db proof.bin --size 5000"
)]
pub(super) struct Attach {
    #[command(flatten)]
    at: Where,
    /// The proof; its name becomes that of the file beside the checkpoint.
    #[arg(value_name = "FILE")]
    file: Vec<OsString>,
    /// How many records the checkpoint is for that it is about. If it is not said, the one whose SHA-256 stands in the proof.
    #[arg(long, value_name = "RECORDS")]
    size: Option<u64>,
}

impl Attach {
    fn run(self) -> Outcome {
        let (dir, file) = self.at.dir_before(&self.file, 1..=1, "FILE")?;
        let path = file.into_iter().next().map(PathBuf::from).unwrap_or_default();
        let proof = super::proof::read(&path, crate::log::anchored::PROOF_FILE_BYTES)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let done = self.at.join(&dir)?.attach_proof(&name, self.size, &proof)?;
        show(&[done], self.at.json)
    }
}

/// One line for each target, for `status` and `anchor list`.
pub(super) fn line_of(standing: &AnchorStanding) -> String {
    let size = standing.proven.unwrap_or(standing.size);
    let reach = match size {
        0 => "nothing yet".to_owned(),
        size => format!("{} of {} records", count(size), count(standing.records)),
    };
    let age = standing
        .age_seconds
        .map_or_else(String::new, |age| format!(", {} ago", span(age)));
    let failed = standing.error.as_ref().map_or_else(String::new, |error| {
        format!("; failed {} times since: {error}", standing.failures)
    });
    format!("{}  {}: {reach}{age}{failed}", standing.to, standing.log)
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn show(done: &[AnchorAttempt], json: bool) -> Outcome {
    for attempt in done {
        let to = attempt.to.as_deref().unwrap_or("attached");
        let line = match (&attempt.error, &attempt.file) {
            _ if json => serde_json::to_string(attempt).map_err(|error| Stop::CouldNot(error.to_string()))?,
            (Some(error), _) => format!("{to}  {}: failed, and is tried again: {error}", attempt.log),
            (None, file) => {
                let at = attempt
                    .at
                    .as_deref()
                    .map_or_else(String::new, |at| format!(" at {}", short_time(at)));
                format!(
                    "{to}  {}: {} records{at}  {}",
                    attempt.log,
                    count(attempt.size),
                    file.as_deref().unwrap_or_default()
                )
            }
        };
        output::print(&line)?;
    }
    let all = done.iter().all(|attempt| attempt.error.is_none());
    Ok(if all { Answer::Yes } else { Answer::No })
}

/// Whoever anchors later is in another directory.
fn absolute(to: &str) -> String {
    match to.strip_prefix("dir:") {
        Some(path) if !path.is_empty() => {
            let path = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_owned());
            format!("dir:{}", path.display())
        }
        _ => to.to_owned(),
    }
}

#[cfg(feature = "anchors")]
fn present_certificate(url: &str) -> Result<String, Stop> {
    let mut random = [0; 16];
    RealDisk.random(&mut random);
    let found = crate::anchor::present_certificate(url.trim_end_matches('/'), random);
    let found = found.map_err(|why| Stop::CouldNot(format!("tsa:{url}: {why}")))?;
    let digest = format!("sha256:{}", crate::log::hex(&found));
    output::say(&format!(
        "{url} signs with the certificate {digest}, which is pinned now: compare it with what its operator says"
    ));
    Ok(digest)
}

#[cfg(not(feature = "anchors"))]
fn present_certificate(url: &str) -> Result<String, Stop> {
    Err(Stop::CouldNot(format!(
        "tsa:{url}: this program was built without its feature `anchors`"
    )))
}
