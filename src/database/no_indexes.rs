//! No indexes: queries scan.

use crate::log::{Files, Options};
use crate::query::Askable;
use std::sync::Arc;

/// Nothing.
#[derive(Debug)]
pub(super) struct Indexes;

impl Indexes {
    pub(super) fn begin(options: Options) -> (Options, Self) {
        (options, Indexes)
    }

    pub(super) fn of_a_reader(_: &Options) -> Self {
        Indexes
    }

    pub(super) fn askable(&self, files: Arc<Files>) -> Askable {
        Askable::scanned(files)
    }
}
