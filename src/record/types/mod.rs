//! The typed record: what a caller builds instead of writing JSON. The structs come from the table; here stand the
//! short ways to make them and the JSON values they hold.
//!
//! What must hold: whatever is built here is written in the table's order, absent members are left out, and a record
//! always becomes valid JSON. Whether the members' values are as the table asks (lengths, times, digests) is checked
//! once, by the log, for typed and for raw records alike.

pub(crate) mod json;
mod record;
mod short;
#[cfg(test)]
mod tests;

pub use super::kinds::{
    Affects, ContextType, DefinitionType, Did, Effect, HeartbeatState, Kind, Op, Operation, Principal, ReceiverType,
    Rel, Role, Sensitivity, Severity, Status, Trigger, Verdict,
};
pub use super::table::{
    Access, Action, Agent, Alternative, Condition, ContextItem, Decision, Definition, ErrorDetail, Fallback, Handoff,
    Heartbeat, Human, Input, Link, Model, OnBehalfOf, Outcome, Output, Policy, Privacy, Prompt, Receiver, Recipient,
    Record, Reliance, Review, Source, Tool, Trace, Usage, Withheld,
};
pub use json::{Json, Members};
