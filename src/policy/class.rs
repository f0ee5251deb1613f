//! Classes of records: each has a name and a number of calendar months for which its records are kept. A log has one, and
//! states it in the first record of each segment, so that what was promised then can be told from the segment alone.

use crate::error::{Error, Result};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// For how long a log's records are kept. Records older than that may be dropped, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    name: String,
    months: u32,
    margin: Margin,
}

/// What a policy adds to a class: when its records are dropped between the end of what was promised and the day by which
/// they must be gone, and what has to be so before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Margin {
    /// So many days longer than was promised nothing is dropped.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) buffer_days: u32,
    /// So many calendar months after a record was logged a law wants it gone.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) delete_by: Option<u32>,
    /// Nothing is dropped that no anchor, or no backup, reaches.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) anchored: bool,
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) backed_up: bool,
}

fn is_not<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A class that is known by name.
struct Known {
    name: &'static str,
    /// What it keeps unless somebody says otherwise, and the least that it may, in months.
    usual: u32,
    least: u32,
}

/// The law asks for the least of the last one (Regulation (EU) 2024/1689, articles 19 and 26).
const KNOWN: [Known; 4] = [
    Known {
        name: "standard",
        usual: 12,
        least: 1,
    },
    Known {
        name: "financial",
        usual: 24,
        least: 24,
    },
    Known {
        name: "health",
        usual: 24,
        least: 24,
    },
    Known {
        name: "eu-ai-act",
        usual: 6,
        least: 6,
    },
];

/// The longest promise, in months: a hundred years.
const MOST: u32 = 1200;

impl Class {
    /// The class of that name: `standard` (12 months), `financial` or `health` (24), `eu-ai-act` (6).
    ///
    /// # Errors
    /// [`Error::Class`] if there is none.
    pub fn named(name: &str) -> Result<Self> {
        let known = KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
            let names = KNOWN.map(|known| known.name).join(", ");
            Error::Class {
                message: format!("there is no class {name:?}; there are {names}"),
            }
        })?;
        Ok(Class::stated(known.name, known.usual))
    }

    /// The same class with another number of calendar months.
    ///
    /// # Errors
    /// [`Error::Class`] if the class asks for more, or nobody could tell the end.
    pub fn keeping(self, months: u32) -> Result<Self> {
        let least = KNOWN
            .iter()
            .find(|known| known.name == self.name)
            .map_or(1, |known| known.least);
        if months < least || months > MOST {
            return Err(Error::Class {
                message: format!(
                    "class {} keeps records for {least} to {MOST} months, and not for {months}",
                    self.name
                ),
            });
        }
        Ok(Class { months, ..self })
    }

    /// The same class with a number of calendar months that its law does not allow. A log takes it only with a reason, which
    /// is recorded ([`crate::Database::override_class`]).
    ///
    /// # Errors
    /// [`Error::Class`] if nobody could tell the end.
    pub fn overriding(self, months: u32) -> Result<Self> {
        if (1..=MOST).contains(&months) {
            return Ok(Class { months, ..self });
        }
        Err(Error::Class {
            message: format!("records are kept for 1 to {MOST} months, and not for {months}"),
        })
    }

    /// Whether it keeps records for as long as its law asks for.
    pub(crate) fn is_lawful(&self) -> bool {
        KNOWN
            .iter()
            .all(|known| known.name != self.name || self.months >= known.least)
    }

    /// A class as a record states it.
    pub(crate) fn stated(name: &str, months: u32) -> Self {
        Class {
            name: name.to_owned(),
            months,
            margin: Margin::default(),
        }
    }

    /// The names of the classes that are known without a policy.
    pub(crate) fn names() -> Vec<&'static str> {
        KNOWN.iter().map(|known| known.name).collect()
    }

    /// The same under another name.
    pub(crate) fn called(&self, name: &str) -> Self {
        Class {
            name: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same with another number of months, whatever the class asks for.
    pub(crate) fn with_months(self, months: u32) -> Self {
        Class { months, ..self }
    }

    /// The same with what a policy adds.
    pub(crate) fn with_margin(self, margin: Margin) -> Self {
        Class { margin, ..self }
    }

    /// What a policy adds.
    pub(crate) fn margin(&self) -> Margin {
        self.margin
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For how many calendar months records are kept.
    #[must_use]
    pub fn months(&self) -> u32 {
        self.months
    }
}

impl Default for Class {
    fn default() -> Self {
        let [standard, ..] = KNOWN;
        Class::stated(standard.name, standard.usual)
    }
}

/// When what was logged at that moment need not be kept any longer, both in nanoseconds since 1970: so many calendar
/// months later in UTC, at the same time of day. Where that month has no such day it is the first of the next: never
/// less than was promised. `None` if that is beyond all time.
pub(crate) fn expiry(logged: i64, months: u32) -> Option<i64> {
    let logged = Timestamp::from_nanosecond(i128::from(logged)).ok()?;
    let logged = TimeZone::UTC.to_datetime(logged);
    let mut end = logged.checked_add(i64::from(months).months()).ok()?;
    if end.day() < logged.day() {
        end = end.checked_add(1.day()).ok()?;
    }
    let end = TimeZone::UTC.to_timestamp(end).ok()?;
    end.as_nanosecond().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{format_time, parse_time};

    fn ends(logged: &str, months: u32) -> String {
        format_time(expiry(parse_time(logged).unwrap(), months).unwrap())
    }

    #[test]
    fn months_are_calendar_months_and_never_come_out_short() {
        for (logged, months, end) in [
            ("2026-01-15T10:30:00.000000001Z", 12, "2027-01-15T10:30:00.000000001Z"),
            ("2026-01-15T10:30:00Z", 24, "2028-01-15T10:30:00.000000000Z"),
            // Months of 28 to 31 days: where there is no such day, the first of the next month.
            ("2026-08-31T23:59:59Z", 6, "2027-03-01T23:59:59.000000000Z"),
            ("2026-03-31T00:00:00Z", 1, "2026-05-01T00:00:00.000000000Z"),
            ("2026-04-30T00:00:00Z", 1, "2026-05-30T00:00:00.000000000Z"),
            // A leap day, from and to one.
            ("2028-02-29T12:00:00Z", 12, "2029-03-01T12:00:00.000000000Z"),
            ("2028-02-29T12:00:00Z", 48, "2032-02-29T12:00:00.000000000Z"),
            ("2027-08-31T12:00:00Z", 6, "2028-03-01T12:00:00.000000000Z"),
            ("2027-08-29T12:00:00Z", 6, "2028-02-29T12:00:00.000000000Z"),
            // Clocks that were put forward or back in between change nothing: it is counted in UTC.
            ("2026-03-29T01:30:00+02:00", 7, "2026-10-28T23:30:00.000000000Z"),
            ("2026-12-31T23:30:00-05:00", 1, "2027-02-01T04:30:00.000000000Z"),
        ] {
            assert_eq!(ends(logged, months), end, "{logged} + {months}");
        }
        assert_eq!(expiry(i64::MAX, 12), None);
    }

    #[test]
    fn a_class_keeps_at_least_what_it_has_to() {
        let kept = |name: &str| Class::named(name).unwrap().months();
        assert_eq!(
            ["standard", "financial", "health", "eu-ai-act"].map(kept),
            [12, 24, 24, 6]
        );
        assert_eq!(Class::default(), Class::named("standard").unwrap());
        for (name, months, fits) in [
            ("eu-ai-act", 5, false),
            ("eu-ai-act", 7, true),
            ("financial", 23, false),
            ("health", 36, true),
            ("standard", 3, true),
            ("standard", 0, false),
            ("standard", 1201, false),
        ] {
            assert_eq!(
                Class::named(name).unwrap().keeping(months).is_ok(),
                fits,
                "{name} {months}"
            );
        }
        let message = Class::named("finance").unwrap_err().to_string();
        assert!(
            message.contains("there are standard, financial, health, eu-ai-act"),
            "{message}"
        );
    }
}
