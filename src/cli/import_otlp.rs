//! `auditdb import --format otlp`: spans and events of OpenTelemetry out of files.

use super::import::Tally;
use super::progress::Progress;
use super::{Stop, output};
use crate::database::{Database, Sender, Taken};
use crate::ingest::otlp::{Encoding, Malformed, Mapper, Sent, Signal};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

/// Imports files, one after the other.
pub(super) fn run(db: &Database, files: &[PathBuf], progress: &Progress) -> Result<Tally, Stop> {
    let (mapper, mut tally) = (Mapper::new(), Tally::of("requests"));
    for path in files {
        let name = path.display().to_string();
        let unread = |error: std::io::Error| Stop::CouldNot(format!("reading {name}: {error}"));
        let mut reader = BufReader::new(File::open(path).map_err(unread)?);
        let is_json = reader
            .fill_buf()
            .map_err(unread)?
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            == Some(&b'{');
        if !is_json {
            let mut body = Vec::new();
            reader.read_to_end(&mut body).map_err(unread)?;
            tell(&name, &mut tally, binary(db, &mapper, &body)?);
            continue;
        }
        for (place, line) in (1..).zip(lines(reader)) {
            let line = line.map_err(unread)?;
            if !line.iter().all(u8::is_ascii_whitespace) {
                let at = format!("{name}, line {place}");
                tell(&at, &mut tally, text(db, &mapper, &line)?);
                progress.at(tally.records, 0);
            }
        }
    }
    Ok(tally)
}

/// The lines of a file; one that is not JSON line by line is one line as a whole.
fn lines(mut reader: impl BufRead) -> impl Iterator<Item = std::io::Result<Vec<u8>>> {
    let mut first = true;
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
        let whole = serde_json::from_slice::<&serde_json::value::RawValue>(&line).is_ok();
        if std::mem::take(&mut first)
            && !whole
            && let Err(error) = reader.read_to_end(&mut line)
        {
            return Some(Err(error));
        }
        Some(Ok(line))
    })
}

/// An export request in JSON says itself what it holds.
fn text(db: &Database, mapper: &Mapper, line: &[u8]) -> Result<Attempt, Stop> {
    let traces = attempt(db, mapper, line, Encoding::Json, Signal::Traces)?;
    match &traces {
        Ok(taken) if taken.is_nothing() && taken.unread.is_empty() => {
            attempt(db, mapper, line, Encoding::Json, Signal::Logs)
        }
        _ => Ok(traces),
    }
}

/// In protobuf a request does not say whether it holds spans or log records; but what is the one is not the other.
fn binary(db: &Database, mapper: &Mapper, body: &[u8]) -> Result<Attempt, Stop> {
    let traces = attempt(db, mapper, body, Encoding::Protobuf, Signal::Traces)?;
    match &traces {
        Ok(taken) if taken.is_nothing() && !taken.unread.is_empty() => {}
        _ => return Ok(traces),
    }
    let logs = attempt(db, mapper, body, Encoding::Protobuf, Signal::Logs)?;
    match &logs {
        Ok(taken) if taken.unread.is_empty() || !taken.is_nothing() => Ok(logs),
        _ => Ok(traces),
    }
}

type Attempt = Result<Taken, Malformed>;

fn attempt(db: &Database, mapper: &Mapper, body: &[u8], encoding: Encoding, signal: Signal) -> Result<Attempt, Stop> {
    let sender = Sender {
        objection: &|_| None,
        pass: None,
    };
    Ok(db.take_in(mapper, &Sent { body, encoding, signal }, &sender)?)
}

/// Says what became of a request.
fn tell(place: &str, tally: &mut Tally, attempt: Attempt) {
    let taken = match attempt {
        Ok(taken) => taken,
        Err(malformed) => {
            tally.skip(&format!("{place}: no export request of OTLP: {malformed}"));
            return;
        }
    };
    for why in taken.unread.iter().chain(&taken.refused) {
        tally.skip(&format!("{place}: {why}"));
    }
    taken.without_content.iter().for_each(|notice| output::say(notice));
    tally.records += taken.records as u64;
    tally.count += 1;
}
