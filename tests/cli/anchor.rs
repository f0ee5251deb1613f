//! Checkpoints in a directory, by the commands that a person types.

use super::*;

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(out(output).lines().next().unwrap()).unwrap()
}

fn shell(dir: &Path, command: &str) {
    let done = Command::new("sh")
        .args(["-c", command])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(done.status.success(), "{command}: {}", err(&done));
}

fn append(dir: &Path, numbers: std::ops::Range<u64>) {
    let lines: String = numbers.map(|number| numbered(number) + "\n").collect();
    expect(dir, &["append", "db"], &lines, 0);
}

#[test]
fn a_rolled_back_machine_shows_against_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    append(dir, 0..3);
    let nothing = expect(dir, &["anchor", "now", "db"], "", 1);
    assert!(err(&nothing).contains("the policy names no anchor"));
    let missing = expect(dir, &["anchor", "add", "db", "--to", "dir:kept"], "", 2);
    assert!(err(&missing).contains("it is no directory"), "{}", err(&missing));
    shell(dir, "mkdir kept");
    let added = json(&expect(
        dir,
        &["anchor", "add", "db", "--to", "dir:kept", "--json"],
        "",
        0,
    ));
    let policy = Command::new("cat").arg(dir.join("db/auditdb.toml")).output().unwrap();
    assert!(out(&policy).contains("[[anchor]]\nto = \"dir:/"), "{}", out(&policy));
    // The edit is on the record.
    expect(dir, &["verify", "db"], "", 0);
    append(dir, 3..6);
    let now = json(&expect(dir, &["anchor", "now", "db", "--json"], "", 0));
    assert!(now["size"].as_u64() > added["size"].as_u64(), "{now}");
    let listed = json(&expect(dir, &["anchor", "list", "db", "--json"], "", 0));
    assert_eq!(listed["proven"], now["size"], "{listed}");
    assert!(out(&expect(dir, &["status", "db"], "", 0)).contains("anchor    dir:/"));
    let against = ["verify", "db", "--against", "kept", "--require", "complete"];
    let sound = out(&expect(dir, &against, "", 0));
    assert!(sound.contains("as 2 checkpoints kept elsewhere show"), "{sound}");
    // Everything of then in the place of everything of now.
    shell(dir, "cp -a db then && cp -a db.keys then.keys");
    append(dir, 6..9);
    expect(dir, &["anchor", "now", "db"], "", 0);
    shell(dir, "rm -rf db db.keys && mv then db && mv then.keys db.keys");
    expect(dir, &["verify", "db"], "", 0);
    let back = out(&expect(dir, &against, "", 1));
    assert!(back.contains("it was rolled back: a checkpoint was kept for"), "{back}");
    append(dir, 6..20);
    let rewritten = out(&expect(dir, &against, "", 1));
    assert!(rewritten.contains("its history was rewritten"), "{rewritten}");
    // What is left there when somebody took them away.
    shell(dir, "rm -f kept/*");
    let empty = expect(dir, &against, "", 2);
    assert!(err(&empty).contains("there is no checkpoint in it"), "{}", err(&empty));
}

#[test]
fn a_proof_of_others_is_kept_beside_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    append(dir, 0..3);
    shell(dir, "touch empty && printf 'some proof' > some.proof");
    let signed = json(&expect(dir, &["checkpoint", "db", "--json"], "", 0));
    let size = signed["size"].as_u64().unwrap();
    let unknown = expect(dir, &["anchor", "attach", "db", "some.proof"], "", 2);
    assert!(err(&unknown).contains("say the size"), "{}", err(&unknown));
    let known = ["anchor", "attach", "db", "some.proof", "--size", &size.to_string()];
    let kept = out(&expect(dir, &known, "", 0));
    let name = format!("{size:020}.some.proof");
    assert!(
        kept.contains(&name) && dir.join("db/logs/main/checkpoints").join(&name).is_file(),
        "{kept}"
    );
    expect(
        dir,
        &["anchor", "attach", "db", "empty", "--size", &size.to_string()],
        "",
        2,
    );
    expect(dir, &["verify", "db"], "", 0);
    shell(dir, &format!("rm -f db/logs/main/checkpoints/{name}"));
    let gone = out(&expect(dir, &["verify", "db"], "", 1));
    assert!(gone.contains("some.proof") && gone.contains("is missing"), "{gone}");
}
