//! How fast agents' spans become records: the mapping alone, without a disk, and from the request to the durable record, as a
//! ratio to appending the same records from within. And whether a steady load is taken in whole.
//!
//! `AUDITDB_BENCH_SPANS` says how many spans (40,000), `AUDITDB_BENCH_SECONDS` how long the steady load is (60).

mod timing;

use auditdb::Database;
use auditdb::ingest::otlp::{Encoding, Made, Mapper, Signal};
use auditdb::server::Server;
use serde_json::{Value, json};
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use timing::{median, timed};

/// So many spans an SDK sends at once, by default.
const BATCH: usize = 512;

/// A second's spans under a steady load.
const RATE: usize = 2_000;

fn main() {
    if let Some(path) = std::env::var_os(SERVE) {
        return serve(Path::new(&path));
    }
    let number = |name: &str, otherwise: usize| {
        let said = std::env::var(name).ok().and_then(|text| text.parse().ok());
        said.unwrap_or(otherwise)
    };
    let spans: Vec<Value> = (0..number("AUDITDB_BENCH_SPANS", 40_000)).map(span).collect();
    let texts: Vec<String> = spans.chunks(BATCH).map(request).collect();
    let bytes: Vec<Vec<u8>> = spans.chunks(BATCH).map(binary).collect();
    println!("| what | auditdb | baseline | ratio | goal |\n|---|---|---|---|---|");
    let (mut of_text, mut of_bytes, mut parsed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        of_text.push(timed(|| {
            map(texts.iter().map(String::as_bytes), Encoding::Json, |_| {})
        }));
        of_bytes.push(timed(|| {
            map(bytes.iter().map(Vec::as_slice), Encoding::Protobuf, |_| {})
        }));
        parsed.push(timed(|| {
            for text in &texts {
                let value: Value = serde_json::from_str(text).expect("it is JSON");
                std::hint::black_box(value);
            }
        }));
    }
    let parsed = median(parsed);
    for (name, took) in [("protobuf", median(of_bytes)), ("JSON", median(of_text))] {
        println!(
            "| mapping spans in {name} | {:.0}/s on one core | reading them as JSON {:.0}/s | {:.2} | >= 30000/s |",
            rate(spans.len(), took),
            rate(spans.len(), parsed),
            parsed.as_secs_f64() / took.as_secs_f64()
        );
    }
    for clients in [1, 4] {
        end_to_end(&bytes, spans.len(), clients);
    }
    steady(number("AUDITDB_BENCH_SECONDS", 60));
}

/// From the request to the durable record, by so many clients at once, each of which waits for its answer; the same records
/// are appended from within by as many threads.
fn end_to_end(bodies: &[Vec<u8>], spans: usize, clients: usize) {
    let mut records: Vec<Vec<String>> = Vec::new();
    map(bodies.iter().map(Vec::as_slice), Encoding::Protobuf, |made| {
        records.push(made.iter().map(|made| made.text().to_owned()).collect());
    });
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let (mut within, mut through) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let db = Database::create(dir.path().join(format!("within-{round}"))).expect("a fresh directory");
        within.push(timed(|| {
            shared(&records, clients, |batches| {
                for batch in batches {
                    db.append_all_json(batch.iter().map(String::as_str)).expect("durable");
                }
            });
        }));
        let path = dir.path().join(format!("through-{round}"));
        let serving = Serving::start(&path);
        through.push(timed(|| {
            shared(bodies, clients, |bodies| {
                let client = client();
                for body in bodies {
                    send(&serving.url, &client, body);
                }
            });
        }));
        serving.end();
        assert_eq!(callers_records(&path), spans as u64);
    }
    let (within, through) = (median(within), median(through));
    println!(
        "| spans by HTTP, durable, {BATCH} at once, {clients} at a time | {:.0}/s | append_all of the same records {:.0}/s | {:.2} | >= 0.5 |",
        rate(spans, through),
        rate(spans, within),
        within.as_secs_f64() / through.as_secs_f64()
    );
}

/// Has so many threads work on a share each.
fn shared<T: Sync>(all: &[T], threads: usize, work: impl Fn(&[T]) + Sync) {
    std::thread::scope(|scope| {
        for share in all.chunks(all.len().div_ceil(threads)) {
            scope.spawn(|| work(share));
        }
    });
}

/// A steady load from four clients, for so many seconds, on a server in a process of its own, so that its memory shows.
fn steady(seconds: usize) {
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let path = dir.path().join("db");
    let mut server = std::process::Command::new(std::env::current_exe().expect("it runs"))
        .env(SERVE, &path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut url = String::new();
    let said = server.stdout.take().expect("it is piped");
    std::io::BufReader::new(said)
        .read_line(&mut url)
        .expect("it says where it is");
    let (url, pid, begun) = (url.trim(), server.id(), Instant::now());
    let (mut took, early) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                scope.spawn(move || {
                    let client = client();
                    let mut took = Vec::new();
                    for round in 0..seconds * 10 {
                        let due = begun + Duration::from_millis(100) * u32::try_from(round).expect("not so long");
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let first = (round * 4 + sender) * (RATE / 40);
                        let spans: Vec<Value> = (first..first + RATE / 40).map(span).collect();
                        let body = binary(&spans);
                        took.push(timed(|| send(url, &client, &body)));
                    }
                    took
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(seconds as u64) / 4);
        let early = memory(pid);
        let took: Vec<Duration> = senders
            .into_iter()
            .flat_map(|sender| sender.join().expect("it ends"))
            .collect();
        (took, early)
    });
    let (elapsed, late, sent) = (begun.elapsed(), memory(pid), seconds * RATE);
    drop(server.stdin.take());
    assert!(server.wait().expect("it ends").success());
    let there = callers_records(&path);
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    println!(
        "| a steady load for {seconds} s | {:.0}/s, p99 of a request {:.1} ms | {} of {sent} spans lost, the server's memory {early:.0} MB after a quarter, {late:.0} MB at the end | {:.2} | 2000/s, none |",
        rate(sent, elapsed),
        p99.as_secs_f64() * 1e3,
        sent as u64 - there,
        rate(sent, elapsed) / RATE as f64
    );
    assert_eq!(there, sent as u64);
}

/// Where a process of this bench serves, if it is to do only that.
const SERVE: &str = "AUDITDB_BENCH_SERVE";

/// Serves until there is nobody any more who would read what it says.
fn serve(path: &Path) {
    let serving = Serving::start(path);
    println!("{}", serving.url);
    std::io::stdin().read_to_end(&mut Vec::new()).expect("it is piped");
    serving.end();
}

/// A server, and its database.
struct Serving {
    url: String,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Serving {
    fn start(path: &Path) -> Self {
        let db = Database::create(path).expect("a fresh directory");
        let server = Server::bind(db, "127.0.0.1:0".parse().expect("an address")).expect("it listens");
        let (address, stop) = (server.address().expect("it has one"), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stop);
        Serving {
            url: format!("http://{address}/v1/traces"),
            stop,
            thread: std::thread::spawn(move || _ = server.run(&told).expect("it serves")),
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends");
    }
}

fn send(url: &str, client: &ureq::Agent, body: &[u8]) {
    let request = client.post(url).header("content-type", "application/x-protobuf");
    let mut response = request.send(body).expect("it is taken");
    let said = response.body_mut().read_to_vec().expect("it answers");
    assert!(said.is_empty(), "nothing is refused");
}

/// How many callers' records there are.
fn callers_records(path: &Path) -> u64 {
    let db = Database::open_read_only(path).expect("it is there");
    let records = db.records(..).expect("it is read");
    let is_a_callers = |entry: &auditdb::Entry| !entry.is_of_the_log() && entry.kind() != "definition";
    records.filter(|entry| entry.as_ref().is_ok_and(is_a_callers)).count() as u64
}

fn client() -> ureq::Agent {
    ureq::Agent::new_with_defaults()
}

/// Maps requests, and hands on the records of each.
fn map<'a>(bodies: impl Iterator<Item = &'a [u8]>, encoding: Encoding, mut records: impl FnMut(&[Made])) {
    let mapper = Mapper::new();
    for body in bodies {
        let mapped = mapper.records(body, encoding, Signal::Traces).expect("it is a request");
        assert!(mapped.refused.is_empty());
        records(&mapped.records);
    }
}

/// A model call or a tool, of some hundred traces at once, as pydantic-ai sends them.
fn span(number: usize) -> Value {
    let text = |key: &str, value: String| json!({"key": key, "value": {"stringValue": value}});
    let trace = number / 20;
    let parent = if number.is_multiple_of(20) {
        String::new()
    } else {
        format!("{:016x}", trace * 20 + 1)
    };
    let mut attributes = vec![
        text("gen_ai.agent.name", format!("agent-{}", trace % 7)),
        text("gen_ai.conversation.id", format!("conversation-{trace}")),
    ];
    let (name, more) = if number.is_multiple_of(2) {
        let asked = json!([{"role": "user", "parts": [{"type": "text", "content": format!("Where is my order {number}? It was to be here on Friday.")}]}]);
        let said = json!([{"role": "assistant", "parts": [{"type": "thinking", "content": "The order has to be looked up."},
            {"type": "tool_call", "id": format!("call-{number}"), "name": "lookup_order", "arguments": {"order_id": number}}], "finish_reason": "tool_call"}]);
        let more = vec![
            text("gen_ai.operation.name", "chat".to_owned()),
            text("gen_ai.request.model", "model-1".to_owned()),
            text("gen_ai.input.messages", asked.to_string()),
            text("gen_ai.output.messages", said.to_string()),
            json!({"key": "gen_ai.usage.input_tokens", "value": {"intValue": 512}}),
            json!({"key": "gen_ai.usage.output_tokens", "value": {"intValue": 64}}),
        ];
        ("chat model-1", more)
    } else {
        let result = json!({"order_id": number, "status": "shipped", "carrier": "post", "total": 12.5});
        let more = vec![
            text("gen_ai.operation.name", "execute_tool".to_owned()),
            text("gen_ai.tool.name", "lookup_order".to_owned()),
            text("gen_ai.tool.call.id", format!("call-{}", number - 1)),
            text("gen_ai.tool.call.arguments", json!({"order_id": number}).to_string()),
            text("gen_ai.tool.call.result", result.to_string()),
        ];
        ("execute_tool lookup_order", more)
    };
    attributes.extend(more);
    json!({"traceId": format!("{:032x}", trace + 1), "spanId": format!("{:016x}", number + 1), "parentSpanId": parent, "name": name, "kind": 3,
        "startTimeUnixNano": (1_790_000_000_000_000_000 + number * 1_000_000).to_string(),
        "endTimeUnixNano": (1_790_000_000_250_000_000 + number * 1_000_000).to_string(), "attributes": attributes})
}

fn request(spans: &[Value]) -> String {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

/// The same in protobuf (opentelemetry/proto/trace/v1/trace.proto).
fn binary(spans: &[Value]) -> Vec<u8> {
    let spans: Vec<u8> = spans.iter().flat_map(|span| field(2, &binary_span(span))).collect();
    field(1, &field(2, &spans))
}

fn binary_span(span: &Value) -> Vec<u8> {
    let text = |name: &str| span[name].as_str().expect("a text").to_owned();
    let hex = |name: &str| {
        let digits = text(name);
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
        (0..digits.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    };
    let time = |number: u64, name: &str| {
        let nanoseconds: u64 = text(name).parse().expect("a number");
        [varint(number << 3 | 1), nanoseconds.to_le_bytes().to_vec()].concat()
    };
    let mut out = [
        field(1, &hex("traceId")),
        field(2, &hex("spanId")),
        field(4, &hex("parentSpanId")),
        field(5, text("name").as_bytes()),
        [varint(6 << 3), varint(3)].concat(),
        time(7, "startTimeUnixNano"),
        time(8, "endTimeUnixNano"),
    ]
    .concat();
    for attribute in span["attributes"].as_array().expect("a list") {
        let value = match &attribute["value"]["stringValue"] {
            Value::String(text) => field(1, text.as_bytes()),
            _ => {
                let number = attribute["value"]["intValue"].as_u64().expect("a number");
                [varint(3 << 3), varint(number)].concat()
            }
        };
        let key = attribute["key"].as_str().expect("a text");
        out.extend(field(9, &[field(1, key.as_bytes()), field(2, &value)].concat()));
    }
    out
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What a process has in memory beside the pages of files, in MB.
fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0);
    kib / 1024.0
}
