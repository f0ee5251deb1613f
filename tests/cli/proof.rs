//! Proofs, checked without a database.

use super::*;

#[test]
fn a_proof_is_checked_without_a_database() {
    use auditdb::proof::{
        Checkpoint, LogKey, MemoryTiles, ProofFile, SignedCheckpoint, WitnessKey, leaf_hash, prove_inclusion, root_at,
    };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let records: Vec<String> = (0..300).map(numbered).collect();
    let mut tiles = MemoryTiles::new();
    tiles.extend(records.iter().map(|record| leaf_hash(record.as_bytes())));
    let log = LogKey::from_seed("example.com/log", &[1; 32]).unwrap();
    let witness = WitnessKey::from_seed("example.com/witness", &[2; 32]).unwrap();
    let checkpoint = Checkpoint::new(log.origin(), 300, root_at(&tiles, 300).unwrap()).unwrap();
    let mut signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();
    let path = prove_inclusion(&tiles, 42, 300).unwrap();
    let proof_of = |signed: &SignedCheckpoint| ProofFile::new(42, path.clone(), signed.clone()).unwrap().to_string();
    let put = |name: &str, text: &str| {
        #[expect(clippy::disallowed_methods, reason = "no database has made it")]
        std::fs::write(dir.join(name), text).unwrap();
    };
    put("log.tlog-proof", &proof_of(&signed));
    signed
        .add(signed.cosignature(&witness, 1_790_000_000).unwrap())
        .unwrap();
    put("both.tlog-proof", &proof_of(&signed));
    put("42.json", &records[42]);
    put("43.json", &records[43]);
    put("two.json", &format!("{}\n{}\n", records[42], records[43]));
    let (log, witness) = (log.verifier().to_string(), witness.verifier().to_string());
    let check = |proof: &str, record: &str, more: &[&str], code| {
        let line = [&["proof", "check", proof, record, "--key", &log], more].concat();
        expect(dir, &line, &(records[42].clone() + "\n"), code)
    };

    let valid = out(&check("log.tlog-proof", "42.json", &[], 0));
    assert!(
        valid.starts_with("valid: this is record 42 of example.com/log"),
        "{valid}"
    );
    check("log.tlog-proof", "-", &[], 0);
    let valid = out(&check("both.tlog-proof", "-", &["--key", &witness, "--json"], 0));
    let valid: serde_json::Value = serde_json::from_str(&valid).unwrap();
    assert_eq!(
        (&valid["valid"], &valid["seq"], &valid["size"]),
        (&true.into(), &42.into(), &300.into())
    );
    assert_eq!(valid["signatures"][1]["time"], "2026-09-21T14:13:20.000000000Z");

    let other = out(&check("log.tlog-proof", "43.json", &[], 1));
    assert!(other.contains("NOT VALID") && other.contains("another one"), "{other}");
    assert!(out(&check("log.tlog-proof", "two.json", &[], 1)).contains("several lines"));
    let missing = out(&check("log.tlog-proof", "42.json", &["--key", &witness, "--json"], 1));
    let missing: serde_json::Value = serde_json::from_str(&missing).unwrap();
    assert_eq!(missing["valid"], false);
    assert!(
        missing["reason"].as_str().unwrap().contains("has not cosigned"),
        "{missing}"
    );
    put("bad.tlog-proof", &proof_of(&signed).replace("index 42", "index 43"));
    check("bad.tlog-proof", "42.json", &[], 1);
    assert!(out(&check("42.json", "42.json", &[], 1)).contains("line 1"));
    let alone = ["proof", "check", "both.tlog-proof", "42.json", "--key", &witness];
    assert!(out(&expect(dir, &alone, "", 1)).contains("signs as \"example.com/log\""));

    assert!(err(&check("none.tlog-proof", "42.json", &[], 2)).contains("none.tlog-proof"));
    let bad_key = [
        "proof",
        "check",
        "log.tlog-proof",
        "42.json",
        "--key",
        "example.com/log",
    ];
    assert!(err(&expect(dir, &bad_key, "", 2)).contains("not a verifier key"));
    expect(dir, &bad_key[..4], "", 2);
}

/// From what `init` prints to a proof that others check: the commands as the README has them.
#[test]
fn what_init_prints_authenticates() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let json = |output: &Output| serde_json::from_str::<serde_json::Value>(&out(output)).unwrap();
    let made = json(&expect(dir, &["init", "db", "--json"], "", 0));
    let (key, genesis) = (made["key"].as_str().unwrap(), made["genesis"].as_str().unwrap());
    let shown = json(&expect(dir, &["key", "show", "db", "--json"], "", 0));
    assert_eq!(
        (shown["key"].as_str(), shown["genesis"].as_str()),
        (Some(key), Some(genesis))
    );
    expect(dir, &["append", "db"], &lines(0..5), 0);
    let checkpoint = out(&expect(dir, &["checkpoint", "db"], "", 0));
    write(&dir.join("newest"), &checkpoint);
    let all = [
        "verify",
        "db",
        "--key",
        key,
        "--genesis",
        genesis,
        "--against",
        "newest",
        "--require",
        "authentic,complete",
    ];
    assert!(out(&expect(dir, &all, "", 0)).starts_with("authenticated"));
    expect(dir, &["verify", "db", "--require", "authentic"], "", 1);
    expect(dir, &["verify", "db", "--require", "complete"], "", 1);
    let other = format!("{:064x}", 7);
    let wrong = out(&expect(dir, &["verify", "db", "--genesis", &other], "", 1));
    assert!(wrong.contains("begins with another record"), "{wrong}");
    expect(dir, &["verify", "db", "--genesis", "12"], "", 2);
    let proof = out(&expect(dir, &["proof", "make", "db", "@last"], "", 0));
    let record = out(&expect(dir, &["show", "db", "@last", "--json"], "", 0));
    write(&dir.join("proof"), &proof);
    write(&dir.join("record"), &record);
    expect(dir, &["proof", "check", "proof", "record", "--key", key], "", 0);
    // A record that no checkpoint reaches yet gets one.
    expect(dir, &["append", "db"], &lines(5..6), 0);
    let newer = out(&expect(dir, &["proof", "make", "db", "@last"], "", 0));
    assert_ne!(newer, proof);
    // What was cut off since a checkpoint was kept elsewhere.
    let newest = out(&expect(dir, &["checkpoint", "db"], "", 0));
    write(&dir.join("newest"), &newest.replacen("main/", "other/", 1));
    let foreign = out(&expect(dir, &["verify", "db", "--against", "newest"], "", 1));
    assert!(foreign.contains("is no checkpoint of this log"), "{foreign}");
    expect(dir, &["proof", "tiles", "db", "--out", "tiles"], "", 0);
    assert!(dir.join("tiles/checkpoint").is_file());
    expect(dir, &["proof", "tiles", "db", "--out", "tiles"], "", 2);
    expect(dir, &["key", "rotate", "db"], "", 0);
    expect(dir, &["verify", "db", "--key", key, "--genesis", genesis], "", 0);
    expect(dir, &["proof", "check", "proof", "record", "--key", key], "", 0);
}

#[expect(clippy::disallowed_methods, reason = "files for the command")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
