//! Why a query's text could not be read: what is wrong, the place in the text, and what was perhaps meant.

use crate::record::printable;
use std::fmt;
use std::ops::Range;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryFault {
    /// What is wrong, in a sentence without its full stop.
    pub message: String,
    /// The query's text.
    pub text: String,
    /// The place in the text, in bytes.
    pub at: Range<usize>,
    /// Names or values that were perhaps meant, the nearest first.
    pub nearest: Vec<&'static str>,
}

impl QueryFault {
    pub(super) fn new(text: &str, at: Range<usize>, message: impl Into<String>) -> Self {
        QueryFault {
            message: message.into(),
            text: text.to_owned(),
            at,
            nearest: Vec::new(),
        }
    }

    pub(super) fn or_perhaps(mut self, nearest: Vec<&'static str>) -> Self {
        self.nearest = nearest;
        self
    }
}

/// So much of a long query is shown on each side of the place.
const AROUND: usize = 60;

impl fmt::Display for QueryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let [nearest @ .., last] = self.nearest.as_slice() {
            let others: String = nearest.iter().map(|name| format!("{name}, ")).collect();
            let or = if nearest.is_empty() { "" } else { "or " };
            write!(f, "; did you mean {others}{or}{last}?")?;
        }
        let (start, end) = (
            self.text.floor_char_boundary(self.at.start),
            self.text.floor_char_boundary(self.at.end),
        );
        let from = self.text.floor_char_boundary(start.saturating_sub(AROUND));
        let to = self.text.ceil_char_boundary(end.saturating_add(AROUND));
        // A query of several lines is shown on one.
        let part = |range: Range<usize>| {
            let part = self
                .text
                .get(range)
                .unwrap_or_default()
                .replace(['\n', '\r', '\t'], " ");
            printable(&part).into_owned()
        };
        let (before, marked, behind) = (part(from..start), part(start..end), part(end..to));
        let dots = |there: bool| if there { "…" } else { "" };
        let (cut_before, cut_behind) = (from > 0, to < self.text.len());
        write!(
            f,
            "\n  {}{before}{marked}{behind}{}",
            dots(cut_before),
            dots(cut_behind)
        )?;
        let indent = width(&before) + usize::from(cut_before);
        write!(f, "\n  {}{}", " ".repeat(indent), "^".repeat(width(&marked).max(1)))
    }
}

impl std::error::Error for QueryFault {}

/// The columns that a terminal takes for a text, near enough: East Asian characters take two.
fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
            | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3ffff}')
    };
    text.chars().map(|c| 1 + usize::from(wide(c))).sum()
}
