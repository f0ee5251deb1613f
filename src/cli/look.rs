//! What stands in a record's text, as a person reads it.

use crate::record::{printable, write_string};

pub(super) use crate::record::look::{elements, members, said, string, value};

/// A raw value on one line as a person reads it: strings without quotes, everything else as it stands.
pub(super) fn plain(raw: &str) -> String {
    said(raw).map_or_else(|| printable(raw).into_owned(), |text| printable(&text).into_owned())
}

/// A text in quotes, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_string(&mut out, text);
    printable(&String::from_utf8_lossy(&out)).into_owned()
}
