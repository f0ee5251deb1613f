//! A step on the way as a record. What frameworks say of it they say of the calls below it too.

use super::super::raw::unfolded;
use super::look::Look;
use super::messages;
use super::table;
use crate::record::{Agent, Kind, Record};

/// A step, of the state that it was given only what is new in it.
pub(super) fn step(look: &Look<'_>, agent: Agent) -> Record {
    let mut record = Record::new(agent, Kind::from("step"));
    for name in table::STATES {
        let new = || messages::only_new(serde_json::from_str(look.span.attributes.text(name)?).ok()?);
        if let Some(new) = new() {
            look.take(name);
            table::NUMBERED_IN
                .iter()
                .for_each(|name| look.take_all(&format!("{name}.")));
            record = record.attribute(*name, unfolded(&new));
        }
    }
    record
}
