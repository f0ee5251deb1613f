//! What one entry is: its members, its text, its limits.
//!
//! A record is one JSON object on one line. Callers hand in theirs, typed ([`Record`]) or as text; [`Prepared`] is what
//! passed the checks. The log puts its own members in front (`line`), and what then stands in the line is stored,
//! hashed and given back byte for byte for ever.
//!
//! What must hold: nothing that a caller sent is changed but whitespace between tokens and the spelling of `id` and
//! `time`; no line is longer than 65,535 bytes; a line that was written once is never read by newer rules.

mod kinds;
mod line;
pub(crate) mod look;
mod parts;
mod plain;
mod prepare;
mod printable;
mod refusal;
mod scan;
mod schema;
pub mod shape;
mod table;
pub(crate) mod terms;
mod text;
mod time;
mod types;
mod walk;

pub use kinds::{CALLER_KINDS, EventName, LOG_KINDS, Method};
pub use line::{LINE_LIMIT, Writer};
pub use prepare::{Prepared, RECORD_LIMIT};
pub use refusal::{Reason, Refusal};
pub use schema::{QueryName, json_schema, query_names, shapes, stored_schema};
pub use time::{TimeFault, format_time, parse_time};
pub use types::*;

pub(crate) use line::{Front, Head, id_text, kind_and_event, part_text, read_head, read_keys, read_parts, write_line};
pub(crate) use parts::{digest, part_members, parts_list, put_back};
#[cfg(feature = "otlp")]
pub(crate) use prepare::LOG_AGENT;
pub(crate) use prepare::{SourceKey, named};
#[cfg(feature = "otlp")]
pub(crate) use printable::looks_like;
pub(crate) use printable::printable;
#[cfg(feature = "cli")]
pub(crate) use printable::printable_lines;
pub(crate) use scan::scan_value;
pub(crate) use schema::element;
pub(crate) use table::RECORD;
pub(crate) use text::{string_value, write_string};
pub(crate) use time::read_time;
pub(crate) use walk::{Child, children, members};
