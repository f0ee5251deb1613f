//! Holds as people place and release them, alone and with keys.

use super::*;
use std::fs;

const ANNA: &str = include_str!("../../src/proof/ssh/plain");
const ANNA_PUB: &str = include_str!("../../src/proof/ssh/plain.pub");
/// Its passphrase is "correct horse".
const BERT: &str = include_str!("../../src/proof/ssh/encrypted");
const BERT_PUB: &str = include_str!("../../src/proof/ssh/encrypted.pub");

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&out(output)).unwrap()
}

fn with_passphrase(dir: &Path, arguments: &[&str], passphrase: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
    command
        .args(arguments)
        .current_dir(dir)
        .env("AUDITDB_PASSPHRASE", passphrase);
    command.output().unwrap()
}

#[test]
fn without_people() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    expect(dir, &["append", "db"], &lines(0..5), 0);
    assert!(err(&expect(dir, &["hold", "list", "db"], "", 0)).contains("no hold is in force"));
    let add = [
        "hold",
        "add",
        "db",
        "--query",
        "attributes.n:3",
        "--reason",
        "suit 7",
        "--as",
        "anna",
    ];
    let id = out(&expect(dir, &add, "", 0)).trim().to_owned();
    assert!(id.starts_with("hold-") && id.len() == 17, "{id}");
    let listed = out(&expect(dir, &["hold", "list", "db"], "", 0));
    for part in [
        &id,
        "what fits attributes.n:3",
        "by anna on",
        "nobody has proved it",
        "suit 7",
    ] {
        assert!(listed.contains(part), "{listed}");
    }
    let listed = json(&expect(dir, &["hold", "list", "db", "--json"], "", 0));
    let hold = &listed["holds"][0];
    assert_eq!(
        (hold["id"].as_str(), hold["proved"].as_bool()),
        (Some(id.as_str()), Some(false))
    );
    assert!(out(&expect(dir, &["status", "db"], "", 0)).contains(&format!("held      {id}")));
    let second = [
        "hold", "add", "db", "--seq", "2..4", "--reason", "incident", "--as", "bert", "--json",
    ];
    let second = json(&expect(dir, &second, "", 0))["id"].as_str().unwrap().to_owned();
    let listed = json(&expect(dir, &["hold", "list", "db", "--json"], "", 0));
    assert_eq!(listed["holds"][1]["seqs"], serde_json::json!([2, 3]));
    // What is not there, who may not, what is no query.
    assert!(
        err(&expect(
            dir,
            &["hold", "release", "db", "hold-x", "--reason", "r", "--as", "b"],
            "",
            1
        ))
        .contains("hold-x")
    );
    assert!(
        err(&expect(
            dir,
            &["hold", "release", "db", "hold", "--reason", "r", "--as", "b"],
            "",
            1
        ))
        .contains("give more")
    );
    let own = expect(
        dir,
        &["hold", "release", "db", &id, "--reason", "settled", "--as", "Anna"],
        "",
        2,
    );
    assert!(err(&own).contains("somebody else has to release it"), "{}", err(&own));
    expect(
        dir,
        &[
            "hold", "add", "db", "--query", "agnt:a", "--reason", "r", "--as", "anna",
        ],
        "",
        2,
    );
    expect(dir, &["hold", "add", "db", "--query", "*", "--reason", "r"], "", 2);
    expect(dir, &["hold", "add", "db", "--reason", "r", "--as", "anna"], "", 2);
    expect(
        dir,
        &["hold", "add", "db", "--seq", "900..", "--reason", "r", "--as", "anna"],
        "",
        2,
    );
    let released = out(&expect(
        dir,
        &[
            "hold",
            "release",
            "db",
            &id[..12],
            "--reason",
            "settled",
            "--as",
            "bert",
        ],
        "",
        0,
    ));
    assert!(released.contains(&id));
    assert!(!out(&expect(dir, &["hold", "list", "db"], "", 0)).contains(&id));
    assert!(out(&expect(dir, &["hold", "list", "db"], "", 0)).contains(&second));
    expect(dir, &["verify", "db"], "", 0);
}

#[test]
fn with_people_who_sign() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    expect(dir, &["append", "db"], &lines(0..5), 0);
    let policy = format!(
        "[people.anna]\nkey = \"{}\"\nroles = [\"legal\"]\n\n[people.bert]\nkey = \"{}\"\nroles = [\"legal\"]\n",
        ANNA_PUB.trim(),
        BERT_PUB.trim()
    );
    put(&dir.join("db/auditdb.toml"), policy);
    put(&dir.join("anna"), ANNA);
    put(&dir.join("bert"), BERT);
    let add = [
        "hold", "add", "db", "--query", "*", "--reason", "suit 7", "--as", "anna",
    ];
    assert!(err(&expect(dir, &add, "", 2)).contains("needs the signature"));
    let signed = [&add[..], &["--sign-with", "anna"]].concat();
    let id = out(&expect(dir, &signed, "", 0)).trim().to_owned();
    assert!(out(&expect(dir, &["hold", "list", "db"], "", 0)).contains("(signed)"));
    let release = [
        "hold",
        "release",
        "db",
        &id,
        "--reason",
        "settled",
        "--as",
        "bert",
        "--sign-with",
        "bert",
    ];
    let wrong = with_passphrase(dir, &release, "wrong");
    assert!(err(&wrong).contains("the passphrase is wrong"), "{}", err(&wrong));
    let not_his = [
        "hold",
        "release",
        "db",
        &id,
        "--reason",
        "settled",
        "--as",
        "bert",
        "--sign-with",
        "anna",
    ];
    assert!(err(&expect(dir, &not_his, "", 2)).contains("another key"));
    expect(dir, &["verify", "db"], "", 0);
    checked_by_ssh_keygen(dir, "hold");
    let released = with_passphrase(dir, &release, "correct horse");
    assert_eq!(released.status.code(), Some(0), "{}", err(&released));
    checked_by_ssh_keygen(dir, "hold_released");
    assert!(err(&expect(dir, &["hold", "list", "db"], "", 0)).contains("no hold is in force"));
    expect(dir, &["verify", "db"], "", 0);
    // In no file of the database is there any of a secret key.
    let secret = ANNA.lines().nth(3).unwrap();
    assert!(secret.len() > 30 && !out(&expect(dir, &["export", "db"], "", 0)).contains(secret));
}

/// A stranger checks with OpenSSH what stands in the record of an act.
fn checked_by_ssh_keygen(dir: &Path, event: &str) {
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    }
    let export = out(&expect(dir, &["export", "db"], "", 0));
    let name = format!("\"event\":{{\"name\":\"{event}\"");
    let line = export.lines().find(|line| line.contains(&name)).unwrap();
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    let by = &record["event"]["by"];
    let text = |member: &str| by[member].as_str().unwrap().to_owned();
    let statement = text("statement");
    assert!(
        statement.starts_with("auditdb act v1\n{") && statement.ends_with("}\n"),
        "{statement}"
    );
    put(&dir.join("signers"), format!("{} {}\n", text("name"), text("key")));
    put(&dir.join("signature"), text("signature"));
    let check = |statement: &str| {
        let mut child = Command::new("ssh-keygen")
            .args([
                "-Y",
                "verify",
                "-f",
                "signers",
                "-I",
                &text("name"),
                "-n",
                "auditdb",
                "-s",
                "signature",
            ])
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(statement.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let good = check(&statement);
    assert!(good.status.success(), "{}{}", out(&good), err(&good));
    assert!(
        !check(&statement.replace("suit", "swit").replace("settled", "settlet"))
            .status
            .success()
    );
}

/// A hold by a query is placed in every log, also in one that comes later.
#[test]
fn in_every_log() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let log = |name: &str| {
        format!("[log.{name}]\nclass = \"standard\"\n[[route]]\nagent = \"{name}-agent\"\nlog = \"{name}\"\n")
    };
    put(&dir.join("db/auditdb.toml"), log("sales"));
    let of = |agent: &str| format!("{{\"agent\":{{\"id\":\"{agent}\"}},\"kind\":\"decision\"}}\n");
    expect(dir, &["append", "db"], &format!("{}{}", of("a"), of("sales-agent")), 0);
    let seqs = ["hold", "add", "db", "--seq", "0..1", "--reason", "r", "--as", "anna"];
    assert!(err(&expect(dir, &seqs, "", 2)).contains("name it with --log (main, sales)"));
    expect(dir, &[&seqs[..], &["--log", "sales"]].concat(), "", 0);
    let query = [
        "hold",
        "add",
        "db",
        "--query",
        "kind:decision",
        "--reason",
        "suit",
        "--as",
        "anna",
        "--json",
    ];
    let added = json(&expect(dir, &query, "", 0));
    assert_eq!(added["logs"], serde_json::json!(["main", "sales"]));
    let id = added["id"].as_str().unwrap();
    // Of a log that is made afterwards it is in force from its first record on.
    put(&dir.join("db/auditdb.toml"), log("sales") + &log("support"));
    expect(dir, &["append", "db"], &of("support-agent"), 0);
    let in_force = || -> Vec<String> {
        let listed = json(&expect(dir, &["hold", "list", "db", "--json"], "", 0));
        let own = listed["holds"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|hold| hold["id"] == id);
        own.map(|hold| hold["log"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(in_force(), ["main", "sales", "support"]);
    let release = ["hold", "release", "db", id, "--reason", "settled", "--as", "bert"];
    expect(dir, &[&release[..], &["--log", "sales"]].concat(), "", 0);
    assert_eq!(in_force(), ["main", "support"]);
    expect(dir, &release, "", 0);
    assert_eq!(in_force(), [""; 0]);
    assert_eq!(
        json(&expect(dir, &["hold", "list", "db", "--json"], "", 0))["holds"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    expect(dir, &["verify", "db"], "", 0);
}

fn put(path: &Path, text: impl AsRef<[u8]>) {
    #[expect(clippy::disallowed_methods, reason = "files of the test")]
    fs::write(path, text).unwrap();
}
