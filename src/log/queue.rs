//! Group commit. Callers put their records into one queue; whoever finds nobody at work leads: it takes what waits,
//! makes it durable in one frame, and tells the others. While it waits for the disk the next batch gathers. A lone
//! caller leads itself and pays for no switch of threads.
//!
//! What must hold: one batch is outstanding at a time, in the order of the queue; the queue is bounded, and a full one
//! makes callers wait; after an unknown failure everybody waiting and everybody to come gets that failure.

use super::receipt::Receipt;
use super::writer::{CommitFailure, Entry, Writer};
use crate::error::{Error, Result};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;

/// The queue before the writer.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Signalled when there is room again.
    room: Condvar,
    /// Signalled when somebody has to lead who is not a caller.
    work: Condvar,
    limit: usize,
    frame_limit: usize,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    weight: usize,
    leading: bool,
    closed: bool,
    poisoned: Option<Error>,
}

/// Records that become durable together.
struct Request {
    entries: Vec<Entry>,
    weight: usize,
    ticket: Arc<Ticket>,
}

/// What a caller waits on.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    outcome: Mutex<Option<Result<Vec<Receipt>>>>,
    done: Condvar,
}

impl Queue {
    pub(crate) fn new(limit: usize, frame_limit: usize) -> Self {
        let (room, work) = (Condvar::new(), Condvar::new());
        Queue {
            waiting: Mutex::new(Waiting::default()),
            room,
            work,
            limit,
            frame_limit,
        }
    }

    /// Adds records and waits until they are durable.
    pub(crate) fn append(&self, writer: &Mutex<Writer>, entries: Vec<Entry>) -> Result<Vec<Receipt>> {
        let ticket = self.push(entries)?;
        if self.take_the_lead() {
            self.lead(writer, Some(&ticket));
        }
        ticket.wait()
    }

    /// Adds records; somebody else makes them durable.
    pub(crate) fn submit(&self, entries: Vec<Entry>) -> Result<Arc<Ticket>> {
        let ticket = self.push(entries)?;
        self.work.notify_one();
        Ok(ticket)
    }

    /// Waits for work that has no leader and does it, or for that long. Says whether the queue is still open.
    pub(crate) fn serve(&self, writer: &Mutex<Writer>, patience: std::time::Duration) -> bool {
        {
            let mut waiting = self.waiting.lock();
            if (waiting.requests.is_empty() && !waiting.closed) || waiting.leading {
                self.work.wait_for(&mut waiting, patience);
            }
            if waiting.closed && waiting.requests.is_empty() {
                return false;
            }
            if waiting.leading || waiting.requests.is_empty() {
                return true;
            }
            waiting.leading = true;
        }
        self.lead(writer, None);
        true
    }

    /// Takes no more records; what waits is still made durable by whoever serves.
    pub(crate) fn close(&self) {
        self.waiting.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Refuses everything from now on.
    pub(crate) fn poison(&self, error: &Error) {
        let mut waiting = self.waiting.lock();
        waiting.poisoned.get_or_insert_with(|| error.clone());
        let left: Vec<_> = waiting.requests.drain(..).collect();
        waiting.weight = 0;
        drop(waiting);
        for request in left {
            request.ticket.settle(Err(error.clone()));
        }
        self.room.notify_all();
    }

    /// What the writer fails with since it failed once.
    pub(crate) fn poisoned(&self) -> Option<Error> {
        self.waiting.lock().poisoned.clone()
    }

    fn push(&self, entries: Vec<Entry>) -> Result<Arc<Ticket>> {
        let ticket = Arc::new(Ticket::default());
        let weight = entries.iter().map(|entry| entry.record.weight()).sum();
        let mut waiting = self.waiting.lock();
        // A request that alone is larger than the queue is let in when nothing else waits.
        while !waiting.requests.is_empty() && waiting.weight + weight > self.limit {
            self.work.notify_one();
            self.room.wait(&mut waiting);
        }
        if let Some(error) = &waiting.poisoned {
            return Err(error.clone());
        }
        if waiting.closed {
            return Err(Error::Closed);
        }
        waiting.weight += weight;
        waiting.requests.push_back(Request {
            entries,
            weight,
            ticket: Arc::clone(&ticket),
        });
        Ok(ticket)
    }

    fn take_the_lead(&self) -> bool {
        let mut waiting = self.waiting.lock();
        !std::mem::replace(&mut waiting.leading, true)
    }

    /// Commits batches until the leader's own request is done (or the queue is empty), then lets others lead.
    fn lead(&self, writer: &Mutex<Writer>, own: Option<&Ticket>) {
        let _guard = PanicGuard(self);
        loop {
            let batch = self.next_batch();
            if !batch.is_empty() {
                commit(&mut writer.lock(), batch, &|error| self.poison(error));
            }
            let mut waiting = self.waiting.lock();
            let finished = own.is_some_and(|ticket| ticket.outcome.lock().is_some());
            if waiting.requests.is_empty() || finished {
                waiting.leading = false;
                if waiting.closed || !waiting.requests.is_empty() {
                    self.work.notify_one();
                }
                return;
            }
        }
    }

    fn next_batch(&self) -> Vec<Request> {
        let mut waiting = self.waiting.lock();
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(request) = waiting.requests.front() {
            if !batch.is_empty() && weight + request.weight > self.frame_limit {
                break;
            }
            weight += request.weight;
            batch.extend(waiting.requests.pop_front());
        }
        waiting.weight = waiting.weight.saturating_sub(weight);
        drop(waiting);
        self.room.notify_all();
        batch
    }
}

/// A panic while leading must not leave the others waiting for ever.
struct PanicGuard<'a>(&'a Queue);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cause = "a thread panicked while it wrote".to_owned();
            self.0.poison(&Error::Poisoned {
                path: std::path::PathBuf::new(),
                cause,
            });
            self.0.waiting.lock().leading = false;
        }
    }
}

/// Commits several requests in one frame and settles each. If the frame is refused, each request is tried alone, so
/// that one which cannot be stored does not take the others with it.
fn commit(writer: &mut Writer, mut batch: Vec<Request>, poison: &dyn Fn(&Error)) {
    let mut entries = Vec::new();
    let mut counts = Vec::with_capacity(batch.len());
    for request in &mut batch {
        counts.push(request.entries.len());
        entries.append(&mut request.entries);
    }
    match writer.roll_if_due().and_then(|()| writer.commit(&entries)) {
        Ok(receipts) => {
            let mut receipts = receipts.into_iter();
            for (request, count) in batch.into_iter().zip(counts) {
                request.ticket.settle(Ok(receipts.by_ref().take(count).collect()));
            }
        }
        Err(CommitFailure::Unknown(error)) => {
            let error = Error::Poisoned {
                path: writer.files.layout.root().to_owned(),
                cause: error.to_string(),
            };
            poison(&error);
            for request in batch {
                request.ticket.settle(Err(error.clone()));
            }
        }
        Err(CommitFailure::Refused(error)) if counts.len() < 2 => {
            for request in batch {
                request.ticket.settle(Err(error.clone()));
            }
        }
        Err(CommitFailure::Refused(_)) => {
            let mut entries = entries.into_iter();
            for (mut request, count) in batch.into_iter().zip(counts) {
                request.entries = entries.by_ref().take(count).collect();
                commit(writer, vec![request], poison);
            }
        }
    }
}

impl Ticket {
    pub(crate) fn settled(outcome: Result<Vec<Receipt>>) -> Arc<Self> {
        Arc::new(Ticket {
            outcome: Mutex::new(Some(outcome)),
            done: Condvar::new(),
        })
    }

    /// Waits until the records are durable, or will never be.
    pub(crate) fn wait(&self) -> Result<Vec<Receipt>> {
        let mut outcome = self.outcome.lock();
        loop {
            if let Some(outcome) = outcome.as_ref() {
                return outcome.clone();
            }
            self.done.wait(&mut outcome);
        }
    }

    fn settle(&self, outcome: Result<Vec<Receipt>>) {
        *self.outcome.lock() = Some(outcome);
        self.done.notify_all();
    }
}
