//! A forger who holds everything that is there now: all files of a log, and its keys. He writes a log anew from lines that
//! he changed, with frames, links and statements that fit, and signs with what the keys give. He shares no code with
//! the log beyond its hashes; the rest is written down from `storage-format.md`.

use crate::oracle::{DIR, LOG, files, plain, put};
use auditdb::Database;
use auditdb::disk::SimDisk;
use auditdb::proof::{CHAIN_START, Frontier, Hash, chain_next, leaf_hash};
use ed25519_dalek::{Signer, SigningKey};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the keys of the tests' database are.
pub(crate) const KEYS: &str = "/db.keys";

/// What the file of the present epoch holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochFile {
    pub(crate) head: [u8; 28],
    pub(crate) number: u64,
    pub(crate) seed: [u8; 32],
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// The inode number and the path.
    pub(crate) place: Vec<u8>,
}

impl EpochFile {
    pub(crate) fn path(disk: &SimDisk) -> PathBuf {
        let is_it = |path: &PathBuf| path.starts_with(KEYS) && path.extension().is_some_and(|end| end == "epoch");
        disk.paths().into_iter().find(is_it).expect("the keys are there")
    }

    pub(crate) fn read(disk: &SimDisk) -> Self {
        Self::parse(&disk.contents(Self::path(disk)).unwrap())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let hash = |at: usize| -> [u8; 32] { bytes[at..at + 32].try_into().unwrap() };
        EpochFile {
            head: bytes[..28].try_into().unwrap(),
            number: number(28),
            seed: hash(36),
            size: number(68),
            root: hash(76),
            place: bytes[108..bytes.len() - 4].to_vec(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.to_vec();
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.seed);
        bytes.extend(self.size.to_le_bytes());
        bytes.extend(self.root);
        bytes.extend(&self.place);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn write(&self, disk: &SimDisk) {
        put(disk, &Self::path(disk), &self.to_bytes());
    }

    pub(crate) fn log_id(&self) -> [u8; 16] {
        self.head[12..].try_into().unwrap()
    }

    /// The secret of a later epoch; there is no way to an earlier one.
    pub(crate) fn secret(&self, epoch: u64) -> Secret {
        assert!(
            epoch >= self.number,
            "what was before the present epoch cannot be computed"
        );
        let next = |seed: [u8; 32], _| blake3::derive_key("auditdb epoch v1", &seed);
        Secret((self.number..epoch).fold(self.seed, next))
    }
}

/// The secret of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) [u8; 32]);

impl Secret {
    pub(crate) fn signing(&self) -> SigningKey {
        SigningKey::from_bytes(&blake3::derive_key("auditdb epoch signing v1", &self.0))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.signing().verifying_key().to_bytes()
    }
}

/// What the forger does with the signature of an `epoch` that his changes came before.
pub(crate) type Sign<'a> = dyn Fn(&mut Statement) + 'a;

/// An `epoch` record that is being forged.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) epoch: u64,
    pub(crate) next_key: [u8; 32],
    pub(crate) signature: String,
    log_id: [u8; 16],
    size: u64,
    root: Hash,
    chain: Hash,
    logged: i64,
}

impl Statement {
    /// Signs it, and names that secret's successor as the next key.
    pub(crate) fn sign(&mut self, with: &Secret) {
        let mut bytes = b"auditdb epoch v1\0".to_vec();
        bytes.extend(self.log_id);
        bytes.extend(self.epoch.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        bytes.extend(self.root);
        bytes.extend(self.chain);
        bytes.extend(self.logged.to_le_bytes());
        bytes.extend(self.next_key);
        self.signature = hex(&with.signing().sign(&bytes).to_bytes());
    }
}

/// The lines of a log.
pub(crate) fn lines_of(disk: &SimDisk) -> Vec<String> {
    let db = Database::open_read_only_with(DIR, Arc::new(disk.clone())).unwrap();
    let entries = db.records(..).unwrap();
    entries.map(|entry| entry.unwrap().text().to_owned()).collect()
}

/// Makes changed lines fit together again: seqs, what every file's first record says about what stands before it,
/// and what each `epoch` states. `sign` is asked for each `epoch`, whether or not anything before it changed.
pub(crate) fn fit(log_id: [u8; 16], lines: &mut [String], sign: &Sign<'_>) {
    let (mut tree, mut chain) = (Frontier::new(), CHAIN_START);
    for (seq, line) in lines.iter_mut().enumerate() {
        set(line, "\"seq\":", &seq.to_string());
        let standing = [
            ("\"size\":", seq.to_string()),
            ("\"root\":", format!("\"{}\"", hex(&tree.root()))),
            ("\"chain\":", format!("\"{}\"", hex(&chain))),
        ];
        let name = event_name(line).to_owned();
        if name == "epoch" || (name == "state" && seq > 0) {
            for (member, value) in &standing {
                set(line, member, value);
            }
        }
        if name == "epoch" {
            let mut statement = Statement {
                epoch: get(line, "\"epoch\":").parse().unwrap(),
                next_key: unhex(&get(line, "\"next_key\":")),
                signature: get(line, "\"signature\":"),
                log_id,
                size: seq as u64,
                root: tree.root(),
                chain,
                logged: nanoseconds(&get(line, "\"logged\":")),
            };
            sign(&mut statement);
            set(line, "\"epoch\":", &statement.epoch.to_string());
            set(line, "\"next_key\":", &format!("\"{}\"", hex(&statement.next_key)));
            set(line, "\"signature\":", &format!("\"{}\"", statement.signature));
        }
        let leaf = leaf_hash(line.as_bytes());
        tree.push(leaf);
        chain = chain_next(&chain, &leaf);
    }
}

/// How far a log of these lines is.
pub(crate) fn root_of(lines: &[String]) -> Hash {
    let mut tree = Frontier::new();
    for line in lines {
        tree.push(leaf_hash(line.as_bytes()));
    }
    tree.root()
}

/// Writes a log's records anew, as journals, of which each begins with a `genesis` or `state`. Checkpoints stay.
pub(crate) fn write(disk: &SimDisk, log_id: [u8; 16], lines: &[String]) {
    for (path, _) in files(disk) {
        let name = path.strip_prefix(LOG).map(|name| name.display().to_string());
        let Ok(name) = name else { continue };
        if name == "committed"
            || ["journal/", "segments/", "tree/"]
                .iter()
                .any(|dir| name.starts_with(dir))
        {
            disk.remove_raw(&path);
        }
    }
    let (mut chain, mut journal, mut path) = (CHAIN_START, Vec::new(), PathBuf::new());
    for (seq, line) in lines.iter().enumerate() {
        if seq == 0 || (event_name(line) == "state" && !line.contains("\"signature\":")) {
            if seq > 0 {
                put(disk, &path, &journal);
            }
            journal.clear();
            path = PathBuf::from(format!("{LOG}/journal/{seq:020}.journal"));
        }
        frame(&mut journal, log_id, seq as u64, line, &chain);
        chain = chain_next(&chain, &leaf_hash(line.as_bytes()));
    }
    put(disk, &path, &journal);
}

/// Has the log's own program seal what was forged: the present key's file is made to agree with it first.
pub(crate) fn reseal(disk: &SimDisk, lines: &[String]) {
    let mut file = EpochFile::read(disk);
    (file.size, file.root) = (lines.len() as u64, root_of(lines));
    file.write(disk);
    drop(Database::open_with(DIR, Arc::new(disk.clone()), plain()).unwrap());
}

/// One frame with one line.
fn frame(journal: &mut Vec<u8>, log_id: [u8; 16], seq: u64, line: &str, chain: &Hash) {
    let text = format!("{line}\n");
    let mut header = b"\xFFAUDITF\0\x01\0\0\0\x01\0\0\0".to_vec();
    header.extend(log_id);
    header.extend((journal.len() as u64).to_le_bytes());
    header.extend(seq.to_le_bytes());
    header.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    header.extend(crc32fast::hash(text.as_bytes()).to_le_bytes());
    header.extend(chain);
    header.extend([0; 4]);
    header.extend(crc32fast::hash(&header).to_le_bytes());
    journal.extend(header);
    journal.extend(text.as_bytes());
    journal.resize(journal.len().next_multiple_of(8), 0);
}

/// The name of a log's own record, as it is written; nothing for a caller's.
pub(crate) fn event_name(line: &str) -> &str {
    let own = "\"kind\":\"system\",\"event\":{\"name\":\"";
    let behind = line.split_once(own).map_or("", |(_, behind)| behind);
    behind.split('"').next().unwrap()
}

/// The value of a member that stands in a line once, or first, without its quotes.
pub(crate) fn get(line: &str, member: &str) -> String {
    let (start, end) = value(line, member);
    line[start..end].trim_matches('"').to_owned()
}

/// Replaces that value.
pub(crate) fn set(line: &mut String, member: &str, to: &str) {
    let (start, end) = value(line, member);
    line.replace_range(start..end, to);
}

fn value(line: &str, member: &str) -> (usize, usize) {
    let start = line.find(member).unwrap_or_else(|| panic!("no {member} in {line}")) + member.len();
    let quoted = line[start..].starts_with('"');
    let len = if quoted {
        line[start + 1..].find('"').unwrap() + 2
    } else {
        line[start..].find([',', '}']).unwrap()
    };
    (start, start + len)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> [u8; 32] {
    std::array::from_fn(|place| u8::from_str_radix(&text[2 * place..2 * place + 2], 16).unwrap())
}

fn nanoseconds(time: &str) -> i64 {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.as_nanosecond().try_into().unwrap()
}
