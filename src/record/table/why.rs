//! Why it was done: the rules, the decision, the people.

use super::super::kinds::{Affects, Did, Effect, Op};
use serde::ser::SerializeMap as _;

shapes! {
    /// A policy that was applied, and what it came to.
    Policy "policy" {
        /// The policy's stable name.
        required id: Str, query "policy";
        /// The policy's version.
        optional version: Str, query "policy.version";
        /// The digest of the policy's text, as `algorithm:hex`.
        optional digest: Digest, query "policy.digest";
        /// The rule within the policy that decided.
        optional rule: Text, query "rule";
        /// What the policy asked for.
        optional effect: Effect, query "effect";
        /// What the rule looked at.
        repeated conditions: Condition, each condition;
    }

    /// One comparison of a rule, with the value as it was seen.
    Condition "condition" {
        /// What was compared, such as `crm.arr`.
        required field: Str, query "condition";
        /// The value as it was seen.
        optional value: Any, query "value";
        /// How it was compared: `value op threshold`.
        optional op: Op, query "condition.op";
        /// What it was compared with.
        optional threshold: Any, query "condition.threshold";
        /// The unit of both, such as `USD/year`.
        optional unit: Str, query "condition.unit";
        /// Whether the condition was met.
        optional met: Bool, query "condition.met";
    }

    /// What was decided.
    Decision "decision" {
        /// The decision's category, from a short list of the user's own.
        required name: Str, query "decision";
        /// The decision in a sentence.
        optional summary: Text;
        /// What was considered and not chosen.
        repeated alternatives: Alternative, each alternative;
        /// How sure the agent was, from 0 to 1.
        optional confidence: Share, query "confidence";
        /// Whether no human took part.
        optional automated: Bool, query "automated";
        /// How much it affects a person.
        optional affects: Affects, query "affects";
        /// What the decision rested on, and how much.
        repeated relied_on: Reliance, each relied;
        /// What would have led to another decision.
        optional counterfactual: Text;
        /// What was kept from the person concerned, and on what ground.
        repeated withheld: Withheld, each withhold;
    }

    /// Something considered and not chosen.
    Alternative "alternative" {
        /// The other choice.
        optional name: Str, query "decision.alternative";
        /// Why it was not taken.
        optional reason: Text;
    }

    /// Something the decision rested on.
    Reliance "reliance" {
        /// What it is: a context's resource or call, or a record's id.
        optional id: Str, query "decision.relied_on";
        /// How much it weighed, from 0 to 1.
        optional weight: Share;
    }

    /// Something kept from the person concerned.
    Withheld "withheld" {
        /// What was kept back.
        optional what: Text;
        /// The ground for it.
        optional ground: Text;
    }

    /// The human who looked at it.
    Human "human" {
        /// Who it was; a token rather than a person's name.
        optional id: Str, query "human";
        /// The role in which they acted.
        optional role: Str, query "human.role";
        /// What they did.
        optional did: Did, query "human.did";
        /// What they had before them: contexts' resources or calls, or records' ids.
        repeated saw: Str, query "human.saw";
        /// What they said.
        optional comment: Text;
        /// How long they took, in milliseconds.
        optional duration_ms: Amount, query "human.duration";
    }
}
