//! The proxy before a server of MCP over HTTP.

use super::api::{Answer, client, read};
use auditdb::Database;
use auditdb::ingest::mcp::{Names, Passing, Recorder, Trouble, Watch};
use auditdb::server::McpProxy;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server that answers calls by what the tool is called.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut out = stream;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let result = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": []}}).to_string();
        let answer = |status: &str, kind: &str, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{more}\r\n{body}",
                body.len()
            )
        };
        let answer = match asked["params"]["name"].as_str() {
            _ if path != "/server" => answer("200 OK", "text/plain", "", &path),
            Some("stream") => {
                let events = format!(
                    ": hello\r\n\r\nevent: message\r\ndata: {{\"method\":\"notifications/progress\"}}\r\n\r\nevent: message\r\ndata: {result}\r\n\r\n"
                );
                answer("200 OK", "Text/Event-Stream", "", &events)
            }
            Some("redirect") => answer(
                "307 Temporary Redirect",
                "text/plain",
                &format!("location: http://{}/server/\r\n", out.local_addr().ok()?),
                "",
            ),
            Some("broken") => answer("500 Internal Server Error", "text/plain", "", "oops"),
            _ => answer(
                "200 OK",
                "application/json",
                "mcp-session-id: s-1\r\nx-own: kept\r\n",
                &result,
            ),
        };
        out.write_all(answer.as_bytes()).ok()?;
    }
}

/// A proxy before that server, until it is told to stop.
struct Proxied {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
    dir: tempfile::TempDir,
}

fn proxied(trouble: Trouble) -> Proxied {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::create(&path).unwrap());
    let recorder = Recorder::start(&path, auditdb::Options::default(), (Passing::Recorded, trouble), |_| {}).unwrap();
    let watch = Watch::new(Names::default(), "run".to_owned());
    let url = format!("http://{}/server", upstream());
    let proxy = McpProxy::bind("127.0.0.1:0".parse().unwrap(), &url, watch, recorder).unwrap();
    let (address, stop) = (proxy.address().unwrap(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&stop);
    Proxied {
        address,
        stop,
        thread: std::thread::spawn(move || proxy.run(&told).unwrap()),
        dir,
    }
}

impl Proxied {
    fn post(&self, path: &str, body: &str) -> Answer {
        let request = client().post(format!("http://{}{path}", self.address));
        read(request.header("content-type", "application/json").send(body).unwrap())
    }

    fn call(&self, id: u32, tool: &str) -> Answer {
        self.post(
            "/mcp",
            &json!({"id": id, "method": "tools/call", "params": {"name": tool}}).to_string(),
        )
    }

    /// Stops it; gives what is recorded: the tool or else the input, how it ended, and the session.
    fn end(self) -> Vec<(String, String, String)> {
        self.stop.store(true, Ordering::Relaxed);
        assert_eq!(self.thread.join().unwrap(), 0);
        let db = Database::open_read_only(self.dir.path().join("db")).unwrap();
        let records = db.records(..).unwrap().map(Result::unwrap);
        let callers = records.filter(|entry| !entry.is_of_the_log());
        let said = |entry: auditdb::Entry| {
            let record: Value = serde_json::from_str(entry.text()).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let what = record["tools"][0]["name"].as_str().or(record["input"]["text"].as_str());
            (
                what.unwrap_or_default().to_owned(),
                text(&record["outcome"]["status"]),
                text(&record["session"]),
            )
        };
        callers.map(said).collect()
    }
}

#[test]
fn answers_of_every_form_are_handed_on_and_recorded() {
    let proxy = proxied(Trouble::Open);
    let plain = proxy.call(1, "plain");
    assert_eq!(
        (plain.status, &plain.json()["id"], plain.header("x-own")),
        (200, &json!(1), Some("kept"))
    );
    let stream = proxy.call(2, "stream");
    assert_eq!(stream.text.matches("\r\n\r\n").count(), 3);
    assert!(stream.text.contains("\"id\":2"), "{}", stream.text);
    assert_eq!(proxy.call(3, "broken").text, "oops");
    // A redirect of the server's leads to the proxy again, and what is beside the server passes as it is.
    let redirect = client_without_redirects().post(format!("http://{}/mcp", proxy.address));
    let asked = json!({"id": 4, "method": "tools/call", "params": {"name": "redirect"}}).to_string();
    let answer = read(
        redirect
            .header("content-type", "application/json")
            .send(&asked)
            .unwrap(),
    );
    assert_eq!((answer.status, answer.header("location")), (307, Some("/server/")));
    assert_eq!(proxy.post("/token?a=1", "client_secret=x").text, "/token?a=1");
    for (host, status) in [("127.0.0.1.evil.example", 403), ("localhost", 200)] {
        let request = client()
            .post(format!("http://{}/token", proxy.address))
            .header("host", host);
        assert_eq!(read(request.send("x").unwrap()).status, status, "{host}");
    }
    let (plain, none) = ("s-1".to_owned(), "run".to_owned());
    let expected = [
        ("plain", "success", &plain),
        ("stream", "success", &none),
        ("broken", "failure", &none),
        ("redirect", "failure", &none),
    ];
    let expected = expected.map(|(tool, status, session)| (tool.to_owned(), status.to_owned(), session.clone()));
    assert_eq!(proxy.end(), expected);
}

#[test]
fn where_nothing_passes_unrecorded_what_cannot_be_read_does_not() {
    let proxy = proxied(Trouble::Closed);
    for unclear in [
        "{\"id\":1,\"id\":2,\"method\":\"tools/call\"}",
        "no JSON",
        "{\"method\":\"tools/call\",\"params\":{\"name\":\"plain\"}}",
    ] {
        let said = proxy.post("/mcp", unclear).json();
        assert_eq!(said["error"]["code"], -32000, "{unclear}");
    }
    assert_eq!(proxy.call(1, "plain").status, 200);
    let recorded = proxy.end();
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    let proxy = proxied(Trouble::Open);
    assert_eq!(proxy.post("/mcp", "no JSON").status, 200);
    assert_eq!(proxy.end(), [("no JSON".to_owned(), String::new(), "run".to_owned())]);
}

fn client_without_redirects() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.max_redirects(0).max_redirects_will_error(false).build().into()
}
