//! What every call says again, word for word, is defined once and named by its digest.

use super::ids::id_of;
use super::look::{Look, kept, list, words};
use super::table;
use crate::record::{Agent, Definition, DefinitionType, Json, Prompt, Record, digest};

/// The definitions that an agent's record names.
pub(super) struct Once<'a> {
    agent: &'a str,
    pub(super) definitions: Vec<Record>,
}

impl<'a> Once<'a> {
    pub(super) fn new(agent: &'a str) -> Self {
        let definitions = Vec::new();
        Once { agent, definitions }
    }

    /// Defines what stands in every call; gives the attributes and the digests that stand for them.
    pub(super) fn repeated(&mut self, look: &Look<'_>) -> Vec<(&'static str, String)> {
        let mut named = Vec::new();
        for (name, of) in table::REPEATED {
            if let Some(value) = look.first(&[name]) {
                named.push((*name, self.define(name, *of, words(&value))));
            }
        }
        for (name, rest, of) in table::REPEATED_NUMBERED {
            let nth = |place: usize| look.first(&[&format!("{name}.{place}.{rest}")]);
            let all: Vec<Json> = (0..).map_while(nth).map(|value| kept(&value)).collect();
            if !all.is_empty() {
                let text = list(&all).as_str().to_owned();
                named.push((*name, self.define(name, *of, text)));
            }
        }
        named
    }

    /// Defines what an agent was told once and for all.
    pub(super) fn prompt(&mut self, text: String) -> Prompt {
        let digest = self.define("system", DefinitionType::Prompt, text);
        Prompt::new().id("system").digest(digest)
    }

    /// Defines a text, and gives its digest. From whichever span it comes, a definition is the same record.
    pub(super) fn define(&mut self, name: &str, of: DefinitionType, text: String) -> String {
        let digest = digest(text.as_bytes());
        let id = id_of(&[b"definition", self.agent.as_bytes(), name.as_bytes(), digest.as_bytes()]);
        let definition = Definition::new(name, digest.as_str()).type_(of).text(text);
        let record = Record::definition(Agent::new(self.agent), definition).id(id);
        self.definitions.push(record);
        digest
    }
}
