//! Whether anything among some records fits, by the matcher alone: for whoever must not rely on an index.

use super::askable::Askable;
use super::question::Query;
use super::scan::Scan;
use crate::log::{Fault, Files};
use std::ops::Range;
use std::sync::Arc;

/// Whether any record of these seqs fits.
///
/// # Errors
/// None was found, and this could not be read.
pub(crate) fn any_fits(files: &Arc<Files>, query: &Query, seqs: Range<u64>) -> Result<bool, Fault> {
    let asked = Askable::scanned(Arc::clone(files));
    let mut scan = Scan::new(&asked, query, seqs);
    if scan.next().is_some() {
        return Ok(true);
    }
    scan.reach().unreadable.first().cloned().map_or(Ok(false), Err)
}
