//! No indexes: queries scan.

use crate::log::Options;

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
}
