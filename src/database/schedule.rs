//! Dropping what has expired while a database is open, without that anybody asks: the first time a while after it was
//! opened, since agents come and go, and then at an interval, which a change of the policy may change.
//!
//! What must hold: when the last handle of the database is gone, so is the thread, and the log is free: nothing here holds
//! on to a database that is closed.

use super::{Database, Inner};
use crate::retention::RetainOptions;
use parking_lot::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// The schedule of a database that is open. It ends when it is dropped, which waits for what is just being dropped.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    kept: Mutex<Option<Kept>>,
}

/// The interval, if there is one, and the thread that keeps to it.
#[derive(Debug)]
struct Kept {
    every: Option<Duration>,
    tell: Sender<Option<Duration>>,
    thread: JoinHandle<()>,
}

/// So long after the opening it is done for the first time.
const FIRST: Duration = Duration::from_secs(60);

impl Schedule {
    /// Sets how often it is done from here on. Without a thread it is not done.
    pub(super) fn keep(&self, every: Option<Duration>, database: &Arc<Inner>) {
        let mut kept = self.kept.lock();
        match &mut *kept {
            Some(kept) if kept.every == every => {}
            Some(kept) => {
                kept.every = every;
                // It listens for as long as this is there.
                let _ = kept.tell.send(every);
            }
            None if every.is_none() => {}
            None => {
                let (tell, told) = channel();
                let database = Arc::downgrade(database);
                let thread = std::thread::Builder::new().name("auditdb-retain".to_owned());
                let thread = thread.spawn(move || keep_to(every, &told, &database));
                *kept = thread.ok().map(|thread| Kept { every, tell, thread });
            }
        }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if let Some(Kept { tell, thread, .. }) = self.kept.get_mut().take() {
            drop(tell);
            // What it was doing it would have told nobody.
            let _ = thread.join();
        }
    }
}

fn keep_to(every: Option<Duration>, told: &Receiver<Option<Duration>>, database: &Weak<Inner>) {
    let first = |every: Option<Duration>| every.map_or(Duration::MAX, |every| FIRST.min(every));
    let (mut every, mut pause) = (every, first(every));
    loop {
        match told.recv_timeout(pause) {
            Ok(other) => (every, pause) = (other, first(other)),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let Some(inner) = database.upgrade() else { return };
                // What goes wrong goes wrong again, and is then told to whoever asks for it.
                let _ = Database { schedule: None, inner }.retain_all(&RetainOptions::default());
                pause = every.unwrap_or(Duration::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, SimDisk};
    use crate::log::Options;
    use std::path::Path;

    const FILE: &str = "/db/auditdb.toml";
    const HOUR: Duration = Duration::from_secs(3600);

    fn every(db: &Database) -> Option<Duration> {
        db.schedule.as_ref()?.kept.lock().as_ref()?.every
    }

    #[test]
    fn the_interval_is_the_options_or_the_policy_s_and_changes_with_it() {
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new("/db")).unwrap();
        disk.overwrite(FILE, b"retain_every = 24\n");
        let options = || Options::default().zero_ahead(false);
        let shared = || Arc::new(disk.clone()) as Arc<dyn Disk>;
        let db = Database::create_with("/db", shared(), options()).unwrap();
        assert_eq!(every(&db), Some(24 * HOUR));
        // It is taken up as the rest of the file is: with the next record.
        for (file, hours) in [
            ("retain_every = 6\n", Some(6)),
            ("", None),
            ("retain_every = 7\n", Some(7)),
        ] {
            disk.overwrite(FILE, file.as_bytes());
            disk.advance(2_000_000_000);
            db.append_json(r#"{"agent":{"id":"a"},"kind":"decision"}"#).unwrap();
            assert_eq!(every(&db), hours.map(|hours| hours * HOUR), "{file}");
        }
        drop(db);
        let db = Database::open_with("/db", shared(), options()).unwrap();
        assert_eq!(every(&db), Some(7 * HOUR));
        drop(db);
        // What the program says counts more, whatever becomes of the file.
        let db = Database::open_with("/db", shared(), options().retain_every(HOUR)).unwrap();
        assert_eq!(every(&db), Some(HOUR));
        disk.overwrite(FILE, b"retain_every = 8\n");
        disk.advance(2_000_000_000);
        db.append_json(r#"{"agent":{"id":"a"},"kind":"decision"}"#).unwrap();
        assert_eq!(every(&db), Some(HOUR));
        drop(db);
        // Where nobody wants threads there is none, and a log that was opened alone, or for reading, drops nothing by itself.
        let apart = [
            Database::open_with("/db", shared(), options().without_threads()).unwrap(),
            Database::open_read_only_with("/db", shared()).unwrap(),
        ];
        assert!(apart.iter().all(|db| every(db).is_none()));
        drop(apart);
        let alone = Database::open_with("/db", shared(), options().log("main")).unwrap();
        assert_eq!(every(&alone), None);
    }
}
