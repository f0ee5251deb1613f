//! What of a record can be found: the members that have a name in queries (`fields`, `value`), the user's own attributes
//! (`attribute`), and the words of all text (`words`). `extract` walks a stored record and hands each of them to a
//! [`Sink`]. The scan and the search index both live on it, so that they cannot disagree about what a record holds.
//!
//! What must hold: whatever bytes come in, `extract` ends without a panic, and what it hands out is bounded by the
//! record's own length; the same record always gives the same terms in the same order; words that stand together in a
//! value have consecutive places, and words of two values never do.

mod attribute;
mod extract;
mod fields;
mod loose;
mod plan;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub(crate) use attribute::attribute_term;
pub(crate) use extract::{Sink, extract, extract_whole};
pub(crate) use fields::{FieldId, FieldInfo, Kind, Named, fields, named_field, nearest};
pub(crate) use value::{Number, Value, cut};
#[cfg(feature = "search")]
pub(crate) use words::GAP;
pub(crate) use words::words;
