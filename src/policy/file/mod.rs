//! `auditdb.toml`, the policy of a database: which logs there are and which record goes to which, for how long each class is
//! kept, who the people are, what tools touch, and where checkpoints are anchored. The file is its author's: it is read and
//! never written, and each version of it that is taken up is recorded in the log, whole.
//!
//! What must hold: a file with a mistake is not taken up at all, not even in part; all its mistakes are named at once, each
//! with its line.

mod section;

use super::class::{Class, Margin};
use super::pattern::Pattern;
use super::route::{Conditions, LogRule, Route, fits_a_name};
use super::tool::ToolRule;
pub use section::Mistake;
use section::{Mistakes, Placed, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use toml::de::DeTable;

/// The name of the file, in the database's directory.
pub(crate) const POLICY_FILE: &str = "auditdb.toml";

/// A longer file does not fit into the record that takes it up.
pub(crate) const LONGEST: usize = 32 << 10;

/// A database has no more logs than this: each one's states name all the others.
pub(crate) const MOST_LOGS: usize = 256;

/// How sensitive data are, as records say it.
const SENSITIVITIES: [&str; 4] = ["public", "internal", "confidential", "restricted"];

/// What a policy file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// The file itself.
    pub(crate) text: String,
    pub(crate) classes: BTreeMap<String, Class>,
    pub(crate) logs: BTreeMap<String, LogRule>,
    /// Regions that records may name besides those of the logs.
    pub(crate) regions: BTreeSet<String>,
    pub(crate) routes: Vec<Route>,
    /// How often what has expired is dropped while the database is open.
    pub(crate) retain_every: Option<Duration>,
    pub(crate) people: BTreeMap<String, PersonRule>,
    pub(crate) tools: BTreeMap<String, ToolRule>,
    pub(crate) anchors: Vec<AnchorRule>,
}

/// `[people.NAME]`: who may act, and how that is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonRule {
    /// A public key as OpenSSH writes it, `ssh-ed25519 AAAA…`.
    pub(crate) key: String,
    pub(crate) roles: Vec<String>,
}

/// `[[anchor]]`: where checkpoints go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnchorRule {
    /// `dir:PATH`, `witness:URL` or `tsa:URL`.
    pub(crate) to: String,
    /// Only these logs; all of them if there is none.
    pub(crate) logs: Vec<String>,
    /// Also so many minutes after the last one, if there is anything new.
    pub(crate) every_minutes: Option<u32>,
    /// The witness's vkey.
    pub(crate) key: Option<String>,
    /// The authority's certificate, as `sha256:` and hexadecimal digits.
    pub(crate) certificate: Option<String>,
}

impl Policy {
    /// The people of the policy, in the order of their names.
    pub(crate) fn persons(&self) -> Vec<super::Person> {
        let person = |(name, rule): (&String, &PersonRule)| super::Person {
            name: name.clone(),
            key: rule.key.clone(),
            roles: rule.roles.clone(),
        };
        self.people.iter().map(person).collect()
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// All its mistakes, in the order of their lines.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Mistakes::new(text);
        let mut policy = Policy {
            text: text.to_owned(),
            ..Policy::default()
        };
        if text.len() > LONGEST {
            let message = format!("the file has {} bytes, and no more than {LONGEST} are read", text.len());
            mistakes.say(&(0..0), message);
            return Err(mistakes.into_found());
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            mistakes.say(&error.span().unwrap_or(0..0), error.message());
        }
        let mut whole = Section::whole(&table);
        let every = whole.number("retain_every", 1..=24 * 366, &mut mistakes);
        policy.retain_every = every.map(|(hours, _)| Duration::from_secs(u64::from(hours) * 3600));
        policy.classes(&mut whole, &mut mistakes);
        policy.logs(&mut whole, &mut mistakes);
        policy.routes(&mut whole, &mut mistakes);
        policy.people(&mut whole, &mut mistakes);
        policy.tools(&mut whole, &mut mistakes);
        policy.anchors(&mut whole, &mut mistakes);
        whole.end(&mut mistakes);
        let found = mistakes.into_found();
        if found.is_empty() { Ok(policy) } else { Err(found) }
    }

    /// Its digest, as records name it.
    pub(crate) fn digest(&self) -> String {
        digest(self.text.as_bytes())
    }

    /// The class of that name, which the file or this software defines.
    pub(crate) fn class(&self, name: &str) -> Option<Class> {
        let known = || Class::named(name).ok();
        self.classes.get(name).cloned().or_else(known)
    }

    fn classes(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for ((name, at), mut section) in whole.named("class", mistakes) {
            let (known, law) = (Class::named(&name).ok(), section.text("law", mistakes));
            let law = law.and_then(|(law, at)| match Class::named(&law) {
                Ok(class) => Some(class),
                Err(error) => {
                    mistakes.say(&at, error.to_string());
                    None
                }
            });
            let keep = section.number("keep", 1..=1200, mistakes);
            let buffer = section.number("buffer", 0..=3660, mistakes);
            let delete_by = section.number("delete_by", 1..=1200, mistakes);
            let before_drop = section.texts("before_drop", mistakes);
            if !fits_a_name(&name) {
                mistakes.say(&at, no_name("a class", &name));
            }
            let months = keep.as_ref().map(|(months, _)| *months);
            let class = known.clone().or_else(|| law.as_ref().map(|law| law.called(&name)));
            let class = class.or_else(|| months.map(|months| Class::stated(&name, months)));
            let Some(mut class) = class else {
                mistakes.say(
                    &section.at(),
                    format!("{} says nowhere for how long: keep = MONTHS", section.name()),
                );
                section.end(mistakes);
                continue;
            };
            if let Some((months, at)) = keep {
                // By the name's own law and by the one that is named.
                for bound in [known, law].into_iter().flatten() {
                    if let Err(error) = bound.keeping(months) {
                        mistakes.say(&at, error.to_string());
                    }
                }
                class = class.with_months(months);
            }
            let mut margin = Margin {
                buffer_days: buffer.map_or(0, |(days, _)| days),
                ..Margin::default()
            };
            if let Some((by, at)) = delete_by {
                if by <= class.months() {
                    let (keep, name) = (class.months(), &name);
                    mistakes.say(
                        &at,
                        format!("delete_by has to be later than the {keep} months that {name} keeps"),
                    );
                }
                margin.delete_by = Some(by);
            }
            for (what, at) in before_drop {
                match what.as_str() {
                    "anchor" => margin.anchored = true,
                    "backup" => margin.backed_up = true,
                    _ => mistakes.say(&at, "before_drop is \"anchor\", \"backup\" or both"),
                }
            }
            self.classes.insert(name, class.with_margin(margin));
            section.end(mistakes);
        }
    }

    fn logs(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for (region, at) in whole.texts("regions", mistakes) {
            if !fits_a_name(&region) {
                mistakes.say(&at, no_name("a region", &region));
            }
            self.regions.insert(region);
        }
        for ((name, at), mut section) in whole.named("log", mistakes) {
            if !fits_a_name(&name) {
                mistakes.say(&at, no_name("a log", &name));
            }
            let class = section
                .text("class", mistakes)
                .and_then(|placed| self.known_class(placed, mistakes));
            let region = section.text("region", mistakes).map(|(region, at)| {
                if !fits_a_name(&region) {
                    mistakes.say(&at, no_name("a region", &region));
                }
                self.regions.insert(region.clone());
                region
            });
            self.logs.insert(name, LogRule { class, region });
            section.end(mistakes);
        }
        if self.logs.len() >= MOST_LOGS {
            let message = format!("{} logs; a database has fewer than {MOST_LOGS}", self.logs.len());
            mistakes.say(&(0..0), message);
        }
    }

    fn routes(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for mut section in whole.listed("route", mistakes) {
            let mut patterns = |name: &'static str, mistakes: &mut Mistakes<'_>| -> Vec<Pattern> {
                let texts = section.texts(name, mistakes).into_iter();
                texts.map(|(text, _)| Pattern::new(text)).collect()
            };
            let conditions = Conditions {
                agent: patterns("agent", mistakes),
                environment: patterns("environment", mistakes),
                kind: patterns("kind", mistakes),
                class: patterns("class", mistakes),
                region: patterns("region", mistakes),
                system: patterns("system", mistakes),
                country: patterns("country", mistakes),
            };
            if conditions.is_empty() {
                let known = Conditions::NAMES.join(", ");
                mistakes.say(
                    &section.at(),
                    format!("a route needs a condition: {known}; `agent = \"*\"` takes all"),
                );
            }
            match section.text("log", mistakes) {
                Some((log, _)) if log == super::route::DEFAULT_LOG || self.logs.contains_key(&log) => {
                    let line = mistakes.line(&section.at());
                    self.routes.push(Route { conditions, log, line });
                }
                Some((log, at)) => mistakes.say(
                    &at,
                    format!("there is no [log.{log}]; add it, so that its class is clear"),
                ),
                None => mistakes.say(&section.at(), "a route needs the log to which it leads: log = \"…\""),
            }
            section.end(mistakes);
        }
    }

    fn people(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for ((name, _), mut section) in whole.named("people", mistakes) {
            let key = section.text("key", mistakes);
            let roles = section
                .texts("roles", mistakes)
                .into_iter()
                .map(|(role, _)| role)
                .collect();
            match key {
                Some((key, at)) => {
                    let key = match super::person::key(&key) {
                        Ok(key) => key,
                        Err(why) => {
                            mistakes.say(&at, format!("the key {why}"));
                            continue;
                        }
                    };
                    let other = self.people.iter().find(|(_, other)| other.key == key);
                    if let Some((other, _)) = other {
                        mistakes.say(&at, format!("{other} has the same key; two people have two"));
                    }
                    self.people.insert(name, PersonRule { key, roles });
                }
                None => mistakes.say(&section.at(), "a person has a key: key = \"ssh-ed25519 AAAA…\""),
            }
            section.end(mistakes);
        }
    }

    fn tools(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for ((name, _), mut section) in whole.named("tools", mistakes) {
            let at = section.at();
            let mut text = |name, mistakes: &mut Mistakes<'_>| section.text(name, mistakes);
            let version = text("version", mistakes).map(|(version, _)| version);
            let (system, operation) = (text("system", mistakes), text("operation", mistakes));
            let sensitivity = text("sensitivity", mistakes).map(|(word, at)| {
                if !SENSITIVITIES.contains(&word.as_str()) {
                    mistakes.say(&at, format!("sensitivity is one of {}", SENSITIVITIES.join(", ")));
                }
                word
            });
            let purpose = text("purpose", mistakes).map(|(purpose, _)| purpose);
            let legal_basis = text("legal_basis", mistakes).map(|(basis, _)| basis);
            let resource = text("resource", mistakes).map(|placed| pointer(placed, mistakes));
            let categories = section.texts("categories", mistakes).into_iter();
            let categories = categories.map(|(category, _)| category).collect();
            let subject = section.texts("subject", mistakes);
            let subject = subject.into_iter().map(|placed| pointer(placed, mistakes)).collect();
            match (system, operation) {
                (Some((system, _)), Some((operation, _))) => {
                    let rule = ToolRule {
                        version,
                        system,
                        operation,
                        sensitivity,
                        categories,
                        purpose,
                        legal_basis,
                        resource,
                        subject,
                    };
                    self.tools.insert(name, rule);
                }
                _ => mistakes.say(
                    &at,
                    "a tool has a system and an operation (search, read, create, update, delete, …)",
                ),
            }
            section.end(mistakes);
        }
    }

    fn anchors(&mut self, whole: &mut Section<'_>, mistakes: &mut Mistakes<'_>) {
        for mut section in whole.listed("anchor", mistakes) {
            let to = section.text("to", mistakes);
            let logs = section.texts("log", mistakes);
            let every = section.number("every", 1..=60 * 24 * 366, mistakes);
            let key = section.text("key", mistakes).map(|(key, _)| key);
            let certificate = section
                .text("certificate", mistakes)
                .map(|(certificate, _)| certificate);
            match to {
                Some((to, at)) => {
                    if !["dir:", "witness:", "tsa:"].iter().any(|scheme| to.starts_with(scheme)) {
                        mistakes.say(&at, "an anchor goes to dir:PATH, witness:URL or tsa:URL");
                    }
                    self.anchors.push(AnchorRule {
                        to,
                        logs: logs.into_iter().map(|(log, _)| log).collect(),
                        every_minutes: every.map(|(minutes, _)| minutes),
                        key,
                        certificate,
                    });
                }
                None => mistakes.say(&section.at(), "an anchor says where it goes: to = \"dir:PATH\""),
            }
            section.end(mistakes);
        }
    }

    fn known_class(&self, (name, at): Placed, mistakes: &mut Mistakes<'_>) -> Option<String> {
        if self.class(&name).is_some() {
            return Some(name);
        }
        let mut known = Class::names();
        known.extend(self.classes.keys().map(String::as_str));
        mistakes.say(
            &at,
            format!("there is no class {name:?}; there are {}", known.join(", ")),
        );
        None
    }
}

/// The digest of a policy file, as records name it.
pub(crate) fn digest(text: &[u8]) -> String {
    format!("blake3:{}", blake3::hash(text).to_hex())
}

fn pointer((text, at): Placed, mistakes: &mut Mistakes<'_>) -> String {
    if !text.starts_with('/') {
        mistakes.say(
            &at,
            format!("{text:?} is no JSON Pointer, which begins with a slash: \"/{text}\""),
        );
    }
    text
}

fn no_name(what: &str, name: &str) -> String {
    format!("{name:?} is no name of {what}: small letters, digits and hyphens, a letter or digit first, at most 64")
}

#[cfg(test)]
mod tests;
