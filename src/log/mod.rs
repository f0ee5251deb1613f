//! One log.
mod derive;
mod events;
mod fault;
mod format;
mod journal;
mod keys;
mod layout;
mod replay;
mod segment;
mod view;
pub use fault::{Fault, What};
