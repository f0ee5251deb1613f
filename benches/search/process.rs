//! What a question costs who types it: a process that opens the database, asks, prints and ends.

use super::questions::{Asked, median};
use auditdb::Database;
use std::process::{Command, Stdio};

pub(crate) fn run(db: &Database, asked: &[Asked]) {
    let ours = median(asked, |asked| {
        let status = Command::new(env!("CARGO_BIN_EXE_auditdb"))
            .arg("query")
            .arg(db.path())
            .arg(format!("correlation:\"{}\"", asked.correlation))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("it starts").success());
        0
    });
    let nothing = median(asked, |_| {
        let version = Command::new(env!("CARGO_BIN_EXE_auditdb"))
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        assert!(version.expect("it starts").success());
        0
    });
    println!(
        "| auditdb query, a process each | {:.1} ms | --version {:.1} ms | {:.2} | <= 200 ms |",
        ours / 1e3,
        nothing / 1e3,
        ours / nothing
    );
}
