//! Sealed segments through the code of others: the plain zstd library, and a reader of the seekable format.

mod oracle;

use auditdb::{Database, Options};
use oracle::numbered;
use std::io::Read;
use std::sync::Arc;

fn segments() -> (tempfile::TempDir, Vec<(Vec<u8>, String)>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // Nothing behind the last seal, not even the record of an index.
    let options = Options::default().block_bytes(2_000).index(false);
    let db = Database::create_with(&path, Arc::new(auditdb::disk::RealDisk), options).unwrap();
    let mut found = Vec::new();
    let mut from = 0;
    for round in 0..3 {
        let texts: Vec<String> = (0..50).map(|number| numbered(100 * round + number)).collect();
        db.append_all_json(texts.iter().map(String::as_str)).unwrap();
        db.seal().unwrap();
        let lines: String = db
            .records(from..)
            .unwrap()
            .map(|entry| format!("{}\n", entry.unwrap().text()))
            .collect();
        let file = path.join(format!("logs/main/segments/{from:020}.jsonl.zst"));
        found.push((std::fs::read(file).unwrap(), lines));
        from = db.len().unwrap();
    }
    (dir, found)
}

#[test]
fn the_zstd_library_reads_plain_lines() {
    for (file, lines) in segments().1 {
        let mut text = String::new();
        zstd::stream::read::Decoder::new(file.as_slice())
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, lines);
    }
}

#[test]
fn a_seekable_reader_reads_all_and_parts() {
    for (file, lines) in segments().1 {
        let source = std::io::Cursor::new(file);
        let mut decoder = zeekstd::Decoder::new(source).unwrap();
        let mut text = String::new();
        decoder.read_to_string(&mut text).unwrap();
        assert_eq!(text, lines);
        // The second data frame alone, by the seek table.
        let table = decoder.seek_table().clone();
        let start = table.frame_start_decomp(1).unwrap();
        let end = table.frame_end_decomp(1).unwrap();
        decoder.set_lower_frame(1).unwrap();
        decoder.set_upper_frame(1).unwrap();
        let mut part = Vec::new();
        decoder.read_to_end(&mut part).unwrap();
        assert_eq!(part, lines.as_bytes()[start as usize..end as usize]);
        assert!(part.starts_with(b"{\"v\":1,") && part.ends_with(b"}\n"));
    }
}
