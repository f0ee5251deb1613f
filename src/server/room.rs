//! How much is done at once: so many bytes are held that came in, so many requests are worked on, and so many questions
//! answered. What finds no room is told to come again; a slow one takes none that others need.

use super::refused::Refused;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What bodies that came in may take together, in KiB.
const KIB: usize = 256 << 10;

/// So many requests are worked on at once; each may take a body's limit of memory.
const AT_ONCE: usize = 4;

/// So long does a request wait for its turn.
const TURN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    taking: Arc<Semaphore>,
    asking: Arc<Semaphore>,
}

/// What a body takes while it comes and is worked on.
#[derive(Debug, Default)]
pub(super) struct Share {
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Room {
            bytes: Arc::new(Semaphore::new(KIB)),
            taking: Arc::new(Semaphore::new(AT_ONCE)),
            asking: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Room {
    /// Takes room for so many more bytes.
    pub(super) fn grow(&self, share: &mut Share, bytes: usize) -> Result<(), Refused> {
        let (before, after) = (share.bytes.div_ceil(1024), (share.bytes + bytes).div_ceil(1024));
        share.bytes += bytes;
        let more = u32::try_from(after - before).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit = Arc::clone(&self.bytes).try_acquire_many_owned(more);
        let permit = permit.map_err(|_| Refused::later("too much is being sent at once"))?;
        match &mut share.held {
            Some(held) => held.merge(permit),
            None => share.held = Some(permit),
        }
        Ok(())
    }

    /// Waits for the turn of a request that brings records.
    pub(super) async fn to_take(&self) -> Result<OwnedSemaphorePermit, Refused> {
        turn(&self.taking).await
    }

    /// Waits for the turn of a question.
    pub(super) async fn to_ask(&self) -> Result<OwnedSemaphorePermit, Refused> {
        turn(&self.asking).await
    }
}

async fn turn(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refused> {
    match tokio::time::timeout(TURN, Arc::clone(slots).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(Refused::later("too many requests at once")),
    }
}
