//! `auditdb proof make`, `consistency` and `tiles`: proofs made from a log. Checking one needs no log (`proof`).

use super::{Answer, Outcome, Stop, Where, output, record_name};
use crate::database::Database;
use crate::disk::{Disk, RealDisk};
use crate::proof::{TileOf, base64_text, tiles_of};
use crate::query::Patience;
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Print a proof (c2sp.org/tlog-proof@v1) that a record is in the log. For a record that is newer than the newest checkpoint
/// a new one is signed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  auditdb init my-db\n  auditdb proof make my-db 0 > 0.tlog-proof\n  auditdb export my-db --seq 0 > 0.json\n  \
    auditdb proof check 0.tlog-proof 0.json --key \"$(auditdb key show my-db | sed -n 's/^key *//p')\""
)]
pub(super) struct Make {
    #[command(flatten)]
    at: Where,
    /// The record: a seq, LOG/SEQ, an id or the beginning of one, @last; it is looked for in all logs.
    #[arg(value_name = "RECORD")]
    rest: Vec<OsString>,
}

impl Make {
    pub(super) fn run(self) -> Outcome {
        let (dir, name) = self.at.dir_and_record(&self.rest)?;
        // Reading is enough as long as a checkpoint reaches the record.
        let reader = self.at.read(&dir)?;
        let (log, seq) = place_of(&reader, &name)?;
        // It may be in another log than the newest.
        let reader = if log == reader.identity().name() {
            reader
        } else {
            Database::open_log(&dir, &log)?
        };
        let covered = reader
            .newest_checkpoint()?
            .is_some_and(|stored| stored.checkpoint().size() > seq);
        let proof = if covered {
            reader.prove(seq)?
        } else {
            self.at.join_log(&dir, &log)?.prove(seq)?
        };
        output::print(proof.to_string().trim_end_matches('\n'))?;
        Ok(Answer::Yes)
    }
}

/// The log and the seq of the one record that is named. Of one that was dropped the seq is all that is left to name it by.
fn place_of(db: &Database, name: &str) -> Result<(String, u64), Stop> {
    let earliest = db.earliest()?;
    if let Some(seq) = name.parse().ok().filter(|seq| *seq < earliest) {
        return Ok((db.identity().name().to_owned(), seq));
    }
    let found = record_name::resolve(db, name, &Patience::new())?;
    match found.as_slice() {
        [entry] => Ok((entry.log().to_owned(), entry.seq())),
        _ => Err(Stop::No(format!(
            "{name} means {} records; name one by its seq or id",
            found.len()
        ))),
    }
}

/// Print a proof (RFC 9162) that the log of NEW records begins with the log of OLD records: hashes in base64, a line each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb proof consistency my-db 1 3")]
pub(super) struct Consistency {
    #[command(flatten)]
    at: Where,
    /// The two sizes, the smaller first.
    #[arg(value_name = "OLD NEW")]
    rest: Vec<OsString>,
}

impl Consistency {
    pub(super) fn run(self) -> Outcome {
        let (dir, rest) = self.at.dir_before(&self.rest, 2..=2, "OLD and NEW")?;
        let size = |text: &OsString| {
            let text = text.to_string_lossy();
            text.parse::<u64>().map_err(|_| {
                Stop::CouldNot(format!(
                    "{text:?} is no size; write two numbers of records, as in 100 200"
                ))
            })
        };
        let sizes = rest.iter().map(size).collect::<Result<Vec<_>, _>>()?;
        let [old, new] = sizes.as_slice() else {
            return Err(Stop::CouldNot("give two sizes, the smaller first".to_owned()));
        };
        let hashes = self.at.read(&dir)?.prove_consistency(*old, *new)?;
        let lines: Vec<String> = hashes.iter().map(|hash| base64_text(hash)).collect();
        if self.at.json {
            output::print(&serde_json::json!({ "old": old, "new": new, "hashes": lines }).to_string())?;
        } else {
            // None where nothing has to be shown: the same size, or an empty log.
            lines.iter().try_for_each(|line| output::print(line))?;
        }
        Ok(Answer::Yes)
    }
}

/// Write the tiles of the log as files (C2SP tlog-tiles): hashes, bundles of records, and the checkpoint, for tools that read
/// logs in this form; and `auditdb/minimum-index`, if records were dropped: bundles before that are not there any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb init my-db\n  auditdb proof tiles my-db --out my-tiles")]
pub(super) struct Tiles {
    #[command(flatten)]
    at: Where,
    /// The directory to write to; it must not be there yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Tiles {
    pub(super) fn run(self) -> Outcome {
        let dir = self.at.dir()?;
        let could_not = |error: std::io::Error| Stop::CouldNot(format!("writing {}: {error}", self.out.display()));
        if RealDisk.stat(&self.out).map_err(could_not)?.is_some() {
            return Err(Stop::CouldNot(format!(
                "{} is already there and was left alone",
                self.out.display()
            )));
        }
        let db = self.at.join(&dir)?;
        let signed = db.checkpoint()?;
        let size = signed.checkpoint().size();
        let (mut files, earliest, minimum) = (0, db.earliest()?, db.minimum_index()?);
        for tile in tiles_of(size) {
            // Bundles with records that were dropped are gone, as the minimum index says.
            if tile.of() == TileOf::Entries && tile.range().start < earliest {
                continue;
            }
            write(&self.out.join(tile.to_string()), &db.tile(&tile)?)?;
            files += 1;
        }
        if minimum > 0 {
            write(
                &self.out.join("auditdb/minimum-index"),
                format!("{minimum}\n").as_bytes(),
            )?;
        }
        // Last: who finds it finds everything that it stands for.
        write(&self.out.join("checkpoint"), signed.to_string().as_bytes())?;
        let out = self.out.display().to_string();
        output::print(&if self.at.json {
            serde_json::json!({ "out": out, "size": size, "tiles": files, "minimum_index": minimum }).to_string()
        } else {
            format!("wrote {files} tiles of {size} records to {out}")
        })?;
        Ok(Answer::Yes)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let could_not = |error: std::io::Error| Stop::CouldNot(format!("writing {}: {error}", path.display()));
    if let Some(parent) = path.parent() {
        RealDisk.create_dir(parent).map_err(could_not)?;
    }
    let file = RealDisk.open(path, crate::disk::Open::Create).map_err(could_not)?;
    file.write_at(bytes, 0).map_err(could_not)
}
