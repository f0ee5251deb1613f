//! Tiles: the pieces in which a tree and its records are served, and their paths, as in C2SP tlog-tiles.
//!
//! A tile is up to 256 neighbouring hashes of one level of the tree files; an entry bundle is the texts under a tile of
//! level 0. Both are complete, or partial and at the right edge of the tree.

use super::fault::ProofFault;
use super::tree::TILE;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The highest level of which a path may speak.
pub const LEVEL_LIMIT: u8 = 63;

const TILE_64: u64 = TILE as u64;
const PATH: &str = "tile path";
const BUNDLE: &str = "entry bundle";

/// What a tile is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileOf {
    /// The hashes of a level, 0 for the leaves.
    Hashes(u8),
    /// The texts of the records.
    Entries,
}

/// A tile by its coordinates. As text it is a path, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    of: TileOf,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile with this index among those of its kind and level, and so many hashes or entries; `None` unless the
    /// level is at most [`LEVEL_LIMIT`], the width is 1 to 256, and all its hashes can be counted in 63 bits.
    #[must_use]
    pub fn new(of: TileOf, index: u64, width: u16) -> Option<Self> {
        let level_exists = !matches!(of, TileOf::Hashes(level) if level > LEVEL_LIMIT);
        let width_exists = (1..=TILE as u16).contains(&width);
        let countable = index < i64::MAX as u64 / TILE_64;
        (level_exists && width_exists && countable).then_some(Tile { of, index, width })
    }

    /// What it is of.
    #[must_use]
    pub fn of(&self) -> TileOf {
        self.of
    }

    /// Which one of its kind and level it is, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it holds fewer than 256.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        usize::from(self.width) < TILE
    }

    /// Which hashes of its level, or which records, it holds.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        let first = self.index * TILE_64;
        first..first + u64::from(self.width)
    }

    /// Whether a tree of this size has all that the tile holds.
    #[must_use]
    pub fn is_within(&self, size: u64) -> bool {
        self.range().end <= count_at(self.of, size)
    }
}

/// All tiles that a tree of this size has: level by level from the left, each level's partial tile last, then the entry
/// bundles.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    // 256^7 leaves still fit into the size; no level above can have a hash.
    let levels = (0..8).map(TileOf::Hashes);
    levels.chain([TileOf::Entries]).flat_map(move |of| {
        let count = count_at(of, size);
        let full = (0..count / TILE_64).map(move |index| (index, TILE as u16));
        let partial = (!count.is_multiple_of(TILE_64)).then_some((count / TILE_64, (count % TILE_64) as u16));
        full.chain(partial)
            .filter_map(move |(index, width)| Tile::new(of, index, width))
    })
}

/// How many hashes a level has, or how many entries there are.
fn count_at(of: TileOf, size: u64) -> u64 {
    match of {
        TileOf::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        TileOf::Entries => size,
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            TileOf::Hashes(level) => write!(f, "tile/{level}/")?,
            TileOf::Entries => f.write_str("tile/entries/")?,
        }
        // Groups of three digits, all but the last behind an x, so that no file is in the way of a directory.
        let groups = if self.index == 0 { 0 } else { self.index.ilog10() / 3 };
        for group in (1..=groups).rev() {
            write!(f, "x{:03}/", self.index / 1_000_u64.pow(group) % 1_000)?;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.is_partial() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for Tile {
    type Err = ProofFault;

    /// Reads a path, without a slash in front. It has one spelling: `to_string` gives back what was read.
    fn from_str(path: &str) -> Result<Self, ProofFault> {
        let wrong = |problem| ProofFault::Malformed {
            form: PATH,
            line: 1,
            problem,
        };
        let rest = path.strip_prefix("tile/").ok_or(wrong("it begins with tile/"))?;
        let (kind, rest) = rest
            .split_once('/')
            .ok_or(wrong("it has a level, a slash and an index"))?;
        let of = match kind {
            "entries" => TileOf::Entries,
            level => {
                let level = small_decimal(level).filter(|level| *level <= u16::from(LEVEL_LIMIT));
                let level = level.and_then(|level| u8::try_from(level).ok());
                TileOf::Hashes(level.ok_or(wrong("the level is entries or a number from 0 to 63"))?)
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let width = small_decimal(width).filter(|width| (1..TILE as u16).contains(width));
                (
                    index,
                    width.ok_or(wrong("the width behind .p/ is a number from 1 to 255"))?,
                )
            }
            None => (rest, TILE as u16),
        };
        let index = read_index(index).ok_or(wrong(
            "the index is groups of three digits, all but the last behind an x",
        ))?;
        Tile::new(of, index, width).ok_or(wrong("no log has as many records"))
    }
}

/// A decimal number of at most three digits without leading zeros.
fn small_decimal(text: &str) -> Option<u16> {
    (text.len() <= 3)
        .then(|| super::checkpoint::decimal(text))
        .flatten()?
        .try_into()
        .ok()
}

fn read_index(text: &str) -> Option<u64> {
    let (mut index, mut groups) = (0_u64, text.split('/').peekable());
    let mut first = true;
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        let digits = if is_last { group } else { group.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A group of zeros in front would be another spelling.
        if first && !is_last && digits == "000" {
            return None;
        }
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    Some(index)
}

/// The bytes of an entry bundle: of each entry its length as two bytes, the higher first, then itself.
///
/// # Errors
///
/// [`ProofFault::TooLong`] for an entry of more than 65,535 bytes, and for more than 256 entries.
pub fn encode_entries<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Result<Vec<u8>, ProofFault> {
    let mut bundle = Vec::new();
    for (entry, place) in entries.into_iter().zip(0..) {
        if place == TILE {
            return Err(too_many_entries());
        }
        let len = u16::try_from(entry.len()).map_err(|_| ProofFault::TooLong {
            form: "bundle's entry",
            limit: usize::from(u16::MAX),
            unit: "bytes",
        })?;
        bundle.extend(len.to_be_bytes());
        bundle.extend(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle.
///
/// # Errors
///
/// [`ProofFault::Malformed`] with the entry, from 1, that is cut off; [`ProofFault::TooLong`] for more than 256 entries.
pub fn decode_entries(bundle: &[u8]) -> Result<Vec<&[u8]>, ProofFault> {
    let (mut entries, mut rest) = (Vec::new(), bundle);
    while !rest.is_empty() {
        if entries.len() == TILE {
            return Err(too_many_entries());
        }
        let split = rest
            .split_first_chunk()
            .and_then(|(len, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*len))));
        let (entry, behind) = split.ok_or(ProofFault::Malformed {
            form: BUNDLE,
            line: entries.len() + 1,
            problem: "the bundle ends within it",
        })?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

fn too_many_entries() -> ProofFault {
    ProofFault::TooLong {
        form: BUNDLE,
        limit: TILE,
        unit: "entries",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(size: u64, of: TileOf) -> (usize, Option<String>) {
        let (partial, full): (Vec<_>, Vec<_>) = tiles_of(size)
            .filter(|tile| tile.of() == of)
            .partition(Tile::is_partial);
        assert!(partial.len() < 2);
        (full.len(), partial.first().map(ToString::to_string))
    }

    /// The example of the specification.
    #[test]
    fn the_tiles_of_70_000_records() {
        let of = |of| count(70_000, of);
        assert_eq!(of(TileOf::Hashes(0)), (273, Some("tile/0/273.p/112".to_owned())));
        assert_eq!(of(TileOf::Hashes(1)), (1, Some("tile/1/001.p/17".to_owned())));
        assert_eq!(of(TileOf::Hashes(2)), (0, Some("tile/2/000.p/1".to_owned())));
        assert_eq!(of(TileOf::Hashes(3)), (0, None));
        assert_eq!(of(TileOf::Entries), (273, Some("tile/entries/273.p/112".to_owned())));
        assert_eq!(tiles_of(0).count(), 0);
        let of_256: Vec<String> = tiles_of(256).map(|tile| tile.to_string()).collect();
        assert_eq!(of_256, ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
        assert!(tiles_of(u64::MAX).next().is_some());
    }

    #[test]
    fn paths() {
        for (of, index, width, path) in [
            (TileOf::Hashes(0), 0, 256, "tile/0/000"),
            (TileOf::Hashes(63), 999, 1, "tile/63/999.p/1"),
            (TileOf::Hashes(4), 1_000, 255, "tile/4/x001/000.p/255"),
            (TileOf::Entries, 1_234_067, 256, "tile/entries/x001/x234/067"),
            (TileOf::Entries, 1_000_000, 9, "tile/entries/x001/x000/000.p/9"),
        ] {
            let tile = Tile::new(of, index, width).unwrap();
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile//000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/data/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/1000",
            "tile/0/x000/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/X001/000",
            "tile/0/x01/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/ 00",
            "tile/0/00\u{663}",
            "tile/0/../000",
            "tile/0/000\n",
            "tile/0/x036/x028/x797/x018/x963/967",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(path.parse::<Tile>().is_err(), "{path:?}");
        }
        assert!(Tile::new(TileOf::Entries, 0, 0).is_none());
        assert!(Tile::new(TileOf::Entries, u64::MAX, 1).is_none());
        assert!(Tile::new(TileOf::Hashes(64), 0, 1).is_none());
    }

    #[test]
    fn within_a_tree() {
        let within = |path: &str, size| path.parse::<Tile>().unwrap().is_within(size);
        assert!(within("tile/0/273.p/112", 70_000) && !within("tile/0/273.p/113", 70_000));
        assert!(within("tile/1/001.p/17", 70_000) && !within("tile/1/001", 70_000));
        assert!(within("tile/entries/000.p/1", 1) && !within("tile/entries/000.p/1", 0));
        assert!(!within("tile/63/000.p/1", i64::MAX as u64));
    }

    #[test]
    fn bundles() {
        let long = vec![b'x'; 65_535];
        let entries: [&[u8]; 3] = [b"ab", b"", &long];
        let bundle = encode_entries(entries).unwrap();
        assert_eq!(&bundle[..8], b"\0\x02ab\0\0\xFF\xFF");
        assert_eq!(decode_entries(&bundle).unwrap(), entries);
        assert_eq!(decode_entries(&[]).unwrap().len(), 0);
        for end in [1, 3, 5, 7, bundle.len() - 1] {
            assert!(decode_entries(&bundle[..end]).is_err(), "{end}");
        }
        assert!(encode_entries([[0; 65_536].as_slice()]).is_err());
        let empty = [[].as_slice(); 257];
        assert!(encode_entries(empty).is_err() && encode_entries(empty[..256].iter().copied()).is_ok());
        assert!(decode_entries(&[0; 514]).is_err() && decode_entries(&[0; 512]).is_ok());
    }

    proptest! {
        #[test]
        fn every_tile_of_a_tree_is_read_again(size in 0_u64..300_000) {
            let mut hashes = [0; 3];
            for tile in tiles_of(size) {
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
                prop_assert!(tile.is_within(size));
                if let TileOf::Hashes(level) = tile.of() {
                    hashes[usize::from(level)] += u64::from(tile.width());
                }
            }
            prop_assert_eq!(hashes, [size, size >> 8, size >> 16]);
        }
    }
}
