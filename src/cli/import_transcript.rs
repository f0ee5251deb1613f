//! `auditdb import --format claude-code|codex`: transcripts of coding agents, once or while they grow.

mod source;

use super::figures::count;
use super::import::Tally;
use super::progress::Progress;
use super::{Stop, output, waiting};
use crate::database::Database;
use crate::ingest::transcript::{LINE_LIMIT, Pause, Transcript, TranscriptOptions, Waiting};
use source::Source;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long files are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Up to where they end now.
    Now,
    /// The same, and nothing will come behind that.
    Ended,
    /// Until the command is interrupted.
    Interrupted,
}

/// How often files that grow are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is looked whether to stop.
const STOP: Duration = Duration::from_millis(50);

/// A file that nobody wrote to for so long has no line half written, nor half an answer.
const REST: Duration = Duration::from_secs(60);

/// So many bytes of records are appended together.
const BATCH: usize = 4 << 20;

/// Imports files, and every `*.jsonl` below directories.
pub(super) fn run(
    db: &Database,
    places: &[PathBuf],
    options: &TranscriptOptions,
    until: Until,
    progress: &Progress,
) -> Result<Tally, Stop> {
    let mut import = Import {
        db,
        options,
        progress,
        tally: Tally::of("transcripts"),
    };
    let stop = match until {
        Until::Interrupted => waiting::ended()?,
        _ => Arc::default(),
    };
    for place in places {
        std::fs::metadata(place).map_err(|error| Stop::CouldNot(format!("opening {}: {error}", place.display())))?;
    }
    let (mut sources, mut known) = (Vec::new(), BTreeSet::new());
    loop {
        let mut found = BTreeSet::new();
        for place in places {
            import.files(place, &mut found, known.is_empty());
        }
        for path in found {
            if known.insert(path.clone()) {
                sources.push(Source::new(path, options));
            }
        }
        for source in &mut sources {
            import.look(source, until)?;
            if until != Until::Interrupted {
                import.left_open(&source.name, &source.transcript);
                // What it told is not needed any more.
                source.transcript = Transcript::new(options, "");
            } else if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        if until != Until::Interrupted {
            return Ok(import.tally);
        }
        if until_next_look(&stop) {
            for source in &sources {
                import.left_open(&source.name, &source.transcript);
            }
            return Ok(import.tally);
        }
    }
}

/// Waits, and says whether to stop.
fn until_next_look(stop: &AtomicBool) -> bool {
    let mut waited = Duration::ZERO;
    while waited < LOOK && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(STOP);
        waited += STOP;
    }
    stop.load(Ordering::Relaxed)
}

/// The work on all files.
struct Import<'a> {
    db: &'a Database,
    options: &'a TranscriptOptions,
    progress: &'a Progress,
    tally: Tally,
}

/// Records that are appended together, and where their lines end.
#[derive(Default)]
struct Batch {
    records: Vec<String>,
    bytes: usize,
}

impl Import<'_> {
    /// The place itself, or every transcript below it; links there are not followed.
    fn files(&mut self, place: &Path, found: &mut BTreeSet<PathBuf>, says_why: bool) {
        if !place.is_dir() {
            found.insert(place.to_owned());
            return;
        }
        let mut directories = vec![place.to_owned()];
        while let Some(directory) = directories.pop() {
            let entries = std::fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    if says_why {
                        self.tally.skip(&format!("{}: {error}", directory.display()));
                    }
                    continue;
                }
            };
            for entry in entries {
                let (path, kind) = (entry.path(), entry.file_type());
                match kind {
                    Ok(kind) if kind.is_dir() => directories.push(path),
                    Ok(kind) if kind.is_file() && path.extension().is_some_and(|it| it == "jsonl") => {
                        found.insert(path);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads what is new in a file. One that cannot be read is named, and read when it can be.
    fn look(&mut self, source: &mut Source, until: Until) -> Result<(), Stop> {
        let looked = source.opened(self.options, until);
        if let Some(mut before) = source.before.take() {
            let records = before.pause(Pause::Resting);
            self.append(source, records)?;
            self.left_open(&source.name, &before);
        }
        let is_resting = source.rest().is_some_and(|rest| rest >= REST);
        match looked {
            Ok(Some(file)) => {
                self.read(source, file, until)?;
                if until == Until::Interrupted && !is_resting {
                    // The rest of an answer may be on its way.
                    return Ok(());
                }
            }
            Ok(None) => {}
            // It was taken away again.
            Err(error) if error.kind() == io::ErrorKind::NotFound && until == Until::Interrupted => return Ok(()),
            Err(error) => {
                if !std::mem::replace(&mut source.is_unread, true) {
                    self.tally.skip(&format!("{}: {error}", source.name));
                }
                return Ok(());
            }
        }
        let pause = match until {
            Until::Ended => Pause::Ended,
            _ if is_resting => Pause::Resting,
            _ => Pause::Growing,
        };
        let records = source.transcript.pause(pause);
        self.append(source, records)
    }

    fn read(&mut self, source: &mut Source, file: File, until: Until) -> Result<(), Stop> {
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut batch = Batch::default();
        loop {
            let mut line = Vec::new();
            let limit = LINE_LIMIT as u64 + 1;
            let read = match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(read) => read as u64,
                Err(error) => {
                    self.tally.skip(&format!("{}: {error}", source.name));
                    break;
                }
            };
            source.remember(&line);
            let ends = line.last() == Some(&b'\n');
            if source.is_passing {
                source.is_passing = !ends;
            } else if !ends && read == limit {
                self.tally.skip(&format!(
                    "{}, line {}: longer than {LINE_LIMIT} bytes",
                    source.name,
                    source.number + 1
                ));
                source.is_passing = true;
            } else if !ends && !is_whole(&line) {
                // Somebody is still writing it, or was cut off.
                source.forget();
                if until != Until::Interrupted {
                    let place = source.number + 1;
                    self.tally
                        .skip(&format!("{}, line {place}: it has no end", source.name));
                }
                break;
            } else {
                batch.take(self, source, &line);
                if batch.bytes >= BATCH {
                    self.append(source, std::mem::take(&mut batch).records)?;
                }
            }
            source.offset += read;
            source.number += u64::from(ends);
        }
        self.append(source, batch.records)
    }

    fn append(&mut self, source: &Source, records: Vec<String>) -> Result<(), Stop> {
        if records.is_empty() {
            return Ok(());
        }
        let texts: Vec<&[u8]> = records.iter().map(String::as_bytes).collect();
        let refused = self.db.submit_each(&texts, None)?.wait()?;
        self.tally.records += (records.len() - refused.len()) as u64;
        for refusal in refused {
            let place = source.number;
            self.tally
                .skip(&format!("{}, up to line {place}: {refusal}", source.name));
        }
        self.progress.at(self.tally.records, 0);
        Ok(())
    }

    /// Says what is not recorded yet.
    fn left_open(&mut self, name: &str, transcript: &Transcript) {
        let Waiting { calls, messages, .. } = transcript.waiting();
        self.tally.waits(calls + messages);
        if calls + messages > 0 {
            output::say(&format!(
                "waiting: {name}: {} without a result, {} that may go on; import it again when it went on, or with --ended if it never will",
                several(calls, "tool call"),
                several(messages, "answer"),
            ));
        }
    }
}

impl Batch {
    fn take(&mut self, import: &mut Import<'_>, source: &mut Source, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match source.transcript.line(line) {
            Ok(records) => {
                if !std::mem::replace(&mut source.is_counted, true) {
                    import.tally.count += 1;
                }
                self.bytes += records.iter().map(String::len).sum::<usize>();
                self.records.extend(records);
            }
            Err(why) => {
                let place = source.number + 1;
                import.tally.skip(&format!("{}, line {place}: {why}", source.name));
            }
        }
    }
}

/// Whether a line without its newline is all there.
fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(line).is_ok()
}

fn several(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}
