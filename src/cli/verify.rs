//! `auditdb verify`: read and hash everything.

use super::progress::Progress;
use super::{Answer, Outcome, Stop, Where, output};
use crate::database::{Database, VerifyOptions};
use crate::log::Anchors;
use crate::proof::{Hash, NOTE_LIMIT, SignedCheckpoint, VerifierKey};
use clap::Args;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
    /// The log's first key, as `init` printed it and you noted it elsewhere.
    #[arg(long, value_name = "VKEY")]
    key: Option<VerifierKey>,
    /// The leaf of the log's first record, as `init` printed it and you noted it elsewhere.
    #[arg(long, value_name = "HASH", value_parser = leaf)]
    genesis: Option<Hash>,
    /// A checkpoint that the log signed, in a file kept elsewhere: no record before it may be missing or changed.
    #[arg(long, value_name = "CHECKPOINT")]
    against: Option<PathBuf>,
    /// Hold the indexes against the text too, by making each one anew.
    #[cfg(feature = "search")]
    #[arg(long, conflicts_with = "seq")]
    index: bool,
    /// Exit 1 if the answer cannot say this much.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    require: Vec<Verdict>,
}

impl Verify {
    pub(super) fn run(self) -> Outcome {
        let progress = Progress::new("verifying", true);
        let tell = |done, total| progress.at(done, total);
        let checkpoint = match &self.against {
            Some(path) => Some(given_checkpoint(path)?),
            None => None,
        };
        let options = VerifyOptions {
            seqs: self.seq.clone(),
            anchors: Anchors {
                key: self.key.as_ref(),
                genesis: self.genesis.as_ref(),
                checkpoint: checkpoint.as_ref(),
            },
            threads: None,
            #[cfg(feature = "search")]
            index: self.index,
            progress: Some(&tell),
        };
        let report = Database::verify_at(self.at.dir()?, &options)?;
        progress.end();
        if let Some(seqs) = self.seq.filter(|_| report.records == 0 && report.is_sound()) {
            return Err(Stop::No(super::export::none_there(&seqs)));
        }
        output::print(&if self.at.json {
            report.to_json()
        } else {
            report.to_string()
        })?;
        let missing = self.require.iter().find(|verdict| match verdict {
            Verdict::Authentic => !report.authenticated,
            Verdict::Complete => report.complete_to.is_none(),
        });
        if let Some(verdict) = missing {
            output::say(match verdict {
                Verdict::Authentic => "auditdb: not authentic, as was required: give --key and --genesis",
                Verdict::Complete => "auditdb: not shown to be complete, as was required: give --against",
            });
        }
        Ok(if report.is_sound() && missing.is_none() {
            Answer::Yes
        } else {
            Answer::No
        })
    }
}

/// What an answer has to be able to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Verdict {
    /// The log is the one whose key and first record were given.
    Authentic,
    /// A checkpoint that was given shows that nothing before it is missing.
    Complete,
}

fn given_checkpoint(path: &Path) -> Result<SignedCheckpoint, Stop> {
    let bytes = super::proof::read(path, NOTE_LIMIT)?;
    SignedCheckpoint::parse(&bytes).map_err(|fault| Stop::CouldNot(format!("{}: {fault}", path.display())))
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
