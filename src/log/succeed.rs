//! A successor: the log in which writing goes on when one cannot be written any more, because it was rolled back, forked
//! or copied, or its keys are gone. Its genesis names that log and says how far it was, so that nobody can later put
//! another in its place unseen.
//!
//! What must hold: the old log is not touched; one that can be written gets no successor.

use super::copy::{CopyKind, gap};
use super::events::{Predecessor, Standing};
use super::handle::Log;
use super::holding::holds_by_query;
use super::layout::Layout;
use super::lock::take_lock;
use super::open::newest_state;
use super::options::Options;
use super::replay::read_tip;
use super::siblings::{Household, Sibling};
use super::{Identity, new_id};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::proof::SignedCheckpoint;
use std::sync::Arc;

/// Creates the log `name` at `new` as the successor of the one at `old`. Its first record names the records that the newest
/// of the checkpoints, or what the log was restored from, says were there and are not.
pub(crate) fn succeed(
    disk: &Arc<dyn Disk>,
    old: &Layout,
    (name, new): (String, Layout),
    options: &Options,
    (reason, anchored): (&str, &[SignedCheckpoint]),
) -> Result<Log> {
    let why = unwritable(disk, old, options)?;
    // Nobody recovers the old one meanwhile.
    let lock = take_lock(&**disk, old)?;
    let path = old.root().to_owned();
    let (predecessor, state) = newest_state(&**disk, old)?.ok_or(Error::NotADatabase { path })?;
    let (promised, household) = (Some(state.promise()), Household::of(&state));
    let gap = gap(&**disk, old, anchored)?;
    let standing = match read_tip(&**disk, old, predecessor.log_id) {
        Ok((view, tip)) if view.broken.is_none() => Some(Standing::new(&tip.tree, &tip.chain)),
        // Nobody can tell where a damaged log ends.
        _ => None,
    };
    let identity = Identity {
        database: predecessor.database,
        log_id: new_id(&**disk),
        name,
    };
    let predecessor = Predecessor {
        log: predecessor.name().to_owned(),
        origin: predecessor.origin(),
        standing,
        why: why.to_string(),
        reason: reason.to_owned(),
        gap,
    };
    // What was promised goes on to hold, unless somebody says otherwise.
    let class = options.class.clone().or(promised);
    let mut options = Options {
        class,
        // So does what is held by what it is about.
        holds: holds_by_query(&state.holds),
        ..options.clone()
    };
    // Those that were named and cannot be read any more are missed in this log too.
    let known = household
        .siblings
        .into_iter()
        .filter(|sibling| !options.siblings.contains(sibling));
    let known: Vec<Sibling> = known.collect();
    options.siblings.extend(known);
    let log = Log::create(Arc::clone(disk), new, identity, options, Some(predecessor))?;
    drop(lock);
    Ok(log)
}

/// Why the log cannot be written.
fn unwritable(disk: &Arc<dyn Disk>, layout: &Layout, options: &Options) -> Result<Error> {
    // Nobody who follows the new log hears of the old one.
    let options = &Options {
        followers: Vec::new(),
        ..options.clone()
    };
    match Log::open(Arc::clone(disk), layout.clone(), options.clone()) {
        Ok(_) => Err(Error::Writable {
            path: layout.root().to_owned(),
        }),
        Err(
            why @ (Error::Estranged { .. }
            | Error::NoKey { .. }
            | Error::KeyFile { .. }
            | Error::Damaged { .. }
            | Error::Copy {
                kind: CopyKind::Restored,
                ..
            }),
        ) => Ok(why),
        Err(error) => Err(error),
    }
}
