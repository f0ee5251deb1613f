//! Reading a segment. Every number in it may be hostile: lengths are held against the file's before anything is
//! allocated, and each part's checksum is checked before the part is used.

use super::FRAME_TEXT_LIMIT;
use super::directory::framed;
use crate::disk::{Disk, DiskFile, Open};
use crate::log::fault::{Fault, What};
use crate::log::format::{
    Fixed, FrameRow, KeyRow, SEEK_FOOTER, SEEK_TABLE_FRAME, SEEK_TABLE_MAGIC, StreamRow, Trailer, ZSTD_MAGIC, u32_at,
};
use crate::log::view::Tip;
use crate::proof::{Frontier, Hash};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// An open segment.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    trailer: Trailer,
    /// Where the directory's content begins.
    directory: u64,
    rows: OnceLock<Arc<Vec<FrameRow>>>,
}

/// The longest directory, and the longest seek table, that is believed, in bytes: those of some forty million records. A
/// hostile file may be of any length and say anything.
const DIRECTORY_LIMIT: u64 = 1 << 30;

/// Most seek tables and trailers end within this many bytes before the end of the file.
const TAIL: u64 = 8 << 10;

impl SegmentFile {
    /// Opens a segment and reads its trailer.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Fault> {
        let fault = |what| Fault::new(path, what);
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => fault(What::Missing),
            _ => fault(What::Unreadable(error.to_string())),
        };
        let file = disk.open(path, Open::Read).map_err(unreadable)?;
        let len = file.len().map_err(unreadable)?;
        let tail = read(&*file, len.saturating_sub(TAIL), len.min(TAIL)).map_err(unreadable)?;
        let seek_table = seek_table_len(&tail, len).ok_or_else(|| fault(What::SeekTable))?;
        let trailer_len = Trailer::LEN as u64;
        let trailer_at = len
            .checked_sub(seek_table + trailer_len)
            .ok_or_else(|| fault(What::SeekTable))?;
        let trailer = read(&*file, trailer_at, trailer_len).map_err(unreadable)?;
        let wrong = || Trailer::other_version(&trailer).map_or(What::Directory, |version| What::Format { version });
        let trailer = Trailer::checked(&trailer).ok_or_else(|| fault(wrong()).at(trailer_at))?;
        let end = trailer_at + trailer_len;
        let directory = end
            .checked_sub(trailer.directory_len())
            .filter(|start| *start >= 8 && trailer.directory_len() <= DIRECTORY_LIMIT && seek_table <= DIRECTORY_LIMIT);
        let directory = directory.ok_or_else(|| fault(What::Directory).at(trailer_at))?;
        Ok(SegmentFile {
            file,
            path: path.to_owned(),
            len,
            trailer,
            directory,
            rows: OnceLock::new(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The seqs that it holds, the last one excluded.
    pub(crate) fn end_seq(&self) -> u64 {
        self.trailer.first_seq.saturating_add(self.trailer.count)
    }

    /// Its data frames.
    pub(crate) fn rows(&self) -> Result<Arc<Vec<FrameRow>>, Fault> {
        if let Some(rows) = self.rows.get() {
            return Ok(Arc::clone(rows));
        }
        let bytes = self.section(
            self.directory,
            self.trailer.frames,
            FrameRow::LEN,
            self.trailer.frames_crc,
        )?;
        let rows: Option<Vec<_>> = bytes.chunks_exact(FrameRow::LEN).map(FrameRow::from_bytes).collect();
        let rows = Arc::new(rows.ok_or_else(|| self.fault(What::Directory).at(self.directory))?);
        Ok(Arc::clone(self.rows.get_or_init(|| rows)))
    }

    /// The tree before and after its records.
    pub(crate) fn trees(&self) -> Result<(Frontier, Frontier), Fault> {
        let at = self.streams_at() + u64::from(self.trailer.streams) * StreamRow::LEN as u64;
        let count = self.trailer.roots_before.saturating_add(self.trailer.roots_after);
        let bytes = self.section(at, count, 32, self.trailer.roots_crc)?;
        let (hashes, _) = bytes.as_chunks::<32>();
        let (before, after) = hashes
            .split_at_checked(self.trailer.roots_before as usize)
            .unwrap_or_default();
        let tree = |size: u64, roots: &[Hash]| Frontier::from_roots(size, roots.to_vec());
        let trees = tree(self.trailer.first_seq, before).zip(tree(self.end_seq(), after));
        trees.ok_or_else(|| self.fault(What::Directory).at(at))
    }

    /// How far the log was before and after its records.
    pub(crate) fn tips(&self) -> Result<(Tip, Tip), Fault> {
        let (before, after) = self.trees()?;
        let tip = |tree: Frontier, chain: Hash| Tip { tree, chain };
        Ok((
            tip(before, self.trailer.chain_before),
            tip(after, self.trailer.chain_after),
        ))
    }

    /// Hash and highest number of every emitter's count.
    pub(crate) fn streams(&self) -> Result<Vec<(u64, u64)>, Fault> {
        let bytes = self.section(
            self.streams_at(),
            self.trailer.streams,
            StreamRow::LEN,
            self.trailer.streams_crc,
        )?;
        let rows = bytes.chunks_exact(StreamRow::LEN).filter_map(StreamRow::from_bytes);
        Ok(rows.map(|row| (row.hash, row.highest)).collect())
    }

    fn streams_at(&self) -> u64 {
        let frames = u64::from(self.trailer.frames) * FrameRow::LEN as u64;
        self.directory + frames + u64::from(self.trailer.keys) * KeyRow::LEN as u64
    }

    /// The seqs of the records that may have this key.
    pub(crate) fn find(&self, hash: u64) -> Result<Vec<u64>, Fault> {
        let table = self.directory + u64::from(self.trailer.frames) * FrameRow::LEN as u64;
        let count = u64::from(self.trailer.keys);
        // Hashes are spread evenly, so the place of one is known within a few hundred rows: one read nearly always.
        let expected = u64::try_from((u128::from(hash) * u128::from(count)) >> 64).unwrap_or(0);
        let mut window = (expected.saturating_sub(KEY_WINDOW), (expected + KEY_WINDOW).min(count));
        loop {
            let bytes = self.read(
                table + window.0 * KeyRow::LEN as u64,
                (window.1 - window.0) * KeyRow::LEN as u64,
            )?;
            let rows: Vec<KeyRow> = bytes.chunks_exact(KeyRow::LEN).filter_map(KeyRow::from_bytes).collect();
            let below = rows.first().is_none_or(|row| row.hash >= hash) && window.0 > 0;
            let above = rows.last().is_none_or(|row| row.hash <= hash) && window.1 < count;
            if below || above {
                let step = window.1 - window.0;
                window.0 = if below { window.0.saturating_sub(step) } else { window.0 };
                window.1 = if above { (window.1 + step).min(count) } else { window.1 };
                continue;
            }
            let from = rows.partition_point(|row| row.hash < hash);
            let found = rows.iter().skip(from).take_while(|row| row.hash == hash);
            return Ok(found
                .map(|row| self.trailer.first_seq.saturating_add(u64::from(row.position)))
                .collect());
        }
    }

    /// The lines of one data frame, each with its newline.
    pub(crate) fn frame_text(&self, row: &FrameRow) -> Result<Vec<u8>, Fault> {
        self.unpack(row, &self.frame_bytes(row)?)
    }

    /// The lines in a data frame's bytes.
    pub(crate) fn unpack(&self, row: &FrameRow, compressed: &[u8]) -> Result<Vec<u8>, Fault> {
        let fault = || self.frame_fault(row, What::Compressed);
        if crc32fast::hash(compressed) != row.crc || u32_at(compressed, 0) != Some(ZSTD_MAGIC) {
            return Err(fault());
        }
        if row.text > FRAME_TEXT_LIMIT {
            return Err(fault());
        }
        let text = decompress(compressed, row.text as usize).map_err(|_| fault())?;
        if text.len() == row.text as usize {
            Ok(text)
        } else {
            Err(fault())
        }
    }

    /// A data frame as it stands in the file.
    pub(crate) fn frame_bytes(&self, row: &FrameRow) -> Result<Vec<u8>, Fault> {
        if row.compressed > FRAME_TEXT_LIMIT + (FRAME_TEXT_LIMIT >> 4) {
            return Err(self.frame_fault(row, What::Compressed));
        }
        self.read(row.offset, u64::from(row.compressed)).map_err(|mut fault| {
            let whole = self.frame_fault(row, What::Compressed);
            fault.seqs = whole.seqs;
            fault
        })
    }

    /// The same, if its checksum is right.
    pub(crate) fn stored_frame(&self, row: &FrameRow) -> Result<Vec<u8>, Fault> {
        let bytes = self.frame_bytes(row)?;
        if crc32fast::hash(&bytes) == row.crc {
            Ok(bytes)
        } else {
            Err(self.frame_fault(row, What::Compressed))
        }
    }

    /// Everything behind the data frames, if each table has its checksum and the frames around them are as they should be.
    pub(crate) fn stored_end(&self) -> Result<Vec<u8>, Fault> {
        let rows = self.rows()?;
        let keys = self.directory + rows.len() as u64 * FrameRow::LEN as u64;
        self.section(keys, self.trailer.keys, KeyRow::LEN, self.trailer.keys_crc)?;
        self.streams()?;
        self.trees()?;
        let end = self.end_bytes()?;
        let directory = usize::try_from(self.trailer.directory_len()).ok();
        let directory = directory.and_then(|len| end.get(8..)?.get(..len));
        if directory.is_some_and(|directory| framed(&rows, directory) == end) {
            Ok(end)
        } else {
            Err(self.fault(What::SeekTable).at(self.end_offset()))
        }
    }

    /// Everything behind the data frames.
    pub(crate) fn end_bytes(&self) -> Result<Vec<u8>, Fault> {
        let start = self.directory - 8;
        self.read(start, self.len - start)
    }

    /// Where everything behind the data frames begins.
    pub(crate) fn end_offset(&self) -> u64 {
        self.directory - 8
    }

    pub(crate) fn frame_fault(&self, row: &FrameRow, what: What) -> Fault {
        let last = row.first_seq.saturating_add(u64::from(row.count).saturating_sub(1));
        self.fault(what).at(row.offset).seqs(row.first_seq, last)
    }

    pub(crate) fn fault(&self, what: What) -> Fault {
        Fault::new(&self.path, what)
    }

    fn section(&self, at: u64, count: u32, row: usize, crc: u32) -> Result<Vec<u8>, Fault> {
        let bytes = self.read(at, u64::from(count) * row as u64)?;
        if crc32fast::hash(&bytes) == crc {
            Ok(bytes)
        } else {
            Err(self.fault(What::Directory).at(at))
        }
    }

    fn read(&self, at: u64, len: u64) -> Result<Vec<u8>, Fault> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(self.fault(What::Directory).at(at));
        }
        read(&*self.file, at, len).map_err(|error| self.fault(What::Unreadable(error.to_string())).at(at))
    }
}

/// Unpacks one zstd frame into at most so many bytes. A thread makes its decompressor once: that costs a tenth of
/// unpacking a frame.
fn decompress(compressed: &[u8], capacity: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(decompressor) => decompressor.decompress(compressed, capacity),
        None => slot
            .insert(zstd::bulk::Decompressor::new()?)
            .decompress(compressed, capacity),
    })
}

/// How many key rows around the expected place are read at once.
const KEY_WINDOW: u64 = 512;

/// The length of the seek table's frame, given the last bytes of the file.
fn seek_table_len(tail: &[u8], file_len: u64) -> Option<u64> {
    let footer = tail.get(tail.len().checked_sub(SEEK_FOOTER)?..)?;
    let frames = u32_at(footer, 0)?;
    if u32_at(footer, 5)? != SEEK_TABLE_MAGIC || footer.get(4) != Some(&0) || frames == 0 {
        return None;
    }
    let content = u64::from(frames) * 8 + SEEK_FOOTER as u64;
    let len = content + 8;
    if len > file_len {
        return None;
    }
    // Where the header is at hand (nearly always), it has to fit.
    match usize::try_from(len).ok().and_then(|len| tail.len().checked_sub(len)) {
        Some(at) => {
            let fits = u32_at(tail, at)? == SEEK_TABLE_FRAME && u64::from(u32_at(tail, at + 4)?) == content;
            fits.then_some(len)
        }
        None => Some(len),
    }
}

/// Exactly these bytes of a file.
fn read(file: &dyn DiskFile, at: u64, len: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(std::io::Error::other)?];
    let read = file.read_at(&mut bytes, at)?;
    if read < bytes.len() {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(bytes)
    }
}
