//! What an expression asks of an index.
//!
//! What must hold: the index's answer is the matcher's, record by record; a test holds them against each other.

use super::expr::{Expr, Scalar};
use super::question::field;
use crate::index::Question;
use crate::record::terms::{FieldId, Kind, Number};
use std::ops::Bound;

/// The same as a question to an index; `None` if one cannot answer it: it has no ids, which a segment's own table finds.
pub(crate) fn lower(expr: &Expr) -> Option<Question> {
    let all = |all: &[Expr]| all.iter().map(lower).collect::<Option<Vec<_>>>();
    Some(match expr {
        Expr::All => Question::All,
        Expr::And(parts) => Question::And(all(parts)?),
        Expr::Or(parts) => Question::Or(all(parts)?),
        Expr::Not(one) => Question::Not(Box::new(lower(one)?)),
        Expr::Text(id, _) | Expr::Prefix(id, _) if *id == field("id") => return None,
        // Every record has one.
        Expr::Exists(id) if *id == field("id") => Question::All,
        Expr::Text(field, text) => Question::Text(*field, text.clone()),
        // A truth value has no beginning.
        Expr::Prefix(field, _) if field.info().kind == Kind::Bool => Question::Nothing,
        Expr::Prefix(field, text) => Question::Prefix(*field, text.clone()),
        Expr::Number(field, number) => range(
            *field,
            Bound::Included(Scalar::Number(*number)),
            Bound::Included(Scalar::Number(*number)),
        ),
        Expr::Range(field, lower, upper) => range(*field, *lower, *upper),
        Expr::Exists(field) => Question::Exists(*field),
        Expr::Attribute(term) => Question::Attribute(term.clone()),
        Expr::AttributePrefix(term) => Question::AttributePrefix(term.clone()),
        Expr::Phrase { words, prefix } => Question::Phrase {
            words: words.clone(),
            prefix: *prefix,
        },
    })
}

/// A field holds numbers or times; an end of the other kind is one that nothing compares with.
fn range(field: FieldId, lower: Bound<Scalar>, upper: Bound<Scalar>) -> Question {
    match field.info().kind {
        Kind::Time => match (times(lower), times(upper)) {
            (Some(lower), Some(upper)) => Question::Times(field, lower, upper),
            _ => Question::Nothing,
        },
        Kind::Integer | Kind::Number | Kind::Any => match (numbers(lower), numbers(upper)) {
            (Some(lower), Some(upper)) => Question::Numbers(field, lower, upper),
            _ => Question::Nothing,
        },
        Kind::Exact | Kind::Lower | Kind::Bool => Question::Nothing,
    }
}

fn times(bound: Bound<Scalar>) -> Option<Bound<i64>> {
    whole(bound.map(|end| match end {
        Scalar::Time(at) => Some(at),
        Scalar::Number(_) => None,
    }))
}

fn numbers(bound: Bound<Scalar>) -> Option<Bound<Number>> {
    whole(bound.map(|end| match end {
        Scalar::Number(number) => Some(number),
        Scalar::Time(_) => None,
    }))
}

fn whole<T>(bound: Bound<Option<T>>) -> Option<Bound<T>> {
    match bound {
        Bound::Unbounded => Some(Bound::Unbounded),
        Bound::Included(end) => end.map(Bound::Included),
        Bound::Excluded(end) => end.map(Bound::Excluded),
    }
}

#[cfg(test)]
#[path = "lower_tests.rs"]
mod tests;
