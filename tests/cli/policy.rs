//! A database with a policy file, as a person uses it.

use super::*;

const POLICY: &str = r#"regions = ["us"]
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
[tools.refund]
system = "payments"
operation = "update"
resource = "/order"
"#;

fn write(dir: &Path, text: &str) {
    #[expect(clippy::disallowed_methods, reason = "the policy's author")]
    std::fs::write(dir.join("db/auditdb.toml"), text).unwrap();
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&out(output)).unwrap()
}

#[test]
fn a_policy_from_its_first_line_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    assert!(out(&expect(dir, &["policy", "check", "db"], "", 0)).contains("has no policy file"));
    write(dir, "[log.x]\nclass = \"gold\"\nregion = \"EU\"\n");
    let check = out(&expect(dir, &["policy", "check", "db"], "", 1));
    assert!(
        check.contains("auditdb.toml:2:9: there is no class \"gold\"; there are standard,"),
        "{check}"
    );
    assert!(
        check.contains("auditdb.toml:3:10: \"EU\" is no name of a region"),
        "{check}"
    );
    let listed = json(&expect(dir, &["policy", "check", "db", "--json"], "", 1));
    assert_eq!(
        (&listed["mistakes"][1]["line"], &listed["mistakes"][1]["column"]),
        (&3.into(), &10.into())
    );
    let refused = expect(dir, &["append", "db"], "{\"agent\":{\"id\":\"a\"},\"kind\":\"x\"}\n", 2);
    assert!(err(&refused).contains("line 2, column 9"), "{}", err(&refused));
    write(dir, POLICY);
    assert!(out(&expect(dir, &["policy", "check", "db"], "", 0)).starts_with("no mistakes: 2 logs, 2 routes"));
    assert!(out(&expect(dir, &["policy", "diff", "db"], "", 1)).contains("+agent = \"med-*\""));
    let records = [
        r#"{"agent":{"id":"med-1"},"kind":"decision"}"#,
        r#"{"agent":{"id":"clerk"},"kind":"decision","class":"financial"}"#,
        r#"{"agent":{"id":"nobody"},"kind":"tool_call","tools":[{"name":"refund","parameters":{"order":77}}]}"#,
    ]
    .join("\n");
    let explained = out(&expect(dir, &["route", "explain", "db", "-"], &records, 0));
    let expected = "line 1 -> eu-health (class health, 24 months, region eu)  route at line 7: agent med-*\n\
        line 2 -> eu-financial (class financial, 24 months, region eu)  route at line 10: agent clerk; its own class or region decides\n\
        line 3 -> main (class standard, 12 months, region eu)  no route fits; flagged: no route\n";
    assert_eq!(explained, expected);
    let receipts = out(&expect(dir, &["append", "db", "--receipts"], &records, 0));
    let logs: Vec<String> = receipts
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["log"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(logs, ["eu-health", "eu-financial", "main"]);
    expect(dir, &["policy", "diff", "db"], "", 0);
    assert_eq!(
        out(&expect(dir, &["log", "list", "db"], "", 0)),
        "main\neu-financial\neu-health\n"
    );
    // A record that is in a log is explained by its name; what was filled in is found.
    let stored = out(&expect(dir, &["route", "explain", "db", "eu-health/@last"], "", 0));
    assert!(
        stored.contains(" -> eu-health ") && stored.contains("line 7"),
        "{stored}"
    );
    let found = out(&expect(
        dir,
        &["query", "db", "system:payments unrouted:*", "--json"],
        "",
        0,
    ));
    assert!(
        found
            .contains(r#""access":[{"operation":"update","resource":"77","rule":"tools.refund","system":"payments"}]"#),
        "{found}"
    );
    // Commands go over all logs, or are about one.
    assert_eq!(
        out(&expect(dir, &["seal", "db"], "", 0)),
        "sealed main, eu-financial, eu-health\n"
    );
    let status = json(&expect(dir, &["status", "db", "--json"], "", 0));
    let classes: Vec<_> = status["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["class"].clone())
        .collect();
    assert_eq!(classes, ["standard", "financial", "health"]);
    assert_eq!(
        json(&expect(dir, &["status", "db", "--log", "eu-health", "--json"], "", 0))["keep_months"],
        24
    );
    let retained = json(&expect(dir, &["retain", "db", "--dry-run", "--json"], "", 0));
    assert_eq!(retained["logs"].as_array().unwrap().len(), 3);
    let exported = out(&expect(dir, &["export", "db"], "", 0));
    assert!(
        exported
            .lines()
            .filter(|line| line.contains(r#""name":"genesis""#))
            .count()
            == 3,
        "{exported}"
    );
    assert_eq!(
        out(&expect(dir, &["tail", "db", "--json", "-n", "9"], "", 0))
            .lines()
            .count(),
        3
    );
    // To one log alone, wherever the policy leads.
    let forced = out(&expect(
        dir,
        &["append", "db", "--log", "eu-health", "--receipts"],
        &records[..43],
        0,
    ));
    assert!(forced.contains("\"log\":\"eu-health\""), "{forced}");
    expect(dir, &["append", "db", "--log", "nowhere"], &records, 1);
    expect(dir, &["verify", "db"], "", 0);
    write(dir, &POLICY.replace("clerk", "clerks"));
    assert!(out(&expect(dir, &["verify", "db"], "", 0)).contains("policy: edited since it was taken up"));
}

#[test]
fn a_class_below_its_law() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db", "--class", "financial"], "", 0);
    let class = ["log", "class", "db", "--to", "financial", "--keep", "6"];
    let refused = expect(dir, &class, "", 2);
    assert!(
        err(&refused).contains("keeps records for 24 to 1200 months"),
        "{}",
        err(&refused)
    );
    expect(dir, &[&class[..], &["--override"]].concat(), "", 2);
    let done = expect(
        dir,
        &[&class[..], &["--override", "--reason", "a test system"]].concat(),
        "",
        0,
    );
    assert!(out(&done).contains("kept for 6 months"), "{}", out(&done));
    let said = out(&expect(dir, &["export", "db"], "", 0));
    let change = r#""name":"class","before":{"class":"financial","months":24},"after":{"class":"financial","months":6},"overridden":"a test system""#;
    assert!(said.contains(change), "{said}");
    expect(dir, &["verify", "db"], "", 0);
}
