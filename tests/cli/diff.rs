//! `auditdb diff` and `auditdb lint`.

use super::*;

/// Two cases that differ in a policy's version and in what was done then.
fn filled(dir: &Path) {
    expect(dir, &["init", "db"], "", 0);
    let case = |name: &str, version: u8, action: &str| {
        format!(
            r#"{{"agent":{{"id":"sales"}},"kind":"message","time":"2026-11-24T15:40:00Z","correlation":"{name}","input":{{"text":"Hello"}}}}
{{"agent":{{"id":"sales"}},"kind":"decision","time":"2026-11-24T15:40:01Z","correlation":"{name}","policies":[{{"id":"discount-limit","version":"{version}"}}],"decision":{{"name":"discount"}},"reasoning":"Said \u001b[2J {name}","outcome":{{"status":"success"}}}}
{action}"#
        )
    };
    let action = r#"{"agent":{"id":"sales"},"kind":"action","time":"2026-11-24T15:40:02Z","correlation":"two","action":{"name":"send"}}"#;
    expect(dir, &["append", "db"], &case("one", 2, ""), 0);
    expect(dir, &["append", "db"], &case("two", 3, action), 0);
    expect(
        dir,
        &["append", "db"],
        &case("three", 3, &action.replace("two", "three")),
        0,
    );
}

#[test]
fn two_chains_part_at_a_policy() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let found = expect(dir, &["diff", "db", "one", "two"], "", 1);
    let text = out(&found);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "A one: 2 steps; B two: 3 steps",
            "first difference at step 2: policy discount-limit version 2 against 3"
        ]
    );
    assert!(
        text.contains("reasoning Said \\u001b[2J one | Said \\u001b[2J two") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(text.contains("step 3  sales action send  only in B: main/"), "{text}");
    assert!(err(&found).contains("next: auditdb why db "), "{}", err(&found));
    let next = err(&found);
    let next = next
        .lines()
        .find_map(|line| line.strip_prefix("next: auditdb "))
        .unwrap();
    assert!(out(&expect(dir, &next.split(' ').collect::<Vec<_>>(), "", 0)).starts_with("sales decision discount"));

    let words = out(&expect(dir, &["diff", "db", "two", "three"], "", 1));
    assert!(
        words.contains("first difference at step 2 (in words only): reasoning "),
        "{words}"
    );
    let same = expect(dir, &["diff", "db", "one", "one"], "", 0);
    assert!(out(&same).contains("no difference") && err(&same).contains("the same chain"));

    let json = out(&expect(dir, &["diff", "db", "one", "two", "--json"], "", 1));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["first"], &json["same"]), (&2.into(), &false.into()));
    let change = &json["steps"][1]["changes"][0];
    assert_eq!(
        (&change["a"], &change["b"], &change["matters"]),
        (&"2".into(), &"3".into(), &true.into())
    );
    expect(dir, &["diff", "db", "one"], "", 2);
    expect(dir, &["diff", "db", "one", "nobody"], "", 1);

    // Without what is of no interest; which is said.
    let less = out(&expect(
        dir,
        &["diff", "db", "two", "three", "--without", "policy,reasoning"],
        "",
        0,
    ));
    assert!(less.contains("left out: policies, reasoning\nno difference"), "{less}");
    let some = [
        "diff",
        "db",
        "one",
        "two",
        "--without",
        "reasoning",
        "--without",
        "policy.version",
        "--json",
    ];
    let json: serde_json::Value = serde_json::from_str(&out(&expect(dir, &some, "", 1))).unwrap();
    assert_eq!(
        (&json["first"], &json["without"][0]),
        (&3.into(), &"policies.version".into())
    );
    let unknown = err(&expect(
        dir,
        &["diff", "db", "one", "two", "--without", "reasonning"],
        "",
        2,
    ));
    assert!(
        unknown.contains("no member named \"reasonning\"") && unknown.contains("did you mean reasoning?"),
        "{unknown}"
    );
}

#[test]
fn what_is_left_out_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let found = expect(dir, &["lint", "db"], "", 1);
    let text = out(&found);
    assert!(
        text.contains("sales: 100 % of actions name no data that were touched (2 of 2)"),
        "{text}"
    );
    assert!(!text.contains("of decisions name no policy"), "{text}");
    let row = text.lines().find(|line| line.starts_with("sales  decision")).unwrap();
    let row: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(row.join(" "), "sales decision 3 100 % 100 % - 100 % - 100 % 0 %");
    // Worst first, and the command shows those that it is about.
    let said = err(&found);
    assert!(said.starts_with("6 findings in 8 records\n"), "{said}");
    let next = said.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    assert_eq!(next, "auditdb query db 'agent:sales kind:decision NOT source:*'");
    assert_eq!(
        out(&expect(
            dir,
            &["query", "db", "agent:sales kind:decision NOT source:*"],
            "",
            0
        ))
        .lines()
        .count(),
        3
    );
    for (member, count) in [
        ("access.operation", 2),
        ("outcome", 2),
        ("parent", 2),
        ("link", 2),
        ("policy", 2),
        ("correlation", 0),
    ] {
        let asked = format!("kind:action NOT {member}:*");
        let found = auditdb(dir, &["query", "db", &asked], "");
        assert_eq!(out(&found).lines().count(), count, "{asked}: {}", err(&found));
    }
    let json = out(&expect(dir, &["lint", "db", "kind:decision", "--json"], "", 1));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 1);
    assert_eq!(json["rows"][0]["members"]["policies"]["has"], 3);
    expect(dir, &["lint", "db", "agent:nobody"], "", 0);
    expect(dir, &["lint", "db", "--since", "2027-01-01"], "", 0);
    expect(dir, &["lint", "db", "outcom:x"], "", 2);
    expect(dir, &["lint", "db", "--since", "soon"], "", 2);
}

#[test]
fn what_cannot_be_read_makes_every_answer_partial() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    expect(dir, &["seal", "db"], "", 0);
    let case = r#"{"agent":{"id":"sales"},"kind":"decision","correlation":"four","decision":{"name":"discount"}}"#;
    expect(dir, &["append", "db"], &format!("{case}\n"), 0);
    let segments = dir.join("db/logs/main/segments");
    let file = std::fs::read_dir(segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "nobody but a vandal would")]
    {
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        // Its index would say that nothing of the chain is in it.
        std::fs::remove_dir_all(dir.join("db/logs/main/index")).unwrap();
    }
    for arguments in [
        &["why", "db", "four"][..],
        &["diff", "db", "four", "four"],
        &["lint", "db"],
    ] {
        let said = err(&expect(dir, arguments, "", 3));
        assert!(
            said.contains("could not be read: ") && said.contains("PARTIAL"),
            "{arguments:?}: {said}"
        );
        let json = out(&expect(dir, &[arguments, &["--json"]].concat(), "", 3));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["partial"], true);
    }
    let html = out(&expect(dir, &["why", "db", "four", "--html"], "", 3));
    assert!(html.contains("Partial: something of the chain could not be read"));
}
