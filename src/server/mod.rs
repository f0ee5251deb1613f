//! `auditdb serve`: agents that speak OpenTelemetry, over HTTP on this machine.
//!
//! `listen` takes connections, with limits on how many, how slow and how long; `body` reads what was sent, whatever its
//! compression, up to a limit; `otlp` is the endpoint of OpenTelemetry and answers in its forms.
//!
//! What must hold: a request is answered with 200 only when its records are durable; one that is broken, too large, too slow or
//! comes when there is too much to do gets an answer that says so, and costs no other anything; ending takes in what has been
//! begun. Only addresses of this machine are listened on: there are no tokens yet by which one could tell others apart.

mod body;
mod listen;
mod otlp;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::ingest::otlp::Mapper;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A server that takes records in for a database.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    state: Arc<State>,
}

/// What has come so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Requests that were answered with 200.
    pub requests: u64,
    /// Records that were taken, also those that were there already.
    pub records: u64,
    /// Spans and log records that were refused.
    pub refused: u64,
    /// Requests with metrics, which are answered and not kept.
    pub metrics: u64,
}

#[derive(Debug)]
struct State {
    db: Database,
    mapper: Mutex<Mapper>,
    served: Mutex<Served>,
    /// What a person who looks after the server should hear.
    tell: fn(&str),
}

impl Server {
    /// Listens on an address of this machine; port 0 takes any.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing can listen there, or if it is an address that other machines reach.
    pub fn bind(db: Database, address: SocketAddr) -> Result<Self> {
        Self::bind_telling(db, address, |_| {})
    }

    /// The same; what a person should hear while it serves, such as that an agent sends no content, is told, a sentence each.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn bind_telling(db: Database, address: SocketAddr, tell: fn(&str)) -> Result<Self> {
        let io = |error| Error::io("listening on", address.to_string(), error);
        if !address.ip().is_loopback() {
            let why = "other machines reach it, and there is nothing yet to tell who may write: name an address of loopback, \
                       such as 127.0.0.1:4318";
            return Err(io(std::io::Error::other(why)));
        }
        let listener = std::net::TcpListener::bind(address).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let state = Arc::new(State {
            db,
            mapper: Mutex::default(),
            served: Mutex::default(),
            tell,
        });
        Ok(Server { listener, state })
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
        listen::run(self.listener, &self.state, stop)?;
        let served = *self.state.served.lock();
        Ok(served)
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
