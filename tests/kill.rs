//! kill -9 of the real binary while it appends: every receipt that got out is in the log.

mod oracle;

use auditdb::Database;
use oracle::{numbered, read_all};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[test]
fn thirty_kills_lose_no_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    let mut receipts: HashMap<u64, (String, String)> = HashMap::new();
    for round in 0..30_u64 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
            .args(["append".as_ref(), path.as_os_str(), "-".as_ref(), "--receipts".as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let feeder = std::thread::spawn(move || {
            for number in 0.. {
                // Fails when the process is gone, which ends the feeding.
                if writeln!(stdin, "{}", numbered(round * 1_000_000 + number)).is_err() {
                    return;
                }
            }
        });
        let mut lines = BufReader::new(stdout).lines();
        // After a different number of receipts each time, in the middle of whatever goes on then.
        let mut out: Vec<String> = lines
            .by_ref()
            .take(1 + (round as usize * 37) % 400)
            .map(Result::unwrap)
            .collect();
        child.kill().unwrap();
        out.extend(lines.map_while(Result::ok));
        child.wait().unwrap();
        feeder.join().unwrap();
        for line in out {
            // The last line may have been cut in the pipe.
            let Ok(receipt) = serde_json::from_str::<serde_json::Value>(&line) else {
                continue;
            };
            let text = |name: &str| receipt[name].as_str().unwrap().to_owned();
            receipts.insert(receipt["seq"].as_u64().unwrap(), (text("id"), text("chain")));
        }
    }
    let db = Database::open(&path).unwrap();
    let records = read_all(&db);
    assert!(receipts.len() > 1_000, "{}", receipts.len());
    for (seq, (id, chain)) in receipts {
        let (entry, link) = &records[&seq];
        let link: String = link.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((entry.id(), link), (id, chain));
    }
    let report = db.verify().unwrap();
    assert!(report.is_sound(), "{report}");
}
