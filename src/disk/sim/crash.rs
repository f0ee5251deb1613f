//! What a power cut can leave behind.
//!
//! A candidate says of each pending change whether it survives, and of a write, with which of its sectors. What must
//! hold: the candidates contain the whole vocabulary listed at [`SimDisk::crash_states`](super::SimDisk::crash_states),
//! their order depends on nothing but the disk and the seed, and no two images returned are the same.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use super::clock::mix;
use super::file::{Bytes, Change};
use super::tree::{Entry, State};

/// For a write of that many sectors or fewer, every subset of them is tried.
const ALL_SUBSETS_OF_SECTORS: usize = 6;
/// With that many pending changes or fewer, every subset of them is tried.
const ALL_SUBSETS_OF_CHANGES: usize = 5;
/// With more of them, this many subsets picked by the seed.
const PICKED_SUBSETS: u64 = 24;

/// The names and bytes of a possible outcome.
pub(super) struct Image {
    pub(super) names: BTreeMap<PathBuf, u64>,
    pub(super) bytes: BTreeMap<u64, Bytes>,
    pub(super) hash: blake3::Hash,
}

/// A pending change, of names or of bytes.
enum Op<'a> {
    Entry(&'a Entry),
    Data { inode: u64, change: Change },
}

impl Op<'_> {
    fn inode(&self) -> u64 {
        match self {
            Op::Entry(entry) => entry.inode,
            Op::Data { inode, .. } => *inode,
        }
    }

    fn is_entry(&self) -> bool {
        matches!(self, Op::Entry(_))
    }

    fn sectors(&self) -> usize {
        match self {
            Op::Entry(_) => 0,
            Op::Data { change, .. } => change.sectors(),
        }
    }
}

/// What becomes of one pending change.
#[derive(Clone, Copy)]
enum Fate {
    Survives,
    Lost,
    Torn(Torn),
}

/// Which sectors of a write survive.
#[derive(Clone, Copy)]
enum Torn {
    /// None, but the file has grown.
    SizeOnly,
    /// The first ones, and the file ends with them.
    Cut(usize),
    /// The first ones; the file has grown to the end of the write.
    First(usize),
    /// All but one.
    Without(usize),
    /// Those whose bit is set.
    Subset(u64),
}

impl Torn {
    fn keeps(self, sector: usize) -> bool {
        match self {
            Torn::SizeOnly => false,
            Torn::Cut(count) | Torn::First(count) => sector < count,
            Torn::Without(missing) => sector != missing,
            Torn::Subset(set) => set >> sector & 1 == 1,
        }
    }
}

/// One way for all pending changes to end.
#[derive(Clone, Copy)]
enum Candidate {
    /// The first ones survive.
    Prefix(usize),
    /// All but one do.
    Without(usize),
    /// The first ones do, the one after them is torn, those after it are lost.
    TornLast(usize, Torn),
    /// All do, but one is torn.
    TornAmid(usize, Torn),
    /// Of the first ones, only changes of names do.
    NamesOf(usize),
    /// Of the first ones, only changes of names and sizes.
    NamesAndSizesOf(usize),
    /// Of the first ones, only changes of bytes.
    BytesOf(usize),
    /// All do but the bytes of one file.
    Hollow(u64),
    /// All do but the bytes of one file, which has its size.
    Blank(u64),
    /// All do but the names of one file.
    Unnamed(u64),
    /// Those whose bit is set.
    Subset(u64),
    /// Those that chance picks.
    Picked(u64),
}

impl Candidate {
    fn fate(self, index: usize, op: &Op) -> Fate {
        let survives = match self {
            Candidate::Prefix(count) => index < count,
            Candidate::Without(lost) => index != lost,
            Candidate::TornLast(at, torn) | Candidate::TornAmid(at, torn) if index == at => return Fate::Torn(torn),
            Candidate::TornLast(at, _) => index < at,
            Candidate::TornAmid(..) => true,
            Candidate::NamesOf(count) => index < count && op.is_entry(),
            Candidate::NamesAndSizesOf(count) if index < count && !op.is_entry() => return Fate::Torn(Torn::SizeOnly),
            Candidate::NamesAndSizesOf(count) => index < count,
            Candidate::BytesOf(count) => index < count && !op.is_entry(),
            Candidate::Hollow(inode) => op.is_entry() || op.inode() != inode,
            Candidate::Blank(inode) if !op.is_entry() && op.inode() == inode => return Fate::Torn(Torn::SizeOnly),
            Candidate::Blank(_) => true,
            Candidate::Unnamed(inode) => !op.is_entry() || op.inode() != inode,
            Candidate::Subset(set) => set >> index & 1 == 1,
            Candidate::Picked(seed) => mix(seed ^ index as u64) & 1 == 1,
        };
        if survives { Fate::Survives } else { Fate::Lost }
    }
}

/// Up to `limit` different outcomes of a power cut. If there are more candidates, the seed picks among them; that
/// nothing and that everything survives is always there.
pub(super) fn images(state: &State, limit: usize, seed: u64) -> Vec<Image> {
    let (base, ops) = pending(state);
    let mut candidates = candidates(&ops, seed);
    if candidates.len() > limit {
        for i in 2..candidates.len() {
            let span = (candidates.len() - i) as u64;
            candidates.swap(i, i + (mix(seed ^ i as u64) % span) as usize);
        }
    }
    let (mut seen, mut images) = (HashSet::new(), Vec::new());
    for candidate in candidates {
        if images.len() >= limit {
            break;
        }
        let image = outcome(state, &base, &ops, candidate);
        if seen.insert(image.hash) {
            images.push(image);
        }
    }
    images
}

/// The hash of a tree of names and bytes.
pub(super) fn image_hash<'a>(
    dirs: &BTreeMap<PathBuf, u64>,
    names: &BTreeMap<PathBuf, u64>,
    bytes: impl Fn(u64) -> Option<&'a Bytes>,
) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| _ = hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    field(&(dirs.len() as u64).to_le_bytes());
    for dir in dirs.keys() {
        field(dir.as_os_str().as_encoded_bytes());
    }
    for (path, inode) in names {
        field(path.as_os_str().as_encoded_bytes());
        field(
            bytes(*inode)
                .map(|bytes| bytes.hash().as_bytes().as_slice())
                .unwrap_or_default(),
        );
    }
    hasher.finalize()
}

/// What is on the medium, and all that is pending, in the order in which it was done.
fn pending(state: &State) -> (BTreeMap<u64, Bytes>, Vec<Op<'_>>) {
    let reachable: BTreeSet<u64> = state
        .durable
        .values()
        .copied()
        .chain(state.entries.iter().map(|entry| entry.inode))
        .collect();
    let mut base = BTreeMap::new();
    let mut ops: Vec<(u64, Op)> = state
        .entries
        .iter()
        .map(|entry| (entry.order, Op::Entry(entry)))
        .collect();
    for inode in reachable {
        let Some(file) = state.inodes.get(&inode) else { continue };
        let (bytes, changes) = file.unroll();
        // Once here, so that no image has to hash again what no pending change touches.
        bytes.hash();
        base.insert(inode, bytes);
        ops.extend(
            changes
                .into_iter()
                .map(|(order, change)| (order, Op::Data { inode, change })),
        );
    }
    ops.sort_by_key(|(order, _)| *order);
    (base, ops.into_iter().map(|(_, op)| op).collect())
}

fn candidates(ops: &[Op], seed: u64) -> Vec<Candidate> {
    let count = ops.len();
    let mut all = vec![Candidate::Prefix(0), Candidate::Prefix(count)];
    all.extend((1..count).map(Candidate::Prefix));
    all.extend((0..count).map(Candidate::Without));
    for prefix in 1..=count {
        all.extend([Candidate::NamesOf, Candidate::NamesAndSizesOf, Candidate::BytesOf].map(|of| of(prefix)));
    }
    let inodes: BTreeSet<u64> = ops.iter().map(Op::inode).collect();
    for inode in inodes {
        all.extend([Candidate::Hollow, Candidate::Blank, Candidate::Unnamed].map(|of| of(inode)));
    }
    for (at, op) in ops.iter().enumerate() {
        let sectors = op.sectors();
        if sectors == 0 {
            continue;
        }
        all.push(Candidate::TornLast(at, Torn::SizeOnly));
        all.extend((1..sectors).map(|cut| Candidate::TornLast(at, Torn::Cut(cut))));
        if sectors <= ALL_SUBSETS_OF_SECTORS {
            all.extend((1..(1 << sectors) - 1).map(|set| Candidate::TornLast(at, Torn::Subset(set))));
        } else {
            all.extend((1..sectors).map(|first| Candidate::TornLast(at, Torn::First(first))));
            all.extend((0..sectors).map(|missing| Candidate::TornLast(at, Torn::Without(missing))));
        }
        all.extend((0..sectors).map(|missing| Candidate::TornAmid(at, Torn::Without(missing))));
    }
    if count <= ALL_SUBSETS_OF_CHANGES {
        all.extend((0..1 << count).map(Candidate::Subset));
    } else {
        all.extend((0..PICKED_SUBSETS).map(|pick| Candidate::Picked(mix(seed.wrapping_add(pick)))));
    }
    all
}

fn outcome(state: &State, base: &BTreeMap<u64, Bytes>, ops: &[Op], candidate: Candidate) -> Image {
    let (mut names, mut bytes) = (state.durable.clone(), base.clone());
    for (index, op) in ops.iter().enumerate() {
        let fate = candidate.fate(index, op);
        match (op, fate) {
            (_, Fate::Lost) => {}
            (Op::Entry(entry), _) => entry.apply(&mut names),
            (Op::Data { inode, change }, Fate::Survives) => change.apply(bytes.entry(*inode).or_default().edit()),
            (Op::Data { inode, change }, Fate::Torn(torn)) => {
                let grow = !matches!(torn, Torn::Cut(_));
                change.apply_torn(
                    bytes.entry(*inode).or_default().edit(),
                    |sector| torn.keeps(sector),
                    grow,
                );
            }
        }
    }
    let hash = image_hash(&state.dirs, &names, |inode| bytes.get(&inode));
    Image { names, bytes, hash }
}
