//! How long a database keeps its records, and dropping what need not be kept any longer.

use super::{Database, Mode, lineage};
use crate::error::{Error, Result};
use crate::log::act::Asking;
use crate::log::{Actor, Errand};
use crate::policy::Class;
use crate::retention::{Asked, RetainOptions, Retained};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Database {
    /// Keeps the records that are appended from now on for another time. What is kept longer than before is so at once:
    /// older records are kept as long. What is kept shorter is so only from here on: every record is kept for at least as
    /// long as was promised when it was appended.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], or nothing can be written; [`Error::Class`] if its law asks for more.
    pub fn set_class(&self, class: &Class) -> Result<()> {
        self.change_class(class, None)
    }

    /// The same for a class that keeps records for less than its law asks for ([`Class::overriding`]), for a reason that is
    /// recorded with it.
    ///
    /// # Errors
    /// As [`Database::set_class`].
    pub fn override_class(&self, class: &Class, reason: &str) -> Result<()> {
        self.change_class(class, Some(reason))
    }

    fn change_class(&self, class: &Class, reason: Option<&str>) -> Result<()> {
        match &self.inner.mode {
            Mode::Writing(log) => log.set_class(class.clone(), reason),
            Mode::Reading(_) => Err(self.read_only()),
            Mode::Joined(joined) => joined.set_class(class, reason),
        }
    }

    /// Drops the sealed segments, from the beginning of the log on, all records of which have been kept for as long as was
    /// promised, unless they are held. Their hashes stay, so that every proof works as before, and for each a signed tombstone.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// db.append_json(r#"{"agent":{"id":"a"},"kind":"decision"}"#)?;
    /// db.seal()?;
    /// let done = db.retain()?;
    /// assert!(done.dropped.is_empty(), "it is kept for twelve months");
    /// assert_eq!(done.kept[0].months, 12);
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ReadOnly`], or nothing can be written.
    pub fn retain(&self) -> Result<Retained> {
        self.retain_with(&RetainOptions::default())
    }

    /// Drops what has expired in all logs of the database that are written; gives for each what was done, or why nothing could
    /// be.
    ///
    /// # Errors
    /// The logs cannot be listed.
    pub fn retain_all(&self, options: &RetainOptions) -> Result<Vec<(String, Result<Retained>)>> {
        if self.inner.branches.is_none() {
            return Ok(vec![(self.identity().name().to_owned(), self.retain_with(options))]);
        }
        let names = lineage::all(&*self.inner.disk, &self.inner.path, &self.inner.options)?;
        let of = |name: String| {
            let done = self.writing(&name).and_then(|log| log.retain_with(options));
            (name, done)
        };
        Ok(lineage::written(&names).into_iter().map(of).collect())
    }

    /// Drops, or only says what would be dropped; a clock that went forward by itself can be accepted.
    ///
    /// # Errors
    /// As [`Database::retain`].
    pub fn retain_with(&self, options: &RetainOptions) -> Result<Retained> {
        let accepting = options.accept_clock.as_deref().filter(|_| !options.dry_run);
        let by = match (accepting, &options.by) {
            (Some(reason), Some(actor)) => Some(self.accepting(reason, actor)?),
            _ => None,
        };
        let asked = Asked {
            dry_run: options.dry_run,
            accept_clock: options.accept_clock.clone(),
            by,
        };
        self.run(Errand::Retain, &asked)
    }

    /// Has whoever writes the log run an errand; request and answer are JSON.
    pub(super) fn run<T: DeserializeOwned>(&self, errand: Errand, asked: &impl Serialize) -> Result<T> {
        let unreadable = |error: serde_json::Error| Error::Door {
            path: self.inner.path.clone(),
            message: format!("an answer that cannot be read: {error}"),
        };
        let asked = serde_json::to_vec(asked).map_err(unreadable)?;
        let answer = match &self.inner.mode {
            Mode::Writing(log) => log.run(errand, &asked)?,
            Mode::Reading(_) => return Err(self.read_only()),
            Mode::Joined(joined) => joined.run(errand, &asked)?,
        };
        serde_json::from_slice(&answer).map_err(unreadable)
    }

    /// What a person says who accepts the clock: by how much it is ahead they have to know.
    fn accepting(&self, reason: &str, actor: &Actor) -> Result<Asking> {
        let ahead = if actor.signs() {
            self.retain_with(&RetainOptions::default().dry_run(true))?.clock_ahead
        } else {
            0
        };
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        let log_id = self.identity().log_id();
        actor.asking(&crate::log::accepting(ahead, reason), &log_id, || self.checkpoint())
    }
}
