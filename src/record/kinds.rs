//! The names that members may hold, as Rust enums. A closed one takes these names and no other; an open one has the
//! usual names and `Other` for the user's own, and `From` finds the usual ones.
//!
//! What must hold: a name, once here, keeps its meaning; a closed list is in rising order where it has one.

use super::shape::Type;
use std::fmt;

/// The kinds of record that callers write; any other name is allowed too, but for [`LOG_KINDS`].
pub const CALLER_KINDS: &[&str] = Kind::NAMES;

/// The kinds of record that only the log writes.
pub const LOG_KINDS: &[&str] = &["system", "alert", "part"];

macro_rules! names {
    ($( $(#[doc = $about:literal])* $way:ident $type:ident {
        $( $(#[doc = $doc:literal])* $variant:ident $name:literal, )*
    } )*) => {
        $( names! { @$way [$($about)*] $type { $( [$($doc)*] $variant $name, )* } } )*

        /// Every name of every list, with what it becomes when read and written again.
        #[cfg(test)]
        fn there_and_back() -> Vec<(&'static str, &'static str, Option<String>)> {
            let mut all = Vec::new();
            $( all.extend($type::NAMES.iter().map(|name| {
                (stringify!($type), *name, $type::from_name(name).map(|found| found.to_string()))
            })); )*
            all
        }
    };

    (@closed [$($about:literal)*] $type:ident { $( [$($doc:literal)*] $variant:ident $name:literal, )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl $type {
            /// Whose name that is.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $( $name => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The name as it stands in the record.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $name, )*
                }
            }

            pub(crate) const TYPE: Type = Type::Closed(Self::NAMES);
        }
        names! { @both $type $($name)* }
    };

    (@open [$($about:literal)*] $type:ident { $( [$($doc:literal)*] $variant:ident $name:literal, )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $( $(#[doc = $doc])* $variant, )*
            /// A name of the user's own.
            Other(String),
        }

        impl $type {
            /// Whose usual name that is.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $( $name => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The name as it stands in the record.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $name, )*
                    Self::Other(name) => name,
                }
            }

            pub(crate) const TYPE: Type = Type::Usual(Self::NAMES);
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self::from_name(name).unwrap_or_else(|| Self::Other(name.to_owned()))
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                Self::from_name(&name).unwrap_or(Self::Other(name))
            }
        }
        names! { @both $type $($name)* }
    };

    (@both $type:ident $($name:literal)*) => {
        impl $type {
            /// The names, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$($name),*];
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

names! {
    /// What kind of record it is.
    open Kind {
        /// Something was decided.
        Decision "decision",
        /// A model was called.
        ModelCall "model_call",
        /// A tool was called.
        ToolCall "tool_call",
        /// Something was looked up for the agent to know.
        Retrieval "retrieval",
        /// A message came or went.
        Message "message",
        /// Something was done in the world.
        Action "action",
        /// The matter was raised to someone with more say.
        Escalation "escalation",
        /// The matter was handed on.
        Handoff "handoff",
        /// A human was asked.
        Approval "approval",
        /// An earlier record was judged.
        Review "review",
        /// Something failed.
        Error "error",
        /// A source is alive.
        Heartbeat "heartbeat",
        /// The text behind a digest.
        Definition "definition",
    }

    /// For whom an agent acts.
    closed Principal {
        /// A person who uses it.
        User "user",
        /// Another agent.
        Agent "agent",
        /// A service.
        Service "service",
        /// A schedule.
        Schedule "schedule",
    }

    /// What a record is to an earlier one.
    open Rel {
        /// Another attempt at the same.
        RetryOf "retry_of",
        /// Its approval.
        Approves "approves",
        /// Its review.
        Reviews "reviews",
        /// Its correction.
        Corrects "corrects",
        /// What became of it after it was handed on.
        HandoffOf "handoff_of",
        /// Rests on it.
        Evidence "evidence",
        /// Its consequence.
        CausedBy "caused_by",
    }

    /// What sets an agent going.
    closed Trigger {
        /// A person.
        Person "person",
        /// Another agent.
        Agent "agent",
        /// A schedule.
        Schedule "schedule",
        /// A call from another system.
        Webhook "webhook",
        /// An event in a stream.
        Event "event",
    }

    /// What kind of thing an agent was given to know.
    open ContextType {
        /// A document.
        Document "document",
        /// A row or object of a system.
        Record "record",
        /// What happened before.
        History "history",
        /// What the agent itself kept.
        Memory "memory",
        /// A page of the web.
        Web "web",
    }

    /// What a policy asked for.
    open Effect {
        /// It may be done.
        Allow "allow",
        /// It may not be done.
        Deny "deny",
        /// Someone with more say has to take it on.
        Escalate "escalate",
        /// A human has to agree first.
        RequireApproval "require_approval",
        /// Parts have to be taken out first.
        Redact "redact",
        /// The policy had nothing to say.
        None "none",
    }

    /// How a condition compares its value with its threshold.
    closed Op {
        /// Equal.
        Eq "eq",
        /// Not equal.
        Ne "ne",
        /// Less.
        Lt "lt",
        /// Less or equal.
        Le "le",
        /// Greater.
        Gt "gt",
        /// Greater or equal.
        Ge "ge",
        /// One of a list.
        In "in",
        /// Matching a pattern.
        Matches "matches",
    }

    /// How much a decision affects a person.
    closed Affects {
        /// Not at all.
        None "none",
        /// A little.
        Limited "limited",
        /// With legal or similarly grave effect.
        Significant "significant",
    }

    /// What a human did.
    closed Did {
        /// Agreed.
        Approved "approved",
        /// Refused.
        Rejected "rejected",
        /// Agreed to something changed.
        Edited "edited",
        /// Decided otherwise.
        Overrode "overrode",
        /// Looked on.
        Observed "observed",
    }

    /// How something ended.
    closed Status {
        /// As wanted.
        Success "success",
        /// By an error.
        Failure "failure",
        /// Not allowed.
        Denied "denied",
        /// Not yet.
        Pending "pending",
        /// Given up before its end.
        Cancelled "cancelled",
        /// No one knows.
        Unknown "unknown",
    }

    /// What is done with data.
    open Operation {
        /// Looked for.
        Search "search",
        /// Read.
        Read "read",
        /// Made.
        Create "create",
        /// Changed.
        Update "update",
        /// Removed.
        Delete "delete",
        /// Taken out in bulk.
        Export "export",
        /// Sent to someone.
        Send "send",
        /// Run.
        Execute "execute",
    }

    /// How sensitive data is, in rising order.
    closed Sensitivity {
        /// For everyone.
        Public "public",
        /// For everyone inside.
        Internal "internal",
        /// For those concerned.
        Confidential "confidential",
        /// For those who are named.
        Restricted "restricted",
    }

    /// In which role an action reached someone.
    closed Role {
        /// Addressed.
        To "to",
        /// In copy.
        Cc "cc",
        /// In hidden copy.
        Bcc "bcc",
        /// A party to it.
        Party "party",
    }

    /// To what kind of receiver a matter is handed on.
    closed ReceiverType {
        /// Another agent.
        Agent "agent",
        /// A human.
        Human "human",
        /// A team.
        Team "team",
        /// A queue.
        Queue "queue",
    }

    /// How grave something is, in rising order.
    closed Severity {
        /// It can wait.
        Low "low",
        /// It should be looked at.
        Medium "medium",
        /// It should be looked at soon.
        High "high",
        /// It should be looked at now.
        Critical "critical",
    }

    /// What is defined.
    closed DefinitionType {
        /// A prompt's template.
        Prompt "prompt",
        /// A policy.
        Policy "policy",
        /// A tool's description.
        Tool "tool",
        /// An agent's configuration.
        Agent "agent",
        /// A schema.
        Schema "schema",
    }

    /// Whether a source starts, lives or stops.
    closed HeartbeatState {
        /// It starts.
        Start "start",
        /// It lives.
        Alive "alive",
        /// It stops, and says so.
        Stop "stop",
    }

    /// Whether an earlier record was right.
    closed Verdict {
        /// It was.
        Right "right",
        /// It was not.
        Wrong "wrong",
        /// It cannot be said.
        Unclear "unclear",
    }

    /// How the log knew its writer.
    closed Method {
        /// By a token.
        Token "token",
        /// By a certificate.
        Mtls "mtls",
        /// By the user of the process at the other end of a socket.
        Unix "unix",
        /// By a signature.
        Signature "signature",
    }

    /// What happened to the log itself.
    open EventName {
        /// The log was made.
        Genesis "genesis",
        /// Its state was written down.
        State "state",
        /// It was opened.
        Opened "opened",
        /// It was opened after a crash.
        Recovered "recovered",
        /// The clock made a step.
        Clock "clock",
        /// A new epoch began.
        Epoch "epoch",
        /// A segment was sealed.
        Sealed "sealed",
        /// A segment was indexed.
        Indexed "indexed",
        /// A policy of the log was changed.
        Policy "policy",
        /// Something was kept from deletion.
        Hold "hold",
        /// Something was deleted.
        Tombstone "tombstone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        let all = there_and_back();
        assert!(!all.is_empty());
        for (list, name, back) in all {
            assert_eq!(back.as_deref(), Some(name), "{list}");
        }
    }

    #[test]
    fn open_lists_take_any_name_and_know_the_usual_ones() {
        assert_eq!(Effect::from("allow"), Effect::Allow);
        assert_eq!(Effect::from("throttle".to_owned()), Effect::Other("throttle".into()));
        assert_eq!(Effect::from("throttle").to_string(), "throttle");
        assert_eq!(Status::from_name("fine"), None);
    }

    #[test]
    fn sensitivity_is_ordered_and_the_logs_kinds_are_apart() {
        assert!(Sensitivity::Public < Sensitivity::Internal && Sensitivity::Confidential < Sensitivity::Restricted);
        assert!(LOG_KINDS.iter().all(|kind| !CALLER_KINDS.contains(kind)));
    }
}
