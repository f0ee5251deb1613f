//! Progress bars: on a terminal only, and only for work that lasts longer than a second.

use super::figures::{bytes, count};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Work that lasts longer shows how far it is.
const LONG: Duration = Duration::from_secs(1);

/// A bar that shows itself when the work turns out to be long.
pub(super) struct Progress {
    started: Instant,
    what: &'static str,
    bytes: bool,
    terminal: bool,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// For work measured in bytes or in records.
    pub(super) fn new(what: &'static str, bytes: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Progress {
            started: Instant::now(),
            what,
            bytes,
            terminal,
            bar: OnceLock::new(),
        }
    }

    /// So much of so much is done; a total of zero is an unknown one.
    pub(super) fn at(&self, done: u64, total: u64) {
        if !self.terminal || self.started.elapsed() < LONG {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let form = match (self.bytes, total) {
                (true, _) => "{prefix} [{bar:30}] {bytes}/{total_bytes} {msg}",
                (false, 0) => "{prefix} {human_pos} {msg}",
                (false, _) => "{prefix} [{bar:30}] {human_pos}/{human_len} {msg}",
            };
            bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(self.what);
            bar
        });
        // Over the whole time: the bar itself has only just begun to look.
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rate = done.saturating_mul(1_000) / milliseconds.max(1);
        bar.set_message(if self.bytes {
            format!("{}/s", bytes(rate))
        } else {
            format!("{}/s", count(rate))
        });
        bar.set_position(done);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// Does work that cannot say how far it is; a terminal shows that it goes on, and for how long already.
pub(super) fn waiting<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let (working, over) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The sender is dropped when the work is over.
            if over.recv_timeout(LONG) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(LONG);
            bar.set_style(
                ProgressStyle::with_template("{msg} {spinner} {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_message(what);
            while over.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                bar.tick();
            }
            bar.finish_and_clear();
        });
        let answer = work();
        drop(working);
        answer
    })
}
