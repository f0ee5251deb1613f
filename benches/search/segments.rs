//! A chain in a log of a thousand segments, in three of which it stands.

use auditdb::disk::RealDisk;
use auditdb::{Database, Options, Query};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const SEGMENTS: u64 = 1_000;

pub(crate) fn run(dir: &Path) {
    let path = dir.join("segments");
    let options = Options::default().zero_ahead(false);
    let db = Database::create_with(&path, Arc::new(RealDisk), options).expect("a fresh directory");
    for segment in 0..SEGMENTS {
        let chain = |chain| format!(r#"{{"agent":{{"id":"a"}},"kind":"decision","correlation":"c{chain}"}}"#);
        let texts: Vec<String> = (segment..segment + 3).map(chain).collect();
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
        db.seal().expect("it seals");
    }
    assert_eq!(db.wait_for_indexes(), None);
    drop(db);
    let db = Database::open_read_only(&path).expect("it is there");
    let mut times = Vec::new();
    let (mut cold, mut most) = (None, 0);
    for place in 0..21 {
        let started = Instant::now();
        let query = Query::new().correlation(&format!("c{}", 7 + place * 45));
        let mut found = db.query(&query).expect("it is there");
        assert_eq!(found.by_ref().count(), 3);
        let time = started.elapsed().as_secs_f64() * 1e6;
        most = most.max(found.reach().indexes);
        match cold {
            None => cold = Some(time),
            Some(_) => times.push(time),
        }
    }
    times.sort_by(f64::total_cmp);
    println!(
        "| indexes that a chain in {SEGMENTS} segments asks | {most} | {:.1} us, the first one {:.1} us | | <= 3 |",
        times[times.len() / 2],
        cold.unwrap_or_default()
    );
}
