//! Where the database is: the first positional of every command, or what `AUDITDB_DIR` says.

use super::Stop;
use crate::database::Database;
use crate::error::Error;
use crate::log::Options;
use crate::policy::line_of;
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What every command about a database takes.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The database's directory; AUDITDB_DIR if it is left out (`auditdb --help` says when it is).
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The log in it, alone. If it is not said, what finds records looks into all logs, what keeps, seals and verifies goes
    /// over all of them, records go where the policy leads them, and everything else is about `main`.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// Answer in JSON, for machines.
    #[arg(long)]
    pub(super) json: bool,
}

impl Where {
    /// The directory, for a command that takes nothing else.
    pub(super) fn dir(&self) -> Result<PathBuf, Stop> {
        Ok(self.dir_before(&[], 0..=0, "")?.0)
    }

    /// The directory and what else was given, for a command that takes so many other arguments of that name.
    pub(super) fn dir_before(
        &self,
        rest: &[OsString],
        others: RangeInclusive<usize>,
        name: &str,
    ) -> Result<(PathBuf, Vec<OsString>), Stop> {
        let given = self.dir.iter().map(|dir| dir.clone().into_os_string());
        let given: Vec<OsString> = given.chain(rest.iter().cloned()).collect();
        let variable = std::env::var_os("AUDITDB_DIR").filter(|dir| !dir.is_empty());
        let (dir, rest) = told_apart(given, variable, &others, |first| Path::new(first).is_dir());
        let Some(dir) = dir.map(PathBuf::from) else {
            return Err(Stop::CouldNot(
                "no DIR given; name the database's directory, or set AUDITDB_DIR".to_owned(),
            ));
        };
        if rest.len() < *others.start() {
            return Err(Stop::CouldNot(format!("no {name} given behind {}", dir.display())));
        }
        Ok((dir, rest))
    }

    /// The directory and the name of a record behind it.
    pub(super) fn dir_and_record(&self, rest: &[OsString]) -> Result<(PathBuf, String), Stop> {
        let (dir, rest) = self.dir_before(rest, 1..=1, "RECORD")?;
        let record = rest.first().map(|record| record.to_string_lossy().into_owned());
        Ok((dir, record.unwrap_or_default()))
    }

    /// The directory and the EXPR behind it; that is empty if it was left out.
    pub(super) fn dir_and_expr(&self, rest: &[OsString]) -> Result<(PathBuf, String), Stop> {
        let (dir, rest) = self.dir_before(rest, 0..=1, "EXPR")?;
        let not_utf8 = |_| Stop::CouldNot("EXPR is not UTF-8".to_owned());
        let expr = rest.into_iter().next().map(OsString::into_string).transpose();
        Ok((dir, expr.map_err(not_utf8)?.unwrap_or_default()))
    }

    /// The name of the log that was asked for.
    pub(super) fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    /// Opens the database for reading: all its logs, or the one that was asked for.
    pub(super) fn read(&self, dir: &Path) -> Result<Database, Stop> {
        Ok(match &self.log {
            Some(name) => Database::open_log(dir, name)?,
            None => Database::open_read_only(dir)?,
        })
    }

    /// Opens the database for writing, or to hand records to whoever writes it: the log that was asked for, alone, or `main`
    /// with those that the policy leads records to.
    pub(super) fn join(&self, dir: &Path) -> Result<Database, Stop> {
        match &self.log {
            Some(name) => self.join_log(dir, name),
            None => Ok(Database::join(dir)?),
        }
    }

    /// The same for one log.
    pub(super) fn join_log(&self, dir: &Path, log: &str) -> Result<Database, Stop> {
        // It names the logs that there are.
        if !Database::logs(dir)?.iter().any(|known| known == log) {
            Database::open_log(dir, log)?;
        }
        Ok(Database::join_with(dir, Options::default().log(log))?)
    }

    /// The logs that a command is about that goes over all of them: those that are written, or the one that was asked for.
    pub(super) fn written(&self, dir: &Path) -> Result<Vec<String>, Stop> {
        if let Some(name) = &self.log {
            self.check_newest(dir)?;
            return Ok(vec![name.clone()]);
        }
        let names = Database::written_logs(dir)?;
        if names.is_empty() {
            return Err(Error::NotADatabase { path: dir.to_owned() }.into());
        }
        Ok(names)
    }

    /// The logs that a command shows that goes over all of them: those that are written, or the one that was asked for, also if
    /// it is only read any more.
    pub(super) fn shown(&self, dir: &Path) -> Result<Vec<String>, Stop> {
        match &self.log {
            Some(name) => Ok(vec![name.clone()]),
            None => self.written(dir),
        }
    }

    /// Whether the log that was asked for is one that is written.
    pub(super) fn check_newest(&self, dir: &Path) -> Result<(), Stop> {
        let Some(name) = &self.log else { return Ok(()) };
        let (names, written) = (Database::logs(dir)?, Database::written_logs(dir)?);
        if written.contains(name) {
            return Ok(());
        }
        let by = written.into_iter().find(|newest| line_of(newest) == line_of(name));
        match by.filter(|_| names.contains(name)) {
            Some(by) => Err(Error::Succeeded { log: name.clone(), by }.into()),
            // It names the logs that there are.
            None => Database::open_log(dir, name).map(|_| ()).map_err(Stop::from),
        }
    }
}

/// The directory among the arguments, and the others.
fn told_apart(
    mut given: Vec<OsString>,
    variable: Option<OsString>,
    others: &RangeInclusive<usize>,
    is_dir: impl Fn(&OsStr) -> bool,
) -> (Option<OsString>, Vec<OsString>) {
    let Some(first) = given.first() else {
        return (variable, given);
    };
    let behind = given.len() - 1;
    let first_is_dir =
        variable.is_none() || behind >= *others.end() || (behind >= *others.start() && is_dir(first.as_os_str()));
    if first_is_dir {
        let rest = given.split_off(1);
        (given.pop(), rest)
    } else {
        (variable, given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_told_from_the_rest() {
        let tell = |given: &str, set: bool, others: RangeInclusive<usize>| {
            let given = given.split_whitespace().map(OsString::from).collect();
            let (dir, rest) = told_apart(given, set.then(|| "env".into()), &others, |first| first == "db");
            let dir = dir.map(|dir| dir.into_string().unwrap()).unwrap_or_default();
            let rest: Vec<_> = rest.into_iter().map(|one| one.into_string().unwrap()).collect();
            format!("{dir}:{}", rest.join(" "))
        };
        // verify, show, append, import
        for (given, others, unset, set) in [
            ("", 0..=0, ":", "env:"),
            ("other", 0..=0, "other:", "other:"),
            ("@last", 1..=1, "@last:", "env:@last"),
            ("db", 1..=1, "db:", "env:db"),
            ("other 7", 1..=1, "other:7", "other:7"),
            ("", 0..=1, ":", "env:"),
            ("a.jsonl", 0..=1, "a.jsonl:", "env:a.jsonl"),
            ("db", 0..=1, "db:", "db:"),
            ("other a.jsonl", 0..=1, "other:a.jsonl", "other:a.jsonl"),
            ("a.json", 1..=usize::MAX, "a.json:", "env:a.json"),
            ("a.json b.json", 1..=usize::MAX, "a.json:b.json", "env:a.json b.json"),
            ("db b.json", 1..=usize::MAX, "db:b.json", "db:b.json"),
        ] {
            assert_eq!(tell(given, false, others.clone()), unset, "{given}");
            assert_eq!(tell(given, true, others), set, "{given}");
        }
    }
}
