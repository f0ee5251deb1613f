//! Agents that know nothing of auditdb: what they leave behind becomes records.
//!
//! What must hold: importing the same thing twice changes nothing, and what has no place in a record's members is kept
//! in its `attributes`.

pub mod chat;
