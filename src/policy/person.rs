//! People: who may do what needs a person, and the keys by which they prove that it was they. Without any, acts are done
//! under a name that nobody proves.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Somebody who may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// As OpenSSH writes it, `ssh-ed25519 AAAA…`.
    pub(crate) key: String,
    pub(crate) roles: Vec<String>,
}

/// The longest name in bytes.
const NAME_LIMIT: usize = 256;

/// A name as it stands in records.
///
/// # Errors
/// [`Error::Person`] if it is empty, too long, or holds control characters.
pub(crate) fn name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(Error::Person {
            message: format!("{text:?} is no name: it has 1 to {NAME_LIMIT} bytes and no control characters"),
        });
    }
    Ok(name.to_owned())
}

/// A key in one spelling, from any of OpenSSH's, with a comment or without.
///
/// # Errors
/// What is wrong with the key, as the end of a sentence that begins with it.
pub(crate) fn key(text: &str) -> std::result::Result<String, String> {
    let key = ssh_key::PublicKey::from_openssh(text.trim())
        .map_err(|error| format!("is no public key as OpenSSH writes it, ssh-ed25519 AAAA… ({error})"))?;
    if key.algorithm() != ssh_key::Algorithm::Ed25519 {
        let kind = key.algorithm();
        return Err(format!("is of the kind {kind}; only ssh-ed25519 is taken"));
    }
    let plain = ssh_key::PublicKey::from(key.key_data().clone()).to_openssh();
    plain.map_err(|error| error.to_string())
}

/// Whether two names are surely those of two people: in another case it is the same name.
pub(crate) fn is_another(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.trim().to_lowercase();
    plain(one) != plain(other)
}

/// The person of that name.
pub(crate) fn find<'a>(people: &'a [Person], name: &str) -> Option<&'a Person> {
    people.iter().find(|person| person.name == name)
}

/// Whether a person may do what is for people of that role: any may, if nobody has the role.
pub(crate) fn may(people: &[Person], person: &Person, role: &str) -> bool {
    let has = |person: &Person| person.roles.iter().any(|own| own == role);
    has(person) || !people.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, roles: &[&str]) -> Person {
        Person {
            name: name.to_owned(),
            key: String::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        }
    }

    #[test]
    fn a_role_that_nobody_has_is_everybodys() {
        let people = [person("anna", &["legal"]), person("bert", &[])];
        for (name, role, allowed) in [
            ("anna", "legal", true),
            ("bert", "legal", false),
            ("bert", "operator", true),
        ] {
            let person = find(&people, name).unwrap();
            assert_eq!(may(&people, person, role), allowed, "{name} {role}");
        }
        assert!(find(&people, "Anna").is_none());
    }

    #[test]
    fn the_same_name_in_another_case_is_no_other_person() {
        assert!(!is_another("Anna", "anna ") && is_another("anna", "bert"));
        assert_eq!(name(" anna ").unwrap(), "anna");
        for wrong in ["", "  ", "a\nb", &"x".repeat(257)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
