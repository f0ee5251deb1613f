//! A table of the policy file while it is read: what it may hold, and where each mistake stands. Every mistake is kept, so
//! that whoever wrote the file sees all of them at once.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something in the policy file that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Mistake {
    /// The file is no text from that byte on.
    pub(crate) fn not_utf8(bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or(bytes);
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        Mistake {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(line).chars().count() + 1,
            message: "this is not UTF-8".to_owned(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// The mistakes of a file so far.
#[derive(Debug)]
pub(super) struct Mistakes<'a> {
    text: &'a str,
    found: Vec<Mistake>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Mistakes {
            text,
            found: Vec::new(),
        }
    }

    /// There is one at these bytes.
    pub(super) fn say(&mut self, at: &Range<usize>, message: impl Into<String>) {
        let before = self.before(at);
        let line = before.rsplit('\n').next().unwrap_or_default();
        self.found.push(Mistake {
            line: self.line(at),
            column: line.chars().count() + 1,
            message: message.into(),
        });
    }

    /// The number of the line in which these bytes begin.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        self.before(at).matches('\n').count() + 1
    }

    fn before(&self, at: &Range<usize>) -> &'a str {
        self.text.get(..at.start).unwrap_or(self.text)
    }

    /// All of them, in the file's order.
    pub(super) fn into_found(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|mistake| (mistake.line, mistake.column));
        self.found
    }
}

/// A text of the file, and where it stands.
pub(super) type Placed = (String, Range<usize>);

/// One table, of which members are taken by their names; what is left at the end is a mistake.
pub(super) struct Section<'a> {
    name: String,
    at: Range<usize>,
    table: &'a DeTable<'a>,
    taken: Vec<&'static str>,
}

/// The longest text of the file, as of a record's names.
const LONGEST: usize = 256;

impl<'a> Section<'a> {
    /// The table of that name, if the value is one.
    pub(super) fn of(name: String, value: &'a Spanned<DeValue<'a>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Section {
                name,
                at: value.span(),
                table,
                taken: Vec::new(),
            }),
            other => {
                mistakes.say(&value.span(), format!("{name} is a table and not {}", kind(other)));
                None
            }
        }
    }

    /// The whole file.
    pub(super) fn whole(table: &'a Spanned<DeTable<'a>>) -> Self {
        Section {
            name: "the file".to_owned(),
            at: table.span(),
            table: table.get_ref(),
            taken: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it begins.
    pub(super) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The tables of `[name.…]`, each with its own name and where that stands.
    pub(super) fn named(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<(Placed, Section<'a>)> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let Some(around) = Section::of(format!("[{name}]"), value, mistakes) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (key, value) in around.table {
            let own = key.get_ref().to_string();
            if own.is_empty() || own.len() > LONGEST || own.chars().any(char::is_control) {
                mistakes.say(
                    &key.span(),
                    format!("{own:?} is no name: 1 to {LONGEST} bytes, nothing unprintable"),
                );
                continue;
            }
            let section = Section::of(format!("[{name}.{own}]"), value, mistakes);
            sections.extend(section.map(|section| ((own, key.span()), section)));
        }
        sections
    }

    /// The tables of `[[name]]`, in the file's order.
    pub(super) fn listed(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<Section<'a>> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let DeValue::Array(list) = value.get_ref() else {
            let message = format!("it is written [[{name}]], with two brackets: there may be several");
            mistakes.say(&value.span(), message);
            return Vec::new();
        };
        let of = |value| Section::of(format!("[[{name}]]"), value, mistakes);
        list.iter().filter_map(of).collect()
    }

    /// A text, and where it stands.
    pub(super) fn text(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Option<Placed> {
        let value = self.take(name)?;
        self.text_of(name, value, mistakes)
    }

    /// A text or a list of texts; empty if it is not there.
    pub(super) fn texts(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<Placed> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let DeValue::Array(list) = value.get_ref() else {
            return self.text_of(name, value, mistakes).into_iter().collect();
        };
        if list.is_empty() {
            mistakes.say(&value.span(), format!("{name} is an empty list; leave it out"));
        }
        list.iter()
            .filter_map(|value| self.text_of(name, value, mistakes))
            .collect()
    }

    /// A whole number within bounds, and where it stands.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<u32>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(u32, Range<usize>)> {
        let value = self.take(name)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            mistakes.say(
                &value.span(),
                format!("{name} is a whole number from {least} to {most}"),
            );
        }
        Some((number?, value.span()))
    }

    /// Ends the reading: there is to be nothing else in the table.
    pub(super) fn end(self, mistakes: &mut Mistakes<'_>) {
        for (key, _) in self.table {
            if self.taken.iter().any(|taken| taken == key.get_ref()) {
                continue;
            }
            let (name, known) = (&self.name, self.taken.join(", "));
            mistakes.say(
                &key.span(),
                format!("there is no {:?} in {name}; there are {known}", key.get_ref()),
            );
        }
    }

    fn take(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.taken.push(name);
        self.table.get(name)
    }

    fn text_of(&self, name: &str, value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Placed> {
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            other => {
                let message = format!("{name} is text in quotes and not {}", kind(other));
                mistakes.say(&value.span(), message);
                return None;
            }
        };
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            let message = format!("{name} has 1 to {LONGEST} bytes and nothing unprintable");
            mistakes.say(&value.span(), message);
            return None;
        }
        Some((Cow::into_owned(text.clone()), value.span()))
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
