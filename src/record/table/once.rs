//! The members that belong to records of one kind only, and the note of what was taken out of the text.

use super::super::kinds::{DefinitionType, HeartbeatState, Verdict};
use serde::ser::SerializeMap as _;

shapes! {
    /// The text behind a digest that other records name. The log repeats it in each later segment that needs it.
    Definition "definition" {
        /// What is defined.
        optional type_: DefinitionType, query "definition.type";
        /// Its stable name.
        required id: Str, query "definition";
        /// Its version.
        optional version: Str, query "definition.version";
        /// The digest of the text, as `algorithm:hex`.
        required digest: Digest, query "definition.digest";
        /// The text itself.
        optional text: Text;
    }

    /// A sign of life of one source, by which silence is told from loss.
    Heartbeat "heartbeat" {
        /// Whether the source starts, lives or stops.
        optional state: HeartbeatState, query "heartbeat";
        /// How often it comes, in milliseconds.
        optional every_ms: Integer, query "heartbeat.every";
        /// How many records the source has made so far.
        optional records: Integer, query "heartbeat.records";
        /// How many of them wait to be sent.
        optional queued: Integer, query "heartbeat.queued";
        /// How many of them were lost for want of room.
        optional dropped: Integer, query "heartbeat.dropped";
    }

    /// A later judgement of an earlier record; `links` says which one.
    Review "review" {
        /// Whether it was right.
        optional verdict: Verdict, query "review";
        /// Why.
        optional reason: Text;
        /// What is to change.
        optional change: Text;
    }

    /// What was taken out of the text before it came here.
    Privacy "privacy" {
        /// The version of the rules that did it.
        optional rules: Str, query "privacy.rules";
        /// How many values of each category were replaced by tokens.
        optional replaced: Open;
        /// How many values were left out altogether.
        optional dropped: Integer, query "privacy.dropped";
    }
}
