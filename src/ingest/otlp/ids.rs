//! How what stands in a span becomes a record's id, time and agent.

use super::super::{uuid_of, word};
use crate::record::{LOG_AGENT, format_time, looks_like};

/// An id that is computed: the same parts have the same, whenever and in whatever order they come.
pub(super) fn id_of(parts: &[&[u8]]) -> String {
    uuid_of(blake3::Hasher::new_derive_key("auditdb otlp id v1"), parts)
}

/// Nanoseconds since 1970 as a time; none for what no clock says: nothing, and what is behind the years that a log knows.
pub(super) fn time(nanoseconds: u64) -> Option<String> {
    let known = i64::try_from(nanoseconds)
        .ok()
        .filter(|time| (1..LAST_TIME).contains(time));
    known.map(format_time)
}

/// The end of 2261, in nanoseconds since 1970.
const LAST_TIME: i64 = 9_214_646_400_000_000_000;

/// An agent's name as an id. None may be called as the log itself is.
pub(super) fn agent_id(named: Option<&str>) -> String {
    let name = named.and_then(word);
    match name.unwrap_or_else(|| "unknown".to_owned()) {
        name if looks_like(&name, LOG_AGENT) => format!("agent {LOG_AGENT}"),
        name => name,
    }
}
