//! The writer's door: whoever has a log open for writing listens on `writer.sock`, so that other processes of this
//! machine append through it. The kernel says whose process is at the other end, and that user becomes the `writer` of
//! the records that come in.
//!
//! `joined` is the side that appends: it knocks (`client`), and finds its way anew when the writer is gone. `server` is
//! the side that writes, with one thread for each client (`serve`), and `limits` says what a client may cost it.
//!
//! A message is a byte that says what, four bytes of length (little-endian), and that many bytes. What must hold: a
//! client can keep its own connection busy and nothing else; the memory that a client takes is bounded, and so is the
//! time for which a message may be incomplete; a connection that rests may be closed at any time, and whoever joined
//! notices nothing; what was sent once is sent again only under the same ids; a socket that nobody answers at any more
//! is replaced, and one that a successor made is left alone. Without a door the log is as good as ever.

mod client;
mod joined;
#[cfg(unix)]
mod limits;
mod message;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
#[cfg(all(test, unix))]
mod tests;

pub(crate) use joined::{Joined, Joining, join};
#[cfg(unix)]
pub(crate) use limits::Limits;
#[cfg(unix)]
pub(crate) use server::Door;
