//! Bearer tokens: who may write or read over HTTP. Each is a file beside the logs that holds a hash of the token, and another
//! one if it was revoked; neither is ever changed.
//!
//! What must hold: the token itself is shown once and stored nowhere; an id is given once, so that `writer` names one token
//! for ever; what cannot be read of a token lets nobody in.

use crate::database::Database;
use crate::disk::{Disk, RealDisk, read_short, write_new};
use crate::error::{Error, Result};
use crate::log::{TokenEvent, hex};
use crate::record::{format_time, parse_time};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What every token begins with: a scanner for secrets finds it by this and the 64 hexadecimal digits behind it.
const PREFIX: &str = "auditdb_";

/// A file about a token is no longer than this, in bytes.
const LIMIT: usize = 64 << 10;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Scope {
    /// Sending records.
    Write,
    /// Asking for them.
    Read,
}

impl Scope {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Write => "write",
            Scope::Read => "read",
        }
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// Its name: the `writer` of what is sent with it.
    pub id: String,
    /// `blake3:` and the hash of the token in hexadecimal digits. It holds 256 random bits, so that nobody can guess it by its hash.
    pub hash: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The agents that it is for; any if none is named.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The logs that it is for; any if none is named.
    #[serde(default)]
    pub logs: Vec<String>,
    /// When it was made.
    pub created: String,
    /// When it ends; `None` if it does not by itself.
    pub expires: Option<String>,
    /// When it was revoked.
    #[serde(skip_deserializing)]
    pub revoked: Option<String>,
    /// Why it opens nothing, if what is stored of it cannot be read.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// What a token is to be for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its id; a random one if it is left out.
    pub id: Option<String>,
    /// What it may be used for; writing if nothing is named.
    pub scopes: Vec<Scope>,
    /// See [`Token::agents`].
    pub agents: Vec<String>,
    /// See [`Token::logs`].
    pub logs: Vec<String>,
    /// When it ends, in nanoseconds since 1970.
    pub expires: Option<i64>,
}

/// The tokens of a database.
#[derive(Debug, Clone)]
pub struct Tokens {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Revoked {
    revoked: String,
}

impl Token {
    /// Whether it opens anything at that time, in nanoseconds since 1970.
    #[must_use]
    pub fn is_valid(&self, now: i64) -> bool {
        let is_over = |end: &String| parse_time(end).is_ok_and(|end| now < end);
        self.unreadable.is_none() && self.revoked.is_none() && self.expires.as_ref().is_none_or(is_over)
    }

    /// One of which nothing can be read but its id. It opens nothing; that it is there closes the door to who has none.
    fn unreadable(id: &str, why: &Error) -> Self {
        Token {
            id: id.to_owned(),
            hash: String::new(),
            scopes: Vec::new(),
            agents: Vec::new(),
            logs: Vec::new(),
            created: String::new(),
            expires: None,
            revoked: None,
            unreadable: Some(why.to_string()),
        }
    }

    /// Whether it is for that.
    #[must_use]
    pub fn is_for(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl Tokens {
    /// The tokens of the database in that directory.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Tokens {
            disk: Arc::new(RealDisk),
            dir: path.join("tokens"),
        }
    }

    /// Makes a token, says so in the log, and gives it with the secret that nobody can have again.
    ///
    /// # Errors
    /// The id is taken or none, or nothing can be written.
    pub fn create(&self, db: &Database, wanted: Wanted) -> Result<(Token, String)> {
        let mut chance = [0; 40];
        self.disk.random(&mut chance);
        let (secret, short) = chance.split_at(32);
        let secret = format!("{PREFIX}{}", hex(secret));
        let id = wanted.id.unwrap_or_else(|| format!("t-{}", hex(short)));
        check(&id)?;
        let now = self.disk.now();
        let token = Token {
            hash: hash(&secret),
            scopes: match wanted.scopes.is_empty() {
                true => vec![Scope::Write],
                false => wanted.scopes,
            },
            agents: wanted.agents,
            logs: wanted.logs,
            created: format_time(now),
            expires: wanted.expires.map(format_time),
            revoked: None,
            unreadable: None,
            id,
        };
        let path = self.dir.join(format!("{}.json", token.id));
        let io = |error| Error::io("writing", &path, error);
        let bytes = serde_json::to_vec(&token).unwrap_or_default();
        if bytes.len() > LIMIT {
            let what = format!("a token for so many agents and logs takes more than {LIMIT} bytes: make several");
            return Err(Error::NotAllowed { what });
        }
        if self.disk.stat(&path).map_err(io)?.is_some() {
            return Err(Error::Exists { path });
        }
        self.disk.create_dir(&self.dir).map_err(io)?;
        db.say_of_token(&event(&token, "created"))?;
        self.put(&path, &bytes)?;
        Ok((token, secret))
    }

    /// All tokens by their ids, also those that open nothing, any more or at all.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> Result<Vec<Token>> {
        let names = match self.disk.list(&self.dir) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("listing", &self.dir, error)),
        };
        let mut tokens = Vec::new();
        for id in names.iter().filter_map(|name| name.strip_suffix(".json")) {
            let revoked = format!("{id}.revoked");
            let read = || {
                let mut token: Token = self.get(&format!("{id}.json"))?;
                if names.contains(&revoked) {
                    token.revoked = Some(self.get::<Revoked>(&revoked)?.revoked);
                }
                Ok::<Token, Error>(token)
            };
            tokens.push(read().unwrap_or_else(|why| Token::unreadable(id, &why)));
        }
        Ok(tokens)
    }

    /// Ends a token; what was sent with it stays as it is. A server lets nobody in by it from a second later on.
    ///
    /// # Errors
    /// There is none of that id, or nothing can be written: it can be done again, and is said in the log again then.
    pub fn revoke(&self, db: &Database, id: &str) -> Result<Token> {
        let found = self.list()?.into_iter().find(|token| token.id == id);
        let mut token = found.ok_or_else(|| Error::NotFound {
            what: format!("token {id:?}"),
        })?;
        if token.revoked.is_none() {
            let revoked = format_time(self.disk.now());
            let said = Revoked {
                revoked: revoked.clone(),
            };
            let path = self.dir.join(format!("{id}.revoked"));
            self.put(&path, &serde_json::to_vec(&said).unwrap_or_default())?;
            token.revoked = Some(revoked);
        }
        db.say_of_token(&event(&token, "revoked"))?;
        Ok(token)
    }

    /// Writes a file that is whole as soon as it has its name.
    fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let io = |error| Error::io("writing", path, error);
        let temporary = path.with_added_extension("new");
        write_new(&*self.disk, &temporary, bytes).map_err(io)?;
        self.disk.rename(&temporary, path).map_err(io)?;
        self.disk.sync_dir(&self.dir).map_err(io)
    }

    fn get<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T> {
        let path = self.dir.join(name);
        let bytes = read_short(&*self.disk, &path, LIMIT).map_err(|error| Error::io("reading", &path, error))?;
        let none = |error: serde_json::Error| {
            let why = format!("no file about a token ({error}); remove it, and make another token");
            Error::io("reading", &path, std::io::Error::other(why))
        };
        serde_json::from_slice(&bytes).map_err(none)
    }
}

/// As [`Token::hash`] holds it.
pub(super) fn hash(secret: &str) -> String {
    format!("blake3:{}", blake3::hash(secret.as_bytes()).to_hex())
}

/// An id is the name of a file and stands in every record.
fn check(id: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with(['.', '-']);
    match is_id {
        true => Ok(()),
        false => Err(Error::NotAllowed {
            what: format!(
                "{id:?} is no id of a token: write up to 64 of a-z, 0-9, - _ ., beginning with a letter or a digit"
            ),
        }),
    }
}

fn event(token: &Token, did: &str) -> TokenEvent {
    TokenEvent {
        token: token.id.clone(),
        did: did.to_owned(),
        scopes: token.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        agents: token.agents.clone(),
        logs: token.logs.clone(),
        expires: token.expires.clone(),
    }
}
