//! What a policy file says, and what is wrong with one.

use super::*;
use crate::policy::{DEFAULT_LOG, Facts, Inner};
use std::borrow::Cow;
use std::cell::LazyCell;
use std::time::Duration;

const WHOLE: &str = r#"
# Two regions, one of them with what the banks' law asks for.
regions = ["us"]
retain_every = 24

[class.short]
keep = 3
buffer = 14
delete_by = 6
before_drop = ["anchor", "backup"]

[class.bank]
law = "financial"
keep = 36

[log.main]
region = "eu"

[log.eu-bank]
class = "bank"
region = "eu"

[[route]]
agent = ["billing-*", "ledger"]
country = ["DE", "FR"]
log = "eu-bank"

[[route]]
system = "crm"
log = "main"

[people.anna]
key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFWgbhPKZFIXmqfyYGH0mF5ulMzhOQVzXdmQvxRzwg2t"
roles = ["legal"]

[tools.refund_order]
version = "2"
system = "payments"
operation = "update"
sensitivity = "confidential"
categories = ["payment"]
resource = "/order"
subject = "/customer/id"

[[anchor]]
to = "dir:/mnt/worm"
every = 60
"#;

fn facts<'a>(agent: &'a str, class: &'a str, region: &'a str, country: &'a str, system: &'a str) -> Facts<'a> {
    let known = |text: &'a str| (!text.is_empty()).then_some(Cow::Borrowed(text));
    let inner = move || Inner {
        systems: known(system).into_iter().collect(),
        country: known(country),
    };
    Facts {
        agent: agent.into(),
        class: known(class),
        region: known(region),
        inner: LazyCell::new(Box::new(inner)),
        ..Facts::default()
    }
}

#[test]
fn a_whole_file_is_read() {
    let policy = Policy::parse(WHOLE).unwrap();
    let short = policy.class("short").unwrap();
    assert_eq!(
        (short.months(), short.margin().buffer_days, short.margin().delete_by),
        (3, 14, Some(6))
    );
    assert!(short.margin().anchored && short.margin().backed_up);
    assert_eq!(policy.class("bank").unwrap().months(), 36);
    assert_eq!(policy.class("health").unwrap().months(), 24);
    assert_eq!(policy.people.get("anna").unwrap().roles, ["legal"]);
    let tool = policy.tools.get("refund_order").unwrap();
    assert_eq!(
        (tool.resource.as_deref(), tool.subject.as_slice()),
        (Some("/order"), &["/customer/id".to_owned()][..])
    );
    assert_eq!(policy.retain_every, Some(Duration::from_secs(86_400)));
    assert_eq!(policy.anchors.first().unwrap().every_minutes, Some(60));
    assert!(Policy::parse("").is_ok_and(|policy| !policy.is_routing()));
}

#[test]
fn records_find_their_log() {
    let policy = Policy::parse(WHOLE).unwrap();
    for (agent, class, region, country, system, log, flagged) in [
        ("billing-7", "", "", "DE", "", "eu-bank", false),
        ("ledger", "", "", "FR", "", "eu-bank", false),
        // A condition that the record says nothing about does not hold.
        ("ledger", "", "", "", "", "main", true),
        ("support", "", "", "", "crm", "main", false),
        ("support", "", "", "", "", "main", true),
        // What the record says wins.
        ("support", "bank", "eu", "", "", "eu-bank", false),
        ("billing-7", "standard", "", "DE", "", "main", false),
        ("support", "bank", "", "", "", "eu-bank", false),
        ("support", "health", "us", "", "", "us-health", false),
        ("billing-7", "", "us", "DE", "", "us-bank", false),
        ("support", "standard", "eu", "", "", "main", false),
        // Nobody makes a log by naming one.
        ("support", "", "moon", "", "", DEFAULT_LOG, true),
        ("support", "gold", "eu", "", "", DEFAULT_LOG, true),
    ] {
        let way = policy.way(&facts(agent, class, region, country, system));
        assert_eq!(
            (way.log.as_str(), way.flag.is_some()),
            (log, flagged),
            "{agent} {class} {region} {country} {system}"
        );
    }
    assert_eq!(policy.kept_in("us-health"), ("health", Some("us")));
    assert_eq!(policy.kept_in("eu-bank"), ("bank", Some("eu")));
    assert_eq!(policy.kept_in("main"), ("standard", Some("eu")));
}

#[test]
fn every_mistake_has_its_line() {
    let text = r#"keep = 12
[class.financial]
keep = 12
[class.odd]
keep = "a year"
[class.late]
keep = 6
delete_by = 6
[log.Main]
class = "gold"
[[route]]
log = "nowhere"
[[route]]
agent = "a"
[route2]
[people.a]
key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFWgbhPKZFIXmqfyYGH0mF5ulMzhOQVzXdmQvxRzwg2t"
[people.b]
key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFWgbhPKZFIXmqfyYGH0mF5ulMzhOQVzXdmQvxRzwg2t her other laptop"
[tools.t]
system = "s"
operation = "read"
resource = "order"
sensitivity = "secret"
[[anchor]]
to = "ftp:somewhere"
"#;
    let mistakes = Policy::parse(text).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(
        lines,
        [1, 3, 4, 5, 8, 9, 10, 11, 12, 13, 15, 19, 23, 24, 26],
        "{mistakes:#?}"
    );
    let said = |line: usize, words: &str| {
        let found = mistakes
            .iter()
            .any(|mistake| mistake.line == line && mistake.message.contains(words));
        assert!(found, "line {line}: {words}\n{mistakes:#?}");
    };
    said(
        1,
        "there is no \"keep\" in the file; there are retain_every, class, regions, log, route, people, tools, anchor",
    );
    said(3, "class financial keeps records for 24 to 1200 months");
    said(
        10,
        "there is no class \"gold\"; there are standard, financial, health, eu-ai-act, ",
    );
    said(12, "there is no [log.nowhere]");
    said(19, "a has the same key");
    said(23, "\"/order\"");
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    for (text, line) in [
        ("[class.a\nkeep = 1", 1),
        ("a = 1\nb = = 2\n", 2),
        ("x = \"unfinished", 1),
    ] {
        let mistakes = Policy::parse(text).unwrap_err();
        assert!(
            mistakes.iter().any(|mistake| mistake.line == line),
            "{text:?}: {mistakes:?}"
        );
    }
    assert!(Policy::parse(&"#".repeat(LONGEST + 1)).is_err());
    assert!(Policy::parse(&format!("a = {}1", "[".repeat(5000))).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[|\\]|=|\"|\\.|class|log|route|a|1|\n|#| ){0,60}") {
        let _ = Policy::parse(&text);
    }
}
