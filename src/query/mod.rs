//! Asking a log: an expression in text ([`Query::parse`]) or built in Rust, and the scan that answers it.
//!
//! A query's way: `parser` reads the text and `meaning` says what each clause of it means in the record's table (`fault`
//! names what it cannot read, with its place); `expr` is what comes out. `matcher` holds an expression against one record,
//! and `scan` goes through a log's records in order, past what cannot matter.
//!
//! What must hold: the scan needs no index and is what an index's answers are held against; no text makes the parser
//! panic, recurse without end or take long; a part of the log that cannot be read makes an answer partial, and is named
//! in it.

mod askable;
mod count;
mod cursor;
mod diff;
mod expected;
mod expr;
mod fault;
mod lint;
#[cfg(feature = "search")]
mod lower;
mod matcher;
mod meaning;
mod parser;
mod place;
mod question;
mod scan;
mod time;
mod trace;
mod why;

#[cfg(test)]
mod tests;

pub(crate) use askable::Askable;
pub(crate) use count::count;
pub use count::{CountRow, Counting, Counts, Figure, Measure, Per};
pub use cursor::Cursor;
pub(crate) use diff::diff;
pub use diff::{Change, Comparison, Pair, Without};
pub use expected::Member;
pub use fault::QueryFault;
pub(crate) use lint::lint;
pub use lint::{Finding, Lint, LintRow, Share};
pub use place::Place;
pub use question::{Order, Query};
pub use scan::{Found, Reach, Stopped};
pub use time::Zone;
pub(crate) use trace::trace;
pub use trace::{Gap, Step, Tie, Trace};
pub(crate) use why::why;
pub use why::{Fact, Said, Section, Why};

#[cfg(feature = "cli")]
pub(crate) use time::moment;
