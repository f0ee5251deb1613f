//! The fuzzers' checks on a few thousand seeded inputs, so that they run everywhere.

mod oracle;

#[cfg(feature = "otlp")]
use oracle::otlp;
use oracle::{c2sp, hostile, transcript};

/// Bytes from a seed (splitmix64, Steele et al. 2014).
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn each(count: u64, len: usize, check: fn(&[u8])) {
    for seed in 0..count {
        let data = bytes(seed, 1 + (seed as usize * 7) % len);
        if std::panic::catch_unwind(|| check(&data)).is_err() {
            panic!("seed {seed}: {data:?}");
        }
    }
}

#[test]
fn journals() {
    each(600, 60, hostile::journal);
}

#[test]
fn segments() {
    each(600, 60, hostile::segment);
}

#[cfg(feature = "search")]
#[test]
fn indexes() {
    each(300, 60, hostile::index);
}

#[test]
fn directories() {
    each(400, 200, hostile::directory);
}

#[test]
fn c2sp_texts() {
    each(20_000, 40, c2sp::text);
}

#[test]
fn random_operations_with_crashes() {
    each(150, 40, hostile::model);
}

#[test]
fn texts() {
    let record = r#"{"agent":{"id":"a"},"kind":"k","n":[1.5e3,"\u00e4",{"b":null}],"time":"2026-11-24T15:40:10Z"}"#;
    hostile::record_text(record.as_bytes());
    for seed in 0..2_000 {
        let mut text = record.as_bytes().to_vec();
        for change in bytes(seed, 4).chunks(2) {
            let place = usize::from(change[0]) % text.len();
            text[place] = change[1] & 0x7F;
        }
        hostile::record_text(&text);
    }
}

#[test]
fn queries() {
    let pieces = [
        "agent:",
        "cost:",
        "time:",
        "attributes.a:",
        "value:",
        "outcome:",
        " ",
        " AND ",
        " OR ",
        "NOT ",
        "IN [",
        "TO",
        "(",
        ")",
        "[",
        "]",
        "}",
        "\"",
        "*",
        "-",
        ">",
        "\\",
        "refunds",
        "failure",
        "-7.5",
        "2026-11-24",
        "apology",
        "退款",
        "\u{1b}",
    ];
    for seed in 0..3_000 {
        let text: String = bytes(seed, 14)
            .iter()
            .map(|byte| pieces[usize::from(*byte) % pieces.len()])
            .collect();
        hostile::query_text(text.as_bytes());
    }
    each(2_000, 40, hostile::query_text);
}

/// Files put together from what a policy may hold, and from what it may not.
fn policy(data: &[u8]) {
    const PIECES: [&str; 20] = [
        "regions = [\"eu\", \"us\"]\n",
        "[log.main]\n",
        "[log.eu-health]\n",
        "class = \"health\"\n",
        "class = \"own\"\n",
        "region = \"eu\"\n",
        "[class.own]\n",
        "keep = 3\n",
        "law = \"eu-ai-act\"\n",
        "buffer = 7\ndelete_by = 9\n",
        "[[route]]\n",
        "agent = [\"a*\", \"\u{e9}\"]\n",
        "country = \"*\"\n",
        "log = \"eu-health\"\n",
        "[tools.t]\n",
        "system = \"s\"\noperation = \"read\"\nresource = \"/x\"\n",
        "log = \n",
        "[[log]]\n",
        "retain_every = 0x18\n",
        "# \"\"\"\n",
    ];
    const RECORDS: [&str; 4] = [
        r#"{"agent":{"id":"ab"},"kind":"decision","region":"us"}"#,
        r#"{"agent":{"id":"é"},"kind":"message","class":"own","region":"eu"}"#,
        r#"{"agent":{"id":"c"},"kind":"tool_call","tools":[{"name":"t","parameters":{"x":1}}],"attributes":{"subject_country":"DE"}}"#,
        r#"{"class":"/etc","agent":{"id":"a"},"kind":"x","region":"..","tools":7}"#,
    ];
    let record = RECORDS[usize::from(data[0]) % RECORDS.len()];
    let file: String = data[1..]
        .iter()
        .map(|byte| PIECES[usize::from(*byte) % PIECES.len()])
        .collect();
    hostile::policy(&[file.as_bytes(), b"\0", record.as_bytes()].concat());
}

#[test]
fn policies() {
    each(600, 12, policy);
    each(200, 60, hostile::policy);
    hostile::policy(b"[log.eu-health]\nclass = \"health\"\nregion = \"eu\"\n\0{\"agent\":{\"id\":\"a\"},\"kind\":\"x\",\"class\":\"health\",\"region\":\"eu\"}");
}

#[cfg(feature = "otlp")]
#[test]
fn export_requests() {
    each(2_000, 120, otlp::request);
}

#[test]
fn transcripts() {
    each(1_500, 120, transcript::session);
}
