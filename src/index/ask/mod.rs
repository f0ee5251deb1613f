//! Asking an index: a small tree of conditions ([`Question`]), and the places of the lines that fit, in either order, or
//! how many there are, or how they fall into groups.
//!
//! A question's way: `plan` looks its terms up, `eval` answers it for a run of lines as a set of `bits` (`phrase` where words
//! have to stand together), `positions` goes through the runs from one end, so that who wants the newest few reads little,
//! and `tally` counts in groups.
//!
//! What must hold: an answer is exact, the same that [`crate::record::terms::extract`] and a look at every record would
//! give; pieces of large records are in none.

mod bits;
mod eval;
mod phrase;
mod plan;
mod positions;
mod tally;

pub(crate) use positions::Positions;
pub(crate) use tally::{Bucket, Group, Grouping};

use super::opened::Index;
use super::unfit::{Unfit, guarded};
use crate::record::terms::{FieldId, Number};
use std::ops::Bound;
use std::sync::Arc;

/// What is asked of a record. A field with several values fits if one of them does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    /// Every record.
    All,
    /// None.
    Nothing,
    /// All of these.
    And(Vec<Question>),
    /// One of these.
    Or(Vec<Question>),
    Not(Box<Question>),
    /// A field has exactly that text, cut as values are; `true` and `false` for truth values.
    Text(FieldId, String),
    /// A field's text begins so.
    Prefix(FieldId, String),
    /// A field's number lies between these.
    Numbers(FieldId, Bound<Number>, Bound<Number>),
    /// A field's time lies between these, in nanoseconds since 1970.
    Times(FieldId, Bound<i64>, Bound<i64>),
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

impl Index {
    /// The places in the segment of the lines that fit, from its end or from its beginning, found while they are asked for.
    /// An error ends them: what came before it is right, and everything behind has to be looked at in another way.
    pub(crate) fn positions(self: &Arc<Self>, question: &Question, newest_first: bool) -> Result<Positions, Unfit> {
        let node = guarded(|| self.plan(question))?;
        Ok(Positions::new(Arc::clone(self), node, newest_first))
    }

    /// How many lines fit.
    pub(crate) fn count(&self, question: &Question) -> Result<u64, Unfit> {
        guarded(|| {
            let node = self.plan(question)?;
            if let Some(count) = node.known_count() {
                return Ok(count);
            }
            let every = self.every(0, self.count_lines())?;
            Ok(self.eval(&node, &every)?.count())
        })
    }
}

/// Whether anything between the two ends of a span can lie between these bounds.
pub(super) fn may_lie_between(span: (i64, i64), lower: &Bound<i64>, upper: &Bound<i64>) -> bool {
    let below = match lower {
        Bound::Unbounded => true,
        Bound::Included(end) => span.1 >= *end,
        Bound::Excluded(end) => span.1 > *end,
    };
    below
        && match upper {
            Bound::Unbounded => true,
            Bound::Included(end) => span.0 <= *end,
            Bound::Excluded(end) => span.0 < *end,
        }
}
