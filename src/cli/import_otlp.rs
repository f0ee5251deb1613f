//! `auditdb import --format otlp`: spans and events of OpenTelemetry out of files.

use super::import::Tally;
use super::progress::Progress;
use super::{Stop, output};
use crate::database::Database;
use crate::ingest::otlp::{Encoding, Malformed, Mapped, Mapper, Recorded, Signal};
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
            take(db, &name, &mut tally, |known| binary(&mapper, &body, known))?;
            continue;
        }
        for (place, line) in (1..).zip(lines(reader)) {
            let line = line.map_err(unread)?;
            if !line.iter().all(u8::is_ascii_whitespace) {
                let at = format!("{name}, line {place}");
                take(db, &at, &mut tally, |known| text(&mapper, &line, known))?;
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
fn text(mapper: &Mapper, line: &[u8], known: Recorded<'_>) -> Result<Mapped, Malformed> {
    let traces = mapper.records_beside(line, Encoding::Json, Signal::Traces, known)?;
    if traces == Mapped::default() {
        return mapper.records_beside(line, Encoding::Json, Signal::Logs, known);
    }
    Ok(traces)
}

/// In protobuf a request does not say whether it holds spans or log records; but what is the one is not the other.
fn binary(mapper: &Mapper, body: &[u8], known: Recorded<'_>) -> Result<Mapped, Malformed> {
    let traces = mapper.records_beside(body, Encoding::Protobuf, Signal::Traces, known)?;
    if !traces.records.is_empty() || traces.refused.is_empty() {
        return Ok(traces);
    }
    match mapper.records_beside(body, Encoding::Protobuf, Signal::Logs, known) {
        Ok(logs) if logs.refused.is_empty() => Ok(logs),
        _ => Ok(traces),
    }
}

/// Appends what a request holds.
fn take(
    db: &Database,
    place: &str,
    tally: &mut Tally,
    mapped: impl FnOnce(Recorded<'_>) -> Result<Mapped, Malformed>,
) -> Result<(), Stop> {
    let recorded = db.recorded()?;
    let mapped = match mapped(&|id| recorded.text(id)) {
        Ok(mapped) => mapped,
        Err(malformed) => {
            tally.skip(&format!("{place}: no export request of OTLP: {malformed}"));
            return Ok(());
        }
    };
    for why in &mapped.refused {
        tally.skip(&format!("{place}: {why}"));
    }
    mapped.without_content.iter().for_each(|notice| output::say(notice));
    let refused = db.append_what_is_taken(&recorded.new_among(&mapped.records), None)?;
    tally.records += (mapped.records.len() - refused.len()) as u64;
    for refusal in refused {
        tally.skip(&format!("{place}: {refusal}"));
    }
    tally.count += 1;
    Ok(())
}
