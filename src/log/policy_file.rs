//! The policy file of the database that a log is in, as it is now.
//!
//! What must hold: whoever goes by the file reads the same bytes of it, and takes them for the same policy.

use crate::disk::{Disk, read_short};
use crate::error::{Error, Result};
use crate::policy::{Mistake, Policy};
use std::path::Path;

/// Of a longer file no more is read; it is no policy, since it does not fit into the record that takes it up.
const LONGEST: usize = 1 << 20;

/// The bytes of a policy file; `None` if there is none.
pub(crate) fn read_policy(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>> {
    match read_short(disk, path, LONGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", path, error)),
    }
}

/// What they say.
///
/// # Errors
/// [`Error::Policy`] with all mistakes.
pub(crate) fn parse_policy(path: &Path, bytes: &[u8]) -> Result<Policy> {
    let parsed = match std::str::from_utf8(bytes) {
        Ok(text) => Policy::parse(text),
        Err(error) => Err(vec![Mistake::not_utf8(bytes, error.valid_up_to())]),
    };
    parsed.map_err(|mistakes| Error::Policy {
        path: path.to_owned(),
        mistakes,
    })
}
