//! A query's text, read by recursive descent:
//!
//! ```text
//! any    = all { "OR" all }
//! all    = one { [ "AND" ] one }                    a space means AND, and binds as tight
//! one    = { "NOT" | "-" | "+" } ( "(" any ")" | clause )
//! clause = NAME ":" value | words | "*"
//! value  = word [ "*" ] | quoted [ "*" ] | "*" | comparison | range | set | "(" any ")"
//! comparison = ( ">" | ">=" | "<" | "<=" ) word     range = ( "[" | "{" ) word "TO" word ( "]" | "}" )
//! set    = "IN" "[" { word } "]"
//! ```
//!
//! This is the grammar of tantivy's queries but for what has no meaning here (slop, boosts, regular expressions), and a
//! space: there it means OR with a ranking, here there is none, and who asks narrows down. The crate
//! `tantivy-query-grammar` is not used: what it makes of a text does not say where each clause stood, so no mistake could
//! be shown in its place; it gives a list that mixes AND, OR and nothing a meaning of its own; and a value with a colon in
//! it (every token, every time) would have to be quoted. A test holds the two against each other.

use super::expr::Expr;
use super::fault::QueryFault;
use super::meaning::{self, Comparison, Name, Value};
use super::time::Zone;
use std::ops::Range;

/// The longest query in bytes.
const LENGTH: usize = 4 << 10;
/// How deep brackets and negations go.
const DEPTH: usize = 32;
/// How many clauses there are at most, the elements of sets among them.
const CLAUSES: usize = 256;

type Parsed<T> = Result<T, QueryFault>;

/// What the text asks for; nothing but space asks for every record.
pub(super) fn parse(text: &str, zone: &Zone) -> Parsed<Expr> {
    if text.len() > LENGTH {
        let message = format!("the query is longer than {LENGTH} bytes");
        let end = text.floor_char_boundary(LENGTH);
        return Err(QueryFault::new(text, end..end, message));
    }
    let mut parser = Parser {
        text,
        zone,
        at: 0,
        depth: 0,
        clauses: 0,
    };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(Expr::All);
    }
    let expr = parser.any(None)?;
    // Only a bracket ends an expression before the text's end.
    if parser.rest().is_empty() {
        Ok(expr)
    } else {
        Err(parser.fault(parser.at..parser.at + 1, "this bracket was never opened"))
    }
}

struct Parser<'t> {
    text: &'t str,
    zone: &'t Zone,
    at: usize,
    depth: usize,
    clauses: usize,
}

impl<'t> Parser<'t> {
    fn any(&mut self, name: Option<&Name>) -> Parsed<Expr> {
        let mut all = vec![self.all(name)?];
        while self.keyword("OR") {
            all.push(self.all(name)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Or(all) })
    }

    fn all(&mut self, name: Option<&Name>) -> Parsed<Expr> {
        let mut all = vec![self.one(name)?];
        loop {
            self.skip_space();
            let and = self.keyword("AND");
            if !and && (self.rest().is_empty() || self.rest().starts_with(')') || self.at_keyword("OR")) {
                break;
            }
            all.push(self.one(name)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn one(&mut self, name: Option<&Name>) -> Parsed<Expr> {
        self.skip_space();
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.nothing(&format!("brackets and negations go at most {DEPTH} deep")));
        }
        let between = ["AND", "OR"].into_iter().find(|word| self.at_keyword(word));
        if let Some(word) = between {
            let message = format!("{word} stands between two conditions; in quotes it is a word to look for");
            return Err(self.fault(self.at..self.at + word.len(), message));
        }
        let expr = if self.keyword("NOT") || self.take('-') {
            Expr::Not(Box::new(self.one(name)?))
        } else if self.take('+') {
            self.one(name)?
        } else if self.rest().starts_with('(') {
            self.group(name)?
        } else {
            self.clause(name)?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn group(&mut self, name: Option<&Name>) -> Parsed<Expr> {
        let open = self.at;
        self.take('(');
        let expr = self.any(name)?;
        self.skip_space();
        if self.take(')') {
            Ok(expr)
        } else {
            Err(self.fault(open..open + 1, "this bracket is never closed"))
        }
    }

    fn clause(&mut self, name: Option<&Name>) -> Parsed<Expr> {
        if let Some(name) = name {
            return self.value(name);
        }
        if let Some(name) = self.name()? {
            self.skip_space();
            if self.rest().starts_with('(') {
                return self.group(Some(&name));
            }
            return self.value(&name);
        }
        let start = self.at;
        if self.rest().starts_with(['<', '>', '[', '{']) || self.at_set() {
            return Err(self.fault(
                start..start + 1,
                "a range or a set needs a name in front, as in cost:>0.5",
            ));
        }
        self.count()?;
        if self.bare_star() {
            return Ok(Expr::All);
        }
        let value = self.scalar(")")?;
        if value.raw.is_empty() {
            return Err(self.nothing("words, or a name and a value, should stand here"));
        }
        meaning::words(&value).map_err(|message| self.fault(value.at.clone(), message))
    }

    /// What is asked of a field.
    fn value(&mut self, name: &Name) -> Parsed<Expr> {
        self.count()?;
        let start = self.at;
        if self.bare_star() {
            return Ok(meaning::exists(name));
        }
        if self.rest().starts_with(['[', '{']) {
            return self.range(name);
        }
        if self.at_set() {
            return self.set(name);
        }
        let comparisons = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ];
        let comparison = comparisons.into_iter().find(|(sign, _)| self.rest().starts_with(sign));
        if let Some((sign, _)) = comparison {
            self.at += sign.len();
            self.skip_space();
        }
        let value = self.scalar(")")?;
        if value.raw.is_empty() {
            return Err(self.nothing(&format!("{} has no value behind it", name.text)));
        }
        match comparison {
            Some((_, comparison)) => {
                let range = meaning::compare(name, comparison, &value, self.zone);
                range.map_err(|fault| self.refused(fault, start..value.at.end))
            }
            None => meaning::equals(name, &value, self.zone).map_err(|fault| self.refused(fault, value.at.clone())),
        }
    }

    fn range(&mut self, name: &Name) -> Parsed<Expr> {
        let start = self.at;
        let from_included = self.rest().starts_with('[');
        self.at += 1;
        let lower = self.bound()?;
        self.skip_space();
        if !self.keyword("TO") {
            return Err(self.nothing("TO should stand here: a range is written [A TO B], or {A TO B} without its ends"));
        }
        let upper = self.bound()?;
        self.skip_space();
        let to_included = self.take(']');
        if !to_included && !self.take('}') {
            return Err(self.fault(start..start + 1, "this range is never closed"));
        }
        let sides = [
            (
                lower,
                if from_included {
                    Comparison::AtLeast
                } else {
                    Comparison::Above
                },
            ),
            (
                upper,
                if to_included {
                    Comparison::AtMost
                } else {
                    Comparison::Below
                },
            ),
        ];
        let mut expr: Option<Expr> = None;
        for (value, comparison) in sides {
            // An end that is open.
            if value.prefix && value.raw.is_empty() {
                continue;
            }
            let side = meaning::compare(name, comparison, &value, self.zone);
            let side = side.map_err(|fault| self.refused(fault, value.at.clone()))?;
            expr = Some(match expr {
                Some(other) => meaning::between(other, side),
                None => side,
            });
        }
        // Open at both ends.
        Ok(expr.unwrap_or_else(|| meaning::exists(name)))
    }

    fn bound(&mut self) -> Parsed<Value> {
        self.skip_space();
        let value = self.scalar("]}")?;
        if value.raw.is_empty() && !value.prefix {
            return Err(self.nothing("the end of a range is missing here; * stands for an open one"));
        }
        Ok(value)
    }

    fn set(&mut self, name: &Name) -> Parsed<Expr> {
        let start = self.at;
        self.keyword("IN");
        self.skip_space();
        self.take('[');
        let mut all = Vec::new();
        loop {
            self.skip_space();
            if self.take(']') {
                break;
            }
            if self.rest().is_empty() {
                return Err(self.fault(start..start + 2, "this set is never closed"));
            }
            self.count()?;
            let mut value = self.scalar("]")?;
            // Who writes commas means a list all the same.
            if !value.quoted && value.raw.ends_with(',') {
                value.raw.pop();
            }
            if value.raw.is_empty() && !value.quoted && !value.prefix {
                return Err(self.nothing("a value, or ] to end the set, should stand here"));
            }
            let one = meaning::equals(name, &value, self.zone);
            all.push(one.map_err(|fault| self.refused(fault, value.at.clone()))?);
        }
        match all.len() {
            0 => Err(self.fault(start..self.at, "the set is empty")),
            1 => Ok(all.remove(0)),
            _ => Ok(Expr::Or(all)),
        }
    }

    /// A name and its colon, if they stand here.
    fn name(&mut self) -> Parsed<Option<Name>> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                ':' if offset > 0 => {
                    let at = self.at..self.at + offset;
                    self.at += offset + 1;
                    return match meaning::name(&text) {
                        Ok(meaning) => Ok(Some(Name { text, meaning })),
                        Err((message, nearest)) => Err(self.fault(at, message).or_perhaps(nearest)),
                    };
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c if c.is_whitespace()
                    || matches!(
                        c,
                        ':' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '<' | '>'
                    ) =>
                {
                    break;
                }
                c => text.push(c),
            }
        }
        Ok(None)
    }

    /// A word up to a space, a bracket, or one of these; or what stands in quotes. Either may end in a `*`.
    fn scalar(&mut self, ends: &str) -> Parsed<Value> {
        let start = self.at;
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote);
        }
        let (mut raw, mut star, mut end) = (String::new(), None, self.rest().len());
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' => raw.extend(chars.next().map(|(_, c)| c)),
                c if c.is_whitespace() || c == '"' || ends.contains(c) || (c == '(' && ends == ")") => {
                    end = offset;
                    break;
                }
                '*' if star.is_none() => star = Some((offset, raw.len())),
                c => raw.push(c),
            }
        }
        self.at += end;
        match star {
            Some((offset, _)) if offset + 1 < end => Err(self.fault(
                start + offset..start + offset + 1,
                "a * stands at the end, for any way to go on; put a backslash before it to mean the character itself",
            )),
            _ => Ok(Value {
                raw,
                quoted: false,
                prefix: star.is_some(),
                at: start..self.at,
            }),
        }
    }

    fn quoted(&mut self, quote: char) -> Parsed<Value> {
        let start = self.at;
        let mut raw = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' => raw.extend(chars.next().map(|(_, c)| c)),
                c if c == quote => {
                    self.at += offset + 1;
                    let prefix = self.take('*');
                    if self.rest().starts_with('~') {
                        let message = "words a distance apart cannot be asked for; ask for them one by one";
                        return Err(self.fault(self.at..self.at + 1, message));
                    }
                    return Ok(Value {
                        raw,
                        quoted: true,
                        prefix,
                        at: start..self.at,
                    });
                }
                c => raw.push(c),
            }
        }
        Err(self.fault(start..start + 1, "this quote is never closed"))
    }

    /// Goes past a `*` that stands alone.
    fn bare_star(&mut self) -> bool {
        let alone = self.rest().strip_prefix('*').is_some_and(ends_word);
        alone && self.take('*')
    }

    fn at_set(&self) -> bool {
        let behind = self.rest().strip_prefix("IN");
        behind.is_some_and(|behind| behind.trim_start().starts_with('['))
    }

    /// Goes past a keyword, if it stands here as a word of its own.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_space();
        let is = self.at_keyword(word);
        if is {
            self.at += word.len();
        }
        is
    }

    fn at_keyword(&self, word: &str) -> bool {
        self.rest()
            .strip_prefix(word)
            .is_some_and(|behind| ends_word(behind) || behind.starts_with('['))
    }

    fn take(&mut self, c: char) -> bool {
        let is = self.rest().starts_with(c);
        if is {
            self.at += c.len_utf8();
        }
        is
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn count(&mut self) -> Parsed<()> {
        self.clauses += 1;
        if self.clauses > CLAUSES {
            return Err(self.nothing(&format!("the query has more than {CLAUSES} clauses")));
        }
        Ok(())
    }

    /// What is wrong with the character that stands here, or with there being none.
    fn nothing(&self, message: &str) -> QueryFault {
        let len = self.rest().chars().next().map_or(0, char::len_utf8);
        self.fault(self.at..self.at + len, message)
    }

    fn refused(&self, fault: meaning::Refused, at: Range<usize>) -> QueryFault {
        self.fault(at, fault.message).or_perhaps(fault.nearest)
    }

    fn fault(&self, at: Range<usize>, message: impl Into<String>) -> QueryFault {
        QueryFault::new(self.text, at, message)
    }
}

/// Whether a word is at an end before this text.
fn ends_word(behind: &str) -> bool {
    behind
        .chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'))
}
