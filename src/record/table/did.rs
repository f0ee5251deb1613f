//! What was done, with what, and how it ended.

use super::super::kinds::{Operation, ReceiverType, Role, Sensitivity, Severity, Status};
use serde::ser::SerializeMap as _;

shapes! {
    /// One call of a tool.
    Tool "tool" {
        /// The tool's name.
        required name: Str, query "tool";
        /// The call's id, by which contexts and accesses name it.
        optional call: Str, query "call";
        /// The system the tool reached.
        optional system: Str, query "system";
        /// What it did there.
        optional operation: Str, query "operation";
        /// Which attempt it was, from 1.
        optional attempt: Positive, query "tool.attempt";
        /// What the tool was given.
        optional parameters: Any;
        /// What the tool gave back.
        optional result: Any;
        /// How the call ended.
        optional status: Status, query "tool.status";
        /// Why the call failed.
        optional error: ErrorDetail;
        /// When the call started.
        optional time: Time, query "tool.time";
        /// How long it took, in milliseconds.
        optional duration_ms: Amount, query "tool.duration";
    }

    /// One access to data: what was touched, for what purpose, and about whom.
    Access "access" {
        /// The system that holds the data.
        required system: Str, query "system";
        /// What was touched within it.
        optional resource: Text, query "resource";
        /// What was done with it.
        required operation: Operation, query "operation";
        /// The categories of the data, such as `revenue`.
        repeated categories: Str, query "category", each category;
        /// How sensitive the data is.
        optional sensitivity: Sensitivity, query "sensitivity";
        /// What the data was used for.
        optional purpose: Str, query "purpose";
        /// The legal basis of the use.
        optional legal_basis: Str, query "legal_basis";
        /// How many rows or items were touched.
        optional rows: Integer, query "rows";
        /// Whose data was touched, as tokens.
        repeated subjects: Str, query "subject", each subject;
        /// To whom the data went.
        optional recipient: Str, query "recipient";
        /// The tool call that did it: that call's `tools[].call`.
        optional call: Str, query "call";
        /// The rule of the policy that this was filled in by, as `tools.NAME`, where the agent only named a tool.
        optional rule: Str;
        /// That rule's version.
        optional rule_version: Str;
    }

    /// What the agent did in the world.
    Action "action" {
        /// The action's name.
        required name: Str, query "action";
        /// The system in which it was done.
        optional system: Str, query "system";
        /// To what it was done.
        optional target: Text, query "target";
        /// Whom it reached.
        repeated recipients: Recipient, each recipient;
        /// The details of the action.
        optional parameters: Any;
        /// Whether it can be undone.
        optional reversible: Bool, query "reversible";
        /// How it can be undone.
        optional undo: Text;
    }

    /// One whom an action reached.
    Recipient "recipient" {
        /// Who it is; a token rather than a person's name.
        optional id: Str, query "recipient";
        /// In which role.
        optional role: Role, query "recipient.role";
    }

    /// What the model or the agent gave out.
    Output "output" {
        /// The output as data.
        optional parsed: Any;
        /// The output as text; only where the class keeps it.
        optional text: Text;
        /// The digest of the text, as `algorithm:hex`.
        optional digest: Digest, query "output.digest";
        /// Why the model stopped, in the provider's word.
        optional finish: Str, query "finish";
    }

    /// Something used in place of something else.
    Fallback "fallback" {
        /// What was to be used.
        required from: Str, query "fallback.from";
        /// What was used instead.
        required to: Str, query "fallback";
        /// Why.
        optional reason: Text;
    }

    /// The handing on of the matter to someone else.
    Handoff "handoff" {
        /// To whom it went.
        required to: Receiver;
        /// Why.
        optional reason: Text;
        /// How grave the matter is.
        optional severity: Severity, query "severity";
        /// When an answer is needed.
        optional respond_by: Time, query "handoff.respond_by";
    }

    /// To whom a matter is handed on.
    Receiver "receiver" {
        /// What kind of receiver it is.
        optional type_: ReceiverType, query "handoff.type";
        /// Who it is.
        optional id: Str, query "handoff";
    }

    /// How it ended.
    Outcome "outcome" {
        /// How it ended, in one word.
        required status: Status, query "outcome";
        /// How it ended, in a sentence.
        optional detail: Text;
        /// Why it failed.
        optional error: ErrorDetail;
    }

    /// Why something failed.
    ErrorDetail "error" {
        /// The error's class, such as `timeout`.
        optional type_: Str, query "error";
        /// What it said.
        optional message: Text;
        /// The code it carried, as text.
        optional code: Str, query "error.code";
        /// Whether another attempt may succeed.
        optional retryable: Bool, query "error.retryable";
        /// Where in the code it happened.
        optional stack: Text;
    }

    /// What this record's own call used; sums over many calls are the reader's.
    Usage "usage" {
        /// Tokens read.
        optional input_tokens: Integer, query "tokens.input";
        /// Tokens written.
        optional output_tokens: Integer, query "tokens.output";
        /// Tokens read from the provider's cache.
        optional cache_read_tokens: Integer, query "tokens.cache_read";
        /// Tokens written to the provider's cache.
        optional cache_write_tokens: Integer, query "tokens.cache_write";
        /// Tokens spent on reasoning.
        optional reasoning_tokens: Integer, query "tokens.reasoning";
        /// What the call cost, in the currency named next.
        optional cost: Amount, query "cost";
        /// The currency of the cost: three letters of ISO 4217.
        optional currency: Str, query "currency";
    }
}
