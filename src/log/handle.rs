//! A log that is open for writing, with its threads.

use super::act::Fresh;
use super::clock::Clock;
use super::copy::refuse_copy;
use super::door::Door;
use super::dropping;
use super::events::{self, Identity, Predecessor};
use super::fault::{Fault, What};
use super::format::{Committed, Fixed};
use super::haste::{Haste, yield_to_others};
use super::journal::JournalWriter;
use super::keeper::Keeper;
use super::layout::Layout;
use super::lock::take_lock;
use super::open;
use super::options::{Errand, Options, TakenUp};
use super::queue::{Queue, Ticket};
use super::read::Files;
use super::receipt::Receipt;
use super::replay::InForce;
use super::siblings::Household;
use super::signer::{Claim, Found, Signer};
use super::terms::{Clocks, Terms};
use super::tiles::with_tiles;
use super::torn;
use super::view::{LiveJournal, Tip, View};
use super::writer::{CommitFailure, Entry, Writer};
use crate::disk::{Disk, LockGuard, Open};
use crate::error::{Error, Result};
use crate::policy::Class;
use crate::proof::{SignedCheckpoint, VerifierKey, root_at};
use crate::record::{Prepared, Writer as Author, id_text};
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A log that is open for writing. Dropping it finishes what was handed in and lets go of the lock.
pub(crate) struct Log {
    core: Arc<Core>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    door: Mutex<Option<Door>>,
}

/// What the log's threads share.
pub(crate) struct Core {
    pub(crate) files: Arc<Files>,
    pub(crate) queue: Queue,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) options: Options,
    /// Held by whoever drops segments.
    pub(crate) dropping: Mutex<()>,
    /// Held by whoever anchors.
    pub(crate) anchoring: Mutex<()>,
    /// Who this process's own callers are.
    author: Arc<Author>,
}

/// How often the committing thread looks whether the journal has become too old.
const PATIENCE: Duration = Duration::from_secs(60);

impl Log {
    /// Creates a log and its first record.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        layout: Layout,
        identity: Identity,
        options: Options,
        predecessor: Option<Predecessor>,
    ) -> Result<Self> {
        for dir in layout.dirs() {
            disk.create_dir(&dir)
                .map_err(|error| Error::io("creating", &dir, error))?;
        }
        let lock = take_lock(&*disk, &layout)?;
        let empty = || open::identify(&*disk, &layout).map(|found| found.is_none());
        if !empty()? {
            return Err(Error::Exists {
                path: layout.root().to_owned(),
            });
        }
        let path = layout.journal(0);
        if disk
            .stat(&path)
            .map_err(|error| Error::io("looking for", &path, error))?
            .is_some()
        {
            // A creation that did not get as far as the first record.
            disk.remove(&path)
                .map_err(|error| Error::io("removing", &path, error))?;
        }
        let io = |error| Error::io("creating", &path, error);
        let file = disk.open(&path, Open::Create).map_err(io)?;
        for dir in layout.dirs() {
            disk.sync_dir(&dir).map_err(|error| Error::io("syncing", &dir, error))?;
        }
        let journal = JournalWriter::resume(Arc::clone(&file), &path, 0, identity.log_id, 0, options.growth());
        let journal = journal.map_err(io)?;
        let signer = Signer::create(&*disk, &layout, &identity)?;
        let view = View {
            journals: vec![LiveJournal::new(0, path.clone(), file)],
            ..View::default()
        };
        let files = Arc::new(Files::new(disk, layout, identity, view));
        let start = Start {
            tip: Tip::empty(),
            journal,
            callers: 0,
            last_news: None,
            started: None,
            last_logged: None,
            predecessor,
            terms: Terms {
                class: options.class.clone().unwrap_or_default(),
                region: options.policy.as_ref().and_then(|policy| policy.region.clone()),
                household: Household {
                    policy: None,
                    siblings: options.siblings.clone(),
                },
                people: options.policy.as_ref().map_or(Ok(Vec::new()), TakenUp::people)?,
                holds: options.holds.clone(),
                ..Terms::default()
            },
            away: None,
            began: 0,
            lock,
            signer,
        };
        let log = Self::start(files, options, start)?;
        log.take_up_policy()?;
        // Signed from the first record on.
        log.act(Writer::end_epoch)?;
        Ok(log)
    }

    /// Opens a log for writing.
    pub(crate) fn open(disk: Arc<dyn Disk>, layout: Layout, options: Options) -> Result<Self> {
        let unfinished = layout.unfinished();
        let io = |error| Error::io("looking for", &unfinished, error);
        if disk.stat(&unfinished).map_err(io)?.is_some() {
            return Err(Error::Damaged {
                path: layout.root().to_owned(),
                faults: vec![Fault::new(unfinished, What::Unfinished)],
            });
        }
        Self::open_at(disk, layout, options, None, Claim::Same)
    }

    /// Opens a log for writing that a person says was moved to where it is, and records that.
    pub(crate) fn adopt(disk: Arc<dyn Disk>, layout: Layout, options: Options, reason: &str) -> Result<Self> {
        let log = Self::open_at(disk, layout, options, None, Claim::Moved)?;
        let (from, to) = log.act(|writer| Ok(writer.signer.places()))?;
        log.act(|writer| writer.record(events::adopted(&from, &to, reason)))?;
        log.act(Writer::end_epoch)?;
        Ok(log)
    }

    /// Opens a log for writing that a recovery has gone through; `sealed_end` is how far it is behind its last segment.
    pub(crate) fn open_at(
        disk: Arc<dyn Disk>,
        layout: Layout,
        options: Options,
        sealed_end: Option<Tip>,
        claim: Claim,
    ) -> Result<Self> {
        refuse_copy(&*disk, &layout)?;
        // Looked at before the lock is taken, which would create a directory's first file.
        if open::identify(&*disk, &layout).is_ok_and(|identity| identity.is_none()) {
            return Err(Error::NotADatabase {
                path: layout.root().to_owned(),
            });
        }
        let lock = take_lock(&*disk, &layout)?;
        let identity = open::identify(&*disk, &layout)?;
        let identity = identity.ok_or_else(|| Error::NotADatabase {
            path: layout.root().to_owned(),
        })?;
        let opened = open::open(&*disk, &layout, &identity, sealed_end)?;
        let last = opened.last;
        let mut view = opened.view;
        if let Some(journal) = view.journals.last_mut() {
            journal.file = Arc::clone(&last.journal.file);
        }
        let journal = JournalWriter::resume(
            Arc::clone(&last.journal.file),
            &last.journal.path,
            last.journal.first_seq,
            identity.log_id,
            last.journal.end,
            options.growth(),
        );
        let journal = journal.map_err(|error| Error::io("opening", &last.journal.path, error))?;
        let signer = claim_keys(
            &*disk,
            &layout,
            &identity,
            &view,
            (&opened.sealed, &opened.keys, &last.tip),
            claim,
        )?;
        let files = Arc::new(Files::new(disk, layout, identity, view));
        let started = last.logged.map(|(first, _)| first);
        let in_force = opened.keys.as_ref();
        let last_logged = last.logged.map(|(_, last)| last).or(in_force.map(|now| now.logged));
        let mut terms = opened.terms;
        let stepped = in_force.map_or(0, |now| now.stepped);
        let away = away(&*files.disk, &terms.clock, opened.stated, stepped, last_logged);
        terms.clock.ahead_ns = in_force.map_or(0, |now| now.ahead);
        let start = Start {
            tip: last.tip,
            journal,
            callers: last.callers,
            last_news: last.last_news,
            started,
            last_logged,
            predecessor: None,
            terms,
            away,
            began: in_force.map_or(0, |now| now.began),
            lock,
            signer,
        };
        let log = Self::start(files, options, start)?;
        // A journal that was being closed when a crash came goes on: that an epoch ends it says nothing.
        if log.core.files.view.read().journals.len() > 1 {
            log.core.keeper.closed_one(&log.core.files);
        }
        let files = Arc::clone(log.files());
        for cut in torn::unrecorded(&*files.disk, &files.layout)? {
            let event = cut.event(&*files.disk, &files.layout)?;
            log.act(|writer| writer.record(events::recovered(&event)))?;
            cut.settle(&*files.disk, &files.layout)?;
        }
        dropping::finish(&files)?;
        log.take_up_policy()?;
        if let Some(class) = log.core.options.class.clone() {
            log.set_class(class, None)?;
        }
        Ok(log)
    }

    fn start(files: Arc<Files>, options: Options, start: Start) -> Result<Self> {
        let uid = own_uid();
        let keeper = Arc::new(Keeper::new(&options));
        let committed = committed_file(&files)?;
        let writer = Writer {
            files: Arc::clone(&files),
            options: options.clone(),
            author: Author::unix(uid),
            tip: start.tip,
            journal: start.journal,
            callers: start.callers,
            last_news: start.last_news,
            started: start.started,
            clock: Clock {
                wall: start.last_logged,
                monotonic: start
                    .away
                    .map(|away| i128::from(files.disk.monotonic()) - i128::from(away)),
            },
            predecessor: start.predecessor,
            terms: start.terms,
            fresh: Fresh::for_writing(start.began),
            unannounced: true,
            streams: super::streams::Streams::default(),
            undefined: std::collections::HashSet::new(),
            committed,
            lock: start.lock,
            signer: start.signer,
            keeper: Arc::clone(&keeper),
        };
        writer.tell_committed();
        let queue = Queue::new(files.layout.root(), options.queue_bytes, options.frame_bytes);
        let author = Arc::new(Author::unix(uid));
        let core = Arc::new(Core {
            files,
            queue,
            writer: Mutex::new(writer),
            keeper,
            options,
            dropping: Mutex::default(),
            anchoring: Mutex::default(),
            author,
        });
        let mut threads = Vec::new();
        if core.options.threads {
            let serving = Arc::clone(&core);
            threads.push(spawn("auditdb-commit", move || serving.serve())?);
            let keeping = Arc::clone(&core);
            let keep = move || {
                yield_to_others(Haste::Soon);
                keeping.keeper.run(&keeping.files);
            };
            threads.push(spawn("auditdb-keep", keep)?);
        }
        if core.options.threads {
            core.followers()
                .for_each(|follower| follower.begin(super::follow::Pen::new(&core)));
        }
        let door = if core.options.door && core.options.threads {
            Door::open(&core).map_err(|error| error.to_string())
        } else {
            Err("it was opened without a door".to_owned())
        };
        // The log is as good without a door. Whoever finds the lock taken is told why there is none.
        let door = door.unwrap_or_else(|why| {
            let _ = core.writer.lock().lock.note(&why);
            None
        });
        Ok(Log {
            core,
            threads: Mutex::new(threads),
            door: Mutex::new(door),
        })
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.core.files
    }

    /// What whoever indexes may do with the log.
    #[cfg(feature = "search")]
    pub(crate) fn pen(&self) -> super::follow::Pen {
        super::follow::Pen::new(&self.core)
    }

    /// Makes records durable; lists of more than a frame's worth go in several frames.
    pub(crate) fn append(&self, records: Vec<Prepared>) -> Result<(Vec<Receipt>, bool)> {
        self.core.append(records, &self.core.author)
    }

    /// Hands a record over; it is made durable while the caller goes on.
    pub(crate) fn submit(&self, record: Prepared) -> Result<Arc<Ticket>> {
        self.core.submit(record, &self.core.author)
    }

    /// Hands records over as [`Log::submit`] does; those of one ticket become durable as one.
    #[cfg(any(feature = "cli", feature = "server"))]
    pub(crate) fn submit_all(&self, records: Vec<Prepared>) -> Result<Vec<Arc<Ticket>>> {
        let frames = self.core.queue.frames(records).into_iter();
        frames
            .map(|records| self.core.submit_all(records, &self.core.author))
            .collect()
    }

    /// Seals what is in the journal, if any of it is a caller's, and waits until that is done.
    pub(crate) fn seal(&self) -> Result<bool> {
        self.core.seal()
    }

    /// Runs an errand, as the room does that knows how.
    pub(crate) fn run(&self, errand: Errand, asked: &[u8]) -> Result<Vec<u8>> {
        let act = self.core.options.act.ok_or_else(|| Error::ReadOnly {
            path: self.core.files.layout.root().to_owned(),
        })?;
        act(errand, &self.core, asked)
    }

    /// Keeps records for another time from here on.
    pub(crate) fn set_class(&self, class: Class, reason: Option<&str>) -> Result<()> {
        self.core.set_class(class, reason)
    }

    /// Signs and stores how far the log is.
    pub(crate) fn checkpoint(&self) -> Result<SignedCheckpoint> {
        self.act(Writer::checkpoint)
    }

    /// Signs checkpoints with a new key from here on.
    pub(crate) fn rotate_key(&self) -> Result<VerifierKey> {
        self.core.rotate_key()
    }

    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Writer) -> std::result::Result<T, CommitFailure>) -> Result<T> {
        self.core.act(act)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(mut door) = self.door.lock().take() {
            door.close();
        }
        self.core.followers().for_each(|follower| follower.stop());
        self.core.queue.close();
        self.core.keeper.stop();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has poisoned the queue; there is nothing left to say here.
            let _ = thread.join();
        }
    }
}

impl Core {
    pub(crate) fn append(&self, records: Vec<Prepared>, author: &Arc<Author>) -> Result<(Vec<Receipt>, bool)> {
        let frames = self.queue.frames(records);
        let (alone, mut receipts) = (frames.len() < 2, Vec::new());
        for records in frames {
            let entries = records.into_iter().map(|record| entry(record, author)).collect();
            receipts.extend(self.queue.append(&self.writer, entries)?);
        }
        Ok((receipts, alone))
    }

    /// Whether a name is that of the user who runs this process, or of one who may do everything.
    pub(crate) fn is_own(&self, author: &Author) -> bool {
        *author == *self.author || *author == Author::unix(0)
    }

    pub(crate) fn submit(&self, record: Prepared, author: &Arc<Author>) -> Result<Arc<Ticket>> {
        self.submit_all(vec![record], author)
    }

    /// Hands over records that become durable as one.
    fn submit_all(&self, records: Vec<Prepared>, author: &Arc<Author>) -> Result<Arc<Ticket>> {
        let entries = records.into_iter().map(|record| entry(record, author)).collect();
        if self.options.threads {
            return self.queue.submit(entries);
        }
        Ok(Ticket::settled(self.queue.append(&self.writer, entries)))
    }

    pub(crate) fn seal(&self) -> Result<bool> {
        let sealed = self.act(|writer| {
            if writer.callers == 0 {
                return Ok(false);
            }
            writer.roll().map(|()| true)
        })?;
        if self.keeper.failure().is_some() {
            self.keeper.closed_one(&self.files);
        }
        self.keeper.wait(&self.files)?;
        Ok(sealed)
    }

    pub(crate) fn set_class(&self, class: Class, reason: Option<&str>) -> Result<()> {
        // What is being dropped was to be kept for the time that held until now.
        let _alone = self.dropping.lock();
        self.act(|writer| writer.set_class(class, reason))
    }

    pub(crate) fn rotate_key(&self) -> Result<VerifierKey> {
        self.act(|writer| {
            writer.rotate_key()?;
            Ok(writer.signer.log_key().clone())
        })
    }

    /// Whoever follows the log.
    pub(crate) fn followers(&self) -> impl Iterator<Item = &Arc<dyn super::follow::Follower>> {
        self.options.followers.iter()
    }

    /// Does something with the writer while nobody else does.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Writer) -> std::result::Result<T, CommitFailure>) -> Result<T> {
        self.queue.with(&self.writer, |writer| {
            act(writer).map_err(|failure| match failure {
                CommitFailure::Refused(error) => error,
                CommitFailure::Unknown(error) => {
                    let path = self.files.layout.root().to_owned();
                    let error = Error::Poisoned {
                        path,
                        cause: error.to_string(),
                    };
                    // While nobody else can reach the writer.
                    self.queue.poison(&error);
                    error
                }
            })
        })?
    }

    /// The committing thread's work: what was submitted, and closing a journal that has become old.
    fn serve(&self) {
        while self.queue.serve(&self.writer, PATIENCE) {
            let due = self.writer.try_lock().is_some_and(|writer| writer.is_due());
            if due && self.queue.poisoned().is_none() {
                // If it fails, the next append meets the same failure and tells its caller.
                let _ = self.act(Writer::roll_if_due);
            }
        }
    }
}

/// Where writing goes on from.
struct Start {
    tip: Tip,
    journal: JournalWriter,
    callers: u64,
    last_news: Option<u64>,
    started: Option<i64>,
    last_logged: Option<i64>,
    predecessor: Option<Predecessor>,
    terms: Terms,
    /// How long ago the last record was logged, where that is known in another way than by the clock.
    away: Option<i64>,
    /// Where the present epoch began.
    began: u64,
    signer: Signer,
    lock: Box<dyn LockGuard>,
}

/// How long ago the last record was logged, by how long the machine has been running: if it is still the same run as when
/// the last state was written, when the clock said `stated` and since when it stepped by so much.
fn away(disk: &dyn Disk, clock: &Clocks, stated: Option<i64>, stepped: i64, last: Option<i64>) -> Option<i64> {
    let boot = disk.boot_id().map(id_text)?;
    let passed = i64::try_from(disk.uptime()?.checked_sub(clock.uptime_ns?)?).ok()?;
    let until_last = last?.checked_sub(stated?)?.checked_sub(stepped)?;
    (clock.boot.as_ref() == Some(&boot)).then(|| passed.saturating_sub(until_last).max(0))
}

/// The secrets of a log that is opened for writing, if it is the one that they signed for.
fn claim_keys(
    disk: &dyn Disk,
    layout: &Layout,
    identity: &Identity,
    view: &View,
    (sealed, in_force, tip): (&Tip, &Option<InForce>, &Tip),
    claim: Claim,
) -> Result<Signer> {
    // Nearly always it was signed last behind the last segment, and the tree's files need not be asked.
    let root = |size: u64| {
        let behind = size
            .checked_sub(sealed.next_seq())
            .and_then(|count| usize::try_from(count).ok());
        let Some(count) = behind else {
            return with_tiles(disk, layout, view, |tiles| root_at(tiles, size));
        };
        let mut tree = sealed.tree.clone();
        let leaves = view.journals.iter().flat_map(|journal| &journal.leaves);
        leaves.take(count).for_each(|leaf| tree.push(*leaf));
        Ok(tree.root())
    };
    let found = Found {
        tip,
        in_force: in_force.as_ref(),
        root_at: &root,
    };
    Signer::open(disk, layout, identity, &found, claim)
}

/// The file for the hint, where the system tells one boot from another.
fn committed_file(files: &Files) -> Result<Option<Arc<dyn crate::disk::DiskFile>>> {
    let path = files.layout.committed();
    let io = |error| Error::io("opening", &path, error);
    if files.disk.boot_id().is_none() {
        // One that nobody moves on would hide from readers what is appended from here on.
        if files.disk.stat(&path).map_err(io)?.is_some() {
            files.disk.remove(&path).map_err(io)?;
        }
        return Ok(None);
    }
    let file = match files.disk.stat(&path).map_err(io)? {
        Some(_) => files.disk.open(&path, Open::Write).map_err(io)?,
        None => files.disk.open(&path, Open::Create).map_err(io)?,
    };
    if file.len().map_err(io)? > Committed::LEN as u64 {
        file.set_len(0).map_err(io)?;
    }
    Ok(Some(file))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Error::io("starting the thread", name, error))
}

#[cfg(unix)]
fn own_uid() -> u32 {
    // The effective one, as the kernel tells a peer: a record is from the same writer whichever way it takes.
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn own_uid() -> u32 {
    0
}

/// A record in the name of whom it says, or else of that author.
fn entry(mut record: Prepared, author: &Arc<Author>) -> Entry {
    Entry {
        author: record.writer.take().unwrap_or_else(|| Arc::clone(author)),
        record,
    }
}
