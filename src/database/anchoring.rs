//! Anchors of a database: naming targets in its policy, anchoring by hand, keeping proofs of others, and how it stands.

use super::branches::Branches;
use super::policies::Policies;
use super::{Database, Mode};
use crate::anchor::{self, AnchorAttempt, Asked, Target};
use crate::disk::Kind;
use crate::error::{Error, Result};
use crate::log::{AnchorStanding, Errand, parse_policy, put_file, read_policy};
use crate::policy::{AnchorRule, POLICY_FILE};
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
        self.run(
            Errand::Anchor,
            &Asked::Now {
                only: Some(to.to_owned()),
            },
        )
    }

    /// Anchors now, at all targets that the policy names for this log, whether or not anything is due.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], the policy cannot be read, or nothing can be written. That a target cannot be reached stands in
    /// what is given back.
    pub fn anchor(&self) -> Result<Vec<AnchorAttempt>> {
        self.run(Errand::Anchor, &Asked::Now { only: None })
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
        let done: Vec<AnchorAttempt> = self.run(Errand::Anchor, &asked)?;
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
        let bytes = read_policy(disk, &path)?.unwrap_or_default();
        let known = parse_policy(&path, &bytes)?;
        if known.anchors.iter().any(|known| known.to == rule.to) {
            return Ok(());
        }
        let text = known.text;
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
        parse_policy(&path, text.as_bytes())?;
        let temporary = path.with_extension("toml.new");
        let put = put_file(disk, &temporary, &path, text.as_bytes()).and_then(|()| disk.sync_dir(&self.inner.path));
        put.map_err(|error| Error::io("writing", &path, error))
    }
}
