//! Records in and out, and questions, over HTTP.

use super::{JSON, gzip, running};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Status, headers and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A client that takes every status for an answer.
pub(crate) fn client() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

pub(crate) fn read(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter();
    Answer {
        status: parts.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        text: body.read_to_string().unwrap(),
    }
}

fn get(at: SocketAddr, path: &str) -> Answer {
    read(client().get(format!("http://{at}{path}")).call().unwrap())
}

fn send(at: SocketAddr, kind: &str, body: &str) -> Answer {
    let request = client().post(format!("http://{at}/v1/records"));
    read(request.header("content-type", kind).send(body).unwrap())
}

const ID: &str = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071";
const LINES: &str = "application/x-ndjson";

fn decided(correlation: &str) -> String {
    json!({"agent": {"id": "refunds"}, "kind": "decision", "correlation": correlation}).to_string()
}

#[test]
fn records_go_in_in_three_forms_with_a_receipt_each() {
    let server = running();
    let one = json!({"id": ID, "agent": {"id": "refunds"}, "kind": "decision"}).to_string();
    let first = send(server.address, "application/json", &one);
    assert_eq!((first.status, &first.json()["id"]), (200, &json!(ID)));
    // A retry is harmless.
    assert_eq!(send(server.address, "application/json", &one).json(), first.json());
    let list = format!("[{}, {}]", decided("a"), decided("b"));
    let receipts = send(server.address, "application/json", &list).json();
    let seqs = |values: &[Value]| {
        values
            .iter()
            .map(|one| one["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let listed = seqs(receipts.as_array().unwrap());
    assert_eq!(listed.len(), 2);
    assert!(listed.is_sorted());
    let lines = format!("{}\n\n{}\r\n{}", decided("c"), decided("d"), one);
    let answer = send(server.address, LINES, &lines);
    let receipts: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(receipts.len(), 3);
    assert_eq!(receipts[2], first.json());
    let packed = server.post(
        "/v1/records",
        &[JSON, ("Content-Encoding", "gzip")],
        &gzip(decided("e").as_bytes()),
    );
    assert_eq!(packed.0, 200);
    // None is none.
    assert_eq!(send(server.address, "application/json", "[]").json(), json!([]));
    assert_eq!(server.end().1.len(), 6);
}

#[test]
fn of_a_list_with_a_bad_record_none_is_stored_and_the_answer_says_which() {
    let server = running();
    let forged = r#"{"agent":{"id":"a"},"kind":"system","event":{"name":"tombstone"}}"#;
    let deep = format!(
        "{{\"agent\":{{\"id\":\"a\"}},\"kind\":\"x\",\"attributes\":{{\"x\":{}1{}}}}}",
        "[".repeat(90),
        "]".repeat(90)
    );
    for (bad, words) in [
        (forged, "only the log"),
        (r#"{"agent":{"id":"auditdb"},"kind":"x"}"#, "agent.id"),
        (r#"{"agent":{"id":"a"},"kind":"x","kind":"y"}"#, "kind"),
        (r#"{"agent":{"id":"a"},"kind":"x","seq":1}"#, "seq"),
        (r#"{"agent":{"id":"a"}}"#, "kind"),
        (
            r#"{"agent":{"id":"a"},"kind":"x","time":"2026-01-01T00:00:00"}"#,
            "time",
        ),
        (&deep, "deep"),
        ("7", "object"),
    ] {
        let said = send(server.address, LINES, &format!("{}\n{bad}\n", decided("a")));
        assert_eq!((said.status, &said.json()["record"]), (400, &json!(1)), "{}", said.text);
        assert!(
            said.json()["error"].as_str().unwrap().contains(words),
            "{words}: {}",
            said.text
        );
    }
    for (kind, body, status) in [
        ("text/plain", "x", 415),
        ("application/json", "[", 400),
        ("application/json", "[1", 400),
        ("application/json", "{\"agent\"", 400),
        (LINES, "{\"agent\"", 400),
    ] {
        let said = send(server.address, kind, body);
        assert_eq!(said.status, status, "{body}: {}", said.text);
        assert!(!said.json()["error"].as_str().unwrap().is_empty());
    }
    let not_utf8 = server.post("/v1/records", &[JSON], b"{\"agent\":{\"id\":\"\xff\"},\"kind\":\"x\"}");
    assert_eq!(not_utf8.0, 400);
    let bomb = gzip(&vec![b' '; 80 << 20]);
    assert_eq!(
        server
            .post("/v1/records", &[JSON, ("Content-Encoding", "gzip")], &bomb)
            .0,
        413
    );
    assert_eq!(server.end().1.len(), 0);
}

#[test]
fn what_went_in_comes_out() {
    let server = running();
    let at = server.address;
    // With a character that a path cannot hold as it is, and one that is more than a line takes.
    let large = json!({"id": ID, "agent": {"id": "refunds"}, "kind": "decision", "correlation": "case 8/12",
        "reasoning": "r".repeat(100_000)});
    assert_eq!(send(at, "application/json", &large.to_string()).status, 200);
    let whole = get(at, &format!("/v1/records/{ID}"));
    assert_eq!(
        (whole.status, whole.json()["reasoning"].as_str().unwrap().len()),
        (200, 100_000)
    );
    assert_eq!(whole.header("auditdb-log"), Some("main"));
    let seq = whole.header("auditdb-seq").unwrap();
    let line = get(at, &format!("/v1/records/main/{seq}?line=true"));
    assert!(line.json()["reasoning"].is_null());
    assert!(line.text.len() < 65_536);
    let child = json!({"agent": {"id": "refunds"}, "kind": "tool_call", "parent": ID, "tools": [{"name": "pay"}]});
    assert_eq!(send(at, "application/json", &child.to_string()).status, 200);
    for name in [ID.to_owned(), "case%208%2F12".to_owned(), format!("main/{seq}")] {
        let trace = get(at, &format!("/v1/trace/{name}"));
        let depths: Vec<_> = trace.json()["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["depth"].clone())
            .collect();
        assert_eq!((trace.status, depths), (200, vec![json!(0), json!(1)]), "{name}");
    }
    for nothing in [
        "/v1/records/99",
        "/v1/records/019a2b3c-0000-7f60-8a1b-2c3d4e5f6071",
        "/v1/trace/none",
        "/v1/records/other/1",
        "/v1/records/../../etc/passwd",
        "/v1/records/%2e%2e%2fLOCK",
        "/v1/trace/%0d%0aSet-Cookie:a=b",
        "/v1/checkpoint?log=none",
    ] {
        let said = get(at, nothing);
        assert_eq!(said.status, 404, "{nothing}: {}", said.text);
        assert!(said.headers.iter().all(|(name, _)| name != "set-cookie"));
    }
    server.end();
}

#[test]
fn questions_are_answered_in_pages() {
    let server = running();
    let at = server.address;
    let lines: Vec<String> = (0..25).map(|number| decided(&format!("c{number}"))).collect();
    assert_eq!(send(at, LINES, &lines.join("\n")).status, 200);
    let (mut next, mut found) = (String::new(), Vec::new());
    loop {
        let page = get(at, &format!("/v1/query?q=agent%3Arefunds&order=oldest&limit=10{next}"));
        assert_eq!(page.status, 200);
        found.extend(
            page.text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
        match page.header("auditdb-next") {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let chains: Vec<_> = found
        .iter()
        .map(|record| record["correlation"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(chains, (0..25).map(|number| format!("c{number}")).collect::<Vec<_>>());
    let placed = get(at, "/v1/query?q=correlation:c7&places=true").json();
    assert_eq!(
        (&placed["log"], &placed["record"]["correlation"]),
        (&json!("main"), &json!("c7"))
    );
    assert_eq!(get(at, "/v1/query?q=correlation:c7&until=1h").text, "");
    assert_eq!(get(at, "/v1/query?q=correlation:c7&since=1h").text.lines().count(), 1);
    assert!(get(at, "/v1/query?all=true&q=event:genesis").text.contains("genesis"));
    // No time at all is a partial answer.
    let late = get(at, "/v1/query?timeout=0");
    assert_eq!((late.status, late.header("auditdb-partial")), (206, Some("deadline")));
    for wrong in [
        "q=agent%3A(",
        "q=nothing:7",
        "since=soon",
        "order=up",
        "limit=-1",
        "cursor=%21",
        "more=1",
        "q=a&q=b",
    ] {
        let said = get(at, &format!("/v1/query?{wrong}"));
        assert_eq!(said.status, 400, "{wrong}: {}", said.text);
        assert!(!said.json()["error"].as_str().unwrap().is_empty());
    }
    server.end();
}

#[test]
fn it_says_how_it_is() {
    let server = running();
    let at = server.address;
    assert_eq!(get(at, "/v1/checkpoint").status, 404);
    send(at, "application/json", &decided("a"));
    send(at, "application/json", "7");
    auditdb::Database::join(server.dir.path().join("db"))
        .unwrap()
        .checkpoint()
        .unwrap();
    assert!(get(at, "/v1/checkpoint").text.starts_with("main/"));
    assert_eq!((get(at, "/healthz").status, get(at, "/readyz").status), (200, 200));
    let figures = get(at, "/metrics").text;
    for line in [
        "auditdb_http_requests_total{path=\"/v1/records\",status=\"200\"} 1",
        "auditdb_http_requests_total{path=\"/v1/records\",status=\"400\"} 1",
        "auditdb_records_taken_total 1",
        "auditdb_records_refused_total 1",
        "auditdb_writable 1",
        "auditdb_log_segments{log=\"main\"} 0",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} is not in {figures}");
    }
    let document = get(at, "/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 12, "{paths:?}");
    let schema = "/paths/~1v1~1records/post/requestBody/content/application~1json/schema/oneOf/0/$ref";
    assert_eq!(document.pointer(schema), Some(&json!("#/components/schemas/Record")));
    assert!(
        document
            .pointer("/components/schemas/Record/properties/agent")
            .is_some()
    );
    server.end();
}
