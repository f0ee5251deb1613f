//! What a question costs in a log of ten times the records.

use super::questions::{Asked, by_correlation, by_id, median, spread};
use super::{append, row, seal_and_index};
use auditdb::Database;
use std::path::Path;

/// A question about something that is there; how many records it finds.
type Ask = fn(&Database, &Asked) -> usize;

/// Holds the log of all records against one of the first tenth of them; both are asked about the same records.
pub(crate) fn run(dir: &Path, all: &Database, texts: &[String]) {
    let tenth = &texts[..(texts.len() / 10).max(1)];
    let small = Database::create(dir.join("tenth")).expect("a fresh directory");
    append(&small, tenth);
    seal_and_index(&small);
    let asked = spread(tenth);
    for (what, ask) in [("by id", by_id as Ask), ("by correlation", by_correlation)] {
        let before = median(&asked, |asked| ask(&small, asked));
        let now = median(&asked, |asked| ask(all, asked));
        let what = format!("{what} with ten times the records");
        row(&what, now, "us", before, now / before, "<= 1.5");
    }
}
