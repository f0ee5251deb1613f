//! The one that writes: gives records their seqs, recognises retries, and puts frames into the journal. Whoever holds
//! it is alone; callers queue up before it (`commit`).
//!
//! What must hold: nothing about the log moves on before the frame is durable, so a write that failed and was cut back
//! leaves everything as it was.

use super::act::Fresh;
use super::checkpoints;
use super::clock::Clock;
use super::draft::{Draft, Stamp};
use super::events::{self, Predecessor};
use super::format::{COMMITTED_MAGIC, Committed, FORMAT};
use super::journal::{JournalWriter, WriteFailure};
use super::keeper::Keeper;
use super::keyring;
use super::options::Options;
use super::read::Files;
use super::receipt::Receipt;
use super::signer::Signer;
use super::streams::Streams;
use super::terms::{self, Terms};
use super::view::{Framed, LiveJournal, Tip};
use crate::disk::{DiskFile, LockGuard};
use crate::error::{Error, Result};
use crate::policy::Class;
use crate::proof::{Hash, SignedCheckpoint};
use crate::record::{Head, Prepared, Writer as Author, read_head};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The state of a log that is open for writing.
pub(crate) struct Writer {
    pub(crate) files: Arc<Files>,
    pub(crate) options: Options,
    /// Who the log's own records are from: this process's user.
    pub(crate) author: Author,
    pub(crate) tip: Tip,
    pub(crate) journal: JournalWriter,
    /// How many of the journal's records are not the log's own, and when its first was logged.
    pub(crate) callers: u64,
    /// The seq of the journal's last record that is news.
    pub(crate) last_news: Option<u64>,
    pub(crate) started: Option<i64>,
    pub(crate) clock: Clock,
    /// What every state says besides the keys. Its clock is that of the opening, but for how far it is ahead.
    pub(crate) terms: Terms,
    /// Which statements of people are taken.
    pub(crate) fresh: Fresh,
    /// The log that a new one goes on from.
    pub(crate) predecessor: Option<Predecessor>,
    /// Whether it was not yet recorded that the log was opened.
    pub(crate) unannounced: bool,
    pub(crate) streams: Streams,
    /// Digests of which no definition is known, asked for since the journal began.
    pub(crate) undefined: HashSet<u64>,
    pub(crate) committed: Option<Arc<dyn DiskFile>>,
    /// Let go of before the log's own lock: whoever finds that free finds this free.
    pub(crate) signer: Signer,
    pub(crate) lock: Box<dyn LockGuard>,
    pub(crate) keeper: Arc<Keeper>,
}

/// A caller's record with who wrote it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Prepared,
    pub(crate) author: Arc<Author>,
}

/// Why a batch is not in the log.
#[derive(Debug)]
pub(crate) enum CommitFailure {
    /// Nothing was stored and nothing else changed.
    Refused(Error),
    /// Nobody can tell what is on the disk: no more writing.
    Unknown(Error),
}

impl From<Error> for CommitFailure {
    fn from(error: Error) -> Self {
        CommitFailure::Refused(error)
    }
}

/// Where the receipt of a record comes from.
enum Place {
    /// It was stored before.
    Stored(Receipt),
    /// It is the line at this place of the draft.
    Drafted(usize),
}

/// Room for what the log itself has to say.
const OWN_ROOM: usize = 1 << 10;

impl Writer {
    /// Makes a batch of records durable, in one frame.
    pub(crate) fn commit(&mut self, batch: &[Entry]) -> std::result::Result<Vec<Receipt>, CommitFailure> {
        let now = self.files.disk.now();
        let monotonic = self.files.disk.monotonic();
        let room = batch.iter().map(|entry| entry.record.weight()).sum();
        let mut draft = self.begin(now, monotonic, room);
        let mut callers = 0;
        let mut places = Vec::with_capacity(batch.len());
        for entry in batch {
            let known = self.known(&draft, &entry.record)?;
            if let Some((seq, line)) = self.sent_before(&draft, known.as_ref(), entry)? {
                places.push(match draft.place(seq) {
                    Some(place) => Place::Drafted(place),
                    None => Place::Stored(self.stored_receipt(seq, &line)?),
                });
                continue;
            }
            for digest in &entry.record.names {
                self.define_again(&mut draft, digest, now)?;
            }
            let chosen = entry.record.id.filter(|_| known.is_none());
            let stamp = Stamp {
                id: chosen.unwrap_or_else(|| self.new_id(now)),
                logged: now,
                time: entry.record.time.unwrap_or(now),
                writer: &entry.author,
                salt: chosen.map(|_| self.random()),
                conflict: known.map(|(seq, _)| seq),
            };
            draft.add(&entry.record, &stamp, &self.author, || self.new_id(now));
            places.push(Place::Drafted(draft.count() - 1));
            callers += 1;
        }
        // Nothing but retries: what the log has to say of itself can wait for the next record.
        let links = if callers > 0 {
            self.write(&draft, now, monotonic)?
        } else {
            Vec::new()
        };
        self.callers += callers;
        if callers > 0 {
            self.last_news = self.tip.next_seq().checked_sub(1);
        }
        let log: Arc<str> = Arc::from(self.files.identity.name());
        let receipt = |place| match place {
            Place::Stored(receipt) => Some(receipt),
            Place::Drafted(place) => Some(Receipt {
                log: Arc::clone(&log),
                seq: draft.before.next_seq() + place as u64,
                id: draft.id_at(place)?,
                chain: *links.get(place)?,
            }),
        };
        Ok(places.into_iter().filter_map(receipt).collect())
    }

    /// Makes one of the log's own records durable, in a frame of its own.
    pub(crate) fn record(&mut self, members: Vec<u8>) -> std::result::Result<(), CommitFailure> {
        let now = self.files.disk.now();
        let monotonic = self.files.disk.monotonic();
        let mut draft = self.begin(now, monotonic, members.len());
        let news = events::is_news(&members);
        self.own(&mut draft, members, now);
        self.write(&draft, now, monotonic)?;
        if news {
            self.last_news = self.tip.next_seq().checked_sub(1);
        }
        Ok(())
    }

    /// Whether there is anything to do although nobody appends.
    pub(crate) fn is_due(&self) -> bool {
        self.signer.is_due(self.tip.next_seq(), self.files.disk.monotonic()) || self.is_full()
    }

    /// Whether a checkpoint of that size has all that is news.
    pub(crate) fn is_all_within(&self, size: u64) -> bool {
        match self.last_news {
            Some(last) => last < size,
            None => self.journal.first_seq <= size,
        }
    }

    /// The newest checkpoint, signed anew if there is any news behind it.
    pub(crate) fn checkpoint_of_news(&mut self) -> std::result::Result<SignedCheckpoint, CommitFailure> {
        let (disk, layout) = (&*self.files.disk, &self.files.layout);
        let newest = checkpoints::newest(disk, layout).ok().flatten();
        let is_ours = |signed: &SignedCheckpoint| {
            let size = signed.checkpoint().size();
            self.is_all_within(size)
                && signed.verify(std::slice::from_ref(self.signer.log_key())).is_ok()
                && self
                    .files
                    .root_at(size)
                    .is_ok_and(|root| root == *signed.checkpoint().root())
        };
        match newest.filter(is_ours) {
            Some(newest) => Ok(newest),
            None => self.checkpoint(),
        }
    }

    /// Whether the journal is due to be sealed.
    fn is_full(&self) -> bool {
        let text = self.files.view.read().journals.last().map_or(0, |journal| journal.text);
        let age = self
            .started
            .map_or(0, |started| i128::from(self.files.disk.now()) - i128::from(started));
        self.callers > 0
            && (text >= self.options.seal_bytes
                || age >= i128::try_from(self.options.seal_age.as_nanos()).unwrap_or(i128::MAX))
    }

    /// Does what is due before a batch: ends the epoch, closes the journal when it is due, and has one zeroed ahead for the next when it will be soon.
    pub(crate) fn roll_if_due(&mut self) -> std::result::Result<(), CommitFailure> {
        if self.is_full() {
            return match self.roll() {
                // The journal can be longer than it should: evidence waits for nothing.
                Err(CommitFailure::Refused(_)) => Ok(()),
                rolled => rolled,
            };
        }
        if self.signer.is_due(self.tip.next_seq(), self.files.disk.monotonic()) {
            match self.end_epoch() {
                Err(CommitFailure::Refused(_)) | Ok(()) => {}
                unknown => return unknown,
            }
        }
        if self.options.zero_ahead && self.journal.end > self.options.seal_bytes / 4 {
            self.keeper
                .want_next(self.options.seal_bytes + self.options.seal_bytes / 16);
        }
        Ok(())
    }

    /// Closes the journal and begins the next.
    pub(crate) fn roll(&mut self) -> std::result::Result<(), CommitFailure> {
        // The file first, under another name: a disk without room for it is found before anything was closed.
        let (next, name) = self.take_next()?;
        if let Err(failure) = self.end_epoch() {
            if name == self.files.layout.next_journal() {
                self.keeper.give_next_back(next);
            } else {
                // If it stays it is removed at the next opening.
                let _ = self.files.disk.remove(&name);
            }
            return Err(failure);
        }
        self.begin_journal(next, &name)?;
        // The log is closed and goes on without it; who needs a checkpoint asks for one.
        let _ = self.checkpoint();
        Ok(())
    }

    /// Keeps records for another time from here on. A journal begins with it, so that what is promised about a record
    /// stands in its own segment's state.
    pub(crate) fn set_class(&mut self, class: Class, reason: Option<&str>) -> std::result::Result<(), CommitFailure> {
        if class == self.terms.class {
            return Ok(());
        }
        let reason = reason.filter(|_| !class.is_lawful());
        if reason.is_none() && !class.is_lawful() {
            return Err(Error::Class {
                message: format!(
                    "the law of class {} asks for more than {} months: that needs an override, with a reason",
                    class.name(),
                    class.months()
                ),
            }
            .into());
        }
        if self.journal.end > 0 {
            self.roll()?;
        }
        let before = std::mem::replace(&mut self.terms.class, class);
        let change = terms::class_change(&before, &self.terms.class, reason);
        let recorded = self.record(change);
        if let Err(CommitFailure::Refused(_)) = recorded {
            self.terms.class = before;
        }
        recorded
    }

    /// Signs how far the log is, in a record, and goes on to the next epoch.
    pub(crate) fn end_epoch(&mut self) -> std::result::Result<(), CommitFailure> {
        let (now, monotonic) = (self.files.disk.now(), self.files.disk.monotonic());
        let mut draft = self.begin(now, monotonic, 0);
        let ahead = self.ahead_at(now, monotonic);
        let members = self.signer.epoch_event(&draft.hash().after, (now, ahead));
        self.own(&mut draft, members, now);
        self.write(&draft, now, monotonic)?;
        self.fresh.epoch(self.tip.next_seq());
        let (disk, layout) = (&*self.files.disk, &self.files.layout);
        // The record is durable. Where the file is not, the next opening or epoch does it again.
        let _ = self.signer.advance(disk, layout, &self.tip);
        Ok(())
    }

    /// Signs and stores how far the log is; with an epoch of its own, if there is anything that none has signed yet.
    pub(crate) fn checkpoint(&mut self) -> std::result::Result<SignedCheckpoint, CommitFailure> {
        if self.signer.has_unsigned(self.tip.next_seq()) {
            self.end_epoch()?;
        }
        let (disk, layout) = (&*self.files.disk, &self.files.layout);
        let checkpoint = self.signer.checkpoint(disk, layout, &self.tip)?;
        checkpoints::store(disk, layout, &checkpoint)?;
        Ok(checkpoint)
    }

    /// Signs checkpoints with a new key from here on. What a crash leaves between the record and the file is finished at
    /// the next opening.
    pub(crate) fn rotate_key(&mut self) -> std::result::Result<(), CommitFailure> {
        let files = Arc::clone(&self.files);
        let (disk, layout, log_id) = (&*files.disk, &files.layout, files.identity.log_id);
        let (seed, members) = self.signer.new_log_key(disk)?;
        keyring::write_next_log_key(disk, layout, log_id, &seed)?;
        self.record(members)?;
        self.signer.set_log_key(&seed)?;
        // The record says that the new key is in force, and its only copy is in a file that another change would
        // overwrite: no more writing until an opening has finished this.
        keyring::promote_next_log_key(disk, layout, log_id).map_err(CommitFailure::Unknown)?;
        self.end_epoch()
    }

    /// The file of the next journal, zeroed ahead or empty, and the name it has until it is needed.
    fn take_next(&mut self) -> Result<(Arc<dyn DiskFile>, PathBuf)> {
        let layout = &self.files.layout;
        match self.keeper.take_next() {
            Some(file) => Ok((file, layout.next_journal())),
            None => {
                // The other name may stand for one that is being zeroed just now.
                let name = layout.empty_journal();
                let file = self.files.disk.open(&name, crate::disk::Open::Create);
                Ok((file.map_err(|error| Error::io("creating", &name, error))?, name))
            }
        }
    }

    /// Gives the next journal its name and goes on in it.
    fn begin_journal(&mut self, file: Arc<dyn DiskFile>, name: &Path) -> std::result::Result<(), CommitFailure> {
        let first_seq = self.tip.next_seq();
        let (disk, layout) = (&self.files.disk, &self.files.layout);
        let path = layout.journal(first_seq);
        let unknown = |error| CommitFailure::Unknown(Error::io("creating", &path, error));
        let growth = self.options.growth();
        let log_id = self.files.identity.log_id;
        if disk.stat(&path).map_err(unknown)?.is_some() {
            return Err(CommitFailure::Unknown(Error::Exists { path }));
        }
        disk.rename(name, &path).map_err(unknown)?;
        let named = disk.stat(&path).map_err(unknown)?.map(|stat| stat.inode);
        if named != Some(file.inode().map_err(unknown)?) {
            // Somebody put another file in its place; what is written would not be found again.
            return Err(CommitFailure::Unknown(Error::Exists { path }));
        }
        disk.sync_dir(&layout.journal_dir()).map_err(unknown)?;
        let live = LiveJournal::new(first_seq, path.clone(), Arc::clone(&file));
        self.journal = JournalWriter::resume(file, &path, first_seq, log_id, 0, growth).map_err(unknown)?;
        self.files.view.write().journals.push(live);
        self.callers = 0;
        self.last_news = None;
        self.started = None;
        self.undefined.clear();
        self.tell_committed();
        self.keeper.closed_one(&self.files);
        Ok(())
    }

    /// Whether another process could think that it is the one that writes.
    pub(crate) fn check_lock(&self) -> Result<()> {
        let path = self.files.layout.lock();
        match self.lock.still_named() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::LockReplaced { path }),
            Err(error) => Err(Error::io("checking", path, error)),
        }
    }

    /// Lets readers know how far the journal is durable. A hint: it may fail and may get lost.
    pub(crate) fn tell_committed(&self) {
        let Some((file, boot)) = self.committed.as_ref().zip(self.files.disk.boot_id()) else {
            return;
        };
        let committed = Committed {
            magic: COMMITTED_MAGIC,
            version: FORMAT,
            flags: 0,
            boot,
            journal: self.journal.first_seq,
            offset: self.journal.end,
            next_seq: self.tip.next_seq(),
            crc: 0,
        };
        if file.write_at(&committed.sealed(), 0).is_err() {
            // One that stays behind would hide from readers what was acknowledged; none at all does not.
            let _ = file
                .set_len(0)
                .or_else(|_| self.files.disk.remove(&self.files.layout.committed()));
        }
    }

    /// A draft that begins with what the log itself has to say first.
    pub(super) fn begin(&self, now: i64, monotonic: u64, room: usize) -> Draft {
        let mut draft = Draft::new(&self.tip, room + OWN_ROOM);
        if self.journal.end == 0 {
            let identity = &self.files.identity;
            let now_holding = Terms {
                clock: self.clocks(),
                ..self.terms.clone()
            };
            let members = match self.tip.next_seq() {
                0 => events::genesis(identity, self.signer.keys(), &now_holding, self.predecessor.clone()),
                _ => events::state(
                    identity,
                    self.signer.keys(),
                    &now_holding,
                    &self.tip.tree,
                    &self.tip.chain,
                ),
            };
            self.own(&mut draft, members, now);
        }
        if self.unannounced {
            self.own(&mut draft, events::opened(&self.clocks()), now);
        }
        if let Some((before, elapsed, _)) = self.step(now, monotonic) {
            self.own(&mut draft, terms::clock(before, now, elapsed), now);
        }
        draft
    }

    pub(super) fn own(&self, draft: &mut Draft, members: Vec<u8>, now: i64) -> u64 {
        let stamp = Stamp {
            id: self.new_id(now),
            logged: now,
            time: now,
            writer: &self.author,
            salt: None,
            conflict: None,
        };
        draft.add(&Prepared::of_the_log(members), &stamp, &self.author, || {
            self.new_id(now)
        })
    }

    /// Makes a draft durable and gives the links of the chain behind its lines.
    pub(super) fn write(
        &mut self,
        draft: &Draft,
        now: i64,
        monotonic: u64,
    ) -> std::result::Result<Vec<Hash>, CommitFailure> {
        // Two looks at a name for each frame: somebody who removes the lock file must not make two writers.
        self.check_lock()?;
        let offset = self.journal.end;
        let (hashed, ahead) = (draft.hash(), self.ahead_at(now, monotonic));
        self.append(draft)?;
        debug_assert!(
            super::derive::derive(&draft.lines, draft.before.next_seq(), draft.before.chain).is_ok_and(|found| (
                &found.leaves,
                &found.keys,
                &found.streams,
                found.spans
            ) == (
                &hashed.leaves,
                &draft.keys,
                &draft.streams,
                draft.spans
            ))
        );
        self.streams.extend(draft.streams.iter().copied());
        self.started = self.started.or(Some(now));
        self.terms.clock.ahead_ns = ahead;
        self.clock = Clock {
            wall: Some(now),
            monotonic: Some(i128::from(monotonic)),
        };
        self.unannounced = false;
        let mut view = self.files.view.write();
        if let Some(live) = view.journals.last_mut() {
            live.push(&Framed {
                first_seq: draft.before.next_seq(),
                count: draft.count() as u64,
                offset,
                end: self.journal.end,
                text: draft.lines.len() as u64,
                keys: &draft.keys,
                streams: &draft.streams,
                leaves: &hashed.leaves,
            });
        }
        drop(view);
        self.tip = hashed.after;
        self.signer.appended(monotonic);
        self.tell_committed();
        Ok(hashed.links)
    }

    /// Writes a draft's lines. On a full disk what was zeroed ahead is given back first, and then only as much is asked
    /// for as the frame needs.
    fn append(&mut self, draft: &Draft) -> std::result::Result<(), CommitFailure> {
        let (count, first_seq, chain) = (draft.count(), draft.before.next_seq(), draft.before.chain);
        let mut written = self.journal.append(&draft.lines, count, first_seq, chain);
        if matches!(written, Err(WriteFailure::CutBack(_))) && self.journal.grow_tightly() {
            self.keeper.give_room_back(&self.files);
            written = self.journal.append(&draft.lines, count, first_seq, chain);
        }
        written.map_err(|failure| match failure {
            WriteFailure::CutBack(error) => CommitFailure::Refused(Error::io("writing", &self.journal.path, error)),
            WriteFailure::Unknown(error) => CommitFailure::Unknown(Error::io("writing", &self.journal.path, error)),
        })
    }

    /// The receipt of a record that was stored before.
    fn stored_receipt(&self, seq: u64, line: &[u8]) -> Result<Receipt> {
        let log = Arc::from(self.files.identity.name());
        match read_head(line).zip(self.files.chain_at(seq)?) {
            Some((Head { id, .. }, chain)) => Ok(Receipt { log, seq, id, chain }),
            None => Err(Error::NotFound {
                what: format!("record {seq}"),
            }),
        }
    }

    /// A UUIDv7 of that moment.
    pub(super) fn new_id(&self, now: i64) -> [u8; 16] {
        let mut random = [0; 10];
        self.files.disk.random(&mut random);
        let milliseconds = u64::try_from(now / 1_000_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random)
            .into_uuid()
            .into_bytes()
    }

    fn random(&self) -> [u8; 16] {
        let mut random = [0; 16];
        self.files.disk.random(&mut random);
        random
    }
}
