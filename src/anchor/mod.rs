//! Anchors: checkpoints that are kept where whoever holds this machine cannot reach them, so that a cut tail, a roll-back of the
//! whole machine and a rewritten history show.
//!
//! `target` says where to: another directory (`directory`), a witness that cosigns (`witness`, C2SP tlog-witness), an authority
//! that stamps the time (`authority`, RFC 3161). `attempt` takes a checkpoint to the targets that the policy names, and
//! `watcher` does so by itself while a log is open. `proven` says how far anchors reach that can be checked now.
//!
//! What must hold: an anchor that is slow or down holds nothing up; each attempt is a record; what a witness or an authority
//! answers is hostile until it was checked, and bounded in size and time; nothing that the log says of its anchors makes
//! another one due.

mod attempt;
#[cfg(feature = "anchors")]
mod authority;
pub(crate) mod directory;
#[cfg(feature = "anchors")]
mod http;
mod proven;
#[cfg(feature = "anchors")]
mod stamp;
mod target;
mod watcher;
#[cfg(feature = "anchors")]
mod witness;

pub use attempt::AnchorAttempt;
pub(crate) use attempt::{Asked, through_the_door};
pub(crate) use proven::{proven, standing};
pub(crate) use target::Target;
pub(crate) use watcher::Watcher;
#[cfg(all(feature = "anchors", feature = "cli"))]
pub(crate) use {authority::present_certificate, witness::newest_seen};
