//! What clients may cost the process that writes: connections, time, memory.

use parking_lot::Mutex;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What clients may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many are connected at a time.
    pub(crate) clients: usize,
    /// How long a message may be under way, once its first byte is there.
    pub(crate) patience: Duration,
    /// How many bytes of messages are held at a time, beside what each client has for itself.
    pub(crate) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            clients: 64,
            patience: Duration::from_secs(10),
            bytes: 96 << 20,
        }
    }
}

/// What each client has for itself, in bytes: whoever sends usual records never depends on what others take.
const OWN_BYTES: usize = 256 << 10;

/// The bytes that are left for all clients.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Mutex<usize>,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Budget {
            left: Mutex::new(bytes),
        }
    }

    /// What one message takes of it; given back when it is dropped.
    pub(crate) fn share(&self) -> Share<'_> {
        Share {
            budget: self,
            taken: 0,
            borrowed: 0,
        }
    }
}

/// What one message takes.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    taken: usize,
    borrowed: usize,
}

impl Share<'_> {
    /// Takes that much more, or says that there is no room for it.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let taken = self.taken.saturating_add(bytes);
        let more = taken.saturating_sub(OWN_BYTES).saturating_sub(self.borrowed);
        let mut left = self.budget.left.lock();
        let Some(rest) = left.checked_sub(more) else {
            return false;
        };
        *left = rest;
        self.taken = taken;
        self.borrowed += more;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.left.lock() += self.borrowed;
    }
}

/// A connection on which one message may only be under way for so long, whoever drips it. The socket's own timeouts
/// have to be set, so that it looks up now and then.
#[derive(Debug)]
pub(crate) struct Timed<'a> {
    stream: &'a UnixStream,
    patience: Duration,
    /// Counts from the first byte.
    deadline: Option<Instant>,
}

impl<'a> Timed<'a> {
    pub(crate) fn new(stream: &'a UnixStream, patience: Duration) -> Self {
        Timed {
            stream,
            patience,
            deadline: None,
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn start(&mut self) {
        if self.deadline.is_none() {
            self.deadline = Some(Instant::now() + self.patience);
        }
    }
}

impl Read for Timed<'_> {
    /// Waits for ever for the first byte.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.check()?;
            match self.stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => {
                    self.start();
                    return read;
                }
            }
        }
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.start();
        loop {
            self.check()?;
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
