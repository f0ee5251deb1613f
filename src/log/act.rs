//! What needs a person: an act with a reason, in somebody's name, and the proof that it was they. Where the policy names
//! people, that is a signature by the person's own key over a statement that says what is done to which log; where it
//! names nobody, the record says that nobody has proved the name.
//!
//! What must hold: a statement counts for one act, of one log, once. It names the log's id, size and root at the time when
//! it was signed, and the log takes it only while no other such act and only a few epochs have come since. So one that is
//! brought from another log, or from earlier, is refused by whoever writes, and found by whoever verifies.

use super::events::hex;
use crate::error::{Error, Result};
use crate::policy::Person;
use crate::policy::person::{find, is_another, may};
use crate::proof::{SignedCheckpoint, SshKey, SshPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a statement begins with.
const TITLE: &str = "auditdb act v1\n";

/// How a refusal ends that another signature may do away with.
pub(crate) const SIGN_ANEW: &str = ": sign anew";

/// The longest reason in bytes.
pub(crate) const REASON_LIMIT: usize = 2 << 10;

/// An act that needs a person.
#[derive(Debug, Clone)]
pub(crate) struct Act<'a> {
    /// What its record is called.
    pub(crate) name: &'static str,
    /// What exactly is done.
    pub(crate) about: Value,
    pub(crate) reason: &'a str,
}

impl Act<'_> {
    /// The role that it is for.
    fn role(&self) -> &'static str {
        match self.name {
            "hold" | "hold_released" => "legal",
            _ => "operator",
        }
    }
}

/// Who does something, as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asking {
    pub(crate) name: String,
    /// The statement and the signature over it.
    pub(crate) signed: Option<(String, String)>,
}

/// Who acts, in their name alone or with the key that proves it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use auditdb::{Actor, proof::SshKey};
/// let anna = Actor::named("anna")?;
/// // The key is that of `[people.bert]` in auditdb.toml; a program reads it with `SshKey::from_openssh`.
/// let bert = Actor::signing("bert", SshKey::from_seed(&[7; 32]))?;
/// assert_eq!((anna.name(), bert.name()), ("anna", "bert"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Actor {
    name: String,
    key: Option<Arc<SshKey>>,
}

impl Actor {
    /// Somebody who does not prove it. That does where the policy names no people.
    ///
    /// # Errors
    /// [`Error::Person`] if it is no name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(Actor {
            name: crate::policy::person::name(name)?,
            key: None,
        })
    }

    /// A person of the policy, who signs.
    ///
    /// # Errors
    /// [`Error::Person`] if it is no name.
    pub fn signing(name: &str, key: SshKey) -> Result<Self> {
        Ok(Actor {
            key: Some(Arc::new(key)),
            ..Self::named(name)?
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they sign.
    pub(crate) fn signs(&self) -> bool {
        self.key.is_some()
    }

    /// Asks for an act; who signs does so on the log as it stands at that checkpoint.
    pub(crate) fn asking(
        &self,
        act: &Act<'_>,
        log_id: &str,
        checkpoint: impl FnOnce() -> Result<SignedCheckpoint>,
    ) -> Result<Asking> {
        let signed = match &self.key {
            Some(key) => Some(sign(act, log_id, &checkpoint()?, (&self.name, key))?),
            None => None,
        };
        Ok(Asking {
            name: self.name.clone(),
            signed,
        })
    }
}

impl Asking {
    /// Somebody who did not say who they are.
    pub(crate) fn nobody() -> Self {
        Asking {
            name: "somebody".to_owned(),
            signed: None,
        }
    }
}

/// Who did something, as its record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct By {
    pub(crate) name: String,
    /// Whether they have proved it, by a signature.
    pub(crate) proved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    act: String,
    log_id: String,
    /// How far the log was when it was signed.
    size: u64,
    root: String,
    person: String,
    reason: String,
    about: Value,
}

/// How far the log was when somebody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedAt {
    pub(crate) size: u64,
    pub(crate) root: String,
}

/// Signs an act in a person's name, on the log as it stands at a checkpoint: the statement and the signature.
fn sign(act: &Act<'_>, log_id: &str, at: &SignedCheckpoint, (name, key): (&str, &SshKey)) -> Result<(String, String)> {
    let statement = Statement {
        act: act.name.to_owned(),
        log_id: log_id.to_owned(),
        size: at.checkpoint().size(),
        root: hex(at.checkpoint().root()),
        person: name.to_owned(),
        reason: act.reason.to_owned(),
        about: act.about.clone(),
    };
    let refused = |why: String| Error::Person {
        message: format!("nothing could be signed: {why}"),
    };
    let json = serde_json::to_string(&statement).map_err(|error| refused(error.to_string()))?;
    let text = format!("{TITLE}{json}\n");
    let signature = key.sign(&text).map_err(refused)?;
    Ok((text, signature))
}

/// What a log knows that judges who may act: its id, and its people, where that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Court<'a> {
    pub(crate) log_id: &'a str,
    pub(crate) people: Option<&'a [Person]>,
    pub(crate) fresh: &'a Fresh,
}

impl Court<'_> {
    /// What the record of an act says about who did it.
    ///
    /// # Errors
    /// Why it is not done, in words.
    pub(crate) fn admit(&self, act: &Act<'_>, asking: &Asking) -> std::result::Result<(By, Option<SignedAt>), String> {
        let known = self.people.and_then(|people| find(people, &asking.name));
        let (statement, signature) = asking.signed.clone().unzip();
        let by = By {
            name: asking.name.clone(),
            proved: statement.is_some(),
            key: known.filter(|_| statement.is_some()).map(|person| person.key.clone()),
            statement,
            signature,
        };
        if by.proved && self.people.is_some_and(<[Person]>::is_empty) {
            return Err(
                "the policy names no people, so nobody can tell whose key this is: add [people.NAME] to auditdb.toml, or \
                 leave --sign-with out"
                    .to_owned(),
            );
        }
        let signed_at = self.judge(act, &by)?;
        Ok((by, signed_at))
    }

    /// How far the log was when a person signed an act; nothing if nobody has to sign, and nobody has.
    ///
    /// # Errors
    /// Why the act does not count, in words.
    pub(crate) fn judge(&self, act: &Act<'_>, by: &By) -> std::result::Result<Option<SignedAt>, String> {
        let name = &by.name;
        let proof = (&by.key, &by.statement, &by.signature);
        if let (false, (None, None, None)) = (by.proved, proof) {
            return match self.people {
                Some([_, ..]) => Err(format!(
                    "it needs the signature of a person of the policy, and {name:?} has not signed (--as NAME --sign-with FILE)"
                )),
                _ => Ok(None),
            };
        }
        if let Some(people) = self.people {
            let person = find(people, name).ok_or_else(|| format!("{name:?} is no person of the policy"))?;
            if !may(people, person, act.role()) {
                return Err(format!("{name:?} does not have the role {:?}", act.role()));
            }
            if by.key.as_ref() != Some(&person.key) {
                return Err(format!("it is signed by another key than that of {name:?}"));
            }
        }
        let (true, (Some(key), Some(statement), Some(signature))) = (by.proved, proof) else {
            return Err("what proves who it was is not complete".to_owned());
        };
        let key = SshPublicKey::parse(key).map_err(|why| format!("the key of {name:?} {why}"))?;
        key.verify(statement, signature)
            .map_err(|why| format!("the signature of {name:?} {why}"))?;
        let said = Statement::parse(statement).ok_or("what was signed is no statement of an act")?;
        self.compare(act, name, &said)?;
        Ok(Some(SignedAt {
            size: said.size,
            root: said.root,
        }))
    }

    fn compare(&self, act: &Act<'_>, name: &str, said: &Statement) -> std::result::Result<(), String> {
        if said.log_id != self.log_id {
            return Err(format!("what was signed is for another log, {}", said.log_id));
        }
        if (said.act.as_str(), &said.about) != (act.name, &act.about) {
            return Err(format!(
                "something else was signed: {} {}, and not {} {}",
                said.act, said.about, act.name, act.about
            ));
        }
        if said.person != name {
            return Err(format!("what was signed is in the name of {:?}", said.person));
        }
        if said.reason != act.reason {
            return Err("another reason was signed".to_owned());
        }
        if said.size < self.fresh.from {
            return Err(format!(
                "it was signed when the log had {} records, and too much has happened since{SIGN_ANEW}",
                said.size
            ));
        }
        Ok(())
    }
}

impl Statement {
    fn parse(text: &str) -> Option<Self> {
        let said: Statement = serde_json::from_str(text.strip_prefix(TITLE)?.strip_suffix('\n')?).ok()?;
        Some(said)
    }
}

/// Whether the second of two who act is surely somebody else.
///
/// # Errors
/// Why not, in words.
pub(crate) fn is_second(first: &By, second: &By) -> std::result::Result<(), String> {
    let name = &first.name;
    if !is_another(name, &second.name) {
        return Err(format!("{name:?} placed it, so somebody else has to release it"));
    }
    match (&first.key, &second.key) {
        (Some(_), None) => Err(format!(
            "{name:?} has signed for it, so whoever releases it has to sign too"
        )),
        (Some(first), Some(second)) if first == second => Err(format!(
            "the key that has signed for it, that of {name:?}, would release it"
        )),
        _ => Ok(()),
    }
}

/// From which size of the log on a statement is taken.
#[derive(Debug, Clone)]
pub(crate) struct Fresh {
    from: u64,
    /// Behind the newest epochs.
    epochs: VecDeque<u64>,
    most: usize,
}

impl Fresh {
    /// For whoever writes: so many epochs may end while somebody signs.
    pub(crate) fn for_writing(began: u64) -> Self {
        Fresh {
            from: began,
            epochs: VecDeque::from([began]),
            most: 4,
        }
    }

    /// For whoever verifies: what was taken has to be found right later, too, when the act itself has ended epochs. As long as
    /// fewer epochs are known, since what came before was not looked at, nothing is too old.
    pub(crate) fn for_verifying() -> Self {
        Fresh {
            from: 0,
            epochs: VecDeque::new(),
            most: 8,
        }
    }

    /// An epoch ended; its record is the one before that seq.
    pub(crate) fn epoch(&mut self, end: u64) {
        self.epochs.push_back(end);
        while self.epochs.len() > self.most {
            self.epochs.pop_front();
        }
        if let Some(oldest) = self.epochs.front().filter(|_| self.epochs.len() == self.most) {
            self.from = *oldest;
        }
    }

    /// Somebody has acted, in the record before that seq.
    pub(crate) fn act(&mut self, end: u64) {
        self.from = end;
        self.epochs = VecDeque::from([end]);
    }
}
