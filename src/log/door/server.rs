//! Listening at the door: one thread that waits for clients, and one for each client while it is connected.

use super::message::{self, APPEND, DONE, FAILED, SEAL};
use crate::error::{Error, Result};
use crate::log::handle::Core;
use crate::record::{Prepared, Writer as Author};
use parking_lot::Mutex;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The open door of a log.
#[derive(Debug)]
pub(crate) struct Door {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    listener: UnixListener,
    closed: AtomicBool,
    clients: Mutex<Vec<(UnixStream, JoinHandle<()>)>>,
}

/// More clients than this are turned away.
const CLIENT_LIMIT: usize = 64;

/// The longest path that fits the address of a socket on every system.
const SOCKET_PATH_LIMIT: usize = 100;

impl Door {
    /// Opens the door, replacing a socket that a dead process left: whoever holds the lock is the only one alive.
    /// `None` where the log's files are not in a real directory.
    pub(crate) fn open(core: &Arc<Core>) -> Result<Option<Self>> {
        let files = &core.files;
        let (Some(path), door) = (files.disk.real_path(&files.layout.door()), files.layout.door()) else {
            return Ok(None);
        };
        let io = |error| Error::io("opening the door", &path, error);
        if files.disk.stat(&door).map_err(io)?.is_some() {
            files.disk.remove(&door).map_err(io)?;
        }
        let listener = at_short_path(&path, |path| UnixListener::bind(path)).map_err(io)?;
        allow_the_group(&path).map_err(io)?;
        let shared = Shared {
            listener,
            closed: AtomicBool::new(false),
            clients: Mutex::default(),
        };
        let shared = Arc::new(shared);
        let (listening, core) = (Arc::clone(&shared), Arc::clone(core));
        let thread = std::thread::Builder::new().name("auditdb-door".to_owned());
        let thread = thread.spawn(move || listening.listen(&core)).map_err(io)?;
        Ok(Some(Door {
            path,
            shared,
            thread: Some(thread),
        }))
    }

    /// Turns everybody out and waits until they are gone.
    pub(crate) fn close(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Either of the two wakes the listening thread, depending on the system.
        let _ = rustix::net::shutdown(&self.shared.listener, rustix::net::Shutdown::Both);
        let _ = at_short_path(&self.path, |path| UnixStream::connect(path));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for (stream, client) in self.shared.clients.lock().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            let _ = client.join();
        }
        forget(&self.path);
    }
}

impl Shared {
    fn listen(&self, core: &Arc<Core>) {
        while !self.closed.load(Ordering::Acquire) {
            let Ok((stream, _)) = self.listener.accept() else {
                // Out of descriptors, or a client that was gone again: neither is ours to end for.
                std::thread::sleep(std::time::Duration::from_millis(20));
                continue;
            };
            let mut clients = self.clients.lock();
            clients.retain(|(_, thread)| !thread.is_finished());
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            if clients.len() >= CLIENT_LIMIT {
                let mut stream = stream;
                let _ = message::write(&mut stream, FAILED, b"too many clients; try again later");
                continue;
            }
            let (Ok(kept), core) = (stream.try_clone(), Arc::clone(core)) else {
                continue;
            };
            let thread = std::thread::Builder::new().name("auditdb-client".to_owned());
            if let Ok(thread) = thread.spawn(move || serve(stream, &core)) {
                clients.push((kept, thread));
            }
        }
    }
}

/// Does what one client asks until it hangs up.
fn serve(mut stream: UnixStream, core: &Core) {
    let Ok(peer) = rustix::net::sockopt::socket_peercred(&stream) else {
        return;
    };
    let author = Arc::new(Author::unix(peer.uid.as_raw()));
    while let Ok(Some((what, body))) = message::read(&mut stream) {
        let answered = match answer(core, &author, what, &body) {
            Ok(answer) => message::write(&mut stream, DONE, &answer),
            Err(why) => message::write(&mut stream, FAILED, why.as_bytes()),
        };
        if answered.is_err() {
            return;
        }
    }
}

fn answer(core: &Core, author: &Arc<Author>, what: u8, body: &[u8]) -> std::result::Result<Vec<u8>, String> {
    match what {
        APPEND => {
            let texts = message::records(body).ok_or("a list of records that is cut short")?;
            let prepared = texts.iter().enumerate().map(|(place, text)| {
                Prepared::new(text, core.options.record_bytes)
                    .map_err(|refusal| format!("record {} of the list refused: {refusal}", place + 1))
            });
            let prepared = prepared.collect::<std::result::Result<Vec<_>, _>>()?;
            let (receipts, whole) = core.append(prepared, author).map_err(|error| error.to_string())?;
            let mut answer = vec![u8::from(whole)];
            for receipt in receipts {
                answer.extend_from_slice(receipt.to_json().as_bytes());
                answer.push(b'\n');
            }
            Ok(answer)
        }
        SEAL => core
            .seal()
            .map(|sealed| vec![u8::from(sealed)])
            .map_err(|error| error.to_string()),
        _ => Err(format!(
            "request {what} is not known here; the writer is {}",
            env!("CARGO_PKG_VERSION")
        )),
    }
}

/// Does something at a socket's path, by way of its directory's descriptor if the path is too long for an address.
pub(super) fn at_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= SOCKET_PATH_LIMIT {
        return act(path);
    }
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    use std::os::fd::AsRawFd;
    let dir = std::fs::File::open(dir)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name))
}

#[expect(clippy::disallowed_methods, reason = "a socket is no file of the log")]
fn allow_the_group(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
}

#[expect(clippy::disallowed_methods, reason = "a socket is no file of the log")]
fn forget(path: &Path) {
    // If it stays, the next writer replaces it.
    let _ = std::fs::remove_file(path);
}
