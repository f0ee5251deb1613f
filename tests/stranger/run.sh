#!/bin/sh
# Holds verify.py, which was written from storage-format.md alone, against the program: run.sh AUDITDB_BINARY
#
# It makes databases with the program, checks that verify.py and the program agree on them, then damages copies and checks
# that verify.py finds each damage. Exit codes: 0 all as it should be (or skipped), 1 not, 2 it could not be done.
set -u
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: run.sh AUDITDB_BINARY}
[ -x "$binary" ] || { echo "$binary is no program"; exit 2; }
binary=$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")

have() { "$1" -c 'import zstandard, blake3, cryptography' 2>/dev/null; }
python=${STRANGER_PYTHON:-$here/.venv/bin/python}
if ! have "$python"; then
    command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "skipped: python3 is older than 3.11"; exit 0; }
    python3 -m venv "$here/.venv" >/dev/null 2>&1 || { echo "skipped: python3 cannot make a venv"; exit 0; }
    python=$here/.venv/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >/dev/null 2>&1 && have "$python" \
        || { echo "skipped: pip cannot install what requirements.txt lists"; exit 0; }
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT INT TERM
"$python" "$here/compare.py" "$binary" "$temporary"
