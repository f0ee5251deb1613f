"""Makes databases with the program, compares its answers with those of verify.py, and damages copies. See run.sh."""
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

BINARY, TEMPORARY = sys.argv[1], Path(sys.argv[2])
VERIFY = [sys.executable, str(Path(__file__).with_name("verify.py"))]
FLIPS = 150
failures = []


def auditdb(*words, given=None, codes=(0,)):
    done = subprocess.run([BINARY, *map(str, words)], input=given, capture_output=True)
    if done.returncode not in codes:
        sys.exit(f"auditdb {' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def verify(database, *words, log="main"):
    return subprocess.run([*VERIFY, str(database / "logs" / log), *map(str, words)], capture_output=True, timeout=120)


def check(condition, what):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}", flush=True)


def record(**members):
    return json.dumps({"agent": {"id": "a"}, "kind": "decision", **members}, ensure_ascii=False).encode() + b"\n"


def plain(first, count):
    return b"".join(record(x=number, source={"id": "emitter \u00e9\"", "boot": "b1", "number": number})
                    for number in range(first, first + count))


def special():
    """Records whose rows in the directory take some thought."""
    uuid = "019A2B3C-4D5E-7F60-8A1B-2C3D4E5F6071"
    yield record(id=uuid, x=1)
    yield record(id=uuid, x=2)  # a conflict
    yield record(source={"id": "emitter \u00e9\"", "boot": "b1", "number": 1}, x="another")  # a conflict
    yield record(source={"id": "one", "boot": "b", "number": 2**64 - 1}, time="1999-12-31T23:59:59.5+02:00")
    yield record(source=None, definition=None)
    yield b'{"agent":{"id":"a"}, "kind":"decision", "source":{"id":"s\\u00e9\\"\\/","boot":"b1","number":7},"x":[1.50, "a\\/b"]}\n'
    yield record(kind="definition", definition={"id": "p", "digest": "sha256:ABCDEF01", "text": "hello"})
    yield record(policies=[{"id": "p", "digest": "sha256:ABCDEF01"}])


def large():
    yield record(big="z\n\u00e9\U0001f600" * 25_000)
    yield record(kind="definition", definition={"id": "q", "digest": "sha256:cc", "text": "T" * 200_000})
    yield record(**{"q~/": {"a/b": [0, "U" * 200_000]}})
    source = {"id": "many", "boot": "b", "number": 1}
    yield record(source=source, definition={"id": "z", "digest": "sha256:aa"}, **{f"m{i}": "v" * 20 for i in range(5000)})
    yield record(source=source, definition={"id": "z", "digest": "sha256:aa"}, **{f"m{i}": "w" * 20 for i in range(5000)})


def agree(name, database, *words, log="main"):
    [said] = json.loads(auditdb("verify", database, "--log", log, "--json", codes=(0, 1)))["logs"]
    done = verify(database, *words, log=log)
    mine = done.stdout.decode().splitlines()
    expected = [f"size {said['size']}", f"root {said['root']}", f"chain {said['chain']}",
                f"signed {said['signed']} records in {said['epochs']} epochs, unsigned {said['unsigned']}"]
    check(mine[:4] == expected, f"{name}: {mine[:4]} where the program says {expected}")
    check(said["sound"] and done.returncode == 0, f"{name}: not sound: {mine} {done.stderr.decode()}")
    check(verify(database, "--export", log=log).stdout == auditdb("export", database, "--log", log), f"{name}: the export differs")
    print(f"{name}: {said['size']} records, {said['segments']} segments, {said['journals']} journals: the same", flush=True)


def build():
    """A database in stages, each of which is compared. Gives the last."""
    database = TEMPORARY / "grown"
    made = json.loads(auditdb("init", database, "--json"))
    identity = ("--key", made["key"], "--genesis", made["genesis"])
    agree("fresh", database, *identity)
    auditdb("append", database, given=plain(1, 40))
    agree("unsealed", database)
    auditdb("seal", database)
    agree("sealed", database)
    for line in special():
        auditdb("append", database, given=line)
    auditdb("seal", database)
    auditdb("append", database, given=plain(41, 300))
    for line in large():
        auditdb("append", database, given=line)
    agree("large records", database)
    auditdb("seal", database)
    old = TEMPORARY / "old.checkpoint"
    old.write_bytes(auditdb("checkpoint", database))
    auditdb("key", "rotate", database)
    agree("another key", database, *identity, "--checkpoint", old)
    auditdb("append", database, given=plain(341, 30) + record(policies=[{"id": "p", "digest": "sha256:ABCDEF01"}]))
    auditdb("seal", database)
    new = TEMPORARY / "new.checkpoint"
    new.write_bytes(auditdb("checkpoint", database))
    auditdb("append", database, given=plain(371, 20) + record(big="y" * 200_000))
    agree("several seals, a rest, two checkpoints", database, *identity, "--checkpoint", new)

    other = made["key"].replace("main/", "mian/")
    check(verify(database, "--key", other, *identity[2:]).returncode == 1, "another key was taken for the log's")
    check(verify(database, *identity[:3], "00" * 32).returncode == 1, "another first record was taken for the log's")
    old.write_bytes(old.read_bytes().replace(b"\n\n", b"\nx\n\n", 1))
    check(verify(database, "--checkpoint", old).returncode == 1, "a forged checkpoint was taken for the log's")
    return database


def succession(base):
    """A copy cannot be written; its successor says what it was."""
    copy = TEMPORARY / "restored"
    shutil.copytree(base, copy)
    made = json.loads(auditdb("log", "succeed", copy, "--reason", "restored", "--json"))
    auditdb("append", copy, given=plain(500, 10))
    agree("what was restored", copy)
    agree("its successor", copy, "--key", made["key"], "--genesis", made["genesis"], log="main.2")
    journal = sorted((copy / "logs" / "main" / "journal").glob("*.journal"))[-1]
    journal.write_bytes(bytes(journal.stat().st_size))
    for path in (copy / "logs" / "main" / "checkpoints").iterdir():
        path.unlink()
    done = verify(copy, log="main.2")
    check(b"does not hold what it held" in done.stdout, f"a shorter predecessor was not found: {done.stdout.decode()[-300:]}")
    auditdb("verify", copy, codes=(1,))


def holds():
    """Holds by people who prove it and by people who do not."""
    base = TEMPORARY / "held"
    auditdb("init", base)
    auditdb("append", base, given=plain(1, 20))
    auditdb("hold", "add", base, "--seq", "3..9", "--reason", "a suit", "--as", "anna")
    auditdb("append", base, given=plain(600, 5))
    ids = [hold["id"] for hold in json.loads(auditdb("hold", "list", base, "--json"))["holds"]]
    auditdb("hold", "release", base, ids[0], "--reason", "settled", "--as", "bert")
    agree("holds of which nobody proved anything", base)
    keys = Path(__file__).parent.parent.parent / "src" / "proof" / "ssh"
    people = {"anna": "plain", "bert": "encrypted"}
    text = "".join(f'[people.{name}]\nkey = "{(keys / f"{file}.pub").read_text().strip()}"\n' for name, file in people.items())
    (base / "auditdb.toml").write_text(text)
    os.environ["AUDITDB_PASSPHRASE"] = "correct horse"
    auditdb("hold", "add", base, "--query", "agent:a", "--reason", "a second suit", "--as", "anna", "--sign-with", keys / "plain")
    auditdb("append", base, given=plain(610, 5))
    agree("a hold that was signed for", base)
    auditdb("seal", base)
    ids = [hold["id"] for hold in json.loads(auditdb("hold", "list", base, "--json"))["holds"]]
    auditdb("hold", "release", base, ids[0], "--reason", "settled", "--as", "bert", "--sign-with", keys / "encrypted")
    auditdb("append", base, given=plain(620, 5))
    agree("and released by a second person", base)


def dropped():
    """A log of which the beginning was dropped, by the clock of then; what is done to its tombstones is found."""
    base = TEMPORARY / "dropped"
    shutil.copytree(Path(__file__).parent.parent / "golden" / "dropped" / "db", base)
    agree("a dropped beginning", base)
    log = base / "logs" / "main"
    for path in sorted((log / "tombstones").iterdir()):
        file, size, dice = f"tombstones/{path.name}", path.stat().st_size, random.Random(2)
        for place in [0, size - 1] + [dice.randrange(size) for _ in range(20)]:
            damaged(base, f"flip in {file} at {place}", flip(file, place, dice.randrange(8)))
        damaged(base, f"{file} cut", cut(file, size - 1))
        damaged(base, f"{file} gone", remove(file))
    first = 32 * int(min(path.name for path in (log / "segments").iterdir())[:20])
    for place in range(0, first, first // 20):
        damaged(base, f"flip in a leaf of what was dropped, at {place}", flip("tree/0", place, 3))
    names = sorted(f"tombstones/{path.name}" for path in (log / "tombstones").iterdir())
    damaged(base, "two tombstones swapped", swap(names[0], names[1]))


def damaged(base, what, change):
    """Whether verify.py finds what `change` does to a copy; the program has to find it too."""
    copy = TEMPORARY / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy, ignore=shutil.ignore_patterns("writer.sock"))
    log = copy / "logs" / "main"
    for path in log.rglob("*"):
        os.chmod(path, 0o750 if path.is_dir() else 0o640)
    file = change(log)
    done = verify(copy)
    lines = done.stdout.decode().splitlines()
    named = any(line.startswith("fault: ") and file in line for line in lines)
    check(done.returncode == 1, f"{what}: exit {done.returncode}: {lines} {done.stderr.decode()[-300:]}")
    check(named, f"{what}: no fault names {file}: {lines}")
    program = subprocess.run([BINARY, "verify", str(copy), "--json"], capture_output=True)
    check(program.returncode == 1, f"{what}: the program exits with {program.returncode}")


def flip(file, offset, bit):
    def change(log):
        data = bytearray((log / file).read_bytes())
        data[offset] ^= 1 << bit
        (log / file).write_bytes(data)
        return file
    return change


def cut(file, length):
    def change(log):
        os.truncate(log / file, length)
        return file
    return change


def remove(file, named=""):
    def change(log):
        (log / file).unlink()
        return named
    return change


def swap(one, other):
    def change(log):
        first = (log / one).read_bytes()
        (log / one).write_bytes((log / other).read_bytes())
        (log / other).write_bytes(first)
        return one
    return change


def damage(base):
    log = base / "logs" / "main"
    sizes = {f"{folder}/{path.name}": path.stat().st_size for folder in ("segments", "journal", "tree", "checkpoints")
             for path in sorted((log / folder).iterdir()) if path.stat().st_size and not path.name.startswith("next")}
    segments = [file for file in sizes if file.startswith("segments/")]
    dice, count = random.Random(1), 0
    places = {(file, place) for file, size in sizes.items() for place in (0, size - 1)}
    while len(places) < FLIPS:
        file = dice.choice(list(sizes))
        places.add((file, dice.randrange(sizes[file])))
    todo = [(f"flip in {file} at {place}", flip(file, place, dice.randrange(8))) for file, place in sorted(places)]
    for file, size in sizes.items():
        todo += [(f"{file} cut to {length}", cut(file, length)) for length in sorted({size - 1, size // 2, 0})]
    todo += [(f"{file} gone", remove(file)) for file in segments + ["tree/0", "tree/1"]]
    todo += [(f"{one} and {other} swapped", swap(one, other)) for one, other in zip(segments, segments[1:] + segments[:1])]
    for what, change in todo:
        damaged(base, what, change)
        count += 1
    print(f"{count} damages in {len(sizes)} files", flush=True)


def main():
    grown = build()
    demo = TEMPORARY / "demo"
    auditdb("demo", demo)
    agree("demo", demo)
    holds()
    succession(grown)
    dropped()
    damage(grown)
    print(f"{len(failures)} failures" if failures else "verify.py and the program agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
