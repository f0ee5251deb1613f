//! Making an index out of a segment's lines, in memory: one tantivy segment in which a document's number is the line's
//! place in the segment. Nothing is stored but what is searched; texts are read from the segment.
//!
//! What must hold: the same lines always give the same bytes, so that an index can be compared with one made anew; the
//! memory that it takes goes with the length of the segment's text (about once its length), which sealing bounds.

use super::pack::{About, Packed, pack, short_hash};
use super::schema::{self, Fields, RECORD, WORDS, schema};
use super::unfit::Unfit;
use super::words::{Splitter, add_words};
use crate::proof::{Hash, chain_next, leaf_hash};
use crate::record::read_head;
use crate::record::terms::{FieldId, Number, Sink, Value, extract, extract_whole};
use std::collections::BTreeSet;
use std::path::Path;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::index::SegmentComponent;
use tantivy::schema::TantivyDocument;
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{Index, IndexSettings, SingleSegmentIndexWriter};

/// tantivy sizes its first table by this, in bytes; it is no limit.
const TABLE: usize = 64 << 20;

/// An index while it is made.
pub(super) struct Builder {
    writer: SingleSegmentIndexWriter,
    directory: RamDirectory,
    about: About,
    found: Found,
}

/// What of one record goes into the index.
struct Found {
    fields: &'static Fields,
    document: TantivyDocument,
    words: String,
    term: Vec<u8>,
    agents: BTreeSet<u32>,
    correlations: BTreeSet<u32>,
    /// A field has a value that its column cannot take.
    astray: Option<FieldId>,
}

impl Builder {
    /// An index of the segment of that log that begins there, behind that link of the chain.
    pub(super) fn new(log_id: [u8; 16], first_seq: u64, chain_before: Hash) -> Result<Self, Unfit> {
        let directory = RamDirectory::create();
        let settings = IndexSettings {
            docstore_compression: tantivy::store::Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let tokenizers = TokenizerManager::default();
        tokenizers.register(WORDS, TextAnalyzer::from(Splitter));
        let fields = schema();
        let writer = Index::builder()
            .schema(fields.schema.clone())
            .settings(settings)
            .tokenizers(tokenizers)
            .single_segment_index_writer(directory.clone(), TABLE)?;
        Ok(Builder {
            writer,
            directory,
            about: About {
                log_id,
                first_seq,
                count: 0,
                chain_after: chain_before,
                time: (i64::MAX, i64::MIN),
                logged: (i64::MAX, i64::MIN),
                agents: BTreeSet::new(),
                correlations: BTreeSet::new(),
            },
            found: Found {
                fields,
                document: TantivyDocument::default(),
                words: String::new(),
                term: Vec::new(),
                agents: BTreeSet::new(),
                correlations: BTreeSet::new(),
                astray: None,
            },
        })
    }

    /// Adds the next line; of a record whose values were moved out, `whole` is what all the caller's members are.
    pub(super) fn add(&mut self, line: &[u8], whole: Option<&[u8]>) -> Result<(), Unfit> {
        let seq = self.about.first_seq.saturating_add(self.about.count);
        let head = read_head(line).filter(|head| head.seq == seq);
        let head = head.ok_or_else(|| Unfit::Segment(format!("record {seq} cannot be read")))?;
        let join = |span: (i64, i64), at: i64| (span.0.min(at), span.1.max(at));
        self.about.time = join(self.about.time, head.time);
        self.about.logged = join(self.about.logged, head.logged);
        self.about.chain_after = chain_next(&self.about.chain_after, &leaf_hash(line));
        self.about.count += 1;
        let is_record = match whole {
            Some(members) => extract_whole(line, members, &mut self.found),
            None => extract(line, &mut self.found),
        };
        if let Some(field) = self.found.astray.take() {
            return Err(Unfit::Failed(format!(
                "{} has a value of another kind",
                field.info().name
            )));
        }
        let document = self.found.take(is_record);
        Ok(self.writer.add_document(document)?)
    }

    /// The chain behind the last line.
    pub(super) fn chain_after(&self) -> Hash {
        self.about.chain_after
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Result<Packed, Unfit> {
        (self.about.agents, self.about.correlations) = (self.found.agents, self.found.correlations);
        let index = self.writer.finalize()?;
        let metas = index.searchable_segment_metas()?;
        let [meta] = metas.as_slice() else {
            return Err(Unfit::Failed(format!("{} segments instead of one", metas.len())));
        };
        if u64::from(meta.max_doc()) != self.about.count {
            return Err(Unfit::Failed("lines and documents are not as many".to_owned()));
        }
        let mut files = Vec::new();
        for (kind, component) in components() {
            let path = meta.relative_path(component);
            if self.directory.exists(&path).map_err(tantivy::TantivyError::from)? {
                let bytes = self.directory.atomic_read(Path::new(&path));
                files.push((kind.to_owned(), bytes.map_err(tantivy::TantivyError::from)?));
            }
        }
        Ok(pack(&self.about, schema::fingerprint(), &files))
    }
}

/// tantivy's files and the ends of their names. Its description of itself (`meta.json`) is made when an index is opened.
pub(super) fn components() -> [(&'static str, SegmentComponent); 6] {
    [
        ("term", SegmentComponent::Terms),
        ("idx", SegmentComponent::Postings),
        ("pos", SegmentComponent::Positions),
        ("fast", SegmentComponent::FastFields),
        ("fieldnorm", SegmentComponent::FieldNorms),
        ("store", SegmentComponent::Store),
    ]
}

impl Found {
    /// The document of what was found since the last one.
    fn take(&mut self, is_record: bool) -> TantivyDocument {
        let mut document = std::mem::take(&mut self.document);
        if is_record {
            document.add_bytes(self.fields.terms, RECORD);
        }
        if !self.words.is_empty() {
            document.add_text(self.fields.words, &self.words);
        }
        self.words.clear();
        document
    }

    fn add_term(&mut self) {
        // One that comes again in the same document counts once.
        self.document.add_bytes(self.fields.terms, &self.term);
    }
}

impl Sink for Found {
    fn field(&mut self, field: FieldId, value: Value<'_>) {
        let by_name = self.fields.by_name();
        if Some(field) == by_name.id {
            return;
        }
        schema::has_term(field, &mut self.term);
        self.add_term();
        let integers = self.fields.integers(field);
        match value {
            Value::Text(text) => {
                schema::value_term(field, text.as_bytes(), &mut self.term);
                self.add_term();
                if Some(field) == by_name.agent {
                    self.agents.insert(short_hash(&text));
                } else if Some(field) == by_name.correlation {
                    self.correlations.insert(short_hash(&text));
                }
            }
            Value::Bool(truth) => {
                let text: &[u8] = if truth { b"true" } else { b"false" };
                schema::value_term(field, text, &mut self.term);
                self.add_term();
            }
            // Its value is its place.
            _ if Some(field) == by_name.seq => {}
            Value::Number(Number::Integer(number)) | Value::Time(number) => match integers {
                Some(column) => self.document.add_i64(column, number),
                None => self.astray = Some(field),
            },
            Value::Number(Number::Float(number)) => match self.fields.floats(field) {
                Some(column) => self.document.add_f64(column, number),
                None => self.astray = Some(field),
            },
        }
    }

    fn attribute(&mut self, attribute: &str) {
        schema::attribute_bytes(attribute, &mut self.term);
        self.add_term();
    }

    fn text_of(&mut self, field: FieldId, text: &str) {
        if !self.fields.has_names(field) {
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        add_words(text, &mut self.words);
    }
}
