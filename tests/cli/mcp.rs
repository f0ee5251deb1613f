//! The proxy between a client and a server of MCP, and tokens.

use super::{err, expect, out};
use serde_json::{Value, json};

/// A server that answers every request with the same.
const SERVER: &str = r#"while read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
    [ -z "$id" ] || printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"done"}]}}\n' "$id"
done"#;

fn call(id: u32) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "pay", "arguments": {"amount": id}}})
        .to_string()
        + "\n"
}

#[test]
fn calls_are_recorded_in_passing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let asked: String = (1..=20).map(call).collect();
    let through = [
        "mcp-proxy",
        "db",
        "--agent",
        "refunds",
        "--system",
        "bank",
        "--session",
        "s",
        "--",
        "sh",
        "-c",
        SERVER,
    ];
    let said = out(&expect(dir, &through, &asked, 0));
    assert_eq!(said.lines().count(), 20);
    let found = out(&expect(
        dir,
        &[
            "query",
            "db",
            "agent:refunds system:bank session:s",
            "--json",
            "--order",
            "oldest",
        ],
        "",
        0,
    ));
    let amounts: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["tools"][0]["parameters"]["amount"].clone())
        .collect();
    assert_eq!(amounts, (1..=20).map(|id| json!(id)).collect::<Vec<_>>());
    // At once as well, and in another log by name.
    let at_once = [
        "mcp-proxy",
        "db",
        "--log",
        "main",
        "--answer",
        "at-once",
        "--",
        "sh",
        "-c",
        SERVER,
    ];
    expect(dir, &at_once, &asked, 0);
    assert_eq!(
        out(&expect(dir, &["query", "db", "agent:mcp-client", "--json"], "", 0))
            .lines()
            .count(),
        20
    );
    expect(dir, &["verify", "db"], "", 0);
}

/// Byte for byte, whatever it is.
#[test]
fn what_it_does_not_know_passes_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let said = "{ \"jsonrpc\" : \"2.0\",\t\"method\":\"x/unknown\", \"big\": 12345678901234567890123 }\r\nno JSON\n\n{\"id\":1,\"id\":2}\n{\"a\":\"\\ud800\"}\nlast";
    let passed = out(&expect(dir, &["mcp-proxy", "db", "--", "cat"], said, 0));
    assert_eq!(passed, said);
    // A request of the server's own, such as for a model, is none of the client's.
    let request = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n";
    let server = format!("printf '%s\\n' '{}'; cat > /dev/null", request.trim());
    let passed = out(&expect(dir, &["mcp-proxy", "db", "--", "sh", "-c", &server], "", 0));
    assert_eq!(passed, request);
}

#[test]
fn trouble_is_said_and_the_way_stays_open_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(
        dir,
        &["mcp-proxy", "db", "--when-log-fails", "closed", "--", "cat"],
        "",
        2,
    );
    let output = expect(dir, &["mcp-proxy", "db", "--", "sh", "-c", SERVER], &call(1), 3);
    assert_eq!(out(&output).lines().count(), 1);
    assert!(err(&output).contains("1 records were lost"), "{}", err(&output));
    expect(dir, &["init", "db"], "", 0);
    for (arguments, code) in [
        (&["mcp-proxy", "db"][..], 2),
        (&["mcp-proxy", "db", "--", "/no/such/server"], 2),
        (&["mcp-proxy", "db", "--url", "ftp://x"], 2),
        (
            &[
                "mcp-proxy",
                "db",
                "--url",
                "http://127.0.0.1:1/mcp",
                "--listen",
                "0.0.0.0:0",
            ],
            2,
        ),
        (&["mcp-proxy", "db", "--", "sh", "-c", "exit 7"], 1),
    ] {
        expect(dir, arguments, "", code);
    }
    // A server that does not end when nobody talks to it any more is ended.
    expect(dir, &["mcp-proxy", "db", "--", "sh", "-c", "exec sleep 100"], "", 0);
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    expect(dir, &["init", "db"], "", 0);
    let secret = out(&expect(
        dir,
        &[
            "token",
            "create",
            "db",
            "--id",
            "ci",
            "--agent",
            "refunds",
            "--for-log",
            "main",
        ],
        "",
        0,
    ));
    let digits = secret.trim().strip_prefix("auditdb_").unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let made: Value = serde_json::from_str(&out(&expect(
        dir,
        &[
            "token",
            "create",
            "db",
            "--scope",
            "read",
            "--expires",
            "never",
            "--json",
        ],
        "",
        0,
    )))
    .unwrap();
    assert!(made["expires"].is_null());
    let listed = out(&expect(dir, &["token", "list", "db"], "", 0));
    assert!(
        listed.contains("ci: write, only agents refunds, only logs main, until 20"),
        "{listed}"
    );
    assert!(
        listed.contains(": read, without an end") && !listed.contains(digits),
        "{listed}"
    );
    expect(dir, &["token", "revoke", "db", "ci"], "", 0);
    assert!(out(&expect(dir, &["token", "list", "db"], "", 0)).contains("revoked 20"));
    for (arguments, code) in [
        (&["token", "create", "db", "--id", "ci"][..], 2),
        (&["token", "create", "db", "--id", "a/b"], 2),
        (&["token", "create", "db", "--expires", "yesterday"], 2),
        (&["token", "revoke", "db", "ci"], 0),
        (&["token", "revoke", "db", "none"], 1),
        (&["token", "list", "nowhere"], 2),
    ] {
        expect(dir, arguments, "", code);
    }
    expect(dir, &["verify", "db"], "", 0);
}
