use super::expr::Expr;
use super::parser::parse;
use super::time::{Zone, period};
use crate::record::format_time;
use proptest::prelude::*;

fn read(text: &str) -> String {
    match parse(text, &Zone::utc()) {
        Ok(expr) => expr.to_string(),
        Err(fault) => panic!("{fault}"),
    }
}

fn refused(text: &str) -> String {
    match parse(text, &Zone::utc()) {
        Ok(expr) => panic!("{text} was read as {expr}"),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn a_space_means_and_and_binds_as_tight() {
    for (text, expected) in [
        ("", "*"),
        ("  ", "*"),
        ("*", "*"),
        (
            "agent:refunds outcome:failure",
            r#"(agent:"refunds" AND outcome:"failure")"#,
        ),
        ("a b OR c", r#"(("a" AND "b") OR "c")"#),
        ("a AND b OR c AND d", r#"(("a" AND "b") OR ("c" AND "d"))"#),
        ("a (b OR c)", r#"("a" AND ("b" OR "c"))"#),
        ("(a)(b)", r#"("a" AND "b")"#),
        ("NOT a b", r#"(NOT "a" AND "b")"#),
        ("-a +b", r#"(NOT "a" AND "b")"#),
        ("NOT (a OR -b)", r#"NOT ("a" OR NOT "b")"#),
        ("NOT(a)", r#"NOT "a""#),
        ("andy ORacle", r#"("andy" AND "oracle")"#),
        ("\"AND\" \"or\"", r#"("and" AND "or")"#),
        ("agent:(a OR b*)", r#"(agent:"a" OR agent:"b"*)"#),
        ("-agent:(a b)", r#"NOT (agent:"a" AND agent:"b")"#),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn values_are_read_as_their_field_holds_them() {
    for (text, expected) in [
        ("tool:send_email", r#"tool:"send_email""#),
        ("tool:\"send email\"", r#"tool:"send email""#),
        ("tool:'it\\'s'", r#"tool:"it's""#),
        ("tools.status:failure", r#"tool.status:"failure""#),
        ("tool:send*", r#"tool:"send"*"#),
        (r"tool:send\*", r#"tool:"send*""#),
        ("subject:pii:customer:7f3k", r#"subject:"pii:customer:7f3k""#),
        ("policy:*", "policy:*"),
        ("cost:>0.5", "cost:{0.5 TO *]"),
        ("cost:<=2", "cost:[* TO 2]"),
        ("cost:> 1e0", "cost:{1 TO *]"),
        ("cost:0.50", "cost:0.5"),
        ("rows:[1 TO 5}", "rows:[1 TO 5}"),
        ("rows:{* TO 5]", "rows:[* TO 5]"),
        ("rows:[* TO *]", "rows:*"),
        ("value:-5", r#"(value:-5 OR value:"-5")"#),
        ("value:[-5 TO -1.5]", "value:[-5 TO -1.5]"),
        ("value:\"5\"", r#"value:"5""#),
        ("automated:true", r#"automated:"true""#),
        ("agent: IN [a b, \"c d\"]", r#"(agent:"a" OR agent:"b" OR agent:"c d")"#),
        ("agent:IN[a]", r#"agent:"a""#),
        ("agent:INside", r#"agent:"INside""#),
        (
            "id:019A2B3C-4D5E-7F60-8A1B-2C3D4E5F6071",
            r#"id:"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071""#,
        ),
        ("attributes.a.b:x", r#"attributes.a.b:"x""#),
        ("attributes.n:1.0", r#"(attributes.n:"1.0" OR attributes.n:"1")"#),
        ("attributes.a:*", "(attributes.a:* OR attributes.a:*)"),
        (r"attributes.a\:b:x*", r#"attributes.a\:b:"x"*"#),
        ("case-8812", r#""case 8812""#),
        ("\"Apology EMAIL\"", r#""apology email""#),
        ("\"apology em\"*", r#""apology em"*"#),
        ("send_em*", r#""send em"*"#),
        ("退款", r#""退 款""#),
        ("don't", r#""don t""#),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_time_is_a_period_as_long_as_what_is_not_written() {
    let day = |text: &str| {
        text.replace("D1", "2026-11-01T00:00:00.000000000Z")
            .replace("D8", "2026-11-08T00:00:00.000000000Z")
            .replace("D9", "2026-11-09T00:00:00.000000000Z")
    };
    for (text, expected) in [
        ("time:[2026-11-01 TO 2026-11-08}", "time:[D1 TO D8}"),
        ("time:[2026-11-01 TO 2026-11-08]", "time:[D1 TO D9}"),
        ("time:2026-11-08", "time:[D8 TO D9}"),
        ("time:>2026-11-08", "time:[D9 TO *]"),
        ("time:>=2026-11-08", "time:[D8 TO *]"),
        ("time:<2026-11-08", "time:[* TO D8}"),
        ("time:<=2026-11-08", "time:[* TO D9}"),
        ("logged:{2026-10 TO *]", "logged:[D1 TO *]"),
        ("time:>=\"2026-11-08 01:00+01:00\"", "time:[D8 TO *]"),
        ("time:>=2026-11-07T24", "!"),
    ] {
        if expected == "!" {
            assert!(refused(text).contains("holds a time"), "{text}");
        } else {
            assert_eq!(read(text), day(expected), "{text}");
        }
    }
    let span = |text: &str, zone: &str| {
        let period = period(text, &Zone::named(zone).unwrap())?;
        Some((format_time(period.start), period.end - period.start))
    };
    let second = 1_000_000_000_i64;
    for (text, zone, start, length) in [
        ("2026", "UTC", "2026-01-01T00:00:00.000000000Z", 365 * 86_400 * second),
        ("2024-02", "UTC", "2024-02-01T00:00:00.000000000Z", 29 * 86_400 * second),
        ("2026-11-24T15:40", "UTC", "2026-11-24T15:40:00.000000000Z", 60 * second),
        (
            "2026-11-24T15:40:10",
            "+01:00",
            "2026-11-24T14:40:10.000000000Z",
            second,
        ),
        (
            "2026-11-24T15:40:10.25Z",
            "+01:00",
            "2026-11-24T15:40:10.250000000Z",
            second / 100,
        ),
        (
            "2026-11-24T15:40:10.123456789",
            "Z",
            "2026-11-24T15:40:10.123456789Z",
            1,
        ),
        (
            "2026-11-24t15-02:30",
            "Z",
            "2026-11-24T17:30:00.000000000Z",
            3_600 * second,
        ),
    ] {
        assert_eq!(span(text, zone), Some((start.to_owned(), length)), "{text}");
    }
    for text in [
        "",
        "26",
        "2026-13",
        "2026-02-30",
        "2026-11-24Z",
        "2026-11-24T",
        "2026-11-24T15:40:10.",
        "2026-1-1",
        "now",
        "2026-11-24T15:40:10.1234567890",
        "2026-11-24T15+25:00",
        "é026",
    ] {
        assert_eq!(period(text, &Zone::utc()), None, "{text}");
    }
    // The clock was set back in that night: the day has 25 hours.
    if let Some(berlin) = Zone::named("Europe/Berlin") {
        let day = period("2026-10-25", &berlin).unwrap();
        assert_eq!((day.end - day.start) / second / 3_600, 25);
        assert_eq!(berlin.show(day.start), "2026-10-25 00:00:00.000 +02:00");
    }
    assert!(Zone::named("Nowhere/City").is_none());
}

#[cfg(feature = "cli")]
#[test]
fn times_are_told_from_now() {
    let now = 1_000_000 * 1_000_000_000;
    let ago = |text: &str| super::moment(text, &Zone::utc(), now).map(|at| (now - at) / 1_000_000_000);
    assert_eq!(
        ["now", "90s", "30m", "24h", "7d", "2w"].map(ago),
        [0, 90, 1_800, 86_400, 604_800, 1_209_600].map(Some)
    );
    assert_eq!(["", "h", "-1h", "1y", "9999999999999999999d", "é"].map(ago), [None; 6]);
    assert!(ago("9999999999999999d").is_some());
    assert_eq!(super::moment("1970-01-02", &Zone::utc(), now), Some(86_400_000_000_000));
}

#[test]
fn a_mistake_is_shown_in_its_place() {
    assert_eq!(
        refused("agent:a outcom:failure"),
        "there is no field named \"outcom\"; a member of one's own is named attributes.outcom, words are looked for without \
         a name, and in quotes if a colon is among them; did you mean outcome?\n  agent:a outcom:failure\n          ^^^^^^"
    );
    assert_eq!(
        refused("退款 outcome:Failuer"),
        "outcome is one of success, failure, denied, pending, cancelled, unknown; did you mean failure?\n  \
         退款 outcome:Failuer\n               ^^^^^^^"
    );
    for (text, message, marked) in [
        ("cost:>much", "cost holds a number", ">much"),
        ("cost:1*", "of which no beginning", "1*"),
        ("rows:[1 TO x]", "rows holds a number", "x"),
        ("agent:>a", "only numbers and times have ranges", ">a"),
        ("attributes.n:>5", "only fields of the schema have ranges", ">5"),
        ("automated:maybe", "automated is true or false", "maybe"),
        ("time:yesterday", "time holds a time", "yesterday"),
        ("(a OR b", "never closed", "("),
        ("a )", "never opened", ")"),
        ("\"a", "quote is never closed", "\""),
        ("agent:", "agent has no value", ""),
        ("a OR", "words, or a name", ""),
        (
            "reasoning:why",
            "only text: its words are looked for without a name",
            "reasoning",
        ),
        ("access:crm", "access is no field", "access"),
        ("attributes:7", "named by its path", "attributes"),
        ("AND a", "AND stands between two", "AND"),
        ("a OR OR b", "OR stands between two", "OR"),
        ("agent:(a AND OR)", "OR stands between two", "OR"),
        ("()", "words, or a name", ")"),
        ("rows:[1", "TO should stand here", ""),
        ("rows:[1 TO 2", "range is never closed", "["),
        ("rows:[ TO 2]", "TO should stand here", "2"),
        ("agent:IN [a", "set is never closed", "IN"),
        ("agent:IN []", "the set is empty", "IN []"),
        ("agent:a*b", "a * stands at the end", "*"),
        ("\"a b\"~2", "a distance apart", "~"),
        (">5", "needs a name", ">"),
        ("!!!", "only signs", "!!!"),
        ("https://a.b", "no field named \"https\"", "https"),
    ] {
        let fault = parse(text, &Zone::utc()).unwrap_err();
        assert!(fault.message.contains(message), "{text}: {fault}");
        assert_eq!(&text[fault.at.clone()], marked, "{text}: {fault}");
    }
}

#[test]
fn length_depth_and_clauses_are_capped() {
    assert!(refused(&"a".repeat(5_000)).contains("longer than 4096 bytes"));
    assert!(refused(&"(".repeat(4_000)).contains("at most 32 deep"));
    assert!(refused(&"-".repeat(4_000)).contains("at most 32 deep"));
    assert!(refused(&"NOT ".repeat(1_000)).contains("at most 32 deep"));
    assert!(refused(&"a ".repeat(1_000)).contains("more than 256 clauses"));
    assert!(refused(&format!("agent:IN [{}]", "a ".repeat(1_000))).contains("more than 256 clauses"));
    read(&format!("{}a{}", "(".repeat(31), ")".repeat(31)));
    // The place of each is one in the text.
    for text in [
        "(".repeat(32),
        format!("{}é", "(".repeat(32)),
        "é".repeat(3_000),
        format!("a{}", "é".repeat(3_000)),
        "é ".repeat(300),
    ] {
        let fault = parse(&text, &Zone::utc()).unwrap_err();
        assert!(text.get(fault.at.clone()).is_some(), "{fault}");
    }
    // The place is shown, and not four thousand bytes around it.
    let long = format!("{} x:1", "a ".repeat(200));
    assert!(
        refused(&long).lines().all(|line| line.len() < 250),
        "{}",
        refused(&long)
    );
}

#[test]
fn the_span_of_an_expression_holds_all_that_fits() {
    let time = super::question::field("time");
    let span = |text: &str| {
        let (from, to) = parse(text, &Zone::utc()).unwrap().span(time);
        let day = |at: i64| match at {
            i64::MIN | i64::MAX => "*".to_owned(),
            at => format_time(at)[8..10].to_owned(),
        };
        format!("{}..{}", day(from), day(to))
    };
    for (text, expected) in [
        ("time:[2026-11-01 TO 2026-11-08}", "01..07"),
        ("time:>=2026-11-05 time:<2026-11-10", "05..09"),
        ("time:2026-11-05 OR time:2026-11-09", "05..09"),
        ("time:2026-11-05 OR agent:a", "*..*"),
        ("NOT time:2026-11-05", "*..*"),
        ("agent:a (time:2026-11-05 b OR time:2026-11-07 c)", "05..07"),
        ("logged:2026-11-05", "*..*"),
    ] {
        assert_eq!(span(text), expected, "{text}");
    }
}

/// Text as somebody may type it: pieces of the grammar in any order.
fn typed() -> impl Strategy<Value = String> {
    let pieces = [
        "agent:",
        "cost:",
        "time:",
        "outcome:",
        "attributes.a:",
        "value:",
        " ",
        " ",
        " ",
        "AND ",
        "OR ",
        "NOT ",
        "IN ",
        "TO ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "*",
        "-",
        "+",
        ">",
        "<",
        "=",
        "\\",
        "~",
        ":",
        ",",
        "a",
        "refunds",
        "failure",
        "0.5",
        "-7",
        "2026-11-24",
        "退款",
        "é",
        "\n",
        "\u{1b}",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![typed(), "\\PC{0,60}"]) {
        if let Err(fault) = parse(&text, &Zone::utc()) {
            prop_assert!(text.get(fault.at.clone()).is_some(), "{fault}");
            prop_assert!(!fault.to_string().is_empty());
        }
    }

    #[test]
    fn an_expression_is_read_again_as_itself(text in typed()) {
        if let Ok(expr) = parse(&text, &Zone::utc()) {
            let printed = expr.to_string();
            // Of some values one spelling stands for two conditions; from the second time on nothing changes.
            let again = parse(&printed, &Zone::utc()).map(|expr| expr.to_string());
            let third = again.clone().and_then(|text| parse(&text, &Zone::utc())).map(|expr| expr.to_string());
            prop_assert!(again.is_ok(), "{}: {}", printed, again.unwrap_err());
            let stable = !printed.contains("value:") && !printed.contains("attributes.");
            prop_assert!(!stable || again == Ok(printed.clone()), "{printed}");
            prop_assert!(!stable || third == again);
        }
    }
}

/// Expressions on which both grammars agree: every space is an AND that is written, every value without a colon.
fn common() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("agent:refunds".to_owned()),
        Just("tool:\"send email\"".to_owned()),
        Just("cost:>0.5".to_owned()),
        Just("cost:[1 TO 2}".to_owned()),
        Just("policy:*".to_owned()),
        Just("agent: IN [a b]".to_owned()),
        Just("word".to_owned()),
        Just("\"two wor\"*".to_owned()),
        Just("\"two words\"".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" AND "))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" OR "))),
            inner.prop_map(|one| format!("(NOT {one})")),
        ]
    })
}

/// What tantivy's grammar made of a text, in the form of our own expressions.
fn of_tantivy(ast: &tantivy_query_grammar::UserInputAst) -> String {
    use tantivy_query_grammar::{Occur, UserInputAst, UserInputBound, UserInputLeaf};
    let value = |field: &Option<String>, value: &str, star: &str| match field {
        Some(field) => format!("{field}:\"{value}\"{star}"),
        None => format!("\"{value}\"{star}"),
    };
    match ast {
        UserInputAst::Clause(all) => {
            let one = |(occur, ast): &(Option<Occur>, UserInputAst)| match occur {
                Some(Occur::MustNot) => format!("NOT {}", of_tantivy(ast)),
                _ => of_tantivy(ast),
            };
            let or = all.iter().any(|(occur, _)| *occur == Some(Occur::Should));
            let all: Vec<String> = all.iter().map(one).collect();
            match all.as_slice() {
                [one] => one.clone(),
                _ => format!("({})", all.join(if or { " OR " } else { " AND " })),
            }
        }
        UserInputAst::Boost(ast, _) => of_tantivy(ast),
        UserInputAst::Leaf(leaf) => match &**leaf {
            UserInputLeaf::Literal(literal) => value(
                &literal.field_name,
                &literal.phrase,
                if literal.prefix { "*" } else { "" },
            ),
            UserInputLeaf::All => "*".to_owned(),
            UserInputLeaf::Exists { field } => format!("{field}:*"),
            UserInputLeaf::Set { field, elements } => {
                let all: Vec<String> = elements.iter().map(|one| value(field, one, "")).collect();
                format!("({})", all.join(" OR "))
            }
            UserInputLeaf::Range { field, lower, upper } => {
                let end = |bound: &UserInputBound| bound.term_str().to_owned();
                let open = if matches!(lower, UserInputBound::Exclusive(_)) {
                    '{'
                } else {
                    '['
                };
                let close = if matches!(upper, UserInputBound::Exclusive(_)) {
                    '}'
                } else {
                    ']'
                };
                format!(
                    "{}:{open}{} TO {}{close}",
                    field.clone().unwrap(),
                    end(lower),
                    end(upper)
                )
            }
            UserInputLeaf::Regex { .. } => "regex".to_owned(),
        },
    }
}

/// Whether an expression holds if those conditions do whose printed form the bits choose.
fn holds(expr: &Expr, bits: u64) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(all) => all.iter().all(|one| holds(one, bits)),
        Expr::Or(all) => all.iter().any(|one| holds(one, bits)),
        Expr::Not(one) => !holds(one, bits),
        condition => {
            let sum: u64 = condition.to_string().bytes().map(u64::from).sum();
            bits >> (sum % 64) & 1 == 1
        }
    }
}

proptest! {
    #[test]
    fn what_both_grammars_know_both_read_alike(text in common(), bits in proptest::collection::vec(any::<u64>(), 32)) {
        let ours = parse(&text, &Zone::utc()).unwrap();
        // In our words, with a bracket around everything.
        let theirs = of_tantivy(&tantivy_query_grammar::parse_query(&text).unwrap());
        let theirs = parse(&theirs, &Zone::utc()).unwrap();
        for bits in bits {
            prop_assert_eq!(holds(&ours, bits), holds(&theirs, bits), "{}: {} and {}", text, ours, theirs);
        }
    }
}
