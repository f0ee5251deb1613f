#!/usr/bin/env python3
"""Read and verify a log of auditdb.

Written from `storage-format.md` alone, by somebody who never saw the program's source, to show that the page is
enough. It shares nothing with the program, and is slow and plain on purpose.

    verify.py DIR/logs/main [--key VKEY --genesis HEX] [--checkpoint FILE] [--export]

Exit codes: 0 sound, 1 not sound, 2 it could not be done.
"""
import argparse
import hashlib
import json
import re
import struct
import sys
import time
from pathlib import Path

from blake3 import blake3

from acts import Acts, root_at
from formats import (UUID, Bad, Directory, Frontier, Unknown, derive, ed25519, ensure, intact_frame, judge_end, months_later,
                     nanoseconds, open_checkpoint, open_note, open_tombstone, padded, parse_record, parse_vkey, perfect_root, read_committed, sha256, split_lines, unhex, unpack,
                     usable_rows, zstd_frame_length)

ZEROS = bytes(32)


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
        self.roots, self.wanted, self.predecessor = {}, set(), None
        self.parts = []
        self.ahead, self.tells, self.months, self.acts = 0, False, 12, Acts()
        self.announced, self.proofs = [], []
        # The policy in force and the other logs; None where nobody can tell.
        self.policy, self.siblings, self.household_known = None, [], True

    def skip_to(self, size, chain, tree0):
        """Go on behind records that cannot be read; their leaves are taken from `tree/0`, if it has them."""
        while self.size < size and len(leaf := tree0[32 * self.size:32 * self.size + 32]) == 32:
            self.push(leaf)
        self.tree_known = self.tree_known and self.size == size
        self.size, self.chain, self.keys_known, self.key_pending, self.parts = size, chain, False, False, []
        self.acts.lose_track()
        self.household_known = False

    def push(self, leaf):
        self.size += 1
        if self.tree_known:
            self.leaves.append(leaf)
            self.frontier.push(leaf)
            if self.size in self.wanted:
                self.roots[self.size] = self.frontier.root()

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
            self.check_household(event)
            self.check_state(record, event)
        elif record.name == "epoch":
            self.acts.epoch(record.seq + 1)
            self.check_epoch(record, event)
        elif record.name == "policy":
            self.acts.policy(event)
            self.check_policy(event)
        elif record.name == "log":
            self.siblings.append((event["log"], unhex(event["genesis"], 32, "genesis")))
        elif record.name in ("hold", "hold_released", "people"):
            self.acts.take(record, event, self.names and self.names["log_id"])
        elif record.name == "key":
            self.check_key(event)
        elif record.name == "clock" and self.tells:
            step = nanoseconds(event["after"]) - nanoseconds(event["before"]) - (event["elapsed_ns"] or 0)
            self.ahead += step
        elif record.name == "clock_accepted":
            self.ahead = 0
            self.acts.take(record, event, self.names and self.names["log_id"])
        elif record.name == "anchor":
            if "digest" in event:
                self.proofs.append((event["file"], event["digest"]))
        elif record.name == "tombstone":
            self.announced.append((record.seq, record.logged, event, self.months, max(self.ahead, 0), list(self.acts.holds)))

    def check_policy(self, event):
        text = event["text"]
        digest = None if text is None else "blake3:" + blake3(text.encode()).hexdigest()
        follows = not self.household_known or event["before"] == self.policy
        self.policy, self.household_known = event["after"], True
        ensure(follows, "it does not follow the policy that was in force")
        ensure(digest == event["after"], "its text is not the policy that its digest names")

    def check_household(self, event):
        siblings = [(entry["log"], unhex(entry["genesis"], 32, "genesis")) for entry in event["siblings"]
                    if isinstance(entry, dict) and isinstance(entry.get("log"), str) and isinstance(entry.get("genesis"), str)]
        same = not self.household_known or event["policy"] == self.policy
        left = [] if not self.household_known else [log for log in self.siblings if log not in siblings]
        begins = event["name"] == "genesis"
        self.policy, self.siblings, self.household_known = event["policy"], siblings, True
        ensure(same or begins, "it names another policy than was taken up")
        ensure(not left or begins, "it leaves out a log that was named before")

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
        if event["format"] != 1:
            raise Unknown(f"format {event['format']}")
        names = {name: event[name] for name in ("database", "log", "log_id", "origin")}
        ensure(event["origin"] == f"{event['log']}/{event['log_id']}", "its origin is not the log's name and id")
        ensure(re.fullmatch(UUID, event["log_id"]), "its log_id is no UUID")
        self.months = event["keep"]["months"] if event["class"] is not None else 12
        self.acts.state(event)
        clock = event.get("clock")
        if not self.keys_known or record.name == "genesis":
            self.ahead = (clock or {}).get("ahead_ns", 0)
        self.tells = clock is not None
        ensure(not self.tells or clock["ahead_ns"] == self.ahead, "it says otherwise how far the clock is ahead")
        keys = event["keys"]
        ensure(parse_vkey(keys["log"])[0] == event["origin"], "the key's name is not the origin")
        epoch_key = unhex(keys["epoch_key"], 32, "epoch_key")
        if self.names is None:
            self.names, self.origin = names, event["origin"]
            self.log_id = bytes.fromhex(event["log_id"].replace("-", ""))
        ensure(names == self.names, "it names another log")
        if record.name == "genesis":
            self.predecessor = event["predecessor"]
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
            ensure(not self.tells or event.get("ahead_ns", 0) == self.ahead, "it says otherwise how far the clock is ahead")
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


# ------------------------------------------------------------------------------------------------------- verification

NO_EVIDENCE = r"tombstones/[0-9]{20}\.tmp|journal/next(\.empty)?|journal/[0-9]{20}\.torn-[0-9]+(\.new)?|checkpoints/new|checkpoints/[0-9]{20}\..+|segments/[0-9]{20}\.jsonl\.zst\.tmp|index/[0-9]{20}\.idx(\.tmp)?"

class Verifier:
    def __init__(self, directory, export):
        self.directory, self.log = directory, Log(export)
        self.faults, self.notes, self.checkpoints, self.tombstones = [], [], [], []
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
            elif re.fullmatch(NO_EVIDENCE, f"{folder}/{path.name}"):
                self.notes.append(f"{folder}/{path.name}: no evidence")
            else:
                self.fault(f"{folder}/{path.name}", "does not belong here")
        return fit

    def run(self):
        known = {"LOCK", "writer.sock", "committed", "copied", "copied.new", "journal", "segments", "tree", "checkpoints", "damaged", "index", "tombstones",
                 "anchors", "anchors.new"}
        for path in self.directory.iterdir():
            if path.name not in known:
                self.fault(path.name, "does not belong here")
        if (self.directory / "damaged" / "unfinished").exists():
            self.fault("damaged/unfinished", "a recovery was interrupted")
        segments = self.listed("segments", r"[0-9]{20}\.jsonl\.zst")
        journals = self.listed("journal", r"[0-9]{20}\.journal")
        self.checkpoints = self.listed("checkpoints", "[0-9]{20}")
        self.listed("index", r"[0-9]{20}\.idx")
        self.log.wanted.update(int(path.name) for path in self.checkpoints)
        if not journals:
            self.fault("journal", "there is no journal")
        first = min([int(path.name[:20]) for path in segments + journals], default=0)
        for path in self.listed("tombstones", "[0-9]{20}"):
            self.read_tombstone(path, first)
        for place, path in enumerate(segments):
            self.go_to(path)
            following = segments[place + 1:place + 2]
            self.read_segment(path, int(following[0].name[:20]) if following else None)
        sealed, committed = self.log.size, read_committed(self.directory)
        for path in journals:
            first = int(path.name[:20])
            confirmed = committed[1] if committed and committed[0] == first else None
            if first < sealed:
                self.compare_journal(path)
            else:
                self.go_to(path)
                self.read_journal(path, path == journals[-1], confirmed)
        self.judge_tombstones({int(path.name[:20]) for path in segments})
        if self.log.parts:
            self.fault("parts", "the log ends with parts of a record that is not there")
        firsts = [int(path.name[:20]) for path in journals] or [sealed]
        self.check_tree(min(sealed, firsts[0]), max(sealed, min(firsts[-1], self.log.size)))
        self.check_checkpoints()
        try:
            self.log.acts.settle()
        except Bad as bad:
            self.fault("acts", str(bad))
        for seq, size, root in self.log.acts.signed:
            if self.log.tree_known and root_at(self.log.leaves, size).hex() != root:
                self.fault("acts", f"record {seq} was signed for this log as it never was")
        self.check_proofs()
        self.check_predecessor()

    def check_proofs(self):
        """What others made of a checkpoint is as it was when it was kept."""
        for name, digest in self.log.proofs:
            path = self.directory / "checkpoints" / name
            if not re.fullmatch(r"[0-9]{20}\.[A-Za-z0-9._-]+", name) or not path.is_file():
                self.fault(f"checkpoints/{name}", "a proof that was kept is missing")
            elif f"sha256:{sha256(path.read_bytes()).hex()}" != digest:
                self.fault(f"checkpoints/{name}", "is not the proof that was kept")

    def check_predecessor(self):
        """The log that this one goes on from has to be there, and still hold what it held then."""
        said = self.log.predecessor
        if said is None:
            return
        name, before = said["log"], said["standing"]
        directory = self.directory.parent / name
        if not re.fullmatch(r"[a-z0-9.]+", name) or not directory.is_dir():
            self.fault(name, "the log before this one is not there")
            return
        other = Verifier(directory, False)
        if before is not None:
            other.log.wanted.add(before["size"])
        other.run()
        self.faults += [f"{name}/{fault}" for fault in other.faults]
        if other.log.origin != said["origin"]:
            self.fault(name, "the log before this one is another")
        elif before is not None and other.log.roots.get(before["size"]) != bytes.fromhex(before["root"]):
            self.fault(name, "the log before this one does not hold what it held when this one went on from it")

    def go_to(self, path):
        """A file's first seq is the size so far; otherwise records are missing."""
        first = int(path.name[:20])
        if first != self.log.size:
            name = f"{path.parent.name}/{path.name}"
            self.fault(name, f"records {self.log.size} to {first - 1} are missing" if first > self.log.size
                       else f"begins at {first}, but the log has {self.log.size} records before it")
            self.log.skip_to(first, None, self.tree0)

    def read_tombstone(self, path, first_file):
        """What is left of a dropped segment: goes on over its leaves. Its segment may be there still."""
        log, name, first = self.log, f"tombstones/{path.name}", int(path.name)
        data = path.read_bytes()
        try:
            note, said, lines = open_tombstone(data)
            ensure(said["segment"] == first, "it is that of another segment")
        except Bad as bad:
            self.fault(name, str(bad))
            return
        if first >= first_file:
            self.notes.append(f"{name}: its segment is still there")
            self.tombstones.append((name, data, note, said, None, None))
            return
        self.go_to(path)
        end, kept, months, logged = first + said["count"], {}, None, None
        try:
            for line in lines:
                record = parse_record(line)
                ensure(first <= record.seq < end and record.seq not in kept, f"record {record.seq} is not one of its segment")
                ensure(record.name in ("genesis", "state", "epoch", "key", "clock", "clock_accepted", "hold", "hold_released", "people",
                                       "policy", "log", "anchor", "tombstone"),
                       f"record {record.seq} is of a name that is not kept")
                kept[record.seq] = line, record
            ensure(kept and min(kept) == first and max(kept) == end - 1, "it does not keep both ends of its segment")
            ensure(kept[first][1].name in ("genesis", "state"), "its first record is neither genesis nor state")
            ensure(kept[end - 1][1].name == "epoch", "its last record is not epoch")
            logged = max(record.logged for _, record in kept.values())
            state = kept[first][1].json["event"]
            months = state["keep"]["months"] if state["class"] is not None else 12
            ensure(self.standing() == said["before"], "it says otherwise where the log stood before")
        except (Bad, KeyError, TypeError) as bad:
            self.fault(name, str(bad))
        leaves = self.tree0[32 * first:32 * end]
        if len(leaves) < 32 * said["count"]:
            self.fault("tree/0", f"the leaves of the dropped records {first} to {end - 1} are not there")
        for seq in range(first, first + len(leaves) // 32):
            leaf = leaves[32 * (seq - first):32 * (seq - first) + 32]
            if seq in kept and kept[seq][1].leaf != leaf:
                self.fault(name, f"record {seq} is not the one that was there")
            elif seq in kept:
                try:
                    log.check_members(kept[seq][1])
                except (Bad, KeyError, TypeError, AttributeError, ValueError, struct.error) as bad:
                    self.fault(name, f"record {seq}: {bad}")
            if log.chain is not None:
                log.chain = derive("auditdb record chain v1", log.chain + leaf)
            log.push(leaf)
        if self.standing() != said["after"] or [root.hex() for root in log.frontier.hashes] != said["frontier"]:
            self.fault(name, "it says otherwise where the log stood behind it")
            self.fault("tree/0", f"or the leaves of the dropped records {first} to {end - 1} are others")
        self.tombstones.append((name, data, note, said, months, logged))

    def standing(self):
        log = self.log
        chain = log.chain.hex() if log.chain is not None else None
        before = {"size": log.size, "root": log.frontier.root().hex(), "chain": chain}
        return before

    def judge_tombstones(self, segments):
        announced = self.log.announced
        for name, data, note, said, months, logged in self.tombstones:
            try:
                ensure(self.log.log_id is None or said["log_id"].replace("-", "") == self.log.log_id.hex(), "it is of another log")
                open_note(note, self.log.ever)
                digest = "blake3:" + blake3(data).hexdigest()
                own = [one for one in announced if one[2]["segment"] == said["segment"] and one[2]["digest"] == digest]
                ensure(own, "no record announces it")
                seq, at, _, now_months, ahead, holds = own[0]
                ensure(seq == said["record"], "another record announces it than it says")
                greatest = nanoseconds(said["logged"][1])
                ensure(logged is None or logged <= greatest, "its times are not those of its records")
                until = months_later(greatest, max(months or said["months"], now_months))
                ensure(at - ahead >= until, "its segment was dropped before its time")
                ensure(at <= time.time_ns() + 86_400 * 10**9, "it was dropped at a time that has not come")
                for hold in holds:
                    seqs = hold.get("seqs")
                    apart = isinstance(seqs, list) and (seqs[1] < said["segment"] or seqs[0] >= said["segment"] + said["count"])
                    ensure(apart or ("query" in hold and "seqs" not in hold), "its segment was held")
                asked = sorted(one["id"] for one in said.get("holds", []))
                ensure(asked == sorted(hold["id"] for hold in holds), "it speaks of other holds than were in force")
            except (Bad, KeyError, TypeError, IndexError) as bad:
                self.fault(name, str(bad))
        there = {said["segment"] for _, _, _, said, _, _ in self.tombstones}
        for seq, _, event, _, _, _ in announced:
            if event["segment"] not in there and event["segment"] not in segments:
                self.fault(f"tombstones/{event['segment']:020}", f"record {seq} announces it, and it is gone")

    def read_lines(self, name, lines, last):
        """Takes the lines of a frame. Whether the last record of a file has to be `epoch` is said by `last`."""
        records = [self.log.take(line, lambda reason: self.fault(name, reason)) for line in lines]
        if last and records[-1].name != "epoch":
            self.fault(name, "its last record is not epoch")
        return records

    def read_segment(self, path, next_first):
        log, name, data = self.log, f"segments/{path.name}", path.read_bytes()
        rows, whole, at = usable_rows(data, log.size), True, 0
        if log.chain is None and rows:
            log.chain = rows[0].chain
        directory = Directory(log)
        while data[at:at + 4] != b"\x5d\x2a\x4d\x18":
            size = log.size
            try:
                length = zstd_frame_length(data, at)
                text = unpack(data[at:at + length])
                before = log.chain
                records = self.read_lines(name, split_lines(text), data[at + length:at + length + 4] == b"\x5d\x2a\x4d\x18")
                if size == directory.first and records[0].name not in ("genesis", "state"):
                    self.fault(name, "its first record is neither genesis nor state")
                directory.add_frame(at, data[at:at + length], text, before or ZEROS, records)
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
        if whole and directory.rows and log.tree_known and None not in (log.log_id, log.chain, directory.chain_before):
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
                self.notes.append(f"{name}: {header.count} records from offset {at} on are not confirmed")
                at += padded(header)
                continue
            size = log.size
            try:
                ensure(confirmed is None or at + padded(header) <= confirmed, "it was confirmed only in part")
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
                ensure(not any(data[at:]), f"offset {at}: something stands behind the last frame")
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
        if any(data[at:]):
            self.fault(name, f"offset {at}: something stands behind the last frame")

    def check_tree(self, least, most):
        """The files hold the hashes of the sealed records; of those in closed journals they may hold any part."""
        for path in self.listed("tree", "[0-9]+"):
            if path.stat().st_size and most < 256**int(path.name):
                self.fault(f"tree/{path.name}", "the records do not ask for it")
        if not self.log.tree_known:
            self.notes.append("tree: not compared, since the leaves of lost records are not known")
            return
        hashes, level = self.log.leaves[:most], 0
        while hashes:
            name, path, expected = f"tree/{level}", self.directory / "tree" / str(level), b"".join(hashes)
            found = path.read_bytes() if path.is_file() else b""
            if found[:len(expected)] != expected[:len(found)]:
                wrong = next(i for i in range(len(hashes)) if found[32 * i:32 * i + 32] != hashes[i])
                self.fault(name, f"hash {wrong} is not that of the records")
            if len(found) > len(expected):
                self.fault(name, f"{len(found) - len(expected)} bytes more than the records ask for")
            elif len(found) < 32 * least or len(found) % 32:
                self.fault(name, f"it is cut short at {len(found)} bytes")
            hashes = hashes[:len(found) // 32] if len(found) > 32 * least else hashes[:max(least, 1)]
            hashes = [perfect_root(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
            least, level = least // 256, level + 1

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
        if size is not None and len(self.log.leaves) < size:
            self.fault(file, "cannot be compared, since the leaves of lost records are not known")
        elif size is not None:
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
        root = log.frontier.root().hex() if log.tree_known else "unknown"
        print(f"size {log.size}\nroot {root}\nchain {chain}", file=out)
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
