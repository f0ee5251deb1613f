//! What a person asks, and about what.

use auditdb::{Counting, Database, Order, Per, Query, Zone};
use serde_json::Value;
use std::time::Instant;

/// What a question is about, out of one of the log's own records.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) correlation: String,
    pub(crate) agent: String,
    pub(crate) day: String,
    /// Two words that stand one behind the other.
    pub(crate) phrase: String,
}

/// A question, and how long it may take on a log of some ten thousand records.
pub(crate) struct Question {
    pub(crate) what: &'static str,
    pub(crate) ask: fn(&Database, &Asked) -> usize,
    pub(crate) goal: &'static str,
}

pub(crate) const ALL: [Question; 7] = [
    Question {
        what: "by id",
        ask: by_id,
        goal: "<= 500 us",
    },
    Question {
        what: "by correlation",
        ask: by_correlation,
        goal: "<= 2000 us",
    },
    Question {
        what: "agent and day, newest 100",
        ask: agent_and_day,
        goal: "<= 15000 us",
    },
    Question {
        what: "phrase, newest 20",
        ask: phrase,
        goal: "<= 5000 us",
    },
    Question {
        what: "phrase, count",
        ask: count_phrase,
        goal: ">= 2 x",
    },
    Question {
        what: "count by agent and hour",
        ask: count_agent_and_hour,
        goal: ">= 10 x",
    },
    Question {
        what: "a whole trace",
        ask: trace,
        goal: "<= 5000 us",
    },
];

pub(crate) fn by_id(db: &Database, asked: &Asked) -> usize {
    usize::from(db.get(asked.id.as_str()).is_ok())
}

pub(crate) fn by_correlation(db: &Database, asked: &Asked) -> usize {
    all(db, Query::new().correlation(&asked.correlation).order(Order::Oldest))
}

fn agent_and_day(db: &Database, asked: &Asked) -> usize {
    let day = Query::parse(&format!("time:{}", asked.day)).expect("it is a query");
    all(db, day.agent(&asked.agent).limit(100))
}

fn phrase(db: &Database, asked: &Asked) -> usize {
    all(db, Query::new().text(&asked.phrase).limit(20))
}

fn count_phrase(db: &Database, asked: &Asked) -> usize {
    let counting = Counting::new(Query::new().text(&asked.phrase));
    let matched = db.count(&counting).expect("it is there").reach.matched;
    usize::try_from(matched).unwrap_or(usize::MAX)
}

fn count_agent_and_hour(db: &Database, _: &Asked) -> usize {
    let counting = Counting::new(Query::new()).by("agent").expect("a name");
    let counting = counting.per(Per::Hour, Zone::utc());
    db.count(&counting).expect("it is there").rows.len()
}

fn trace(db: &Database, asked: &Asked) -> usize {
    let seed = db.query(&Query::new().correlation(&asked.correlation).limit(1));
    let seed = seed.expect("it is there").next().expect("one is there");
    let trace = db.trace(&[seed.expect("it can be read")]);
    trace.expect("it is there").steps.len()
}

fn all(db: &Database, query: Query) -> usize {
    db.query(&query).expect("it is there").count()
}

/// Questions about some records all over the log that belong to a chain.
pub(crate) fn spread(texts: &[String]) -> Vec<Asked> {
    let spread = (0..texts.len()).map(|place| &texts[place * 7_919 % texts.len()]);
    spread.filter_map(|text| about(text)).take(21).collect()
}

/// A question about that record, if it belongs to a chain.
pub(crate) fn about(text: &str) -> Option<Asked> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let at = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let mut words = String::new();
    strings(&value, &mut words);
    let long = words.lines().max_by_key(|line| line.len()).unwrap_or("none");
    let words: Vec<&str> = long
        .split_whitespace()
        .filter(|word| word.chars().all(char::is_alphanumeric))
        .collect();
    let two = words.windows(2).next().map(|two| two.join(" "));
    Some(Asked {
        correlation: at("/correlation")?,
        id: at("/id").unwrap_or_default(),
        agent: at("/agent/id").unwrap_or_default(),
        day: at("/time").map_or_else(|| "2026-01-05".to_owned(), |time| time[..10].to_owned()),
        phrase: two.unwrap_or_else(|| "the order".to_owned()),
    })
}

/// All strings of a record, a line each.
pub(crate) fn strings(value: &Value, into: &mut String) {
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

/// The median over all that is asked, in microseconds, after one that warms up.
pub(crate) fn median(asked: &[Asked], mut ask: impl FnMut(&Asked) -> usize) -> f64 {
    std::hint::black_box(ask(&asked[0]));
    let mut times: Vec<f64> = asked
        .iter()
        .map(|asked| {
            let started = Instant::now();
            std::hint::black_box(ask(asked));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
