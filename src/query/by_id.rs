//! Ids in a query: each segment and journal has a table by which the record of an id is found, so it is looked up once, and
//! the query asks for its seq.

use super::expr::Expr;
use super::question::field;
use crate::log::Files;
use crate::record::terms::Number;
use uuid::Uuid;

/// The same expression of the records of that log, with seqs in the place of whole ids. Where something kept the log from
/// finding an id, it stays: then every record has to be looked at.
pub(super) fn resolved(expr: Expr, files: &Files) -> Expr {
    let all = |all: Vec<Expr>| all.into_iter().map(|one| resolved(one, files)).collect();
    match expr {
        Expr::And(parts) => Expr::And(all(parts)),
        Expr::Or(parts) => Expr::Or(all(parts)),
        Expr::Not(one) => Expr::Not(Box::new(resolved(*one, files))),
        Expr::Text(id, text) if id == field("id") => match seq_of(&text, files) {
            Ok(seq) => seq.map_or(Expr::Or(Vec::new()), |seq| {
                Expr::Number(field("seq"), Number::Integer(seq))
            }),
            Err(_) => Expr::Text(id, text),
        },
        other => other,
    }
}

/// The seq of the record with that id, in the one spelling that ids have; `None` if there is none.
fn seq_of(id: &str, files: &Files) -> crate::error::Result<Option<i64>> {
    let Some(uuid) = Uuid::try_parse(id).ok().filter(|uuid| uuid.to_string() == id) else {
        return Ok(None);
    };
    let seq = files.find_id(uuid.as_bytes())?;
    Ok(seq.and_then(|seq| i64::try_from(seq).ok()))
}
