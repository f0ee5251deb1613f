//! Knocking at the door of the process that writes.

use super::message::{self, APPEND, DONE, MESSAGE_LIMIT, SEAL};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::log::layout::Layout;
use crate::log::receipt::Receipt;
use parking_lot::Mutex;
use std::path::PathBuf;

/// A connection to the process that writes to a log.
#[derive(Debug)]
pub(crate) struct Remote {
    path: PathBuf,
    #[cfg(unix)]
    stream: Mutex<std::os::unix::net::UnixStream>,
}

/// Appends of more than this go in several messages.
const BATCH: usize = 4 << 20;

impl Remote {
    /// Knocks; `None` if nobody is there.
    #[cfg(unix)]
    pub(crate) fn connect(disk: &dyn Disk, layout: &Layout) -> Result<Option<Self>> {
        let Some(path) = disk.real_path(&layout.door()) else {
            return Ok(None);
        };
        let connected = super::server::at_short_path(&path, |path| std::os::unix::net::UnixStream::connect(path));
        match connected {
            Ok(stream) => Ok(Some(Remote {
                path,
                stream: Mutex::new(stream),
            })),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
                ) =>
            {
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

    /// Appends records, given as text, in their order. The flag says whether they went as a whole.
    pub(crate) fn append(&self, records: &[&[u8]]) -> Result<(Vec<Receipt>, bool)> {
        let (mut receipts, mut body, mut messages) = (Vec::with_capacity(records.len()), Vec::new(), 0);
        let mut whole = true;
        for (place, record) in records.iter().enumerate() {
            message::push_record(&mut body, record);
            let next = records.get(place + 1).map_or(0, |next| next.len() + 4);
            if body.len() > MESSAGE_LIMIT as usize {
                return Err(self.error(format!("a record of {} bytes is too long", record.len())));
            }
            if next == 0 || body.len() + next > BATCH {
                let answer = self.ask(APPEND, &std::mem::take(&mut body))?;
                let (flag, lines) = answer
                    .split_first()
                    .ok_or_else(|| self.error("an empty answer".to_owned()))?;
                whole &= *flag == 1;
                for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    let receipt = std::str::from_utf8(line).ok().and_then(Receipt::from_json);
                    receipts.push(receipt.ok_or_else(|| self.error("a receipt that cannot be read".to_owned()))?);
                }
                messages += 1;
            }
        }
        Ok((receipts, whole && messages < 2))
    }

    /// Seals what is in the journal; says whether there was anything.
    pub(crate) fn seal(&self) -> Result<bool> {
        Ok(self.ask(SEAL, &[])? == [1])
    }

    #[cfg(unix)]
    fn ask(&self, what: u8, body: &[u8]) -> Result<Vec<u8>> {
        let mut stream = self.stream.lock();
        let answer = message::write(&mut *stream, what, body).and_then(|()| message::read(&mut *stream));
        match answer.map_err(|error| Error::io("talking to the writer behind", &self.path, error))? {
            Some((DONE, answer)) => Ok(answer),
            Some((_, why)) => Err(self.error(String::from_utf8_lossy(&why).into_owned())),
            None => Err(self.error(
                "it hung up; whether the last records were stored is not known, send them again with their ids"
                    .to_owned(),
            )),
        }
    }

    #[cfg(not(unix))]
    fn ask(&self, _: u8, _: &[u8]) -> Result<Vec<u8>> {
        Err(self.error("there are no such sockets on this system".to_owned()))
    }

    fn error(&self, message: String) -> Error {
        Error::Door {
            path: self.path.clone(),
            message,
        }
    }
}
