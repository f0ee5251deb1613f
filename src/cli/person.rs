//! Who acts: `--as NAME`, and the key with which they prove it. The signature is made here, in the process of whoever asks;
//! whoever writes checks it.

use super::Stop;
use crate::log::Actor;
use crate::proof::SshKey;
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Who acts.
#[derive(Debug, Args)]
pub(super) struct Person {
    /// Who does it: the NAME of [people.NAME] in auditdb.toml. If that names no people, any name; the record then says that nobody
    /// has proved it.
    #[arg(long = "as", value_name = "NAME", id = "as")]
    name: String,
    /// The secret key of that person, a file of ssh-keygen -t ed25519. A passphrase is taken from AUDITDB_PASSPHRASE, or asked for on
    /// the terminal, or by the program that SSH_ASKPASS names.
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
}

/// The same where it need not be said who it is.
#[derive(Debug, Args)]
pub(super) struct PerhapsPerson {
    /// Who does it; needed where auditdb.toml names people.
    #[arg(long = "as", value_name = "NAME", id = "as")]
    name: Option<String>,
    /// The secret key of that person, a file of ssh-keygen -t ed25519.
    #[arg(long, value_name = "FILE", requires = "as")]
    sign_with: Option<PathBuf>,
}

impl Person {
    pub(super) fn actor(&self) -> Result<Actor, Stop> {
        actor(&self.name, self.sign_with.as_deref())
    }
}

impl PerhapsPerson {
    pub(super) fn actor(&self) -> Result<Option<Actor>, Stop> {
        let name = self.name.as_deref();
        name.map(|name| actor(name, self.sign_with.as_deref())).transpose()
    }
}

fn actor(name: &str, sign_with: Option<&Path>) -> Result<Actor, Stop> {
    Ok(match sign_with {
        None => Actor::named(name)?,
        Some(path) => Actor::signing(name, key(path)?)?,
    })
}

/// No key is longer, in bytes.
const KEY_LIMIT: u64 = 16 << 10;

fn key(path: &Path) -> Result<SshKey, Stop> {
    let could_not = |why: String| Stop::CouldNot(format!("the key {} {why}", path.display()));
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(KEY_LIMIT + 1).read_to_string(&mut text));
    read.map_err(|error| could_not(format!("cannot be read: {error}")))?;
    SshKey::from_openssh(&text, || passphrase(path)).map_err(could_not)
}

/// The passphrase of a key, from wherever there is one.
fn passphrase(path: &Path) -> Result<Zeroizing<String>, String> {
    if let Ok(passphrase) = std::env::var("AUDITDB_PASSPHRASE") {
        return Ok(Zeroizing::new(passphrase));
    }
    let prompt = format!("Passphrase for {}: ", path.display());
    if let Some(passphrase) = super::passphrase::ask(&prompt) {
        return passphrase.map_err(|error| format!("is encrypted, and its passphrase could not be asked for: {error}"));
    }
    Err(
        "is encrypted: give its passphrase in AUDITDB_PASSPHRASE, or run this on a terminal, or set SSH_ASKPASS"
            .to_owned(),
    )
}
