use super::super::table::{LOG_ONLY, RECORD};
use super::*;

fn minified(text: &str) -> String {
    String::from_utf8(scan(text.as_bytes(), &RECORD, LOG_ONLY).unwrap().text.into_owned()).unwrap()
}

fn refused(text: &str) -> Refusal {
    scan(text.as_bytes(), &RECORD, LOG_ONLY).unwrap_err()
}

#[test]
fn only_whitespace_between_tokens_goes() {
    let text = "\t{ \"kind\" : \"decision\" ,\r\n \"agent\": {\"id\":\"a b\"},\"x\":[ 1.50 ,-0e+3, { } , [ ] ,\"\\u00e4 \\/\" ] }\n";
    let expected = r#"{"kind":"decision","agent":{"id":"a b"},"x":[1.50,-0e+3,{},[],"\u00e4 \/"]}"#;
    assert_eq!(minified(text), expected);
    assert_eq!(minified(expected), expected);
}

#[test]
fn the_outermost_members_are_where_it_says() {
    let text = " { \"kind\" : \"x\" , \"agent\":{ \"id\" : \"a\" } , \"n\" : [ 1, 2 ] } ";
    let scanned = scan(text.as_bytes(), &RECORD, LOG_ONLY).unwrap();
    let found: Vec<_> = scanned
        .members
        .iter()
        .map(|m| {
            (
                scanned.text.get(m.name.clone()).unwrap(),
                scanned.text.get(m.value.clone()).unwrap(),
            )
        })
        .collect();
    let expected: Vec<(&[u8], &[u8])> = vec![(b"kind", b"\"x\""), (b"agent", b"{\"id\":\"a\"}"), (b"n", b"[1,2]")];
    assert_eq!(found, expected);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let base = |rest: &str| format!("{{\"agent\":{{\"id\":\"a\"}},\n \"kind\":\"k\"{rest}}}");
    let at = |text: &str| {
        let Refusal {
            reason,
            path,
            line,
            column,
        } = refused(text);
        (reason.to_string(), path, line, column)
    };
    let (reason, path, line, column) = at(&base(
        ",\n  \"policies\":[{\"id\":\"p\",\"conditions\":[{\"field\":7}]}]",
    ));
    assert!(reason.starts_with("expected a string"), "{reason}");
    assert_eq!(
        (path.as_str(), line, column),
        ("policies[0].conditions[0].field", 3, 48)
    );
    assert_eq!(
        refused(&base(",\"kind\":\"k\"")).reason,
        Reason::Duplicate("kind".to_owned())
    );
    assert_eq!(
        refused(&base(",\"\\u006bind\":\"k\"")).reason,
        Reason::Duplicate("kind".to_owned())
    );
    assert_eq!(refused(&base(",\"x\":{\"a\":[{\"b\":1,\"b\":2}]}")).path, "x.a[0]");
    assert_eq!(
        refused(&base(",\"\\u0073eq\":1")).reason,
        Reason::LogOnly("seq".to_owned())
    );
    assert_eq!(refused("[]").reason, Reason::NotAnObject);
    assert_eq!(refused("").reason, Reason::NotAnObject);
    assert_eq!(refused("{\"kind\":\"k\"}").reason, Reason::Missing("agent"));
    assert_eq!(refused("{\"kind\":\"k\",\"agent\":{}}").reason, Reason::Missing("id"));
    assert_eq!(
        refused("{\"kind\":null,\"agent\":{\"id\":\"a\"}}").reason,
        Reason::Missing("kind")
    );
    assert_eq!(refused(&(base("") + "{}")).reason, Reason::Trailing);
    assert_eq!(refused("\u{feff}{}").reason, Reason::ByteOrderMark);
    assert_eq!(refused(&base(",\"x\":\"\\ud800\"")).reason, Reason::LoneSurrogate);
    assert_eq!(
        refused(&base(",\"x\":\"\\ud800\\u0041\"")).reason,
        Reason::LoneSurrogate
    );
    assert_eq!(refused(&base(",\"x\":\"\\udc00\"")).reason, Reason::LoneSurrogate);
    for broken in [
        "01",
        "1.",
        "+1",
        ".5",
        "1e",
        "nul",
        "tru",
        "'a'",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\tb\"",
        "[1,]",
        "{\"a\"}",
        "{,}",
    ] {
        assert!(
            matches!(refused(&base(&format!(",\"x\":{broken}"))).reason, Reason::Syntax(_)),
            "{broken}"
        );
    }
    let invalid = [b"{\"kind\":\"".as_slice(), &[0xC3, 0x28], b"\"}"].concat();
    assert_eq!(scan(&invalid, &RECORD, LOG_ONLY).unwrap_err().reason, Reason::Utf8);
}

#[test]
fn nesting_ends_at_sixty_four() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!(
            "{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"k\",\"x\":{}{}}}",
            "[".repeat(inner),
            "]".repeat(inner)
        )
    };
    assert!(scan(nested(DEPTH_LIMIT).as_bytes(), &RECORD, LOG_ONLY).is_ok());
    assert_eq!(refused(&nested(DEPTH_LIMIT + 1)).reason, Reason::TooDeep);
    assert_eq!(refused(&nested(100_000)).reason, Reason::TooDeep);
}

#[test]
fn many_members_are_checked_for_duplicates_too() {
    let many: String = (0..5_000).map(|i| format!(",\"m{i}\":{i}")).collect();
    let text = format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"k\"{many}}}");
    assert_eq!(minified(&text), text);
    let twice = text.replace("\"m4999\"", "\"m\\u0031\"");
    let refusal = refused(&twice);
    assert_eq!(refusal.reason, Reason::Duplicate("m1".to_owned()));
    assert_eq!(refusal.column, twice.find("\"m\\u0031\"").unwrap() + 1);
}

#[test]
fn known_members_have_their_types() {
    let with = |member: &str| format!("{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"k\",{member}}}");
    for good in [
        r#""id":"019A2B3C-4D5E-7F60-8A1B-2C3D4E5F6071""#,
        r#""time":"2026-11-24T15:40:10+01:00""#,
        r#""duration_ms":1.5e3"#,
        r#""duration_ms":null"#,
        r#""outcome":{"status":"success","detail":""}"#,
        r#""trace":{"id":"0123456789abcdef0123456789abcdef","span":"0123456789abcdef"}"#,
        r#""source":{"id":"a","boot":"b","number":18446744073709551615}"#,
        r#""decision":{"name":"x","confidence":1.0}"#,
        r#""attributes":{"anything":[null]}"#,
        r#""unknown":{"id":[]}"#,
    ] {
        assert_eq!(minified(&with(good)), with(good));
    }
    for bad in [
        r#""id":"019a2b3c4d5e7f608a1b2c3d4e5f6071""#,
        r#""time":"yesterday""#,
        r#""duration_ms":-1"#,
        r#""duration_ms":"5""#,
        r#""duration_ms":1e999"#,
        r#""outcome":{"status":"maybe"}"#,
        r#""outcome":"success""#,
        r#""trace":{"id":"0123456789ABCDEF0123456789abcdef"}"#,
        r#""source":{"id":"a","boot":"b","number":0.5}"#,
        r#""source":{"id":"a","boot":"b"}"#,
        r#""decision":{"name":"x","confidence":1.5}"#,
        r#""attributes":[]"#,
        r#""policies":{"id":"p"}"#,
        "\"correlation\":\"a\\nb\"",
        r#""correlation":"""#,
    ] {
        assert!(!matches!(refused(&with(bad)).reason, Reason::Syntax(_)), "{bad}");
    }
}
