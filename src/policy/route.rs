//! Which log a record goes to. Logs differ in class and region, so that what is kept for 12 and for 24 months, or for one
//! country and another, never shares a file.
//!
//! What must hold: the class and the region that a record itself names win over every route; a record for which there is no
//! way goes to the default log and is flagged, and is never refused.

use super::file::Policy;
use super::pattern::Pattern;
use std::borrow::Cow;
use std::cell::LazyCell;

/// Where records go for which there is no other way: a database's first log.
pub(crate) const DEFAULT_LOG: &str = "main";

/// The class of a log for which none is said.
const DEFAULT_CLASS: &str = "standard";

/// `[log.NAME]`: what its records have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogRule {
    pub(crate) class: Option<String>,
    pub(crate) region: Option<String>,
}

/// `[[route]]`: records for which all of the conditions hold go to that log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) conditions: Conditions,
    pub(crate) log: String,
    /// Where it stands in the file.
    pub(crate) line: usize,
}

/// Each is a list of patterns of which one has to fit; an empty one asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) agent: Vec<Pattern>,
    pub(crate) environment: Vec<Pattern>,
    pub(crate) kind: Vec<Pattern>,
    pub(crate) class: Vec<Pattern>,
    pub(crate) region: Vec<Pattern>,
    pub(crate) system: Vec<Pattern>,
    pub(crate) country: Vec<Pattern>,
}

/// What of a record decides where it goes.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) agent: Cow<'a, str>,
    pub(crate) environment: Cow<'a, str>,
    pub(crate) kind: Cow<'a, str>,
    pub(crate) class: Option<Cow<'a, str>>,
    pub(crate) region: Option<Cow<'a, str>>,
    /// What stands further in.
    pub(crate) inner: InnerFacts<'a>,
}

/// Looked for only once a route asks for any of it: that is to walk through what a record holds most of.
pub(crate) type InnerFacts<'a> = LazyCell<Inner<'a>, Box<dyn FnOnce() -> Inner<'a> + 'a>>;

/// What of the inner members of a record decides where it goes.
#[derive(Debug, Default)]
pub(crate) struct Inner<'a> {
    /// Of the tools that were called, what was accessed, the action and the context.
    pub(crate) systems: Vec<Cow<'a, str>>,
    /// Of the person whom it is about, as `attributes.subject_country` says.
    pub(crate) country: Option<Cow<'a, str>>,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        let (agent, environment, kind) = Default::default();
        Facts {
            agent,
            environment,
            kind,
            class: None,
            region: None,
            inner: LazyCell::new(Box::new(Inner::default)),
        }
    }
}

/// Where a record goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) log: String,
    /// The first route that fits, by its place in the policy's list.
    pub(crate) route: Option<usize>,
    /// The record's own class or region decided against that route.
    pub(crate) own: bool,
    /// Why there was no way but the default.
    pub(crate) flag: Option<&'static str>,
}

impl Conditions {
    /// What they may be about.
    pub(crate) const NAMES: [&'static str; 7] =
        ["agent", "environment", "kind", "class", "region", "system", "country"];

    pub(crate) fn is_empty(&self) -> bool {
        self.lists().iter().all(|list| list.is_empty())
    }

    /// Whether all of them hold.
    pub(crate) fn hold(&self, facts: &Facts<'_>) -> bool {
        let text = |list: &[Pattern], text: &str| list.is_empty() || list.iter().any(|pattern| pattern.fits(text));
        let known = |list: &[Pattern], fact: &Option<Cow<'_, str>>| {
            list.is_empty() || fact.as_ref().is_some_and(|fact| text(list, fact))
        };
        text(&self.agent, &facts.agent)
            && text(&self.environment, &facts.environment)
            && text(&self.kind, &facts.kind)
            && known(&self.class, &facts.class)
            && known(&self.region, &facts.region)
            && (self.country.is_empty() || known(&self.country, &facts.inner.country))
            && (self.system.is_empty() || facts.inner.systems.iter().any(|system| text(&self.system, system)))
    }

    /// As somebody would say it.
    #[cfg(feature = "cli")]
    pub(crate) fn shown(&self) -> String {
        use std::fmt::Write as _;
        let mut shown = String::new();
        for (name, list) in Self::NAMES
            .iter()
            .zip(self.lists())
            .filter(|(_, list)| !list.is_empty())
        {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            let _ = write!(
                shown,
                "{}{name} {}",
                if shown.is_empty() { "" } else { ", " },
                list.join(" or ")
            );
        }
        shown
    }

    fn lists(&self) -> [&[Pattern]; 7] {
        [
            &self.agent,
            &self.environment,
            &self.kind,
            &self.class,
            &self.region,
            &self.system,
            &self.country,
        ]
    }
}

impl Policy {
    /// Whether records go anywhere but to the default log.
    pub(crate) fn is_routing(&self) -> bool {
        !self.routes.is_empty() || !self.logs.is_empty() || !self.regions.is_empty()
    }

    /// Which log a record with these facts goes to.
    pub(crate) fn way(&self, facts: &Facts<'_>) -> Way {
        let route = self.routes.iter().position(|route| route.conditions.hold(facts));
        let led = route.and_then(|route| self.routes.get(route));
        let log = led.map_or(DEFAULT_LOG, |route| route.log.as_str());
        let (class, region) = (facts.class.as_deref(), facts.region.as_deref());
        let way = |log: &str, own: bool, flag: Option<&'static str>| Way {
            log: log.to_owned(),
            route,
            own,
            flag,
        };
        if class.is_none() && region.is_none() {
            return way(log, false, route.is_none().then_some("no route"));
        }
        if class.is_some_and(|class| self.class(class).is_none()) {
            return way(DEFAULT_LOG, true, Some("no such class"));
        }
        if region.is_some_and(|region| !self.regions.contains(region)) {
            return way(DEFAULT_LOG, true, Some("no such region"));
        }
        // What the record does not say is as where the route leads.
        let (led_class, led_region) = self.kept_in(log);
        let class = class.unwrap_or(led_class);
        let region = region.or(led_region);
        if (led_class, led_region) == (class, region) {
            return way(log, false, None);
        }
        let fitting = self.logs.keys().find(|name| self.kept_in(name) == (class, region));
        if let Some(name) = fitting {
            return way(name, true, None);
        }
        let derived = match region {
            Some(region) => format!("{region}-{class}"),
            None => class.to_owned(),
        };
        if self.logs.contains_key(&derived) || derived == DEFAULT_LOG || !fits_a_name(&derived) {
            return way(DEFAULT_LOG, true, Some("no log of this class and region"));
        }
        way(&derived, true, None)
    }

    /// The class and the region of a log, by what the file says, or by its name if a record had it made.
    pub(crate) fn kept_in<'a>(&'a self, log: &'a str) -> (&'a str, Option<&'a str>) {
        if let Some(rule) = self.logs.get(log) {
            return (rule.class.as_deref().unwrap_or(DEFAULT_CLASS), rule.region.as_deref());
        }
        let ends = |class: &&str| {
            log.strip_suffix(class)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
        };
        let known = super::class::Class::names();
        let classes = known.into_iter().chain(self.classes.keys().map(String::as_str));
        // The longest, where one class's name is another's end.
        let Some(class) = classes.filter(ends).max_by_key(|class| class.len()) else {
            return (DEFAULT_CLASS, None);
        };
        let region = log.strip_suffix(class).and_then(|rest| rest.strip_suffix('-'));
        (class, region.filter(|region| self.regions.contains(*region)))
    }
}

/// The line that a log is of: the name of its first one, `main` of `main.2`.
pub(crate) fn line_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(line, _)| line)
}

/// Whether that can be the name of a log, a class or a region: a file's name everywhere, and nothing that means anything
/// to a shell or a path.
pub(crate) fn fits_a_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = name.bytes();
    bytes.next().is_some_and(fits) && name.len() <= 64 && bytes.all(|byte| fits(byte) || byte == b'-')
}
