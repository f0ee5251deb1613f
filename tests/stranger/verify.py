#!/usr/bin/env python3
"""Read and verify a log of auditdb.

Written from `storage-format.md` alone, by somebody who never saw the program's source, to show that the page is
enough. It shares nothing with the program, and is slow and plain on purpose.

    verify.py DIR/logs/main [--key VKEY --genesis HEX] [--checkpoint FILE] [--export]

Exit codes: 0 sound, 1 not sound, 2 it could not be done.
"""
import argparse
import base64
import binascii
import hashlib
import json
import re
import struct
import sys
import zlib
from collections import namedtuple
from datetime import datetime, timezone
from pathlib import Path

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

U64 = 0xFFFF_FFFF_FFFF_FFFF
ZEROS = bytes(32)
FRAME_MAGIC, COMMITTED_MAGIC, SEGMENT_MAGIC = (bytes.fromhex(f"FF4155444954{letter}00") for letter in ("46", "43", "53"))
MAX_LINE, MAX_FRAME_TEXT, MAX_SKIPPABLE = 65_535, 1 << 24, 1 << 30


class Bad(Exception):
    """Something is not as the page says; the text says what."""


class Unknown(Exception):
    """A version that this reader does not know."""


def sha256(data):
    return hashlib.sha256(data).digest()


def derive(context, data):
    return blake3(data, derive_key_context=context).digest()


def ensure(condition, reason):
    if not condition:
        raise Bad(reason)


# ---------------------------------------------------------------------------------------------------- Ed25519, notes

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
SMALL_ORDER_Y = {0, 1, P - 1, ORDER_8, P - ORDER_8}


def canonical_point(data):
    """Whether it is written canonically and does not stand for a point of small order."""
    y = int.from_bytes(data, "little") & ((1 << 255) - 1)
    return y < P and y not in SMALL_ORDER_Y


def ed25519(key, signature, message, what):
    ensure(len(key) == 32 and len(signature) == 64, f"{what}: key or signature has the wrong length")
    ensure(canonical_point(key) and canonical_point(signature[:32]), f"{what}: key or commitment is of small order or not canonical")
    ensure(int.from_bytes(signature[32:], "little") < L, f"{what}: the signature's number is not canonical")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Bad(f"{what}: the signature does not fit") from None


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad("not base64") from None
    ensure(base64.b64encode(data).decode() == text, "not canonical base64")
    return data


def unhex(text, size, what):
    ensure(isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text), f"{what} is not {size} bytes in hex")
    return bytes.fromhex(text)


def parse_vkey(vkey):
    """A vkey of C2SP signed-note: NAME+KEYID+BASE64(0x01 || public key). Gives name, key id, public key."""
    parts = vkey.split("+", 2) if isinstance(vkey, str) else ()
    ensure(len(parts) == 3, "a key is not a vkey")
    name, key_id, data = parts[0], unhex(parts[1], 4, "a vkey's key id"), unbase64(parts[2])
    ensure(len(data) == 33 and data[0] == 1, "a vkey is not one for Ed25519")
    ensure(sha256(name.encode() + b"\n" + data)[:4] == key_id, "a vkey's key id does not fit")
    return name, key_id, data[1:]


def open_checkpoint(note, vkeys):
    """Size and root of a signed checkpoint."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Bad("not UTF-8") from None
    match = re.fullmatch("(([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n)\n\u2014 ([^ \n]+) ([^ \n]+)\n", text)
    ensure(match, "not a checkpoint with one signature")
    body, origin, size, root, name, signature = match.groups()
    root, signature = unbase64(root), unbase64(signature)
    ensure(len(root) == 32 and len(signature) == 68, "root or signature has the wrong length")
    for vkey in vkeys:
        key_name, key_id, key = parse_vkey(vkey)
        if (key_name, key_name, key_id) == (origin, name, signature[:4]):
            ed25519(key, signature[4:], body.encode(), "checkpoint")
            return int(size), root
    raise Bad("not signed by a key of this log")


# ------------------------------------------------------------------------------------------------------------ records

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z"
HEAD = re.compile(
    rf'\{{"v":(?P<v>[0-9]+),"seq":(?P<seq>0|[1-9][0-9]*),"id":"(?P<id>{UUID})","logged":"(?P<logged>{TIME})","time":"(?P<time>{TIME})",'
    rf'"writer":\{{"id":"(?:[^"\\]|\\.)*","method":"unix"\}}(?:,"salt":"[A-Za-z0-9_-]{{22}}")?'
    rf'(?:,"conflict":(?P<conflict>0|[1-9][0-9]*))?(?:,"parts":(?P<parts>\[.*?\}}\]))?,(?=")')
MINIFIED = re.compile(r'(?:[^"\s]+|"(?:[^"\\]|\\.)*")*')
OWN = '"agent":{"id":"auditdb"},"kind":"'
Record = namedtuple("Record", "seq id logged time conflict parts members json leaf name")


def nanoseconds(text):
    try:
        moment = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Bad(f"{text} is no time") from None
    whole = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (whole.days * 86_400 + whole.seconds) * 10**9 + int(text[20:29])


def no_constant(name):
    raise ValueError(name)


def parse_record(line):
    """One line without its newline."""
    ensure(len(line) <= MAX_LINE, "the line is too long")
    try:
        text = line.decode()
        value = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Bad("the line is no JSON text in UTF-8") from None
    head = HEAD.match(text)
    ensure(head and text.endswith("}"), "the line does not begin with the log's own members")
    if head["v"] != "1":
        raise Unknown(f"a line of version {head['v']}")
    ensure(MINIFIED.fullmatch(text), "the line holds whitespace")
    members = text[head.end():-1]
    own = members.startswith(OWN + 'system","event":{"name":"')
    name = value["event"]["name"] if own and value["kind"] == "system" else None
    conflict = int(head["conflict"]) if head["conflict"] else None
    return Record(int(head["seq"]), bytes.fromhex(head["id"].replace("-", "")), nanoseconds(head["logged"]),
                  nanoseconds(head["time"]), conflict, head["parts"] or "", members, value, sha256(b"\0" + line), name)


def split_lines(text):
    ensure(text.endswith(b"\n"), "the text does not end with a newline")
    return text[:-1].split(b"\n")


class Frontier:
    """The roots of the perfect subtrees, largest first."""

    def __init__(self):
        self.size, self.hashes = 0, []

    def push(self, leaf):
        size = self.size
        while size & 1:
            leaf = sha256(b"\1" + self.hashes.pop() + leaf)
            size >>= 1
        self.hashes.append(leaf)
        self.size += 1

    def root(self):
        if not self.hashes:
            return sha256(b"")
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = sha256(b"\1" + left + root)
        return root


def perfect_root(hashes):
    frontier = Frontier()
    for item in hashes:
        frontier.push(item)
    return frontier.root()


# ---------------------------------------------------------------------------------------------------------- directory

def key_hash(tag, *parts):
    return struct.unpack("<Q", derive("auditdb key table v1", bytes([tag]) + b"".join(parts))[:8])[0]


def sized(text):
    data = text.encode()
    return struct.pack("<H", len(data)) + data


def u64(number):
    return struct.pack("<Q", number)


class Directory:
    """Collects from a segment's frames what its two skippable frames must be."""

    def __init__(self, log):
        self.first, self.chain_before, self.roots_before = log.size, log.chain, list(log.frontier.hashes)
        self.rows, self.keys, self.streams, self.spans, self.entries = [], [], {}, [], []
        self.count = self.text_length = 0
        self.least_id, self.greatest_id = U64, 0

    def add_frame(self, offset, packed, text, chain_before, records):
        times, logged = [r.time for r in records], [r.logged for r in records]
        span = (min(times), max(times), min(logged), max(logged))
        self.rows.append(struct.pack("<QIIQIIqqqq", offset, len(packed), len(text), records[0].seq, len(records),
                                     zlib.crc32(packed), *span) + chain_before)
        self.spans.append(span)
        self.entries.append(struct.pack("<II", len(packed), len(text)))
        self.count += len(records)
        self.text_length += len(text)
        for record in records:
            self.add_keys(record)

    def add_keys(self, record):
        def row(*key):
            self.keys.append((key_hash(*key), record.seq - self.first))

        row(0, record.id)
        millis = int.from_bytes(record.id[:6], "big")
        if millis != record.logged // 10**6:
            self.least_id, self.greatest_id = min(self.least_id, millis), max(self.greatest_id, millis)
        source, definition = record.json.get("source"), record.json.get("definition")
        if source is not None:
            where = (sized(source["id"]), sized(source["boot"]))
            row(1, *where, u64(source["number"]))
            stream = key_hash(3, *where)
            self.streams[stream] = max(self.streams.get(stream, 0), source["number"])
        if definition is not None:
            row(2, definition["digest"].encode())
        if record.conflict is not None:
            row(4, u64(record.conflict), record.parts.encode(), record.members.encode())

    def sections(self, log, log_id):
        """The expected bytes behind the data frames, by name."""
        rows, roots = b"".join(self.rows), b"".join(self.roots_before + log.frontier.hashes)
        keys = b"".join(struct.pack("<QI", *row) for row in sorted(self.keys))
        streams = b"".join(struct.pack("<QQ", *row) for row in sorted(self.streams.items()))
        least_time, greatest_time, least_logged, greatest_logged = zip(*self.spans)
        trailer = log_id + struct.pack(
            "<QQQqqqqQQ", self.first, self.count, self.text_length, min(least_time), max(greatest_time),
            min(least_logged), max(greatest_logged), self.least_id, self.greatest_id)
        trailer += self.chain_before + log.chain + struct.pack(
            "<IIIIIIIIIHH", len(self.rows), len(self.keys), len(self.streams), len(self.roots_before),
            len(log.frontier.hashes), *map(zlib.crc32, (rows, keys, streams, roots)), 0, 0) + SEGMENT_MAGIC
        trailer += struct.pack("<I", zlib.crc32(trailer))
        length = len(rows) + len(keys) + len(streams) + len(roots) + len(trailer)
        entries = b"".join(self.entries) + struct.pack("<II", length + 8, 0)
        footer = struct.pack("<IBI", len(self.entries) + 1, 0, 0x8F92EAB1)
        return [("the directory's header", struct.pack("<II", 0x184D2A5D, length)), ("frame rows", rows),
                ("key rows", keys), ("stream rows", streams), ("roots", roots), ("trailer", trailer),
                ("seek table", struct.pack("<II", 0x184D2A5E, len(entries) + 9) + entries + footer)]


def zstd_frame_length(data, start):
    """Length of the zstd frame at `start`, found from its own headers."""
    ensure(data[start:start + 4] == b"\x28\xb5\x2f\xfd" and start + 6 <= len(data), "no zstd frame begins here")
    descriptor = data[start + 4]
    single, checksum, dictionary = descriptor >> 5 & 1, descriptor >> 2 & 1, (0, 1, 2, 4)[descriptor & 3]
    content_size = (single, 2, 4, 8)[descriptor >> 6]
    ensure(checksum and content_size and not dictionary and not descriptor & 0x18,
           "the zstd frame is without checksum or size, or has what it must not have")
    at, last = start + 5 + (1 - single) + content_size, False
    while not last:
        ensure(at + 3 <= len(data), "the zstd frame is cut short")
        block = int.from_bytes(data[at:at + 3], "little")
        last, kind = block & 1, block >> 1 & 3
        at += 3 + (1 if kind == 1 else block >> 3)
    ensure(at + 4 <= len(data), "the zstd frame is cut short")
    return at + 4 - start


def unpack(packed):
    try:
        size = zstandard.get_frame_parameters(packed).content_size
        ensure(0 < size <= MAX_FRAME_TEXT, "the zstd frame says an impossible size")
        text = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except zstandard.ZstdError as error:
        raise Bad(f"cannot be unpacked: {error}") from None
    ensure(len(text) == size, "the zstd frame has another size than it says")
    return text


Row = namedtuple("Row", "offset seq chain")


def usable_rows(data, first):
    """The frame rows of a segment's directory, or None. They only help to find a way past what cannot be read."""
    if len(data) < 17 or data[-5:] != struct.pack("<BI", 0, 0x8F92EAB1):
        return None
    end = len(data) - (8 + 8 * struct.unpack("<I", data[-9:-5])[0] + 9)
    if end < 204:
        return None
    trailer = data[end - 204:end]
    frames, keys, streams, before, after, rows_crc = struct.unpack("<IIIIII", trailer[152:176])
    begin = end - 204 - 32 * (before + after) - 16 * streams - 12 * keys - 96 * frames
    rows = data[begin:begin + 96 * frames]
    if (zlib.crc32(trailer[:200]) != struct.unpack("<I", trailer[200:])[0] or trailer[192:200] != SEGMENT_MAGIC
            or struct.unpack("<Q", trailer[16:24])[0] != first or begin < 0 or zlib.crc32(rows) != rows_crc):
        return None
    if trailer[188:192] != bytes(4):
        raise Unknown("a segment of a version that is not known")
    return [Row(*row) for row in struct.iter_unpack("<Q12xQ36x32s", rows)]


# ------------------------------------------------------------------------------------------------------------ the log

class Log:
    """What was computed so far, and the keys that are in force."""

    def __init__(self, export):
        self.size, self.chain, self.frontier = 0, ZEROS, Frontier()
        self.leaves, self.tree_known, self.export = [], True, export
        self.log_id = self.origin = self.names = None
        self.log_key = self.epoch_key = None
        self.next_epoch = self.epochs = self.signed = 0
        self.keys_known, self.ever, self.key_pending = True, [], False
        self.roots, self.wanted = {}, set()
        self.parts = []

    def skip_to(self, size, chain, tree0):
        """Go on behind records that cannot be read; their leaves are taken from `tree/0`."""
        while self.size < size:
            leaf = tree0[32 * self.size:32 * self.size + 32]
            self.tree_known = self.tree_known and len(leaf) == 32
            self.push(leaf if len(leaf) == 32 else ZEROS)
        self.chain, self.keys_known, self.key_pending, self.parts = chain, False, False, []

    def push(self, leaf):
        self.leaves.append(leaf)
        self.frontier.push(leaf)
        self.size += 1
        if self.size in self.wanted:
            self.roots[self.size] = self.frontier.root() if self.tree_known else None

    def take(self, line, faults):
        """The next line. What its text says wrongly goes to `faults`; a line of another form or seq is no line."""
        record = parse_record(line)
        ensure(record.seq == self.size, f"seq {record.seq} where {self.size} was due")
        try:
            self.check_members(record)
        except Bad as bad:
            faults(f"record {record.seq}: {bad}")
        except (KeyError, TypeError, AttributeError, ValueError, struct.error):
            faults(f"record {record.seq}: {record.name or 'the line'} lacks a member or has one of the wrong type")
        if self.chain is not None:
            self.chain = derive("auditdb record chain v1", self.chain + record.leaf)
        self.push(record.leaf)
        if self.export:
            sys.stdout.buffer.write(line + b"\n")
        return record

    def check_members(self, record):
        self.check_parts(record)
        pending, self.key_pending = self.key_pending, False
        ensure(not pending or record.name == "epoch", "no epoch stands behind a change of the key")
        event = record.json.get("event")
        if record.seq == 0:
            ensure(record.name == "genesis", "the first record is not genesis")
        if record.name in ("genesis", "state"):
            self.check_state(record, event)
        elif record.name == "epoch":
            self.check_epoch(record, event)
        elif record.name == "key":
            self.check_key(event)

    def check_parts(self, record):
        if record.json["kind"] == "part":
            self.parts.append(record.json["part"])
            return
        moved, parts, self.parts = json.loads(record.parts or "[]"), self.parts, []
        if not self.keys_known and sum(entry["count"] for entry in moved) > len(parts):
            return
        for entry in moved:
            own, parts = parts[:entry["count"]], parts[entry["count"]:]
            raw = "".join(part["text"] for part in own).encode("utf-8", "surrogatepass")
            ensure(len(own) == entry["count"] and len(raw) == entry["bytes"]
                   and entry["digest"] == "sha256:" + hashlib.sha256(raw).hexdigest(), "its parts do not fit")
            value = json.loads(raw)
            ensure(entry["path"] or isinstance(value, dict), "a part without a path is no object")
            target = record.json
            for step in entry["path"].split("/")[1:]:
                step = step.replace("~1", "/").replace("~0", "~")
                target = target[int(step)] if isinstance(target, list) else target[step]
            ensure(not entry["path"] or target is None, "a part's path leads to no null")
        ensure(not parts, "parts stand before a record that has none")

    def check_before(self, said):
        ensure(said["size"] == self.size, "it states another size of the log before it")
        if self.chain is None:
            self.chain = unhex(said["chain"], 32, "chain")
        ensure(unhex(said["chain"], 32, "chain") == self.chain, "it states another chain of the log before it")
        if self.tree_known:
            ensure(unhex(said["root"], 32, "root") == self.frontier.root(), "it states another root of the log before it")

    def check_state(self, record, event):
        if event["format"] != 0:
            raise Unknown(f"format {event['format']}")
        names = {name: event[name] for name in ("database", "log", "log_id", "origin")}
        ensure(event["origin"] == f"{event['log']}/{event['log_id']}", "its origin is not the log's name and id")
        ensure(re.fullmatch(UUID, event["log_id"]), "its log_id is no UUID")
        keys = event["keys"]
        ensure(parse_vkey(keys["log"])[0] == event["origin"], "the key's name is not the origin")
        epoch_key = unhex(keys["epoch_key"], 32, "epoch_key")
        if self.names is None:
            self.names, self.origin = names, event["origin"]
            self.log_id = bytes.fromhex(event["log_id"].replace("-", ""))
        ensure(names == self.names, "it names another log")
        if record.name == "genesis":
            ensure(record.seq == 0 and event["previous"] is None and keys["epoch"] == 0, "genesis in the wrong place")
        else:
            self.check_before(event["previous"])
        if record.name == "genesis" or not self.keys_known:
            self.log_key, self.next_epoch, self.epoch_key, self.keys_known = keys["log"], keys["epoch"], epoch_key, True
            self.ever.append(self.log_key)
        ensure((keys["log"], keys["epoch"], epoch_key) == (self.log_key, self.next_epoch, self.epoch_key),
               "it repeats other keys than those in force")

    def check_epoch(self, record, event):
        self.epochs += 1
        self.check_before(event)
        next_key = unhex(event["next_key"], 32, "next_key")
        if self.keys_known:
            ensure(event["epoch"] == self.next_epoch, f"epoch {event['epoch']} where {self.next_epoch} was due")
            ensure(event["log_key"] == self.log_key, "it names another log key than the one in force")
            message = b"auditdb epoch v1\0" + self.log_id + struct.pack("<QQ", event["epoch"], self.size)
            message += bytes.fromhex(event["root"]) + bytes.fromhex(event["chain"])
            message += struct.pack("<q", record.logged) + next_key
            ed25519(self.epoch_key, unhex(event["signature"], 64, "signature"), message, "epoch")
            self.signed = self.size
        self.next_epoch, self.epoch_key = event["epoch"] + 1, next_key

    def check_key(self, event):
        old, new = event["old"], event["new"]
        ensure(not self.keys_known or old == self.log_key, "its old key is not the one in force")
        message = b"auditdb log key v1\0" + self.log_id + f"{old}\n{new}\n".encode()
        for vkey, name in (old, "signed_by_old"), (new, "signed_by_new"):
            key_name, _, key = parse_vkey(vkey)
            ensure(key_name == self.origin, "a key's name is not the origin")
            ed25519(key, unhex(event[name], 64, name), message, name)
        self.log_key, self.key_pending = new, True
        self.ever.append(new)


# ----------------------------------------------------------------------------------------------------------- journals

Header = namedtuple("Header", "count offset seq length crc chain log_id")


def frame_header(data, at):
    """The header at `at` if it is intact and says that it stands there."""
    head = data[at:at + 96]
    if len(head) < 96 or head[:8] != FRAME_MAGIC or zlib.crc32(head[:92]) != struct.unpack("<I", head[92:])[0]:
        return None
    if head[8:10] != b"\0\0":
        raise Unknown("a journal frame of a version that is not known")
    count, log_id, offset, seq, length, crc, chain, zero = struct.unpack("<I16sQQII32sI", head[12:92])
    if head[10:12] != b"\0\0" or not count or not length or zero or offset != at:
        return None
    return Header(count, offset, seq, length, crc, chain, log_id)


def padded(header):
    return (96 + header.length + 7) // 8 * 8


def intact_frame(data, at):
    """Header and text of the intact frame at `at`, or None."""
    header = frame_header(data, at)
    if header is None or at + padded(header) > len(data):
        return None
    text = data[at + 96:at + 96 + header.length]
    padding = data[at + 96 + header.length:at + padded(header)]
    return (header, text) if zlib.crc32(text) == header.crc and not any(padding) else None


def a_sector_is_missing(data, begin, end):
    """Whether a 512-byte sector's share of begin..end is all zero or lies beyond the end of the file."""
    cuts = [begin, *range(begin // 512 * 512 + 512, end, 512), end]
    return any(a >= len(data) or not any(data[a:b]) for a, b in zip(cuts, cuts[1:]))


def judge_end(data, at, committed):
    """What stands behind the last intact frame: None, `torn`, or Bad. `committed` is None if it is void."""
    ensure(committed is None or at >= committed, f"offset {at}: no intact frame, although it was confirmed up to {committed}")
    if not any(data[at:]):
        return None
    header = frame_header(data, at)
    if header is not None:
        ensure(not any(data[at + padded(header):]), f"offset {at}: a frame that is not intact with something behind it")
        ensure(a_sector_is_missing(data, at, at + padded(header)), f"offset {at}: a frame that is not intact")
        return "torn"
    ensure(a_sector_is_missing(data, at, at + 96), f"offset {at}: a frame header that is not intact")
    found = data.find(FRAME_MAGIC, at + 1)
    while found >= 0:
        ensure(frame_header(data, found) is None, f"offset {at}: a frame header that is not intact before one that is")
        found = data.find(FRAME_MAGIC, found + 1)
    page = at // 4096 * 4096 + 4096
    ensure(committed is None or (page < at + 96 and not any(data[page:])), f"offset {at}: a frame header that is not intact")
    return "torn"


def read_committed(directory):
    """(first seq of the journal, offset, next seq) if the file is valid."""
    try:
        data = (directory / "committed").read_bytes()
        boot = bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", ""))
    except OSError:
        return None
    if len(data) != 56 or data[:12] != COMMITTED_MAGIC + bytes(4) or data[12:28] != boot:
        return None
    *said, crc = struct.unpack("<QQQI", data[28:])
    return said if crc == zlib.crc32(data[:52]) else None


# ------------------------------------------------------------------------------------------------------- verification

class Verifier:
    def __init__(self, directory, export):
        self.directory, self.log = directory, Log(export)
        self.faults, self.notes, self.checkpoints = [], [], []
        tree0 = directory / "tree" / "0"
        self.tree0 = tree0.read_bytes() if tree0.is_file() else b""

    def fault(self, file, reason):
        self.faults.append(f"{file}: {reason}")

    def listed(self, folder, pattern):
        """The files of a folder whose name fits, in order of their names; all others are named."""
        fit = []
        for path in sorted((self.directory / folder).iterdir() if (self.directory / folder).is_dir() else ()):
            if re.fullmatch(pattern, path.name) and path.is_file() and not path.is_symlink():
                fit.append(path)
            elif folder == "journal" and re.fullmatch(r"next(\.empty)?|[0-9]{20}\.torn-[0-9]+", path.name):
                self.notes.append(f"{folder}/{path.name}: no evidence")
            elif (folder, path.name) != ("checkpoints", "new"):
                self.fault(f"{folder}/{path.name}", "does not belong here")
        return fit

    def run(self):
        known = {"LOCK", "writer.sock", "committed", "journal", "segments", "tree", "checkpoints", "damaged"}
        for path in sorted(self.directory.iterdir()):
            if path.name not in known:
                self.fault(path.name, "does not belong here")
        segments = self.listed("segments", r"[0-9]{20}\.jsonl\.zst")
        journals = self.listed("journal", r"[0-9]{20}\.journal")
        self.checkpoints = self.listed("checkpoints", "[0-9]{20}")
        self.log.wanted.update(int(path.name) for path in self.checkpoints)
        if not segments and not journals:
            self.fault("segments", "there is neither a segment nor a journal")
        for place, path in enumerate(segments):
            self.go_to(path)
            following = segments[place + 1:place + 2]
            self.read_segment(path, int(following[0].name[:20]) if following else None)
        sealed, committed = self.log.size, read_committed(self.directory)
        overlap = any(int(path.name[:20]) < sealed for path in journals)
        for path in journals:
            first = int(path.name[:20])
            confirmed = committed[1] if committed and committed[0] == first else None
            if first < sealed:
                self.compare_journal(path)
            else:
                self.go_to(path)
                self.read_journal(path, path == journals[-1], confirmed)
        if committed and journals and committed[0] == int(journals[-1].name[:20]) and committed[2] > self.log.size:
            self.fault(f"journal/{journals[-1].name}", f"records up to {committed[2]} were confirmed")
        if not self.log.parts == []:
            self.fault("parts", "the log ends with parts of a record that is not there")
        self.check_tree(sealed, overlap)
        self.check_checkpoints()

    def go_to(self, path):
        """A file's first seq is the size so far; otherwise records are missing."""
        first = int(path.name[:20])
        if first != self.log.size:
            name = f"{path.parent.name}/{path.name}"
            self.fault(name, f"records {self.log.size} to {first - 1} are missing" if first > self.log.size
                       else f"begins at {first}, but the log has {self.log.size} records before it")
            self.log.skip_to(first, None, self.tree0)

    def read_lines(self, name, lines, last):
        """Takes the lines of a frame. Whether the last record of a file has to be `epoch` is said by `last`."""
        records = [self.log.take(line, lambda reason: self.fault(name, reason)) for line in lines]
        if last and records[-1].name != "epoch":
            self.fault(name, "its last record is not epoch")
        return records

    def read_segment(self, path, next_first):
        log, name, data = self.log, f"segments/{path.name}", path.read_bytes()
        directory, rows, whole, at = Directory(log), usable_rows(data, log.size), True, 0
        while data[at:at + 4] != b"\x5d\x2a\x4d\x18":
            size = log.size
            try:
                length = zstd_frame_length(data, at)
                text = unpack(data[at:at + length])
                before = log.chain
                records = self.read_lines(name, split_lines(text), data[at + length:at + length + 4] == b"\x5d\x2a\x4d\x18")
                if size == directory.first and records[0].name not in ("genesis", "state"):
                    self.fault(name, "its first record is neither genesis nor state")
                directory.add_frame(at, data[at:at + length], text, before if before is not None else ZEROS, records)
                at += length
            except Bad as bad:
                self.fault(name, f"frame at {at}, from record {size} on: {bad}")
                whole = False
                onward = [row for row in rows or () if row.offset > at and row.seq >= log.size]
                if not onward:
                    return
                log.skip_to(onward[0].seq, onward[0].chain, self.tree0)
                at = onward[0].offset
        if next_first is not None and next_first != log.size:
            whole = False
        if whole and directory.rows and log.log_id is not None and log.chain is not None:
            for part, expected in directory.sections(log, log.log_id):
                if data[at:at + len(expected)] != expected:
                    self.fault(name, f"{part} at {at}: not what the text proves")
                    break
                at += len(expected)
            else:
                if at != len(data):
                    self.fault(name, f"{len(data) - at} bytes stand behind the seek table")
        elif not directory.rows:
            self.fault(name, "there is no record in it")
        else:
            self.notes.append(f"{name}: its directory was not compared, since records are missing")

    def read_journal(self, path, newest, confirmed):
        log, name, data = self.log, f"journal/{path.name}", path.read_bytes()
        first, at, last = log.size, 0, None
        while (frame := intact_frame(data, at)) is not None:
            header, text = frame
            if confirmed is not None and at >= confirmed:
                self.notes.append(f"{name}: what stands from offset {at} on was not confirmed")
            size = log.size
            try:
                lines = split_lines(text)
                ensure(header.seq == size and header.count == len(lines), "its header says other records")
                if log.chain is None:
                    log.chain = header.chain
                ensure(header.chain == log.chain, "its header says another chain before it")
                records = self.read_lines(name, lines, False)
                ensure(log.log_id is None or header.log_id == log.log_id, "its header says another log")
                last = records[-1].name
                if size == first and records[0].name not in ("genesis", "state"):
                    self.fault(name, "its first record is neither genesis nor state")
            except Bad as bad:
                self.fault(name, f"frame at {at}: {bad}")
                return
            at += padded(header)
        try:
            if not newest:
                ensure(len(data) == at, f"offset {at}: something stands behind the last frame")
                ensure(last == "epoch", "its last record is not epoch")
            elif judge_end(data, at, confirmed) == "torn":
                self.notes.append(f"{name}: torn tail from offset {at} on, which was never acknowledged")
        except Bad as bad:
            self.fault(name, str(bad))

    def compare_journal(self, path):
        """A journal that is still there beside its segment."""
        name, data, at, seq = f"journal/{path.name}", path.read_bytes(), 0, int(path.name[:20])
        while (frame := intact_frame(data, at)) is not None:
            for line in frame[1][:-1].split(b"\n"):
                if seq >= len(self.log.leaves) or sha256(b"\0" + line) != self.log.leaves[seq]:
                    self.fault(name, f"record {seq} is not the one in the segment")
                    return
                seq += 1
            at += padded(frame[0])
        if at != len(data):
            self.fault(name, f"offset {at}: something stands behind the last frame")

    def check_tree(self, sealed, unfinished):
        if not self.log.tree_known:
            self.notes.append("tree: the leaves of lost records are not known")
        hashes, level, names = self.log.leaves[:sealed], 0, set()
        while hashes:
            names.add(str(level))
            path, expected = self.directory / "tree" / str(level), b"".join(hashes)
            found = path.read_bytes() if path.is_file() else b""
            if found[:len(expected)] != expected[:len(found)]:
                wrong = next(i for i in range(len(hashes)) if found[32 * i:32 * i + 32] != hashes[i])
                self.fault(f"tree/{level}", f"hash {wrong} is not that of the records")
            if len(found) > len(expected):
                self.fault(f"tree/{level}", f"{len(found) - len(expected)} bytes more than the records ask for")
            elif len(found) < len(expected) and not unfinished:
                self.fault(f"tree/{level}", f"{len(expected) - len(found)} bytes are missing")
            hashes = [perfect_root(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
            level += 1
        self.listed("tree", "|".join(sorted(names)) or "(?!)")

    def check_checkpoint(self, name, note, roots):
        try:
            size, root = open_checkpoint(note, self.log.ever)
            ensure(size <= self.log.size, f"it is for {size} records, but there are {self.log.size}")
            ensure(roots.get(size, root) == root, "another root than the log has at its size")
            return size
        except Bad as bad:
            self.fault(name, str(bad))
            return None

    def check_checkpoints(self):
        for path in self.checkpoints:
            name = f"checkpoints/{path.name}"
            size = self.check_checkpoint(name, path.read_bytes(), self.log.roots)
            if size is not None and size != int(path.name):
                self.fault(name, "it is for another size than its name says")

    def check_given(self, file):
        """A checkpoint that was kept elsewhere: nothing before it may be missing or changed."""
        size = self.check_checkpoint(file, Path(file).read_bytes(), {})
        if size is not None:
            frontier = Frontier()
            for leaf in self.log.leaves[:size]:
                frontier.push(leaf)
            self.check_checkpoint(file, Path(file).read_bytes(), {size: frontier.root()})

    def check_identity(self, key, genesis):
        if not self.log.leaves or not self.log.ever or self.log.ever[0] != key:
            self.fault("genesis", "the log's first key is not the one that was given")
        if not self.log.leaves or self.log.leaves[0].hex() != genesis.lower():
            self.fault("genesis", "the first record's leaf is not the one that was given")

    def report(self, out):
        log = self.log
        chain = log.chain.hex() if log.chain is not None else "unknown"
        print(f"size {log.size}\nroot {log.frontier.root().hex()}\nchain {chain}", file=out)
        print(f"signed {log.signed} records in {log.epochs} epochs, unsigned {log.size - log.signed}", file=out)
        for note in self.notes:
            print(f"note: {note}", file=out)
        for fault in self.faults:
            print(f"fault: {fault}", file=out)
        print("sound" if not self.faults else "NOT SOUND", file=out)


def main():
    parser = argparse.ArgumentParser(description="Verify a log of auditdb, from the page on its format alone.")
    parser.add_argument("directory", type=Path, help="DIR/logs/main")
    parser.add_argument("--key", help="the log's first key, noted elsewhere")
    parser.add_argument("--genesis", help="the leaf of its first record, noted elsewhere")
    parser.add_argument("--checkpoint", help="a file with a checkpoint that was kept elsewhere")
    parser.add_argument("--export", action="store_true", help="print the records to standard output, the rest to standard error")
    given = parser.parse_args()
    if (given.key is None) != (given.genesis is None):
        parser.error("--key and --genesis belong together")
    try:
        verifier = Verifier(given.directory, given.export)
        verifier.run()
        if given.key is not None:
            verifier.check_identity(given.key, given.genesis)
        if given.checkpoint is not None:
            verifier.check_given(given.checkpoint)
    except (OSError, Unknown) as error:
        print(f"could not be verified: {error}", file=sys.stderr)
        return 2
    verifier.report(sys.stderr if given.export else sys.stdout)
    return 1 if verifier.faults else 0


if __name__ == "__main__":
    sys.exit(main())
