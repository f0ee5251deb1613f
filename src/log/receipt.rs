//! What a caller gets for a record that is durable.

use super::events::hex;
use crate::proof::Hash;
use crate::record::{id_text, write_string};
use std::sync::Arc;

/// The proof of having been there: where a record stands, and the chain behind it. Kept apart from the log, it shows
/// later whether the log still holds what it held.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The log's name.
    pub log: Arc<str>,
    /// The record's place in the log, from 0.
    pub seq: u64,
    /// The record's id.
    pub id: [u8; 16],
    /// The link of the chain behind the record.
    pub chain: Hash,
}

impl Receipt {
    /// The record's id as text.
    #[must_use]
    pub fn id(&self) -> String {
        id_text(self.id)
    }

    /// The receipt as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = b"{\"log\":".to_vec();
        write_string(&mut out, &self.log);
        let rest = format!(
            ",\"seq\":{},\"id\":\"{}\",\"chain\":\"{}\"}}",
            self.seq,
            self.id(),
            hex(&self.chain)
        );
        out.extend_from_slice(rest.as_bytes());
        String::from_utf8(out).unwrap_or_default()
    }

    /// Reads what [`Receipt::to_json`] wrote.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Fields {
            log: String,
            seq: u64,
            id: String,
            chain: String,
        }
        let Fields { log, seq, id, chain } = serde_json::from_str(text).ok()?;
        let mut link = [0; 32];
        for (place, slot) in link.iter_mut().enumerate() {
            *slot = u8::from_str_radix(chain.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Receipt {
            log: log.into(),
            seq,
            id: uuid::Uuid::try_parse(&id).ok()?.into_bytes(),
            chain: link,
        })
    }
}
