//! Who acted, and how the record hangs together with other ones.

use super::super::kinds::{Principal, Rel};
use serde::ser::SerializeMap as _;

shapes! {
    /// Who acted, in which version, and for whom.
    Agent "agent" {
        /// The agent's stable name, the same through all its versions; `auditdb` is the log's own.
        required id: Str, query "agent";
        /// The name that people read.
        optional name: Str, query "agent.name";
        /// The version of the agent as a whole: its code, prompts and tools.
        optional version: Str, query "version";
        /// Where it ran, such as `production`.
        optional environment: Str, query "environment";
        /// For whom the agent acted.
        optional on_behalf_of: OnBehalfOf;
    }

    /// For whom an agent acted.
    OnBehalfOf "on_behalf_of" {
        /// What kind of principal it is.
        optional type_: Principal, query "on_behalf_of.type";
        /// Who it is; a token rather than a person's name.
        optional id: Str, query "on_behalf_of";
    }

    /// The place of the record in a distributed trace (W3C Trace Context, OpenTelemetry).
    Trace "trace" {
        /// The trace's id, 32 lower-case hexadecimal digits.
        optional id: Hex32, query "trace";
        /// The span's id, 16 lower-case hexadecimal digits.
        optional span: Hex16, query "trace.span";
    }

    /// How this record relates to an earlier one.
    Link "link" {
        /// The id of the other record.
        required id: Id, query "link";
        /// What this record is to the other one.
        required rel: Rel, query "link.rel";
    }

    /// The emitter's own running count, by which a missing record is noticed and a retry is recognised.
    Source "source" {
        /// The emitter's stable name, such as a host and a process.
        required id: Str, query "source";
        /// Which run of the emitter it is; new with each start, since the count starts again.
        required boot: Str, query "source.boot";
        /// The record's number within this run, from 1 and without gaps.
        required number: Positive, query "source.number";
    }
}
