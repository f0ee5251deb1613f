//! The writer's door: whoever has a log open for writing listens on `writer.sock`, so that other processes of this
//! machine append through it. The kernel says whose process is at the other end, and that user becomes the `writer` of
//! the records that come in.
//!
//! A message is a byte that says what, four bytes of length (little-endian), and that many bytes. What must hold: a
//! client can keep its own connection busy and nothing else; a socket that nobody answers at any more is replaced.

mod client;
mod message;
#[cfg(unix)]
mod server;

pub(crate) use client::Remote;
#[cfg(unix)]
pub(crate) use server::Door;
