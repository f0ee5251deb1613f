//! The same in sqlite: WAL, synchronous=FULL, the text and columns (id, agent, time, correlation, kind, tool, outcome) with
//! indices, and a contentless FTS5 table of all strings, 64 records a commit.

use super::questions::{Asked, strings};
use rusqlite::{Connection, ToSql, params};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    /// A database of these records.
    pub(crate) fn load(path: &Path, texts: &[String]) -> Self {
        let mut connection = Connection::open(path).expect("a fresh database");
        connection
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
                 CREATE TABLE r(seq INTEGER PRIMARY KEY, id TEXT, agent TEXT, time TEXT, correlation TEXT, kind TEXT, tool TEXT, outcome TEXT, t TEXT);
                 CREATE UNIQUE INDEX r_id ON r(id); CREATE INDEX r_agent ON r(agent, time); CREATE INDEX r_corr ON r(correlation);
                 CREATE INDEX r_kind ON r(kind); CREATE INDEX r_tool ON r(tool); CREATE INDEX r_outcome ON r(outcome);
                 CREATE VIRTUAL TABLE f USING fts5(t, content='');",
            )
            .expect("it takes tables");
        for (chunk, texts) in texts.chunks(64).enumerate() {
            let transaction = connection.transaction().expect("one at a time");
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
        let path = path.to_owned();
        Sqlite { connection, path }
    }

    /// How large it is, without its journal.
    pub(crate) fn bytes(&self) -> u64 {
        self.connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .expect("it is there");
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn rows(&self, sql: &str, given: &[&dyn ToSql]) -> usize {
        let mut statement = self.connection.prepare_cached(sql).expect("it is SQL");
        let texts = statement
            .query_map(given, |row| row.get::<_, String>(0))
            .expect("it is there");
        texts.count()
    }
}

type Answer = fn(&Sqlite, &Asked) -> usize;

/// How sqlite answers that question, if it can.
pub(crate) fn answer(what: &str) -> Option<Answer> {
    Some(match what {
        "by id" => |sqlite, asked| sqlite.rows("SELECT t FROM r WHERE id = ?1", &[&asked.id]),
        "by correlation" => {
            |sqlite, asked| sqlite.rows("SELECT t FROM r WHERE correlation = ?1", &[&asked.correlation])
        }
        "agent and day, newest 100" => |sqlite, asked| {
            let sql =
                "SELECT t FROM r WHERE agent = ?1 AND time >= ?2 AND time < ?2 || 'Z' ORDER BY time DESC LIMIT 100";
            sqlite.rows(sql, &[&asked.agent, &asked.day])
        },
        "phrase, newest 20" => |sqlite, asked| {
            let sql = "SELECT r.t FROM f JOIN r ON r.seq = f.rowid WHERE f MATCH ?1 ORDER BY f.rowid DESC LIMIT 20";
            sqlite.rows(sql, &[&quoted(asked)])
        },
        "phrase, count" => |sqlite, asked| {
            let sql = "SELECT CAST(count(*) AS TEXT) FROM f WHERE f MATCH ?1";
            sqlite.rows(sql, &[&quoted(asked)])
        },
        "count by agent and hour" => |sqlite, _| {
            let sql = "SELECT agent || substr(time, 1, 13) || count(*) FROM r GROUP BY agent, substr(time, 1, 13)";
            sqlite.rows(sql, &[])
        },
        _ => return None,
    })
}

fn quoted(asked: &Asked) -> String {
    format!("\"{}\"", asked.phrase)
}
