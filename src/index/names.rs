//! Searching for words among names: agents, tools, models, statuses and the like. A segment has few different ones, and each is
//! a term with the list of its records already, so their words are not listed a second time.
//!
//! What must hold: the records that are found are those that a look at every text would find; an index of a segment with very
//! many names takes no more memory than one with few.

use super::opened::Index;
use super::schema::{self, VALUE_AT, schema};
use super::unfit::Unfit;
use super::words::add_words;
use crate::record::terms::{FieldId, fields};
use tantivy::postings::TermInfo;

/// Names of so many bytes are kept with an open index; where there are more, all are gone through each time.
const KEPT: usize = 256 << 10;

/// The names of a segment.
pub(super) struct Names(Vec<(String, TermInfo)>);

impl Index {
    /// The names in which these words stand together; of the last one perhaps only its beginning is given.
    pub(super) fn names_with(&self, words: &[String], prefix: bool) -> Result<Vec<TermInfo>, Unfit> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = format!(" {}", words.join(" "));
        if !prefix {
            wanted.push(' ');
        }
        let wanted = memchr::memmem::Finder::new(&wanted);
        // A beginning of nothing is that of any word, but one has to be there.
        let within = |name: &str| name.len() - usize::from(prefix);
        let fits = |name: &str| {
            name.as_bytes()
                .get(..within(name))
                .is_some_and(|name| wanted.find(name).is_some())
        };
        if let Some(Names(kept)) = self.names.get() {
            let fitting = kept.iter().filter(|(name, _)| fits(name));
            return Ok(fitting.map(|(_, info)| info.clone()).collect());
        }
        let (mut found, mut kept, mut room) = (Vec::new(), Some(Vec::new()), KEPT);
        self.each_name(&mut |name, info| {
            if fits(name) {
                found.push(info.clone());
            }
            match (&mut kept, room.checked_sub(name.len())) {
                (Some(names), Some(left)) => {
                    names.push((name.to_owned(), info.clone()));
                    room = left;
                }
                _ => kept = None,
            }
        })?;
        if let Some(names) = kept {
            self.names.get_or_init(|| Names(names));
        }
        Ok(found)
    }

    /// Hands out every name, as its words with a space before and behind each.
    fn each_name(&self, each: &mut impl FnMut(&str, &TermInfo)) -> Result<(), Unfit> {
        let (mut key, mut name) = (Vec::new(), String::new());
        let with_names = (0..fields().len()).filter_map(FieldId::at);
        for field in with_names.filter(|field| schema().has_names(*field)) {
            schema::value_term(field, &[], &mut key);
            let mut stream = self.terms.terms().range().ge(&key).into_stream()?;
            while stream.advance() && stream.key().starts_with(&key) {
                let value = String::from_utf8_lossy(stream.key().get(VALUE_AT..).unwrap_or_default());
                name.clear();
                add_words(&value, &mut name);
                if !name.is_empty() {
                    name.insert(0, ' ');
                    name.push(' ');
                    each(&name, stream.value());
                }
            }
        }
        Ok(())
    }
}
