//! A database of several logs: which record goes where, the policy that says so, and what happens when somebody changes
//! either. The disk is simulated, and so is time.

#[path = "../oracle/mod.rs"]
mod oracle;

mod attacks;
mod life;
mod policy;
mod power_cuts;

use auditdb::disk::{Disk, SimDisk};
use auditdb::{Database, Error, Options, Report, VerifyOptions};
use oracle::{DIR, plain};
use std::sync::Arc;

const FILE: &str = "/db/auditdb.toml";

const SECOND: u64 = 1_000_000_000;

const POLICY: &str = r#"
regions = ["us"]

[log.main]
region = "eu"

[log.eu-health]
class = "health"
region = "eu"

[[route]]
agent = "med-*"
log = "eu-health"

[[route]]
agent = "clerk"
log = "main"
"#;

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn open(disk: &SimDisk) -> Result<Database, Error> {
    Database::open_with(DIR, shared(disk), plain())
}

/// A database with that policy.
fn with_policy(seed: u64, policy: &str) -> (SimDisk, Database) {
    let disk = SimDisk::new(seed);
    disk.create_dir(DIR.as_ref()).unwrap();
    disk.overwrite(FILE, policy.as_bytes());
    let db = Database::create_with(DIR, shared(&disk), plain()).unwrap();
    (disk, db)
}

fn decision(agent: &str, more: &str) -> String {
    format!("{{\"agent\":{{\"id\":\"{agent}\"}},\"kind\":\"decision\"{more}}}")
}

/// Appends a record and says where it went.
#[track_caller]
fn goes(db: &Database, agent: &str, more: &str) -> String {
    db.append_json(&decision(agent, more)).unwrap().log.to_string()
}

fn verify(disk: &SimDisk) -> Vec<Report> {
    let options = VerifyOptions {
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Database::verify_logs_with(DIR, &shared(disk), None, &[], &options).unwrap()
}

#[track_caller]
fn sound(disk: &SimDisk) -> Vec<Report> {
    let reports = verify(disk);
    for report in &reports {
        assert!(report.is_sound(), "{report}");
    }
    reports
}

#[track_caller]
fn is_found(disk: &SimDisk, words: &str) {
    let reports = verify(disk);
    let said: Vec<String> = reports.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|said| said.contains(words)),
        "{words}\n{}",
        said.join("\n")
    );
}

/// The events of a log, by name.
fn events(disk: &SimDisk, log: &str) -> Vec<String> {
    let log = Database::open_log_with(DIR, shared(disk), log).unwrap();
    let name = |text: &str| {
        let record: serde_json::Value = serde_json::from_str(text).unwrap();
        record["event"]["name"].as_str().map(str::to_owned)
    };
    log.records(..)
        .unwrap()
        .filter_map(|entry| name(entry.unwrap().text()))
        .collect()
}

fn names(reports: &[Report]) -> Vec<&str> {
    reports.iter().map(|report| report.log.as_str()).collect()
}

fn options() -> Options {
    plain()
}
