//! `auditdb proof`: what can be checked of a log without the log.

use super::{Answer, Outcome, Stop, output};
use crate::proof::{KeyType, PROOF_FILE_LIMIT, ProofFault, ProofFile, Signed, VerifierKey};
use crate::record::format_time;
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Proofs that a record is in a log, for whoever does not have the log.
#[derive(Debug, Args)]
pub(super) struct Proof {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Make(super::prove::Make),
    Check(Check),
    Consistency(super::prove::Consistency),
    Tiles(super::prove::Tiles),
}

impl Proof {
    pub(super) fn run(self) -> Outcome {
        match self.act {
            Act::Make(make) => make.run(),
            Act::Check(check) => check.run(),
            Act::Consistency(consistency) => consistency.run(),
            Act::Tiles(tiles) => tiles.run(),
        }
    }
}

/// Check that a record is in a log, from a proof file (c2sp.org/tlog-proof@v1) alone: no database, no network.
#[derive(Debug, Args)]
#[command(
    after_help = "A VKEY is one line, name+id+key, which you have to have from somebody else than whoever gave you the proof.\n\
    A given key of the log has to have signed, and every given key of a witness has to have cosigned.\n\n\
    Exit codes: 0 valid; 1 not valid; 2 it could not be checked.\n\n\
    Examples:\n  auditdb proof check 42.tlog-proof 42.json --key 'log.example/main+530d903a+AekyeRrm…'\n  \
    auditdb show my-db 42 --json | auditdb proof check 42.tlog-proof - --key \"$(cat log.vkey)\" --key \"$(cat witness.vkey)\" --json"
)]
pub(super) struct Check {
    /// The proof.
    proof: PathBuf,
    /// The record's text, byte for byte as `export` and `show --json` print it, with or without the newline at its end;
    /// - for standard input.
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// A key to trust, of the log or of a witness; repeat it for several.
    #[arg(long = "key", value_name = "VKEY", required = true)]
    keys: Vec<VerifierKey>,
    /// Answer in JSON, for machines.
    #[arg(long)]
    json: bool,
}

/// No record's line is longer; one byte more tells that this is another file.
const RECORD_FILE_LIMIT: usize = 1 << 20;

impl Check {
    fn run(self) -> Outcome {
        let proof = read(&self.proof, PROOF_FILE_LIMIT)?;
        let file = read(&self.record, RECORD_FILE_LIMIT)?;
        let record = file.strip_suffix(b"\n").unwrap_or(&file);
        let checked = ProofFile::parse(&proof).and_then(|proof| {
            let signed = proof.verify(record, &self.keys)?;
            Ok((self.told(&proof, &signed), self.without_witness(&signed)))
        });
        match checked {
            Ok((told, None)) => {
                output::print(&told)?;
                Ok(Answer::Yes)
            }
            Ok((_, Some(witness))) => self.not_valid(&format!(
                "{} has not cosigned the checkpoint; ask it to, or leave its key out if the log's word is enough",
                witness.name()
            )),
            Err(fault @ ProofFault::NotIncluded { .. }) if record.contains(&b'\n') => self.not_valid(&format!(
                "{fault}. The record's file has several lines, and a record is one of them"
            )),
            Err(fault) => self.not_valid(&fault.to_string()),
        }
    }

    fn not_valid(&self, why: &str) -> Outcome {
        output::print(&if self.json {
            serde_json::json!({ "valid": false, "reason": why }).to_string()
        } else {
            format!("NOT VALID: {why}")
        })?;
        Ok(Answer::No)
    }

    /// A witness whose key was given and who has not signed.
    fn without_witness(&self, signed: &[Signed<'_>]) -> Option<&VerifierKey> {
        let has_signed = |key: &VerifierKey| signed.iter().any(|signed| signed.key == key);
        let mut witnesses = self.keys.iter().filter(|key| key.key_type() == KeyType::Cosignature);
        witnesses.find(|key| !has_signed(key))
    }

    fn told(&self, proof: &ProofFile, signed: &[Signed<'_>]) -> String {
        let checkpoint = proof.checkpoint().checkpoint();
        let (origin, index, size) = (checkpoint.origin(), proof.index(), checkpoint.size());
        let root = crate::log::hex(checkpoint.root());
        if self.json {
            let signatures: Vec<_> = signed
                .iter()
                .map(|signed| {
                    serde_json::json!({
                        "name": signed.key.name(),
                        "key_id": format!("{:08x}", signed.key.id()),
                        "cosignature": signed.key.key_type() == KeyType::Cosignature,
                        "time": signed.time.map(time),
                    })
                })
                .collect();
            return serde_json::json!({
                "valid": true, "origin": origin, "seq": index, "size": size, "root": root, "signatures": signatures,
            })
            .to_string();
        }
        let mut told = format!(
            "valid: this is record {index} of {}, in its tree of {size} records\nroot {root}",
            crate::record::printable(origin)
        );
        for Signed { key, time: at, .. } in signed {
            let who = format!("{} (key {:08x})", crate::record::printable(key.name()), key.id());
            told += &match at {
                Some(at) => format!("\ncosigned by {who} at {}", time(*at)),
                None => format!("\nsigned by {who}"),
            };
        }
        told
    }
}

/// Seconds since 1970 as the log writes times, if it can.
fn time(seconds: u64) -> String {
    let nanoseconds = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000_000_000));
    nanoseconds.map_or_else(|| format!("{seconds} seconds after 1970"), format_time)
}

/// A file's bytes, or standard input's.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Stop> {
    let could_not = |error: io::Error| Stop::CouldNot(format!("reading {}: {error}", path.display()));
    let from: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(could_not)?)
    };
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(could_not)?;
    if bytes.len() > limit {
        return Err(Stop::CouldNot(format!(
            "{} has more than {limit} bytes, and is another file than this",
            path.display()
        )));
    }
    Ok(bytes)
}
