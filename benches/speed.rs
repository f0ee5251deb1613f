//! Speed as ratios to baselines of the same run, with the same texts, on the same machine.
//!
//! `raw` writes the same texts in the same batches to a file that was zeroed ahead, with `fdatasync` and nothing else;
//! `sqlite` is WAL with synchronous=FULL, one text column and an id; `sha256` hashes the texts on one thread.
//! `AUDITDB_CORPUS` names a JSON Lines file to use instead of the made-up workforce, `AUDITDB_BENCH_RECORDS` says how
//! many records (20,000), `AUDITDB_BENCH_LONG=1` adds the million records.

#![expect(clippy::disallowed_methods, reason = "a baseline writes files of its own")]

mod corpus;

use auditdb::disk::{RealDisk, SimDisk};
use auditdb::{Database, Options};
use corpus::corpus;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let count = number("AUDITDB_BENCH_RECORDS").unwrap_or(20_000);
    let texts = corpus(count);
    let bytes: usize = texts.iter().map(String::len).sum();
    println!(
        "{} records, {:.1} MB, {} bytes each",
        texts.len(),
        bytes as f64 / 1e6,
        bytes / texts.len()
    );
    println!("| what | auditdb | baseline | ratio | goal |\n|---|---|---|---|---|");
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let dir = dir.path();
    appends(dir, &texts);
    threads(dir, &texts);
    sealed(dir, &texts, bytes);
    while_sealing(dir, &texts);
    many_segments(dir);
    growth(dir, &texts);
    evidence(dir, &texts);
    if std::env::var_os("AUDITDB_BENCH_LONG").is_some() {
        memory(dir, &texts);
    }
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Median and 99th percentile of what single steps took.
struct Times(Vec<Duration>);

impl Times {
    fn of<T>(steps: impl IntoIterator<Item = T>, mut step: impl FnMut(T)) -> Self {
        let mut times: Vec<Duration> = steps
            .into_iter()
            .map(|item| {
                let started = Instant::now();
                step(item);
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        Times(times)
    }

    fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1e6
    }

    fn show(&self) -> String {
        format!("{:.0} us, p99 {:.0} us", self.at(50), self.at(99))
    }
}

/// How much faster: the baseline's median over ours.
fn row_times(what: &str, ours: &Times, baseline: (&str, &Times), goal: &str) {
    let ratio = baseline.1.at(50) / ours.at(50);
    println!(
        "| {what} | {} | {} {} | {ratio:.2} | {goal} |",
        ours.show(),
        baseline.0,
        baseline.1.show()
    );
}

fn create(dir: &Path, name: &str) -> Database {
    Database::create(dir.join(name)).expect("a fresh directory")
}

struct Raw {
    file: File,
    at: u64,
}

impl Raw {
    fn new(dir: &Path, name: &str, len: usize) -> Self {
        let mut file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(dir.join(name))
            .expect("a fresh file");
        let zeros = vec![0; 1 << 20];
        for _ in 0..=len / zeros.len() {
            file.write_all(&zeros).expect("room for zeros");
        }
        file.sync_all().expect("they become durable");
        Raw { file, at: 0 }
    }

    fn append(&mut self, texts: &[String]) {
        let bytes = texts.join("\n").into_bytes();
        self.file.write_all_at(&bytes, self.at).expect("room for texts");
        self.file.sync_data().expect("they become durable");
        self.at += bytes.len() as u64;
    }
}

struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn new(dir: &Path, name: &str) -> Self {
        let db = rusqlite::Connection::open(dir.join(name)).expect("a fresh database");
        db.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r(id INTEGER PRIMARY KEY, t TEXT)",
        )
        .expect("it takes a table");
        Sqlite(db)
    }

    fn append(&mut self, texts: &[String]) {
        let transaction = self.0.transaction().expect("one at a time");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO r(t) VALUES(?1)")
                .expect("the table is there");
            for text in texts {
                insert.execute([text]).expect("it takes a row");
            }
        }
        transaction.commit().expect("it becomes durable");
    }
}

fn appends(dir: &Path, texts: &[String]) {
    for (what, batch, raw_goal, sqlite_goal) in [
        ("one blocking append", 1, ">= 0.7", ">= 2"),
        ("a list of 64", 64, ">= 0.6", ">= 3"),
    ] {
        let part = &texts[..texts.len().min(if batch == 1 { 2_000 } else { texts.len() })];
        let len: usize = part.iter().map(String::len).sum::<usize>() * 2;
        let mut raw = Raw::new(dir, &format!("raw-{batch}"), len);
        let raw = Times::of(part.chunks(batch), |texts| raw.append(texts));
        let db = create(dir, &format!("append-{batch}"));
        let ours = Times::of(part.chunks(batch), |texts| {
            db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        });
        let mut sqlite = Sqlite::new(dir, &format!("sqlite-{batch}"));
        let sqlite = Times::of(part.chunks(batch), |texts| sqlite.append(texts));
        row_times(what, &ours, ("raw", &raw), raw_goal);
        row_times(what, &ours, ("sqlite", &sqlite), sqlite_goal);
    }
    let mut raw = Raw::new(dir, "raw-submit", texts.iter().map(String::len).sum::<usize>() * 2);
    let raw = rate(texts.len(), || texts.chunks(64).for_each(|texts| raw.append(texts)));
    let mut sqlite = Sqlite::new(dir, "sqlite-submit");
    let sqlite = rate(texts.len(), || texts.chunks(64).for_each(|texts| sqlite.append(texts)));
    let db = create(dir, "submit");
    let ours = rate(texts.len(), || {
        let mut pending = std::collections::VecDeque::new();
        for text in texts {
            pending.push_back(db.submit_json(text).expect("taken"));
            if pending.len() >= 1_000 {
                pending.pop_front().expect("one is there").wait().expect("durable");
            }
        }
        pending
            .into_iter()
            .for_each(|pending| drop(pending.wait().expect("durable")));
    });
    row_rate("submit", ours, ("raw at 64", raw), ">= 0.6");
    row_rate("submit", ours, ("sqlite at 64", sqlite), ">= 3");
}

/// Things a second.
fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    count as f64 / started.elapsed().as_secs_f64()
}

fn row_rate(what: &str, ours: f64, baseline: (&str, f64), goal: &str) {
    println!(
        "| {what} | {ours:.0}/s | {} {:.0}/s | {:.2} | {goal} |",
        baseline.0,
        baseline.1,
        ours / baseline.1
    );
}

fn threads(dir: &Path, texts: &[String]) {
    let mut raw = Raw::new(dir, "raw-threads", texts.iter().map(String::len).sum::<usize>() * 2);
    let raw = rate(texts.len(), || texts.chunks(64).for_each(|texts| raw.append(texts)));
    let db = create(dir, "threads");
    let ours = rate(texts.len(), || {
        std::thread::scope(|scope| {
            for thread in 0..64 {
                let db = db.clone();
                scope.spawn(move || {
                    for text in texts.iter().skip(thread).step_by(64) {
                        db.append_json(text).expect("durable");
                    }
                });
            }
        });
    });
    row_rate("64 threads, one by one", ours, ("raw at 64", raw), ">= 0.5");
}

fn sealed(dir: &Path, texts: &[String], bytes: usize) {
    let db = create(dir, "sealed");
    for texts in texts.chunks(500) {
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
    }
    let text = db.status().expect("figures").text_bytes;
    let seal = rate(text as usize, || assert!(db.seal().expect("it seals"))) / 1e6;
    println!("| seal | {seal:.0} MB/s of text | one core | | >= 40 MB/s |");
    let sha256 = rate(bytes, || {
        for text in texts {
            std::hint::black_box(Sha256::digest(text.as_bytes()));
        }
    }) / 1e6;
    let mut verify: Vec<f64> = (0..5)
        .map(|_| rate(text as usize, || assert!(db.verify().expect("it is listed").is_sound())) / 1e6)
        .collect();
    verify.sort_by(f64::total_cmp);
    println!(
        "| verify, sealed | {:.0} MB/s | sha256 {sha256:.0} MB/s | {:.2} | >= 0.5 |",
        verify[2],
        verify[2] / sha256
    );
    let status = db.status().expect("figures");
    let level = |level: u32| std::fs::metadata(db.path().join(format!("logs/main/tree/{level}")));
    let tree: u64 = (0..3)
        .filter_map(|number| level(number).ok())
        .map(|file| file.len())
        .sum();
    // Not the journal that was zeroed ahead for what comes next: it holds no record.
    let disk = status.sealed_bytes + tree;
    let ratio = disk as f64 / status.sealed_text_bytes as f64;
    println!(
        "| bytes of the sealed log, tree and all | {} | text {} | {ratio:.3} | <= 0.25 |",
        disk, status.sealed_text_bytes
    );
}

fn while_sealing(dir: &Path, texts: &[String]) {
    let part = &texts[..texts.len().min(3_000)];
    let calm = create(dir, "calm");
    let without = Times::of(part, |text| drop(calm.append_json(text).expect("durable")));
    // Sealed every few MB, so that a seal is under way nearly always.
    let options = Options::default().seal_bytes(2 << 20);
    let busy = Database::create_with(dir.join("busy"), Arc::new(RealDisk), options).expect("a fresh directory");
    let with = Times::of(part, |text| drop(busy.append_json(text).expect("durable")));
    let ratio = with.at(99) / without.at(99);
    println!(
        "| p99 of an append while sealing | {:.0} us | without {:.0} us | {ratio:.2} | <= 3 |",
        with.at(99),
        without.at(99)
    );
}

fn many_segments(dir: &Path) {
    let count = number("AUDITDB_BENCH_RECORDS").map_or(1_000, |records| if records < 10_000 { 100 } else { 1_000 });
    let db = create(dir, "segments");
    for number in 0..count {
        db.append_json(&format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"k\",\"n\":{number}}}"))
            .expect("durable");
        db.seal().expect("it seals");
    }
    drop(db);
    let files: Vec<_> = std::fs::read_dir(dir.join("segments/logs/main/segments"))
        .expect("segments")
        .map(|file| file.expect("a name").path())
        .collect();
    let read = Times::of(0..5, |_| {
        for path in &files {
            let mut file = File::open(path).expect("it is there");
            let len = file.metadata().expect("it has a length").len();
            file.seek(SeekFrom::Start(len.saturating_sub(64 << 10)))
                .expect("in the file");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("it can be read");
        }
    });
    let open = Times::of(0..5, |_| drop(Database::open(dir.join("segments")).expect("it opens")));
    let ratio = open.at(50) / read.at(50);
    println!(
        "| open with {count} segments | {:.0} us | reading their ends {:.0} us | {ratio:.2} | <= 5 |",
        open.at(50),
        read.at(50)
    );
}

/// Ten times the records: what an append and a point read cost then.
fn growth(dir: &Path, texts: &[String]) {
    let options = Options::default().seal_bytes(4 << 20);
    let db = Database::create_with(dir.join("growth"), Arc::new(RealDisk), options).expect("a fresh directory");
    let (tenth, step) = (texts.len() / 10, 64);
    let mut costs = Vec::new();
    for part in [0..tenth, tenth..texts.len() - tenth, texts.len() - tenth..texts.len()] {
        let append = Times::of(texts[part].chunks(step), |texts| {
            db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        });
        db.seal().expect("it seals");
        let end = db.len().expect("a length");
        let read = Times::of((0..500).map(|i| i * 7_919 % end), |seq| {
            drop(db.get(seq).expect("it is there"))
        });
        costs.push((append, read));
    }
    let (first, last) = (&costs[0], &costs[2]);
    for (what, ours, before) in [("append", &last.0, &first.0), ("point read", &last.1, &first.1)] {
        println!(
            "| {what} with ten times the records | {:.0} us | before {:.0} us | {:.2} | <= 1.1 |",
            ours.at(50),
            before.at(50),
            ours.at(50) / before.at(50)
        );
    }
}

/// What signing costs, and proofs. Epochs cannot be switched off, so their share is what ending one costs against what
/// the ten thousand records before it cost.
fn evidence(dir: &Path, texts: &[String]) {
    let db = create(dir, "evidence");
    let lists = Times::of(texts.chunks(64), |texts| {
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
    });
    let more = |_| {
        drop(
            db.append_json(&texts[0].replacen("\"id\":\"0", "\"x\":\"0", 1))
                .expect("durable"),
        )
    };
    let single = Times::of(0..50, more);
    let signed = Times::of(0..50, |step| {
        more(step);
        drop(db.checkpoint().expect("signed"));
    });
    let (epoch, records) = (signed.at(50) - single.at(50), lists.at(50) * 10_000.0 / 64.0);
    println!(
        "| append in lists of 64 with epochs | an epoch and a checkpoint {epoch:.0} us | 10,000 records {records:.0} us | {:.3} | >= 0.97 |",
        records / (records + epoch)
    );
    db.seal().expect("it seals");
    let end = db.len().expect("a length");
    let checkpoint = db.checkpoint().expect("signed");
    let size = checkpoint.checkpoint().size();
    let proofs = Times::of((0..1_000).map(|i| i * 7_919 % end), |seq| {
        drop(db.prove(seq).expect("it is there"));
    });
    println!(
        "| an inclusion proof out of {size} records | {} | | | <= 1000 us |",
        proofs.show()
    );
    let key = db.genesis().expect("a first record").key;
    let one = Times::of(0..200, |_| {
        drop(checkpoint.verify(std::slice::from_ref(&key)).expect("signed"))
    });
    let mut report = db.verify().expect("it is listed");
    let verify = Times::of(0..5, |_| report = db.verify().expect("it is listed"));
    let stored = std::fs::read_dir(db.path().join("logs/main/checkpoints")).map_or(0, Iterator::count);
    let signatures = one.at(50) * (report.epochs as f64 + stored as f64);
    println!(
        "| verify with its {} signatures | {:.0} us | without them {:.0} us | {:.3} | >= 0.95 |",
        report.epochs as usize + stored,
        verify.at(50),
        verify.at(50) - signatures,
        (verify.at(50) - signatures) / verify.at(50)
    );
    epochs_on_disk(texts);
}

/// What epochs take of the disk in a day of records with one every five minutes: their lines among the others in blocks as
/// segments compress them, and for each a hash in the tree and a row in the directory.
fn epochs_on_disk(texts: &[String]) {
    const DAY: usize = 12_000;
    let disk = SimDisk::new(1);
    let options = Options::default().without_threads().zero_ahead(false);
    let db = Database::create_with("/db", Arc::new(disk.clone()), options).expect("a fresh disk");
    for (number, text) in texts.iter().cycle().take(DAY).enumerate() {
        // Without ids and counts, which would make the second round a retry of the first.
        let text =
            text.replacen("\"id\":\"0", &format!("\"x{number}\":\"0"), 1)
                .replacen("\"source\"", "\"origin\"", 1);
        db.append_json(&text).expect("durable");
        disk.advance(24 * 3_600 * 1_000_000_000 / DAY as u64);
    }
    let entries = db.records(..).expect("they can be read");
    let lines: Vec<String> = entries
        .map(|entry| entry.expect("it can be read").text().to_owned() + "\n")
        .collect();
    let is_epoch = |line: &&String| line.contains("\"kind\":\"system\",\"event\":{\"name\":\"epoch\"");
    let stored = |lines: Vec<&String>| {
        let text = lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>().concat();
        let blocks = text
            .chunks(256 << 10)
            .map(|block| zstd::bulk::compress(block, 6).expect("it compresses").len());
        blocks.sum::<usize>() + lines.len() * (32 + 12)
    };
    let with = stored(lines.iter().collect());
    let without = stored(lines.iter().filter(|line| !is_epoch(line)).collect());
    println!(
        "| {} records in a day, on disk | {with} bytes with {} epochs | {without} without | {:.3} | <= 1.02 |",
        lines.len(),
        lines.iter().filter(is_epoch).count(),
        with as f64 / without as f64
    );
}

/// Resident memory after a hundred thousand and after a million appends.
fn memory(dir: &Path, texts: &[String]) {
    let db = create(dir, "memory");
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        pages
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<f64>().ok())
            .unwrap_or(0.0)
            * 4_096.0
            / 1e6
    };
    // Without ids and counts, which would make the second round a retry of the first.
    let own = |text: &str| {
        text.replacen("\"id\":\"0", "\"x\":\"0", 1)
            .replacen("\"source\"", "\"origin\"", 1)
    };
    let texts: Vec<String> = texts.iter().take(10_000).map(|text| own(text)).collect();
    let mut after = Vec::new();
    for round in 0..100 {
        for texts in texts.chunks(500) {
            db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        }
        if round == 9 || round == 99 {
            after.push(resident());
        }
    }
    println!(
        "| memory after 1,000,000 appends | {:.0} MB | after 100,000 {:.0} MB | {:.2} | <= 1.2 |",
        after[1],
        after[0],
        after[1] / after[0]
    );
    db.seal().expect("it seals");
    let size = db.checkpoint().expect("signed").checkpoint().size();
    let before = resident();
    let proofs = Times::of((0..10_000).map(|i| i * 7_919 * 101 % size), |seq| {
        drop(db.prove(seq).expect("it is there"));
    });
    println!(
        "| an inclusion proof out of {size} records | {} | memory {:.0} MB, before {before:.0} MB | | <= 1000 us |",
        proofs.show(),
        resident()
    );
}
