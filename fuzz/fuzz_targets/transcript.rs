//! See `tests/oracle/transcript.rs`, whose checks ordinary tests run too.
#![no_main]

#[path = "../../tests/oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::transcript::session(data));
