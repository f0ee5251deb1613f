//! The index's answers held against the matcher's: random records, random expressions over what is in them.

use super::super::expr::{Expr, Scalar};
use super::super::matcher::Matcher;
use super::lower;
use crate::index::test_index;
use crate::record::terms::{FieldId, Kind, Number, Sink, Value, attribute_term, extract, extract_whole, fields, words};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Json, json};
use std::ops::Bound;

/// A stored line, and all its caller's members if some of them were moved out.
type Line = (Vec<u8>, Option<Vec<u8>>);

/// What is in some lines, to be asked for.
#[derive(Default)]
struct Pool {
    texts: Vec<(FieldId, String)>,
    numbers: Vec<(FieldId, Number)>,
    times: Vec<(FieldId, i64)>,
    attributes: Vec<String>,
    values: Vec<String>,
}

impl Sink for Pool {
    fn field(&mut self, field: FieldId, value: Value<'_>) {
        match value {
            Value::Text(text) => self.texts.push((field, text.into_owned())),
            Value::Bool(truth) => self.texts.push((field, truth.to_string())),
            Value::Number(number) => self.numbers.push((field, number)),
            Value::Time(time) => self.times.push((field, time)),
        }
    }

    fn attribute(&mut self, term: &str) {
        self.attributes.push(term.to_owned());
    }

    fn text(&mut self, text: &str) {
        self.values.push(text.to_owned());
    }
}

fn text() -> impl Strategy<Value = String> {
    let long = "x7".repeat(200);
    prop_oneof![
        4 => "(apology|email|refund|of|order|the)( (apology|email|refund|of|order|the)){0,8}",
        1 => "[a-c]{1,3}( [a-c]{1,3}){0,20}",
        1 => "退款[一-五]{0,4}申请",
        1 => "(สวัสดี|ÉCOLE|Straße|İstanbul|ΟΔΟΣ|é)[ _-]?[a-z]{0,4}",
        1 => "(case|ord)[-_][0-9]{1,4}",
        1 => "[0-9a-f]{8}-[0-9a-f]{4}",
        1 => Just(format!("{long} end")),
        1 => "\\PC{0,20}",
        1 => Just(r#"{"to":"a@b.c","note":"refund of \"order\" 7"}"#.to_owned()),
    ]
}

fn number() -> impl Strategy<Value = Json> {
    prop_oneof![
        (-3_i64..4).prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        (-3.0..3.0_f64).prop_map(|number| json!((number * 2.0).round() / 2.0)),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        text().prop_map(Json::String),
        number(),
        any::<bool>().prop_map(Json::Bool),
        Just(Json::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn members() -> impl Strategy<Value = Json> {
    let some = |values: &'static [&'static str]| proptest::sample::select(values);
    let tool = (
        some(&["send_email", "crm", "send"]),
        number(),
        any_json(),
        some(&["success", "failure"]),
    )
        .prop_map(|(name, ms, parameters, status)| {
            json!({"name": name, "duration_ms": ms, "parameters": parameters, "status": status,
                "time": "2026-11-24T15:42:00Z"})
        });
    let condition = (any_json(), number(), any::<bool>()).prop_map(
        |(value, threshold, met)| json!({"field": "crm.arr", "value": value, "threshold": threshold, "met": met}),
    );
    let lists = (
        proptest::collection::vec(tool, 0..3),
        proptest::collection::vec(condition, 0..3),
        proptest::collection::vec("[a-c]{1,2}", 0..3),
    );
    let rest = (
        some(&["support", "refunds", "Ünï"]),
        some(&["decision", "message", "error"]),
        "case-[0-9]{1,2}",
        text(),
        any_json(),
        number(),
        any_json(),
    );
    (rest, lists).prop_map(
        |((agent, kind, case, reasoning, open, cost, odd), (tools, conditions, subjects))| {
            json!({
                "agent": {"id": agent, "version": odd},
                "kind": kind,
                "correlation": case,
                "parent": "019A0000-0000-7000-8000-000000000001",
                "reasoning": reasoning,
                "tools": tools,
                "policies": [{"id": "limit", "version": "7", "conditions": conditions}],
                "subjects": subjects,
                "decision": {"name": "apologise", "automated": true, "confidence": cost},
                "usage": {"input_tokens": cost, "cost": cost},
                "attributes": open,
                "unknown": odd,
            })
        },
    )
}

/// Lines as the log writes them: a record, one of which a value was moved out, or a piece of one.
fn lines() -> impl Strategy<Value = Vec<Line>> {
    proptest::collection::vec((members(), 0..8_u8, -5_i64..5), 1..30).prop_map(|all| {
        let one = |(seq, (members, form, minutes)): (usize, (Json, u8, i64))| -> Line {
            let members = members.to_string();
            let members = &members[1..members.len() - 1];
            let front = format!(
                r#"{{"v":1,"seq":{},"id":"019a0000-0000-7000-8000-{seq:012x}","logged":"2026-11-24T15:00:00.000000000Z","time":"2026-11-24T15:{:02}:00.000000000Z","writer":{{"id":"uid:0","method":"unix"}}"#,
                seq + 70,
                20 + minutes
            );
            let line = |members: &str| format!("{front},{members}}}").into_bytes();
            match form {
                0 => (line(r#""agent":{"id":"auditdb"},"kind":"part","part":{"text":"refund"}"#), None),
                1 => (line(r#""agent":{"id":"moved"},"kind":"message""#), Some(members.as_bytes().to_vec())),
                _ => (line(members), None),
            }
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

/// A condition, as numbers that choose one from a pool.
#[derive(Debug, Clone)]
enum Choice {
    Leaf(u8, Index, Index, bool),
    And(Vec<Choice>),
    Or(Vec<Choice>),
    Not(Box<Choice>),
}

fn choice() -> impl Strategy<Value = Choice> {
    let leaf =
        (0..14_u8, any::<Index>(), any::<Index>(), any::<bool>()).prop_map(|(a, b, c, d)| Choice::Leaf(a, b, c, d));
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Choice::And),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Choice::Or),
            inner.prop_map(|one| Choice::Not(Box::new(one))),
        ]
    })
}

fn beginning(text: &str, at: &Index) -> String {
    let length = at.index(text.chars().count() + 1);
    text.chars().take(length).collect()
}

impl Choice {
    fn expr(&self, pool: &Pool) -> Expr {
        match self {
            Choice::And(all) => Expr::And(all.iter().map(|one| one.expr(pool)).collect()),
            Choice::Or(all) => Expr::Or(all.iter().map(|one| one.expr(pool)).collect()),
            Choice::Not(one) => Expr::Not(Box::new(one.expr(pool))),
            Choice::Leaf(form, a, b, flag) => pool.leaf(*form, a, b, *flag).unwrap_or(Expr::All),
        }
    }
}

impl Pool {
    fn leaf(&self, form: u8, a: &Index, b: &Index, flag: bool) -> Option<Expr> {
        fn pick<'a, T>(all: &'a [T], at: &Index) -> Option<&'a T> {
            (!all.is_empty()).then(|| at.get(all))
        }
        let any_field = FieldId::at(b.index(fields().len()))?;
        let end = |scalar: Scalar, open: bool| {
            if open {
                Bound::Excluded(scalar)
            } else {
                Bound::Included(scalar)
            }
        };
        Some(match form {
            0 => Expr::All,
            1 | 2 => {
                let (field, text) = pick(&self.texts, a)?;
                Expr::Text(if flag { *field } else { any_field }, text.clone())
            }
            3 => {
                let (field, text) = pick(&self.texts, a)?;
                Expr::Prefix(*field, beginning(text, b))
            }
            4 => {
                let (field, number) = pick(&self.numbers, a)?;
                Expr::Number(if flag { *field } else { any_field }, *number)
            }
            5 | 6 => {
                let ((field, from), (_, to)) = (pick(&self.numbers, a)?, pick(&self.numbers, b)?);
                let (from, to) = (Scalar::Number(*from), Scalar::Number(*to));
                Expr::Range(
                    *field,
                    end(from, flag),
                    if flag { Bound::Unbounded } else { end(to, flag) },
                )
            }
            7 => {
                let ((field, from), (_, to)) = (pick(&self.times, a)?, pick(&self.times, b)?);
                Expr::Range(*field, end(Scalar::Time(*from), flag), end(Scalar::Time(*to), !flag))
            }
            8 => {
                let (_, number) = pick(&self.numbers, a)?;
                let time = Scalar::Time(pick(&self.times, b)?.1);
                Expr::Range(
                    any_field,
                    end(Scalar::Number(*number), flag),
                    if flag { end(time, flag) } else { Bound::Unbounded },
                )
            }
            9 => Expr::Exists(any_field),
            10 => Expr::Attribute(pick(&self.attributes, a)?.clone()),
            11 => match flag {
                true => Expr::AttributePrefix(beginning(pick(&self.attributes, a)?, b)),
                false => Expr::AttributePrefix(attribute_term("a", "")),
            },
            _ => {
                let mut all = Vec::new();
                words(pick(&self.values, a)?, |word| all.push(word.to_owned()));
                let from = if all.is_empty() { 0 } else { b.index(all.len()) };
                let mut all: Vec<String> = all.into_iter().skip(from).take(1 + b.index(7) % 4).collect();
                let last = all.last_mut()?;
                if flag {
                    *last = beginning(last, a);
                }
                Expr::Phrase {
                    words: all,
                    prefix: flag,
                }
            }
        })
    }
}

proptest! {
    #[test]
    fn the_index_answers_as_the_matcher_does(lines in lines(), choices in proptest::collection::vec(choice(), 1..24)) {
        let mut pool = Pool::default();
        for (line, whole) in &lines {
            match whole {
                Some(whole) => extract_whole(line, whole, &mut pool),
                None => extract(line, &mut pool),
            };
        }
        let index = test_index(70, &lines);
        for choice in &choices {
            let expr = choice.expr(&pool);
            let mut matcher = Matcher::new(&expr);
            let expected: Vec<u32> = (0..)
                .zip(&lines)
                .filter(|(_, (line, whole))| matcher.matches(line, whole.as_deref()))
                .map(|(place, _)| place)
                .collect();
            let Some(question) = lower(&expr) else {
                prop_assert!(expr.mentions(&|field| field.info().name == "id"), "{}", expr);
                continue;
            };
            let found: Result<Vec<u32>, _> = index.positions(&question, false).unwrap().collect();
            prop_assert_eq!(found.as_ref(), Ok(&expected), "{}", expr);
            let mut newest: Vec<u32> = index.positions(&question, true).unwrap().map(Result::unwrap).collect();
            newest.reverse();
            prop_assert_eq!(&newest, &expected, "{}", expr);
            prop_assert_eq!(index.count(&question), Ok(expected.len() as u64), "{}", expr);
            prop_assert!(expected.is_empty() || index.summary().may_match(&question), "{}", expr);
        }
    }
}

#[test]
fn a_range_without_ends_is_what_a_field_holds() {
    for field in (0..fields().len()).filter_map(FieldId::at) {
        let question = lower(&Expr::Range(field, Bound::Unbounded, Bound::Unbounded)).unwrap();
        let has_none = matches!(field.info().kind, Kind::Exact | Kind::Lower | Kind::Bool);
        assert_eq!(question == crate::index::Question::Nothing, has_none);
    }
}
