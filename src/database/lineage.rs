//! The logs of a database, which are so far one log and its successors: `main`, `main.2`, `main.3` and so on. The newest
//! is the one that is written; the others stay as they are, to be read and verified.
//!
//! What must hold: a log counts from its first record on. One whose files cannot be read counts: that it is damaged must
//! not make an older one the newest.

use super::MAIN;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::{Layout, Options, has_record};
use std::path::{Path, PathBuf};

/// Where the newest log is, and what it is called.
pub(super) fn newest(disk: &dyn Disk, path: &Path, options: &Options) -> Result<(String, Layout)> {
    let name = all(disk, path, options)?.pop().unwrap_or_else(|| MAIN.to_owned());
    let layout = layout(path, &name, options);
    Ok((name, layout))
}

/// The names of all logs, the oldest first.
pub(super) fn all(disk: &dyn Disk, path: &Path, options: &Options) -> Result<Vec<String>> {
    let names = listed(disk, path)?;
    let only = names.len() == 1;
    Ok(names
        .into_iter()
        .filter(|name| only || has_record(disk, &layout(path, name, options)))
        .collect())
}

/// The names of all logs by what is listed, the oldest first: that one of them has no record yet, or cannot be read, is
/// not found out.
pub(super) fn listed(disk: &dyn Disk, path: &Path) -> Result<Vec<String>> {
    let dir = path.join(LOGS);
    let listed = match disk.list(&dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("listing", dir, error)),
    };
    let mut names: Vec<String> = listed.into_iter().filter(|name| number(name).is_some()).collect();
    names.sort_unstable_by_key(|name| number(name));
    Ok(names)
}

/// What lies among the logs and is none.
pub(super) fn strays(disk: &dyn Disk, path: &Path) -> Vec<PathBuf> {
    let dir = path.join(LOGS);
    let listed = disk.list(&dir).unwrap_or_default();
    let others = listed.into_iter().filter(|name| number(name).is_none());
    others.map(|name| dir.join(name)).collect()
}

/// There is no log of that name.
pub(super) fn no_log(path: &Path, name: &str, names: &[String]) -> Error {
    let there = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Error::NotFound {
        what: format!("a log named {name:?} in {} (there: {there})", path.display()),
    }
}

/// The names of the logs before that one, the oldest first, whether or not they are there.
pub(super) fn before(name: &str) -> impl Iterator<Item = String> + use<> {
    (1..number(name).unwrap_or(1)).map(named)
}

/// What the successor of that log is called.
pub(super) fn successor_of(name: &str) -> String {
    named(number(name).unwrap_or(1).saturating_add(1))
}

/// Where the log of that name is, and its keys: where the options or the environment say, else in a directory beside the
/// database, so that who copies the one has not the other.
pub(super) fn layout(path: &Path, name: &str, options: &Options) -> Layout {
    let beside = || {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // A path that ends in `..` has no name of its own.
        let path = if path.file_name().is_some() {
            path
        } else {
            path.canonicalize().unwrap_or(path)
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".keys");
        path.with_file_name(name)
    };
    let named = || {
        std::env::var_os("AUDITDB_KEYS")
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
    };
    let keys = options.keys.clone().or_else(named).unwrap_or_else(beside);
    Layout::new(path.join(LOGS).join(name), keys)
}

/// The directory of the logs.
const LOGS: &str = "logs";

/// Which one in the line of successors a log is by its name, from 1; `None` if no log is called so.
pub(super) fn number(name: &str) -> Option<u32> {
    if name == MAIN {
        return Some(1);
    }
    let digits = name.strip_prefix(MAIN)?.strip_prefix('.')?;
    let number: u32 = digits.parse().ok()?;
    (number > 1 && number.to_string() == digits).then_some(number)
}

/// The reverse of [`number`].
fn named(number: u32) -> String {
    match number {
        1 => MAIN.to_owned(),
        number => format!("{MAIN}.{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_another_and_no_other_spelling_counts() {
        assert_eq!(successor_of("main"), "main.2");
        assert_eq!(successor_of("main.9"), "main.10");
        assert_eq!(number("main.10"), Some(10));
        for other in [
            "main.1",
            "main.02",
            "main.+2",
            "main.",
            "main2",
            "other",
            "main.2.3",
            "main.4294967296",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
