//! What a database promises about its records, and where each of them goes: the policy file, the classes (for how long
//! records are kept), routes, people, tools.
//!
//! What must hold: a promise that was given with a record is never shortened; what is promised is counted in calendar
//! months, and never comes out shorter than they are.

mod class;
mod file;
mod hold;
mod pattern;
pub(crate) mod person;
mod route;
mod tool;

pub use class::Class;
pub(crate) use class::{Margin, expiry};
pub use file::Mistake;
pub(crate) use file::{AnchorRule, MOST_LOGS, POLICY_FILE, Policy, digest};
pub use hold::HoldInForce;
pub(crate) use hold::{Covering, Hold};
pub(crate) use person::Person;
pub(crate) use route::{DEFAULT_LOG, Facts, Inner, Way, fits_a_name, line_of};
pub(crate) use tool::ToolRule;
