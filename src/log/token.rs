//! What the log says of the tokens by which agents show who they are: who may write is part of the evidence. The tokens themselves
//! are none of the log's business.

use super::events::system;
#[cfg(feature = "server")]
use super::handle::Log;
use super::writer::{CommitFailure, Writer};
use serde::{Deserialize, Serialize};

/// A token that was made or revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenEvent {
    /// The token's id: the `writer` of what comes with it.
    pub(crate) token: String,
    /// `created` or `revoked`.
    pub(crate) did: String,
    /// What it may be used for.
    pub(crate) scopes: Vec<String>,
    /// Only for these agents and logs, if any are named.
    pub(crate) agents: Vec<String>,
    /// See `agents`.
    pub(crate) logs: Vec<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
}

#[derive(Serialize)]
struct Event<'a> {
    name: &'static str,
    #[serde(flatten)]
    said: &'a TokenEvent,
}

impl Writer {
    pub(crate) fn token(&mut self, said: &TokenEvent) -> Result<(), CommitFailure> {
        self.record(system(&Event { name: "token", said }))
    }
}

#[cfg(feature = "server")]
impl Log {
    /// Whether records are taken: not since a write failed.
    pub(crate) fn is_writable(&self) -> crate::error::Result<()> {
        self.core().queue.poisoned().map_or(Ok(()), Err)
    }

    /// Records that a token was made or revoked.
    pub(crate) fn token(&self, said: &TokenEvent) -> crate::error::Result<()> {
        self.act(|writer| writer.token(said))
    }
}
