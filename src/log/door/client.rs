//! Knocking at the door of the process that writes, and asking one thing at a time.

use super::message::{self, BUSY, Broken, DENIED, DONE};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::layout::Layout;
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;

/// A connection to the process that writes to a log.
#[derive(Debug)]
pub(crate) struct Remote {
    path: PathBuf,
    #[cfg(unix)]
    stream: Mutex<std::os::unix::net::UnixStream>,
}

/// What became of a request.
pub(crate) enum Asked {
    /// It was done; the answer.
    Done(Vec<u8>),
    /// It was not done, and there is no use in asking again.
    Failed(Error),
    /// It was not done; on a new connection it may be.
    Busy(Error),
    /// The connection is dead. The flag says whether the request was sent as a whole: then it may have been done.
    Gone(bool, Error),
}

impl Remote {
    /// Knocks; `None` if nobody is there.
    #[cfg(unix)]
    pub(crate) fn connect(disk: &dyn Disk, layout: &Layout) -> Result<Option<Self>> {
        let Some(path) = disk.real_path(&layout.door()) else {
            return Ok(None);
        };
        match super::socket::connect(&path) {
            Ok(stream) => Ok(Some(Remote {
                path,
                stream: Mutex::new(stream),
            })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(Error::io("connecting to", path, error)),
        }
    }

    /// Knocks; nobody is there on a system without such sockets.
    #[cfg(not(unix))]
    pub(crate) fn connect(_: &dyn Disk, _: &Layout) -> Result<Option<Self>> {
        Ok(None)
    }

    /// Sends a request and waits for the answer, for as long as the other process is there.
    #[cfg(unix)]
    pub(crate) fn ask(&self, what: u8, body: &[u8]) -> Asked {
        let mut stream = self.stream.lock();
        let written = message::write(&mut *stream, what, body);
        // Whoever is turned away is told so before the request was read: the answer is there although writing failed.
        let error = match message::read(&mut *stream, |_| true) {
            Ok(Some((DONE, answer))) => return Asked::Done(answer),
            Ok(Some((BUSY, why))) => return Asked::Busy(self.said(&why)),
            Ok(Some((DENIED, why))) => {
                let what = String::from_utf8_lossy(&why).into_owned();
                return Asked::Failed(Error::NotAllowed { what });
            }
            Ok(Some((_, why))) => return Asked::Failed(self.said(&why)),
            Ok(None) => io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up"),
            Err(Broken::Io(error)) => error,
            Err(Broken::TooLong(_) | Broken::NoRoom) => io::Error::other("an answer that is too long"),
        };
        // After half an answer nothing that follows can be read any more.
        let _ = stream.shutdown(std::net::Shutdown::Both);
        let sent = written.is_ok();
        let error = written.err().unwrap_or(error);
        Asked::Gone(sent, Error::io("talking to the writer behind", &self.path, error))
    }

    #[cfg(not(unix))]
    pub(crate) fn ask(&self, _: u8, _: &[u8]) -> Asked {
        Asked::Failed(self.error("there are no such sockets on this system".to_owned()))
    }

    pub(crate) fn error(&self, message: String) -> Error {
        Error::Door {
            path: self.path.clone(),
            message,
        }
    }

    #[cfg(unix)]
    fn said(&self, why: &[u8]) -> Error {
        self.error(String::from_utf8_lossy(why).into_owned())
    }
}
