//! Where an answer went on to, as a short text that nobody needs to understand: the log, the order, and the record that
//! was looked at last. Records keep their seq for ever, so it stays right while others are appended, sealed or dropped.

use super::question::Order;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use std::fmt;
use std::str::FromStr;

/// Where to go on with a query. It is good for the log it came from, and for the same query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) log_id: [u8; 16],
    pub(super) order: Order,
    /// The record that was looked at last; what comes behind it in that order is next.
    pub(super) seq: u64,
}

/// Of the text's form.
const VERSION: u8 = 1;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = u8::from(self.order == Order::Oldest);
        let bytes = [&[VERSION, order][..], &self.seq.to_be_bytes(), &self.log_id].concat();
        f.write_str(&Base64UrlUnpadded::encode_string(&bytes))
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCursor;

impl fmt::Display for NoCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no cursor; take it as the page before gave it")
    }
}

impl std::error::Error for NoCursor {}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let read = || {
            let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
            let (head, rest) = bytes.split_first_chunk::<2>()?;
            let (seq, log_id) = rest.split_first_chunk::<8>()?;
            let order = match head {
                [VERSION, 0] => Order::Newest,
                [VERSION, 1] => Order::Oldest,
                _ => return None,
            };
            Some(Cursor {
                log_id: log_id.try_into().ok()?,
                order,
                seq: u64::from_be_bytes(*seq),
            })
        };
        read().ok_or(NoCursor)
    }
}
