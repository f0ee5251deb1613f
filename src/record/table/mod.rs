//! The table of the record's members, version 1: each object, each member, once. From it come the typed record, what
//! the scanner checks callers' text by, the JSON Schema and the names in queries.
//!
//! What must hold: the order of the members is the order in which they are written; names are unique within an
//! object, and objects' names within the table; a member, once here, keeps its meaning in every later version.
//! `macros.rs` says how a row is read.

#[macro_use]
mod macros;

mod came_in;
mod did;
mod log;
mod once;
mod top;
mod who;
mod why;

pub use came_in::{ContextItem, Input, Model, Prompt};
pub use did::{Access, Action, ErrorDetail, Fallback, Handoff, Outcome, Output, Receiver, Recipient, Tool, Usage};
pub use once::{Definition, Heartbeat, Privacy, Review};
pub use top::Record;
pub use who::{Agent, Link, OnBehalfOf, Source, Trace};
pub use why::{Alternative, Condition, Decision, Human, Policy, Reliance, Withheld};

pub(crate) use super::kinds::LOG_KINDS;

use super::shape::Shape;

/// The members that callers may send.
pub(crate) static RECORD: Shape = Record::SHAPE;

/// The members that the log puts first, in this order.
pub(crate) static LOG_MEMBERS: Shape = log::LogMembers::SHAPE;

/// The members of the kinds that only the log writes.
pub(crate) static LOG_KIND_MEMBERS: Shape = log::LogKindMembers::SHAPE;

/// The top members that are refused from callers.
pub(crate) static LOG_ONLY: &[&str] = &[
    "v", "seq", "logged", "writer", "salt", "conflict", "parts", "unrouted", "event", "alert", "part",
];

/// The member's name: the Rust name without the underscore that keeps it apart from a keyword.
pub(crate) const fn member_name(rust: &'static str) -> &'static str {
    match rust.as_bytes() {
        [name @ .., b'_'] => rust.split_at(name.len()).0,
        _ => rust,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_only_is_what_callers_may_not_send() {
        let log = LOG_MEMBERS
            .fields
            .iter()
            .chain(LOG_KIND_MEMBERS.fields)
            .map(|field| field.name);
        let not_callers: Vec<_> = log.filter(|name| RECORD.field(name.as_bytes()).is_none()).collect();
        assert_eq!(not_callers, LOG_ONLY);
    }

    #[test]
    fn the_log_writes_its_members_in_the_order_of_the_format() {
        let names: Vec<_> = LOG_MEMBERS.fields.iter().map(|field| field.name).collect();
        assert_eq!(
            names,
            [
                "v", "seq", "id", "logged", "time", "writer", "salt", "conflict", "parts", "unrouted"
            ]
        );
    }

    #[test]
    fn docs_are_one_clean_line_and_end_in_a_full_stop() {
        for shape in crate::record::schema::shapes() {
            for (name, doc) in shape
                .fields
                .iter()
                .map(|field| (field.name, field.doc))
                .chain([("", shape.doc)])
            {
                let clean = doc.ends_with('.') && !doc.contains("  ") && !doc.contains('\n') && doc.trim() == doc;
                assert!(clean, "{}.{name}: {doc:?}", shape.name);
            }
        }
    }

    #[test]
    fn only_the_keyword_loses_its_underscore() {
        assert_eq!(member_name("type_"), "type");
        assert_eq!(member_name("duration_ms"), "duration_ms");
    }
}
