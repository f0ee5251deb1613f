//! What every call says again, word for word, is defined once and named by its digest.

use super::ids::id_of;
use super::look::{Look, words};
use super::table;
use crate::record::{Agent, Definition, Record, digest};

/// What stands in every call is defined once; gives the attributes and the digests that stand for them.
pub(super) fn once(look: &Look<'_>, agent: &str, definitions: &mut Vec<Record>) -> Vec<(&'static str, String)> {
    let mut named = Vec::new();
    for (name, of) in table::REPEATED {
        let Some(value) = look.first(&[name]) else { continue };
        let text = words(&value);
        let digest = digest(text.as_bytes());
        let definition = Definition::new(*name, digest.as_str()).type_(*of).text(text);
        definitions.push(defined(agent, &digest, definition));
        named.push((*name, digest));
    }
    named
}

/// From whichever span it comes, a definition is the same record.
pub(super) fn defined(agent: &str, digest: &str, definition: Definition) -> Record {
    let id = id_of(&[b"definition", agent.as_bytes(), digest.as_bytes()]);
    Record::definition(Agent::new(agent), definition).id(id)
}
