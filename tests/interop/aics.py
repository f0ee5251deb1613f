"""Holds what auditdb handed out against aics-tlog: aics.py SEED STAGE... Each stage is a directory as run.sh makes it.

Everything has to be accepted as it is, and refused with one bit flipped: a check that takes anything would prove nothing.
"""
import json
import random
import subprocess
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

from aics_tlog import (IncrementalTileWriter, MemoryTileReader, MemoryTileStore, TileMissingError, TileWriter, audit_tiles, parse_note,
                       parse_vkey, tree_root_from_tiles, verify_checkpoint, verify_consistency, verify_leaf_inclusion)
from aics_tlog.note import b64_decode

BUILD_TILES_TAKES = 32 << 20
chance = random.Random(int(sys.argv[1]))
failures = []
refused = 0


def expect(condition, what):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}", flush=True)


def flipped(given, bit):
    return given[:bit // 8] + bytes([given[bit // 8] ^ 1 << bit % 8]) + given[bit // 8 + 1:]


def takes(check, given):
    """Whether aics-tlog says yes: it refuses by a false answer, or by an exception if what it is given has not even the form."""
    try:
        return bool(check(given))
    except (ValueError, TileMissingError):
        return False


def holds(what, check, given, bits=None):
    """`given` has to be taken, and refused with a bit flipped: one chosen at random, or each of `bits`."""
    global refused
    taken = takes(check, given)
    expect(taken, f"{what} is refused")
    for bit in bits or [chance.randrange(8 * len(given))]:
        expect(not takes(check, flipped(given, bit)), f"{what} is taken with bit {bit} flipped")
        refused += 1
    return taken


def lines(text):
    """Lines that each have their newline."""
    text = text.decode()
    if not text.endswith("\n"):
        raise ValueError("no newline at the end")
    return text[:-1].split("\n")


def opened(note, key):
    """Size and root of a checkpoint."""
    result = verify_checkpoint(parse_note(note), key, expected_origin=key.name)
    if not result.ok:
        raise ValueError(result.error)
    return result.size, result.root


def included(proof, record, key):
    """aics-tlog has no reader of tlog-proof files. The form: version, index, hashes, an empty line, checkpoint."""
    head, _, note = proof.partition(b"\n\n")
    version, index, *hashes = head.decode().split("\n")
    place = int(index.removeprefix("index "))
    if version != "c2sp.org/tlog-proof@v1" or index != f"index {place}":
        raise ValueError("no tlog-proof")
    size, root = opened(note, key)
    return verify_leaf_inclusion(record, place, size, [b64_decode(line) for line in hashes], root)


def roots_at(records, sizes):
    """The root that the log had at each size, from the records alone."""
    writer, roots, done = IncrementalTileWriter(MemoryTileStore()), {}, 0
    for size in sorted(sizes):
        writer.append(records[done:size])
        roots[size], done = writer.root(), size
    return roots


def rebuilt(export):
    """Root and files that aics-tlog makes of the export, by its command as far as that reads."""
    if len(export) > BUILD_TILES_TAKES:
        records = export.removesuffix(b"\n").split(b"\n")
        files = TileWriter(records).materialise()
        return tree_root_from_tiles(MemoryTileReader(files), len(records)), files
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "aics_tlog", "build-tiles", "--leaves", "-", "--out", out]
        done = subprocess.run(command, input=export, capture_output=True)
        said = json.loads(done.stdout)
        if not said["ok"]:
            raise ValueError(said["error"])
        return b64decode(said["root"]), files_below(Path(out))


def files_below(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def one_of_each_kind(paths):
    """A full and a partial one of each level and of the bundles, as far as there are any."""
    kinds = {}
    for path in sorted(paths):
        kinds.setdefault((path.split("/")[1], ".p/" in path), []).append(path)
    return [chance.choice(of_kind) for of_kind in kinds.values()]


def check(stage):
    name, key = stage.name, parse_vkey((stage / "vkey").read_text().strip())
    checkpoint, export = (stage / "checkpoint").read_bytes(), (stage / "export").read_bytes()
    records = export.removesuffix(b"\n").split(b"\n")
    if not holds(f"{name}: the checkpoint", lambda note: opened(note, key), checkpoint, range(8 * len(checkpoint))):
        return  # there is nothing that the rest could be held against
    size, root = opened(checkpoint, key)
    if len(records) != size:
        return expect(False, f"{name}: {len(records)} records where {size} are signed")

    proofs = sorted((stage / "inclusion").iterdir())
    for path in proofs:
        proof, record = path.read_bytes(), records[int(path.name)]
        holds(f"{name}: the proof that {path.name} is included", lambda given: included(given, record, key), proof)
        holds(f"{name}: record {path.name}", lambda given: included(proof, given, key), record)

    pairs = sorted((stage / "consistency").iterdir())
    ends = {path: tuple(map(int, path.name.split("-"))) for path in pairs}
    roots = roots_at(records, {end for both in ends.values() for end in both} | {size})
    expect(roots[size] == root, f"{name}: the records do not have the root that is signed")
    if (stage / "older").exists():
        older, its_root = opened((stage / "older").read_bytes(), key)
        expect(roots[older] == its_root, f"{name}: the first {older} records do not have the root that was signed once")
    for path, (old, new) in ends.items():
        what, proof = f"{name}: the proof that {old} are the first of {new}", path.read_bytes()

        def consistent(given, before=roots[old], after=roots[new]):
            # From a size to itself there is nothing to prove: no hash.
            return verify_consistency(old, new, before, after, [b64_decode(line) for line in lines(given)] if old != new else [])

        if old != new:
            holds(what, consistent, proof)
        holds(f"{what} (old root)", lambda given: consistent(proof, before=given), roots[old])
        holds(f"{what} (new root)", lambda given: consistent(proof, after=given), roots[new])

    tiles = files_below(stage / "tiles")
    expect(tiles.pop("checkpoint") == checkpoint, f"{name}: another checkpoint lies with the tiles")
    expect(takes(lambda given: audit_tiles(MemoryTileReader(given), size, root), tiles), f"{name}: the tiles are refused")
    for path in one_of_each_kind(tiles):
        holds(f"{name}: {path}", lambda given: audit_tiles(MemoryTileReader({**tiles, path: given}), size, root), tiles[path])
    holds(f"{name}: the export", lambda given: rebuilt(given) == (root, tiles), export)
    print(f"  {name}: {size} records, {len(proofs)} inclusion and {len(pairs)} consistency proofs, "
          f"{len(tiles)} tiles audited and built anew", flush=True)


for directory in sys.argv[2:]:
    check(Path(directory))
print(f"  {refused} flipped bits refused" if not failures else f"  {len(failures)} FAILED")
sys.exit(bool(failures))
