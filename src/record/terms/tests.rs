use super::value::EXACT_LIMIT;
use super::words::LONGEST;
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// All that was handed out, in a form to compare.
#[derive(Debug, Default, PartialEq)]
struct Found {
    fields: Vec<String>,
    attributes: Vec<String>,
    texts: Vec<String>,
}

impl Sink for Found {
    fn field(&mut self, field: FieldId, value: Value<'_>) {
        let value = match value {
            Value::Text(text) => text.into_owned(),
            Value::Number(number) => format!("{number:?}"),
            Value::Time(time) => crate::record::format_time(time),
            Value::Bool(truth) => truth.to_string(),
        };
        self.fields.push(format!("{}={value}", field.info().name));
    }

    fn attribute(&mut self, term: &str) {
        self.attributes.push(term.replace('\0', "="));
    }

    fn text(&mut self, text: &str) {
        self.texts.push(text.to_owned());
    }
}

const FRONT: &str = r#"{"v":1,"seq":7,"id":"01a21073-8831-725f-a5b7-cc4c0e49bae9","logged":"2026-11-24T15:40:11.000000000Z","time":"2026-11-24T15:40:10.000000000Z","writer":{"id":"uid:0","method":"unix"}"#;

fn found(members: &str) -> Found {
    let mut found = Found::default();
    assert!(extract(format!("{FRONT},{members}}}").as_bytes(), &mut found));
    found
}

/// The fields but those of the front.
fn fields_of(members: &str) -> Vec<String> {
    let found = found(members).fields;
    assert_eq!(
        found[..6],
        [
            "seq=Integer(7)",
            "id=01a21073-8831-725f-a5b7-cc4c0e49bae9",
            "logged=2026-11-24T15:40:11.000000000Z",
            "time=2026-11-24T15:40:10.000000000Z",
            "writer=uid:0",
            "writer.method=unix"
        ]
    );
    found[6..].to_vec()
}

fn words_of(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    words(text, |word| all.push(word.to_owned()));
    all
}

#[test]
fn fields_come_from_the_table() {
    let by_name = |name: &str| fields().iter().find(|field| field.name == name).unwrap();
    for (name, kind) in [
        ("agent", Kind::Exact),
        ("resource", Kind::Exact),
        ("id", Kind::Lower),
        ("trace", Kind::Lower),
        ("policy.digest", Kind::Lower),
        ("seq", Kind::Integer),
        ("cost", Kind::Number),
        ("logged", Kind::Time),
        ("automated", Kind::Bool),
        ("value", Kind::Any),
    ] {
        assert_eq!(by_name(name).kind, kind, "{name}");
    }
    assert!(by_name("outcome").closed && by_name("severity").closed);
    assert!(!by_name("kind").closed && !by_name("operation").closed);
    assert!(by_name("outcome").values.contains(&"failure"));
    assert_eq!(fields().len(), crate::record::query_names().len());
    let names: HashSet<_> = fields().iter().map(|field| field.name).collect();
    assert_eq!(names.len(), fields().len());
    for (place, field) in fields().iter().enumerate() {
        assert_eq!(FieldId::at(place).unwrap().info().name, field.name);
    }
    assert_eq!(FieldId::at(fields().len()), None);
}

#[test]
fn names_are_understood_with_and_without_the_plural() {
    let name = |text: &str| match named_field(text) {
        Named::Field(id) => id.info().name.to_owned(),
        Named::Attribute(path) => format!("@{path}"),
        Named::Words => "words".to_owned(),
        Named::Unknown => "?".to_owned(),
    };
    for (text, expected) in [
        ("tool", "tool"),
        ("tool.name", "tool"),
        ("tools.name", "tool"),
        ("tools.status", "tool.status"),
        ("tool.status", "tool.status"),
        ("policies.conditions.value", "value"),
        ("policy.condition.value", "value"),
        ("access.categories", "category"),
        ("outcome.status", "outcome"),
        ("outcome.error.type", "error"),
        ("agent.id", "agent"),
        ("attributes.a.b", "@a.b"),
        ("attributes.", "?"),
        ("attributes", "words"),
        ("input.text", "words"),
        ("inputs.text", "words"),
        ("decision.alternatives.reason", "words"),
        ("input.text.more", "?"),
        ("outcom", "?"),
        ("", "?"),
    ] {
        assert_eq!(name(text), expected, "{text}");
    }
    let names = || fields().iter().map(|field| field.name);
    assert_eq!(nearest("outcom", names()), ["outcome"]);
    assert_eq!(nearest("polciy", names())[0], "policy");
    assert!(nearest("entirely-different", names()).is_empty());
}

#[test]
fn every_place_of_a_field_is_found() {
    let fields = fields_of(
        r#""agent":{"id":"support","version":"3.2"},"kind":"decision","parent":"01A21073-8831-725F-A5B7-CC4C0E49BAE9","context":[{"system":"crm","as_of":"2026-11-24T16:40:10+01:00"}],"policies":[{"id":"p","conditions":[{"field":"x","value":45000,"met":true},{"field":"y","value":"gold"},{"field":"z","value":[1.5,"a",{"b":1}],"threshold":null}]},null],"tools":[{"name":"send","system":"mail","error":{"type":"timeout"}},{"name":"read"}],"access":[{"system":"crm","operation":"read","subjects":["s1","s2"]}],"subjects":["s1"],"usage":{"cost":0.50,"input_tokens":18446744073709551615}"#,
    );
    assert_eq!(
        fields,
        [
            "agent=support",
            "version=3.2",
            "kind=decision",
            "parent=01a21073-8831-725f-a5b7-cc4c0e49bae9",
            "system=crm",
            "context.as_of=2026-11-24T15:40:10.000000000Z",
            "policy=p",
            "condition=x",
            "value=Integer(45000)",
            "condition.met=true",
            "condition=y",
            "value=gold",
            "condition=z",
            "value=Float(1.5)",
            "value=a",
            "tool=send",
            "system=mail",
            "error=timeout",
            "tool=read",
            "system=crm",
            "operation=read",
            "subject=s1",
            "subject=s2",
            "subject=s1",
            "cost=Float(0.5)",
            "tokens.input=Integer(9223372036854775807)",
        ]
    );
}

#[test]
fn names_and_values_are_read_through_their_escapes() {
    assert_eq!(
        fields_of(r#""\u0061gent":{"id":"a\"\u00e9\\"},"kind":"k""#),
        ["agent=a\"é\\", "kind=k"]
    );
    assert_eq!(found(r#""reasoning":"line\none \ud83d\ude00""#).texts, ["line\none 😀"]);
}

#[test]
fn what_is_text_and_what_is_not() {
    let found = found(
        r#""agent":{"id":"support"},"kind":"tool_call","parent":"01a21073-8831-725f-a5b7-cc4c0e49bae9","trace":{"id":"0af7651916cd43dd8448eb211c80319c"},"duration_ms":5,"input":{"prompt":{"digest":"sha256:ab"},"variables":{"tone":"calm","n":[1,-2.5e3,true,null]}},"tools":[{"name":"send","parameters":"{\"to\": \"a \\\"b\\\"\", \"more\": [\"x\", {\"y\": \"[\\\"deep\\\"]\"}]}","result":"{not json}","attempt":2}],"later":{"word":"new"},"decision":"odd""#,
    );
    assert_eq!(
        found.texts,
        [
            "support",
            "tool_call",
            "tone calm n 1 -2.5e3 true null",
            "send",
            "to a \"b\" more x y deep",
            "{not json}",
            "word new",
            "odd"
        ]
    );
}

#[test]
fn json_within_json_ends_somewhere() {
    let mut text = "bottom".to_owned();
    for _ in 0..6 {
        text = serde_json::to_string(&[text]).unwrap();
    }
    let found = found(&format!(r#""reasoning":{}"#, serde_json::to_string(&text).unwrap()));
    // Four levels are gone into; what is left is text like any other.
    assert_eq!(found.texts.len(), 1);
    assert_eq!(words_of(&found.texts[0]), ["bottom"]);
    let deep = "[".repeat(100_000);
    assert_eq!(self::found(&format!(r#""reasoning":"{deep}""#)).texts, [deep.as_str()]);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    self::found(&format!(
        r#""output":{{"parsed":{closed}}},"attributes":{closed},"tools":{closed}"#
    ));
}

#[test]
fn attributes_are_paths_and_values() {
    let terms = |text: &str| found(&format!(r#""attributes":{text}"#)).attributes;
    assert_eq!(
        terms(r#"{"a":{"b":"v","n":1.50},"l":[1e0,"x",[true]],"nul":null,"d.e":{"":"q"},"t":{}}"#),
        ["a.b=v", "a.n=1.5", "l=1", "l=x", "l=true", "d.e.=q"]
    );
    assert_eq!(attribute_term("a.b", "v"), "a.b\0v");
    let long = "é".repeat(1_000);
    assert_eq!(terms(&format!(r#"{{"a":"{long}"}}"#)), [format!("a={}", cut(&long))]);
    assert_eq!(cut(&long).len(), EXACT_LIMIT);
    assert!(terms(&format!(r#"{{"{}":1}}"#, "k".repeat(257))).is_empty());
    assert!(terms(&format!("{}1{}", r#"{"a":"#.repeat(9), "}".repeat(9))).is_empty());
    let many = vec!["1"; 5_000].join(",");
    assert_eq!(terms(&format!(r#"{{"a":[{many}]}}"#)).len(), 512);
}

#[test]
fn pieces_of_other_records_have_nothing() {
    let mut found = Found::default();
    let part =
        r#""agent":{"id":"auditdb"},"kind":"part","part":{"of":"01a21073-8831-725f-a5b7-cc4c0e49bae9","text":"words"}"#;
    assert!(!extract(format!("{FRONT},{part}}}").as_bytes(), &mut found));
    assert!(!extract(b"{\"seq\":7}", &mut found) && !extract(b"", &mut found));
    assert_eq!(found, Found::default());
    // Their owner has it.
    let line = format!(r#"{FRONT},"reasoning":null}}"#);
    assert!(extract_whole(line.as_bytes(), br#""reasoning":"words""#, &mut found));
    assert_eq!((found.texts.len(), found.fields.len()), (1, 6));
}

#[test]
fn words_of_many_languages() {
    for (text, expected) in [
        (
            "Send_Email for case-8812!",
            &["send", "email", "for", "case", "8812"][..],
        ),
        ("Grüße, ΟΔΟΣ οδος", &["grüße", "οδοσ", "οδοσ"]),
        ("ЗАКАЗ №7", &["заказ", "7"]),
        ("退款30元ok", &["退", "款", "30", "元", "ok"]),
        ("ไม้", &["ไ", "ม", "้"]),
        ("고객이 왔다", &["고", "객", "이", "왔", "다"]),
        ("don't a1b2 3.14", &["don", "t", "a1b2", "3", "14"]),
        ("طلب ١٢", &["طلب", "١٢"]),
        ("", &[]),
        (" _-\u{200b}", &[]),
    ] {
        assert_eq!(words_of(text), expected, "{text}");
    }
}

#[test]
fn long_runs_are_cut_from_their_beginning() {
    let run: String = (0..200).map(|n| char::from(b'a' + n % 26)).collect();
    for text in [run.clone(), run.to_uppercase(), run.replace('a', "é")] {
        let lower = text.to_lowercase();
        let pieces = words_of(&format!("x {text}/y"));
        assert_eq!(pieces.len(), 6, "{pieces:?}");
        assert!(pieces[1..5].iter().all(|piece| piece.chars().count() <= LONGEST));
        assert_eq!(pieces[1..5].concat(), lower);
        assert_eq!(words_of(&text), pieces[1..5]);
    }
}

/// JSON of any form, as text; with or without objects.
fn json(objects: bool) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "\\PC{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
        Just("null".to_owned()),
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let names = [
            "agent",
            "id",
            "kind",
            "tools",
            "policies",
            "attributes",
            "system",
            "value",
            "conditions",
            "subjects",
            "x.y",
        ];
        let member = (proptest::sample::select(names.to_vec()), inner.clone())
            .prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec(member, 0..if objects { 6 } else { 1 })
                .prop_map(|all| format!("{{{}}}", all.join(","))),
            inner.prop_map(|text| serde_json::to_string(&text).unwrap()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(members in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..600) {
        let mut line = format!("{FRONT},").into_bytes();
        line.extend(&members);
        line.push(b'}');
        extract(&line, &mut Found::default());
        extract(&line[..cut.min(line.len())], &mut Found::default());
        extract_whole(&line, &members, &mut Found::default());
    }

    #[test]
    fn damaged_json_does_not_make_it_panic(value in json(true), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = format!(r#"{FRONT},"agent":{value},"tools":{value},"attributes":{value}}}"#).into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        extract(&line, &mut Found::default());
    }

    #[test]
    fn every_string_of_any_json_is_text(value in json(false)) {
        fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
            match value {
                serde_json::Value::String(text) => match serde_json::from_str(text) {
                    Ok(inner @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => collect(&inner, into),
                    _ => into.push(text.clone()),
                },
                serde_json::Value::Array(all) => all.iter().for_each(|one| collect(one, into)),
                serde_json::Value::Object(all) => all.values().for_each(|one| collect(one, into)),
                other => into.push(other.to_string()),
            }
        }
        // A member that is null counts as absent.
        prop_assume!(value != "null");
        // Without members: the parser of the comparison keeps no order of them, and none of two that have the same name.
        let mut expected: Vec<String> = Vec::new();
        collect(&serde_json::from_str(&value).unwrap(), &mut expected);
        let texts = found(&format!(r#""output":{{"parsed":{value}}}"#)).texts;
        // One text, in which all of it stands in its order; numbers as they are spelled there.
        prop_assert!(texts.len() <= 1);
        let mut rest = texts.first().map_or("", String::as_str);
        for text in expected.iter().filter(|text| text.parse::<f64>().is_err()) {
            let at = rest.find(text.as_str());
            prop_assert!(at.is_some(), "{text:?} in {rest:?}");
            rest = &rest[at.unwrap() + text.len()..];
        }
    }

    /// The words of a phrase that begins and ends between words stand together in its value.
    #[test]
    fn a_phrase_of_a_value_is_found_in_it(parts in proptest::collection::vec("[\\p{L}\\p{N}退款ไม-]{1,90}", 1..8), from in 0_usize..8, count in 1_usize..8) {
        let text = parts.join(" ");
        let phrase = parts.iter().skip(from % parts.len()).take(count).cloned().collect::<Vec<_>>().join("_");
        let (text, phrase) = (words_of(&text), words_of(&phrase));
        prop_assert!(phrase.is_empty() || text.windows(phrase.len()).any(|window| window == phrase));
    }

    /// Any piece of text in a script without spaces is a phrase of its own.
    #[test]
    fn any_piece_of_an_unspaced_script_is_found(text in "[一-龥ぁ-んァ-ヶ가-힣ก-ฮ]{2,40}", from in any::<prop::sample::Index>()) {
        let chars: Vec<char> = text.chars().collect();
        let from = from.index(chars.len());
        let piece: String = chars[from..].iter().take(5).collect();
        let (text, piece) = (words_of(&text), words_of(&piece));
        prop_assert!(text.windows(piece.len()).any(|window| window == piece));
    }

    #[test]
    fn words_are_lower_case_runs_of_bounded_length(text in "\\PC{0,200}") {
        words(&text, |word| {
            assert!(!word.is_empty() && word.chars().count() <= 3 * LONGEST, "{word}");
            assert_eq!(words_of(word).concat(), word.chars().filter(|c| c.is_alphanumeric() || words_of(&c.to_string()).len() == 1).collect::<String>());
        });
    }

    #[test]
    fn numbers_compare_as_they_are(a in any::<i64>(), b in any::<i64>(), c in -1e6..1e6_f64) {
        let parse = |text: String| Number::parse(&text).unwrap();
        prop_assert_eq!(parse(a.to_string()).compare(parse(b.to_string())), a.cmp(&b));
        let (x, y) = (parse((a % 1000).to_string()), parse(format!("{c:?}")));
        prop_assert_eq!(x.compare(y), ((a % 1000) as f64).partial_cmp(&c).unwrap());
    }
}

#[test]
fn numbers_have_one_spelling() {
    for (text, spelled) in [
        ("1", "1"),
        ("1.0", "1"),
        ("1e0", "1"),
        ("0.50", "0.5"),
        ("-0", "0"),
        ("9223372036854775807", "9223372036854775807"),
    ] {
        assert_eq!(Number::parse(text).unwrap().spelled(), spelled);
    }
    for text in ["", "inf", "nan", "NaN", "1e999", "-", ".5", "+", "a"] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
}
