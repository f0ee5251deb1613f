"""What people did: holds, their release, who the people are. Written from storage-format.md alone."""
import base64
import hashlib
import json
import struct
import tomllib
from collections import deque

from formats import Frontier, ensure, ed25519

MOST_EPOCHS = 8
ROLES = {"hold": "legal", "hold_released": "legal", "clock_accepted": "operator"}


def root_at(leaves, size):
    frontier = Frontier()
    for leaf in leaves[:size]:
        frontier.push(leaf)
    return frontier.root()


class Acts:
    """What is in force by what people did."""

    def __init__(self):
        self.known, self.holds, self.people, self.ahead = False, [], [], None
        self.ends = deque(maxlen=MOST_EPOCHS)
        self.signed, self.by_policy = [], None

    def lose_track(self):
        self.known, self.ahead, self.by_policy = False, None, None
        self.ends.clear()

    def state(self, event):
        self.settle()
        said = event["holds"], event.get("people", [])
        if not self.known:
            self.known, (self.holds, self.people) = True, said
        elif said != (self.holds, self.people):
            self.ahead = said

    def settle(self):
        ahead, self.ahead = self.ahead, None
        ensure(ahead is None, "a state says other holds or people than were in force, and no record why")

    def policy(self, event):
        people = tomllib.loads(event["text"] or "").get("people", {})
        self.by_policy = [{"name": name, "key": " ".join(people[name]["key"].split()[:2]), "roles": people[name].get("roles", [])}
                          for name in sorted(people)]

    def epoch(self, end):
        self.ends.append(end)
        self.settle()

    def take(self, record, event, log_id):
        """One of the records of what people do; gives nothing, and complains if it does not count."""
        if record.name == "people":
            ensure(not self.known or event["before"] == self.people, "other people were in force before")
            self.people = event["after"]
            ensure(self.by_policy in (None, self.people), "other people are in force than the policy names")
            return self.agree()
        about = {"hold": lambda: {name: event[name] for name in ("id", "seqs", "query") if name in event},
                 "hold_released": lambda: {"id": event["id"]},
                 "clock_accepted": lambda: {"ahead_seconds": event["ahead_ns"] // 10**9}}[record.name]()
        wrong = None
        try:
            self.judge(record, event, about, log_id)
        finally:
            self.ends.clear()
            self.ends.append(record.seq + 1)
            wrong = self.change(record, event) if self.known else None
        ensure(wrong is None, wrong)
        return self.agree()

    def change(self, record, event):
        if record.name == "hold":
            by = {name: event["by"][name] for name in ("name", "proved", "key") if name in event["by"]}
            hold = {name: event[name] for name in ("id", "seqs", "query", "reason") if name in event}
            again = any(one["id"] == event["id"] for one in self.holds)
            self.holds = self.holds + [{**hold, "by": by, "placed": record.json["logged"]}]
            return "a hold of this name was in force" if again else None
        if record.name == "hold_released":
            own = [hold for hold in self.holds if hold["id"] == event["id"]]
            self.holds = [hold for hold in self.holds if hold["id"] != event["id"]]
            if not own:
                return "no such hold was in force"
            first, second = own[0]["by"], event["by"]
            if first["name"].strip().lower() == second["name"].strip().lower():
                return "the hold is released by who placed it"
            if first["proved"] and (not second["proved"] or first["key"] == second["key"]):
                return "the hold is released without the signature of a second person"
        return None

    def agree(self):
        if self.ahead == (self.holds, self.people):
            self.ahead = None
        self.settle()

    def judge(self, record, event, about, log_id):
        by = event.get("by")
        if by is None or not by["proved"]:
            ensure(record.name == "clock_accepted" or by is not None, "nobody did it")
            ensure(not self.known or not self.people, "it needs the signature of a person")
            ensure(by is None or set(by) == {"name", "proved"}, "a proof of nothing")
            return
        if self.known:
            person = [one for one in self.people if one["name"] == by["name"]]
            ensure(person and person[0]["key"] == by["key"], "it is signed by no person in force")
            role = ROLES[record.name]
            ensure(role in person[0]["roles"] or not any(role in one["roles"] for one in self.people), "the person lacks the role")
        check_signature(by["key"], by["statement"], by["signature"])
        title, _, rest = by["statement"].partition("\n")
        ensure(title == "auditdb act v1" and rest.endswith("\n"), "no statement of an act")
        said = json.loads(rest)
        expected = {"act": record.name, "log_id": log_id, "person": by["name"], "reason": event["reason"], "about": about}
        ensure(set(said) == {*expected, "size", "root"}, "a statement with other members")
        ensure(all(said[name] == value for name, value in expected.items()), "something else was signed")
        ensure((self.ends[0] if self.ends else 0) <= said["size"] <= record.seq, "it was signed at another time")
        self.signed.append((record.seq, said["size"], said["root"]))


def check_signature(key, text, armoured):
    """A signature of `ssh-keygen -Y sign -n auditdb`."""
    lines = armoured.split()
    ensure(armoured.startswith("-----BEGIN SSH SIGNATURE-----") and armoured.rstrip().endswith("-----END SSH SIGNATURE-----"),
           "no signature of ssh-keygen")
    data = base64.b64decode("".join(lines[3:-3]), validate=True)
    ensure(data[:10] == b"SSHSIG" + struct.pack(">I", 1), "a signature of another version")
    public, namespace, reserved, digest, signature = strings(data[10:], 5)
    ensure(base64.b64decode(key.split()[1], validate=True) == public, "a signature by another key")
    kind, point = strings(public, 2)
    algorithm, value = strings(signature, 2)
    ensure(kind == algorithm == b"ssh-ed25519" and namespace == b"auditdb" and not reserved, "a signature of another kind")
    ensure(digest in (b"sha256", b"sha512"), "a hash of another kind")
    hashed = hashlib.new(digest.decode(), text.encode()).digest()
    signed = b"SSHSIG" + b"".join(struct.pack(">I", len(part)) + part for part in (namespace, reserved, digest, hashed))
    ed25519(point, value, signed, "a person's signature")


def strings(data, count):
    found = []
    for _ in range(count):
        length = struct.unpack(">I", data[:4])[0]
        found.append(data[4:4 + length])
        ensure(len(found[-1]) == length, "a signature that is cut short")
        data = data[4 + length:]
    ensure(not data, "something stands behind a signature")
    return found
