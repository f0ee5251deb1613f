//! What the simulated disk promises to the tests of everything else.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::*;

const X: &str = "db/x";

fn disk() -> SimDisk {
    let disk = SimDisk::new(7);
    disk.create_dir(Path::new("db")).unwrap();
    disk
}

fn create(disk: &SimDisk, path: &str) -> Arc<dyn DiskFile> {
    disk.open(Path::new(path), Open::Create).unwrap()
}

/// A disk with one durable file of these bytes, open for writing.
fn with_durable(bytes: &[u8]) -> (SimDisk, Arc<dyn DiskFile>) {
    let disk = disk();
    let file = create(&disk, X);
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(Path::new("db")).unwrap();
    (disk, file)
}

/// What is in a file in each outcome of a power cut.
fn outcomes(disk: &SimDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    disk.crash_states(usize::MAX)
        .iter()
        .map(|state| state.contents(path))
        .collect()
}

fn some(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

#[test]
fn reads_what_was_written() {
    let (disk, file) = with_durable(b"hello");
    file.write_at(b"J", 0).unwrap();
    file.write_at(b"!", 7).unwrap();
    assert_eq!(disk.contents(X), some(b"Jello\0\0!"));
    file.set_len(2).unwrap();
    file.set_len(4).unwrap();
    let mut buffer = [9; 8];
    assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 3);
    assert_eq!(buffer[..3], *b"e\0\0");
    assert_eq!(file.read_at(&mut buffer, u64::MAX).unwrap(), 0);
    assert_eq!(
        file.write_at(b"x", u64::MAX).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(disk.stat(Path::new(X)).unwrap().unwrap().len, 4);
}

#[test]
fn only_what_was_synced_is_sure() {
    let (disk, file) = with_durable(b"aaaa");
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"aaaa")]));
    file.write_at(b"bb", 4).unwrap();
    file.write_at(b"c", 0).unwrap();
    file.set_len(5).unwrap();
    let outcomes = outcomes(&disk, X);
    for prefix in [&b"aaaa"[..], b"aaaabb", b"caaabb", b"caaab"] {
        assert!(outcomes.contains(&some(prefix)), "{prefix:?}");
    }
    assert!(outcomes.contains(&some(b"caaa\0")), "the first write dropped");
    assert!(outcomes.contains(&some(b"aaaa\0\0")), "size without data");
    assert!(
        outcomes
            .iter()
            .flatten()
            .all(|bytes| bytes.iter().all(|b| b"abc\0".contains(b)))
    );
    file.sync().unwrap();
    assert_eq!(self::outcomes(&disk, X), BTreeSet::from([some(b"caaab")]));
}

#[test]
fn names_need_their_directory_synced() {
    let disk = disk();
    let file = create(&disk, X);
    file.write_at(b"data", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([None, some(b"data")]));
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"data")]));
    disk.remove(Path::new(X)).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([None, some(b"data")]));
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([None]));
}

#[test]
fn rename_without_content_and_the_reverse() {
    let (disk, _) = with_durable(b"old");
    let tmp = create(&disk, "db/x.tmp");
    tmp.write_at(b"new", 0).unwrap();
    disk.rename(Path::new("db/x.tmp"), Path::new(X)).unwrap();
    assert_eq!(
        outcomes(&disk, X),
        BTreeSet::from([some(b""), some(b"\0\0\0"), some(b"old"), some(b"new")])
    );
    tmp.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"old"), some(b"new")]));
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"new")]));
    assert_eq!(outcomes(&disk, "db/x.tmp"), BTreeSet::from([None]));
}

#[test]
fn a_move_between_directories_needs_both_synced() {
    let (disk, _) = with_durable(b"data");
    disk.create_dir(Path::new("db/old")).unwrap();
    disk.rename(Path::new(X), Path::new("db/old/x")).unwrap();
    disk.sync_dir(Path::new("db/old")).unwrap();
    assert_eq!(disk.crash_states(9).len(), 2);
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([None]));
    assert_eq!(outcomes(&disk, "db/old/x"), BTreeSet::from([some(b"data")]));
}

#[test]
fn writes_are_torn_at_sectors_of_the_file() {
    let (disk, file) = with_durable(&[1; 500]);
    file.write_at(&[2; 1100], 500).unwrap();
    let outcomes = outcomes(&disk, X);
    let parts = [(500, 512), (512, 1024), (1024, 1536), (1536, 1600)];
    for missing in 0_usize..16 {
        let mut bytes = [&[1; 500][..], &[2; 1100]].concat();
        for (number, (from, to)) in parts.into_iter().enumerate() {
            if missing >> number & 1 == 1 {
                bytes[from..to].fill(0);
            }
        }
        assert!(outcomes.contains(&Some(bytes)), "{missing:b}");
    }
    for (_, cut) in parts {
        assert!(
            outcomes.contains(&Some([&[1; 500][..], &vec![2; cut - 500]].concat())),
            "{cut}"
        );
    }
    assert_eq!(outcomes.len(), 1 + 16 + 3);
}

#[test]
fn missing_sectors_of_an_overwrite_keep_the_old_bytes() {
    let (disk, file) = with_durable(&[1; 1024]);
    file.write_at(&[2; 1024], 0).unwrap();
    let (old, new) = ([1; 512], [2; 512]);
    let expected = [[old, old], [old, new], [new, old], [new, new]].map(|halves| Some(halves.concat()));
    assert_eq!(outcomes(&disk, X), BTreeSet::from(expected));
}

#[test]
fn a_write_amid_others_may_lack_a_sector() {
    let (disk, file) = with_durable(b"");
    file.write_at(&[1; 1024], 0).unwrap();
    file.write_at(&[2; 512], 1024).unwrap();
    assert!(outcomes(&disk, X).contains(&Some([[1; 512], [0; 512], [2; 512]].concat())));
}

#[test]
fn big_writes_and_many_of_them_are_sampled() {
    let (disk, file) = with_durable(b"");
    for i in 0..20 {
        file.write_at(&[i + 1; 10_000], u64::from(i) * 10_000).unwrap();
    }
    let hashes = |disk: &SimDisk| {
        disk.crash_states(50)
            .iter()
            .map(SimDisk::image_hash)
            .collect::<Vec<_>>()
    };
    let states = hashes(&disk);
    assert_eq!(states.len(), 50);
    assert_eq!(states.iter().collect::<BTreeSet<_>>().len(), 50);
    assert_eq!(states, hashes(&disk), "the same every time");
    assert_eq!(states[1], disk.image_hash(), "all survives");
}

#[test]
fn a_lost_sync_is_never_made_good() {
    let (disk, file) = with_durable(b"old.");
    file.write_at(b"lost", 4).unwrap();
    disk.inject(disk.op_count(), Fault::SyncLost);
    assert!(file.sync().is_err());
    assert_eq!(disk.contents(X), some(b"old.lost"));
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"old.")]));
    file.write_at(b"more", 8).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"old.\0\0\0\0more")]));
    assert_eq!(disk.contents(X), some(b"old.lostmore"));
    file.write_at(b"lost", 4).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"old.lostmore")]));
}

#[test]
fn a_failed_sync_of_names_can_be_done_again() {
    let disk = disk();
    create(&disk, X);
    disk.inject_from(0, Fault::SyncLost);
    assert!(disk.sync_dir(Path::new("db")).is_err());
    disk.clear_faults();
    disk.sync_dir(Path::new("db")).unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([Some(Vec::new())]));
}

#[test]
fn a_killed_process_loses_nothing_but_its_locks() {
    let (disk, file) = with_durable(b"a");
    file.write_at(b"b", 1).unwrap();
    let LockAttempt::Held(lock) = disk.lock(Path::new("db/LOCK")).unwrap() else {
        panic!("free")
    };
    assert!(matches!(
        disk.lock(Path::new("db/LOCK")).unwrap(),
        LockAttempt::Busy(Some(1))
    ));

    let next = disk.restart();
    assert!(matches!(next.lock(Path::new("db/LOCK")).unwrap(), LockAttempt::Held(_)));
    assert_eq!((next.boot_id(), next.image_hash()), (disk.boot_id(), disk.image_hash()));
    assert_eq!(
        outcomes(&next, X),
        BTreeSet::from([some(b"a"), some(b"a\0"), some(b"ab")]),
        "still pending"
    );

    for state in disk.crash_states(9) {
        assert!(matches!(
            state.lock(Path::new("db/LOCK")).unwrap(),
            LockAttempt::Held(_)
        ));
        assert_ne!(state.boot_id(), disk.boot_id());
        assert!(state.now() > disk.now());
        assert_eq!(state.crash_states(9).len(), 1, "all of it is durable");
    }

    file.write_at(b"c", 2).unwrap();
    assert_eq!(next.contents(X), some(b"ab"));
    assert!(lock.still_named().unwrap());
    disk.remove_raw("db/LOCK");
    assert!(!lock.still_named().unwrap());
    drop(lock);
    assert!(matches!(disk.lock(Path::new("db/LOCK")).unwrap(), LockAttempt::Held(_)));
}

#[test]
fn the_power_goes_after_each_operation() {
    let workload = |disk: &SimDisk| -> io::Result<()> {
        disk.create_dir(Path::new("db"))?;
        let file = disk.open(Path::new(X), Open::Create)?;
        file.write_at(b"one", 0)?;
        file.sync()?;
        disk.sync_dir(Path::new("db"))?;
        file.len().map(|_| ())
    };
    let whole = SimDisk::new(1);
    workload(&whole).unwrap();
    assert_eq!(whole.op_count(), 4);
    let mut names = Vec::new();
    for n in 0..=4 {
        let disk = SimDisk::new(1);
        disk.stop_after(n);
        assert_eq!(workload(&disk).unwrap_err().to_string(), "simulated power cut");
        assert_eq!(disk.op_count(), n);
        names.push(disk.crash_states(99).len());
    }
    assert_eq!(names, [1, 2, 4, 2, 1]);
}

#[test]
fn faults_strike_by_number() {
    let (disk, file) = with_durable(b"");
    let n = disk.op_count();
    assert_eq!(n, 4);
    disk.inject(n, Fault::Io);
    disk.inject(n + 1, Fault::ShortWrite);
    disk.inject_from(n + 3, Fault::NoSpace);
    assert_eq!(file.write_at(b"abcd", 0).unwrap_err().raw_os_error(), Some(5));
    assert_eq!(disk.contents(X), some(b""));
    assert_eq!(file.write_at(b"abcd", 0).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.contents(X), some(b"ab"));
    file.write_at(b"abcd", 0).unwrap();
    for _ in 0..2 {
        assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(disk.remove(Path::new(X)).unwrap_err().kind(), ErrorKind::StorageFull);
    }
    assert!(
        outcomes(&disk, X).contains(&some(b"")),
        "a failed sync makes nothing durable"
    );
    disk.clear_faults();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"abcd")]));

    disk.fail_reads_of("db/y");
    file.read_at(&mut [0], 0).unwrap();
    disk.rename(Path::new(X), Path::new("./db/z/../y")).unwrap();
    assert_eq!(file.read_at(&mut [0], 0).unwrap_err().raw_os_error(), Some(5));
}

#[test]
fn paths_that_do_not_fit_are_errors() {
    let (disk, file) = with_durable(b"data");
    let open = |path: &str, how| disk.open(Path::new(path), how).unwrap_err().kind();
    assert_eq!(open("db/none", Open::Read), ErrorKind::NotFound);
    assert_eq!(open("none/x", Open::Create), ErrorKind::NotFound);
    assert_eq!(open("db/x/y", Open::Create), ErrorKind::NotADirectory);
    assert_eq!(open("db", Open::Read), ErrorKind::IsADirectory);
    assert_eq!(open(X, Open::Create), ErrorKind::AlreadyExists);
    assert_eq!(open("", Open::Create), ErrorKind::NotFound);
    assert_eq!(open("/", Open::Create), ErrorKind::NotFound);
    assert_eq!(disk.list(Path::new("none")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        disk.sync_dir(Path::new("none")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        disk.create_dir(Path::new("db/x/y")).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(disk.list(Path::new("")).unwrap(), ["db"]);
    disk.create_dir(Path::new("db/a/b")).unwrap();
    assert_eq!(disk.list(Path::new("./db/")).unwrap(), ["a", "x"]);
    let reader = disk.open(Path::new(X), Open::Read).unwrap();
    assert!(reader.write_at(b"x", 0).is_err());
    disk.set_readonly(Path::new(X)).unwrap();
    assert_eq!(open(X, Open::Write), ErrorKind::PermissionDenied);
    file.write_at(b"D", 0).unwrap();
    assert_eq!(disk.contents(X), some(b"Data"));
}

#[test]
fn raw_edits_are_durable() {
    let (disk, file) = with_durable(b"data");
    file.write_at(b"!", 4).unwrap();
    assert!(disk.corrupt(X, 0, b'D'));
    assert!(!disk.corrupt(X, 5, 0));
    assert_eq!(outcomes(&disk, X), BTreeSet::from([some(b"Data!")]));
    assert!(disk.overwrite("db/new/y", b"y"));
    assert!(!disk.overwrite("db", b"y"));
    assert_eq!(disk.paths(), [Path::new("db/new/y"), Path::new(X)]);
    assert_eq!(outcomes(&disk, "db/new/y"), BTreeSet::from([some(b"y")]));
    assert!(disk.remove_raw(X));
    assert_eq!(disk.crash_states(9).len(), 1);
    assert_eq!(file.len().unwrap(), 5, "who has it open still reads it");
}

#[test]
fn files_nobody_can_reach_are_freed() {
    let memory = SimDisk::in_memory();
    let file = memory.open(Path::new("x"), Open::Create).unwrap();
    file.write_at(b"data", 0).unwrap();
    memory.remove(Path::new("x")).unwrap();
    assert_eq!(file.len().unwrap(), 4);
    drop(file);
    assert!(memory.shared.state.read().inodes.is_empty());

    let (disk, file) = with_durable(b"data");
    drop(file);
    disk.remove(Path::new(X)).unwrap();
    assert_eq!(disk.shared.state.read().inodes.len(), 1);
    disk.sync_dir(Path::new("db")).unwrap();
    assert!(disk.shared.state.read().inodes.is_empty());
}

#[test]
fn memory_keeps_nothing_pending() {
    let memory = SimDisk::in_memory();
    let file = memory.open(Path::new("x"), Open::Create).unwrap();
    file.write_at(b"data", 0).unwrap();
    let states = memory.crash_states(9);
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].contents("x"), some(b"data"));
    assert!(memory.now() < 1_893_456_000_000_000_000, "the system's clock");
}

#[test]
fn the_seed_decides_time_and_chance() {
    let draw = |seed| {
        let disk = SimDisk::new(seed);
        let mut bytes = [0; 20];
        disk.random(&mut bytes);
        (bytes, disk.now(), disk.now(), disk.monotonic(), disk.boot_id())
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1).0, draw(2).0);
    let disk = SimDisk::new(1);
    let before = disk.monotonic();
    disk.set_now(5_000);
    assert_eq!((disk.now(), disk.now()), (5_000, 6_000));
    disk.advance(1_000_000);
    assert_eq!(disk.now(), 1_007_000);
    assert!(disk.monotonic() - before >= 1_000_000);
}

#[test]
fn many_threads() {
    let memory = SimDisk::in_memory();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let memory = &memory;
            scope.spawn(move || {
                let file = memory.open(Path::new(&format!("f{thread}")), Open::Create).unwrap();
                for i in 0..500 {
                    file.write_at(&[thread; 100], i * 100).unwrap();
                    file.sync().unwrap();
                }
                assert_eq!(file.len().unwrap(), 50_000);
            });
        }
    });
    assert_eq!(memory.paths().len(), 8);
    assert_eq!(memory.op_count(), 8 * 1001);
}
