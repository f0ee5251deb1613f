//! What one clause of a query means: its name in the record's table, and its value as the field holds it.

use super::expr::{Expr, Scalar};
use super::time::{Zone, period};
use crate::record::terms::words as each_word;
use crate::record::terms::{
    FieldId, FieldInfo, Kind, Named, Number, attribute_term, cut, fields, named_field, nearest,
};
use std::ops::{Bound, Range};

/// A name as it was written, and what it names.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) meaning: Meant,
}

/// What a name names.
#[derive(Debug)]
pub(super) enum Meant {
    Field(FieldId),
    /// The path of one of the user's own members.
    Attribute(String),
}

/// A value as it was written.
#[derive(Debug)]
pub(super) struct Value {
    /// Without quotes, escapes and the star.
    pub(super) raw: String,
    pub(super) quoted: bool,
    /// Whether a star stands behind it.
    pub(super) prefix: bool,
    pub(super) at: Range<usize>,
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// Why a value does not go with a name.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) nearest: Vec<&'static str>,
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Refused {
            message,
            nearest: Vec::new(),
        }
    }
}

/// What that name names; if nothing, why, and the nearest names.
pub(super) fn name(text: &str) -> Result<Meant, (String, Vec<&'static str>)> {
    match named_field(text) {
        Named::Field(id) => Ok(Meant::Field(id)),
        Named::Attribute(path) => Ok(Meant::Attribute(path)),
        Named::Words if text.starts_with("attribute") => {
            let message = "a member of one's own is named by its path, as in attributes.order.id:7";
            Err((message.to_owned(), Vec::new()))
        }
        Named::Words => {
            // Members of it may be fields, whose names need not be like the path.
            let below = |path: &String| path.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'));
            let near = fields().iter().filter(|field| field.paths.iter().any(below));
            let message = format!("{text} is no field, only text: its words are looked for without a name");
            Err((message, near.take(3).map(|field| field.name).collect()))
        }
        Named::Unknown => {
            let names = || fields().iter().map(|field| field.name);
            let mut near = nearest(text, names());
            if near.is_empty() {
                // Nothing is spelled like it; perhaps something that goes on from it is meant.
                near = names()
                    .filter(|name| name.split('.').any(|step| step == text))
                    .take(3)
                    .collect();
            }
            let message = format!(
                "there is no field named {text:?}; a member of one's own is named attributes.{text}, words are looked for \
                 without a name, and in quotes if a colon is among them"
            );
            Err((message, near))
        }
    }
}

/// The words that a value has, as a phrase if they are several.
pub(super) fn words(value: &Value) -> Result<Expr, String> {
    let mut words = Vec::new();
    each_word(&value.raw, |word| words.push(word.to_owned()));
    if words.is_empty() {
        return Err("there is no word in this, only signs".to_owned());
    }
    Ok(Expr::Phrase {
        words,
        prefix: value.prefix,
    })
}

/// The record has the member.
pub(super) fn exists(name: &Name) -> Expr {
    match &name.meaning {
        Meant::Field(id) => Expr::Exists(*id),
        Meant::Attribute(path) => Expr::Or(vec![
            Expr::AttributePrefix(attribute_term(path, "")),
            // Or members of its own.
            Expr::AttributePrefix(format!("{path}.")),
        ]),
    }
}

/// The member is that value, or begins with it.
pub(super) fn equals(name: &Name, value: &Value, zone: &Zone) -> Result<Expr, Refused> {
    let id = match &name.meaning {
        Meant::Field(id) => *id,
        Meant::Attribute(path) if value.prefix => {
            return Ok(Expr::AttributePrefix(attribute_term(path, &value.raw)));
        }
        Meant::Attribute(path) => {
            let number = Number::parse(&value.raw).filter(|_| !value.quoted);
            let spelled = number.map(Number::spelled).filter(|spelled| *spelled != value.raw);
            let term = |value: &str| Expr::Attribute(attribute_term(path, value));
            return Ok(match spelled {
                // A number in another spelling, or text that looks like one.
                Some(spelled) => Expr::Or(vec![term(&value.raw), term(&spelled)]),
                None => term(&value.raw),
            });
        }
    };
    let field = id.info();
    let text = || cut(&value.raw).to_owned();
    if value.prefix {
        return match field.kind {
            Kind::Exact | Kind::Any => Ok(Expr::Prefix(id, text())),
            Kind::Lower => Ok(Expr::Prefix(id, text().to_ascii_lowercase())),
            _ => Err(format!(
                "{} holds {}, of which no beginning can be asked for",
                field.name,
                holds(field)
            )
            .into()),
        };
    }
    match field.kind {
        Kind::Exact if field.closed && !field.values.contains(&value.raw.as_str()) => Err(Refused {
            message: format!("{} is one of {}", field.name, field.values.join(", ")),
            nearest: nearest(&value.raw.to_lowercase(), field.values.iter().copied()),
        }),
        Kind::Exact => Ok(Expr::Text(id, text())),
        Kind::Lower => Ok(Expr::Text(id, text().to_ascii_lowercase())),
        Kind::Bool => match value.raw.as_str() {
            "true" | "false" => Ok(Expr::Text(id, text())),
            _ => Err(format!("{} is true or false", field.name).into()),
        },
        Kind::Integer | Kind::Number => Ok(Expr::Number(id, number(field, value)?)),
        Kind::Any => match Number::parse(&value.raw).filter(|_| !value.quoted) {
            Some(number) => Ok(Expr::Or(vec![Expr::Number(id, number), Expr::Text(id, text())])),
            None => Ok(Expr::Text(id, text())),
        },
        Kind::Time => {
            let period = time(field, value, zone)?;
            let (start, end) = (Scalar::Time(period.start), Scalar::Time(period.end));
            Ok(Expr::Range(id, Bound::Included(start), Bound::Excluded(end)))
        }
    }
}

/// The member is greater or less than that value.
pub(super) fn compare(name: &Name, how: Comparison, value: &Value, zone: &Zone) -> Result<Expr, Refused> {
    let id = match &name.meaning {
        Meant::Field(id) => *id,
        Meant::Attribute(_) => {
            let message = "members of one's own are compared as a whole; only fields of the schema have ranges";
            return Err(message.to_owned().into());
        }
    };
    let field = id.info();
    if value.prefix {
        return Err(format!("an end of a range is {}, and no beginning of one", holds(field)).into());
    }
    // Of a period, the side counts that lies on the far side of what is asked for: after a day is after its end.
    let (below, above) = match field.kind {
        Kind::Integer | Kind::Number | Kind::Any => {
            let number = Scalar::Number(number(field, value)?);
            (Bound::Included(number), Bound::Excluded(number))
        }
        Kind::Time => {
            let period = time(field, value, zone)?;
            let (start, end) = (Scalar::Time(period.start), Scalar::Time(period.end));
            return Ok(match how {
                Comparison::AtLeast => Expr::Range(id, Bound::Included(start), Bound::Unbounded),
                Comparison::Above => Expr::Range(id, Bound::Included(end), Bound::Unbounded),
                Comparison::AtMost => Expr::Range(id, Bound::Unbounded, Bound::Excluded(end)),
                Comparison::Below => Expr::Range(id, Bound::Unbounded, Bound::Excluded(start)),
            });
        }
        Kind::Exact | Kind::Lower | Kind::Bool => {
            return Err(format!(
                "{} holds {}; only numbers and times have ranges",
                field.name,
                holds(field)
            )
            .into());
        }
    };
    Ok(match how {
        Comparison::AtLeast => Expr::Range(id, below, Bound::Unbounded),
        Comparison::Above => Expr::Range(id, above, Bound::Unbounded),
        Comparison::AtMost => Expr::Range(id, Bound::Unbounded, below),
        Comparison::Below => Expr::Range(id, Bound::Unbounded, above),
    })
}

/// One range out of one that is open above and one that is open below: the same value has to lie in both.
pub(super) fn between(from: Expr, to: Expr) -> Expr {
    match (from, to) {
        (Expr::Range(field, lower, Bound::Unbounded), Expr::Range(_, Bound::Unbounded, upper)) => {
            Expr::Range(field, lower, upper)
        }
        (from, to) => from.and(to),
    }
}

fn number(field: &FieldInfo, value: &Value) -> Result<Number, Refused> {
    let number = Number::parse(&value.raw);
    number.ok_or_else(|| format!("{} holds a number, as in 25 or 0.5", field.name).into())
}

fn time(field: &FieldInfo, value: &Value, zone: &Zone) -> Result<Range<i64>, Refused> {
    period(&value.raw, zone).ok_or_else(|| {
        let name = field.name;
        format!("{name} holds a time: 2026-11-24, 2026-11-24T15:40, 2026-11-24T15:40:10.25Z, 2026-11-24T16:40+01:00, 2026-11")
            .into()
    })
}

fn holds(field: &FieldInfo) -> &'static str {
    match field.kind {
        Kind::Exact => "text",
        Kind::Lower => "an id",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Time => "a time",
        Kind::Bool => "true or false",
        Kind::Any => "a number or text",
    }
}
