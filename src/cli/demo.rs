//! `auditdb demo`: a day of a made-up workforce through the whole path, with figures.

use super::figures::{bytes, count, ratio};
use super::look::{elements, plain, string, value};
use super::progress::{Progress, waiting};
use super::seal::wait_for_indexes;
use super::tail::summary;
use super::{Answer, Outcome, Stop, output};
use crate::database::{Database, VerifyOptions};
use crate::entry::Entry;
use crate::log::Report;
use crate::workforce::{RECORDS_PER_DAY, Workforce};
use clap::Args;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Record a day of eighteen made-up agents, seal it, verify it, and show one chain of decisions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  auditdb demo\n  auditdb demo other-demo --days 2 --seed 7")]
pub(super) struct Demo {
    /// Where the database is made.
    #[arg(default_value = "auditdb-demo")]
    dir: PathBuf,
    /// How many days of 12,000 records.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
    /// Chooses the workforce's dice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many records instead of whole days.
    #[arg(long, hide = true)]
    records: Option<u64>,
    /// Answer in JSON, for machines.
    #[arg(long)]
    json: bool,
}

/// 2026-01-05, a Monday, at midnight UTC.
const START: i64 = 1_767_571_200_000_000_000;

/// So many records are on their way at once.
const WINDOW: usize = 2_000;

struct Figures {
    records: u64,
    append: Duration,
    seal: Duration,
    verify: Duration,
    chain: Vec<Entry>,
}

impl Demo {
    pub(super) fn run(self) -> Outcome {
        if self.dir.exists() {
            let dir = self.dir.display();
            return Err(Stop::CouldNot(format!(
                "{dir} is already there and was left alone; remove it, or name another directory: auditdb demo {dir}-2"
            )));
        }
        let db = Database::create(&self.dir)?;
        let total = self.records.unwrap_or(self.days * RECORDS_PER_DAY);
        let (append, longest) = self.append(&db, total)?;
        let started = Instant::now();
        waiting("sealing", || db.seal())?;
        let seal = started.elapsed();
        let started = Instant::now();
        let progress = Progress::new("verifying", true);
        let tell = |done, total| progress.at(done, total);
        let report = db.verify_with(&VerifyOptions {
            progress: Some(&tell),
            ..VerifyOptions::default()
        })?;
        progress.end();
        let verify = started.elapsed();
        wait_for_indexes(&db);
        let chain = chain(&db, &longest)?;
        self.report(
            &db,
            &report,
            &Figures {
                records: total,
                append,
                seal,
                verify,
                chain,
            },
        )?;
        Ok(if report.is_sound() { Answer::Yes } else { Answer::No })
    }

    /// Appends the workforce's records through the public API. Returns how long it took and a long case.
    fn append(&self, db: &Database, total: u64) -> Result<(Duration, String), Stop> {
        let progress = Progress::new("recording", false);
        let mut cases: HashMap<String, u32> = HashMap::new();
        let mut pending = VecDeque::with_capacity(WINDOW);
        let started = Instant::now();
        for (done, entry) in (0..total).zip(Workforce::new(self.seed, START)) {
            pending.push_back(db.submit_json(&entry.json)?);
            if pending.len() >= WINDOW
                && let Some(oldest) = pending.pop_front()
            {
                oldest.wait()?;
            }
            *cases.entry(entry.correlation).or_default() += 1;
            progress.at(done, total);
        }
        for pending in pending {
            pending.wait()?;
        }
        progress.end();
        cases.remove("");
        let longest = cases.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
        Ok((started.elapsed(), longest.map(|(case, _)| case).unwrap_or_default()))
    }

    fn report(&self, db: &Database, report: &Report, figures: &Figures) -> Result<(), Stop> {
        let status = db.status()?;
        let a_second = |number: u64, time: Duration| {
            let nanoseconds = time.as_nanos().max(1);
            u64::try_from(u128::from(number) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
        };
        let records_a_second = a_second(figures.records, figures.append);
        let verified_a_second = a_second(report.text, figures.verify);
        if self.json {
            let answer = serde_json::json!({
                "dir": self.dir.display().to_string(),
                "records": figures.records,
                "records_per_second": records_a_second,
                "text_bytes": status.text_bytes,
                "disk_bytes": status.disk_bytes,
                "sealed_text_bytes": status.sealed_text_bytes,
                "sealed_bytes": status.sealed_bytes,
                "seal_seconds": figures.seal.as_secs_f64(),
                "verify_bytes_per_second": verified_a_second,
                "sound": report.is_sound(),
            });
            return output::print(&answer.to_string());
        }
        let dir = self.dir.display();
        let mut text = String::from("One chain of decisions, as the log has it:\n\n");
        text.push_str(&tree(&figures.chain));
        text.push_str(&format!(
            "\nThe day in figures:\n  recorded  {} records of 18 agents in {:.1} s: {} records/s, each durable\n  \
             text      {}, sealed in {:.1} s to {} on disk: {:.2} to 1\n  verified  {} records at {}/s: {}\n",
            count(figures.records),
            figures.append.as_secs_f64(),
            count(records_a_second),
            bytes(status.text_bytes),
            figures.seal.as_secs_f64(),
            bytes(status.sealed_bytes),
            ratio(status.sealed_text_bytes, status.sealed_bytes),
            count(report.records),
            bytes(verified_a_second),
            if report.is_sound() { "sound" } else { "DAMAGED" },
        ));
        for fault in &report.faults {
            text.push_str(&format!("  {fault}\n"));
        }
        text.push_str(&format!(
            "\nGo on with:\n  auditdb why {dir} @last-failure\n  auditdb trace {dir} @last-failure\n  auditdb query {dir} outcome:failure\n  \
             auditdb count {dir} --by agent,outcome --per hour --chart\n  auditdb tail {dir} -n 20\n  auditdb verify {dir}\n  \
             zstd -dc {} | head -n 3",
            segment(&self.dir).display()
        ));
        output::print(&text)
    }
}

fn segment(dir: &Path) -> PathBuf {
    dir.join("logs/main/segments/00000000000000000000.jsonl.zst")
}

/// The records of a case, in order.
fn chain(db: &Database, correlation: &str) -> Result<Vec<Entry>, Stop> {
    let mut chain = Vec::new();
    for entry in db.records(..)? {
        let entry = entry?;
        if string(entry.text(), &["correlation"]).is_some_and(|found| found == correlation) {
            chain.push(entry);
        }
    }
    Ok(chain)
}

/// Every record below its parent, with the conditions of its policies.
fn tree(chain: &[Entry]) -> String {
    let part = |text: &str, name: &str| value(text, &[name]).map(plain).unwrap_or_default();
    let list = |text: &str, name: &str| -> Vec<String> {
        let list = value(text, &[name]).map(|list| elements(list).map(str::to_owned).collect());
        list.unwrap_or_default()
    };
    let mut depths: HashMap<String, usize> = HashMap::new();
    let mut text = String::new();
    for entry in chain {
        let parent = string(entry.text(), &["parent"]);
        let depth = parent.and_then(|parent| depths.get(parent.as_ref()).copied());
        let depth = depth.map_or(0, |depth| depth + 1);
        depths.insert(entry.id(), depth);
        let indent = "  ".repeat(depth.min(12));
        let name = format!("#{}", entry.seq());
        let (summary, case) = (summary(entry, &name), part(entry.text(), "correlation"));
        let cut = summary.split_whitespace().filter(|word| **word != case);
        text.push_str(&format!("{indent}{}\n", cut.collect::<Vec<_>>().join("  ")));
        for policy in list(entry.text(), "policies") {
            let of = |name: &str| part(&policy, name);
            text.push_str(&format!(
                "{indent}    policy {} v{}: {}\n",
                of("id"),
                of("version"),
                of("effect")
            ));
            for condition in list(&policy, "conditions") {
                let of = |name: &str| part(&condition, name);
                text.push_str(&format!(
                    "{indent}      {} = {} {} {} {}: {}\n",
                    of("field"),
                    of("value"),
                    of("op"),
                    of("threshold"),
                    of("unit"),
                    if of("met") == "true" { "met" } else { "not met" }
                ));
            }
        }
    }
    text
}
