//! The help, as a person reads it.

use super::{err, expect, out};
use std::path::Path;
use std::process::Command;

/// Examples in the help work as pasted.
#[test]
fn the_helps_examples_run() {
    let binary = Path::new(env!("CARGO_BIN_EXE_auditdb"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut ran = 0;
    let plain = [
        "init",
        "append",
        "import",
        "show",
        "tail",
        "trace",
        "why",
        "diff",
        "lint",
        "query",
        "export",
        "seal",
        "backup",
        "restore",
        "verify",
        "checkpoint",
        "recover",
        "status",
        "schema",
        "mcp-proxy",
    ];
    let nouns: [&[&str]; 22] = [
        &["hold"],
        &["hold", "add"],
        &["hold", "list"],
        &["hold", "release"],
        &["policy"],
        &["policy", "check"],
        &["policy", "diff"],
        &["route"],
        &["route", "explain"],
        &["key", "show"],
        &["key", "rotate"],
        &["anchor", "add"],
        &["anchor", "now"],
        &["anchor", "list"],
        &["log", "adopt"],
        &["proof", "make"],
        &["proof", "consistency"],
        &["proof", "tiles"],
        &["token"],
        &["token", "create"],
        &["token", "list"],
        &["token", "revoke"],
    ];
    for words in plain.iter().map(std::slice::from_ref).chain(nouns) {
        let verb = words.join(" ");
        let dir = tempfile::tempdir().unwrap();
        let help = out(&expect(dir.path(), &[words, &["--help"]].concat(), "", 0));
        let examples = help
            .split_once("Examples:")
            .unwrap_or_else(|| panic!("{verb} has no examples"))
            .1;
        for example in examples.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let shell = Command::new("sh")
                .args(["-c", example])
                .current_dir(dir.path())
                .env("PATH", &path)
                .output()
                .unwrap();
            assert!(shell.status.success(), "{example}: {}{}", out(&shell), err(&shell));
            ran += 1;
        }
    }
    assert!(ran > 20, "{ran}");
}
