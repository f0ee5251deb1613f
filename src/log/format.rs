//! The fixed structures of the files, as `storage-format.md` draws them byte by byte: fixed-width little-endian
//! integers and byte arrays one after the other, which is the bincode 1.x ("legacy") encoding.

use crate::proof::Hash;
use wincode::{SchemaRead, SchemaWrite};

/// The format's version. Every later release reads version 1. 0 was that of the time before it, which nothing reads any
/// more.
pub(crate) const FORMAT: u16 = 1;

/// A structure of fixed length.
pub(crate) trait Fixed: Sized {
    /// Its length in bytes.
    const LEN: usize;
    /// Its bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// From exactly its bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! fixed {
    ($name:ty, $len:expr) => {
        impl Fixed for $name {
            const LEN: usize = $len;

            fn to_bytes(&self) -> Vec<u8> {
                // Writing numbers and arrays into a vector cannot fail.
                wincode::serialize(self).unwrap_or_default()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                wincode::deserialize_exact(bytes).ok()
            }
        }
    };
}

/// Stands before the lines of every frame of a journal. Its bytes cannot stand in JSON text.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct FrameHeader {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u16,
    pub(crate) flags: u16,
    /// The number of lines.
    pub(crate) count: u32,
    pub(crate) log_id: [u8; 16],
    /// Where the frame begins in its file.
    pub(crate) offset: u64,
    pub(crate) first_seq: u64,
    /// The length of the lines in bytes, without the padding behind them.
    pub(crate) length: u32,
    pub(crate) payload_crc: u32,
    /// The chain before the first line.
    pub(crate) chain_before: Hash,
    /// Zero.
    pub(crate) reserved: u32,
    /// CRC-32 of everything before it.
    pub(crate) header_crc: u32,
}
fixed!(FrameHeader, 96);

/// The first bytes of a frame.
pub(crate) const FRAME_MAGIC: [u8; 8] = *b"\xFFAUDITF\0";

/// How far the journal is durable. A hint for readers, void after a reboot.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Committed {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u16,
    pub(crate) flags: u16,
    pub(crate) boot: [u8; 16],
    /// The first seq of the journal that is being written.
    pub(crate) journal: u64,
    /// The end of its last durable frame.
    pub(crate) offset: u64,
    /// The seq that the next record gets.
    pub(crate) next_seq: u64,
    /// CRC-32 of everything before it.
    pub(crate) crc: u32,
}
fixed!(Committed, 56);

/// The first bytes of the `committed` file.
pub(crate) const COMMITTED_MAGIC: [u8; 8] = *b"\xFFAUDITC\0";

/// One data frame of a segment, as its directory lists it.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct FrameRow {
    /// Where the zstd frame begins in the file.
    pub(crate) offset: u64,
    /// Its length in bytes.
    pub(crate) compressed: u32,
    /// The length of the lines, newlines included.
    pub(crate) text: u32,
    pub(crate) first_seq: u64,
    pub(crate) count: u32,
    /// CRC-32 of the zstd frame.
    pub(crate) crc: u32,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    pub(crate) logged_min: i64,
    pub(crate) logged_max: i64,
    /// The chain before the first line.
    pub(crate) chain_before: Hash,
}
fixed!(FrameRow, 96);

/// One key of a segment: of an id, a source or a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct KeyRow {
    /// See [`super::keys`].
    pub(crate) hash: u64,
    /// The record's place in the segment, from 0.
    pub(crate) position: u32,
}
fixed!(KeyRow, 12);

/// The highest number that one emitter counted to within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct StreamRow {
    /// See [`super::keys`].
    pub(crate) hash: u64,
    pub(crate) highest: u64,
}
fixed!(StreamRow, 16);

/// The end of a segment's directory, which finds and sums up the rest.
#[derive(Debug, Clone, PartialEq, Eq, SchemaWrite, SchemaRead)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct Trailer {
    pub(crate) log_id: [u8; 16],
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
    /// The length of all lines, newlines included.
    pub(crate) text: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    pub(crate) logged_min: i64,
    pub(crate) logged_max: i64,
    /// The least and the greatest of the first six bytes of the records' ids, which in UUIDv7 are milliseconds, of
    /// those where that is not `logged`: a segment whose span does not hold an id's does not hold the id.
    pub(crate) id_min: u64,
    pub(crate) id_max: u64,
    /// The chain before the first and after the last record.
    pub(crate) chain_before: Hash,
    pub(crate) chain_after: Hash,
    /// The number of frame rows, key rows, stream rows, and of tree roots before the first and after the last record.
    pub(crate) frames: u32,
    pub(crate) keys: u32,
    pub(crate) streams: u32,
    pub(crate) roots_before: u32,
    pub(crate) roots_after: u32,
    /// CRC-32 of the frame rows, of the key rows, of the stream rows, and of the roots.
    pub(crate) frames_crc: u32,
    pub(crate) keys_crc: u32,
    pub(crate) streams_crc: u32,
    pub(crate) roots_crc: u32,
    pub(crate) version: u16,
    pub(crate) flags: u16,
    pub(crate) magic: [u8; 8],
    /// CRC-32 of everything before it in the trailer.
    pub(crate) crc: u32,
}
fixed!(Trailer, 204);

/// Stands in a segment's trailer.
pub(crate) const TRAILER_MAGIC: [u8; 8] = *b"\xFFAUDITS\0";

/// A skippable zstd frame's magic number for auditdb's directory.
pub(crate) const DIRECTORY_FRAME: u32 = 0x184D_2A5D;
/// That of the seek table of the zstd seekable format.
pub(crate) const SEEK_TABLE_FRAME: u32 = 0x184D_2A5E;
/// What the seek table ends with.
pub(crate) const SEEK_TABLE_MAGIC: u32 = 0x8F92_EAB1;
/// The length of the seek table's footer.
pub(crate) const SEEK_FOOTER: usize = 9;
/// What every zstd data frame begins with.
pub(crate) const ZSTD_MAGIC: u32 = 0xFD2F_B528;

impl FrameHeader {
    /// The frame's whole length: header, lines, padding to a multiple of eight.
    pub(crate) fn frame_len(&self) -> u64 {
        (Self::LEN as u64 + u64::from(self.length)).next_multiple_of(8)
    }

    /// Its bytes, with the checksum filled in.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        self.header_crc = 0;
        let mut bytes = self.to_bytes();
        seal(&mut bytes);
        bytes
    }

    /// The version that an intact header is of, if it is another one.
    pub(crate) fn other_version(bytes: &[u8]) -> Option<u16> {
        let header = Self::from_bytes(bytes)?;
        let intact = header.magic == FRAME_MAGIC && is_sealed(bytes);
        Some(header.version).filter(|version| intact && *version != FORMAT)
    }

    /// From its bytes, if the magic, the version and the checksum are right.
    pub(crate) fn checked(bytes: &[u8]) -> Option<Self> {
        let header = Self::from_bytes(bytes)?;
        let right = header.magic == FRAME_MAGIC
            && header.version == FORMAT
            && header.flags == 0
            && header.reserved == 0
            && is_sealed(bytes);
        right.then_some(header)
    }
}

impl Committed {
    /// Its bytes, with the checksum filled in.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        self.crc = 0;
        let mut bytes = self.to_bytes();
        seal(&mut bytes);
        bytes
    }

    /// From its bytes, if the magic, the version and the checksum are right.
    pub(crate) fn checked(bytes: &[u8]) -> Option<Self> {
        let committed = Self::from_bytes(bytes)?;
        let right = committed.magic == COMMITTED_MAGIC && committed.version == FORMAT && is_sealed(bytes);
        right.then_some(committed)
    }
}

impl Trailer {
    /// Its bytes, with the checksum filled in.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        self.crc = 0;
        let mut bytes = self.to_bytes();
        seal(&mut bytes);
        bytes
    }

    /// The version that an intact trailer is of, if it is another one.
    pub(crate) fn other_version(bytes: &[u8]) -> Option<u16> {
        let trailer = Self::from_bytes(bytes)?;
        let intact = trailer.magic == TRAILER_MAGIC && is_sealed(bytes);
        Some(trailer.version).filter(|version| intact && *version != FORMAT)
    }

    /// From its bytes, if the magic, the version and the checksum are right.
    pub(crate) fn checked(bytes: &[u8]) -> Option<Self> {
        let trailer = Self::from_bytes(bytes)?;
        let right =
            trailer.magic == TRAILER_MAGIC && trailer.version == FORMAT && trailer.flags == 0 && is_sealed(bytes);
        right.then_some(trailer)
    }

    /// The length of the whole directory in bytes, this trailer included.
    pub(crate) fn directory_len(&self) -> u64 {
        let roots = u64::from(self.roots_before) + u64::from(self.roots_after);
        u64::from(self.frames) * FrameRow::LEN as u64
            + u64::from(self.keys) * KeyRow::LEN as u64
            + u64::from(self.streams) * StreamRow::LEN as u64
            + roots * 32
            + Self::LEN as u64
    }
}

/// Writes the checksum of all but the last four bytes into these.
fn seal(bytes: &mut [u8]) {
    if let Some((covered, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(covered).to_le_bytes();
    }
}

fn is_sealed(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(covered, crc)| crc32fast::hash(covered).to_le_bytes() == *crc)
}

/// The number that stands in four bytes.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_as_bincode<T>(value: &T)
    where
        T: Fixed + PartialEq + std::fmt::Debug + bincode::Encode + bincode::Decode<()>,
    {
        let bytes = value.to_bytes();
        assert_eq!(bytes.len(), T::LEN);
        assert_eq!(bytes, bincode::encode_to_vec(value, bincode::config::legacy()).unwrap());
        let (decoded, used) = bincode::decode_from_slice::<T, _>(&bytes, bincode::config::legacy()).unwrap();
        assert_eq!((&decoded, used), (value, T::LEN));
        assert_eq!(T::from_bytes(&bytes).as_ref(), Some(value));
        assert_eq!(T::from_bytes(bytes.get(1..).unwrap()), None);
        assert_eq!(T::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn the_bytes_are_those_of_bincode() {
        let number = 0x0102_0304_0506_0708;
        same_as_bincode(&FrameHeader {
            magic: FRAME_MAGIC,
            version: 0x0102,
            flags: 3,
            count: 0x0102_0304,
            log_id: [5; 16],
            offset: number,
            first_seq: 7,
            length: 8,
            payload_crc: 9,
            chain_before: [10; 32],
            reserved: 0,
            header_crc: 11,
        });
        same_as_bincode(&Committed {
            magic: COMMITTED_MAGIC,
            version: 1,
            flags: 2,
            boot: [3; 16],
            journal: number,
            offset: 5,
            next_seq: 6,
            crc: 7,
        });
        same_as_bincode(&FrameRow {
            offset: number,
            compressed: 2,
            text: 3,
            first_seq: 4,
            count: 5,
            crc: 6,
            time_min: -7,
            time_max: 8,
            logged_min: i64::MIN,
            logged_max: i64::MAX,
            chain_before: [9; 32],
        });
        same_as_bincode(&KeyRow {
            hash: number,
            position: 2,
        });
        same_as_bincode(&StreamRow {
            hash: number,
            highest: 2,
        });
        same_as_bincode(&Trailer {
            log_id: [1; 16],
            first_seq: number,
            count: 3,
            text: 4,
            time_min: -5,
            time_max: 6,
            logged_min: -7,
            logged_max: 8,
            id_min: 9,
            id_max: 10,
            chain_before: [11; 32],
            chain_after: [12; 32],
            frames: 13,
            keys: 14,
            streams: 23,
            roots_before: 15,
            roots_after: 16,
            frames_crc: 17,
            keys_crc: 18,
            streams_crc: 24,
            roots_crc: 19,
            version: 20,
            flags: 21,
            magic: TRAILER_MAGIC,
            crc: 22,
        });
    }

    #[test]
    fn a_sealed_structure_shows_every_flipped_bit() {
        let bytes = Committed {
            magic: COMMITTED_MAGIC,
            version: FORMAT,
            flags: 0,
            boot: [3; 16],
            journal: 4,
            offset: 5,
            next_seq: 6,
            crc: 0,
        }
        .sealed();
        assert!(Committed::checked(&bytes).is_some());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Committed::checked(&flipped), None);
        }
    }
}
