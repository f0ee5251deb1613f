//! Group commit. Callers put their records into one queue; whoever finds nobody at work leads: it takes what waits,
//! makes it durable in one frame, and tells the others. While it waits for the disk the next batch gathers. A lone
//! caller leads itself and pays for no switch of threads.
//!
//! What must hold: one batch is outstanding at a time, in the order of the queue; the queue is bounded, and a full one
//! makes callers wait; after an unknown failure, of which a panic is one, everybody waiting and everybody to come gets
//! that failure, and nobody writes any more. A request is always settled, also when it is dropped on the way.

use super::receipt::Receipt;
use super::writer::{CommitFailure, Entry, Writer};
use crate::error::{Error, Result};
use crate::record::Prepared;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::path::Path;
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
    /// The log's directory, for errors to name.
    path: Arc<Path>,
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
    path: Arc<Path>,
}

/// What a caller waits on.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    outcome: Mutex<Option<Result<Vec<Receipt>>>>,
    done: Condvar,
}

impl Queue {
    pub(crate) fn new(path: &Path, limit: usize, frame_limit: usize) -> Self {
        let (room, work) = (Condvar::new(), Condvar::new());
        Queue {
            waiting: Mutex::new(Waiting::default()),
            room,
            work,
            limit,
            frame_limit,
            path: Arc::from(path),
        }
    }

    /// Records as they become durable together: as many as one commit takes.
    pub(crate) fn frames(&self, records: Vec<Prepared>) -> Vec<Vec<Prepared>> {
        let weight: usize = records.iter().map(Prepared::weight).sum();
        if weight <= self.frame_limit || records.len() < 2 {
            return vec![records];
        }
        let (mut frames, mut frame, mut weight) = (Vec::new(), Vec::new(), 0);
        for record in records {
            if !frame.is_empty() && weight + record.weight() > self.frame_limit {
                frames.push(std::mem::take(&mut frame));
                weight = 0;
            }
            weight += record.weight();
            frame.push(record);
        }
        frames.push(frame);
        frames
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
        settle_all(left, error);
        self.room.notify_all();
    }

    /// What the writer fails with since it failed once.
    pub(crate) fn poisoned(&self) -> Option<Error> {
        self.waiting.lock().poisoned.clone()
    }

    /// Does something with the writer while nobody else does. A panic meanwhile poisons the queue before anybody else
    /// can reach the writer, whose state nobody knows then.
    pub(crate) fn with<T>(&self, writer: &Mutex<Writer>, act: impl FnOnce(&mut Writer) -> T) -> Result<T> {
        let mut writer = writer.lock();
        if let Some(error) = self.poisoned() {
            return Err(error);
        }
        // Dropped before the lock on the writer is.
        let guard = PanicGuard {
            queue: self,
            leads: false,
        };
        let outcome = act(&mut writer);
        guard.disarm();
        Ok(outcome)
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
            path: Arc::clone(&self.path),
        });
        Ok(ticket)
    }

    fn take_the_lead(&self) -> bool {
        let mut waiting = self.waiting.lock();
        !std::mem::replace(&mut waiting.leading, true)
    }

    /// Commits batches until the leader's own request is done (or the queue is empty), then lets others lead.
    fn lead(&self, writer: &Mutex<Writer>, own: Option<&Ticket>) {
        let guard = PanicGuard {
            queue: self,
            leads: true,
        };
        loop {
            let mut batch = self.next_batch();
            if !batch.is_empty() {
                let write =
                    |writer: &mut Writer| commit(writer, std::mem::take(&mut batch), &|error| self.poison(error));
                if let Err(error) = self.with(writer, write) {
                    settle_all(batch, &error);
                }
            }
            let mut waiting = self.waiting.lock();
            let finished = own.is_some_and(|ticket| ticket.outcome.lock().is_some());
            if waiting.requests.is_empty() || finished {
                waiting.leading = false;
                if waiting.closed || !waiting.requests.is_empty() {
                    self.work.notify_one();
                }
                guard.disarm();
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

/// A panic while leading or writing must not leave the others waiting for ever, nor let them write on. It is disarmed
/// where all went well: asking whether the thread panics would not do, a destructor may append while it does.
struct PanicGuard<'a> {
    queue: &'a Queue,
    leads: bool,
}

impl PanicGuard<'_> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        self.queue.poison(&panicked(&self.queue.path));
        if self.leads {
            self.queue.waiting.lock().leading = false;
        }
        self.queue.work.notify_all();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // Nothing to do for one that was settled, which is every one unless a thread panicked with it in its hands.
        self.ticket.settle_with(|| Err(panicked(&self.path)));
    }
}

fn panicked(path: &Path) -> Error {
    Error::Poisoned {
        path: path.to_owned(),
        cause: "a thread panicked while it wrote".to_owned(),
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
            settle_all(batch, &error);
        }
        Err(CommitFailure::Refused(error)) if counts.len() < 2 => settle_all(batch, &error),
        Err(CommitFailure::Refused(_)) => {
            let mut entries = entries.into_iter();
            for (mut request, count) in batch.into_iter().zip(counts) {
                request.entries = entries.by_ref().take(count).collect();
                commit(writer, vec![request], poison);
            }
        }
    }
}

fn settle_all(requests: Vec<Request>, error: &Error) {
    for request in requests {
        request.ticket.settle(Err(error.clone()));
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
        self.settle_with(|| outcome);
    }

    /// The first outcome stays.
    fn settle_with(&self, outcome: impl FnOnce() -> Result<Vec<Receipt>>) {
        self.outcome.lock().get_or_insert_with(outcome);
        self.done.notify_all();
    }
}
