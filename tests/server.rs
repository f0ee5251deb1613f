//! The server as a client sees it, byte by byte: what it takes is durable, and what it does not take costs no other anything.

#![cfg(feature = "server")]
#![expect(clippy::disallowed_methods, reason = "tests look at files from outside")]

#[path = "server/api.rs"]
mod api;
#[path = "server/mcp.rs"]
mod mcp;
#[path = "server/tokens.rs"]
mod tokens;

use auditdb::Database;
use auditdb::server::{Served, Server};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A server over a database in a directory of its own, until it is told to stop.
struct Running {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Served>,
    dir: tempfile::TempDir,
}

fn running() -> Running {
    let dir = tempfile::tempdir().unwrap();
    drop(Database::create(dir.path().join("db")).unwrap());
    served_in(dir)
}

/// A server over the database that is there.
fn served_in(dir: tempfile::TempDir) -> Running {
    let db = Database::open(dir.path().join("db")).unwrap();
    let server = Server::bind(db, "127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, stop) = (server.address().unwrap(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&stop);
    let thread = std::thread::spawn(move || server.run(&told).unwrap());
    Running {
        address,
        stop,
        thread,
        dir,
    }
}

impl Running {
    fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        post(self.address, path, headers, body).unwrap()
    }

    /// Stops it; gives what it took, and the ids of the records in its log.
    fn end(self) -> (Served, Vec<String>) {
        let (served, dir) = self.stopped();
        (served, ids(&dir.path().join("db")))
    }

    fn stopped(self) -> (Served, tempfile::TempDir) {
        self.stop.store(true, Ordering::Relaxed);
        (self.thread.join().unwrap(), self.dir)
    }
}

fn ids(path: &Path) -> Vec<String> {
    let db = Database::open_read_only(path).unwrap();
    let records = db.records(..).unwrap().map(Result::unwrap);
    records
        .filter(|entry| !entry.is_of_the_log())
        .map(|entry| entry.id())
        .collect()
}

fn post(at: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(at)?;
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    // A server that has answered already may not read the rest.
    let _ = stream.write_all(body);
    answer(stream)
}

/// The status and the body of an answer.
fn answer(stream: TcpStream) -> std::io::Result<(u16, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer but {line:?}")))?;
    let mut length = None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((status, body))
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

fn span(number: u64) -> Value {
    json!({"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{:016x}", number + 1), "name": "chat m",
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000250000000",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}, {"key": "gen_ai.agent.name", "value": {"stringValue": "a"}}]})
}

fn request(spans: &[Value]) -> Vec<u8> {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        .to_string()
        .into_bytes()
}

/// The same in protobuf, with nothing but the ids.
fn binary(number: u8) -> Vec<u8> {
    let field = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let span = [field(0x0a, &[1; 16]), field(0x12, &[number; 8])].concat();
    field(0x0a, &field(0x12, &field(0x12, &span)))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_answered_with_200_is_in_the_log() {
    let server = running();
    assert_eq!(
        server.post("/v1/traces", &[JSON], &request(&[span(1)])),
        (200, b"{}".to_vec())
    );
    assert_eq!(server.post("/v1/traces", &[PROTOBUF], &binary(7)), (200, Vec::new()));
    let gzipped = [PROTOBUF, ("Content-Encoding", "gzip")];
    assert_eq!(
        server.post("/v1/traces", &gzipped, &gzip(&binary(8))),
        (200, Vec::new())
    );
    let packed = zstd::encode_all(&request(&[span(2)])[..], 1).unwrap();
    let zstandard = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Encoding", "zstd"),
    ];
    assert_eq!(server.post("/v1/traces", &zstandard, &packed).0, 200);
    // A retry, and metrics, which are no records.
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&[span(1)])).0, 200);
    assert_eq!(server.post("/v1/metrics", &[PROTOBUF], b"anything").0, 200);
    let (served, ids) = server.end();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(
        (served.requests, served.records, served.refused, served.metrics),
        (5, 5, 0, 1)
    );
}

#[test]
fn a_body_in_chunks_without_a_length() {
    let server = running();
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    for piece in request(&[span(1), span(2)]).chunks(100) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
        stream.write_all(piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(answer(stream).unwrap().0, 200);
    assert_eq!(server.end().1.len(), 2);
}

/// A span that says what it is and, where it is asked, which agent it is of.
fn of_agent(number: u64, parent: Option<u64>, kind: &str, agent: Option<&str>) -> Value {
    let mut span = span(number);
    span["name"] = json!("something");
    span["attributes"] = json!([{"key": "openinference.span.kind", "value": {"stringValue": kind}}]);
    if let Some(parent) = parent {
        span["parentSpanId"] = json!(format!("{:016x}", parent + 1));
    }
    if let Some(agent) = agent {
        let named = json!({"key": "agent.name", "value": {"stringValue": agent}});
        span["attributes"].as_array_mut().unwrap().push(named);
    }
    span
}

/// Of each record its agent and whether it is in conflict with another.
fn recorded(path: &Path) -> Vec<(String, bool)> {
    let db = Database::open_read_only(path).unwrap();
    let records = db.records(..).unwrap().map(Result::unwrap);
    let of = |text: &str| {
        let agent = serde_json::from_str::<Value>(text).unwrap()["agent"]["id"].clone();
        agent.as_str().unwrap().to_owned()
    };
    records
        .filter(|entry| !entry.is_of_the_log())
        .map(|entry| (of(entry.text()), entry.conflict().is_some()))
        .collect()
}

#[test]
fn a_span_has_one_record_whatever_was_known_when_it_came() {
    let (child, parent) = (
        of_agent(2, Some(1), "TOOL", None),
        of_agent(1, None, "AGENT", Some("refunds")),
    );
    let late = of_agent(3, Some(1), "TOOL", None);
    let server = running();
    let send = |server: &Running, span: &Value| {
        let body = request(std::slice::from_ref(span));
        assert_eq!(server.post("/v1/traces", &[JSON], &body).0, 200);
    };
    for span in [&child, &parent, &child] {
        send(&server, span);
    }
    let (served, dir) = server.stopped();
    assert_eq!(served.records, 3);
    // Another process, which remembers nothing: it finds the parent among the records.
    let server = served_in(dir);
    for span in [&child, &late, &parent] {
        send(&server, span);
    }
    // What says something else under the same ids is no retry: it is kept.
    let mut other = late.clone();
    other["name"] = json!("forged");
    send(&server, &other);
    let (_, dir) = server.stopped();
    let of = |agent: &str, conflict| (agent.to_owned(), conflict);
    assert_eq!(
        recorded(&dir.path().join("db")),
        [
            of("unknown", false),
            of("refunds", false),
            of("refunds", false),
            of("refunds", true)
        ]
    );
}

#[test]
fn spans_that_no_rule_knows_and_tools_without_data_show_in_status_and_lint() {
    let server = running();
    let spans = [
        of_agent(1, None, "AGENT", Some("a")),
        of_agent(2, Some(1), "TOOL", None),
        of_agent(3, Some(1), "NOVELTY", None),
        of_agent(4, Some(1), "CHAIN", None),
    ];
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&spans)).0, 200);
    let (_, dir) = server.stopped();
    let said = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditdb"));
        let output = command.args(args).arg(dir.path().join("db")).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let expected = json!({"spans": {"lacking": 1, "of": 4}, "tool_calls": {"lacking": 1, "of": 1}, "partial": false});
    for command in ["status", "lint"] {
        let json: Value = serde_json::from_str(&said(&[command, "--json"])).unwrap();
        assert_eq!(json["mapping"], expected, "{command}");
        let text = said(&[command]);
        assert!(
            text.contains("1 of 4 spans are of a kind that no rule knows (25 %)"),
            "{text}"
        );
    }
}

#[test]
fn an_agent_that_sends_no_content_is_named_on_stderr() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    let (mut child, address, mut stderr) = spawned(&path);
    for number in 1..4 {
        assert_eq!(
            post(address, "/v1/traces", &[JSON], &request(&[span(number)]))
                .unwrap()
                .0,
            200
        );
    }
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(
        line.starts_with("agent a sends no content") && line.contains("CAPTURE_MESSAGE_CONTENT"),
        "{line}"
    );
    assert_eq!(rest, "");
}

#[test]
fn one_bad_span_drops_no_other_and_is_named() {
    let server = running();
    let mut bad = span(1);
    bad["spanId"] = json!("0000000000000000");
    let (status, body) = server.post("/v1/traces", &[JSON], &request(&[bad, span(2)]));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["partialSuccess"]["rejectedSpans"]), (200, &json!("1")));
    let message = body["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("all zeros"), "{message}");
    assert_eq!(server.end().1.len(), 1);
}

/// Path, headers, body; the status expected, and words of the answer.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

#[test]
fn what_cannot_be_taken_is_refused_in_words() {
    let server = running();
    // Small as it comes, and far too large in truth.
    let bomb = gzip(&vec![0; 80 << 20]);
    let zstd_bomb = zstd::encode_all(&vec![0; 80 << 20][..], 1).unwrap();
    let cases: [Case; 9] = [
        ("/v1/traces", &[JSON], b"{\"resourceSpans\":", 400, "no export request"),
        ("/v1/traces", &[PROTOBUF], b"\xff\xff\xff", 400, "no export request"),
        (
            "/v1/traces",
            &[("Content-Type", "text/plain")],
            b"x",
            415,
            "content type",
        ),
        (
            "/v1/traces",
            &[JSON, ("Content-Encoding", "br")],
            b"x",
            415,
            "content encoding",
        ),
        (
            "/v1/traces",
            &[JSON, ("Content-Encoding", "gzip")],
            b"x",
            400,
            "cannot be unpacked",
        ),
        (
            "/v1/logs",
            &[PROTOBUF, ("Content-Encoding", "gzip")],
            &bomb,
            413,
            "more than",
        ),
        (
            "/v1/traces",
            &[JSON, ("Content-Encoding", "zstd")],
            &zstd_bomb,
            413,
            "more than",
        ),
        (
            "/v1/traces",
            &[JSON, ("Origin", "http://evil.example")],
            b"{}",
            403,
            "browser",
        ),
        ("/v1/nothing", &[JSON], b"{}", 404, "openapi.json"),
    ];
    for (path, headers, body, expected, words) in cases {
        let (status, said) = server.post(path, headers, body);
        let said = String::from_utf8_lossy(&said);
        assert_eq!(status, expected, "{path} {headers:?}: {said}");
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let deep = format!("{{\"resourceSpans\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(server.post("/v1/traces", &[JSON], deep.as_bytes()).0, 400);
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&[span(1)])).0, 200);
    assert_eq!(server.end().1.len(), 1);
}

#[test]
fn only_this_machine_is_listened_to() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::create(dir.path().join("db")).unwrap();
    let refused = Server::bind(db, "0.0.0.0:0".parse().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("loopback"), "{refused}");
}

/// Neither do bodies that come to no end.
#[test]
fn bodies_that_do_not_come_hold_up_no_other() {
    let server = running();
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            let head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&[b' '; 10_000]).unwrap();
            stream
        })
        .collect();
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&[span(1)])).0, 200);
    drop(slow);
    assert_eq!(server.end().1.len(), 1);
}

/// What is sent at once may take only so much memory: the rest is told to come again.
#[test]
fn too_much_at_once_is_told_to_come_again() {
    let server = running();
    let mut refused = 0;
    let large: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            let head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 67000000\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            // Whoever is refused may not be listened to any more.
            let piece = vec![b' '; 1_000_000];
            let whole = (0..60).all(|_| stream.write_all(&piece).is_ok());
            refused += i32::from(!whole);
            stream
        })
        .collect();
    for stream in large.into_iter().rev() {
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        refused += i32::from(answer(stream).is_ok_and(|(status, _)| status == 429));
    }
    assert!(refused > 0);
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&[span(1)])).0, 200);
    assert_eq!(server.end().1.len(), 1);
}

/// Slow ones take places among many, and hold up nobody.
#[test]
fn connections_that_say_nothing_hold_up_no_other() {
    let server = running();
    let idle: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            if number % 2 == 0 {
                stream
                    .write_all(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                    .unwrap();
            }
            stream
        })
        .collect();
    assert_eq!(server.post("/v1/traces", &[JSON], &request(&[span(1)])).0, 200);
    drop(idle);
    assert_eq!(server.end().1.len(), 1);
}

/// `auditdb serve` of its own, its address, and what it says.
fn spawned(path: &Path) -> (Child, SocketAddr, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditdb"))
        .arg("serve")
        .arg(path)
        .args(["--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
    (child, address, stderr)
}

#[test]
fn a_server_that_is_killed_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    let mut acknowledged = 0;
    for round in 0..6_u64 {
        let (mut child, address, stderr) = spawned(&path);
        drop(stderr);
        let senders: Vec<_> = (0..3_u64)
            .map(|sender| {
                std::thread::spawn(move || {
                    let first = (round * 3 + sender) * 1_000_000;
                    let sent = (0..).take_while(|number| {
                        let body = request(&[span(first + number)]);
                        post(address, "/v1/traces", &[JSON], &body).is_ok_and(|(status, _)| status == 200)
                    });
                    sent.map(|number| first + number).collect::<Vec<u64>>()
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(200 + round * 70));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let there: std::collections::HashSet<String> = {
            let db = Database::open_read_only(&path).unwrap();
            let spans = db
                .records(..)
                .unwrap()
                .map(Result::unwrap)
                .filter(|entry| !entry.is_of_the_log());
            let of = |text: &str| {
                serde_json::from_str::<Value>(text).unwrap()["trace"]["span"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            spans.map(|entry| of(entry.text())).collect()
        };
        for number in senders.into_iter().flat_map(|sender| sender.join().unwrap()) {
            assert!(
                there.contains(&format!("{:016x}", number + 1)),
                "{number} was acknowledged"
            );
            acknowledged += 1;
        }
    }
    assert!(acknowledged > 30, "{acknowledged}");
    let report = Database::open(&path).unwrap().verify().unwrap();
    assert!(report.is_sound(), "{report}");
}
