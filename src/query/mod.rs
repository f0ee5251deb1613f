//! Asking the logs of a database: an expression in text ([`Query::parse`]) or built in Rust, and the scans that answer it.
//!
//! A query's way: `parser` reads the text and `meaning` says what each clause of it means in the record's table (`fault`
//! names what it cannot read, with its place); `expr` is what comes out. `matcher` holds an expression against one record
//! (`needle` rules most of them out by a look at their bytes, `by_id` finds ids in the log's tables), `scan` goes through a
//! log's records in order, past what cannot matter, and `merge` makes one answer of several logs'.
//!
//! What must hold: the scan needs no index and is what an index's answers are held against; no text makes the parser
//! panic, recurse without end or take long; a part of the log that cannot be read makes an answer partial, and is named
//! in it.

mod askable;
mod by_id;
mod count;
mod cursor;
mod diff;
mod expected;
mod expr;
mod fault;
mod fits;
mod lint;
#[cfg(feature = "search")]
mod lower;
mod matcher;
mod meaning;
mod merge;
mod needle;
mod parser;
mod patience;
mod place;
mod question;
mod reach;
mod scan;
mod time;
mod trace;
mod why;

#[cfg(test)]
mod tests;

pub(crate) use askable::{Askable, Logs};
pub(crate) use count::count;
pub use count::{CountRow, Counting, Counts, Figure, Measure, Per};
pub use cursor::Cursor;
pub(crate) use diff::diff;
pub use diff::{Change, Comparison, Pair, Without};
pub use expected::Member;
pub use fault::QueryFault;
pub(crate) use fits::any_fits;
pub(crate) use lint::lint;
pub use lint::{Finding, Lint, LintRow, Share};
pub use merge::Found;
pub use patience::Patience;
pub use place::Place;
pub use question::{Order, Query};
pub use reach::{Reach, Stopped, Unasked, Unindexed};
pub use time::Zone;
pub(crate) use trace::trace;
pub use trace::{Gap, Step, Tie, Trace};
pub(crate) use why::why;
pub use why::{Fact, Said, Section, Why};

#[cfg(any(feature = "cli", feature = "server"))]
pub(crate) use time::moment;
