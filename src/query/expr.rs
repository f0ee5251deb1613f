//! What a query asks of a record. Names are resolved and values are read: what is here can be answered.

use crate::record::format_time;
use crate::record::terms::{FieldId, Number};
use std::fmt;
use std::ops::Bound;

/// A condition on a record. A field with several values fits if one of them does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    /// Every record.
    All,
    /// All of these.
    And(Vec<Expr>),
    /// One of these.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// A field has exactly that text, cut as [`crate::record::terms::cut`] does; `true` and `false` for truth values.
    Text(FieldId, String),
    /// A field's text begins so.
    Prefix(FieldId, String),
    /// A field is that number.
    Number(FieldId, Number),
    /// A field's number or time lies between these.
    Range(FieldId, Bound<Scalar>, Bound<Scalar>),
    /// The record has the field.
    Exists(FieldId),
    /// The record has that term of the user's own attributes.
    Attribute(String),
    /// The record has a term of the user's own attributes that begins so.
    AttributePrefix(String),
    /// These words stand one behind the other in one text; of the last one perhaps only its beginning is given.
    Phrase {
        words: Vec<String>,
        prefix: bool,
    },
}

/// What can be compared by size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Number(Number),
    /// Nanoseconds since 1970 in UTC.
    Time(i64),
}

/// From one number to another, both included; nothing lies in it if the second is the smaller one.
pub(crate) type Span = (i64, i64);

/// All there is.
pub(crate) const EVERYTHING: Span = (i64::MIN, i64::MAX);

impl Expr {
    /// Both of them.
    pub(crate) fn and(self, other: Expr) -> Expr {
        match (self, other) {
            (Expr::All, other) => other,
            (this, Expr::All) => this,
            (Expr::And(mut all), Expr::And(others)) => {
                all.extend(others);
                Expr::And(all)
            }
            (Expr::And(mut all), other) => {
                all.push(other);
                Expr::And(all)
            }
            (this, other) => Expr::And(vec![this, other]),
        }
    }

    /// Within which times, or numbers, of that field every record lies that fits.
    pub(crate) fn span(&self, of: FieldId) -> Span {
        match self {
            Expr::And(all) => all
                .iter()
                .map(|one| one.span(of))
                .fold(EVERYTHING, |a, b| (a.0.max(b.0), a.1.min(b.1))),
            Expr::Or(all) => {
                let spans = all.iter().map(|one| one.span(of)).filter(|span| span.0 <= span.1);
                spans
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                    .unwrap_or((i64::MAX, i64::MIN))
            }
            Expr::Range(field, lower, upper) if *field == of => (least(*lower), greatest(*upper)),
            Expr::Number(field, Number::Integer(number)) if *field == of => (*number, *number),
            _ => EVERYTHING,
        }
    }

    /// Whether the expression asks for one of these fields anywhere.
    pub(crate) fn mentions(&self, is: &impl Fn(FieldId) -> bool) -> bool {
        match self {
            Expr::And(all) | Expr::Or(all) => all.iter().any(|one| one.mentions(is)),
            Expr::Not(one) => one.mentions(is),
            Expr::Text(field, _)
            | Expr::Prefix(field, _)
            | Expr::Number(field, _)
            | Expr::Range(field, ..)
            | Expr::Exists(field) => is(*field),
            Expr::All | Expr::Attribute(_) | Expr::AttributePrefix(_) | Expr::Phrase { .. } => false,
        }
    }
}

fn least(bound: Bound<Scalar>) -> i64 {
    match bound {
        Bound::Included(Scalar::Time(at)) | Bound::Included(Scalar::Number(Number::Integer(at))) => at,
        Bound::Excluded(Scalar::Time(at)) | Bound::Excluded(Scalar::Number(Number::Integer(at))) => {
            at.saturating_add(1)
        }
        _ => i64::MIN,
    }
}

fn greatest(bound: Bound<Scalar>) -> i64 {
    match bound {
        Bound::Included(Scalar::Time(at)) | Bound::Included(Scalar::Number(Number::Integer(at))) => at,
        Bound::Excluded(Scalar::Time(at)) | Bound::Excluded(Scalar::Number(Number::Integer(at))) => {
            at.saturating_sub(1)
        }
        _ => i64::MAX,
    }
}

/// As text that reads as the same expression, with a bracket around everything that has parts.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, all: &[Expr], between: &str| {
            f.write_str("(")?;
            for (place, one) in all.iter().enumerate() {
                if place > 0 {
                    f.write_str(between)?;
                }
                one.fmt(f)?;
            }
            f.write_str(")")
        };
        match self {
            Expr::All => f.write_str("*"),
            Expr::And(all) => list(f, all, " AND "),
            Expr::Or(all) => list(f, all, " OR "),
            Expr::Not(one) => write!(f, "NOT {one}"),
            Expr::Text(field, text) => write!(f, "{}:{}", field.info().name, Quoted(text)),
            Expr::Prefix(field, text) => write!(f, "{}:{}*", field.info().name, Quoted(text)),
            Expr::Number(field, number) => write!(f, "{}:{}", field.info().name, number.spelled()),
            Expr::Range(field, lower, upper) => {
                let end = |bound: &Bound<Scalar>| match bound {
                    Bound::Unbounded => "*".to_owned(),
                    Bound::Included(Scalar::Time(at)) | Bound::Excluded(Scalar::Time(at)) => format_time(*at),
                    Bound::Included(Scalar::Number(at)) | Bound::Excluded(Scalar::Number(at)) => at.spelled(),
                };
                let open = if matches!(lower, Bound::Excluded(_)) { '{' } else { '[' };
                let close = if matches!(upper, Bound::Excluded(_)) { '}' } else { ']' };
                write!(f, "{}:{open}{} TO {}{close}", field.info().name, end(lower), end(upper))
            }
            Expr::Exists(field) => write!(f, "{}:*", field.info().name),
            Expr::Attribute(term) => {
                let (path, value) = term.split_once('\0').unwrap_or((term, ""));
                write!(f, "attributes.{}:{}", Escaped(path), Quoted(value))
            }
            Expr::AttributePrefix(term) => match term.split_once('\0') {
                Some((path, "")) => write!(f, "attributes.{}:*", Escaped(path)),
                Some((path, value)) => write!(f, "attributes.{}:{}*", Escaped(path), Quoted(value)),
                None => write!(f, "attributes.{}:*", Escaped(term.trim_end_matches('.'))),
            },
            Expr::Phrase { words, prefix } => {
                let star = if *prefix { "*" } else { "" };
                write!(f, "{}{star}", Quoted(&words.join(" ")))
            }
        }
    }
}

/// A value in quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A name, with a backslash before what is not of a word.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}
