//! The logs of a database: each has a name, and successors that go on from it, `main`, `main.2`, `main.3` and so on. The
//! newest of a line is the one that is written; the others stay as they are, to be read and verified.
//!
//! What must hold: a log counts from its first record on. One whose files cannot be read counts: that it is damaged must
//! not make an older one the newest.

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::{Layout, Options, has_record, is_in_a_log};
pub(super) use crate::policy::line_of;
use crate::policy::{DEFAULT_LOG, fits_a_name};
use std::path::{Path, PathBuf};

/// Where the newest log of the line that the options name is, and what it is called.
pub(super) fn newest(disk: &dyn Disk, path: &Path, options: &Options) -> Result<(String, Layout)> {
    let (listed, asked) = (listed(disk, path)?, options.log.as_deref().unwrap_or(DEFAULT_LOG));
    if number(asked).is_none() {
        return Err(no_log(path, asked, &listed));
    }
    let line = line_of(asked);
    let all: Vec<&String> = listed.iter().filter(|name| line_of(name) == line).collect();
    // Only those of this line are looked into: there may be many others.
    let counts = |name: &&&String| has_record(disk, &layout(path, name, options));
    let newest = match all.as_slice() {
        [only] => Some(*only),
        all => all.iter().rev().find(counts).copied(),
    };
    let name = match newest {
        // An older one is only read.
        Some(newest) if asked != line && asked != newest => {
            return Err(match all.iter().any(|name| *name == asked) {
                true => Error::Succeeded {
                    log: asked.to_owned(),
                    by: newest.clone(),
                },
                false => no_log(path, asked, &listed),
            });
        }
        Some(newest) => newest.clone(),
        None => line.to_owned(),
    };
    let layout = layout(path, &name, options);
    Ok((name, layout))
}

/// The names of all logs, those of a line together and the oldest first; the line that a database begins with before the
/// others.
pub(super) fn all(disk: &dyn Disk, path: &Path, options: &Options) -> Result<Vec<String>> {
    let names = listed(disk, path)?;
    let only = names.len() == 1;
    Ok(names
        .into_iter()
        .filter(|name| only || has_record(disk, &layout(path, name, options)))
        .collect())
}

/// The names of all logs by what is listed, in the same order: that one of them has no record yet, or cannot be read, is
/// not found out.
pub(super) fn listed(disk: &dyn Disk, path: &Path) -> Result<Vec<String>> {
    let dir = path.join(LOGS);
    let listed = match disk.list(&dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("listing", dir, error)),
    };
    let mut names: Vec<String> = listed.into_iter().filter(|name| number(name).is_some()).collect();
    sort(&mut names);
    Ok(names)
}

/// Brings names of logs into the order in which they are named.
pub(super) fn sort(names: &mut [String]) {
    names.sort_unstable_by(|one, other| place(one).cmp(&place(other)));
}

/// Where a name stands in that order.
pub(super) fn place(name: &str) -> (bool, &str, Option<u32>) {
    let line = line_of(name);
    (line != DEFAULT_LOG, line, number(name))
}

/// Those of these logs that are written: the last one of each line.
pub(super) fn written(names: &[String]) -> Vec<String> {
    let next = |at: usize| names.get(at + 1).map(|name| line_of(name));
    let last = |(at, name): &(usize, &String)| next(*at) != Some(line_of(name));
    names
        .iter()
        .enumerate()
        .filter(last)
        .map(|(_, name)| name.clone())
        .collect()
}

/// What lies among the logs and is none.
pub(super) fn strays(disk: &dyn Disk, path: &Path) -> Vec<PathBuf> {
    let dir = path.join(LOGS);
    let listed = disk.list(&dir).unwrap_or_default();
    let (logs, others): (Vec<String>, Vec<String>) = listed.into_iter().partition(|name| number(name).is_some());
    let mut strays: Vec<PathBuf> = others.into_iter().map(|name| dir.join(name)).collect();
    // What is being made has the files of a log, and nothing else.
    let unmade = logs
        .iter()
        .filter(|name| !has_record(disk, &layout(path, name, &Options::default())));
    for name in unmade {
        let inside = disk.list(&dir.join(name)).unwrap_or_default().into_iter();
        strays.extend(
            inside
                .filter(|file| !is_in_a_log(file))
                .map(|file| dir.join(name).join(file)),
        );
    }
    strays
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

/// The names of the logs of a line before that one, the oldest first, whether or not they are there.
pub(super) fn before(name: &str) -> impl Iterator<Item = String> + '_ {
    (1..number(name).unwrap_or(1)).map(|number| named(line_of(name), number))
}

/// What the successor of that log is called.
pub(super) fn successor_of(name: &str) -> String {
    named(line_of(name), number(name).unwrap_or(1).saturating_add(1))
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

/// Which one in its line a log is by its name, from 1; `None` if no log is called so.
pub(super) fn number(name: &str) -> Option<u32> {
    let Some((line, digits)) = name.split_once('.') else {
        return fits_a_name(name).then_some(1);
    };
    let number: u32 = digits.parse().ok()?;
    (fits_a_name(line) && number > 1 && number.to_string() == digits).then_some(number)
}

/// The reverse of both.
fn named(line: &str, number: u32) -> String {
    match number {
        1 => line.to_owned(),
        number => format!("{line}.{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_another_and_no_other_spelling_counts() {
        assert_eq!(successor_of("main"), "main.2");
        assert_eq!(successor_of("main.9"), "main.10");
        assert_eq!(successor_of("eu-bank.2"), "eu-bank.3");
        assert_eq!(number("main.10"), Some(10));
        assert_eq!(number("eu-bank"), Some(1));
        for other in [
            "main.1",
            "main.02",
            "main.+2",
            "main.",
            ".2",
            "Main",
            "main.2.3",
            "main.4294967296",
            "..",
            "a b",
            "",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
        assert_eq!(before("eu.3").collect::<Vec<_>>(), ["eu", "eu.2"]);
    }

    #[test]
    fn the_last_of_each_line_is_written() {
        let mut names = ["us", "main.10", "eu.2", "main", "main.2", "eu"].map(str::to_owned);
        sort(&mut names);
        assert_eq!(names, ["main", "main.2", "main.10", "eu", "eu.2", "us"]);
        assert_eq!(written(&names), ["main.10", "eu.2", "us"]);
    }
}
