//! Single JSON values: what a string says once its escapes are undone, whether a value is what the table wants, and
//! how a text is written as a JSON string.

use super::refusal::Reason;
use super::shape::Type;
use super::time::parse_time;
use std::borrow::Cow;

/// The longest [`Type::Str`] in bytes.
pub(crate) const STR_LIMIT: usize = 256;

/// What a JSON string says, given what stands between its quotes. Escapes that are not valid stay as they stand.
pub(crate) fn string_value(inner: &[u8]) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', inner) else {
        return std::str::from_utf8(inner).map_or_else(|_| String::from_utf8_lossy(inner), Cow::Borrowed);
    };
    let mut out = inner.get(..first).unwrap_or_default().to_vec();
    let mut rest = inner.get(first..).unwrap_or_default();
    while let Some(byte) = rest.first() {
        let (value, used) = match rest {
            [b'\\', b'u', ..] => match unicode_escape(rest) {
                Some((character, used)) => {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = rest.get(used..).unwrap_or_default();
                    continue;
                }
                None => (b'\\', 1),
            },
            [b'\\', escaped, ..] => match escaped {
                b'"' | b'\\' | b'/' => (*escaped, 2),
                b'b' => (8, 2),
                b'f' => (12, 2),
                b'n' => (b'\n', 2),
                b'r' => (b'\r', 2),
                b't' => (b'\t', 2),
                _ => (b'\\', 1),
            },
            _ => (*byte, 1),
        };
        out.push(value);
        rest = rest.get(used..).unwrap_or_default();
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| -> Option<u32> {
        let digits = text
            .get(at..at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(2)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    if text.get(6..8)? != b"\\u" {
        return None;
    }
    let second = unit(8).filter(|second| (0xDC00..0xE000).contains(second))?;
    Some((
        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))?,
        12,
    ))
}

/// Appends a text as a JSON string with its quotes; only what has to be is escaped.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// What a type wants, in words.
pub(crate) fn expectation(ty: Type) -> String {
    match ty {
        Type::Str | Type::Usual(_) => "a string of 1 to 256 bytes without control characters".to_owned(),
        Type::Text => "a string".to_owned(),
        Type::Time => "a time as a string".to_owned(),
        Type::Id => "a UUID, as in 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071".to_owned(),
        Type::Digest => "a digest as algorithm:hex, as in sha256:9f86d081…".to_owned(),
        Type::Hex(digits) => format!("{digits} lower-case hexadecimal digits"),
        Type::Integer(least) => format!("a whole number of at least {least}"),
        Type::Number(Some(least)) => format!("a number of at least {least}"),
        Type::Number(None) => "a number".to_owned(),
        Type::Share => "a number from 0 to 1".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::Any => "any value".to_owned(),
        Type::Open | Type::Object(_) => "an object".to_owned(),
        Type::Closed(names) => format!("one of {}", names.join(", ")),
        Type::List(_) => "a list".to_owned(),
    }
}

/// What is wrong with a string, number or truth value (as it stands in the text, quotes included) for that type.
pub(crate) fn value_fault(ty: Type, raw: &[u8], found: &'static str) -> Option<Reason> {
    let inner = raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let fits = match (ty, inner) {
        (Type::Any, _) => true,
        (Type::Text, Some(_)) => true,
        (Type::Time, Some(inner)) => match parse_time(&string_value(inner)) {
            Ok(_) => true,
            Err(fault) => return Some(Reason::Time(fault)),
        },
        (ty, Some(inner)) => string_fits(ty, &string_value(inner)),
        (Type::Bool, None) => matches!(raw, b"true" | b"false"),
        (ty, None) if found == "a number" => number_fits(ty, raw),
        _ => false,
    };
    if fits {
        None
    } else {
        Some(Reason::WrongType {
            expected: expectation(ty),
            found: described(ty, inner, found),
        })
    }
}

/// A string of the wrong content is still a string: say that it is the content.
fn described(ty: Type, inner: Option<&[u8]>, found: &'static str) -> &'static str {
    let wants_string = matches!(
        ty,
        Type::Str | Type::Usual(_) | Type::Id | Type::Digest | Type::Hex(_) | Type::Closed(_) | Type::Text | Type::Time
    );
    match inner {
        Some([]) if wants_string => "an empty string",
        Some(_) if wants_string => "another string",
        _ => found,
    }
}

fn string_fits(ty: Type, value: &str) -> bool {
    match ty {
        Type::Str | Type::Usual(_) => is_str(value),
        Type::Id => uuid::Uuid::try_parse(value).is_ok() && value.len() == 36,
        Type::Digest => value.split_once(':').is_some_and(|(algorithm, hex)| {
            is_str(algorithm) && !hex.is_empty() && hex.len() % 2 == 0 && hex.bytes().all(|b| b.is_ascii_hexdigit())
        }),
        Type::Hex(digits) => {
            value.len() == digits && value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        }
        Type::Closed(names) => names.contains(&value),
        _ => false,
    }
}

fn is_str(value: &str) -> bool {
    (1..=STR_LIMIT).contains(&value.len()) && !has_control(value)
}

fn has_control(value: &str) -> bool {
    if value.is_ascii() {
        value.bytes().any(|byte| byte.is_ascii_control())
    } else {
        value.chars().any(char::is_control)
    }
}

fn number_fits(ty: Type, raw: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(raw) else {
        return false;
    };
    let value = || text.parse::<f64>().ok().filter(|value| value.is_finite());
    match ty {
        Type::Integer(least) => match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(value), _) => value >= least,
            (Err(_), parsed) => parsed.is_ok(),
        },
        Type::Number(least) => value().is_some_and(|value| least.is_none_or(|least| value >= least)),
        Type::Share => value().is_some_and(|value| (0.0..=1.0).contains(&value)),
        _ => false,
    }
}
