//! How long a command looks for its answer: as long as it is told to, or until Ctrl-C. What it has found by then it gives,
//! and says that it is not all.

use super::Stop;
use crate::query::Patience;
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What every command that looks for something takes.
#[derive(Debug, Args)]
pub(super) struct Waiting {
    /// Look no longer than that, as in 500ms, 5s, 2m: what was found by then is a partial answer (exit code 3).
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// What a shell makes of a program that ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

impl Waiting {
    /// From now on: until the time is up, or until Ctrl-C. The second Ctrl-C ends the program at once.
    pub(super) fn patience(&self) -> Result<Patience, Stop> {
        let patience = Patience::new().cancel(interrupted()?);
        let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(match until {
            Some(until) => patience.deadline(until),
            None => patience,
        })
    }
}

/// A flag that Ctrl-C sets. The second Ctrl-C ends the program at once.
pub(super) fn interrupted() -> Result<Arc<AtomicBool>, Stop> {
    let could_not = |error: std::io::Error| Stop::CouldNot(format!("minding Ctrl-C: {error}"));
    let enough = Arc::new(AtomicBool::new(false));
    // First, so that it finds the flag not yet set by the same Ctrl-C.
    flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&enough)).map_err(could_not)?;
    flag::register(SIGINT, Arc::clone(&enough)).map_err(could_not)?;
    Ok(enough)
}

/// The same, also by SIGTERM: for what goes on until somebody ends it.
pub(super) fn ended() -> Result<Arc<AtomicBool>, Stop> {
    let enough = interrupted()?;
    flag::register(SIGTERM, Arc::clone(&enough))
        .map_err(|error| Stop::CouldNot(format!("minding SIGTERM: {error}")))?;
    Ok(enough)
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = || {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let of_seconds = |seconds: u64| number.checked_mul(seconds).map(Duration::from_secs);
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => of_seconds(1),
            "m" => of_seconds(60),
            "h" => of_seconds(3_600),
            _ => None,
        }
    };
    read().ok_or_else(|| format!("{text:?} is no length of time; write a number with ms, s, m or h, as in 5s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("0s", 0),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in [
            "",
            "5",
            "s",
            "-5s",
            "5 s",
            "5d",
            "1.5s",
            "\u{665}s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
