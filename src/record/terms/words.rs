//! The words of a text, in any language, for records and for queries alike.
//!
//! - A word is an unbroken run of letters and digits (Unicode's Alphabetic and Numeric), in lower case. Everything else
//!   parts words, `_` too: `send_email` is `send` `email`, and a query for it is the phrase of the two. So is `case-8812`.
//! - Scripts that are written without spaces (Chinese, Japanese, Korean syllables, Thai, Lao, Khmer, Burmese …) have a
//!   word a character, so that any piece of a sentence is found as a phrase.
//! - A run of more than [`LONGEST`] characters (base64, say) is cut into pieces of that length, counted from its
//!   beginning; a query for it is cut in the same way, and is the phrase of the pieces.
//! - Lower case is Unicode's, character by character, with the Greek final sigma as any other. Accents count, and a
//!   letter with one is the same as written only (`é` is one character or two).
//!
//! What must hold: the words of a piece of text that begins and ends between words are the same as within the whole.

/// A run of letters and digits is cut at so many characters.
pub(crate) const LONGEST: usize = 64;

/// So many places are left free between the last word of one value and the first of the next: a phrase, whose words have
/// consecutive places, never spans values. (More of them, for phrases that let some words stand between, would make the
/// index larger: 16 cost 5 % of it.)
#[cfg_attr(not(feature = "search"), allow(dead_code, reason = "the index keeps to it"))]
pub(crate) const GAP: u32 = 1;

/// Hands out the words of a text in order; each one's place is one more than that of the word before.
pub(crate) fn words(text: &str, mut each: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut lowered = String::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii() && !byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let plain = bytes
            .iter()
            .skip(at)
            .take(LONGEST)
            .take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            .count();
        let behind = bytes.get(at + plain);
        // Most words are these: nothing has to be changed, so nothing is copied.
        if plain > 0 && behind.is_none_or(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() || plain == LONGEST) {
            each(rest.get(..plain).unwrap_or_default());
            at += plain;
            continue;
        }
        at += other(rest, &mut lowered, &mut each);
    }
}

/// The word at the front, which needs a closer look, or the character that is in none; gives its length in bytes.
fn other(text: &str, lowered: &mut String, each: &mut impl FnMut(&str)) -> usize {
    lowered.clear();
    let (mut length, mut count) = (0, 0);
    for c in text.chars() {
        let alone = stands_alone(c);
        if count == LONGEST || (alone && count > 0) || !(alone || c.is_alphanumeric()) {
            break;
        }
        lower(c, lowered);
        length += c.len_utf8();
        count += 1;
        if alone {
            break;
        }
    }
    if count == 0 {
        return text.chars().next().map_or(1, char::len_utf8);
    }
    each(lowered);
    length
}

fn lower(c: char, out: &mut String) {
    match c {
        'ς' => out.push('σ'),
        c if c.is_ascii() => out.push(c.to_ascii_lowercase()),
        c => out.extend(c.to_lowercase()),
    }
}

/// Whether a character is a word by itself.
fn stands_alone(c: char) -> bool {
    match c {
        '\0'..='\u{dff}' => false,
        // South-East Asia, vowel signs and tone marks included: Thai, Lao, Burmese, Khmer, Tai, Javanese, Cham.
        '\u{e01}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19df}'
        | '\u{1a20}'..='\u{1aaf}'
        | '\u{a980}'..='\u{aadf}' => true,
        // Chinese, Japanese, Korean, Yi.
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'
        | '\u{16fe0}'..='\u{18cff}'
        | '\u{1aff0}'..='\u{1b2ff}'
        | '\u{20000}'..='\u{3ffff}' => c.is_alphanumeric(),
        _ => false,
    }
}
