"""The single pieces of which a log of auditdb consists: signatures, notes, records, segments' directories, journals. Written from `storage-format.md` alone, for `verify.py`."""
import base64
import binascii
import hashlib
import json
import re
import struct
import zlib
from collections import namedtuple
from datetime import datetime, timezone
from pathlib import Path

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ZEROS = bytes(32)
MAX_LINE = 65_535
U64, ZEROS, MAX_FRAME_TEXT = 0xFFFF_FFFF_FFFF_FFFF, bytes(32), 1 << 24
FRAME_MAGIC, COMMITTED_MAGIC, SEGMENT_MAGIC = (bytes.fromhex(f"FF4155444954{letter}00") for letter in ("46", "43", "53"))
VERSION = b"\1\0"


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
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
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
    body = open_note(note, vkeys)
    match = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n", body)
    ensure(match, "not a checkpoint")
    origin, size, root = match.groups()
    ensure(any(parse_vkey(vkey)[0] == origin for vkey in vkeys), "a checkpoint of another log")
    root = unbase64(root)
    ensure(len(root) == 32, "the root has the wrong length")
    return int(size), root


def open_note(note, vkeys):
    """The text of a note that one of these keys has signed."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Bad("not UTF-8") from None
    match = re.fullmatch("((?:[^\n]+\n)+)\n((?:\u2014 [^ \n]+ [^ \n]+\n)+)", text)
    ensure(match, "not a signed note")
    body, signatures = match.groups()
    for line in signatures.splitlines():
        _, name, signature = line.split(" ")
        signature = unbase64(signature)
        for vkey in vkeys:
            key_name, key_id, key = parse_vkey(vkey)
            if (key_name, key_id) == (name, signature[:4]):
                ed25519(key, signature[4:], body.encode(), "note")
                return body
    raise Bad("not signed by a key of this log")


def open_tombstone(data):
    """The note, what it says, and the lines of a tombstone; nobody has looked at the signature yet."""
    length = zstd_frame_length(data, 0)
    ensure(length == len(data), "something stands behind the frame")
    note, _, rest = unpack(data).partition(b"\n\n")
    signatures, _, lines = rest.partition(b"\n\n")
    match = re.fullmatch(b"auditdb tombstone v1\n([^\n]+)\nlines ([0-9]+) (blake3:[0-9a-f]{64})", note)
    ensure(match and lines.endswith(b"\n"), "not a tombstone")
    try:
        said = json.loads(match[1])
    except ValueError:
        raise Bad("not a tombstone") from None
    ensure(isinstance(said, dict) and all(isinstance(said.get(name), int) for name in ("segment", "count", "record", "months")),
           "not a tombstone")
    ensure(match[3].decode() == "blake3:" + blake3(lines).hexdigest(), "its lines are others")
    lines = split_lines(lines)
    ensure(len(lines) == int(match[2]), "it has another number of lines")
    return note + b"\n\n" + signatures + b"\n", said, lines


def months_later(moment, months):
    """So many calendar months after that moment, in UTC; where there is no such day, the first of the next month."""
    seconds, rest = divmod(moment, 10**9)
    day = datetime.fromtimestamp(seconds, timezone.utc)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        later = day.replace(year=year, month=month + 1)
    except ValueError:
        year, month = divmod(day.year * 12 + day.month + months, 12)
        later = day.replace(year=year, month=month + 1, day=1)
    return int(later.timestamp()) * 10**9 + rest


# ------------------------------------------------------------------------------------------------------------ records

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z"
HEAD = re.compile(
    rf'\{{"v":(?P<v>[0-9]+),"seq":(?P<seq>0|[1-9][0-9]*),"id":"(?P<id>{UUID})","logged":"(?P<logged>{TIME})","time":"(?P<time>{TIME})",'
    rf'"writer":\{{"id":"(?:[^"\\]|\\.)*","method":"unix"\}}(?:,"salt":"[A-Za-z0-9_-]{{22}}")?'
    rf'(?:,"conflict":(?P<conflict>0|[1-9][0-9]*))?(?:,"parts":(?P<parts>\[.*?\}}\]))?(?:,"unrouted":"(?:[^"\\]|\\.)*")?,(?=")')
MINIFIED = re.compile(r'(?:[^"\s]++|"(?:[^"\\]++|\\.)*+")*+')
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
        if record.name == "indexed":
            event = record.json["event"]
            row(5, u64(event["segment"]), unhex(event["digest"].removeprefix("blake3:"), 32, "digest"))
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
            len(log.frontier.hashes), *map(zlib.crc32, (rows, keys, streams, roots)), 1, 0) + SEGMENT_MAGIC
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
    if trailer[188:192] != VERSION + bytes(2):
        raise Unknown("a segment of a version that is not known")
    return [Row(*row) for row in struct.iter_unpack("<Q8xQ40x32s", rows)]


# ----------------------------------------------------------------------------------------------------------- journals

Header = namedtuple("Header", "count offset seq length crc chain log_id")


def frame_header(data, at):
    """The header at `at` if it is intact and says that it stands there."""
    head = data[at:at + 96]
    if len(head) < 96 or head[:8] != FRAME_MAGIC or zlib.crc32(head[:92]) != struct.unpack("<I", head[92:])[0]:
        return None
    if head[8:10] != VERSION:
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
    """Whether a 512-byte sector's share of begin..end is all zero, or the file ends before its end."""
    cuts = [begin, *range(begin // 512 * 512 + 512, end, 512), end]
    return any(b > len(data) or not any(data[a:b]) for a, b in zip(cuts, cuts[1:]))


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
    if len(data) < 56 or data[:12] != COMMITTED_MAGIC + VERSION + bytes(2) or data[12:28] != boot:
        return None
    *said, crc = struct.unpack("<QQQI", data[28:56])
    return said if crc == zlib.crc32(data[:52]) else None
