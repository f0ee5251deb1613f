//! The script that checks a proof with nothing but bash, coreutils, awk and openssl: it stands in the README as it is run.

use std::path::Path;
use std::process::Command;

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/check_proof.sh")
}

#[test]
fn the_readme_shows_the_script() {
    let script = std::fs::read_to_string(script()).unwrap();
    assert!(include_str!("../README.md").contains(&format!("```bash\n{script}```\n")));
}

#[test]
fn the_script_agrees() {
    let version = Command::new("openssl").arg("version").output();
    let usable = version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).starts_with("OpenSSL 3"));
    if !usable {
        println!("skipped: no openssl 3 here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let db = auditdb::Database::create(dir.path().join("db")).unwrap();
    for number in 0..300 {
        db.append_json(&format!(
            r#"{{"agent":{{"id":"a"}},"kind":"decision","attributes":{{"n":{number}}}}}"#
        ))
        .unwrap();
    }
    let key = db.genesis().unwrap().key.to_string();
    let run = |key: &str, proof: &str, record: &str| {
        let (proof_file, record_file) = (dir.path().join("proof"), dir.path().join("record"));
        write(&proof_file, proof);
        write(&record_file, record);
        let mut command = Command::new("bash");
        command.arg(script()).arg(key).arg(&proof_file).arg(&record_file);
        command.output().unwrap()
    };
    for seq in [0, 1, 2, 100, 255, 256, 299, 302] {
        let (proof, text) = (
            db.prove(seq).unwrap().to_string(),
            db.get(seq).unwrap().text().to_owned(),
        );
        let said = run(&key, &proof, &format!("{text}\n"));
        assert!(said.status.success(), "{seq}: {said:?}");
        assert!(run(&key, &proof, &text).status.success());
        let other = text.replacen("\"seq\"", "\"Seq\"", 1);
        assert_eq!(run(&key, &proof, &other).status.code(), Some(1), "{seq}");
        let place = proof.replacen(&format!("index {seq}\n"), &format!("index {}\n", seq + 1), 1);
        assert_eq!(run(&key, &place, &text).status.code(), Some(1), "{seq}");
    }
    let other = auditdb::Database::create(dir.path().join("other")).unwrap();
    let (proof, text) = (db.prove(5).unwrap().to_string(), db.get(5).unwrap().text().to_owned());
    let said = run(&other.genesis().unwrap().key.to_string(), &proof, &text);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
}

#[expect(clippy::disallowed_methods, reason = "files for another program")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
