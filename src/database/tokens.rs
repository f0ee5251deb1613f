//! What the server has to say and to ask that embedders have not: of tokens, and in the name of their holders.

use super::{Database, Mode};
use crate::error::Result;
use crate::log::TokenEvent;
use crate::policy::line_of;
use crate::query::{Found, Query};
use crate::record::Prepared;

impl Database {
    /// Records that a token was made or revoked.
    pub(crate) fn say_of_token(&self, said: &TokenEvent) -> Result<()> {
        match &self.inner.mode {
            Mode::Writing(log) => log.token(said),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.token(said),
        }
    }

    /// The first of some records that is not as the schema says.
    pub(crate) fn first_refused(&self, texts: &[&str]) -> Option<usize> {
        let (policy, limit) = (self.policy().ok()?, self.inner.options.record_bytes);
        let is_refused = |text: &&str| Prepared::new(&self.filled(policy.as_deref(), text.as_bytes()), limit).is_err();
        texts.iter().position(is_refused)
    }

    /// Whether records are taken: not since a write failed.
    pub(crate) fn is_writable(&self) -> Result<()> {
        match &self.inner.mode {
            Mode::Writing(log) => log.is_writable(),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.own().map_or(Ok(()), |log| log.is_writable()),
        }
    }

    /// The records that fit a query in some of the database's logs; in all if none is named.
    pub(crate) fn query_in(&self, lines: &[String], query: &Query) -> Result<Found> {
        let mut logs = self.logs_to_ask()?;
        if !lines.is_empty() {
            let is_asked = |log: &str| lines.iter().any(|line| line == line_of(log));
            logs.asked.retain(|asked| is_asked(asked.files.identity.name()));
            logs.unasked.retain(|unasked| is_asked(&unasked.log));
        }
        Found::new(&logs, query)
    }
}
