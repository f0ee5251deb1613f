//! Building a view from the files, and with it what the writer has to know to go on.

use super::backed_up::{BackedUpTo, Backup};
use super::derive::derive;
use super::events::{SYSTEM, StateKeys, Stated, event_of, is_news, mark_name, stated};
use super::fault::{Fault, What};
use super::format::{Committed, Fixed};
use super::journal::{Frame, FrameReader, Tail, tail};
use super::layout::{Layout, journal_seq, segment_seq};
use super::siblings::Household;
use super::standing::{stated_by_journal, tip_before, tip_of_directory};
use super::tombstone;
use super::view::{Framed, LiveJournal, SegmentRef, Tip, View};
use crate::disk::{Disk, DiskFile, Open};
use crate::record::read_head;
use std::sync::Arc;

/// A journal that was read from its beginning.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) journal: LiveJournal,
    /// How far the log is after its last frame.
    pub(crate) tip: Tip,
    /// When its first and its last record were logged.
    pub(crate) logged: Option<(i64, i64)>,
    /// How many of its records are not the log's own.
    pub(crate) callers: u64,
    /// The seq of the last record that is news.
    pub(crate) last_news: Option<u64>,
    /// Whether its last record closes it.
    pub(crate) closed: bool,
    /// The keys that its records put in force; nothing if none of them says.
    pub(crate) keys: Option<InForce>,
    /// The policy and the other logs, as its records say.
    pub(crate) household: Household,
    /// What the newest of its records says of a backup, if one does.
    pub(crate) backup: Option<BackedUpTo>,
    /// Positioned behind the last intact frame.
    pub(crate) reader: FrameReader,
}

/// The keys that are in force, as a log says, and how far it was when the present epoch began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) keys: StateKeys,
    pub(crate) began: u64,
    /// When it began, in nanoseconds since 1970.
    pub(crate) logged: i64,
    /// By how much the clock is ahead without anybody having accepted that, and by how much it stepped since the last
    /// state, in nanoseconds.
    pub(crate) ahead: i64,
    pub(crate) stepped: i64,
    /// When that state was logged, where it is known.
    stated: Option<i64>,
    /// Whether the log tells of its clock; one from before it did says nothing about it.
    pub(crate) tells: bool,
}

impl InForce {
    /// What a mark says on top of what was in force before; `None` if that cannot be told.
    pub(crate) fn after(before: Option<&InForce>, line: &[u8]) -> Option<InForce> {
        let head = read_head(line)?;
        let members = line.get(head.members)?;
        match stated(members)? {
            Stated::State(state) => Some(InForce {
                keys: state.keys,
                began: head.seq,
                logged: head.logged,
                stepped: 0,
                stated: Some(head.logged),
                tells: state.clock.is_some(),
                ahead: state.clock.unwrap_or_default().ahead_ns,
            }),
            Stated::Epoch(epoch) => {
                let keys = StateKeys {
                    log: epoch.log_key,
                    epoch: epoch.epoch.checked_add(1)?,
                    epoch_key: epoch.next_key,
                };
                Some(InForce {
                    keys,
                    began: head.seq + 1,
                    logged: head.logged,
                    ahead: epoch.ahead_ns,
                    stepped: before.map_or(0, |before| before.stepped),
                    stated: before.and_then(|before| before.stated),
                    tells: before.is_some_and(|before| before.tells),
                })
            }
            Stated::Key(change) => {
                let mut after = before?.clone();
                after.keys.log = change.new;
                Some(after)
            }
            Stated::Clock(clock) => {
                let mut after = before?.clone();
                let step = clock.step().filter(|_| after.tells).unwrap_or(0);
                after.ahead = after.ahead.saturating_add(step);
                // What came in one frame with the state had stepped before.
                if after.stated != Some(head.logged) {
                    after.stepped = after.stepped.saturating_add(step);
                }
                Some(after)
            }
            Stated::ClockAccepted(_) => {
                let mut after = before?.clone();
                after.ahead = 0;
                Some(after)
            }
            Stated::Hold(_)
            | Stated::Released(_)
            | Stated::People(_)
            | Stated::Dropping(_)
            | Stated::Anchor(_)
            | Stated::Policy(_)
            | Stated::Created(_) => before.cloned(),
        }
    }
}

/// Reads a journal's frames before `end`; the first must go on from `tip`.
pub(crate) fn replay(reader: FrameReader, first_seq: u64, tip: Tip, end: u64) -> Result<Replayed, Fault> {
    let path = reader.path().to_owned();
    let journal = LiveJournal::new(first_seq, path, Arc::clone(reader.file()));
    let mut replayed = Replayed {
        journal,
        tip,
        logged: None,
        callers: 0,
        last_news: None,
        closed: false,
        keys: None,
        household: Household::default(),
        backup: None,
        reader,
    };
    if first_seq != replayed.tip.next_seq() {
        return Err(Fault::new(&replayed.journal.path, What::Gap).seqs(
            replayed.tip.next_seq().min(first_seq),
            replayed.tip.next_seq().max(first_seq).saturating_sub(1),
        ));
    }
    replayed.go_on(end, |_| {})?;
    Ok(replayed)
}

impl Replayed {
    /// Reads the frames that follow, before `end`, and tells of each.
    pub(crate) fn go_on(&mut self, end: u64, mut tell: impl FnMut(&Framed<'_>)) -> Result<(), Fault> {
        while let Some(frame) = self.reader.next(end)? {
            self.take(&frame, &mut tell)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame, tell: &mut impl FnMut(&Framed<'_>)) -> Result<(), Fault> {
        let header = &frame.header;
        let last = frame.end_seq().saturating_sub(1);
        let fault = |what| {
            Fault::new(&self.journal.path, what)
                .at(header.offset)
                .seqs(header.first_seq, last)
        };
        if header.first_seq != self.tip.next_seq() || header.chain_before != self.tip.chain {
            return Err(fault(What::Chain));
        }
        let derived = derive(&frame.text, header.first_seq, header.chain_before).map_err(|bad| fault(bad.what))?;
        if derived.leaves.len() as u64 != u64::from(header.count) {
            return Err(fault(What::Line));
        }
        let (first, last) = derived.spans.logged;
        self.logged = Some((self.logged.map_or(first, |(before, _)| before), last));
        for line in frame.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(head) = read_head(line) else { continue };
            let members = line.get(head.members).unwrap_or_default();
            let system = members.starts_with(SYSTEM);
            self.callers += u64::from(!system);
            if is_news(members) {
                self.last_news = Some(head.seq);
            }
            let name = mark_name(members);
            self.closed = name == Some(b"epoch");
            if name == Some(b"backup") {
                self.backup = event_of::<Backup>(members)
                    .map(|event| event.said)
                    .or(self.backup.take());
            }
        }
        for mark in &derived.marks {
            self.keys = InForce::after(self.keys.as_ref(), &mark.line);
            let members = read_head(&mark.line).and_then(|head| mark.line.get(head.members));
            if let Some(said) = members.and_then(stated) {
                self.household.take(&said);
            }
        }
        self.tip.advance(&derived);
        let framed = Framed {
            first_seq: derived.first_seq,
            count: derived.leaves.len() as u64,
            offset: header.offset,
            end: frame.end_offset(),
            text: frame.text.len() as u64,
            keys: &derived.keys,
            streams: &derived.streams,
            leaves: &derived.leaves,
        };
        self.journal.push(&framed);
        tell(&framed);
        Ok(())
    }
}

/// The names of a log's files, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) segments: Vec<u64>,
    pub(crate) journals: Vec<u64>,
    /// Segments that came after the journals were listed.
    pub(crate) newer: Vec<u64>,
    /// Names that belong to neither.
    pub(crate) others: Vec<std::path::PathBuf>,
}

impl Listing {
    pub(crate) fn read(disk: &dyn Disk, layout: &Layout) -> std::io::Result<Self> {
        // Journals first: one that is sealed meanwhile then shows up twice and not never.
        let journals = names(disk, layout, &layout.journal_dir())?;
        let segments = names(disk, layout, &layout.segment_dir())?;
        let mut others = Vec::new();
        let mut seqs = |names: Vec<String>, dir: std::path::PathBuf, seq: fn(&str) -> Option<u64>| {
            let mut seqs: Vec<u64> = Vec::new();
            for name in names {
                match seq(&name) {
                    Some(seq) => seqs.push(seq),
                    None => others.push(dir.join(name)),
                }
            }
            seqs.sort_unstable();
            seqs
        };
        let journals = seqs(journals, layout.journal_dir(), journal_seq);
        let segments = seqs(segments, layout.segment_dir(), segment_seq);
        Ok(Listing {
            segments,
            journals,
            newer: Vec::new(),
            others,
        })
    }

    fn journals_of(disk: &dyn Disk, layout: &Layout) -> std::io::Result<Vec<u64>> {
        let mut seqs: Vec<u64> = names(disk, layout, &layout.journal_dir())?
            .iter()
            .filter_map(|name| journal_seq(name))
            .collect();
        seqs.sort_unstable();
        Ok(seqs)
    }
}

/// The names in one of a log's directories. A copy may have lost a directory that was empty; it is no log only if the
/// directory around it is missing too.
fn names(disk: &dyn Disk, layout: &Layout, dir: &std::path::Path) -> std::io::Result<Vec<String>> {
    match disk.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && disk.stat(layout.root())?.is_some() => {
            Ok(Vec::new())
        }
        listed => listed,
    }
}

/// A journal that was opened, or what keeps it from being read.
pub(crate) type OpenedJournal = Result<Arc<dyn DiskFile>, Fault>;

/// Opens a log's journals and lists its segments, so that a journal which is sealed while it is read stays readable.
/// Segments of journals that came later than those are newer than the snapshot; they are listed apart.
pub(crate) fn list_and_open(disk: &dyn Disk, layout: &Layout) -> std::io::Result<(Listing, Vec<OpenedJournal>)> {
    let mut tries = 0;
    let (journals, files) = loop {
        let journals = Listing::journals_of(disk, layout)?;
        let mut gone = false;
        let open = |seq: &u64| {
            let path = layout.journal(*seq);
            disk.open(&path, Open::Read).map_err(|error| {
                gone |= error.kind() == std::io::ErrorKind::NotFound;
                Fault::new(path, What::Unreadable(error.to_string()))
            })
        };
        let files: Vec<OpenedJournal> = journals.iter().map(open).collect();
        // Sealed between the two steps; the next list has another.
        if !gone || tries == 1_000 {
            break (journals, files);
        }
        tries += 1;
    };
    let mut listing = Listing::read(disk, layout)?;
    let last = journals.last().copied().unwrap_or(u64::MAX);
    listing.newer = listing.segments.iter().copied().filter(|seq| *seq > last).collect();
    listing.segments.retain(|seq| *seq <= last);
    listing.journals = journals;
    Ok((listing, files))
}

/// How far the journal is durable, as the writer told; `None` when nothing (any more) can be told.
pub(crate) fn committed(disk: &dyn Disk, layout: &Layout) -> Option<Committed> {
    told(disk, layout).filter(|told| Some(told.boot) == disk.boot_id())
}

/// What the writer told last, which may have been before the machine was started.
pub(crate) fn told(disk: &dyn Disk, layout: &Layout) -> Option<Committed> {
    let file = disk.open(&layout.committed(), Open::Read).ok()?;
    // The writer may be in the middle of moving it on.
    for _ in 0..100 {
        let mut bytes = [0; Committed::LEN];
        if file.read_at(&mut bytes, 0).ok()? < bytes.len() {
            return None;
        }
        if let Some(committed) = Committed::checked(&bytes) {
            return Some(committed);
        }
        std::thread::yield_now();
    }
    None
}

/// The first record that is still kept, if the log's first file begins there: what stood before it was dropped, or it is
/// missing, and then it is not passed over.
pub(crate) fn kept_from(disk: &dyn Disk, layout: &Layout, first_seq: u64) -> u64 {
    let dropped = || tombstone::covering(disk, layout, first_seq.checked_sub(1)?);
    match dropped() {
        Some(last) if last.said.end() == first_seq => first_seq,
        _ => 0,
    }
}

/// How far a log is behind its last sealed segment; `next` is where the first journal begins.
pub(crate) fn sealed_tip(disk: &dyn Disk, layout: &Layout, segments: &[u64], next: u64) -> Result<Tip, Fault> {
    match segments.last() {
        // Those before may have been dropped.
        None => Ok(tombstone::tip_before(disk, layout, next).unwrap_or_else(Tip::empty)),
        Some(first_seq) => tip_of_directory(disk, &layout.segment(*first_seq)),
    }
}

/// A reader's view, built from the files without the writer's help, with how far the log is and its last journal's
/// replay (which can go on as the journal grows).
pub(crate) fn read_view(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16]) -> Result<(View, Replayed), ReadFailure> {
    let (listing, files) = list_and_open(disk, layout).map_err(ReadFailure::Io)?;
    view_of(disk, layout, log_id, &listing, files).map_err(ReadFailure::Fault)
}

/// The tip of a log that is not open for writing here, with a view of it.
pub(crate) fn read_tip(disk: &dyn Disk, layout: &Layout, log_id: [u8; 16]) -> Result<(View, Tip), ReadFailure> {
    read_view(disk, layout, log_id).map(|(view, last)| (view, last.tip))
}

/// Why no view could be built.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    Io(std::io::Error),
    Fault(Fault),
}

fn view_of(
    disk: &dyn Disk,
    layout: &Layout,
    log_id: [u8; 16],
    listing: &Listing,
    files: Vec<OpenedJournal>,
) -> Result<(View, Replayed), Fault> {
    let first_journal = listing.journals.first().copied();
    let Some(first_journal) = first_journal else {
        return Err(Fault::new(layout.journal_dir(), What::Missing));
    };
    // Until a journal is gone it is what counts; its segment may still be being checked.
    let sealed: Vec<u64> = listing
        .segments
        .iter()
        .copied()
        .filter(|seq| *seq < first_journal)
        .collect();
    // A reader reads what it can: a lost segment does not take with it what stands behind it.
    let stated = || stated_by_journal(disk, &layout.journal(first_journal));
    let mut tip = tip_before(disk, layout, sealed.last().copied(), first_journal, stated)?;
    let segments = sealed
        .iter()
        .map(|seq| Arc::new(SegmentRef::new(*seq, layout.segment(*seq))))
        .collect();
    let mut view = View {
        segments: Arc::new(segments),
        kept_from: kept_from(disk, layout, sealed.first().copied().unwrap_or(first_journal)),
        ..View::default()
    };
    let mut last: Option<Replayed> = None;
    for (seq, file) in listing.journals.iter().zip(files) {
        // Asked anew for each journal, since the writer may have gone on to the next one meanwhile.
        let told = committed(disk, layout).filter(|told| told.journal == *seq);
        let end = told.as_ref().map_or(u64::MAX, |told| told.offset);
        let reader = file.map(|file| FrameReader::of(file, &layout.journal(*seq), log_id));
        match reader.and_then(|reader| replay(reader, *seq, tip.clone(), end)) {
            Ok(replayed) => {
                tip = replayed.tip.clone();
                view.journals.push(replayed.journal.clone());
                view.broken = broken_off(disk, &replayed, told.is_some(), end)?;
                last = Some(replayed);
            }
            // What was read before stays readable.
            Err(fault) if last.is_some() => {
                view.broken.get_or_insert(fault);
                break;
            }
            Err(fault) => return Err(fault),
        }
    }
    let last = last.ok_or_else(|| Fault::new(layout.journal_dir(), What::Missing))?;
    Ok((view, last))
}

/// What is wrong where a journal could not be read any further, if it goes on there.
fn broken_off(disk: &dyn Disk, replayed: &Replayed, told: bool, end: u64) -> Result<Option<Fault>, Fault> {
    let reader = &replayed.reader;
    let offset = reader.offset();
    if told && offset == end {
        return Ok(None);
    }
    // Without the writer's word nobody writes to it since the machine was started; or the system does not tell one start
    // from another, and what stands there may be a write that is under way.
    if !told && disk.boot_id().is_none() {
        return Ok(None);
    }
    match tail(reader)? {
        Tail::Damaged(fault) => Ok(Some(fault)),
        Tail::Clean | Tail::Torn { .. } if told => {
            Ok(Some(Fault::new(&replayed.journal.path, What::Shortened).at(offset)))
        }
        Tail::Clean | Tail::Torn { .. } => Ok(None),
    }
}
