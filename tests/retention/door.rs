//! What another process may ask the writer for about holds: it checks everything itself, whoever asks.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the policy file is a person's")]

use super::*;
use auditdb::proof::SshKey;
use auditdb::{Actor, HeldRecords};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

const HOLD: u8 = 10;
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// Asks as a process would that has nothing of this program.
fn ask(stream: &mut UnixStream, body: &str) -> (u8, String) {
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    stream
        .write_all(&[&[HOLD], len.as_slice(), body.as_bytes()].concat())
        .unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let mut answer = vec![0; u32::from_le_bytes(head[1..].try_into().unwrap()) as usize];
    stream.read_exact(&mut answer).unwrap();
    (head[0], String::from_utf8(answer).unwrap())
}

#[test]
fn the_writer_believes_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    let people = [("anna", [1; 32]), ("bert", [2; 32])];
    let actor = |place: usize| Actor::signing(people[place].0, SshKey::from_seed(&people[place].1)).unwrap();
    let section = |(name, seed): &(&str, [u8; 32])| {
        let key = SshKey::from_seed(seed).public();
        format!("[people.{name}]\nkey = \"{key}\"\n")
    };
    std::fs::write(
        path.join("auditdb.toml"),
        people.iter().map(section).collect::<String>(),
    )
    .unwrap();
    let db = Database::open(&path).unwrap();
    db.append_json(&numbered(1)).unwrap();
    let joined = Database::join(&path).unwrap();
    assert!(joined.is_joined());
    let what = HeldRecords::Query("agent:a".to_owned());
    let id = joined.place_hold(&what, "a suit", &actor(0)).unwrap();
    assert_eq!(db.holds().unwrap()[0].id, id);
    // What was signed for it stands in the record, for everybody to read.
    let entries = db.records(..).unwrap().map(Result::unwrap);
    let placed = entries
        .filter(|entry| entry.text().contains("\"event\":{\"name\":\"hold\""))
        .last()
        .unwrap();
    let record: serde_json::Value = serde_json::from_str(placed.text()).unwrap();
    let signed = &record["event"]["by"];
    let place = |id: &str, signed: serde_json::Value| {
        let about = serde_json::json!({"id": id, "query": "agent:a"});
        let by = serde_json::json!({"name": "anna", "signed": signed});
        serde_json::json!({"Place": {"about": about, "reason": "a suit", "by": by}}).to_string()
    };
    let genuine = serde_json::json!([signed["statement"], signed["signature"]]);
    let mut stream = UnixStream::connect(path.join("logs/main/writer.sock")).unwrap();
    let mut refused = |body: &str, words: &str| {
        let (what, why) = ask(&mut stream, body);
        assert!(what == FAILED && why.contains(words), "{why}");
    };
    refused(&place(&id, genuine.clone()), "there is a hold");
    refused(&place("hold-1", genuine.clone()), "something else was signed");
    refused(&place("hold-1", serde_json::Value::Null), "needs the signature");
    refused("{}", "a request about a hold");
    refused("\u{0}", "a request about a hold");
    let about = "{\"id\":\"hold-1\",\"query\":\"agnt:a\"}";
    refused(
        &format!("{{\"Place\":{{\"about\":{about},\"reason\":\"r\",\"by\":{{\"name\":\"anna\",\"signed\":null}}}}}}"),
        "agnt",
    );
    joined.release_hold(&id, "settled", &actor(1)).unwrap();
    // The same act once more, with what was signed for it.
    refused(&place(&id, genuine), "too much has happened since");
    assert!(db.holds().unwrap().is_empty());
    let id = joined.place_hold(&what, "once more", &actor(1)).unwrap();
    let body =
        format!("{{\"Release\":{{\"id\":\"{id}\",\"reason\":\"r\",\"by\":{{\"name\":\"anna\",\"signed\":null}}}}}}");
    refused(&body, "needs the signature");
    drop(joined);
    assert_eq!(db.holds().unwrap().len(), 1);
    assert!(db.verify().unwrap().is_sound());
    // Where nobody is named, a name will do.
    std::fs::remove_file(path.join("auditdb.toml")).unwrap();
    drop(db);
    let db = Database::open(&path).unwrap();
    let mut stream = UnixStream::connect(path.join("logs/main/writer.sock")).unwrap();
    let place = "{\"Place\":{\"about\":{\"id\":\"hold-2\",\"seqs\":[0,1]},\"reason\":\"r\",\"by\":{\"name\":\"x\",\"signed\":null}}}";
    assert_eq!(ask(&mut stream, place).0, DONE);
    assert!(db.verify().unwrap().is_sound());
}
