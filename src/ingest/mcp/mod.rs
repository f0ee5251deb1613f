//! The Model Context Protocol, watched in passing: a proxy stands between a client and a server, hands every message on as it is,
//! and records what tools were called, what resources were read and what prompts were used.
//!
//! `message` reads a message as far as it matters here; `watch` knows which answer belongs to which request and what both
//! sides call themselves, and gives records (`calls` makes them); `recorder` makes these durable, and knows what to do
//! when the log has trouble; `tap` is where both meet; `stdio` is the proxy around a server that is a process. The one over HTTP is part of the server.
//!
//! What must hold: neither side can tell that the proxy is there, but where it was told to let nothing pass unrecorded;
//! messages that it does not know pass untouched, byte for byte; a request that is never answered has a record too.

mod calls;
mod message;
mod recorder;
mod stdio;
mod tap;
mod watch;

#[cfg(test)]
mod tests;

pub(crate) use message::{is_readable, refusals};
pub use recorder::{Passing, Recorder, Trouble};
pub use stdio::{Ended, run};
pub(crate) use tap::Tap;
pub(crate) use watch::NO_SESSION;
pub use watch::{Moment, Names, Watch};
