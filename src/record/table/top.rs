//! The record itself: the members that callers send.

use super::super::kinds::Kind;
use super::{
    Access, Action, Agent, ContextItem, Decision, Definition, Fallback, Handoff, Heartbeat, Human, Input, Link, Model,
    Outcome, Output, Policy, Privacy, Review, Source, Tool, Trace, Usage,
};
use serde::ser::SerializeMap as _;

shapes! {
    /// One record, as a caller sends it. A member whose name is also that of a constructor is set by `with_` and
    /// its name.
    Record "record" {
        /// The record's id, a UUID; absent, the log gives one. The same id again is taken as a retry.
        optional id: Id, query "id";
        /// Who acted.
        required agent: Agent;
        /// What kind of record it is; `system`, `alert` and `part` are the log's own.
        required kind: Kind, query "kind";
        /// When it started, with an offset or `Z`; absent, the moment of writing.
        optional time: Time, query "time";
        /// How long it took, in milliseconds.
        optional duration_ms: Amount, query "duration";
        /// The chain from one trigger, through all agents.
        optional correlation: Str, query "correlation";
        /// The conversation, which may hold many chains.
        optional session: Str, query "session";
        /// The id of the record from which this one came.
        optional parent: Id, query "parent";
        /// The place in a distributed trace.
        optional trace: Trace;
        /// How this record relates to earlier ones.
        repeated links: Link, each link;
        /// The emitter's own running count.
        optional source: Source;
        /// The class of record, which chooses the log and how long it is kept.
        optional class: Str, query "class";
        /// The region in which it has to stay, which chooses the log.
        optional region: Str, query "region";
        /// What came in.
        optional input: Input;
        /// The model that was called.
        optional model: Model;
        /// What the agent was given to know.
        repeated context: ContextItem, each retrieved;
        /// The agent's own account of why.
        optional reasoning: Text;
        /// The policies that were applied.
        repeated policies: Policy, each policy;
        /// What was decided.
        optional decision: Decision, set with_decision;
        /// The human who took part.
        optional human: Human;
        /// The tools that were called.
        repeated tools: Tool, each tool;
        /// The data that was touched.
        repeated access: Access, each accessed;
        /// What was done in the world.
        optional action: Action, set with_action;
        /// What was given out.
        optional output: Output;
        /// What was used in place of something else.
        optional fallback: Fallback;
        /// To whom the matter was handed on.
        optional handoff: Handoff, set with_handoff;
        /// How it ended.
        optional outcome: Outcome;
        /// About whom it was decided, as tokens.
        repeated subjects: Str, query "subject", each subject;
        /// What this record's own call used.
        optional usage: Usage;
        /// The user's own members.
        optional attributes: Open;
        /// The text behind a digest; for records of kind `definition`.
        optional definition: Definition, set with_definition;
        /// A source's sign of life; for records of kind `heartbeat`.
        optional heartbeat: Heartbeat, set with_heartbeat;
        /// A judgement of an earlier record; for records of kind `review`.
        optional review: Review, set with_review;
        /// What was taken out of the text before it came here.
        optional privacy: Privacy;
    }
}
