//! How far a string goes on in bytes that need no closer look. Most of a record's bytes stand in strings, so this loop
//! decides how fast records are checked: eight bytes at a time while a string is short, 32 where it is long (a loop of
//! that fixed length is compiled to vector instructions).

/// Plain bytes at the front of some text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many bytes stand before the first quote, backslash or control character below 0x20.
    pub(crate) len: usize,
    /// Whether there is more among them than printable ASCII.
    pub(crate) odd: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Strings that go on behind this many words count as long.
const SHORT_WORDS: usize = 4;

/// The plain bytes at the front.
pub(crate) fn plain_run(text: &[u8]) -> Run {
    let mut run = Run { len: 0, odd: false };
    if run.words(text, SHORT_WORDS) {
        return run;
    }
    run.long(text);
    if !run.words(text, usize::MAX) {
        run.rest(text);
    }
    run
}

impl Run {
    /// Goes over at most so many words; says whether the run ended in one of them.
    fn words(&mut self, text: &[u8], most: usize) -> bool {
        let (words, _) = text.get(self.len..).unwrap_or_default().as_chunks::<8>();
        for word in words.iter().take(most) {
            let word = u64::from_le_bytes(*word);
            let ends = ends(word);
            if ends != 0 {
                let plain = ends.trailing_zeros() / 8;
                self.odd |= odds(word) & ((1 << (8 * plain)) - 1) != 0;
                self.len += plain as usize;
                return true;
            }
            self.odd |= odds(word) != 0;
            self.len += 8;
        }
        false
    }

    /// Goes over 32 bytes at a time as long as all of them are plain.
    fn long(&mut self, text: &[u8]) {
        let (blocks, _) = text.get(self.len..).unwrap_or_default().as_chunks::<32>();
        for block in blocks {
            let (mut ends, mut odd) = (false, false);
            for byte in block {
                ends |= (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
                odd |= *byte >= 0x7F;
            }
            if ends {
                return;
            }
            self.odd |= odd;
            self.len += 32;
        }
    }

    /// Goes over what is left at the end of the text.
    fn rest(&mut self, text: &[u8]) {
        for byte in text.get(self.len..).unwrap_or_default() {
            if *byte < 0x20 || *byte == b'"' || *byte == b'\\' {
                return;
            }
            self.odd |= *byte >= 0x7F;
            self.len += 1;
        }
    }
}

/// The high bit of each byte that ends a run. Bits above the lowest one may be wrong, that one is not: a subtraction
/// borrows only from bytes above one that ends the run.
fn ends(word: u64) -> u64 {
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5C)) | control) & HIGHS
}

/// The high bit of each byte that is DEL or beyond ASCII. Without its high bit no byte carries into the next.
fn odds(word: u64) -> u64 {
    (word | (word & !HIGHS).wrapping_add(ONES)) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(text: &[u8]) -> Run {
        let ends = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        let len = text.iter().position(ends).unwrap_or(text.len());
        let odd = text[..len].iter().any(|byte| *byte >= 0x7F);
        Run { len, odd }
    }

    proptest! {
        #[test]
        fn ends_where_a_plain_loop_ends(
            plain in proptest::collection::vec(prop_oneof![8 => 0x20_u8..0x7F, 1 => 0x7F_u8..=0xFF], 0..200),
            behind in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = [plain, behind].concat();
            prop_assert_eq!(plain_run(&text), naive(&text));
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for place in 0..80 {
            for byte in 0..=255 {
                let mut text = vec![b'a'; 80];
                text[place] = byte;
                assert_eq!(plain_run(&text), naive(&text), "{byte} at {place}");
            }
        }
    }
}
