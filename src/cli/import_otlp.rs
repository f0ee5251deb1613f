//! `auditdb import --format otlp`: spans and events of OpenTelemetry out of files.

use super::Stop;
use super::import::Tally;
use super::progress::Progress;
use crate::database::Database;
use crate::ingest::otlp::{Encoding, Malformed, Mapped, Mapper, Signal};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

/// Imports files, one after the other.
pub(super) fn run(db: &Database, files: &[PathBuf], progress: &Progress) -> Result<Tally, Stop> {
    let (mut mapper, mut tally) = (Mapper::new(), Tally::of("requests"));
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
            take(db, binary(&mut mapper, &body), &name, &mut tally)?;
            continue;
        }
        for (place, line) in (1..).zip(lines(reader)) {
            let line = line.map_err(unread)?;
            if !line.iter().all(u8::is_ascii_whitespace) {
                let at = format!("{name}, line {place}");
                take(db, text(&mut mapper, &line), &at, &mut tally)?;
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
fn text(mapper: &mut Mapper, line: &[u8]) -> Result<Mapped, Malformed> {
    let traces = mapper.records(line, Encoding::Json, Signal::Traces)?;
    if traces == Mapped::default() {
        return mapper.records(line, Encoding::Json, Signal::Logs);
    }
    Ok(traces)
}

/// In protobuf a request does not say whether it holds spans or log records; but what is the one is not the other.
fn binary(mapper: &mut Mapper, body: &[u8]) -> Result<Mapped, Malformed> {
    let traces = mapper.records(body, Encoding::Protobuf, Signal::Traces)?;
    if !traces.records.is_empty() || traces.refused.is_empty() {
        return Ok(traces);
    }
    match mapper.records(body, Encoding::Protobuf, Signal::Logs) {
        Ok(logs) if logs.refused.is_empty() => Ok(logs),
        _ => Ok(traces),
    }
}

/// Appends what a request holds.
fn take(db: &Database, mapped: Result<Mapped, Malformed>, place: &str, tally: &mut Tally) -> Result<(), Stop> {
    let mapped = match mapped {
        Ok(mapped) => mapped,
        Err(malformed) => {
            tally.skip(&format!("{place}: no export request of OTLP: {malformed}"));
            return Ok(());
        }
    };
    for why in &mapped.refused {
        tally.skip(&format!("{place}: {why}"));
    }
    let refused = db.append_what_is_taken(&mapped.records, None)?;
    tally.records += (mapped.records.len() - refused.len()) as u64;
    for refusal in refused {
        tally.skip(&format!("{place}: {refusal}"));
    }
    tally.count += 1;
    Ok(())
}
