//! `auditdb why`.

use super::*;

/// A chain whose texts try to be more than text.
fn filled(dir: &Path) {
    expect(dir, &["init", "db"], "", 0);
    let decision = r##"{"id":"019a0000-0000-7000-8000-000000000001","agent":{"id":"refunds"},"kind":"decision","correlation":"case-7","input":{"trigger":"person","text":"Hello\u001b[31m\nHow to check it\n<script>alert('x')</script>"},"policies":[{"id":"limit\" version \"9","version":"2","effect":"allow","conditions":[{"field":"amount","value":1.10,"op":"le","threshold":5,"unit":"EUR","met":true}]}],"decision":{"name":"<b>pay</b>","summary":"A\u202eB"},"reasoning":"LONG","outcome":{"status":"success"}}"##;
    let action = r#"{"agent":{"id":"refunds"},"kind":"action","correlation":"case-7","parent":"019a0000-0000-7000-8000-000000000001","action":{"name":"refund","parameters":{"sum":1.10}},"outcome":{"status":"failure","error":{"type":"timeout"}}}"#;
    let lines = format!("{}\n{action}\n", decision.replace("LONG", &"reason ".repeat(400)));
    expect(dir, &["append", "db"], &lines, 0);
}

#[test]
fn the_page_of_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let page = expect(dir, &["why", "db", "case-7"], "", 0);
    let (text, said) = (out(&page), err(&page));
    assert!(text.starts_with("refunds action refund  "), "{text}");
    for line in [
        "record #5, which came from the decision #4",
        "What came in",
        "amount 1.10 <= 5 EUR: met",
        "\"limit\\\" version \\\"9\", version 2: allow",
        "error: type timeout",
        "#5 (action) is not counted by its emitter",
        "auditdb proof make db 5 > 5.tlog-proof",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(said.ends_with("next: auditdb trace db 5\n"), "{said}");
    // Nothing of a record can look like a line of the page, or move the cursor.
    assert_eq!(text.lines().filter(|line| *line == "How to check it").count(), 1);
    assert!(text.contains("| How to check it") && !text.contains('\u{1b}') && !text.contains('\u{202e}'));
    // A long text is cut here, and nowhere else.
    assert!(text.contains("more characters; auditdb show db 4)"), "{text}");
    // The commands that it names work.
    for command in text.lines().filter_map(|line| line.strip_prefix("  auditdb ")) {
        let command = command.split(" > ").next().unwrap();
        if !command.contains("VKEY") {
            expect(dir, &command.split(' ').collect::<Vec<_>>(), "", 0);
        }
    }
    expect(dir, &["why", "db", "case-8"], "", 1);
    assert!(err(&expect(dir, &["why", "db", "0"], "", 1)).contains("wrote about itself"));
    expect(dir, &["why", "db"], "", 2);
}

#[test]
fn the_page_for_a_ticket_is_one_file_and_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    assert!(out(&expect(dir, &["why", "db", "019a0000", "--html", "why.html"], "", 0)).is_empty());
    let html = std::fs::read_to_string(dir.join("why.html")).unwrap();
    assert!(err(&expect(dir, &["why", "db", "019a0000", "--html", "why.html"], "", 2)).contains("already there"));
    assert_eq!(out(&expect(dir, &["why", "db", "019a0000", "--html"], "", 0)), html);
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("default-src 'none'"));
    for never in [
        "<script", "<b>pay", "http://", "https://", "src=", "href=", "\u{1b}", "\u{202e}",
    ] {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("&lt;script&gt;") && html.contains("&lt;b&gt;pay&lt;/b&gt;"));
    // All of a long text is in it: once as the reasoning, once in the record.
    assert_eq!(html.matches("reason reason").count(), 400);
}

#[test]
fn the_page_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    filled(dir);
    let json = out(&expect(dir, &["why", "db", "@last", "--json"], "", 0));
    let page: serde_json::Value = serde_json::from_str(&json).unwrap();
    let exact = out(&expect(dir, &["show", "db", "@last", "--json"], "", 0));
    assert!(json.contains(exact.trim_end()));
    let leaf: [u8; 32] = auditdb::proof::leaf_hash(exact.trim_end().as_bytes());
    let hex: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&page["leaf"], &page["decision"]["seq"]), (&hex.into(), &4.into()));
    let names: Vec<&str> = page["sections"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["came_in", "who", "reasoning", "policies", "decision", "did", "outcome"]
    );
    assert_eq!(
        page["sections"][3]["facts"][0]["under"][0]["text"],
        "amount 1.10 <= 5 EUR: met"
    );
    assert_eq!(page["sections"][3]["facts"][0]["seq"], 4);
}

#[test]
fn the_policy_and_the_prompt_as_they_were_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let define = |kind: &str| {
        format!(
            r#"{{"agent":{{"id":"a"}},"kind":"definition","definition":{{"type":"{kind}","id":"d","version":"3","digest":"{digest}","text":"test"}}}}"#
        )
    };
    let decision = |digest: &str| {
        format!(
            r#"{{"agent":{{"id":"a"}},"kind":"decision","correlation":"c","policies":[{{"id":"limit","version":"3","digest":"{digest}"}}],"input":{{"prompt":{{"id":"p","digest":"sha256:00"}}}}}}"#
        )
    };
    expect(
        dir,
        &["append", "db"],
        &format!("{}\n{}\n", define("policy"), decision(digest)),
        0,
    );
    let text = out(&expect(dir, &["why", "db", "@last"], "", 0));
    for line in [
        "  #4       definition: policy d version 3",
        "text: test",
        "- the text of the prompt p that #5 names is in no log: no definition has the digest sha256:00",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = out(&expect(dir, &["why", "db", "@last", "--json"], "", 0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rules = json["sections"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "policies");
    let definition = &rules.unwrap()["facts"][1];
    assert_eq!(
        (&definition["name"], &definition["seq"]),
        (&"definition".into(), &4.into())
    );
    assert_eq!(definition["under"][0]["text"], "test");
    assert!(
        json["missing"].to_string().contains("the text of the prompt p"),
        "{json}"
    );
    let html = out(&expect(dir, &["why", "db", "@last", "--html"], "", 0));
    assert!(html.contains("policy d version 3") && html.contains("the text of the prompt p"));
    assert!(html.contains(r#"<b>text</b> <span class="text">test</span>"#), "{html}");
}
