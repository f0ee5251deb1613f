//! auditdb is the flight recorder for AI agents: an embedded, append-only log database. A record goes in as JSON, is
//! durable and chained when the call returns, is sealed into a file that any tool can read, and survives every crash;
//! [`Database::verify`] finds every byte that anybody changed.
//!
//! # Create, append, read back, verify
//!
//! ```
//! use auditdb::{Database, record::{Record, Status}};
//!
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path().join("audit");
//! let db = Database::create(&path)?;
//! let receipt = db.append(
//!     &Record::decision("support", "apologise")
//!         .correlation("case-8812")
//!         .reasoning("Three complaints within a year.")
//!         .outcome(Status::Success),
//! )?;
//!
//! let entry = db.get(receipt.seq)?;
//! assert_eq!(entry.id(), receipt.id());
//! assert!(entry.text().contains("case-8812"));
//!
//! // Or as text: any JSON object with `agent.id` and `kind`.
//! db.append_json(r#"{"agent":{"id":"support"},"kind":"message","correlation":"case-8812"}"#)?;
//! assert_eq!(db.records(receipt.seq..)?.count(), 2);
//!
//! let report = db.verify()?;
//! assert!(report.is_sound(), "{report}");
//! # Ok::<(), auditdb::Error>(())
//! ```
//!
//! # Three ways to append
//!
//! [`Database::append`] waits until the record is durable; callers in several threads share an fsync.
//! [`Database::append_all`] makes a list durable in one commit, as a whole or not at all, and says so if the list was
//! too long for that. [`Database::submit`] hands a record over and gives a [`Pending`] to wait on.
//!
//! # Find
//!
//! [`Database::query`] gives the records that fit a [`Query`], in text (`agent:refunds outcome:failure "apology email"`) or
//! built in Rust, one after the other as they are found, and says how far the answer goes. It asks all logs of a database
//! ([`Order`] says how they are merged) and goes on behind a [`Cursor`]. [`Database::count`] adds up in
//! groups, [`Database::trace`] gives a whole chain of decisions as a tree, [`Database::why`] one page about a decision.
//! [`Patience`] ends any of them at a deadline, or when somebody cancels it, with what was found by then.
//!
//! # What is promised
//!
//! - What was acknowledged survives `kill -9` and power loss. Dropping a handle without more ado loses nothing.
//! - A failed write or fsync stops the log ([`Error::Poisoned`]); a full disk does not ([`Error::DiskFull`]).
//! - Damage is reported and never repaired in silence; only [`Database::recover`] makes a damaged log writable.
//! - One process writes; others read beside it, and append through it ([`Database::join`]).
//!
//! - What an epoch has signed cannot be changed or removed unseen, not even with all keys that are there now: see
//!   [`threat_model`], and [`Database::genesis`] for what to note elsewhere.
//!
//! The files are of format 1 (`storage-format.md`), which every later release reads.
//!
//! # Features
//!
//! `cli` (on by default): the `auditdb` binary and the made-up workforce of its demo. Without it the crate is a library
//! without a command line.
//!
//! `search` (on by default): an index of every sealed segment, made in the background, so that queries need not look at
//! every record. It is the heaviest of what the crate depends on. Without it queries scan, and answer the same.
//!
//! `otlp` (on by default): spans and events of OpenTelemetry as records ([`ingest::otlp`]).
//!
//! `server` (on by default): [`server::Server`], which takes in what agents send over HTTP and answers questions, and the
//! proxies that record what clients of MCP call ([`ingest::mcp`], [`server::McpProxy`]). The one part with an async runtime.
//!
//! The files are described byte by byte in `storage-format.md`.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing))]

mod anchor;
#[cfg(feature = "cli")]
pub mod cli;
mod database;
pub mod disk;
mod entry;
mod error;
#[cfg(feature = "search")]
mod index;
pub mod ingest;
mod log;
mod policy;
pub mod proof;
mod query;
pub mod record;
mod retention;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "cli")]
pub mod workforce;

#[doc = include_str!("threat_model.md")]
pub mod threat_model {}

pub use anchor::AnchorAttempt;
pub use database::{
    Appended, BackedUp, BackedUpLog, BackupOptions, Database, Genesis, HeldRecords, Pending, RestoreOptions, Restored,
    VerifyOptions,
};
pub use entry::{At, Entry, Records};
pub use error::{Error, Estrangement, Result};
#[cfg(feature = "search")]
pub use index::{Indexed, Reindexed};
pub use log::{
    Actor, AnchorStanding, Anchors, BackedUpTo, CopyKind, Did, Done, Fault, Identity, Options, Receipt, Recovery,
    Report, Status, TornTail, Unconfirmed, What,
};
pub use policy::{Class, HoldInForce, Mistake};
pub use query::{
    Change, Comparison, CountRow, Counting, Counts, Cursor, Fact, Figure, Finding, Found, Gap, Lint, LintRow, Measure,
    Member, Order, Pair, Patience, Per, Place, Query, QueryFault, Reach, Said, Section, Share, Step, Stopped, Tie,
    Trace, Unasked, Unindexed, Why, Without, Zone,
};
pub use retention::{DroppedSegment, KeptSegment, RetainOptions, Retained};

/// The README's examples are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
