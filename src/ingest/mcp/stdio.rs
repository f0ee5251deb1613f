//! The proxy around a server that is a process: a message a line, from standard input to it and from it to standard output.

use super::message::{refusal, replaced, units};
use super::recorder::Recorder;
use super::watch::{Moment, Watch};
use crate::disk::{Disk as _, RealDisk};
use parking_lot::Mutex;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A longer line is handed on and not looked at, in bytes.
const LINE: u64 = 64 << 20;

/// So long may the server take to end when nobody talks to it any more.
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
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(to_server), Some(from_server)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the server has no standard input and output"));
    };
    let between = Between {
        watch: Mutex::new(watch),
        recorder,
        to_client: Mutex::new(Box::new(io::stdout())),
    };
    let over = AtomicBool::new(false);
    let between = std::sync::Arc::new(between);
    // It may wait for a line of the client for as long as this process is there: nobody waits for it.
    let of_client = std::sync::Arc::clone(&between);
    let from_client = move || {
        of_client.hear_client(BufReader::new(io::stdin()), to_server);
    };
    let hung_up = std::thread::Builder::new()
        .name("mcp-client".to_owned())
        .spawn(from_client)?;
    let (status, asked) = std::thread::scope(|scope| {
        let answers = scope.spawn(|| {
            between.hear_server(BufReader::new(from_server));
            over.store(true, Ordering::Relaxed);
        });
        let status = wait(&mut child, stop, || hung_up.is_finished(), &over);
        let _ = answers.join();
        status
    })?;
    let left = between.watch.lock().ended(None, now());
    let _ = between.recorder.record(left);
    // The thread that reads the client's lines may still hold it; it records nothing any more.
    let lost = between.recorder.finish();
    Ok(Ended { status, asked, lost })
}

/// Waits for the server: by itself, or when it is told to end, since the client hung up or the flag is set.
fn wait(
    child: &mut Child,
    stop: &AtomicBool,
    hung_up: impl Fn() -> bool,
    over: &AtomicBool,
) -> io::Result<(ExitStatus, bool)> {
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, asked.is_some()));
        }
        let is_to_end = stop.load(Ordering::Relaxed) || hung_up() || over.load(Ordering::Relaxed);
        match asked {
            // Its input is closed then, which is how a client says so. A signal is meant for it as well.
            None if is_to_end => {
                if stop.load(Ordering::Relaxed) {
                    terminate(child);
                }
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE => child.kill()?,
            _ => {}
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(unix)]
fn terminate(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}

struct Between {
    watch: Mutex<Watch>,
    recorder: Recorder,
    to_client: Mutex<Box<dyn Write + Send>>,
}

impl Between {
    /// Hands on what the client says, until it hangs up or the server does.
    fn hear_client(&self, mut client: impl BufRead, mut server: impl Write) {
        while let Ok(Some(line)) = next(&mut client, &mut server) {
            let text = String::from_utf8_lossy(&line);
            let asked = units(&text);
            let objection = if asked.is_empty() {
                None
            } else {
                self.recorder.objection()
            };
            if let Some(why) = objection {
                let answers: Vec<String> = asked.iter().map(|id| refusal(id, &why)).collect();
                if self
                    .say(answers.join("\n").as_bytes())
                    .and_then(|()| self.say(b"\n"))
                    .is_err()
                {
                    return;
                }
                continue;
            }
            let records = self.watch.lock().sent("", &text, now());
            // It is no answer: nothing waits for these.
            let _ = self.recorder.record(records);
            if server.write_all(&line).and_then(|()| server.flush()).is_err() {
                return;
            }
        }
    }

    /// Hands on what the server says, until it hangs up.
    fn hear_server(&self, mut server: impl BufRead) {
        while let Ok(Some(line)) = next(&mut server, &mut Unlocked(self)) {
            let text = String::from_utf8_lossy(&line);
            let records = self.watch.lock().answered("", &text, now());
            let passed = match self.recorder.record(records) {
                Ok(()) => self.say(&line),
                Err(why) => self.say((replaced(&text, &why) + "\n").as_bytes()),
            };
            if passed.is_err() {
                return;
            }
        }
    }

    fn say(&self, bytes: &[u8]) -> io::Result<()> {
        let mut client = self.to_client.lock();
        client.write_all(bytes)?;
        client.flush()
    }
}

/// The client's side for what is handed on without a look.
struct Unlocked<'a>(&'a Between);

impl Write for Unlocked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.say(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The next line with its end; `None` if there is none. One that is too long is handed on as it comes.
fn next(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        from.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.ends_with(b"\n") || (line.len() as u64) < LINE {
            return Ok(Some(line));
        }
        eprintln!("auditdb: a message of more than {LINE} bytes passes unrecorded");
        while !line.is_empty() {
            to.write_all(&line)?;
            if line.ends_with(b"\n") {
                break;
            }
            line.clear();
            from.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        }
        to.flush()?;
    }
}

fn now() -> Moment {
    Moment {
        time: RealDisk.now(),
        steady: RealDisk.monotonic(),
    }
}
