//! An index that is open: which segment it is of, checked, and tantivy's readers over it.
//!
//! What must hold: it belongs to the segment as that is now (by the chain behind it), its rules are this program's, and no
//! byte of it is used that does not have its hash. What tantivy makes of it is guarded against panics.

use super::ask::Question;
use super::body::{Body, Packed};
use super::names::Names;
use super::pack::{FRONT_LEN, Front, HEAD_LIMIT, Head};
use super::schema::{column_name, fingerprint, schema};
use super::unfit::{Unfit, guarded};
use crate::disk::{Disk, DiskFile, Mapped, Open};
use crate::proof::Hash;
use crate::record::terms::FieldId;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tantivy::columnar::Column;
use tantivy::directory::OwnedBytes;
use tantivy::index::{InvertedIndexReader, SegmentReader};

/// What an index has to be the index of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) log_id: [u8; 16],
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
    /// The chain behind the segment's last line.
    pub(crate) chain_after: Hash,
}

/// The head of an index, which is enough to tell that there is nothing in it.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    head: Arc<Head>,
}

impl Summary {
    /// Reads the head of an index file and holds it against its digest, the segment and this program's rules.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, subject: &Subject) -> Result<Self, Unfit> {
        Self::read(&*disk.open(path, Open::Read)?, subject)
    }

    fn read(file: &dyn DiskFile, subject: &Subject) -> Result<Self, Unfit> {
        let exactly = |len: usize| -> Result<Vec<u8>, Unfit> {
            let mut bytes = vec![0; len];
            let read = file.read_at(&mut bytes, 0)?;
            if read < len {
                return Err(Unfit::Damaged("it is too short"));
            }
            Ok(bytes)
        };
        let front = exactly(FRONT_LEN)?;
        let len = head_len(&front)?;
        let total = file.len()?;
        let bytes = if len as u64 <= total { exactly(len)? } else { Vec::new() };
        Self::check(&bytes, total, subject)
    }

    fn check(head: &[u8], total: u64, subject: &Subject) -> Result<Self, Unfit> {
        let head = Head::read(head).ok_or(Unfit::Damaged("its head"))?;
        let front = &head.front;
        let of = Subject {
            log_id: front.log_id,
            first_seq: front.first_seq,
            count: front.count,
            chain_after: front.chain_after,
        };
        if of != *subject {
            return Err(Unfit::OtherSegment);
        }
        if front.rules != fingerprint() {
            return Err(Unfit::Older);
        }
        if front.head_len().and_then(|len| len.checked_add(front.body)) != Some(total) {
            return Err(Unfit::Damaged("its length"));
        }
        Ok(Summary { head: Arc::new(head) })
    }

    /// What a record of the log has to name to vouch for it.
    pub(crate) fn digest(&self) -> Hash {
        self.head.digest
    }

    /// Whether a record of the segment may fit; if not, none does.
    pub(crate) fn may_match(&self, question: &Question) -> bool {
        let by_name = schema().by_name();
        let front = &self.head.front;
        match question {
            Question::And(all) => all.iter().all(|one| self.may_match(one)),
            Question::Or(all) => all.iter().any(|one| self.may_match(one)),
            Question::Text(field, text) if Some(*field) == by_name.agent => self.head.may_have_agent(text),
            Question::Text(field, text) if Some(*field) == by_name.correlation => self.head.may_have_correlation(text),
            Question::Times(field, lower, upper) if Some(*field) == by_name.time => {
                super::ask::may_lie_between((front.time_min, front.time_max), lower, upper)
            }
            Question::Times(field, lower, upper) if Some(*field) == by_name.logged => {
                super::ask::may_lie_between((front.logged_min, front.logged_max), lower, upper)
            }
            Question::Nothing => false,
            _ => true,
        }
    }
}

fn head_len(front: &[u8]) -> Result<usize, Unfit> {
    let front = Front::read(front).ok_or(Unfit::Damaged("its front"))?;
    let len = front.head_len().filter(|len| *len <= HEAD_LIMIT);
    len.and_then(|len| usize::try_from(len).ok())
        .ok_or(Unfit::Damaged("its head's length"))
}

/// An index of one segment, ready to be asked.
pub(crate) struct Index {
    summary: Summary,
    body: Arc<Body>,
    segment: SegmentReader,
    pub(super) terms: Arc<InvertedIndexReader>,
    pub(super) words: Arc<InvertedIndexReader>,
    pub(super) names: OnceLock<Names>,
}

impl Index {
    /// Opens an index file of that segment. Whether a record vouches for it is for the caller to say.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, subject: &Subject) -> Result<Self, Unfit> {
        let file = disk.open(path, Open::Read)?;
        Self::of(file.map()?, subject)
    }

    /// The same of a file's bytes.
    pub(crate) fn of(mapped: Mapped, subject: &Subject) -> Result<Self, Unfit> {
        let total = mapped.len();
        let front = mapped.get(..FRONT_LEN).ok_or(Unfit::Damaged("it is too short"))?;
        let len = head_len(front)?;
        let head = mapped.get(..len).ok_or(Unfit::Damaged("it is too short"))?;
        let summary = Summary::check(head, total as u64, subject)?;
        let bytes = match mapped.into_bytes() {
            crate::disk::MappedBytes::Map(map) => OwnedBytes::new(map),
            crate::disk::MappedBytes::Copy(bytes) => OwnedBytes::new(bytes),
        };
        let body = Body::new(Arc::clone(&summary.head), bytes.slice(len..total)).ok_or(Unfit::Damaged("its length"))?;
        let body = Arc::new(body);
        guarded(|| Self::over(summary, body))
    }

    fn over(summary: Summary, body: Arc<Body>) -> Result<Self, Unfit> {
        let count = u32::try_from(summary.head.front.count).map_err(|_| Unfit::Damaged("its count"))?;
        let directory = Packed {
            body: Arc::clone(&body),
            meta: Arc::new(meta(count)),
        };
        let index = tantivy::Index::open(directory)?;
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(Unfit::Damaged("its segments"));
        };
        let segment = SegmentReader::open(segment)?;
        let terms = segment.inverted_index(schema().terms)?;
        let words = segment.inverted_index(schema().words)?;
        Ok(Index {
            summary,
            body,
            segment,
            terms,
            words,
            names: OnceLock::new(),
        })
    }

    /// Its head.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many lines the segment has.
    pub(crate) fn count_lines(&self) -> u32 {
        self.segment.max_doc()
    }

    /// The seq of the first one.
    pub(crate) fn first_seq(&self) -> u64 {
        self.summary.head.front.first_seq
    }

    /// Holds every byte against its hash.
    pub(crate) fn check_all(&self) -> Result<(), Unfit> {
        let len = usize::try_from(self.summary.head.front.body).unwrap_or(usize::MAX);
        self.body.check(0..len).map_err(|_| Unfit::Damaged("a piece"))
    }

    /// The column of whole numbers or times of a field, if any record has one.
    pub(super) fn integers(&self, field: FieldId) -> Result<Option<Column<i64>>, Unfit> {
        if schema().integers(field).is_none() {
            return Ok(None);
        }
        Ok(self.segment.fast_fields().column_opt(&column_name(field, false))?)
    }

    /// The column of floats of a field, if any record has one.
    pub(super) fn floats(&self, field: FieldId) -> Result<Option<Column<f64>>, Unfit> {
        if schema().floats(field).is_none() {
            return Ok(None);
        }
        Ok(self.segment.fast_fields().column_opt(&column_name(field, true))?)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("first_seq", &self.first_seq())
            .field("count", &self.count_lines())
            .finish_non_exhaustive()
    }
}

/// What tantivy's `meta.json` would say. It is made here and not kept: nothing in it but the count is a segment's own.
pub(super) fn meta(count: u32) -> Vec<u8> {
    let meta = serde_json::json!({
        "index_settings": { "docstore_compression": "none", "docstore_blocksize": 16384 },
        "segments": [{ "segment_id": "00000000-0000-0000-0000-000000000000", "max_doc": count, "deletes": null }],
        "schema": schema().schema,
        "opstamp": 0,
    });
    meta.to_string().into_bytes()
}
