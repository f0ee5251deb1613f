//! What a log has to hold, whatever happened to it: the checks that tests and fuzzers share, and the small workloads
//! that they run. A receipt's chain commits to every record up to it, so comparing chains compares all text.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod c2sp;
pub(crate) mod hostile;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
pub(crate) mod sealed;
pub(crate) mod transcript;

use auditdb::disk::{Disk, SimDisk};
use auditdb::proof::{CHAIN_START, chain_next, leaf_hash};
use auditdb::{Database, Entry, Error, Options, Receipt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Where tests keep their database on a simulated disk.
pub(crate) const DIR: &str = "/db";

/// The files of its one log.
pub(crate) const LOG: &str = "/db/logs/main";

/// Everything in the caller's thread and in a fixed order; journals grow by what they need.
pub(crate) fn plain() -> Options {
    Options::default().without_threads().zero_ahead(false).block_bytes(700)
}

/// A record that says its number.
pub(crate) fn numbered(number: u64) -> String {
    format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"decision\",\"attributes\":{{\"n\":{number}}}}}")
}

/// The number that a record says.
pub(crate) fn number_of(entry: &Entry) -> Option<u64> {
    let behind = entry.text().rsplit_once("\"n\":")?.1;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What happened to a log so far, as its callers know it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Known {
    /// What was acknowledged: the record's number and its receipt.
    pub(crate) acknowledged: Vec<(u64, Receipt)>,
    /// The numbers that were handed over.
    pub(crate) handed_over: BTreeSet<u64>,
    /// Whether the log was created.
    pub(crate) created: bool,
    /// How a record that says its number is written; as [`numbered`] does if nothing else is said.
    pub(crate) text: Option<fn(u64) -> String>,
}

impl Known {
    /// Appends the next number.
    pub(crate) fn append(&mut self, db: &Database) -> Result<(), Error> {
        self.append_many(db, 1)
    }

    /// Appends the next numbers in one commit.
    pub(crate) fn append_many(&mut self, db: &Database, count: u64) -> Result<(), Error> {
        let first = self.handed_over.len() as u64;
        let numbers: Vec<u64> = (first..first + count).collect();
        self.handed_over.extend(&numbers);
        let text = self.text.unwrap_or(numbered);
        let texts: Vec<String> = numbers.iter().map(|number| text(*number)).collect();
        let appended = db.append_all_json(texts.iter().map(String::as_str))?;
        assert!(appended.atomic);
        self.acknowledged.extend(numbers.into_iter().zip(appended.receipts));
        Ok(())
    }
}

/// Every record of a log, by seq, with the chain behind it.
pub(crate) fn read_all(db: &Database) -> BTreeMap<u64, (Entry, [u8; 32])> {
    let mut chain = CHAIN_START;
    db.records(..)
        .expect("the log can be read")
        .map(|entry| {
            let entry = entry.expect("every record can be read");
            chain = chain_next(&chain, &leaf_hash(entry.text().as_bytes()));
            (entry.seq(), (entry, chain))
        })
        .collect()
}

/// Checks that a log holds what is known, and nothing that was not handed over.
pub(crate) fn check(db: &Database, known: &Known) {
    let records = read_all(db);
    for (number, receipt) in &known.acknowledged {
        let (entry, chain) = records
            .get(&receipt.seq)
            .unwrap_or_else(|| panic!("record {} was acknowledged and is gone", receipt.seq));
        assert_eq!(
            *chain, receipt.chain,
            "record {} or one before it is another",
            receipt.seq
        );
        assert_eq!(entry.id(), receipt.id());
        assert_eq!(number_of(entry), Some(*number));
    }
    let mut seen = BTreeSet::new();
    for (entry, _) in records.values().filter(|(entry, _)| !entry.is_of_the_log()) {
        let number = number_of(entry).expect("every record says its number");
        assert!(known.handed_over.contains(&number), "{number} was never handed over");
        assert!(seen.insert(number), "{number} is there twice");
    }
    let report = db.verify().expect("verify can read the directory");
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.size, Some(records.len() as u64));
    assert_eq!(report.records, records.len() as u64);
}

/// Opens what a power cut left, checks it, and goes on appending. Returns the disk as it is then.
pub(crate) fn survive(disk: &SimDisk, known: &Known, options: &Options) -> Result<(), Error> {
    let mut known = known.clone();
    let db = match Database::open_with(DIR, Arc::new(disk.clone()), options.clone()) {
        Err(Error::NotADatabase { .. }) if !known.created => {
            known.handed_over.clear();
            Database::create_with(DIR, Arc::new(disk.clone()), options.clone())?
        }
        opened => opened?,
    };
    check(&db, &known);
    // What came through without having been acknowledged counts as handed over only.
    known
        .handed_over
        .insert(known.handed_over.iter().next_back().map_or(0, |last| last + 1));
    let number = *known.handed_over.iter().next_back().expect("one was just put in");
    let receipt = db.append_json(&numbered(number))?;
    known.acknowledged.push((number, receipt));
    check(&db, &known);
    drop(db);
    let again = Database::open_read_only_with(DIR, Arc::new(disk.clone()))?;
    check(&again, &known);
    Ok(())
}

/// The contents of all files below the log, by path.
pub(crate) fn files(disk: &SimDisk) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let of = |path: std::path::PathBuf| disk.contents(&path).map(|bytes| (path, bytes));
    disk.paths().into_iter().filter_map(of).collect()
}

/// A disk with these files and nothing pending; of the same seed as theirs it is the same boot of the machine.
pub(crate) fn disk_with(seed: u64, files: &[(std::path::PathBuf, Vec<u8>)]) -> SimDisk {
    let disk = SimDisk::new(seed);
    for (path, bytes) in files {
        put(&disk, path, bytes);
    }
    disk
}

/// A disk with the files below a real directory.
pub(crate) fn disk_of_dir(root: &Path) -> SimDisk {
    let disk = SimDisk::new(5);
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let place = Path::new("/").join(path.strip_prefix(root).unwrap());
                put(&disk, &place, &std::fs::read(&path).unwrap());
            }
        }
    }
    disk
}

/// Puts a file on a disk.
pub(crate) fn put(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if let Some(dir) = path.parent() {
        disk.create_dir(dir).expect("a directory can be made");
    }
    if !disk.overwrite(path, bytes) {
        let file = disk
            .open(path, auditdb::disk::Open::Create)
            .expect("a file can be made");
        file.write_at(bytes, 0).expect("it takes bytes");
        file.sync().expect("they become durable");
    }
}
