#!/usr/bin/env python3
"""Anchors against programs that others wrote: anchors.py AUDITDB_BINARY

A real authority (`openssl ts` behind a small listener on loopback) and a real witness (aics-witness of PyPI, which needs Python
3.12). Then answers that none of them would give. What is not here and cannot be had is skipped, and named. Exit codes: 0 all as
it should be (or skipped), 1 not, 2 it could not be done.
"""

import glob
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FAILED = []


def say(what):
    print(what, flush=True)


def check(what, holds, detail=""):
    if not holds:
        FAILED.append(what)
        say(f"NOT AS IT SHOULD BE: {what}: {detail}")


def run(*command, data=None, cwd=None):
    done = subprocess.run(command, input=data, capture_output=True, cwd=cwd, timeout=120)
    return done.returncode, done.stdout + done.stderr


class Log:
    """A database in a directory, and the program that works on it."""

    def __init__(self, binary, dir):
        self.binary, self.dir = binary, dir
        self.run("init", code=0)
        self.append(3)

    def run(self, *words, code=None, data=None):
        verb = 2 if words[0] in ("anchor", "key") else 1
        command = [self.binary, *words[:verb], self.dir, *words[verb:]]
        found, out = run(*command, data=data)
        out = out.decode(errors="replace")
        if code is not None:
            check(f"auditdb {' '.join(words)}", found == code, f"exit {found} and not {code}: {out}")
        return out

    def append(self, count):
        text = '{"agent":{"id":"a"},"kind":"decision"}\n' * count
        self.run("append", data=text.encode(), code=0)

    def add(self, to, code, *more):
        return self.run("anchor", "add", "--to", to, *more, code=code)

    def beside(self, ending):
        return sorted(glob.glob(f"{self.dir}/logs/main/checkpoints/*.{ending}"))


# --- an authority: openssl ts

TSA = """
[tsa]
default_tsa = one
[one]
dir = {dir}
serial = {dir}/serial
signer_cert = {dir}/{name}.pem
signer_key = {dir}/{name}.key
{certs}
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def authority(dir):
    """Keys and certificates of an authority; the names of its signers."""
    with open(f"{dir}/ext", "w") as file:
        file.write("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n")
    with open(f"{dir}/serial", "w") as file:
        file.write("01\n")
    curve = ["-newkey", "ec", "-pkeyopt"]
    kinds = {
        "rsa": ["-newkey", "rsa:2048"],
        "p256": [*curve, "ec_paramgen_curve:P-256"],
        "p384": [*curve, "ec_paramgen_curve:P-384"],
    }
    openssl("req", "-x509", *kinds["p256"], "-nodes", "-keyout", f"{dir}/ca.key", "-out", f"{dir}/ca.pem", "-subj", "/CN=ca", "-days", "30")
    for name, key in {**kinds, "two": kinds["rsa"]}.items():
        openssl("req", *key, "-nodes", "-keyout", f"{dir}/{name}.key", "-out", f"{dir}/csr", "-subj", f"/CN=tsa {name}")
        openssl("x509", "-req", "-in", f"{dir}/csr", "-CA", f"{dir}/ca.pem", "-CAkey", f"{dir}/ca.key", "-CAcreateserial",
                "-out", f"{dir}/{name}.pem", "-days", "20", "-extfile", f"{dir}/ext")
        with open(f"{dir}/{name}.cnf", "w") as file:
            certs = f"certs = {dir}/ca.pem" if name == "two" else ""
            file.write(TSA.format(dir=dir, name=name, certs=certs))


def openssl(*words, data=None):
    code, out = run("openssl", *words, data=data)
    if code != 0:
        raise RuntimeError(f"openssl {' '.join(words)}: {out.decode(errors='replace')}")
    return out


def stamped(dir, name, query):
    """What the authority answers to a query."""
    with tempfile.TemporaryDirectory() as at:
        with open(f"{at}/q", "wb") as file:
            file.write(query)
        openssl("ts", "-reply", "-config", f"{dir}/{name}.cnf", "-queryfile", f"{at}/q", "-out", f"{at}/r")
        with open(f"{at}/r", "rb") as file:
            return file.read()


class Listener(http.server.BaseHTTPRequestHandler):
    """The authority, and whoever says what no honest one would."""

    dir = None
    last = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.strip("/").split("/")
        if kind[0] == "status":  # a witness of its own
            return self.answer(int(kind[1]), b"x" * 20)
        if kind[0] == "size":
            return self.answer(409, f"{kind[1]}\n".encode())
        if kind[0] == "garbage":
            return self.answer(200, os.urandom(2000))
        if kind[0] == "html":
            return self.answer(200, b"<html>a portal</html>")
        if kind[0] == "long":
            return self.answer(200, b"0" * 10_000_000)
        if kind[0] == "replay":
            return self.answer(200, Listener.last or stamped(self.dir, "rsa", body))
        if kind[0] == "other":
            return self.answer(200, stamped(self.dir, "rsa", query_over(b"something else", body)))
        if kind[0] == "reject":
            return self.answer(200, rejection())
        answer = stamped(self.dir, kind[0], body)
        if kind[0] == "rsa":
            Listener.last = answer
        if len(kind) > 1:  # one bit of it
            place = int(kind[1]) % len(answer)
            answer = answer[:place] + bytes([answer[place] ^ 4]) + answer[place + 1 :]
        self.answer(200, answer)

    do_GET = do_POST

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # Whoever asked had enough.

    def log_message(self, *_):
        pass


def rejection():
    """TimeStampResp with status 2 (rejection) and a text."""
    text = b"\x0c\x07refused"
    status = b"\x02\x01\x02" + b"\x30" + bytes([len(text)]) + text
    status = b"\x30" + bytes([len(status)]) + status
    return b"\x30" + bytes([len(status)]) + status


def query_over(data, like):
    """A query over other data with the same number."""
    digest = run("openssl", "dgst", "-sha256", "-binary", data=data)[1]
    at = like.index(bytes.fromhex("0420")) + 2
    return like[:at] + digest + like[at + 32 :]


def try_authority(binary, at):
    dir = f"{at}/tsa"
    os.mkdir(dir)
    authority(dir)
    Listener.dir = dir
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    say(f"{run('openssl', 'version')[1].decode().strip()} as an authority")
    for name in ["rsa", "p256", "p384", "two"]:
        log = Log(binary, f"{at}/{name}")
        out = log.add(f"tsa:{url}/{name}", 0)
        der = openssl("x509", "-in", f"{dir}/{name}.pem", "-outform", "DER")
        pin = run("openssl", "dgst", "-sha256", "-r", data=der)[1].decode().split()[0]
        check(f"{name}: the certificate is pinned", f"sha256:{pin}" in out, out)
        log.append(1)
        log.run("anchor", "now", code=0)
        log.run("verify", code=0)
        kept = log.beside("tsr")
        check(f"{name}: two stamps are kept", len(kept) == 2, kept)
        for tsr in kept:
            data = tsr[: -len(".xxxxxxxx.tsr")]
            verify = ["ts", "-verify", "-in", tsr, "-CAfile", f"{dir}/ca.pem", "-untrusted", f"{dir}/{name}.pem", "-data"]
            code, out = run("openssl", *verify, data)
            check(f"{name}: openssl verifies {tsr}", code == 0 and b"OK" in out, out)
            with open(f"{at}/changed", "wb") as file:
                file.write(open(data, "rb").read().replace(b"main", b"maim"))
            code, out = run("openssl", *verify, f"{at}/changed")
            check(f"{name}: openssl refuses it of another file", code != 0, out)
        out = log.run("anchor", "list", code=0)
        check(f"{name}: it is proved", "nothing yet" not in out and "ago" in out, out)
        # A changed stamp is a fault, and proves nothing any more.
        os.chmod(kept[-1], 0o640)
        text = open(kept[-1], "rb").read()
        open(kept[-1], "wb").write(text[:-1] + bytes([text[-1] ^ 1]))
        out = log.run("verify", code=1)
        check(f"{name}: the changed stamp is named", "was changed" in out, out)
    pinned = re.search(r'certificate = "(sha256:\w+)"', open(f"{at}/rsa/auditdb.toml").read()).group(1)
    log = Log(binary, f"{at}/refused")
    for path, words in {
        "replay": "the nonce differs|something else",
        "other": "something else",
        "p256": "another certificate",
        "garbage": "not in the form",
        "html": "not in the form",
        "long": "longer than",
        "reject": "it refuses.*refused",
        "status/500": "it answered 500",
        "status/302": "it answered 302",
    }.items():
        out = log.add(f"tsa:{url}/{path}", 1, "--certificate", pinned)
        check(f"an authority that is {path}", re.search(words, out), out)
    out = log.add("tsa:http://127.0.0.1:9", 1, "--certificate", pinned)
    check("an authority that is down", "connection refused" in out, out)
    # Every byte of an answer counts, or changes nothing that is relied on.
    length = len(Listener.last)
    taken = []
    for place in range(20, length, max(1, length // 60)):
        other = Log(binary, f"{at}/flip{place}")
        out = other.add(f"tsa:{url}/rsa/{place}", None, "--certificate", pinned)
        if "failed" not in out:
            taken.append(place)
            for tsr in other.beside("tsr"):
                data = tsr[: -len(".xxxxxxxx.tsr")]
                code, out = run("openssl", "ts", "-verify", "-in", tsr, "-CAfile", f"{dir}/ca.pem", "-untrusted", f"{dir}/rsa.pem", "-data", data)
                check(f"openssl takes what was taken with a bit changed at {place}", code == 0, out)
        shutil.rmtree(f"{at}/flip{place}")
    say(f"of 60 answers with a bit changed {len(taken)} were taken, and openssl takes those too")
    log.append(1)
    out = log.run("status", code=0)
    check("status says what failed", re.search(r"failed [0-9]+ times since: nobody listens there", out), out)
    log.run("verify", code=0)
    # Witnesses that are none.
    key = "witness.example/w1+e0ea7ee6+BMgkPNEF5oTX0uSfyNNsUgu/sBpZcQk73N6LlpRXWUAs"
    log = Log(binary, f"{at}/statuses")
    for path, words in {
        "status/200": "its answer",
        "status/400": "\\(400\\)",
        "status/403": "does not trust the key.*\\(403\\)",
        "status/404": "does not know this log.*\\(404\\)",
        "status/422": "another history.*\\(422\\)",
        "status/503": "it answered 503",
        "size/1": "no beginning|without a size|another size|409",
        "size/999999": "has seen 999999 records and this log has .*: this log was rolled back",
        "size/007": "without a size",
        "size/-1": "without a size",
        "garbage": "not UTF-8|its answer",
        "long": "longer than",
    }.items():
        out = log.add(f"witness:{url}/{path}", 1, "--key", key)
        check(f"a witness that is {path}", re.search(words, out), out)
    log.run("verify", code=0)
    server.shutdown()


# --- a witness: aics-witness


def witness_binary():
    """The program, installed beside this script if need be; or None and why not."""
    venv = f"{HERE}/.venv/witness"
    if os.path.exists(f"{venv}/bin/aics-witness"):
        return f"{venv}/bin/aics-witness", None
    home = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for python in [sys.executable, "python3.12", "python3.13", *sorted(glob.glob(f"{home}/versions/3.1[2-9]*/bin/python3"))]:
        try:
            if run(python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))")[0] != 0:
                continue
        except OSError:
            continue
        if run(python, "-m", "venv", "--clear", venv)[0] != 0:
            continue
        code, out = run(f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "aics-witness==0.1.0")
        return (f"{venv}/bin/aics-witness", None) if code == 0 else (None, out.decode(errors="replace")[-200:])
    return None, "there is no Python 3.12 or newer"


def try_witness(binary, at):
    aics, why = witness_binary()
    if not aics:
        say(f"skipped: aics-witness: {why}")
        return
    say(f"{run(aics, '--version')[1].decode().strip()} as a witness")
    config = ["--config", f"{at}/witness.json"]
    out = run(aics, "init", "--name", "witness.example/w1", *config)[1].decode()
    key = re.search(r"witness\.example/w1\+\w{8}\+\S+", out).group(0)
    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as free:
        port = free.server_port
    url = f"http://127.0.0.1:{port}"

    def serve():
        serving = subprocess.Popen([aics, "serve", "--listen", f"127.0.0.1:{port}", *config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if run("curl", "-fs", f"{url}/healthz")[0] == 0:
                return serving
            time.sleep(0.1)
        raise RuntimeError("the witness does not begin to serve")

    log = Log(binary, f"{at}/log")
    to = ["--witness", url, "--witness-key", key]
    serving = None
    try:
        out = log.add(f"witness:{url}", 2)
        check("a witness without its key", "needs its vkey" in out, out)
        out = log.add(f"witness:{url}", 1, "--key", key)
        check("a witness that is down", "connection refused" in out, out)
        vkey = re.search(r"^key +(\S+)", log.run("key", "show", code=0), re.M).group(1)
        origin = vkey.split("+")[0]
        serving = serve()
        check("a log that it does not know", "(404)" in log.run("anchor", "now", code=1))
        out = log.run("verify", *to, code=1)
        check("verify of a log that it does not know", "has never seen" in out, out)
        # Another log's key under this log's name.
        stranger = Log(binary, f"{at}/stranger")
        other = re.search(r"^key +(\S+)", stranger.run("key", "show", code=0), re.M).group(1)
        blob = other.split("+", 2)[2]
        import base64
        import hashlib
        wrong = hashlib.sha256(origin.encode() + b"\n" + base64.b64decode(blob)).hexdigest()[:8]
        serving.terminate(), serving.wait()
        run(aics, "add-log", "--origin", origin, "--vkey", f"{origin}+{wrong}+{blob}", *config)
        serving = serve()
        check("a log whose key it does not trust", "(403)" in log.run("anchor", "now", code=1))
        serving.terminate(), serving.wait()
        run(aics, "add-log", "--origin", origin, "--vkey", vkey, *config)
        serving = serve()
        out = log.run("anchor", "now", code=0)
        for _ in range(3):
            log.append(2)
            log.run("anchor", "now", code=0)
        check("four cosigned checkpoints are kept", len(log.beside("cosigned")) == 4, log.beside("cosigned"))
        tlog = os.path.join(os.path.dirname(aics), "aics-tlog")
        for cosigned in log.beside("cosigned"):
            names = ["verify-checkpoint", "--note", cosigned, "--log-key", vkey, "--witness-key", key, "--quorum", "1"]
            code, out = run(tlog, *names)
            check(f"aics-tlog verifies {cosigned}", code == 0, out)
        # Whatever the note says, the witness says from where on (409).
        for note in ["{}", '{"witness:%s":{"size":5,"failures":0}}' % url]:
            open(f"{log.dir}/logs/main/anchors", "w").write(note)
            log.append(1)
            log.run("anchor", "now", code=0)
        out = log.run("verify", *to, "--require", "complete", code=0)
        check("verify asks the witness", "witness.example/w1 cosigned" in out, out)
        check("list shows it", "ago" in log.run("anchor", "list", code=0))
        wrong = "witness.example/w1+e0ea7ee6+BMgkPNEF5oTX0uSfyNNsUgu/sBpZcQk73N6LlpRXWUAs"
        check("verify with another key", log.run("verify", "--witness", url, "--witness-key", wrong, code=2))
        # The whole machine is rolled back.
        for name in [log.dir, f"{log.dir}.keys"]:
            shutil.copytree(name, f"{name}.old", symlinks=True, ignore=shutil.ignore_patterns("writer.sock"))
        log.append(2)
        log.run("anchor", "now", code=0)
        for name in [log.dir, f"{log.dir}.keys"]:
            shutil.rmtree(name)
            os.rename(f"{name}.old", name)
        out = log.run("verify", *to, code=1)
        check("verify sees the roll-back", "it was rolled back" in out, out)
        out = log.run("anchor", "now", code=1)
        check("anchoring sees the roll-back", "this log was rolled back, or cut" in out, out)
        log.append(9)
        out = log.run("anchor", "now", code=1)
        check("the witness sees the other history", "it has seen another history" in out, out)
        out = log.run("verify", *to, code=1)
        check("verify sees the other history", "its history was rewritten" in out, out)
        log.run("verify", code=0)
    finally:
        if serving:
            serving.terminate()
            serving.wait()


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        say("usage: anchors.py AUDITDB_BINARY")
        return 2
    binary = os.path.abspath(sys.argv[1])
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as at:
        if shutil.which("openssl"):
            try_authority(binary, at)
        else:
            say("skipped: an authority: there is no openssl")
        try_witness(binary, at)
    say("anchors: all as it should be" if not FAILED else f"anchors: {len(FAILED)} are not as they should be")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
