//! The page on a terminal.
//!
//! What must hold: no text of a record can look like a line of the page: a text of more than one line stands behind bars,
//! and nothing goes out that a terminal would obey.

use super::{Check, about, missing, place};
use crate::cli::Stop;
use crate::cli::figures::{count, short_time};
use crate::cli::output::Out;
use crate::cli::show::word;
use crate::query::{Place, Said, Section, Why};
use crate::record::printable;

/// A text longer than this is cut, and it is said where all of it is.
const TEXT: usize = 1_500;
/// So many facts of a section, or below a fact, are shown, and it is said where the others are.
const FACTS: usize = 60;
/// Where the facts begin, behind their records' places.
const MARGIN: usize = 11;

/// Prints the page.
pub(super) fn print(out: &mut Out, why: &Why, check: &Check) -> Result<(), Stop> {
    let page = Page { width: width(), check };
    out.line(&format!(
        "{}  {}",
        printable(&why.title),
        short_time(&why.entry.time_text())
    ))?;
    out.line(&about(why))?;
    for section in &why.sections {
        page.section(out, why, section)?;
    }
    let missing = missing(why);
    if !missing.is_empty() {
        out.line("\nWhat is not on record")?;
        for line in &missing {
            page.text(out, (&why.record, 2), "- ", line)?;
        }
    }
    out.line("\nHow to check it")?;
    out.line(&format!(
        "  log {}, record {}, id {}",
        printable(&why.record.log),
        why.record.seq,
        why.id
    ))?;
    out.line(&format!("  leaf {}", check.leaf))?;
    for (command, what) in check.commands() {
        out.line(&format!("  {}", printable(&command)))?;
        out.line(&format!("      {what}"))?;
    }
    Ok(())
}

struct Page<'a> {
    width: usize,
    check: &'a Check,
}

impl Page<'_> {
    fn section(&self, out: &mut Out, why: &Why, section: &Section) -> Result<(), Stop> {
        out.line(&format!("\n{}", section.title))?;
        let mut last = None;
        for fact in section.facts.iter().take(FACTS) {
            let from = if last == Some(&fact.from) {
                String::new()
            } else {
                place(why, &fact.from)
            };
            last = Some(&fact.from);
            self.said(out, (&fact.from, MARGIN), &format!("  {from:<8} "), &fact.said)?;
        }
        match section.facts.len().saturating_sub(FACTS) {
            0 => Ok(()),
            more => out.line(&format!(
                "  … {} more ({})",
                count(more as u64),
                printable(&self.check.trace())
            )),
        }
    }

    /// A fact of that record, that many columns in; what stands before it on its first line is as wide.
    fn said(&self, out: &mut Out, at: (&Place, usize), before: &str, said: &Said) -> Result<(), Stop> {
        // What is said of a fact without a name is its text alone.
        let name = match said.name.as_str() {
            "" => String::new(),
            // The words that are ours have spaces in them.
            "not chosen" | "relied on" | "on behalf of" | "handed on" | "earlier decision" | "retry of"
            | "handoff of" | "caused by" => {
                format!("{}: ", said.name)
            }
            name => format!("{}: ", word(name)),
        };
        self.text(out, at, &format!("{before}{name}"), &said.text)?;
        let (from, step) = (at.0, at.1 + 2);
        let mut shown = said.under.iter().take(FACTS);
        shown.try_for_each(|under| self.said(out, (from, step), &" ".repeat(step), under))?;
        match said.under.len().saturating_sub(FACTS) {
            0 => Ok(()),
            more => out.line(&format!(
                "{}… {} more ({})",
                " ".repeat(step),
                count(more as u64),
                printable(&self.check.about("show", from))
            )),
        }
    }

    /// A text behind that, on one line if it fits and behind bars if not.
    fn text(&self, out: &mut Out, (from, indent): (&Place, usize), before: &str, text: &str) -> Result<(), Stop> {
        let (text, more) = cut(text.trim_end_matches('\n'));
        let fits = before.chars().count() + text.chars().count() <= self.width;
        if !text.contains('\n') && fits && more == 0 {
            return out.line(format!("{before}{}", printable(text)).trim_end());
        }
        let indent = " ".repeat(indent + 2);
        out.line(before.trim_end())?;
        let width = self.width.saturating_sub(indent.len() + 2).max(20);
        for line in text.split('\n') {
            for piece in wrapped(&printable(line), width) {
                out.line(format!("{indent}| {piece}").trim_end())?;
            }
        }
        match more {
            0 => Ok(()),
            more => out.line(&format!(
                "{indent}… ({} more characters; {})",
                count(more as u64),
                printable(&self.check.about("show", from))
            )),
        }
    }
}

/// How wide the terminal is, if it says so.
fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.unwrap_or(110_usize).clamp(60, 200)
}

/// The beginning of a text, and how many characters were left out.
fn cut(text: &str) -> (&str, usize) {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => {
            let (start, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            (start, rest.chars().count())
        }
        None => (text, 0),
    }
}

/// A line in pieces of at most so many characters, parted at spaces where there are any.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for word in line.split_inclusive(' ') {
        let mut rest = word;
        while !rest.is_empty() {
            let visible = rest.trim_end().chars().count();
            if length > 0 && length + visible > width {
                pieces.push(String::new());
                length = 0;
            }
            let end = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at);
            let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if let Some(last) = pieces.last_mut() {
                last.push_str(piece);
            }
            length += piece.chars().count();
            rest = behind;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_and_nothing_is_lost() {
        for (line, width) in [
            ("", 5),
            ("a bc def ghij klmno", 5),
            ("aaaaaaaaaaaaa b", 5),
            ("   x   ", 2),
            ("ä ö ü 世界", 3),
        ] {
            let pieces = wrapped(line, width);
            assert_eq!(pieces.concat(), line);
            assert!(
                pieces.iter().all(|piece| piece.trim_end().chars().count() <= width),
                "{pieces:?}"
            );
        }
        assert_eq!(wrapped("a bc def", 5), ["a bc ", "def"]);
    }

    #[test]
    fn long_texts_say_how_much_is_left() {
        let text = "ä".repeat(TEXT + 3);
        let (start, more) = cut(&text);
        assert_eq!((start.chars().count(), more), (TEXT, 3));
        assert_eq!(cut("short"), ("short", 0));
    }
}
