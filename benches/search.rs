//! Finding as ratios to sqlite, in the same run, with the same texts: WAL, synchronous=FULL, the text and columns (id, agent,
//! time, correlation, kind, tool, outcome) with indices, and a contentless FTS5 table of all strings, 64 records a commit.
//!
//! `AUDITDB_CORPUS` names a JSON Lines file to use instead of the made-up workforce, `AUDITDB_BENCH_RECORDS` says how many
//! records (20,000).

mod corpus;

use auditdb::{Counting, Database, Order, Per, Query, Zone};
use corpus::corpus;
use rusqlite::{Connection, params};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

fn main() {
    let count = std::env::var("AUDITDB_BENCH_RECORDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(20_000);
    let texts = corpus(count);
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} records, {:.1} MB", texts.len(), bytes as f64 / 1e6);
    println!("| what | auditdb | sqlite | ratio | goal |\n|---|---|---|---|---|");
    let dir = tempfile::tempdir_in("target").expect("a directory for the bench");
    let (db, sqlite) = load(dir.path(), &texts);
    size(dir.path(), &db);
    ask(&db, &sqlite, &texts);
}

fn row(what: &str, ours: f64, unit: &str, sqlite: f64, ratio: f64, goal: &str) {
    println!("| {what} | {ours:.1} {unit} | {sqlite:.1} {unit} | {ratio:.2} | {goal} |");
}

/// Puts all records into both.
fn load(dir: &Path, texts: &[String]) -> (Database, Connection) {
    let mut sqlite = Connection::open(dir.join("sqlite")).expect("a fresh database");
    sqlite
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE r(seq INTEGER PRIMARY KEY, id TEXT, agent TEXT, time TEXT, correlation TEXT, kind TEXT, tool TEXT, outcome TEXT, t TEXT);
             CREATE UNIQUE INDEX r_id ON r(id); CREATE INDEX r_agent ON r(agent, time); CREATE INDEX r_corr ON r(correlation);
             CREATE INDEX r_kind ON r(kind); CREATE INDEX r_tool ON r(tool); CREATE INDEX r_outcome ON r(outcome);
             CREATE VIRTUAL TABLE f USING fts5(t, content='');",
        )
        .expect("it takes tables");
    let started = Instant::now();
    for (chunk, texts) in texts.chunks(64).enumerate() {
        let transaction = sqlite.transaction().expect("one at a time");
        for (place, text) in texts.iter().enumerate() {
            let value: Value = serde_json::from_str(text).expect("JSON");
            let at = |path: &str| value.pointer(path).and_then(Value::as_str);
            let seq = i64::try_from(chunk * 64 + place).expect("a small number");
            transaction
                .prepare_cached("INSERT INTO r VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)")
                .expect("the table is there")
                .execute(params![
                    seq,
                    at("/id"),
                    at("/agent/id"),
                    at("/time"),
                    at("/correlation"),
                    at("/kind"),
                    at("/tools/0/name"),
                    at("/outcome/status"),
                    text
                ])
                .expect("it takes a row");
            let mut words = String::new();
            strings(&value, &mut words);
            transaction
                .prepare_cached("INSERT INTO f(rowid, t) VALUES(?1, ?2)")
                .expect("the table is there")
                .execute(params![seq, words])
                .expect("it takes a row");
        }
        transaction.commit().expect("it becomes durable");
    }
    let theirs = texts.len() as f64 / started.elapsed().as_secs_f64();
    let db = Database::create(dir.join("auditdb")).expect("a fresh directory");
    let started = Instant::now();
    for texts in texts.chunks(64) {
        db.append_all_json(texts.iter().map(String::as_str)).expect("durable");
    }
    let acknowledged = texts.len() as f64 / started.elapsed().as_secs_f64();
    db.seal().expect("it seals");
    assert_eq!(db.wait_for_indexes(), None);
    let indexed = texts.len() as f64 / started.elapsed().as_secs_f64();
    row(
        "acknowledged, 64 a list",
        acknowledged,
        "/s",
        theirs,
        acknowledged / theirs,
        ">= 8",
    );
    row("sealed and indexed", indexed, "/s", theirs, indexed / theirs, ">= 2");
    sqlite
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("it is there");
    (db, sqlite)
}

fn strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(all) => all.iter().for_each(|one| strings(one, into)),
        Value::Object(all) => all.values().for_each(|one| strings(one, into)),
        _ => {}
    }
}

fn size(dir: &Path, db: &Database) {
    let log = db.path().join("logs/main");
    let all: u64 = ["segments", "index", "tree", "checkpoints"]
        .iter()
        .flat_map(|name| std::fs::read_dir(log.join(name)).into_iter().flatten().flatten())
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    let sqlite = std::fs::metadata(dir.join("sqlite")).map_or(0, |file| file.len());
    row(
        "segments, indexes, tree",
        all as f64 / 1e6,
        "MB",
        sqlite as f64 / 1e6,
        all as f64 / sqlite as f64,
        "<= 0.28",
    );
}

/// Median of some runs, in microseconds, after one that warms up.
fn median<T>(mut work: impl FnMut(usize) -> T) -> f64 {
    drop(work(0));
    let mut times: Vec<f64> = (0..21)
        .map(|run| {
            let started = Instant::now();
            drop(std::hint::black_box(work(run)));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn ask(db: &Database, sqlite: &Connection, texts: &[String]) {
    // Some that belong to a chain.
    let spread = (0..texts.len()).map(|i| &texts[i * 7_919 % texts.len()]);
    let parsed = spread.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let values: Vec<Value> = parsed
        .filter(|value| value.pointer("/correlation").is_some())
        .take(21)
        .collect();
    let at = |run: usize, path: &str| {
        values[run]
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned()
    };
    let phrase = |run: usize| {
        let mut words = String::new();
        strings(&values[run], &mut words);
        let long = words.lines().max_by_key(|line| line.len()).unwrap_or("none").to_owned();
        let words: Vec<&str> = long
            .split_whitespace()
            .filter(|word| word.chars().all(char::is_alphanumeric))
            .collect();
        words
            .windows(2)
            .next()
            .map_or_else(|| "the order".to_owned(), |two| two.join(" "))
    };
    let all = |query: Query| db.query(&query).expect("it is there").count();
    let rows = |sql: &str, given: &[&dyn rusqlite::ToSql]| -> usize {
        let mut statement = sqlite.prepare_cached(sql).expect("it is SQL");
        let texts = statement
            .query_map(given, |row| row.get::<_, String>(0))
            .expect("it is there");
        texts.count()
    };
    let compare = |what: &str, ours: f64, theirs: f64, goal: &str| row(what, ours, "us", theirs, theirs / ours, goal);
    let ours = median(|run| db.get(at(run, "/id").as_str()).is_ok());
    let theirs = median(|run| rows("SELECT t FROM r WHERE id = ?1", &[&at(run, "/id")]));
    compare("by id", ours, theirs, "<= 500 us");
    let ours = median(|run| all(Query::new().correlation(&at(run, "/correlation")).order(Order::Oldest)));
    let theirs = median(|run| rows("SELECT t FROM r WHERE correlation = ?1", &[&at(run, "/correlation")]));
    compare("by correlation", ours, theirs, "<= 2000 us");
    let day = |run: usize| at(run, "/time").get(..10).unwrap_or("2026-01-05").to_owned();
    let ours = median(|run| {
        let query = Query::parse(&format!("time:{}", day(run))).expect("it is a query");
        all(query.agent(&at(run, "/agent/id")).limit(100))
    });
    let theirs = median(|run| {
        let sql = "SELECT t FROM r WHERE agent = ?1 AND time >= ?2 AND time < ?2 || 'Z' ORDER BY time DESC LIMIT 100";
        rows(sql, &[&at(run, "/agent/id"), &day(run)])
    });
    compare("agent and day, newest 100", ours, theirs, "<= 15000 us");
    let ours = median(|run| all(Query::new().text(&phrase(run)).limit(20)));
    let quoted = |run: usize| format!("\"{}\"", phrase(run));
    let theirs = median(|run| {
        let sql = "SELECT r.t FROM f JOIN r ON r.seq = f.rowid WHERE f MATCH ?1 ORDER BY f.rowid DESC LIMIT 20";
        rows(sql, &[&quoted(run)])
    });
    compare("phrase, newest 20", ours, theirs, "<= 5000 us");
    let counted = |query: Query| db.count(&Counting::new(query)).expect("it is there").reach.matched;
    let ours = median(|run| counted(Query::new().text(&phrase(run))));
    let theirs = median(|run| rows("SELECT CAST(count(*) AS TEXT) FROM f WHERE f MATCH ?1", &[&quoted(run)]));
    compare("phrase, count", ours, theirs, ">= 2 x");
    let by_agent = Counting::new(Query::new())
        .by("agent")
        .expect("a name")
        .per(Per::Hour, Zone::utc());
    let ours = median(|_| db.count(&by_agent).expect("it is there").rows.len());
    let theirs = median(|_| {
        rows(
            "SELECT agent || substr(time, 1, 13) || count(*) FROM r GROUP BY agent, substr(time, 1, 13)",
            &[],
        )
    });
    compare("count by agent and hour", ours, theirs, ">= 10 x");
    let ours = median(|run| {
        let seed = db
            .query(&Query::new().correlation(&at(run, "/correlation")).limit(1))
            .expect("it is there")
            .next();
        db.trace(&[seed.expect("one is there").expect("it can be read")])
            .expect("it is there")
            .steps
            .len()
    });
    println!("| a whole trace | {ours:.1} us | | | <= 5000 us |");
}
