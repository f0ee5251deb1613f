//! How many things a request may hold. Bytes alone do not bound what it takes in memory: two of them are an empty span.

use super::span::Malformed;
use std::cell::Cell;

/// So many events, attributes and values in lists.
const MOST: usize = 1_000_000;

/// A span or a log record, even an empty one, takes as much memory as so many of these.
const WHOLE: usize = 4;

/// So many members and elements in JSON, each of which may be one of those.
const MOST_IN_JSON: usize = 8_000_000;

/// Counts the things of one request.
#[derive(Debug, Default)]
pub(super) struct Most {
    there: Cell<usize>,
}

impl Most {
    /// Another event, attribute or value was met.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn one_more(&self) -> Result<(), Malformed> {
        self.there.set(self.there.get() + 1);
        self.held()
    }

    /// Another span or log record was met.
    ///
    /// # Errors
    /// As [`Most::one_more`].
    pub(super) fn one_more_whole(&self) -> Result<(), Malformed> {
        self.there.set(self.there.get() + WHOLE - 1);
        self.one_more()
    }

    /// Whether there were not too many.
    ///
    /// # Errors
    /// There were.
    pub(super) fn held(&self) -> Result<(), Malformed> {
        match self.there.get() > MOST {
            true => Err(too_many()),
            false => Ok(()),
        }
    }
}

/// Whether a request in JSON may be read.
///
/// # Errors
/// It holds too many things.
pub(super) fn in_json(body: &[u8]) -> Result<(), Malformed> {
    let begin = body.iter().filter(|byte| matches!(byte, b',' | b'{' | b'['));
    match begin.count() > MOST_IN_JSON {
        true => Err(too_many()),
        false => Ok(()),
    }
}

fn too_many() -> Malformed {
    Malformed(
        "it holds more than a million things, of which a span counts as four; send fewer spans at once".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;

    #[test]
    fn small_bodies_do_not_hold_millions_of_things() {
        let field = |number: u8, bytes: &[u8]| {
            let mut out = vec![number << 3 | 2];
            prost::encoding::encode_varint(bytes.len() as u64, &mut out);
            out.extend_from_slice(bytes);
            out
        };
        let few: Vec<u8> = [0x12, 0].repeat(1_000);
        let spans: Vec<u8> = [0x12, 0].repeat(MOST / WHOLE + 1);
        let attributes: Vec<u8> = [0x4a, 0].repeat(MOST);
        let values: Vec<u8> = field(1, &field(2, &field(1, &[0x0a, 0].repeat(MOST))));
        let read = |body: &[u8]| wire::spans(body).map(|all| all.len());
        assert_eq!(read(&field(1, &field(2, &few))), Ok(1_000));
        assert_eq!(read(&field(1, &field(2, &spans))), Err(too_many()));
        assert_eq!(read(&field(1, &field(2, &field(2, &attributes)))), Err(too_many()));
        assert_eq!(read(&field(1, &values)), Ok(0));
        assert_eq!(
            read(&field(
                1,
                &field(1, &field(1, &field(2, &field(5, &[0x0a, 0].repeat(MOST)))))
            )),
            Err(too_many())
        );
        assert!(in_json(&b"[0,".repeat(MOST_IN_JSON)).is_err());
        assert!(in_json(b"{}").is_ok());
    }
}
