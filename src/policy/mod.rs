//! What a log promises about its records. So far that is its class: how long they are kept.
//!
//! What must hold: a promise that was given with a record is never shortened; what is promised is counted in calendar
//! months, and never comes out shorter than they are.

mod class;
mod hold;

pub use class::Class;
pub(crate) use class::expiry;
pub(crate) use hold::Hold;
