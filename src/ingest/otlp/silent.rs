//! Agents that keep to themselves what was asked and said: it is off by default in some SDKs, and who turned it on nowhere should
//! hear of it while there is time.

use super::look::Look;
use super::table::{self, Mark};
use std::collections::HashSet;

/// Which agents were told already, or send it otherwise.
#[derive(Debug, Default)]
pub(super) struct Silent {
    known: HashSet<String>,
}

/// So many agents are told apart; later ones hear nothing.
const AGENTS: usize = 4_096;

impl Silent {
    /// An agent sent messages, as log records.
    pub(super) fn speaks(&mut self, agent: &str) {
        self.is_new(agent);
    }

    /// What is said of an agent that sent a call of a model without any, the first time.
    pub(super) fn tell(&mut self, look: &Look<'_>, agent: &str) -> Option<String> {
        self.is_new(agent).then(|| {
            let has = |mark: &Mark| match mark {
                Mark::Scope(beginning) => look.span.scope.starts_with(beginning),
                Mark::Attribute(beginning) => look.span.attributes.iter().any(|(name, _)| name.starts_with(beginning)),
            };
            let advice = table::CONTENT.iter().find(|(mark, _)| has(mark));
            let advice = advice.map_or(table::CONTENT_ELSE, |(_, advice)| advice);
            let agent = crate::record::look::word(agent);
            format!("agent {agent} sends no content, only that it called a model: set {advice}")
        })
    }

    fn is_new(&mut self, agent: &str) -> bool {
        self.known.len() < AGENTS && self.known.insert(agent.to_owned())
    }
}
