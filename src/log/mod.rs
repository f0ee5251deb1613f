//! One log: append, journal, seal, segment, read, recover, verify, the writer's door.
//!
//! A record's way: `queue` gathers callers, `writer` gives seqs and builds the frame (`draft`), `journal` makes it
//! durable, `seal` turns a closed journal into a `segment`, `keeper` does so in the background. `view` is what readers
//! see, `read` reads it; `replay` and `open` build it from the files; `verify` trusts nothing of all this; `recover` mends what
//! `verify` names, from what `standing` can still tell; `copy` copies it to a backup and back.
//!
//! What must hold: an acknowledged record is durable; nothing but the last frame of the last journal can be incomplete;
//! a record is always in a journal or in a verified segment; damage is reported and never repaired in silence.

pub(crate) mod act;
pub(crate) mod anchored;
mod backed_up;
pub(crate) mod checkpoints;
mod clock;
mod copy;
mod definitions;
mod derive;
mod door;
mod draft;
mod dropping;
mod events;
mod fault;
mod follow;
mod format;
mod frames;
mod handle;
mod haste;
pub(crate) mod holding;
mod journal;
mod keeper;
mod keyring;
mod keys;
mod known;
mod layout;
mod lock;
mod open;
mod options;
mod policy_file;
mod queue;
mod read;
mod reading;
mod receipt;
mod recover;
mod replay;
mod seal;
mod segment;
mod siblings;
mod signer;
mod standing;
mod status;
mod streams;
mod succeed;
mod terms;
mod tiles;
mod token;
mod tombstone;
mod torn;
mod tree_files;
mod verify;
mod view;
mod writer;

#[cfg(test)]
mod tests;

pub use act::Actor;
pub use anchored::AnchorStanding;
pub use backed_up::BackedUpTo;
pub(crate) use backed_up::backed_up;
pub use copy::CopyKind;
pub(crate) use copy::{Copy, Copying, Note, finish, gap, has_file, log_id, no_links, put as put_file, shown};
pub(crate) use door::{Joined, Joining, join};
pub(crate) use dropping::Doomed;
pub(crate) use events::first_key;
pub use events::{Did, Identity};
pub(crate) use events::{hex, unhex};
pub use fault::{Fault, What};
pub(crate) use follow::{Follower, Pen};
#[cfg(feature = "cli")]
pub(crate) use format::FORMAT;
pub(crate) use frames::{FrameRef, Stretch, Times};
pub(crate) use handle::{Core, Log};
pub(crate) use haste::{Haste, yield_to_others};
pub(crate) use keys::new_id;
pub(crate) use layout::{Layout, is_in_a_log, segment_seq};
#[cfg(all(feature = "anchors", feature = "cli"))]
pub(crate) use open::identify;
pub(crate) use open::{has_record, newest_state};
pub use options::Options;
pub(crate) use options::{Errand, Router, TakenUp};
pub(crate) use policy_file::{parse_policy, read_policy};
pub(crate) use queue::Ticket;
pub(crate) use read::{Files, Lines};
pub(crate) use reading::Reading;
pub use receipt::Receipt;
pub(crate) use recover::recover;
pub use recover::{Done, Recovery};
pub(crate) use siblings::Sibling;
pub use status::Status;
pub(crate) use status::{Ends, ends_of_segment, size_of_dir, status};
pub(crate) use succeed::succeed;
pub(crate) use terms::{Terms, accepting};
#[cfg(feature = "server")]
pub(crate) use token::TokenEvent;
pub(crate) use tombstone::NotHeld;
pub use verify::{Anchors, Report, TornTail, Unconfirmed};
pub(crate) use verify::{Continued, Verify, verify};
#[cfg(feature = "search")]
pub(crate) use view::SegmentRef;
