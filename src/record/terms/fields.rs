//! The members of a record that have a name in queries, with a small id for each. The list comes from the record's
//! table; nothing is named a second time here.
//!
//! What must hold: an id is the place of a name in [`query_names`]. Ids are good for one run of the program; what is
//! written to disk says the name.

use super::plan::kinds_by_name;
use crate::record::schema::{QueryName, element, query_names};
use crate::record::shape::{Shape, Type};
use crate::record::table::{LOG_KIND_MEMBERS, RECORD};
use std::sync::OnceLock;

/// A name in queries, as its place among all of them; by default the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct FieldId(u16);

impl FieldId {
    /// Its place in [`fields`].
    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }

    /// The field at that place of [`fields`].
    pub(crate) fn at(place: usize) -> Option<Self> {
        let id = u16::try_from(place).ok().map(FieldId);
        id.filter(|_| place < fields().len())
    }

    /// What is known about it.
    pub(crate) fn info(self) -> &'static FieldInfo {
        // Ids are only made of places in this list, which is never empty.
        fields().get(self.place()).unwrap_or(&NO_FIELD)
    }
}

/// What a field's values are, and so how they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Text, compared byte for byte (by its first [`super::EXACT_LIMIT`] bytes).
    Exact,
    /// Ids and digests: as [`Kind::Exact`], but always in lower case.
    Lower,
    /// A whole number; what is greater than `i64::MAX` counts as that.
    Integer,
    /// A number, compared as a 64-bit float.
    Number,
    /// Nanoseconds since 1970 in UTC.
    Time,
    /// `true` or `false`.
    Bool,
    /// Whatever the caller put there: numbers are compared as numbers, strings and truth values as [`Kind::Exact`].
    Any,
}

/// A field: a name in queries, and what it holds.
#[derive(Debug)]
pub(crate) struct FieldInfo {
    /// The name, singular: `tool`, `tool.status`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether no other values than these are taken.
    pub(crate) closed: bool,
    /// The values it holds, all or the usual ones; empty where it holds anything.
    pub(crate) values: &'static [&'static str],
    /// Where it looks, without `[]`: `tools.status`.
    pub(crate) paths: Vec<String>,
}

static NO_FIELD: FieldInfo = FieldInfo {
    name: "",
    kind: Kind::Exact,
    closed: false,
    values: &[],
    paths: Vec::new(),
};

/// All fields, in the table's order.
pub(crate) fn fields() -> &'static [FieldInfo] {
    static FIELDS: OnceLock<Vec<FieldInfo>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let kinds = kinds_by_name();
        let field = |known: QueryName| {
            let (kind, closed) = kinds.get(known.name).copied().unwrap_or((Kind::Exact, false));
            FieldInfo {
                name: known.name,
                kind,
                closed,
                values: known.values,
                paths: known.paths.iter().map(|path| path.replace("[]", "")).collect(),
            }
        };
        query_names().into_iter().map(field).collect()
    })
}

/// What a name in a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A member of the schema.
    Field(FieldId),
    /// One of the user's own members, by its path behind `attributes.`.
    Attribute(String),
    /// A member of the schema that is no field: its words are found, and it is not compared.
    Words,
    /// Nothing that is known.
    Unknown,
}

/// What the name means: a field's name, or the path of a member that is one, with or without the plural.
pub(crate) fn named_field(name: &str) -> Named {
    let path = name
        .strip_prefix("attributes.")
        .or_else(|| name.strip_prefix("attribute."));
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        return Named::Attribute(path.to_owned());
    }
    let by_name = fields().iter().position(|field| field.name == name);
    let by_path = || {
        let is = |path: &String| same_path(path, name);
        fields().iter().position(|field| field.paths.iter().any(is))
    };
    let id = by_name.or_else(by_path).and_then(FieldId::at);
    let other = || {
        let tops = [&RECORD, &LOG_KIND_MEMBERS];
        if tops.into_iter().any(|top| has_member(top, name)) {
            Named::Words
        } else {
            Named::Unknown
        }
    };
    id.map_or_else(other, Named::Field)
}

/// Whether an object of the table has a member of that path, with or without the plural.
fn has_member(shape: &Shape, path: &str) -> bool {
    let (step, rest) = path
        .split_once('.')
        .map_or((path, None), |(step, rest)| (step, Some(rest)));
    let step = singular(step);
    let found = shape.fields.iter().find(|field| singular(field.name) == step);
    found.is_some_and(|field| match (rest, element(field.ty).0) {
        (None, _) => true,
        (Some(rest), Type::Object(inner)) => has_member(inner, rest),
        (Some(_), _) => false,
    })
}

fn same_path(path: &str, name: &str) -> bool {
    path.split('.').map(singular).eq(name.split('.').map(singular))
}

/// A step of a path in one form for its singular and its plural; it need not be a word.
fn singular(step: &str) -> String {
    match (step.strip_suffix("ies"), step.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => step.to_owned(),
    }
}

/// The known names that look most like this one, the nearest first; none if none does.
pub(crate) fn nearest(name: &str, among: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    /// How many are named at most.
    const MOST: usize = 3;
    let name: Vec<char> = name.chars().take(64).collect();
    let allowed = (name.len() / 3).clamp(1, 3);
    let far = |other: &str| distance(&name, &other.chars().collect::<Vec<_>>());
    let mut near: Vec<_> = among.into_iter().map(|other| (far(other), other)).collect();
    near.retain(|(far, _)| *far <= allowed);
    near.sort();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, other)| other).collect()
}

/// How many characters have to be put in, left out, changed or swapped with their neighbour to get from one to the
/// other (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j) + usize::from(x != y))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}
