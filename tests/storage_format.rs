//! `storage-format.md` against real bytes: its example, its tables, and the offsets that it gives.

mod oracle;

use auditdb::Database;
use auditdb::disk::SimDisk;
use auditdb::proof::{CHAIN_START, chain_next, leaf_hash};
use oracle::{DIR, Known, files, plain};
use std::sync::Arc;

const PAGE: &str = include_str!("../storage-format.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn example() -> (String, String, String, String) {
    let mut blocks = PAGE.split_once("## An example").unwrap().1.split("```");
    let first: Vec<&str> = blocks.nth(1).unwrap().lines().skip(1).collect();
    let header: String = blocks.nth(1).unwrap().lines().skip(1).collect();
    let word = |line: &str| line.split_whitespace().last().unwrap().to_owned();
    (
        first[0].to_owned(),
        word(first[1]),
        word(first[2]),
        header.split_whitespace().collect(),
    )
}

#[test]
fn the_examples_hashes_and_header_are_right() {
    let (line, leaf, chain, header) = example();
    let computed = leaf_hash(line.as_bytes());
    let text = line + "\n";
    let mut expected = b"\xFFAUDITF\0\x01\0\0\0\x01\0\0\0".to_vec();
    expected.extend((0..16_u8).map(|place| place * 0x11));
    expected.extend_from_slice(&[0; 16]);
    expected.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
    expected.extend_from_slice(&crc32fast::hash(text.as_bytes()).to_le_bytes());
    expected.extend_from_slice(&[0; 36]);
    expected.extend_from_slice(&crc32fast::hash(&expected).to_le_bytes());
    let found = (leaf, chain, header);
    assert_eq!(
        found,
        (
            hex(&computed),
            hex(&chain_next(&CHAIN_START, &computed)),
            hex(&expected)
        )
    );
}

#[test]
fn the_tables_add_up() {
    let mut checked = 0;
    for (heading, len) in [
        ("Frame header, 96", 96),
        ("56 bytes.", 56),
        ("Frame row, 96", 96),
        ("Key row, 12", 12),
        ("Stream row, 16", 16),
        ("Trailer, 204", 204),
    ] {
        let behind = PAGE.split_once(heading).unwrap_or_else(|| panic!("{heading}")).1;
        let rows = behind
            .lines()
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        let end = rows.fold(0, |end, row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells[1].parse(), Ok(end), "{heading}: {row}");
            end + cells[2].parse::<usize>().unwrap()
        });
        assert_eq!(end, len, "{heading}");
        checked += 1;
    }
    assert_eq!(checked, 6);
}

/// A reader that knows nothing but the page finds in real files what the page says.
#[test]
fn the_offsets_are_those_of_real_files() {
    let disk = SimDisk::new(9);
    let db = Database::create_with(DIR, Arc::new(disk.clone()), plain()).unwrap();
    let mut known = Known::default();
    known.append_many(&db, 9).unwrap();
    db.seal().unwrap();
    known.append(&db).unwrap();
    let lines: Vec<String> = db
        .records(..)
        .unwrap()
        .map(|entry| entry.unwrap().text().to_owned())
        .collect();
    let files = files(&disk);
    let file = |suffix: &str| {
        &files
            .iter()
            .find(|(path, _)| path.to_string_lossy().ends_with(suffix))
            .unwrap()
            .1
    };
    let u32_at = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let u64_at = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());

    let segment = file(".zst");
    let entries = u32_at(segment, segment.len() - 9);
    let trailer = segment.len() - (8 + 8 * entries + 9) - 204;
    let (first, count) = (u64_at(segment, trailer + 16), u64_at(segment, trailer + 24) as usize);
    assert_eq!(first, 0);
    let [frames, keys, streams, before, after] = [152, 156, 160, 164, 168].map(|at| u32_at(segment, trailer + at));
    assert_eq!((frames + 1, before), (entries, 0));
    let directory = trailer - 32 * (before + after) - 16 * streams - 12 * keys - 96 * frames;
    assert_eq!(u32_at(segment, directory - 8), 0x184D_2A5D);
    let (mut place, mut chain) = (0, CHAIN_START);
    for row in (0..frames).map(|row| directory + 96 * row) {
        let (offset, len) = (u64_at(segment, row) as usize, u32_at(segment, row + 8));
        assert_eq!(
            crc32fast::hash(&segment[offset..offset + len]) as usize,
            u32_at(segment, row + 28)
        );
        assert_eq!(segment[row + 64..row + 96], chain);
        let text = zstd::decode_all(&segment[offset..offset + len]).unwrap();
        assert_eq!(text.len(), u32_at(segment, row + 12));
        for line in std::str::from_utf8(&text).unwrap().lines() {
            assert_eq!(line, lines[place]);
            chain = chain_next(&chain, &leaf_hash(line.as_bytes()));
            place += 1;
        }
    }
    assert_eq!(
        (place, &segment[trailer + 120..trailer + 152]),
        (count, chain.as_slice())
    );
    let leaves: Vec<u8> = lines[..count]
        .iter()
        .flat_map(|line| leaf_hash(line.as_bytes()))
        .collect();
    assert_eq!(file("tree/0"), &leaves);

    let journal = file(".journal");
    assert_eq!(
        (&journal[..8], u64_at(journal, 40) as usize),
        (b"\xFFAUDITF\0".as_slice(), count)
    );
    assert_eq!(&journal[56..88], chain.as_slice());
    let text = &journal[96..96 + u32_at(journal, 48)];
    assert_eq!(
        std::str::from_utf8(text).unwrap().lines().collect::<Vec<_>>(),
        lines[count..]
    );
}
