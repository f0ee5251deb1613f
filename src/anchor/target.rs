//! Where a checkpoint goes, as `[[anchor]]` in the policy says.

use crate::error::{Error, Result};
use crate::log::{Core, Files, parse_policy, read_policy};
use crate::policy::{AnchorRule, POLICY_FILE, Policy, line_of};
use crate::proof::{Hash, KeyType, VerifierKey};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One place that checkpoints go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// As the policy spells it; the name by which records speak of it.
    pub(crate) name: String,
    pub(crate) to: Way,
    /// So long after the last anchor there is another one, if there is news.
    pub(crate) every: Duration,
}

/// How a checkpoint gets there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Directory(PathBuf),
    Witness {
        url: String,
        key: VerifierKey,
    },
    Authority {
        url: String,
        /// SHA-256 over the certificate that has to sign.
        certificate: Hash,
    },
}

/// If the policy does not say otherwise.
const EVERY: Duration = Duration::from_secs(3600);

impl Target {
    /// The directory, if it is one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match &self.to {
            Way::Directory(dir) => Some(dir),
            _ => None,
        }
    }

    /// The target that a rule of the policy means.
    ///
    /// # Errors
    /// [`Error::Anchor`].
    pub(crate) fn of(rule: &AnchorRule) -> Result<Self> {
        let wrong = |message: &str| anchor_error(&rule.to, message);
        let (scheme, rest) = rule.to.split_once(':').ok_or_else(|| wrong(WAYS))?;
        let to = match scheme {
            "dir" if Path::new(rest).is_absolute() => Way::Directory(PathBuf::from(rest)),
            "dir" => {
                return Err(wrong(
                    "the directory's path has to be absolute: whoever opens the log is somewhere else",
                ));
            }
            "witness" => {
                let key = rule
                    .key
                    .as_deref()
                    .ok_or_else(|| wrong("a witness needs its vkey: key = \"NAME+ID+KEY\""))?;
                let key: VerifierKey = key.parse().map_err(|fault| wrong(&format!("the key: {fault}")))?;
                if key.key_type() != KeyType::Cosignature {
                    return Err(wrong("the key is none of a witness, which has the type 0x04"));
                }
                Way::Witness {
                    url: url(rest).map_err(wrong)?,
                    key,
                }
            }
            "tsa" => {
                let pin = rule
                    .certificate
                    .as_deref()
                    .and_then(|pin| unhex(pin.strip_prefix("sha256:")?));
                let certificate = pin.ok_or_else(|| {
                    wrong("an authority needs the digest of the certificate that signs: certificate = \"sha256:…\", 64 hexadecimal digits")
                })?;
                Way::Authority {
                    url: url(rest).map_err(wrong)?,
                    certificate,
                }
            }
            _ => return Err(wrong(WAYS)),
        };
        let minutes = rule
            .every_minutes
            .map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
        Ok(Target {
            name: rule.to.clone(),
            to,
            every: minutes.unwrap_or(EVERY),
        })
    }
}

/// The targets of a log that is written, by the policy that it has taken up.
///
/// # Errors
/// The policy cannot be read or is another than the log has taken up, or one of its anchors is none.
pub(crate) fn targets_in_force(core: &Core) -> Result<Vec<Target>> {
    let in_force = core.act(|writer| Ok(writer.terms.household.policy.clone()))?;
    let Some((path, policy)) = policy_of(&core.files)? else {
        return Ok(Vec::new());
    };
    if in_force != Some(policy.digest()) {
        return Err(anchor_error(
            &path.display().to_string(),
            "it was changed, and the log has not taken it up yet",
        ));
    }
    targets_in(&policy, &core.files)
}

/// The targets of a log, by the policy's file as it is.
///
/// # Errors
/// The policy cannot be read, or one of its anchors is none.
pub(crate) fn targets(files: &Files) -> Result<Vec<Target>> {
    policy_of(files)?.map_or(Ok(Vec::new()), |(_, policy)| targets_in(&policy, files))
}

fn targets_in(policy: &Policy, files: &Files) -> Result<Vec<Target>> {
    let own = line_of(files.identity.name());
    let is_of = |rule: &&AnchorRule| rule.logs.is_empty() || rule.logs.iter().any(|log| line_of(log) == own);
    policy.anchors.iter().filter(is_of).map(Target::of).collect()
}

/// The policy of the database that a log is in, with its path; a log in no database has none.
fn policy_of(files: &Files) -> Result<Option<(PathBuf, Policy)>> {
    let Some(dir) = files.layout.root().parent().and_then(Path::parent) else {
        return Ok(None);
    };
    let path = dir.join(POLICY_FILE);
    let Some(bytes) = read_policy(&*files.disk, &path)? else {
        return Ok(None);
    };
    let policy = parse_policy(&path, &bytes)?;
    Ok(Some((path, policy)))
}

pub(super) fn anchor_error(to: &str, message: &str) -> Error {
    Error::Anchor {
        to: to.to_owned(),
        message: message.to_owned(),
    }
}

const WAYS: &str = "an anchor goes to dir:PATH, witness:URL or tsa:URL";

/// A URL without a name and a password in it: it stands in records.
fn url(text: &str) -> std::result::Result<String, &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("the URL has to begin with https:// or http://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') || text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err("the URL has no host, a name or password in it, or a space");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn unhex(text: &str) -> Option<Hash> {
    crate::log::unhex(&text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, key: Option<&str>, certificate: Option<&str>) -> AnchorRule {
        AnchorRule {
            to: to.to_owned(),
            logs: Vec::new(),
            every_minutes: None,
            key: key.map(str::to_owned),
            certificate: certificate.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let (key, pin) = (
            crate::proof::vector::WITNESS_VKEY,
            format!("sha256:{}", "aB".repeat(32)),
        );
        for (to, key, certificate, words) in [
            ("dir:/mnt/worm", None, None, ""),
            ("witness:https://w.example/path", Some(key), None, ""),
            ("tsa:http://t.example", None, Some(pin.as_str()), ""),
            ("dir:relative", None, None, "absolute"),
            ("nowhere", None, None, "dir:PATH, witness:URL or tsa:URL"),
            ("ftp:x", None, None, "dir:PATH, witness:URL or tsa:URL"),
            ("witness:https://w.example", None, None, "needs its vkey"),
            (
                "witness:https://w.example",
                Some(crate::proof::vector::LOG_VKEY),
                None,
                "none of a witness",
            ),
            ("witness:w.example", Some(key), None, "https:// or http://"),
            ("witness:https://me:secret@w.example", Some(key), None, "password"),
            ("witness:https:// x", Some(key), None, "password in it, or a space"),
            ("tsa:http://t.example", None, None, "needs the digest"),
            ("tsa:http://t.example", None, Some("sha256:12"), "needs the digest"),
        ] {
            match Target::of(&rule(to, key, certificate)) {
                Ok(target) => assert_eq!((words, target.name.as_str()), ("", to)),
                Err(error) => {
                    let error = error.to_string();
                    assert!(
                        !words.is_empty() && error.contains(words) && error.contains(to),
                        "{to}: {error}"
                    );
                }
            }
        }
    }
}
