//! The proxy around a server that is a process: a message a line, from standard input to it and from it to standard output.

use super::message::{is_readable, refusals, replaced};
use super::recorder::Recorder;
use super::tap::Tap;
use super::watch::Watch;
use parking_lot::Mutex;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A longer line is not looked at, in bytes.
const LINE: u64 = 64 << 20;

/// So long may the server take to end when nobody talks to it any more, and its last words to come.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether the server has ended, or is to.
const LOOK: Duration = Duration::from_millis(20);

/// How it went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// How the server ended.
    pub status: ExitStatus,
    /// Whether it was asked to, since the client hung up or the flag was set.
    pub asked: bool,
    /// The records that were lost.
    pub lost: u64,
}

/// Runs a server and stands between it and whoever talks to this process, until one of the two ends or the flag is set.
///
/// # Errors
/// The server cannot be started.
pub fn run(command: &mut Command, watch: Watch, recorder: Recorder, stop: &AtomicBool) -> io::Result<Ended> {
    // Ended with all that it started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(to_server), Some(from_server)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the server has no standard input and output"));
    };
    let between = Arc::new(Between {
        tap: Tap::new(watch, recorder),
        to_client: Mutex::new(io::stdout()),
    });
    let thread = |name: &str, work: Box<dyn FnOnce() + Send>| Builder::new().name(name.to_owned()).spawn(work);
    // Either may wait for a line for as long as this process is there: nobody waits for them without an end.
    let (of_client, of_server) = (Arc::clone(&between), Arc::clone(&between));
    let client = move || of_client.hear_client(BufReader::new(io::stdin()), to_server);
    let asking = thread("mcp-client", Box::new(client))?;
    let server = move || of_server.hear_server(BufReader::new(from_server));
    let answering = thread("mcp-server", Box::new(server))?;
    let (status, asked) = wait(&mut child, stop, &asking, &answering)?;
    let until = Instant::now() + GRACE;
    while !answering.is_finished() && Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
    }
    end(&child, true);
    let lost = between.tap.finish();
    Ok(Ended { status, asked, lost })
}

/// Waits for the server: by itself, or when it is told to end, since one side hung up or the flag is set.
fn wait(
    child: &mut Child,
    stop: &AtomicBool,
    asking: &JoinHandle<()>,
    answering: &JoinHandle<()>,
) -> io::Result<(ExitStatus, bool)> {
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, asked.is_some()));
        }
        let is_told = stop.load(Ordering::Relaxed);
        match asked {
            // Its input is closed then, which is how a client says so. A signal is meant for it as well.
            None if is_told || asking.is_finished() || answering.is_finished() => {
                if is_told {
                    end(child, false);
                }
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE => {
                end(child, true);
                child.kill()?;
            }
            _ => {}
        }
        std::thread::sleep(LOOK);
    }
}

/// Ends the server with all that it started, at once or by asking.
#[cfg(unix)]
fn end(child: &Child, at_once: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, if at_once { Signal::KILL } else { Signal::TERM });
    }
}

#[cfg(not(unix))]
fn end(_: &Child, _: bool) {}

struct Between {
    tap: Tap,
    to_client: Mutex<io::Stdout>,
}

/// What stands on a line.
enum Line {
    Whole(Vec<u8>),
    /// It is longer than is looked at, and was handed on, or not.
    Long,
}

impl Between {
    /// Hands on what the client says, until it hangs up or the server does.
    fn hear_client(&self, mut client: impl BufRead, mut server: impl Write) {
        while let Some(line) = self.next(&mut client, |bytes| server.write_all(bytes)) {
            let Line::Whole(line) = line else {
                if self.too_long("a message of the client's").is_err() {
                    return;
                }
                continue;
            };
            let text = String::from_utf8_lossy(&line);
            let done = match self.tap.asks("", &text) {
                Ok(_) => server.write_all(&line).and_then(|()| server.flush()),
                Err(answer) => self.say((answer + "\n").as_bytes()),
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Hands on what the server says, until it hangs up.
    fn hear_server(&self, mut server: impl BufRead) {
        while let Some(line) = self.next(&mut server, |bytes| self.say(bytes)) {
            let said = match line {
                Line::Long => self.too_long("a message of the server's"),
                Line::Whole(line) => {
                    let text = String::from_utf8_lossy(&line);
                    match self.answered(&text) {
                        Ok(()) => self.say(&line),
                        Err(instead) => self.say((instead + "\n").as_bytes()),
                    }
                }
            };
            if said.is_err() {
                return;
            }
        }
    }

    fn answered(&self, text: &str) -> Result<(), String> {
        if self.tap.is_closed() && !is_readable(text) {
            return Err(replaced(text, "it cannot be read"));
        }
        self.tap.answers("", text)
    }

    /// Records that something passed without a look, or says that it did not.
    fn too_long(&self, whose: &str) -> io::Result<()> {
        match self.tap.too_long("", whose) {
            Ok(()) => Ok(()),
            Err(why) => self.say((refusals(&[], false, &why) + "\n").as_bytes()),
        }
    }

    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        let mut client = self.to_client.lock();
        client.write_all(bytes)?;
        client.flush()
    }

    /// The next line with its end; `None` if there is none. One that is too long is handed on as it comes, if it may pass.
    fn next(&self, from: &mut impl BufRead, mut pass: impl FnMut(&[u8]) -> io::Result<()>) -> Option<Line> {
        let mut piece = || {
            let mut piece = Vec::new();
            from.by_ref().take(LINE).read_until(b'\n', &mut piece).ok()?;
            Some(piece)
        };
        let line = piece().filter(|line| !line.is_empty())?;
        if line.ends_with(b"\n") || (line.len() as u64) < LINE {
            return Some(Line::Whole(line));
        }
        let mut line = line;
        loop {
            if !self.tap.is_closed() {
                pass(&line).ok()?;
            }
            if line.is_empty() || line.ends_with(b"\n") {
                return Some(Line::Long);
            }
            line = piece()?;
        }
    }
}
