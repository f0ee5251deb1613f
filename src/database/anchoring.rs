//! Anchors of a database: naming targets in its policy, anchoring by hand, keeping proofs of others, and how it stands.

use super::branches::Branches;
use super::policies::Policies;
use super::{Database, Mode};
use crate::anchor::{self, AnchorAttempt, Asked, Target};
use crate::disk::{Disk, Kind, Open};
use crate::error::{Error, Result};
use crate::log::AnchorStanding;
use crate::policy::{AnchorRule, LONGEST_POLICY, POLICY_FILE, Policy};
use crate::proof::base64_text;
use std::path::{Path, PathBuf};

impl Database {
    /// Names another target for checkpoints in the policy, and anchors there at once. What stands in the policy's file stays as
    /// it is; the target stands behind it. One that is named already is not named again.
    ///
    /// `to` is `dir:PATH`, `witness:URL` with the witness's `key` (a vkey), or `tsa:URL` with the SHA-256 of the `certificate`
    /// that signs (`sha256:…`).
    ///
    /// # Errors
    /// [`Error::Anchor`] if it cannot be one; then nothing was changed. That it cannot be reached just now is no error.
    pub fn add_anchor(&self, to: &str, key: Option<&str>, certificate: Option<&str>) -> Result<Vec<AnchorAttempt>> {
        let rule = AnchorRule {
            to: to.to_owned(),
            // A log that was opened alone is anchored there alone.
            logs: self.inner.options.log.iter().cloned().collect(),
            every_minutes: None,
            key: key.map(str::to_owned),
            certificate: certificate.map(str::to_owned),
        };
        if let Some(dir) = Target::of(&rule)?.directory() {
            self.check_directory(to, dir)?;
        }
        if matches!(self.inner.mode, Mode::Reading(_)) {
            return Err(self.read_only());
        }
        self.remember(&rule)?;
        let policies = Policies::read(&self.inner.disk, &self.inner.path)?;
        for database in self.inner.branches.iter().flat_map(Branches::all_open) {
            database.take_up(policies.current())?;
        }
        self.take_up(policies.current())?;
        self.anchor_at(to)
    }

    /// Anchors now at one target.
    ///
    /// # Errors
    /// As [`Database::anchor`]; [`Error::Anchor`] if the policy names no such target for this log.
    pub fn anchor_at(&self, to: &str) -> Result<Vec<AnchorAttempt>> {
        self.ask_to_anchor(&Asked::Now {
            only: Some(to.to_owned()),
        })
    }

    /// Anchors now, at all targets that the policy names for this log, whether or not anything is due.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], the policy cannot be read, or nothing can be written. That a target cannot be reached stands in
    /// what is given back.
    pub fn anchor(&self) -> Result<Vec<AnchorAttempt>> {
        self.ask_to_anchor(&Asked::Now { only: None })
    }

    /// Keeps a proof that somebody else made of a checkpoint beside it, such as an OpenTimestamps file. Without a size it is the
    /// checkpoint whose SHA-256 stands in the proof.
    ///
    /// # Errors
    /// [`Error::Anchor`] if it is about no stored checkpoint, or its name is none for a file; [`Error::Exists`] if there is another
    /// proof of that name; [`Error::ReadOnly`].
    pub fn attach_proof(&self, name: &str, size: Option<u64>, proof: &[u8]) -> Result<AnchorAttempt> {
        let asked = Asked::Attach {
            name: name.to_owned(),
            size,
            proof: base64_text(proof),
        };
        let done = self.ask_to_anchor(&asked)?;
        done.into_iter().next().ok_or(Error::Closed)
    }

    /// How it stands with each target of this log, with what of it can be proved now.
    ///
    /// # Errors
    /// The policy cannot be read.
    pub fn anchors(&self) -> Result<Vec<AnchorStanding>> {
        self.refresh()?;
        anchor::standing(&self.files(), true)
    }

    /// Up to which size this log is anchored somewhere, as far as that can be proved now: what a target keeps was read, and what
    /// it signed was verified. 0 if nothing is.
    ///
    /// # Errors
    /// The policy cannot be read.
    pub fn anchored_to(&self) -> Result<u64> {
        self.refresh()?;
        anchor::proven(&self.files())
    }

    fn ask_to_anchor(&self, asked: &Asked) -> Result<Vec<AnchorAttempt>> {
        let unreadable = |error: serde_json::Error| Error::Door {
            path: self.inner.path.clone(),
            message: format!("an answer that cannot be read: {error}"),
        };
        let asked = serde_json::to_vec(asked).map_err(unreadable)?;
        let answer = match &self.inner.mode {
            Mode::Writing(log) => log.anchor(&asked)?,
            Mode::Reading(_) => return Err(self.read_only()),
            Mode::Joined(joined) => joined.anchor(&asked)?,
        };
        serde_json::from_slice(&answer).map_err(unreadable)
    }

    /// A directory for checkpoints is there, and no part of the database: it would be rolled back with it.
    fn check_directory(&self, to: &str, dir: &Path) -> Result<()> {
        let disk = &*self.inner.disk;
        let wrong = |message: &str| Error::Anchor {
            to: to.to_owned(),
            message: message.to_owned(),
        };
        let stat = disk.stat(dir).map_err(|error| Error::io("looking for", dir, error))?;
        if stat.is_none_or(|stat| stat.kind != Kind::Dir) {
            return Err(wrong("it is no directory: make it, or mount what should be there"));
        }
        let real = |path: &Path| -> PathBuf {
            let path = disk.real_path(path).unwrap_or_else(|| path.to_owned());
            path.canonicalize().unwrap_or(path)
        };
        if real(dir).starts_with(real(&self.inner.path)) {
            return Err(wrong(
                "it is within the database, and would be changed together with it",
            ));
        }
        Ok(())
    }

    /// Adds a target to the policy's file, behind everything that stands in it.
    fn remember(&self, rule: &AnchorRule) -> Result<()> {
        let (disk, path) = (&*self.inner.disk, self.inner.path.join(POLICY_FILE));
        let io = |doing| {
            let path = path.clone();
            move |error| Error::io(doing, path, error)
        };
        let wrong = |message: String| Error::Anchor {
            to: path.display().to_string(),
            message,
        };
        let text = match disk.stat(&path).map_err(io("reading"))? {
            Some(_) => {
                let bytes = crate::log::anchored::read_file(disk, &path, LONGEST_POLICY).map_err(io("reading"))?;
                String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?
            }
            None => String::new(),
        };
        let parse = |text: &str| {
            Policy::parse(text).map_err(|mistakes| Error::Policy {
                path: path.clone(),
                mistakes,
            })
        };
        if parse(&text)?.anchors.iter().any(|known| known.to == rule.to) {
            return Ok(());
        }
        // JSON's strings are strings of TOML, too.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut table = format!("[[anchor]]\nto = {}\n", quoted(&rule.to));
        if !rule.logs.is_empty() {
            let logs: Vec<String> = rule.logs.iter().map(|log| quoted(log)).collect();
            table.push_str(&format!("log = [{}]\n", logs.join(", ")));
        }
        for (name, value) in [("key", &rule.key), ("certificate", &rule.certificate)] {
            table.extend(value.iter().map(|value| format!("{name} = {}\n", quoted(value))));
        }
        let between = match text.as_str() {
            "" => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        let text = format!("{text}{between}{table}");
        parse(&text)?;
        replace(disk, &path, text.as_bytes()).map_err(io("writing"))
    }
}

/// Puts a file that its user may change in the place of another.
fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    if disk.stat(&temporary)?.is_some() {
        disk.remove(&temporary)?;
    }
    let file = disk.open(&temporary, Open::Create)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}
