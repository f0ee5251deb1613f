//! What goes through the door, byte by byte.

use std::io::{self, Read, Write};

/// Append these records: each a length in four bytes and its text.
pub(crate) const APPEND: u8 = 1;
/// Seal what is in the journal.
pub(crate) const SEAL: u8 = 2;
/// It was done; what follows is the answer.
pub(crate) const DONE: u8 = 0;
/// It was not done; what follows is why, as text.
pub(crate) const FAILED: u8 = 1;

/// The longest message in bytes: one record of the largest size and its length.
pub(crate) const MESSAGE_LIMIT: u32 = (64 << 20) + 1024;

/// Reads one message; `None` if the other end hung up between two.
pub(crate) fn read(stream: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut head = [0; 5];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let [what, a, b, c, d] = head;
    let len = u32::from_le_bytes([a, b, c, d]);
    if len > MESSAGE_LIMIT {
        return Err(io::Error::other(format!(
            "a message of {len} bytes is longer than {MESSAGE_LIMIT}"
        )));
    }
    // Allocated as it arrives: a length alone costs nothing.
    let mut body = Vec::new();
    stream.take(u64::from(len)).read_to_end(&mut body)?;
    if body.len() as u64 == u64::from(len) {
        Ok(Some((what, body)))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Writes one message.
pub(crate) fn write(stream: &mut impl Write, what: u8, body: &[u8]) -> io::Result<()> {
    let len = u32::try_from(body.len()).map_err(io::Error::other)?;
    stream.write_all(&[&[what], len.to_le_bytes().as_slice(), body].concat())?;
    stream.flush()
}

/// Adds a record to the body of an [`APPEND`].
pub(crate) fn push_record(body: &mut Vec<u8>, text: &[u8]) {
    body.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(text);
}

/// The records in the body of an [`APPEND`]; `None` if it is cut short.
pub(crate) fn records(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut records, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let (record, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        records.push(record);
        rest = behind;
    }
    Some(records)
}
