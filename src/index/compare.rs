//! Holding indexes against the text: each one is made anew, and has to be the same bytes. So one shows from which somebody
//! took postings, whoever vouched for it.

use super::make::{make, segment, subject};
use super::opened::Index;
use super::unfit::Unfit;
use crate::log::{Fault, Files, What};
use std::sync::Arc;

/// The faults of all indexes that are there. A missing one is none, nor is one of other rules, which nobody uses.
pub(crate) fn compare(files: &Arc<Files>, progress: &dyn Fn(u64, u64)) -> Vec<Fault> {
    let segments = files.view.read().segments.clone();
    let total = segments.len() as u64;
    let mut faults = Vec::new();
    for (done, first_seq) in (0..).zip(segments.iter().map(|segment| segment.first_seq)) {
        progress(done, total);
        let fault = match differs(files, first_seq) {
            Ok(()) | Err(Unfit::Missing | Unfit::Older | Unfit::Segment(_)) => continue,
            Err(unfit) => What::Index(unfit.to_string()),
        };
        faults.push(Fault::new(files.layout.index(first_seq), fault));
    }
    faults
}

fn differs(files: &Arc<Files>, first_seq: u64) -> Result<(), Unfit> {
    let segment = segment(files, first_seq)?;
    let path = files.layout.index(first_seq);
    let there = Index::open(&*files.disk, &path, &subject(files, &segment)?)?;
    there.check_all()?;
    match make(files, &segment, &|| false)? {
        // The head has the hash of every piece.
        Some(made) if made.digest != there.summary().digest() => {
            Err(Unfit::Damaged("it does not hold what the segment's text does"))
        }
        _ => Ok(()),
    }
}
