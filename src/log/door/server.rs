//! Listening at the door: one thread that waits for clients, and one for each client while it is connected.

use super::limits::{Budget, Limits};
use super::serve::{Connection, serve};
use super::socket::{self, Named};
use crate::error::{Error, Result};
use crate::log::handle::Core;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The open door of a log.
#[derive(Debug)]
pub(crate) struct Door {
    named: Named,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    listener: UnixListener,
    closed: AtomicBool,
    limits: Limits,
    budget: Budget,
    clients: Mutex<Vec<Client>>,
}

#[derive(Debug)]
struct Client {
    connection: Arc<Connection>,
    thread: JoinHandle<()>,
    /// It was hung up on, and its thread is about to end.
    leaving: bool,
}

/// How long a closing door waits for answers that are under way.
const GRACE: Duration = Duration::from_secs(1);

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
        let (listener, named) = socket::bind(&path).map_err(io)?;
        let limits = core.options.door_limits;
        let shared = Arc::new(Shared {
            listener,
            closed: AtomicBool::new(false),
            limits,
            budget: Budget::new(limits.bytes),
            clients: Mutex::default(),
        });
        let (listening, core) = (Arc::clone(&shared), Arc::clone(core));
        let thread = std::thread::Builder::new().name("auditdb-door".to_owned());
        match thread.spawn(move || listening.listen(&core)) {
            Ok(thread) => Ok(Some(Door {
                named,
                shared,
                thread: Some(thread),
            })),
            Err(error) => {
                named.forget();
                Err(io(error))
            }
        }
    }

    /// Turns everybody out and waits until they are gone. Whoever waits for an answer gets it, if it does not take long.
    pub(crate) fn close(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Either of the two wakes the listening thread, depending on the system.
        let _ = rustix::net::shutdown(&self.shared.listener, rustix::net::Shutdown::Both);
        let _ = socket::connect(self.named.path());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.named.forget();
        let clients = std::mem::take(&mut *self.shared.clients.lock());
        for client in &clients {
            let _ = client.connection.stream.shutdown(Shutdown::Read);
        }
        let deadline = Instant::now() + GRACE;
        while clients.iter().any(|client| !client.thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        for client in clients {
            client.connection.hang_up();
            let _ = client.thread.join();
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, core: &Arc<Core>) {
        while !self.closed.load(Ordering::Acquire) {
            let accepted = self.listener.accept();
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            let connection = accepted.and_then(|(stream, _)| Connection::new(stream, self.limits.patience));
            match connection {
                Ok(connection) => self.receive(Arc::new(connection), core),
                // Out of descriptors, or a client that was gone again: neither is ours to end for.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn receive(self: &Arc<Self>, connection: Arc<Connection>, core: &Arc<Core>) {
        let mut clients = self.clients.lock();
        clients.retain(|client| !client.thread.is_finished());
        let staying = clients.iter().filter(|client| !client.leaving).count();
        if staying >= self.limits.clients && !make_room(&mut clients) {
            return connection.turn_away("too many clients; try again later");
        }
        let (served, shared, core) = (Arc::clone(&connection), Arc::clone(self), Arc::clone(core));
        let work = move || serve(&served, &core, &shared.budget, shared.limits.patience);
        match std::thread::Builder::new()
            .name("auditdb-client".to_owned())
            .spawn(work)
        {
            Ok(thread) => clients.push(Client {
                connection,
                thread,
                leaving: false,
            }),
            Err(_) => connection.turn_away("no thread for another client; try again later"),
        }
    }
}

/// Hangs up on one client for which nothing is being done: of the user who has the most connections, so that one user
/// cannot push the others out, the one that was quiet for longest. It comes back when it has something to say.
fn make_room(clients: &mut [Client]) -> bool {
    let mut of_user: HashMap<u32, usize> = HashMap::new();
    for client in clients.iter().filter(|client| !client.leaving) {
        *of_user.entry(client.connection.uid).or_default() += 1;
    }
    let quiet = clients
        .iter_mut()
        .filter(|client| !client.leaving)
        .filter_map(|client| Some((client.connection.quiet_since()?, client)));
    let Some((_, client)) = quiet.max_by_key(|(since, client)| {
        let connections = of_user.get(&client.connection.uid);
        (connections.copied(), std::cmp::Reverse(*since))
    }) else {
        return false;
    };
    client.connection.hang_up();
    client.leaving = true;
    true
}
