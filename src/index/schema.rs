//! What an index holds of a record, as tantivy's fields. The schema is fixed: it comes from the record's table, and nothing
//! that a record says can make it grow.
//!
//! - `terms`: everything that is compared as a whole but a record's own id, as bytes: a tag, the field's place in two bytes, the value. So one
//!   dictionary has the exact values of all fields, the terms of the user's own attributes, which fields a record has, and
//!   which documents are records at all (pieces of large records are not).
//! - `words`: the words of all text, with their places; except those of names (agents, tools, models, statuses), of which a
//!   segment has few different ones: a search for words looks through the names themselves ([`super::names`]), and an eighth
//!   of the index is saved.
//! - a column for every number and time, for ranges, counts and sums.
//!
//! What must hold: whatever a program writes under a [`fingerprint`], every program with the same fingerprint reads as it
//! was meant. Places of fields are good within it, since it is made of all names.

use crate::record::terms::{FieldId, FieldInfo, Kind, fields};
use std::sync::OnceLock;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

/// To be raised whenever records are taken apart in another way than before: other words, other terms, another tantivy
/// format. Older indexes are then built anew.
const GENERATION: u32 = 2;

/// The name of the splitter of [`super::words`].
pub(super) const WORDS: &str = "auditdb";

/// tantivy's fields.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) terms: Field,
    pub(super) words: Field,
    /// For each field of the record its columns of whole numbers (or times) and of floats.
    columns: Vec<(Option<Field>, Option<Field>)>,
    by_name: ByName,
    /// Whether each field of the record holds names.
    names: Vec<bool>,
}

/// Fields that are looked at by themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByName {
    /// Left out: the segment itself has a table of them.
    pub(super) id: Option<FieldId>,
    pub(super) agent: Option<FieldId>,
    pub(super) correlation: Option<FieldId>,
    pub(super) seq: Option<FieldId>,
    pub(super) time: Option<FieldId>,
    pub(super) logged: Option<FieldId>,
}

impl Fields {
    /// The column for whole numbers and times of that field.
    pub(super) fn integers(&self, field: FieldId) -> Option<Field> {
        self.columns.get(field.place())?.0
    }

    /// The column for numbers that are not whole, or need not be.
    pub(super) fn floats(&self, field: FieldId) -> Option<Field> {
        self.columns.get(field.place())?.1
    }

    /// Whether values of the field are numbers or times.
    pub(super) fn is_numeric(&self, field: FieldId) -> bool {
        let columns = self.columns.get(field.place());
        columns.is_some_and(|(integers, floats)| integers.is_some() || floats.is_some())
            || Some(field) == self.by_name.seq
    }

    /// Whether the field's values are names, whose words are not among the others.
    pub(super) fn has_names(&self, field: FieldId) -> bool {
        self.names.get(field.place()).copied().unwrap_or(false)
    }

    pub(super) fn by_name(&self) -> ByName {
        self.by_name
    }
}

/// The name of a field's column in tantivy.
pub(super) fn column_name(field: FieldId, floats: bool) -> String {
    format!("{}{}", if floats { 'f' } else { 'i' }, field.place())
}

/// The fields of every index of this generation.
pub(super) fn schema() -> &'static Fields {
    static FIELDS: OnceLock<Fields> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let mut builder = SchemaBuilder::default();
        let terms = builder.add_bytes_field("terms", BytesOptions::default().set_indexed());
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let words = builder.add_text_field("words", TextOptions::default().set_indexing_options(indexing));
        let by_name = by_name();
        let mut column = |place: usize, floats: bool| {
            let field = FieldId::at(place).filter(|field| Some(*field) != by_name.seq)?;
            let name = column_name(field, floats);
            Some(match floats {
                true => builder.add_f64_field(&name, NumericOptions::default().set_fast()),
                false => builder.add_i64_field(&name, NumericOptions::default().set_fast()),
            })
        };
        let columns = fields().iter().enumerate().map(|(place, field)| match field.kind {
            Kind::Integer | Kind::Time => (column(place, false), None),
            Kind::Number => (None, column(place, true)),
            Kind::Any => (column(place, false), column(place, true)),
            Kind::Exact | Kind::Lower | Kind::Bool => (None, None),
        });
        let columns = columns.collect();
        let names = |field: &FieldInfo| field.kind == Kind::Exact && !NO_NAMES.contains(&field.name);
        Fields {
            schema: builder.build(),
            terms,
            words,
            columns,
            by_name,
            names: fields().iter().map(names).collect(),
        }
    })
}

/// The texts of these fields are mostly new ones, or whole sentences, or (a writer's) no text that is searched; all other
/// exact ones hold names.
const NO_NAMES: [&str; 17] = [
    "correlation",
    "session",
    "call",
    "subject",
    "resource",
    "target",
    "rule",
    "recipient",
    "input.from",
    "on_behalf_of",
    "human",
    "human.saw",
    "handoff",
    "decision.relied_on",
    "alert",
    "writer",
    "writer.method",
];

fn by_name() -> ByName {
    let named = |name: &str| {
        let place = fields().iter().position(|field| field.name == name)?;
        FieldId::at(place)
    };
    ByName {
        id: named("id"),
        agent: named("agent"),
        correlation: named("correlation"),
        seq: named("seq"),
        time: named("time"),
        logged: named("logged"),
    }
}

/// What stands for all rules by which an index is made; one with another fingerprint is an older (or a newer) one.
pub(super) fn fingerprint() -> [u8; 32] {
    static FINGERPRINT: OnceLock<[u8; 32]> = OnceLock::new();
    *FINGERPRINT.get_or_init(|| {
        let mut hasher = blake3::Hasher::new_derive_key("auditdb index rules v1");
        hasher.update(&GENERATION.to_le_bytes());
        for field in fields() {
            hasher.update(field.name.as_bytes());
            hasher.update(&[0, kind_tag(field.kind)]);
        }
        for name in NO_NAMES {
            hasher.update(name.as_bytes());
            hasher.update(&[0]);
        }
        *hasher.finalize().as_bytes()
    })
}

fn kind_tag(kind: Kind) -> u8 {
    match kind {
        Kind::Exact => 0,
        Kind::Lower => 1,
        Kind::Integer => 2,
        Kind::Number => 3,
        Kind::Time => 4,
        Kind::Bool => 5,
        Kind::Any => 6,
    }
}

/// The term of every record, which pieces of records have not.
pub(super) const RECORD: &[u8] = &[0];

/// Writes the term of a record that has the field.
pub(super) fn has_term(field: FieldId, out: &mut Vec<u8>) {
    term(1, field, &[], out);
}

/// Writes the term of a field's exact value, or what those of all values begin with that begin so.
pub(super) fn value_term(field: FieldId, value: &[u8], out: &mut Vec<u8>) {
    term(2, field, value, out);
}

/// Writes the term of one of the user's own attributes.
pub(super) fn attribute_bytes(attribute: &str, out: &mut Vec<u8>) {
    out.clear();
    out.push(3);
    out.extend_from_slice(attribute.as_bytes());
}

fn term(tag: u8, field: FieldId, value: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(tag);
    // There are some hundred fields.
    let place = u16::try_from(field.place()).unwrap_or(u16::MAX);
    out.extend_from_slice(&place.to_be_bytes());
    out.extend_from_slice(value);
}

/// What of a value's term is in front of the value.
pub(super) const VALUE_AT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_names_are_told_from_others() {
        let known: Vec<_> = fields().iter().map(|field| field.name).collect();
        assert!(NO_NAMES.iter().all(|name| known.contains(name)));
        let has_names = |name: &str| {
            let place = known.iter().position(|known| *known == name).unwrap();
            schema().has_names(FieldId::at(place).unwrap())
        };
        assert!(has_names("agent") && has_names("tool") && has_names("outcome") && has_names("policy"));
        assert!(!has_names("correlation") && !has_names("id") && !has_names("cost"));
    }
}
