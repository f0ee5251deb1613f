//! One pass over a caller's text: it checks that this is a record, and takes out the whitespace between the tokens.
//! Every other byte stays as it was sent. Members that the table knows are checked for their type; unknown ones only
//! for being JSON. No tree of values is built: that would cost four times as much as the whole pass.

use super::plain::plain_run;
use super::refusal::{Reason, Refusal};
use super::shape::{Shape, Type};
use super::text::{STR_LIMIT, string_value, value_fault};
use super::walk::Child;
use std::borrow::Cow;
use std::ops::Range;

/// How deep objects and lists may be nested, the record itself included.
pub(crate) const DEPTH_LIMIT: usize = 64;

/// A text that is a record, minified.
#[derive(Debug)]
pub(crate) struct Scanned<'a> {
    /// The object without whitespace between its tokens.
    pub(crate) text: Cow<'a, [u8]>,
    /// Where its members stand in that text.
    pub(crate) members: Vec<Child>,
}

/// Checks a text against a shape. `refused` names the members that must not stand in the outermost object.
pub(crate) fn scan<'a>(input: &'a [u8], shape: &'static Shape, refused: &[&str]) -> Result<Scanned<'a>, Refusal> {
    let mut scanner = Scanner::new(input, refused);
    match scanner.document(shape) {
        Ok(()) => Ok(Scanned {
            text: scanner.text(),
            members: scanner.members,
        }),
        Err(reason) => Err(scanner.refusal(reason)),
    }
}

/// A text that is any one JSON value, without whitespace between its tokens; none if the log would not take it so many levels
/// deep in a record.
pub(crate) fn scan_value(text: &str, depth: usize) -> Option<Cow<'_, str>> {
    let mut scanner = Scanner::new(text.as_bytes(), &[]);
    scanner.depth = depth;
    scanner.skip_space();
    scanner.value(None).ok()?;
    scanner.skip_space();
    if scanner.at < text.len() {
        return None;
    }
    match scanner.text() {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

struct Scanner<'a, 'r> {
    input: &'a [u8],
    at: usize,
    /// Everything before this was copied out or left out as whitespace.
    copied: usize,
    out: Vec<u8>,
    /// Where a mistake stands, the innermost step first; put together only once there is one.
    path: Vec<Step>,
    /// The names that the table does not know, met so far in every open object, as they stand in the input.
    keys: Vec<Key>,
    members: Vec<Child>,
    depth: usize,
    refused: &'r [&'r str],
}

/// A string that was gone over.
struct Quoted {
    escaped: bool,
    /// Whether there is more in it than printable ASCII.
    odd: bool,
}

/// Which of the known members an object has, as bits by their place in the table.
#[derive(Default)]
struct Met {
    any: u64,
    /// Without those that are `null`.
    with_value: u64,
}

/// A member's name as it stands in the input, and whether there is an escape in it.
#[derive(Clone)]
struct Key {
    range: Range<usize>,
    escaped: bool,
}

enum Step {
    Member(Range<usize>),
    Element(usize),
}

type Checked<T> = Result<T, Reason>;

impl<'a, 'r> Scanner<'a, 'r> {
    fn new(input: &'a [u8], refused: &'r [&'r str]) -> Self {
        Scanner {
            input,
            at: 0,
            copied: 0,
            out: Vec::new(),
            path: Vec::new(),
            keys: Vec::new(),
            members: Vec::new(),
            depth: 0,
            refused,
        }
    }

    fn document(&mut self, shape: &'static Shape) -> Checked<()> {
        if self.input.starts_with(b"\xEF\xBB\xBF") {
            return Err(Reason::ByteOrderMark);
        }
        if let Err(fault) = std::str::from_utf8(self.input) {
            self.at = fault.valid_up_to();
            return Err(Reason::Utf8);
        }
        self.skip_space();
        if self.peek() != Some(b'{') {
            return Err(Reason::NotAnObject);
        }
        self.value(Some(Type::Object(shape)))?;
        self.skip_space();
        if self.at < self.input.len() {
            return Err(Reason::Trailing);
        }
        Ok(())
    }

    /// The text without its whitespace; where there was none, as it was handed in.
    fn text(&mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.input.get(..self.at).unwrap_or(self.input));
        }
        self.flush();
        Cow::Owned(std::mem::take(&mut self.out))
    }

    fn value(&mut self, ty: Option<Type>) -> Checked<()> {
        let start = self.at;
        let found = match self.peek() {
            Some(b'{') => {
                let shape = match ty {
                    Some(Type::Object(shape)) => Some(shape),
                    None | Some(Type::Any | Type::Open) => None,
                    Some(ty) => return Err(wrong(ty, "an object")),
                };
                return self.nested(|scanner| scanner.object(shape));
            }
            Some(b'[') => {
                let element = match ty {
                    Some(Type::List(element)) => Some(*element),
                    None | Some(Type::Any) => None,
                    Some(ty) => return Err(wrong(ty, "a list")),
                };
                return self.nested(|scanner| scanner.list(element));
            }
            Some(b'"') => {
                let quoted = self.string()?;
                if ty.is_none_or(|ty| quoted.fits(ty, self.at - start - 2)) {
                    return Ok(());
                }
                "a string"
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                "a number"
            }
            Some(b't') => self.word(b"true", "true or false")?,
            Some(b'f') => self.word(b"false", "true or false")?,
            // A null counts as absent, whatever the type.
            Some(b'n') => return self.word(b"null", "null").map(|_| ()),
            _ => return Err(Reason::Syntax("a value")),
        };
        if let Some(ty) = ty {
            let fault = value_fault(ty, self.input.get(start..self.at).unwrap_or_default(), found);
            if let Some(reason) = fault {
                self.at = start;
                return Err(reason);
            }
        }
        Ok(())
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Checked<()>) -> Checked<()> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(Reason::TooDeep);
        }
        self.at += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, shape: Option<&'static Shape>) -> Checked<()> {
        let first_key = self.keys.len();
        let (opened_at, mut met) = (self.at - 1, Met::default());
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.member(shape, first_key, &mut met)?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    _ => return Err(Reason::Syntax("a comma or a closing brace")),
                }
                self.skip_space();
            }
        }
        self.sorted_duplicate(first_key)?;
        self.keys.truncate(first_key);
        let missing = shape.map_or(0, |shape| shape.required & !met.with_value);
        if missing != 0 {
            self.at = opened_at;
            let field = shape.and_then(|shape| shape.fields.get(missing.trailing_zeros() as usize));
            return Err(Reason::Missing(field.map_or("", |field| field.name)));
        }
        Ok(())
    }

    fn member(&mut self, shape: Option<&'static Shape>, first_key: usize, met: &mut Met) -> Checked<()> {
        if self.peek() != Some(b'"') {
            return Err(Reason::Syntax("a member's name in quotes"));
        }
        let start = self.at;
        let Quoted { escaped, .. } = self.string()?;
        let key = start + 1..self.at - 1;
        let raw = self.input.get(key.clone()).unwrap_or_default();
        let name = if escaped {
            Cow::Owned(string_value(raw).into_owned().into_bytes())
        } else {
            Cow::Borrowed(raw)
        };
        // Members mostly stand in the table's order: look behind the last one that was found first.
        let place = shape.and_then(|shape| shape.place(&name, 64 - met.any.leading_zeros() as usize));
        match place {
            Some(place) if met.any & bit(place) != 0 => {
                self.at = start;
                return Err(Reason::Duplicate(String::from_utf8_lossy(&name).into_owned()));
            }
            Some(place) => met.any |= bit(place),
            None => {
                if self.depth == 1
                    && let Some(owned) = self.refused.iter().find(|owned| owned.as_bytes() == name.as_ref())
                {
                    self.at = start;
                    return Err(Reason::LogOnly((*owned).to_owned()));
                }
                let range = key.clone();
                self.unique(first_key, Key { range, escaped }, start)?;
            }
        }
        let known = shape.zip(place).and_then(|(shape, place)| shape.fields.get(place));
        let name_in_text = self.position_in_text(key.start)..self.position_in_text(key.end);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(Reason::Syntax("a colon behind the member's name"));
        }
        self.at += 1;
        self.skip_space();
        let is_null = self.peek() == Some(b'n');
        let value_in_text = self.position_in_text(self.at);
        if let Err(reason) = self.value(known.map(|field| field.ty)) {
            self.path.push(Step::Member(key));
            return Err(reason);
        }
        if let Some(place) = place.filter(|_| !is_null) {
            met.with_value |= bit(place);
        }
        if self.depth == 1 {
            let value = value_in_text..self.position_in_text(self.at);
            self.members.push(Child {
                name: name_in_text,
                value,
            });
        }
        self.skip_space();
        Ok(())
    }

    fn list(&mut self, element: Option<Type>) -> Checked<()> {
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for place in 0.. {
            if let Err(reason) = self.value(element) {
                self.path.push(Step::Element(place));
                return Err(reason);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(Reason::Syntax("a comma or a closing bracket")),
            }
            self.skip_space();
        }
        Ok(())
    }

    /// Goes over a string.
    fn string(&mut self) -> Checked<Quoted> {
        self.at += 1;
        let mut quoted = Quoted {
            escaped: false,
            odd: false,
        };
        loop {
            let run = plain_run(self.input.get(self.at..).unwrap_or_default());
            self.at += run.len;
            quoted.odd |= run.odd;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(quoted);
                }
                Some(b'\\') => {
                    quoted.escaped = true;
                    self.escape()?;
                }
                Some(_) => {
                    return Err(Reason::Syntax(
                        "an escape: a string holds no control character as it stands",
                    ));
                }
                None => return Err(Reason::Syntax("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Checked<()> {
        match self.input.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.hex_unit(self.at)? {
                0xDC00..=0xDFFF => return Err(Reason::LoneSurrogate),
                0xD800..=0xDBFF => {
                    if self.input.get(self.at + 6..self.at + 8) != Some(b"\\u") {
                        return Err(Reason::LoneSurrogate);
                    }
                    if !(0xDC00..=0xDFFF).contains(&self.hex_unit(self.at + 6)?) {
                        return Err(Reason::LoneSurrogate);
                    }
                    self.at += 12;
                }
                _ => self.at += 6,
            },
            _ => {
                return Err(Reason::Syntax(
                    "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
                ));
            }
        }
        Ok(())
    }

    /// The 16 bits of the `\uXXXX` that begins at `at`.
    fn hex_unit(&self, at: usize) -> Checked<u16> {
        let digits = self
            .input
            .get(at + 2..at + 6)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        digits
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .ok_or(Reason::Syntax("four hexadecimal digits behind \\u"))
    }

    fn number(&mut self) -> Checked<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Reason::Syntax("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Checked<()> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 {
            Err(Reason::Syntax("a digit"))
        } else {
            Ok(())
        }
    }

    fn word(&mut self, word: &'static [u8], name: &'static str) -> Checked<&'static str> {
        if !self.input.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(Reason::Syntax("a value"));
        }
        self.at += word.len();
        Ok(name)
    }

    /// Refuses a name that stands before in the same object. Large objects are checked at their end instead, by
    /// sorting, so that a hostile record cannot make this quadratic.
    fn unique(&mut self, first_key: usize, key: Key, start: usize) -> Checked<()> {
        let input = self.input;
        let bytes = |key: &Key| input.get(key.range.clone()).unwrap_or_default();
        let before = self.keys.get(first_key..).unwrap_or_default();
        if before.len() < COMPARED_ONE_BY_ONE {
            let name = bytes(&key);
            let same = |other: &Key| {
                if key.escaped || other.escaped {
                    string_value(bytes(other)) == string_value(name)
                } else {
                    bytes(other) == name
                }
            };
            if before.iter().any(same) {
                self.at = start;
                return Err(Reason::Duplicate(string_value(name).into_owned()));
            }
        }
        self.keys.push(key);
        Ok(())
    }

    fn sorted_duplicate(&mut self, first_key: usize) -> Checked<()> {
        let input = self.input;
        let value = |key: &Key| string_value(input.get(key.range.clone()).unwrap_or_default());
        let Some(keys) = self
            .keys
            .get_mut(first_key..)
            .filter(|keys| keys.len() > COMPARED_ONE_BY_ONE)
        else {
            return Ok(());
        };
        keys.sort_by(|a, b| value(a).cmp(&value(b)).then(a.range.start.cmp(&b.range.start)));
        let twice = keys.windows(2).find_map(|pair| match pair {
            [a, b] if value(a) == value(b) => Some(b.clone()),
            _ => None,
        });
        if let Some(second) = twice {
            self.at = second.range.start - 1;
            return Err(Reason::Duplicate(value(&second).into_owned()));
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        if !matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return;
        }
        self.flush();
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    fn flush(&mut self) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.input.len());
        }
        self.out
            .extend_from_slice(self.input.get(self.copied..self.at).unwrap_or_default());
        self.copied = self.at;
    }

    /// Where a byte that was not copied yet, or that stands right behind what was, comes to stand in the text.
    fn position_in_text(&self, at: usize) -> usize {
        self.out.len() + at - self.copied
    }

    fn refusal(&self, reason: Reason) -> Refusal {
        let before = self.input.get(..self.at).unwrap_or(self.input);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let mut path = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Member(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&string_value(self.input.get(key.clone()).unwrap_or_default()));
                }
                Step::Element(place) => path.push_str(&format!("[{place}]")),
            }
        }
        Refusal {
            reason,
            path,
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: before.len() - line_start + 1,
        }
    }
}

impl Quoted {
    /// Whether it is certain without a closer look that a string of so many bytes is of that type.
    fn fits(&self, ty: Type, len: usize) -> bool {
        match ty {
            Type::Text | Type::Any => true,
            Type::Str | Type::Usual(_) => !self.escaped && !self.odd && (1..=STR_LIMIT).contains(&len),
            _ => false,
        }
    }
}

/// Objects with more members than this are checked for duplicate names by sorting.
const COMPARED_ONE_BY_ONE: usize = 24;

fn bit(place: usize) -> u64 {
    1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0)
}

fn wrong(ty: Type, found: &'static str) -> Reason {
    Reason::WrongType {
        expected: super::text::expectation(ty),
        found,
    }
}

#[cfg(test)]
mod tests;
