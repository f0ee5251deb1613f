//! A small agent that records its own decisions: `cargo run --example own_decisions`.

use auditdb::Database;
use auditdb::record::{Condition, Effect, Input, Op, Outcome, Policy, Record, Status, Tool, Trigger};
use serde_json::json;

/// Decides about a refund, and writes down why before anything happens.
fn decide(db: &Database, case: &str, amount: f64) -> Result<bool, Box<dyn std::error::Error>> {
    let limit = 50.0;
    let allowed = amount <= limit;
    let effect = if allowed { Effect::Allow } else { Effect::Escalate };
    let condition = Condition::new("refund.amount")
        .value(amount)
        .op(Op::Le)
        .threshold(limit)
        .unit("EUR")
        .met(allowed);
    let decision = Record::decision("refunds", if allowed { "refund" } else { "ask_a_person" })
        .correlation(case)
        .input(Input::default().trigger(Trigger::Person).text("I want my money back."))
        .policy(
            Policy::new("refund-limit")
                .version("3")
                .effect(effect)
                .condition(condition),
        )
        .reasoning(format!("{amount} EUR against a limit of {limit} EUR."));
    let receipt = db.append(&decision)?;
    if allowed {
        let call = Tool::new("pay")
            .parameters(json!({ "case": case, "amount": amount }))
            .status(Status::Success);
        let action = Record::tool_call("refunds", call)
            .correlation(case)
            .parent(receipt.id());
        db.append(&action.outcome(Outcome::from(Status::Success)))?;
    }
    Ok(allowed)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join(format!("auditdb-example-{}", std::process::id()));
    let db = Database::create(&dir)?;
    for (case, amount) in [("case-1", 12.5), ("case-2", 900.0)] {
        println!(
            "{case}: {}",
            if decide(&db, case, amount)? {
                "paid"
            } else {
                "a person decides"
            }
        );
    }
    db.seal()?;
    println!("{}\n\nlook at it with: auditdb tail {}", db.verify()?, dir.display());
    Ok(())
}
