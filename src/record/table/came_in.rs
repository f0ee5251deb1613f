//! What came in and what the agent knew.

use super::super::kinds::{ContextType, Trigger};
use serde::ser::SerializeMap as _;

shapes! {
    /// What set the agent going.
    Input "input" {
        /// What kind of thing it was.
        optional trigger: Trigger, query "trigger";
        /// Who or what sent it; a token rather than a person's name.
        optional from: Str, query "input.from";
        /// The way it came, such as `email`.
        optional channel: Str, query "channel";
        /// When it was received, which may be long before the agent started.
        optional received: Time, query "input.received";
        /// What it said.
        optional text: Text;
        /// The prompt's template; the assembled prompt is not recorded.
        optional prompt: Prompt;
        /// What was put into the template, by name.
        optional variables: Open;
    }

    /// A prompt's template, by name; its text stands in a `definition` record.
    Prompt "prompt" {
        /// The template's name.
        optional id: Str, query "prompt";
        /// The template's version.
        optional version: Str, query "prompt.version";
        /// The digest of the template's text, as `algorithm:hex`.
        optional digest: Digest, query "prompt.digest";
    }

    /// The model that was called.
    Model "model" {
        /// Who serves the model.
        optional provider: Str, query "model.provider";
        /// The model that answered.
        optional name: Str, query "model";
        /// The model that was asked for, where an alias or a router stands between.
        optional requested: Str, query "model.requested";
        /// The version or fingerprint the provider gave.
        optional version: Str, query "model.version";
        /// Where the model ran.
        optional region: Str, query "model.region";
        /// The call's settings, such as `temperature`.
        optional parameters: Open;
    }

    /// One thing the agent was given to know, by where it is found rather than in full.
    ContextItem "context" {
        /// The system it came from, such as `crm`.
        optional system: Str, query "system";
        /// What it is within that system.
        optional resource: Text, query "resource";
        /// What kind of thing it is.
        optional type_: ContextType, query "context.type";
        /// Which version of it was seen.
        optional version: Str, query "context.version";
        /// The moment whose state was seen.
        optional as_of: Time, query "context.as_of";
        /// The digest of what was seen, as `algorithm:hex`.
        optional digest: Digest, query "context.digest";
        /// How well it matched, in the retriever's own measure.
        optional score: Number, query "context.score";
        /// The part of it that mattered.
        optional excerpt: Text;
        /// The tool call that fetched it: that call's `tools[].call`.
        optional call: Str, query "call";
        /// The id of the record in which it was fetched or made.
        optional record: Id, query "context.record";
    }
}
