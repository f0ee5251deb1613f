//! The tantivy index of a sealed segment, in one file, `index/SEQ20.idx`: which of the segment's lines fit a question.
//!
//! An index's way: `build` takes a segment's lines apart (by `record::terms`, as the scan does; `schema` says into what,
//! `words` how words get in), `pack` puts tantivy's files into one behind a head that binds them to the segment and hashes
//! all of it, `body` reads that file, `opened` is an index that can be asked, and `ask` asks it (with `names` for words that stand in names). `make` does all that for a
//! segment of a log and writes the file; `indexer` has it done behind a seal, `reindex` when a person asks for it, and
//! `compare` makes it anew to hold it against what is there. A `shelf` is what queries get indexes from, and
//! `side_by_side` asks several at once.
//!
//! What must hold: an index is derived and never evidence. It is used only if a record of the log vouches for it and every
//! byte that is read has its hash; whatever is wrong with one is an [`Unfit`], by which the segment is scanned, and never an
//! error that stops an opening, an append, a seal or a verification. An answer is the scan's answer.

mod ask;
mod body;
mod build;
mod compare;
mod indexer;
mod make;
mod names;
mod opened;
mod pack;
mod reindex;
mod schema;
mod shelf;
mod side_by_side;
mod unfit;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use ask::{Bucket, Group, Grouping, Positions, Question};
pub(crate) use compare::compare;
pub(crate) use indexer::Indexer;
pub(crate) use opened::Index;
pub use reindex::{Indexed, Reindexed};
pub(crate) use reindex::{check, reindex};
pub(crate) use shelf::Shelf;
pub(crate) use side_by_side::side_by_side;
pub(crate) use unfit::Unfit;

/// An index of these lines in memory, the first of which has that seq.
#[cfg(test)]
pub(crate) fn test_index(first_seq: u64, lines: &[(Vec<u8>, Option<Vec<u8>>)]) -> std::sync::Arc<Index> {
    let mut builder = build::Builder::new([1; 16], first_seq, [2; 32]).unwrap();
    for (line, whole) in lines {
        builder.add(line, whole.as_deref()).unwrap();
    }
    let subject = opened::Subject {
        log_id: [1; 16],
        first_seq,
        count: lines.len() as u64,
        chain_after: builder.chain_after(),
    };
    let packed = builder.finish().unwrap();
    std::sync::Arc::new(Index::of(crate::disk::Mapped::copy(packed.bytes), &subject).unwrap())
}
