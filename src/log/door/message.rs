//! What goes through the door, byte by byte.

use crate::log::options::Errand;
use std::io::{self, ErrorKind, Read, Write};

/// Append these records: each with its id (zeros if it has none but what its text says), its length in four bytes, and
/// its text.
pub(crate) const APPEND: u8 = 1;
/// Seal what is in the journal.
pub(crate) const SEAL: u8 = 2;
/// Sign and store how far the log is; the answer is the checkpoint.
pub(crate) const CHECKPOINT: u8 = 3;
/// Sign checkpoints with a new key; the answer is its public half.
pub(crate) const ROTATE_KEY: u8 = 4;
/// Keep records for another time; the request is JSON.
pub(crate) const SET_CLASS: u8 = 5;
/// Drop what need not be kept any longer; request and answer are JSON.
const RETAIN: u8 = 6;
/// The database has another log; the request is JSON.
pub(crate) const SIBLING: u8 = 7;
/// Take up a policy; the request is JSON.
pub(crate) const POLICY: u8 = 8;
/// Place or release a hold; request and answer are JSON.
const HOLD: u8 = 10;
/// Anchor; request and answer are JSON.
const ANCHOR: u8 = 9;
/// A backup was made; what is said of it is JSON, the answer the seq of the record in eight bytes.
pub(crate) const BACKED_UP: u8 = 11;
/// Append records as [`APPEND`] does, in the name of whoever showed a token; the length of the token's id in one byte and the id
/// stand first.
pub(crate) const APPEND_AS: u8 = 12;
/// A token was made or revoked; what is said of it is JSON.
pub(crate) const TOKEN: u8 = 13;
/// It was done; what follows is the answer.
pub(crate) const DONE: u8 = 0;
/// It was not done; what follows is why, as text.
pub(crate) const FAILED: u8 = 1;
/// It was not done, and may well be a moment later, on a new connection; what follows is why, as text.
pub(crate) const BUSY: u8 = 2;
/// It was not done, since it is not for that user; what follows is why, as text.
pub(crate) const DENIED: u8 = 3;

/// The longest message in bytes: one record of the largest size and what stands before it.
pub(crate) const MESSAGE_LIMIT: u32 = (64 << 20) + 1024;

/// A message with more than one record is no longer than this, so that a client cannot have millions of small ones
/// held at once.
pub(crate) const LIST_LIMIT: usize = 4 << 20;

/// What stands before a record's text.
pub(crate) const RECORD_HEAD: usize = 16 + 4;

/// A message's body grows by at least this much.
const STEP: usize = 64 << 10;

/// The message for an errand.
pub(crate) fn of_errand(errand: Errand) -> u8 {
    match errand {
        Errand::Retain => RETAIN,
        Errand::Hold => HOLD,
        Errand::Anchor => ANCHOR,
    }
}

/// The errand that a message is for.
pub(crate) fn errand(what: u8) -> Option<Errand> {
    match what {
        RETAIN => Some(Errand::Retain),
        HOLD => Some(Errand::Hold),
        ANCHOR => Some(Errand::Anchor),
        _ => None,
    }
}

/// Why a message could not be read.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection failed, ended, or took too long.
    Io(io::Error),
    /// It is too long, by what its head says.
    TooLong(u32),
    /// There is no room for it at present.
    NoRoom,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

/// Reads one message; `None` if the other end hung up between two. Asks for room as the bytes arrive: a length that is
/// only announced costs nothing.
pub(crate) fn read(
    stream: &mut impl Read,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Option<(u8, Vec<u8>)>, Broken> {
    let mut head = [0; 5];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [what, a, b, c, d] = head;
    let len = u32::from_le_bytes([a, b, c, d]);
    if len > MESSAGE_LIMIT {
        return Err(Broken::TooLong(len));
    }
    let len = len as usize;
    let mut body = Vec::new();
    while body.len() < len {
        let step = (len - body.len()).min(body.len().max(STEP));
        if !room(step) {
            return Err(Broken::NoRoom);
        }
        body.reserve_exact(step);
        if stream.by_ref().take(step as u64).read_to_end(&mut body)? < step {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(Some((what, body)))
}

/// Writes one message.
pub(crate) fn write(stream: &mut impl Write, what: u8, body: &[u8]) -> io::Result<()> {
    let len = u32::try_from(body.len()).map_err(io::Error::other)?;
    let [a, b, c, d] = len.to_le_bytes();
    let head = [what, a, b, c, d];
    // One call for what is short, no copy of what is long.
    if body.len() <= STEP {
        stream.write_all(&[head.as_slice(), body].concat())?;
    } else {
        stream.write_all(&head)?;
        stream.write_all(body)?;
    }
    stream.flush()
}

/// Adds a record to the body of an [`APPEND`].
pub(crate) fn push_record(body: &mut Vec<u8>, id: Option<[u8; 16]>, text: &[u8]) {
    body.extend_from_slice(&id.unwrap_or_default());
    body.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(text);
}

/// A record in a message: the id that it was given before it was sent, and its text.
pub(crate) type Sent<'a> = (Option<[u8; 16]>, &'a [u8]);

/// The records in the body of an [`APPEND`]; `None` if it is cut short.
pub(crate) fn records(body: &[u8]) -> Option<Vec<Sent<'_>>> {
    let (mut records, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (id, behind) = rest.split_first_chunk::<16>()?;
        let (len, behind) = behind.split_first_chunk::<4>()?;
        let (record, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        records.push(((*id != [0; 16]).then_some(*id), record));
        rest = behind;
    }
    Some(records)
}

/// What stands before the records in the body of an [`APPEND_AS`]; an id is at most 255 bytes.
pub(crate) fn in_the_name_of(id: &str) -> Vec<u8> {
    let id = id.get(..id.floor_char_boundary(255)).unwrap_or_default();
    let len = u8::try_from(id.len()).unwrap_or(u8::MAX);
    [&[len], id.as_bytes()].concat()
}

/// The token's id in the body of an [`APPEND_AS`], and the rest.
pub(crate) fn name_before(body: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = body.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((std::str::from_utf8(id).ok()?, rest))
}
