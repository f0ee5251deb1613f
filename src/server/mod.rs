//! `auditdb serve`: agents that send records over HTTP, and whoever asks for them.
//!
//! `listen` takes connections, in TLS or not (`tls`), with limits on how many, how slow and how long, and leads requests to
//! who answers them: `otlp` takes what OpenTelemetry sends, `records` records as they are, `ask` answers questions, `health`
//! says how it is, `openapi` what there is. `caller` knows who asks, by a `token` or by being on this machine; `room` how much
//! is done at once; `mcp` is a proxy before a server of MCP over HTTP; `body` reads what was sent, whatever its compression, up to a limit; `refused` is how no is said.
//!
//! What must hold: a request is answered with 200 only when its records are durable; one that is broken, too large, too slow or
//! comes when there is too much to do gets an answer that says so, and costs no other anything; ending takes in what has been
//! begun. Other machines reach it over TLS and with tokens alone.

#[allow(unused_qualifications, reason = "in what utoipa writes")]
mod ask;
mod body;
mod caller;
mod health;
mod listen;
mod mcp;
mod openapi;
mod otlp;
#[allow(unused_qualifications, reason = "in what utoipa writes")]
mod records;
mod refused;
mod room;
mod sse;
mod tls;
mod token;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::ingest::otlp::Mapper;
use axum::http::StatusCode;
use caller::{Caller, Gate};
pub use mcp::McpProxy;
pub use openapi::document as openapi_document;
use parking_lot::Mutex;
use refused::Refused;
use room::Room;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
pub use token::{Scope, Token, Tokens, Wanted};
use tokio_rustls::TlsAcceptor;

/// So long may what has begun take at the end.
const DRAIN: Duration = Duration::from_secs(20);

/// A server that takes records in for a database, and answers questions about it.
pub struct Server {
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
}

/// What has come so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Requests with records that were answered with 200.
    pub requests: u64,
    /// Records that were taken, also those that were there already.
    pub records: u64,
    /// Records, spans and log records that were refused.
    pub refused: u64,
    /// Requests with metrics, which are answered and not kept.
    pub metrics: u64,
}

#[derive(Debug)]
struct State {
    db: Database,
    /// One for each token that names agents, so that nobody learns whose a span is from what others say.
    mappers: Mutex<HashMap<Option<String>, Arc<Mapper>>>,
    served: Mutex<Served>,
    /// How many requests there were, by path and status.
    answers: Mutex<BTreeMap<(String, u16), u64>>,
    gate: Gate,
    room: Room,
    /// What a person who looks after the server should hear.
    tell: fn(&str),
}

impl Server {
    /// Listens on an address of this machine; port 0 takes any. Whoever is on this machine may send and ask, until the
    /// database has a token ([`Tokens`]).
    ///
    /// # Errors
    /// [`Error::Io`] if nothing can listen there, or if it is an address that other machines reach.
    pub fn bind(db: Database, address: SocketAddr) -> Result<Self> {
        if !address.ip().is_loopback() {
            let why = "other machines reach it: give a certificate and its key (--tls-cert, --tls-key), or name an address of \
                       loopback, such as 127.0.0.1:4318";
            return Err(Error::io(
                "listening on",
                address.to_string(),
                std::io::Error::other(why),
            ));
        }
        Self::listen(db, address, None)
    }

    /// Listens in TLS, on any address: `certificates` and `key` are PEM files, the chain begins with the server's own.
    ///
    /// # Errors
    /// As [`Server::bind`]; the files cannot be read; or other machines reach the address, and there is no token that is valid.
    pub fn bind_tls(db: Database, address: SocketAddr, certificates: &Path, key: &Path) -> Result<Self> {
        Self::listen(db, address, Some(tls::acceptor(certificates, key)?))
    }

    fn listen(db: Database, address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self> {
        let io = |error| Error::io("listening on", address.to_string(), error);
        let is_open = !address.ip().is_loopback();
        let gate = Gate::new(Tokens::of(db.path()), is_open);
        if !gate.opens_to_somebody()? && is_open {
            let why = "other machines reach it, and no token lets anybody in: make one with `auditdb token create`";
            return Err(io(std::io::Error::other(why)));
        }
        let listener = std::net::TcpListener::bind(address).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let state = Arc::new(State {
            db,
            mappers: Mutex::default(),
            served: Mutex::default(),
            answers: Mutex::default(),
            gate,
            room: Room::default(),
            tell: |_| {},
        });
        Ok(Server { listener, tls, state })
    }

    /// What a person should hear while it serves, such as that an agent sends no content, is told, a sentence each.
    #[must_use]
    pub fn telling(mut self, tell: fn(&str)) -> Self {
        // Nobody else has it before it serves.
        if let Some(state) = Arc::get_mut(&mut self.state) {
            state.tell = tell;
        }
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener
            .local_addr()
            .map_err(|error| Error::io("asking for", "the server's address", error))
    }

    /// Serves until the flag is set; requests that have begun then are still answered.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot begin.
    pub fn run(self, stop: &AtomicBool) -> Result<Served> {
        let routes = listen::routes(Arc::clone(&self.state));
        listen::run(self.listener, self.tls, &routes, stop, DRAIN)?;
        let served = *self.state.served.lock();
        Ok(served)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl Served {
    /// One more request was answered, with so many records that were taken and so many that were not.
    fn add(&mut self, records: usize, refused: usize) {
        self.requests += 1;
        self.records += records as u64;
        self.refused += refused as u64;
    }
}

/// Does what waits for a disk: no work for the threads that hear others. It goes on when the client has gone, and takes what it
/// holds for as long.
async fn work<T: Send + 'static>(
    holds: impl Send + 'static,
    what: impl FnOnce() -> std::result::Result<T, Refused> + Send + 'static,
) -> std::result::Result<T, Refused> {
    let crashed = |_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be worked on");
    let held = move || {
        let _holds = holds;
        what()
    };
    tokio::task::spawn_blocking(held).await.map_err(crashed)?
}

/// Answers a question of whoever may ask, when it is its turn.
async fn asked<T: Send + 'static>(
    state: Arc<State>,
    caller: Caller,
    answer: impl FnOnce(&State, &Caller) -> std::result::Result<T, Refused> + Send + 'static,
) -> std::result::Result<T, Refused> {
    caller.may(Scope::Read)?;
    let turn = state.room.to_ask().await?;
    work(turn, move || answer(&state, &caller)).await
}
