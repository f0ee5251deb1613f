//! A log with three sealed segments to be damaged, and what has to hold after it was recovered.

use super::{DIR, Known, LOG, numbered, plain, read_all};
use auditdb::disk::{Disk, SimDisk};
use auditdb::proof::{CHAIN_START, chain_next, leaf_hash};
use auditdb::{Database, Entry, Error, Recovery, Report, VerifyOptions};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Three segments and a journal, and what they hold.
pub(crate) struct Sample {
    pub(crate) disk: SimDisk,
    /// Where the segments and the journal begin.
    pub(crate) firsts: [u64; 4],
    pub(crate) lines: BTreeMap<u64, String>,
}

pub(crate) fn sample() -> Sample {
    let disk = SimDisk::new(17);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    let mut firsts = [0; 4];
    for first in firsts.iter_mut().skip(1) {
        known.append_many(&db, 4).unwrap();
        known.append_many(&db, 3).unwrap();
        db.seal().unwrap();
        *first = db.len().unwrap();
    }
    known.append_many(&db, 2).unwrap();
    known.append(&db).unwrap();
    let lines = lines(&db);
    drop(db);
    let disk = disk.restart();
    assert!(verify(&disk).is_sound());
    Sample { disk, firsts, lines }
}

impl Sample {
    pub(crate) fn segment(&self, place: usize) -> PathBuf {
        PathBuf::from(format!("{LOG}/segments/{:020}.jsonl.zst", self.firsts[place]))
    }

    pub(crate) fn journal(&self) -> PathBuf {
        PathBuf::from(format!("{LOG}/journal/{:020}.journal", self.firsts[3]))
    }

    pub(crate) fn bytes(&self, place: usize) -> Vec<u8> {
        self.disk.contents(self.segment(place)).unwrap()
    }

    /// Where a segment's data frames begin, and where the last ends.
    pub(crate) fn frames(&self, place: usize) -> Vec<usize> {
        let bytes = self.bytes(place);
        let mut starts = vec![0];
        while bytes[starts[starts.len() - 1]..].starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            let at = starts[starts.len() - 1];
            starts.push(at + zstd::zstd_safe::find_frame_compressed_size(&bytes[at..]).unwrap());
        }
        assert!(starts.len() > 3, "{starts:?}");
        starts
    }

    pub(crate) fn directory(&self, place: usize) -> usize {
        *self.frames(place).last().unwrap()
    }

    /// Damages what the directory is found by.
    pub(crate) fn break_directory(&self, place: usize) {
        self.flip(place, self.bytes(place).len() - 3);
    }

    pub(crate) fn flip(&self, place: usize, offset: usize) {
        self.disk
            .corrupt(self.segment(place), offset as u64, self.bytes(place)[offset] ^ 0x41);
    }
}

pub(crate) fn lines(db: &Database) -> BTreeMap<u64, String> {
    let text = |(seq, (entry, _)): (u64, (Entry, _))| (seq, entry.text().to_owned());
    read_all(db).into_iter().map(text).collect()
}

pub(crate) fn verify(disk: &SimDisk) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_at_with(DIR, &disk, &options).unwrap()
}

pub(crate) fn recover(disk: &SimDisk) -> Result<Recovery, Error> {
    Database::recover_with(DIR, Arc::new(disk.clone()), &plain())
}

pub(crate) fn open(disk: &SimDisk) -> Database {
    Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap()
}

/// The seqs that verify says cannot be read, from segments.
pub(crate) fn unreadable(report: &Report) -> Vec<u64> {
    let lost = report
        .faults
        .iter()
        .filter(|fault| fault.what.to_string().contains("compressed frame is damaged"));
    lost.filter_map(|fault| fault.seqs)
        .flat_map(|(first, last)| first..=last)
        .collect()
}

/// All records are there byte for byte, and the log takes more.
pub(crate) fn check_mended(sample: &Sample, context: &str) {
    let report = verify(&sample.disk);
    assert!(report.is_sound(), "{context}: {report}");
    let db = open(&sample.disk);
    let receipt = db.append_json(&numbered(1_000)).unwrap();
    let found = lines(&db);
    assert!(
        sample.lines.iter().all(|(seq, line)| found.get(seq) == Some(line)),
        "{context}"
    );
    let mut chain = CHAIN_START;
    for line in found.values() {
        chain = chain_next(&chain, &leaf_hash(line.as_bytes()));
    }
    assert_eq!(chain, receipt.chain, "{context}");
    db.seal().unwrap();
    drop(db);
    assert!(verify(&sample.disk).is_sound(), "{context}");
}

/// The log takes records and answers, seals and opens again; the records in `lost` are named, all others can be read.
pub(crate) fn check_goes_on(sample: &Sample, lost: &[u64], context: &str) {
    let faults = |report: Report| report.faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let before = faults(verify(&sample.disk));
    assert!(!before.is_empty(), "{context}: a loss looks sound");
    for round in 0..2 {
        let db = open(&sample.disk);
        let counted = format!(
            "{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",\"id\":\"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f607{round}\",\
             \"source\":{{\"id\":\"s\",\"boot\":\"b\",\"number\":{}}}}}",
            round + 1
        );
        let receipt = db.append_json(&counted).unwrap();
        assert_eq!(db.append_json(&counted).unwrap(), receipt, "{context}");
        assert_eq!(db.get(receipt.id().as_str()).unwrap().seq(), receipt.seq);
        for (seq, line) in &sample.lines {
            let found = db.get(*seq);
            if lost.contains(seq) {
                assert!(
                    matches!(found, Err(Error::Damaged { .. } | Error::Io { .. })),
                    "{context}: {seq} {found:?}"
                );
            } else {
                assert_eq!(found.unwrap().text(), line, "{context}");
            }
        }
        // A reading that comes to the loss says so once, and goes on behind it.
        let (read, errors): (Vec<_>, Vec<_>) = db.records(..).unwrap().partition(Result::is_ok);
        let read: Vec<u64> = read.into_iter().map(|entry| entry.unwrap().seq()).collect();
        let there: Vec<u64> = (0..db.len().unwrap()).filter(|seq| !lost.contains(seq)).collect();
        assert_eq!((read, errors.len()), (there, 1), "{context}");
        db.status().unwrap();
        db.seal().unwrap();
        drop(db);
        assert_eq!(faults(verify(&sample.disk)), before, "{context}");
    }
}

pub(crate) fn events(sample: &Sample, from: u64) -> Vec<serde_json::Value> {
    let db = open(&sample.disk);
    let entries = db
        .records(from..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned());
    let parsed = entries.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap()["event"].take());
    parsed.filter(|event| event["why"] == "damage").collect()
}
