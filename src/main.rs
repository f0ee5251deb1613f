//! The `auditdb` binary; everything it does is in `auditdb::cli`.

fn main() -> std::process::ExitCode {
    auditdb::cli::run()
}
