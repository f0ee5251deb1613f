//! The texts behind the digests that a decision names: the policies and the prompt as they were in force.
//!
//! What must hold: a text passes for the one in force only if it has the digest that was named; where there is none, or
//! none that has it, the page says so.

use super::sections::Page;
use super::{Fact, Said};
use crate::error::Result;
use crate::log::Fault;
use crate::query::place::{Defined, Fits, Place};
use crate::record::look::{shown, word};
use std::collections::BTreeSet;

/// What was looked for on behalf of the page.
#[derive(Debug, Default)]
pub(super) struct Sought {
    /// What is in no log, a sentence each.
    pub(super) absent: Vec<String>,
    /// What could not be read meanwhile.
    pub(super) unreadable: Vec<Fault>,
    /// The digests that are done with.
    digests: BTreeSet<String>,
}

impl Page<'_> {
    /// The text of a policy or a prompt (`what`) that the record there names.
    pub(super) fn definition(
        &self,
        sought: &mut Sought,
        from: &Place,
        what: &str,
        named: &str,
    ) -> Result<Option<Fact>> {
        let id = shown(named, &["id"]).map_or_else(|| format!("the {what}"), |id| format!("the {what} {}", word(&id)));
        let Some(digest) = shown(named, &["digest"]) else {
            if shown(named, &["version"]).is_some() {
                sought.absent.push(format!(
                    "#{}: of {id} no digest is named, by which its text could be looked up",
                    from.seq
                ));
            }
            return Ok(None);
        };
        if !sought.digests.insert(digest.clone()) {
            return Ok(None);
        }
        let (found, faults) = self.texts.defined(&digest, from)?;
        let is_partial = !faults.is_empty();
        Fault::add_new(&mut sought.unreadable, faults);
        let Some(found) = found else {
            if !is_partial {
                sought.absent.push(format!(
                    "the text of {id} that #{} names {}: no definition has the digest {}",
                    from.seq,
                    self.texts.logs.nowhere(),
                    word(&digest)
                ));
            }
            return Ok(None);
        };
        let text = shown(&found.text, &["definition", "text"]);
        if found.fits == Fits::Not {
            let seq = found.place.seq;
            sought.absent.push(match &text {
                None => format!("the definition of {id} in #{seq} has no text"),
                Some(_) => format!(
                    "the text of {id} as it was in force {}: what #{seq} defines as {} has another digest",
                    self.texts.logs.nowhere(),
                    word(&digest)
                ),
            });
        }
        Ok(Some(told(found, text)))
    }
}

fn told(found: Defined, text: Option<String>) -> Fact {
    let of = |name: &str| shown(&found.text, &["definition", name]).map(|text| word(&text));
    let version = of("version").map(|version| format!("version {version}"));
    let named: Vec<String> = [of("type"), of("id"), version].into_iter().flatten().collect();
    let doubt = match found.fits {
        Fits::Yes => "",
        Fits::Not if text.is_none() => ", without a text",
        Fits::Not => ", whose text has another digest than it says",
        Fits::Unknown => ", whose digest is not checked: only sha256 is known here",
    };
    let text = text.map(|text| Said::new("text", text));
    Fact {
        from: found.place,
        said: Said::new("definition", format!("{}{doubt}", named.join(" "))).with(text),
    }
}
