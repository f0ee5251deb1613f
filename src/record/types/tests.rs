//! The seed's case built by the types, and the order in which members are written.

use super::*;
use crate::record::shape::{Shape, Type};
use crate::record::table::RECORD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The example of the schema's page.
const EXAMPLE: &str = r#"
{"agent":{"id":"support","version":"3.2"},"kind":"decision","time":"2026-11-24T15:40:10Z","duration_ms":110000,
"correlation":"case-8812","session":"thread-552","input":{"trigger":"person","from":"pii:customer:7f3k",
"channel":"email","received":"2026-11-24T15:40:00Z","text":"…","prompt":{"id":"complaint-reply","version":"14",
"digest":"sha256:…"},"variables":{"tone":"apologetic"}},"context":[{"system":"tickets",
"resource":"history/7f3k","type":"history","excerpt":"3 prior complaints","call":"c1"},{"system":"crm",
"resource":"account/991","type":"record","excerpt":"ARR 45000 USD","call":"c2"}],"reasoning":"…",
"policies":[{"id":"high-value-escalation","version":"7","rule":"arr_and_complaints","effect":"escalate",
"conditions":[{"field":"crm.arr","value":45000,"op":"ge","threshold":25000,"unit":"USD/year","met":true},
{"field":"tickets.prior_complaints","value":3,"op":"ge","threshold":3,"unit":"count","met":true}]},
{"id":"discount-limit","version":"2","effect":"allow","conditions":[{"field":"discount","value":0.15,"op":"le",
"threshold":0.2,"unit":"share","met":true}]}],"decision":{"name":"apologise_with_discount",
"summary":"Apology with a 15 % discount; account manager in copy","automated":true,"affects":"limited"},
"tools":[{"call":"c1","name":"ticket_history","system":"tickets","operation":"read","status":"success",
"duration_ms":140},{"call":"c2","name":"crm_account","system":"crm","operation":"read","status":"success",
"duration_ms":90},{"call":"c3","name":"send_email","system":"mail","operation":"send","status":"success",
"time":"2026-11-24T15:42:00Z","duration_ms":300}],"access":[{"system":"crm","resource":"account/991",
"operation":"read","categories":["revenue"],"sensitivity":"confidential","purpose":"complaint","rows":1,
"subjects":["pii:customer:7f3k"],"call":"c2"}],"action":{"name":"send_email","system":"mail",
"target":"pii:email:9c2d","recipients":[{"id":"pii:email:9c2d","role":"to"},{"id":"staff:am-12","role":"cc"}],
"parameters":{"discount":0.15},"reversible":false},"outcome":{"status":"success"},
"subjects":["pii:customer:7f3k"]}
"#;

/// The same, built.
fn example() -> Record {
    let customer = "pii:customer:7f3k";
    let input = Input::new()
        .trigger(Trigger::Person)
        .from(customer)
        .channel("email")
        .received("2026-11-24T15:40:00Z")
        .text("…")
        .prompt(Prompt::from("complaint-reply").version("14").digest("sha256:…"))
        .variables([("tone", "apologetic")]);
    let arr = Condition::new("crm.arr")
        .value(45000)
        .op(Op::Ge)
        .threshold(25000)
        .unit("USD/year")
        .met(true);
    let prior = Condition::new("tickets.prior_complaints")
        .value(3)
        .op(Op::Ge)
        .threshold(3)
        .unit("count")
        .met(true);
    let discount = Condition::new("discount")
        .value(0.15)
        .op(Op::Le)
        .threshold(0.2)
        .unit("share")
        .met(true);
    let escalation = Policy::new("high-value-escalation")
        .version("7")
        .rule("arr_and_complaints");
    let limit = Policy::new("discount-limit")
        .version("2")
        .effect("allow")
        .condition(discount);
    let decision = Decision::new("apologise_with_discount")
        .summary("Apology with a 15 % discount; account manager in copy")
        .automated(true)
        .affects(Affects::Limited);
    let tool = |call: &str, name: &str, system: &str, operation: &str, took: i32| {
        let tool = Tool::new(name).call(call).system(system).operation(operation);
        tool.status(Status::Success).duration_ms(took)
    };
    let access = Access::new("crm", Operation::Read)
        .resource("account/991")
        .category("revenue")
        .sensitivity(Sensitivity::Confidential)
        .purpose("complaint")
        .rows(1)
        .subject(customer)
        .call("c2");
    let action = Action::new("send_email")
        .system("mail")
        .target("pii:email:9c2d")
        .recipients([Recipient::to("pii:email:9c2d"), Recipient::cc("staff:am-12")])
        .parameters(json!({"discount": 0.15}))
        .reversible(false);
    let history = ContextItem::from_system("tickets", "history/7f3k").type_(ContextType::History);
    let account = ContextItem::from_system("crm", "account/991").type_("record");
    Record::decision(Agent::new("support").version("3.2"), decision)
        .at("2026-11-24T15:40:10Z")
        .duration_ms(110_000)
        .correlation("case-8812")
        .session("thread-552")
        .input(input)
        .retrieved(history.excerpt("3 prior complaints").call("c1"))
        .retrieved(account.excerpt("ARR 45000 USD").call("c2"))
        .reasoning("…")
        .policy(escalation.effect(Effect::Escalate).conditions([arr, prior]))
        .policy(limit)
        .tool(tool("c1", "ticket_history", "tickets", "read", 140))
        .tool(tool("c2", "crm_account", "crm", "read", 90))
        .tool(tool("c3", "send_email", "mail", "send", 300).time("2026-11-24T15:42:00Z"))
        .accessed(access)
        .with_action(action)
        .outcome(Status::Success)
        .subject(customer)
}

#[test]
fn the_example_can_be_built() {
    let built: Value = serde_json::from_str(&example().to_json()).unwrap();
    let written: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(built, written);
}

/// An object's members in the order of the text.
struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Ordered;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(Ordered(all))
            }
        }
        from.deserialize_map(Members)
    }
}

/// Asserts that the text's keys are known and stand in the table's order, and so for the objects inside.
fn in_table_order(text: &str, shape: &Shape) {
    let Ordered(members) = serde_json::from_str(text).unwrap();
    let place = |name: &str| shape.fields.iter().position(|field| field.name == name).unwrap();
    let places: Vec<_> = members.iter().map(|(name, _)| place(name)).collect();
    assert!(
        places.is_sorted_by(|before, after| before < after),
        "{}: {places:?}",
        shape.name
    );
    for (place, (_, value)) in places.into_iter().zip(&members) {
        match shape.fields[place].ty {
            Type::Object(inner) => in_table_order(value.get(), inner),
            Type::List(Type::Object(inner)) => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(value.get()).unwrap();
                items.iter().for_each(|item| in_table_order(item.get(), inner));
            }
            _ => {}
        }
    }
}

#[test]
fn members_are_written_in_the_tables_order() {
    let usage = Usage::new().currency("EUR").cost(0.12).output_tokens(2).input_tokens(1);
    let record = example()
        .usage(usage)
        .attribute("own", true)
        .id("0198…")
        .link(Link::new("0198…", Rel::Evidence))
        .source(Source::new("host", "1", 1))
        .with_handoff(Handoff::new(Receiver::team("accounts")).severity(Severity::High))
        .failed("timeout", "no answer");
    in_table_order(&record.to_json(), &RECORD);
}

#[test]
fn singular_setters_add_and_plural_ones_replace() {
    let policy = Policy::new("p").condition(Condition::new("a")).condition("b");
    assert_eq!(
        policy
            .conditions
            .iter()
            .map(|condition| condition.field.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    let record = Record::tool_call("a", "one")
        .tool(Tool::new("two").attempt(2))
        .policy(policy)
        .policy("q");
    assert_eq!((record.tools.len(), record.policies.len()), (2, 2));
    let record = record.tools(["three"]).subject("x").subject("y");
    assert_eq!(
        (record.tools, record.subjects),
        (vec![Tool::new("three")], vec!["x".to_owned(), "y".to_owned()])
    );
}

#[test]
fn short_constructors_say_their_kind() {
    let to_json = |record: Record| record.to_json();
    assert_eq!(to_json(Record::new("a", "own")), r#"{"agent":{"id":"a"},"kind":"own"}"#);
    assert_eq!(
        to_json(Record::error("a", "gone")),
        r#"{"agent":{"id":"a"},"kind":"error","outcome":{"status":"failure","error":{"message":"gone"}}}"#
    );
    let records = [
        Record::decision("a", "refund"),
        Record::model_call("a", "m-1"),
        Record::tool_call("a", "search"),
        Record::retrieval("a"),
        Record::message("a"),
        Record::action("a", "send"),
        Record::escalation("a", Receiver::human("h")),
        Record::handoff("a", "queue-7"),
        Record::approval("a", Human::new().id("h").did(Did::Approved)),
        Record::review("a", Verdict::Wrong),
        Record::error("a", "gone"),
        Record::heartbeat("a", HeartbeatState::Alive),
        Record::definition("a", Definition::prompt("p", "sha256:00")),
    ];
    let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, Kind::NAMES);
    records
        .iter()
        .for_each(|record| in_table_order(&record.to_json(), &RECORD));
}

#[test]
fn a_failure_keeps_the_outcomes_detail() {
    let outcome = Outcome::new(Status::Unknown).detail("half of it was sent");
    let record = Record::action("a", "send")
        .outcome(outcome)
        .failed("timeout", "no answer");
    let error = ErrorDetail::new().type_("timeout").message("no answer");
    assert_eq!(
        record.outcome,
        Some(Outcome::new(Status::Failure).detail("half of it was sent").error(error))
    );
}

#[test]
fn attributes_are_set_one_by_one_and_floats_that_are_not_finite_are_null() {
    let record = Record::new("a", "own")
        .attribute("a", 1)
        .attribute("b", "x")
        .attribute("a", json!([2]));
    assert_eq!(
        record.duration_ms(f64::NAN).to_json(),
        r#"{"agent":{"id":"a"},"kind":"own","duration_ms":null,"attributes":{"a":[2],"b":"x"}}"#
    );
}
