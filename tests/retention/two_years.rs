//! Two years in a day, and four months more: nine logs, each with another promise, over months of 28 to 31 days, a leap day,
//! and nights in which clocks are put forward and back. What may go, and on which day, is worked out here once more, by a
//! calendar of its own.

use super::calendar::{Calendar, Moment, NIGHTS, SECOND};
use super::*;
use auditdb::disk::Disk;
use auditdb::proof::{ProofFile, verify_consistency};
use auditdb::{Actor, Anchors, Genesis, HeldRecords, Query, VerifyOptions};
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = "/db/auditdb.toml";

/// The logs: their names, for how many months they keep at first, days of buffer, months to the day of a law, and on every
/// how manieth day there is something to record.
const LOGS: [(&str, u32, i64, Option<u32>, usize); 9] = [
    ("main", 12, 0, None, 1),
    ("bank", 24, 0, None, 2),
    ("ward", 24, 0, None, 3),
    ("desk", 6, 0, None, 1),
    ("slow", 3, 21, None, 1),
    ("due", 2, 0, Some(3), 1),
    ("suit", 4, 0, Some(6), 1),
    ("grows", 5, 0, None, 1),
    ("shrinks", 9, 0, None, 1),
];

/// Year, month and day.
type Date = (i32, u32, u32);

const START: Date = (2027, 2, 15);
const END: Date = (2029, 6, 30);
/// On these days the policy is edited.
const LONGER: Date = (2027, 5, 20);
const SHORTER: Date = (2027, 8, 31);
/// From and until when which record is held, in which log: the one of that day.
const HOLDS: [(&str, Date, Date, Date); 2] = [
    ("suit", (2027, 3, 10), (2027, 4, 1), (2027, 11, 5)),
    ("grows", (2027, 9, 30), (2028, 1, 31), (2028, 8, 29)),
];
/// The machine is restarted.
const REBOOT: Date = (2028, 2, 29);
/// Everything is looked at.
const LOOKS: [Date; 5] = [(2027, 6, 1), (2027, 10, 31), (2028, 2, 29), (2028, 9, 15), END];

fn policy(grows: u32, shrinks: u32) -> String {
    let mut text = String::new();
    for (name, keep, buffer, delete_by, _) in LOGS {
        let (class, keep) = match name {
            "main" => ("standard", keep),
            "bank" => ("financial", keep),
            "ward" => ("health", keep),
            "desk" => ("eu-ai-act", keep),
            "grows" => (name, grows),
            "shrinks" => (name, shrinks),
            _ => (name, keep),
        };
        if class == name {
            text += &format!("[class.{name}]\nkeep = {keep}\nbuffer = {buffer}\n");
            text += &delete_by.map_or(String::new(), |by| format!("delete_by = {by}\n"));
        }
        text += &format!("[log.{name}]\nclass = \"{class}\"\n[[route]]\nagent = \"{name}\"\nlog = \"{name}\"\n");
    }
    text
}

/// What this test knows of a sealed segment.
#[derive(Debug)]
struct Sealed {
    first: u64,
    seqs: BTreeSet<u64>,
    /// The least and the greatest `logged`.
    least: Moment,
    greatest: Moment,
}

/// What this test knows of a log.
#[derive(Debug, Default)]
struct Ledger {
    buffer: i64,
    delete_by: Option<u32>,
    /// From which record of a caller's on how many months are promised, and what the next one is to begin.
    promises: Vec<(u64, u32)>,
    next: Option<u32>,
    /// The segments that are there, in order.
    there: Vec<Sealed>,
    /// The records that callers wrote, by seq, with what they say of themselves, and those of them that are gone.
    records: BTreeMap<u64, usize>,
    gone: BTreeSet<u64>,
    /// What was dropped on which day of the month.
    days: BTreeSet<u32>,
    dropped: usize,
    /// The hold that is in force, and the record that it covers.
    hold: Option<(String, u64)>,
}

impl Ledger {
    /// When that segment may go, if nothing holds it.
    fn due(&self, calendar: &Calendar, segment: &Sealed) -> Moment {
        let (_, now) = self.promises.last().unwrap();
        let last = segment.seqs.last().unwrap();
        let (_, then) = self.promises.iter().rfind(|(from, _)| from <= last).unwrap();
        let (day, time) = calendar.later(segment.greatest, *now.max(then));
        (day + usize::try_from(self.buffer).unwrap(), time)
    }

    fn is_held(&self, segment: &Sealed) -> bool {
        self.hold.as_ref().is_some_and(|(_, seq)| segment.seqs.contains(seq))
    }

    /// How many of the segments go at that moment: none behind one that stays.
    fn going(&self, calendar: &Calendar, now: Moment) -> usize {
        let goes = |segment: &&Sealed| !self.is_held(segment) && self.due(calendar, segment) <= now;
        self.there.iter().take_while(goes).count()
    }
}

/// What somebody kept of a log in its first weeks.
struct Keepsake {
    genesis: Genesis,
    text: String,
    proof: ProofFile,
}

struct World {
    calendar: Calendar,
    disk: SimDisk,
    db: Option<Database>,
    ledgers: BTreeMap<&'static str, Ledger>,
    keepsakes: BTreeMap<&'static str, Keepsake>,
    numbers: usize,
}

fn options() -> Options {
    let options = plain().seal_age(std::time::Duration::from_secs(400 * 24 * 3600));
    #[cfg(feature = "search")]
    let options = options.index(false);
    options
}

impl World {
    fn begin() -> Self {
        let (calendar, disk) = (Calendar::new(), SimDisk::new(11));
        disk.set_now(calendar.nanos((calendar.day(START), 0)));
        disk.create_dir(DIR.as_ref()).unwrap();
        disk.overwrite(FILE, policy(5, 9).as_bytes());
        let db = create(&disk, options());
        let ledger = |(name, months, buffer, delete_by, _)| {
            let ledger = Ledger {
                buffer,
                delete_by,
                promises: vec![(0, months)],
                ..Ledger::default()
            };
            (name, ledger)
        };
        World {
            ledgers: LOGS.map(ledger).into(),
            keepsakes: BTreeMap::new(),
            db: Some(db),
            numbers: 0,
            calendar,
            disk,
        }
    }

    fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    fn log(&self, name: &str) -> Database {
        Database::open_log_with(DIR, self.shared(), name).unwrap()
    }

    fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.disk.clone())
    }

    fn now(&self) -> Moment {
        self.calendar.moment(self.disk.now())
    }

    /// Lets time pass, on all clocks, until then.
    fn wait(&self, until: Moment) {
        let left = self.calendar.nanos(until) - self.disk.now();
        self.disk.advance(u64::try_from(left).unwrap());
    }

    /// Records something of which the time stands in that zone.
    fn record(&mut self, log: &'static str, at: Moment, zone: usize) {
        let (calendar, number) = (&self.calendar, self.numbers);
        let text = format!(
            r#"{{"agent":{{"id":"{log}"}},"kind":"decision","time":"{}","attributes":{{"n":{number}}}}}"#,
            calendar.local(at, zone)
        );
        let receipt = self.db().append_json(&text).unwrap();
        assert_eq!(&*receipt.log, log);
        self.numbers += 1;
        let ledger = self.ledgers.get_mut(log).unwrap();
        ledger.records.insert(receipt.seq, number);
        if let Some(months) = ledger.next.take() {
            ledger.promises.push((receipt.seq, months));
        }
    }

    /// Closes everything and opens it again, by the next process or after a restart of the machine.
    fn reopen(&mut self, disk: SimDisk) {
        self.db = None;
        self.disk = disk;
        self.db = Some(Database::open_with(DIR, self.shared(), options()).unwrap());
    }

    /// Opens one log alone to do something there.
    fn alone<T>(&mut self, log: &str, act: impl FnOnce(&Database) -> T) -> T {
        self.db = None;
        let db = Database::open_with(DIR, self.shared(), options().log(log)).unwrap();
        let done = act(&db);
        drop(db);
        self.reopen(self.disk.restart());
        done
    }

    /// Edits the policy; the logs take it up with their next record, and what is promised then is promised of that one.
    fn promise(&mut self, log: &'static str, months: u32) {
        self.ledgers.get_mut(log).unwrap().next = Some(months);
        let last = |log: &str| {
            let ledger = &self.ledgers[log];
            ledger.next.unwrap_or(ledger.promises.last().unwrap().1)
        };
        let text = policy(last("grows"), last("shrinks"));
        self.disk.overwrite(FILE, text.as_bytes());
    }

    /// Reads the segments that came, as anybody could: a zstd file of JSON lines.
    fn notice(&mut self) {
        for path in self.disk.paths() {
            let text = path.to_str().unwrap();
            let Some((log, name)) = text
                .strip_prefix("/db/logs/")
                .and_then(|rest| rest.split_once("/segments/"))
            else {
                continue;
            };
            let ledger = self.ledgers.get_mut(log).unwrap();
            let first: u64 = name.strip_suffix(".jsonl.zst").unwrap().parse().unwrap();
            if ledger.there.last().is_some_and(|last| first <= last.first) {
                continue;
            }
            let lines = zstd::stream::decode_all(&self.disk.contents(&path).unwrap()[..]).unwrap();
            let mut logged = Vec::new();
            let mut seqs = BTreeSet::new();
            for line in std::str::from_utf8(&lines).unwrap().lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                seqs.insert(record["seq"].as_u64().unwrap());
                logged.push(self.calendar.read(record["logged"].as_str().unwrap()));
            }
            ledger.there.push(Sealed {
                first,
                seqs,
                least: *logged.iter().min().unwrap(),
                greatest: *logged.iter().max().unwrap(),
            });
        }
    }

    /// Drops what has expired: exactly that, of each log, and nobody is asked about a clock.
    fn retain(&mut self) {
        self.notice();
        let now = self.now();
        let all = self.db().retain_all(&RetainOptions::default()).unwrap();
        let after = self.now();
        assert_eq!(all.len(), LOGS.len());
        for (name, done) in all {
            let done = done.unwrap();
            let context = || format!("{name} on {}: {done:?}", self.calendar.text(now));
            let (calendar, ledger) = (&self.calendar, self.ledgers.get_mut(name.as_str()).unwrap());
            assert_eq!(
                (done.clock_ahead, done.kept_by_clock, &done.unreadable),
                (0, 0, &None),
                "{}",
                context()
            );
            let going = ledger.going(calendar, now);
            assert_eq!(going, ledger.going(calendar, after), "the test picked its times badly");
            let firsts: Vec<u64> = ledger.there.iter().map(|segment| segment.first).collect();
            let dropped: Vec<u64> = done.dropped.iter().map(|segment| segment.first).collect();
            assert_eq!(dropped, firsts[..going], "{}", context());
            let kept: Vec<u64> = done.kept.iter().map(|segment| segment.first).collect();
            assert_eq!(kept, firsts[going..], "{}", context());
            for (kept, known) in done.kept.iter().zip(&ledger.there[going..]) {
                let from = calendar.text(ledger.due(calendar, known));
                assert_eq!(kept.from.as_ref(), Some(&from), "{}", context());
                let by = ledger.delete_by.map(|by| calendar.later(known.least, by));
                assert_eq!(kept.delete_by, by.map(|by| calendar.text(by)), "{}", context());
                assert_eq!(kept.overdue, by.is_some_and(|by| by <= now), "{}", context());
            }
            let held = done.kept.first().map_or(&[][..], |kept| &kept.held);
            let first = ledger.there.get(going);
            let expected = first.filter(|first| ledger.is_held(first) && ledger.due(calendar, first) <= now);
            if expected.is_some() {
                assert_eq!(held, [ledger.hold.clone().unwrap().0], "{}", context());
            }
            for segment in ledger.there.drain(..going) {
                // The law is kept where nothing was held.
                let by = ledger.delete_by.map(|by| calendar.later(segment.least, by));
                assert!(name == "suit" || by.is_none_or(|by| now < by), "{name}: {segment:?}");
                let (_, _, day) = calendar.date(segment.greatest.0);
                ledger.days.insert(day);
                ledger.gone.extend(segment.seqs);
                ledger.dropped += 1;
            }
        }
    }

    /// What `status` says of the oldest segments.
    fn check_status(&self) {
        for (name, ledger) in &self.ledgers {
            let (status, now) = (self.log(name).status().unwrap(), self.now());
            let calendar = &self.calendar;
            let Some(oldest) = ledger.there.first() else {
                assert_eq!((status.next_expiry, status.delete_by), (None, None), "{name}");
                continue;
            };
            let due = ledger.due(calendar, oldest);
            assert_eq!(status.next_expiry, Some(calendar.text(due)), "{name}");
            let by = ledger.delete_by.map(|by| calendar.later(oldest.least, by));
            assert_eq!(status.delete_by, by.map(|by| calendar.text(by)), "{name}");
            // After a day's retain nothing but a hold keeps what has expired.
            let held = ledger.hold.iter().filter(|_| due <= now).map(|(id, _)| id.clone());
            let held: Vec<String> = held.collect();
            assert_eq!(status.oldest_held, held, "{name}");
            let in_the_way = held.iter().filter(|_| by.is_some_and(|by| by <= now));
            let in_the_way: Vec<String> = in_the_way.map(|id| format!("{id} holds it")).collect();
            assert_eq!(status.in_the_way, in_the_way, "{name} on {}", calendar.text(now));
        }
    }

    fn keep_something(&mut self) {
        for (name, ledger) in &self.ledgers {
            let log = self.log(name);
            let (seq, _) = ledger.records.first_key_value().unwrap();
            let keepsake = Keepsake {
                genesis: log.genesis().unwrap(),
                text: log.get(*seq).unwrap().text().to_owned(),
                proof: log.prove(*seq).unwrap(),
            };
            self.keepsakes.insert(name, keepsake);
        }
    }

    /// Verify is content, also with what somebody kept; what is not expired is found, and nothing else.
    fn look(&self) {
        let anchor = |keepsake: &Keepsake| vec![keepsake.proof.checkpoint().clone()];
        let kept: Vec<_> = self
            .keepsakes
            .values()
            .map(|keepsake| (keepsake, anchor(keepsake)))
            .collect();
        let anchors: Vec<Anchors<'_>> = kept
            .iter()
            .map(|(keepsake, checkpoints)| {
                let mut anchors = Anchors::default();
                anchors.key = Some(&keepsake.genesis.key);
                anchors.genesis = Some(&keepsake.genesis.leaf);
                anchors.checkpoints = checkpoints;
                anchors
            })
            .collect();
        let options = VerifyOptions {
            threads: Some(1),
            ..VerifyOptions::default()
        };
        let reports = Database::verify_logs_with(DIR, &self.shared(), None, &anchors, &options).unwrap();
        assert_eq!(reports.len(), LOGS.len());
        for report in reports {
            assert!(report.is_sound() && report.authenticated, "{report}");
            let dropped = self.ledgers[report.log.as_str()].dropped;
            assert_eq!(report.tombstones, dropped as u64, "{report}");
        }
        let mut in_all = 0;
        for (name, ledger) in &self.ledgers {
            let (log, keepsake) = (self.log(name), &self.keepsakes[name]);
            let expected: BTreeMap<u64, usize> = ledger
                .records
                .iter()
                .filter(|(seq, _)| !ledger.gone.contains(seq))
                .map(|(seq, number)| (*seq, *number))
                .collect();
            let mut found = log.query(&Query::parse("kind:decision").unwrap()).unwrap();
            let entries: Vec<_> = found.by_ref().map(Result::unwrap).collect();
            assert!(!found.reach().is_partial(), "{name}");
            let numbers = entries.iter().map(|entry| {
                let number = oracle::number_of(entry).unwrap();
                (entry.seq(), usize::try_from(number).unwrap())
            });
            assert_eq!(numbers.collect::<BTreeMap<_, _>>(), expected, "{name}");
            in_all += expected.len();
            // By time too: the last month.
            let since = self.disk.now() - i64::try_from(31 * DAY).unwrap();
            let late = log.query(&Query::parse("kind:decision").unwrap().since(since)).unwrap();
            let expected = entries.iter().filter(|entry| entry.time() >= since).count();
            assert_eq!(late.count(), expected, "{name}");
            // A record that somebody kept is proved as ever, by its old proof and by a new one, and so is the old checkpoint.
            let keys = [keepsake.genesis.key.clone()];
            keepsake.proof.verify(keepsake.text.as_bytes(), &keys).unwrap();
            let proof = log.prove(keepsake.proof.index()).unwrap();
            proof.verify(keepsake.text.as_bytes(), &keys).unwrap();
            let (old, new) = (
                keepsake.proof.checkpoint().checkpoint(),
                proof.checkpoint().checkpoint(),
            );
            assert!(old.size() < new.size(), "{name}");
            let path = log.prove_consistency(old.size(), new.size()).unwrap();
            verify_consistency(old.size(), old.root(), new.size(), new.root(), &path).unwrap();
        }
        let all = self.db().query(&Query::parse("kind:decision").unwrap()).unwrap();
        assert_eq!(all.count(), in_all);
    }

    /// What happens on a day beside its records.
    fn events(&mut self, date: (i32, u32, u32)) {
        for (log, record, placed, released) in HOLDS {
            let day = self.calendar.day(record);
            if date == placed {
                let (seq, number) = self.of_day(log, day);
                let what = match log {
                    "suit" => HeldRecords::Query(format!("agent:suit attributes.n:{number}")),
                    _ => HeldRecords::Seqs(seq..=seq),
                };
                let anna = Actor::named("anna").unwrap();
                let id = self.alone(log, |db| db.place_hold(&what, "a suit", &anna).unwrap());
                self.ledgers.get_mut(log).unwrap().hold = Some((id, seq));
            } else if date == released {
                let (id, _) = self.ledgers.get_mut(log).unwrap().hold.take().unwrap();
                let bert = Actor::named("bert").unwrap();
                self.alone(log, |db| db.release_hold(&id, "settled", &bert).unwrap());
            }
        }
        match date {
            LONGER => self.promise("grows", 8),
            SHORTER => self.promise("shrinks", 4),
            (2027, 3, 30) => self.keep_something(),
            _ => {}
        }
    }

    /// The record that was written on that day.
    fn of_day(&self, log: &str, day: usize) -> (u64, usize) {
        let log = self.log(log);
        let mut entries = log.records(..).unwrap().map(Result::unwrap);
        let entry = entries.find(|entry| !entry.is_of_the_log() && self.calendar.moment(entry.logged()).0 == day);
        let entry = entry.unwrap();
        let number = oracle::number_of(&entry).unwrap();
        (entry.seq(), usize::try_from(number).unwrap())
    }
}

#[test]
fn two_years_in_a_day() {
    let mut world = World::begin();
    let (start, end) = (world.calendar.day(START), world.calendar.day(END));
    let mut seal_on = start;
    for day in start..=end {
        let date = world.calendar.date(day);
        let hour = 3_600 * SECOND;
        // Earlier and later in the day; and dropped is before that on some days, and after that on others.
        let morning = (5 + day as u64 * 7 % 13) * hour;
        let evening = (if day % 4 == 0 { 2 } else { 20 + day as u64 % 3 }) * hour;
        let evening = (day + usize::from(evening < morning), evening + 17 * SECOND);
        world.wait((day, morning));
        world.events(date);
        for (place, (log, .., every)) in LOGS.into_iter().enumerate() {
            if day % every == 0 || date == REBOOT || day == start {
                world.record(log, (day, morning), (place + day) % 2);
            }
        }
        // Hours that there are twice, or not at all, where it was recorded.
        for (night, time, zone) in NIGHTS {
            if date == night {
                for (log, seconds) in [("main", 0), ("desk", 1), ("due", 1_800)] {
                    world.record(log, (day, (time - 1 + seconds) * SECOND), zone);
                }
            }
        }
        if date == REBOOT {
            world.db = None;
            let disk = world.disk.crash_states(1).remove(0);
            world.reopen(disk);
            for (log, ..) in LOGS {
                world.record(log, (day, morning), 0);
            }
        }
        // On some days that not every month has, too.
        if day >= seal_on || (date.2 >= 28 && date.1 % 3 == 2) {
            world.db().seal().unwrap();
            seal_on = day + 8 + day * 5 % 13;
        }
        if day % 47 == 3 {
            world.db = None;
            let disk = world.disk.restart();
            world.wait((day, morning + hour));
            disk.advance(hour);
            world.reopen(disk);
        }
        world.wait(evening);
        world.retain();
        if day % 40 == 0 || date.2 == 1 {
            world.check_status();
        }
        if LOOKS.contains(&date) {
            world.look();
        }
    }
    for (name, ledger) in &world.ledgers {
        let least = if ["bank", "ward"].contains(name) { 7 } else { 40 };
        assert!(ledger.dropped >= least, "{name}: {}", ledger.dropped);
        let short = ["bank", "ward"].contains(name);
        assert!(
            short || [28, 29, 30, 31].iter().all(|day| ledger.days.contains(day)),
            "{name}"
        );
    }
}
