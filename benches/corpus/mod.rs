//! The texts that a bench works on.

use auditdb::workforce::Workforce;

/// So many records, out of the JSON Lines file that `AUDITDB_CORPUS` names or of the made-up workforce.
pub(crate) fn corpus(count: usize) -> Vec<String> {
    match std::env::var_os("AUDITDB_CORPUS") {
        Some(path) => {
            let text = std::fs::read_to_string(path).expect("the corpus can be read");
            text.lines().take(count).map(str::to_owned).collect()
        }
        None => Workforce::new(1, 1_767_571_200_000_000_000)
            .take(count)
            .map(|entry| entry.json)
            .collect(),
    }
}
