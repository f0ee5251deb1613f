//! What the log alone writes: its members of every record, and the members of its own kinds.

use super::super::kinds::{EventName, Method, Severity};

rows! {
    /// The members that the log puts first.
    LogMembers "log" {
        /// The version of the schema.
        required v: Positive;
        /// The record's place in the log, from 0: its leaf index.
        required seq: Integer, query "seq";
        /// The record's id, a UUID in lower case: the caller's, or one of version 7.
        required id: Id, query "id";
        /// When the log wrote it, by its own clock; the order is that of `seq` alone.
        required logged: Time, query "logged";
        /// When it started: the caller's time in UTC with nine digits, or the moment of writing.
        required time: Time, query "time";
        /// Who wrote the record to the log.
        optional writer: Writer;
        /// Random text, 22 characters; only where the caller chose the id.
        optional salt: Str;
        /// The seq of the record that already stood under this record's id or source, with other content.
        optional conflict: Integer, query "conflict";
        /// The values that were too large for the line, and where they belong.
        repeated parts: Parted;
        /// Why the record is in the default log: no route led anywhere, or there is no such class or region.
        optional unrouted: Str, query "unrouted";
    }

    /// Who wrote a record to the log, as the log made sure of it.
    Writer "writer" {
        /// The writer's name.
        optional id: Str, query "writer";
        /// How the log knew.
        optional method: Method, query "writer.method";
    }

    /// A value that stands in the `part` records just before, with `null` in its place.
    Parted "parts" {
        /// Where it belongs, as a JSON Pointer.
        optional path: Text;
        /// The digest of its JSON text, as `algorithm:hex`.
        optional digest: Digest;
        /// The length of its JSON text, in bytes.
        optional bytes: Integer;
        /// How many `part` records hold it.
        optional count: Positive;
    }

    /// The members of the kinds that only the log writes.
    LogKindMembers "log_kinds" {
        /// Something that happened to the log itself; for records of kind `system`.
        optional event: Event;
        /// Something the log noticed; for records of kind `alert`.
        optional alert: Alert;
        /// A piece of a large value; for records of kind `part`.
        optional part: Part;
    }

    /// Something that happened to the log itself; its further members depend on the name.
    Event "event" {
        /// What happened.
        required name: EventName, query "event";
    }

    /// Something the log noticed.
    Alert "alert" {
        /// The alert's id, the same from its opening to its end.
        required id: Str, query "alert";
        /// The rule that noticed it.
        optional rule: Str, query "alert.rule";
        /// The rule's version.
        optional version: Str, query "alert.version";
        /// How the alert stands now.
        optional state: Str, query "alert.state";
        /// How grave it is.
        optional severity: Severity, query "severity";
        /// What was seen.
        optional observed: Any;
        /// What should have been seen.
        optional expected: Any;
        /// When it should have been seen.
        optional due: Time, query "alert.due";
    }

    /// A piece of a value that was too large for its record's line.
    Part "part" {
        /// The id of the record to which it belongs.
        required of: Id;
        /// Where in that record the value belongs, as a JSON Pointer.
        optional path: Text;
        /// The digest of the whole value's JSON text, as `algorithm:hex`.
        required digest: Digest;
        /// Which piece it is, from 0.
        optional index: Integer;
        /// How many pieces there are.
        optional count: Positive;
        /// The piece of the value's JSON text.
        required text: Text;
    }
}
