//! What can be asked of a group of records beside how many they are.

use super::super::fault::QueryFault;
use super::Column;

/// A figure over a member's values in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub(super) figure: Figure,
    pub(super) column: Column,
    text: String,
}

/// Which figure it is. A record with several numbers there counts with each of them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Figure {
    /// How many different values there are.
    Distinct,
    /// The sum of the numbers.
    Sum,
    /// Their mean.
    Mean,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// The least number that so many per cent of the numbers do not exceed (the nearest rank).
    Percentile(f64),
}

impl Measure {
    /// By its name: `distinct(subject)`, `sum(cost)`, `avg(duration)`, `min(…)`, `max(…)`, `p50(…)`, `p99.9(…)`.
    ///
    /// # Errors
    /// There is no such figure or no member of that name.
    pub fn parse(text: &str) -> Result<Self, QueryFault> {
        let unknown = || {
            let message =
                "this is no figure: write distinct(…), sum(…), avg(…), min(…), max(…) or p95(…) with a member's name";
            QueryFault::new(text, 0..text.len(), message)
        };
        let (figure, rest) = text.split_once('(').ok_or_else(unknown)?;
        let name = rest.strip_suffix(')').ok_or_else(unknown)?;
        let percent = |figure: &str| {
            let percent: f64 = figure.strip_prefix('p')?.parse().ok()?;
            (percent > 0.0 && percent <= 100.0).then_some(percent)
        };
        let figure = match figure.trim() {
            "distinct" => Figure::Distinct,
            "sum" => Figure::Sum,
            "avg" | "mean" => Figure::Mean,
            "min" => Figure::Min,
            "max" => Figure::Max,
            other => Figure::Percentile(percent(other).ok_or_else(unknown)?),
        };
        Ok(Measure {
            figure,
            column: Column::named(name.trim())?,
            text: text.to_owned(),
        })
    }
}

/// As it was asked for.
impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Measure {
    type Err = QueryFault;

    fn from_str(text: &str) -> Result<Self, QueryFault> {
        Measure::parse(text)
    }
}
