//! What the log says of the tokens by which agents show who they are: who may write is part of the evidence. The tokens themselves
//! are none of the log's business.

use super::events::system;
use super::handle::Log;
use super::writer::{CommitFailure, Writer};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// The event of a token that was made or revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenEvent {
    /// `token`.
    pub(crate) name: String,
    /// The token's id: the `writer` of what comes with it.
    pub(crate) token: String,
    /// `created` or `revoked`.
    pub(crate) did: String,
    /// What it may be used for.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// Only for these agents and logs, if any are named.
    #[serde(default)]
    pub(crate) agents: Vec<String>,
    /// See `agents`.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
}

impl Writer {
    pub(crate) fn token(&mut self, said: &TokenEvent) -> std::result::Result<(), CommitFailure> {
        let name = "token".to_owned();
        self.record(system(&TokenEvent { name, ..said.clone() }))
    }
}

impl Log {
    /// Whether records are taken: not since a write failed.
    pub(crate) fn is_writable(&self) -> Result<()> {
        self.core().queue.poisoned().map_or(Ok(()), Err)
    }

    /// Records that a token was made or revoked.
    pub(crate) fn token(&self, said: &TokenEvent) -> Result<()> {
        self.act(|writer| writer.token(said))
    }
}
