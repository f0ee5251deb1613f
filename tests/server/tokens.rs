//! Who may send and ask: tokens, and other machines.

use super::api::{client, read};
use super::{Running, running};
use auditdb::Database;
use auditdb::server::{Scope, Server, Tokens, Wanted};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A token for that, and its id.
fn token(server: &Running, id: &str, scopes: &[Scope], agents: &[&str], logs: &[&str]) -> String {
    let path = server.dir.path().join("db");
    let db = Database::join(&path).unwrap();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let wanted = Wanted {
        id: Some(id.to_owned()),
        scopes: scopes.to_vec(),
        agents: names(agents),
        logs: names(logs),
        expires: None,
    };
    Tokens::of(&path).create(&db, wanted).unwrap().1
}

/// What the server knows of tokens is a second old at most.
fn wait() {
    std::thread::sleep(Duration::from_millis(1100));
}

fn send(server: &Running, token: Option<&str>, agent: &str) -> (u16, Value) {
    let record = json!({"agent": {"id": agent}, "kind": "decision"}).to_string();
    let mut request = client().post(format!("http://{}/v1/records", server.address));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = read(request.header("content-type", "application/json").send(record).unwrap());
    (answer.status, answer.json())
}

fn ask(server: &Running, token: Option<&str>, path: &str) -> (u16, String) {
    let mut request = client().get(format!("http://{}{path}", server.address));
    if let Some(token) = token {
        request = request.header("authorization", format!("bearer {token}"));
    }
    let answer = read(request.call().unwrap());
    (answer.status, answer.text)
}

#[test]
fn from_the_first_token_on_nobody_is_let_in_without_one() {
    let server = running();
    assert_eq!(send(&server, None, "a").0, 200);
    let writer = token(&server, "writer", &[Scope::Write], &[], &[]);
    let reader = token(&server, "reader", &[Scope::Read], &[], &[]);
    wait();
    assert_eq!(send(&server, None, "a").0, 401);
    assert_eq!(ask(&server, None, "/v1/query").0, 401);
    assert_eq!(ask(&server, None, "/metrics").0, 401);
    assert_eq!(ask(&server, None, "/healthz").0, 200);
    for wrong in ["", "x", "auditdb_", &writer.to_uppercase(), &writer[..writer.len() - 1]] {
        assert_eq!(send(&server, Some(wrong), "a").0, 401, "{wrong}");
    }
    // Each is for its own.
    assert_eq!(send(&server, Some(&reader), "a").0, 403);
    assert_eq!(ask(&server, Some(&writer), "/v1/query").0, 403);
    let (status, receipt) = send(&server, Some(&writer), "a");
    assert_eq!(status, 200, "{receipt}");
    let (status, stored) = ask(&server, Some(&reader), &format!("/v1/records/{}", receipt["seq"]));
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(
        (status, &stored["writer"]),
        (200, &json!({"id": "writer", "method": "token"}))
    );
    // Both are on record, and no secret is anywhere.
    let (_, events) = ask(&server, Some(&reader), "/v1/query?q=event:token&order=oldest");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["event"]["token"].as_str().unwrap(),
                event["event"]["did"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(said, [("writer", "created"), ("reader", "created")]);
    let path = server.dir.path().join("db");
    let files = std::fs::read_dir(path.join("tokens")).unwrap();
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(&writer[8..]) && !text.contains(&reader[8..]), "{text}");
    }
    // One that is revoked is let in no more, and still nobody without one.
    Tokens::of(&path)
        .revoke(&Database::join(&path).unwrap(), "writer")
        .unwrap();
    wait();
    assert_eq!(send(&server, Some(&writer), "a").0, 401);
    assert_eq!(send(&server, None, "a").0, 401);
    server.end();
}

#[test]
fn a_token_is_for_its_agents_and_logs() {
    let server = running();
    let bound = token(&server, "bound", &[Scope::Write, Scope::Read], &["refunds"], &[]);
    let elsewhere = token(&server, "elsewhere", &[Scope::Write, Scope::Read], &[], &["eu"]);
    let all = token(&server, "all", &[Scope::Write, Scope::Read], &[], &[]);
    wait();
    let own = send(&server, Some(&bound), "refunds").1;
    let other = send(&server, Some(&all), "support").1;
    for (token, agent, words) in [
        (&bound, "support", "not for the agent"),
        (&elsewhere, "refunds", "not for the log"),
    ] {
        let (status, said) = send(&server, Some(token), agent);
        assert_eq!(status, 403, "{said}");
        assert!(said["error"].as_str().unwrap().contains(words), "{said}");
    }
    // So it is with spans, one by one.
    let span = |number: u64, agent: &str| {
        let mut span = super::span(number);
        span["attributes"][1]["value"]["stringValue"] = json!(agent);
        span
    };
    let bearer = format!("Bearer {bound}");
    let body = super::request(&[span(1, "refunds"), span(2, "support")]);
    let (status, said) = server.post("/v1/traces", &[super::JSON, ("Authorization", &bearer)], &body);
    let said: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(
        (status, &said["partialSuccess"]["rejectedSpans"]),
        (200, &json!("1")),
        "{said}"
    );
    // Others' records are not there for whom they are not.
    let seq = |receipt: &Value| format!("/v1/records/{}", receipt["seq"]);
    assert_eq!(ask(&server, Some(&bound), &seq(&own)).0, 200);
    assert_eq!(ask(&server, Some(&bound), &seq(&other)).0, 404);
    assert_eq!(ask(&server, Some(&bound), "/v1/records/0").0, 404);
    assert_eq!(ask(&server, Some(&elsewhere), &seq(&own)).0, 404);
    assert_eq!(ask(&server, Some(&elsewhere), "/v1/query?all=true").1, "");
    assert_eq!(ask(&server, Some(&elsewhere), "/v1/checkpoint").0, 404);
    let seen = ask(&server, Some(&bound), "/v1/query?all=true&q=NOT%20agent:x").1;
    assert!(
        !seen.is_empty() && seen.lines().all(|line| line.contains("\"agent\":{\"id\":\"refunds\"")),
        "{seen}"
    );
    assert!(ask(&server, Some(&all), "/v1/query").1.contains("support"));
    server.end();
}

/// The same id in another's name is no retry.
#[test]
fn nobody_takes_anothers_place() {
    let server = running();
    let (mine, other) = (
        token(&server, "mine", &[], &[], &[]),
        token(&server, "other", &[], &[], &[]),
    );
    wait();
    let record = r#"{"id":"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071","agent":{"id":"a"},"kind":"decision"}"#;
    let post = |token: &str| {
        let request = client().post(format!("http://{}/v1/records", server.address));
        let request = request.header("authorization", format!("Bearer {token}"));
        read(request.header("content-type", "application/json").send(record).unwrap()).json()
    };
    let first = post(&mine);
    assert_eq!(post(&mine), first);
    assert_ne!(post(&other)["seq"], first["seq"]);
    server.end();
}

/// Beside a process that writes, the names go through its door.
#[test]
fn names_go_through_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let writer = Database::create(&path).unwrap();
    let secret = Tokens::of(&path).create(&writer, Wanted::default()).unwrap().1;
    let server = Server::bind(Database::join(&path).unwrap(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, stop) = (server.address().unwrap(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&stop);
    let thread = std::thread::spawn(move || server.run(&told).unwrap());
    let records: Vec<Value> = (0..3)
        .map(|number| json!({"agent": {"id": "a"}, "kind": "decision", "correlation": format!("c{number}")}))
        .collect();
    let request = client().post(format!("http://{address}/v1/records"));
    let request = request.header("authorization", format!("Bearer {secret}"));
    let answer = read(
        request
            .header("content-type", "application/json")
            .send(json!(records).to_string())
            .unwrap(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    for receipt in answer.json().as_array().unwrap() {
        let stored: Value = serde_json::from_str(writer.get(receipt["seq"].as_u64().unwrap()).unwrap().text()).unwrap();
        assert_eq!(stored["writer"]["method"], "token", "{stored}");
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
}

#[test]
fn an_id_is_a_name_and_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::create(&path).unwrap();
    let tokens = Tokens::of(&path);
    let wanted = |id: &str| Wanted {
        id: Some(id.to_owned()),
        ..Wanted::default()
    };
    for wrong in ["", "../x", "a/b", ".hidden", "-x", "A", "a b", "a\n", &"a".repeat(65)] {
        assert!(tokens.create(&db, wanted(wrong)).is_err(), "{wrong:?}");
    }
    tokens.create(&db, wanted("a")).unwrap();
    tokens.revoke(&db, "a").unwrap();
    assert!(tokens.create(&db, wanted("a")).is_err());
    // Again, in case the log could not be told.
    tokens.revoke(&db, "a").unwrap();
    let many = Wanted {
        agents: vec!["a".repeat(60); 1200],
        ..Wanted::default()
    };
    assert!(tokens.create(&db, many).is_err());
    assert!(tokens.revoke(&db, "b").is_err());
    // One that cannot be read lets nobody in, and shuts out no other.
    std::fs::write(path.join("tokens/c.json"), "{").unwrap();
    let listed = tokens.list().unwrap();
    let opens: Vec<_> = listed
        .iter()
        .map(|token| (token.id.as_str(), token.is_valid(0)))
        .collect();
    assert_eq!(opens, [("a", false), ("c", false)]);
    assert!(db.verify().unwrap().is_sound());
}

#[test]
fn other_machines_are_heard_over_tls_and_with_tokens_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&chain, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let all: std::net::SocketAddr = "0.0.0.0:0".parse().unwrap();
    let db = Database::create(&path).unwrap();
    let refused = Server::bind(db.clone(), all).unwrap_err().to_string();
    assert!(refused.contains("--tls-cert"), "{refused}");
    let refused = Server::bind_tls(db.clone(), all, &chain, &key).unwrap_err().to_string();
    assert!(refused.contains("token create"), "{refused}");
    let refused = Server::bind_tls(db.clone(), all, &key, &chain).unwrap_err().to_string();
    assert!(refused.contains("PEM"), "{refused}");
    let secret = Tokens::of(&path).create(&db, Wanted::default()).unwrap().1;
    let server = Server::bind_tls(db, all, &chain, &key).unwrap();
    let (port, stop) = (server.address().unwrap().port(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&stop);
    let thread = std::thread::spawn(move || server.run(&told).unwrap());
    let root = ureq::tls::Certificate::from_pem(certified.cert.pem().as_bytes()).unwrap();
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::from(vec![root]))
        .build();
    let client: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .build()
        .into();
    let post = |token: &str| {
        let request = client.post(format!("https://localhost:{port}/v1/records"));
        let request = request
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        read(request.send(r#"{"agent":{"id":"a"},"kind":"decision"}"#).unwrap()).status
    };
    assert_eq!((post(&secret), post("auditdb_none")), (200, 401));
    // Without TLS there is no answer.
    let plain = super::post(format!("127.0.0.1:{port}").parse().unwrap(), "/v1/records", &[], b"");
    assert!(plain.is_err());
    stop.store(true, Ordering::Relaxed);
    assert_eq!(thread.join().unwrap().records, 1);
}
