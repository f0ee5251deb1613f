//! `auditdb verify`: read and hash everything.

use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::anchor::directory;
use crate::database::{Database, VerifyOptions};
use crate::disk::{Disk, RealDisk};
use crate::log::{Anchors, Report};
use crate::proof::{Hash, NOTE_LIMIT, SignedCheckpoint, VerifierKey};
use clap::Args;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Read and hash every byte and name everything that is not as it was written.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb verify my-db\n  auditdb verify my-db --seq 0..100 --json\n  auditdb checkpoint my-db > newest.checkpoint\n  \
    auditdb verify my-db --against newest.checkpoint --require complete"
)]
pub(super) struct Verify {
    #[command(flatten)]
    at: Where,
    /// Only these records: A..B, A.. or ..B, B excluded.
    #[arg(long, value_name = "A..B", value_parser = super::export::seqs)]
    seq: Option<Range<u64>>,
    /// The log's first key, as `init` printed it and you noted it elsewhere. For a log and its successors once each.
    #[arg(long, value_name = "VKEY", conflicts_with = "seq")]
    key: Vec<VerifierKey>,
    /// The leaf of the log's first record, as `init` printed it and you noted it elsewhere; in the order of the keys.
    #[arg(long, value_name = "HASH", value_parser = leaf, conflicts_with = "seq")]
    genesis: Vec<Hash>,
    /// A checkpoint that the log signed, in a file kept elsewhere, or a directory of them (`auditdb anchor`): no record before it
    /// may be missing or changed. More than once, if there are several.
    #[arg(long, value_name = "CHECKPOINT|DIRECTORY", conflicts_with = "seq")]
    against: Vec<PathBuf>,
    /// Ask the witness at this monitoring URL (C2SP tlog-witness) what it saw last of each log.
    #[cfg(feature = "anchors")]
    #[arg(long, value_name = "URL", conflicts_with = "seq", requires = "witness_key")]
    witness: Option<String>,
    /// The witness's vkey, as you noted it elsewhere.
    #[cfg(feature = "anchors")]
    #[arg(long, value_name = "VKEY", requires = "witness")]
    witness_key: Option<VerifierKey>,
    /// Hold the indexes against the text too, by making each one anew.
    #[cfg(feature = "search")]
    #[arg(long, conflicts_with = "seq")]
    index: bool,
    /// Exit 1 if the answer cannot say this much.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', conflicts_with = "seq")]
    require: Vec<Verdict>,
}

impl Verify {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let progress = Progress::new("verifying", true);
        let tell = |done, total| progress.at(done, total);
        let (mut checkpoints, found) = given(&self.against)?;
        #[cfg(feature = "anchors")]
        checkpoints.extend(self.witnessed(&dir)?);
        let checkpoints = by_log(std::mem::take(&mut checkpoints));
        let identities = self.identities(&dir)?;
        let signed = checkpoints.iter().map(|checkpoints| Anchors {
            checkpoints,
            ..Anchors::default()
        });
        let anchors: Vec<Anchors<'_>> = identities.into_iter().chain(signed).collect();
        let options = VerifyOptions {
            seqs: self.seq.clone(),
            anchors: Anchors {
                found: &found,
                ..Anchors::default()
            },
            #[cfg(feature = "search")]
            index: self.index,
            progress: Some(&tell),
            ..VerifyOptions::default()
        };
        // Seqs are those of one log.
        let newest = || Database::logs(&dir).ok()?.pop();
        let only = self
            .at
            .log()
            .map(str::to_owned)
            .or_else(|| self.seq.as_ref().and_then(|_| newest()));
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let reports = Database::verify_logs_with(&dir, &disk, only.as_deref(), &anchors, &options)?;
        progress.end();
        let sound = reports.iter().all(Report::is_sound);
        let read: u64 = reports.iter().map(|report| report.records).sum();
        if let Some(seqs) = self.seq.as_ref().filter(|_| read == 0 && sound) {
            return Err(Stop::No(super::export::none_there(seqs)));
        }
        output::print(&if self.at.json { object(&reports) } else { page(&reports) })?;
        let missing = self
            .require
            .iter()
            .find(|verdict| !reports.iter().all(|report| verdict.is_met(report)));
        if let Some(verdict) = missing {
            output::say(match verdict {
                Verdict::Authentic => "auditdb: not authentic, as was required: give --key and --genesis of each log",
                Verdict::Complete => "auditdb: not shown to be complete, as was required: give --against for each log",
            });
        }
        Ok(if sound && missing.is_none() {
            Answer::Yes
        } else {
            Answer::No
        })
    }

    /// What the witness saw last of each log.
    #[cfg(feature = "anchors")]
    fn witnessed(&self, dir: &Path) -> Result<Vec<SignedCheckpoint>, Stop> {
        let Some((url, key)) = self.witness.as_ref().zip(self.witness_key.as_ref()) else {
            return Ok(Vec::new());
        };
        let mut seen = Vec::new();
        for name in &self.at.written(dir)? {
            // By what the first records say: more cannot be read of a damaged log.
            let origin = Database::origin_of(dir, name)?;
            let newest = crate::anchor::newest_seen(url.trim_end_matches('/'), key, &origin);
            let newest = newest.map_err(|why| Stop::CouldNot(format!("the witness at {url}: {why}")))?;
            let Some((signed, at)) = newest else {
                output::say(&format!("{} has never seen {origin}", key.name()));
                continue;
            };
            let when = i64::try_from(at)
                .ok()
                .and_then(|at| at.checked_mul(1_000_000_000))
                .map(crate::record::format_time);
            output::say(&format!(
                "{} cosigned {} records of {name} at {}",
                key.name(),
                signed.checkpoint().size(),
                super::figures::short_time(&when.unwrap_or_default())
            ));
            seen.push(signed);
        }
        if seen.is_empty() {
            return Err(Stop::No(format!("the witness at {url} has seen none of these logs")));
        }
        Ok(seen)
    }

    /// Keys and first records as they were given: the first key with the first record, and so on.
    fn identities(&self, dir: &Path) -> Result<Vec<Anchors<'_>>, Stop> {
        let logs = Database::logs(dir)?.len();
        if self.genesis.len() > self.key.len() && logs > 1 && self.at.log().is_none() {
            return Err(Stop::CouldNot(format!(
                "there are {logs} logs: give each --genesis behind the --key of its log, or name the log with --log"
            )));
        }
        let pairs = (0..self.key.len().max(self.genesis.len())).map(|place| Anchors {
            key: self.key.get(place),
            genesis: self.genesis.get(place),
            ..Anchors::default()
        });
        Ok(pairs.collect())
    }
}

/// The reports as one JSON object: what holds for all logs, and each by itself.
fn object(reports: &[Report]) -> String {
    let all = |holds: &dyn Fn(&Report) -> bool| reports.iter().all(holds);
    let sound = all(&Report::is_sound);
    serde_json::json!({
        "sound": sound,
        "authenticated": sound && all(&|report| report.authenticated),
        "integrity": if sound { "sound" } else { "damaged" },
        "completeness": if all(&|report| report.complete_to.is_some()) { "proven" } else { "unproven" },
        "logs": reports.iter().map(Report::to_value).collect::<Vec<_>>(),
    })
    .to_string()
}

fn page(reports: &[Report]) -> String {
    let pages: Vec<String> = reports.iter().map(ToString::to_string).collect();
    pages.join("\n\n")
}

/// What an answer has to be able to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Verdict {
    /// The log is the one whose key and first record were given.
    Authentic,
    /// A checkpoint that was given shows that nothing before it is missing.
    Complete,
}

impl Verdict {
    fn is_met(self, report: &Report) -> bool {
        match self {
            Verdict::Authentic => report.authenticated,
            Verdict::Complete => report.complete_to.is_some(),
        }
    }
}

/// The checkpoints in these files, and those in these directories.
fn given(paths: &[PathBuf]) -> Result<(Vec<SignedCheckpoint>, Vec<SignedCheckpoint>), Stop> {
    let (mut given, mut found) = (Vec::new(), Vec::new());
    for path in paths {
        let stop = |why: &dyn std::fmt::Display| Stop::CouldNot(format!("{}: {why}", path.display()));
        if path.is_dir() {
            let there = directory::read(&RealDisk, path).map_err(|error| stop(&error))?;
            for (path, why) in there.unreadable {
                // Whoever can cut it short can remove it: it is missed only where others show it.
                output::say(&format!("passed over: {}: {why}", path.display()));
            }
            if there.checkpoints.is_empty() {
                return Err(stop(&"there is no checkpoint in it"));
            }
            found.extend(there.checkpoints);
        } else {
            let bytes = super::proof::read(path, NOTE_LIMIT)?;
            given.push(SignedCheckpoint::parse(&bytes).map_err(|fault| stop(&fault))?);
        }
    }
    Ok((given, found))
}

/// Those of each log together.
fn by_log(checkpoints: Vec<SignedCheckpoint>) -> Vec<Vec<SignedCheckpoint>> {
    let mut logs: BTreeMap<String, Vec<SignedCheckpoint>> = BTreeMap::new();
    for signed in checkpoints {
        let origin = signed.checkpoint().origin().to_owned();
        logs.entry(origin).or_default().push(signed);
    }
    logs.into_values().collect()
}

/// A leaf from its hexadecimal digits.
fn leaf(text: &str) -> Result<Hash, String> {
    let wrong = || format!("{text:?} is not what `auditdb init` prints as genesis: 64 hexadecimal digits");
    let digit = |place: usize| {
        text.get(place..place + 2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
    };
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = digit(2 * place).filter(|_| text.len() == 64).ok_or_else(wrong)?;
    }
    Ok(hash)
}
