#!/usr/bin/env bash
# Checks without auditdb that a record is in a log: check_proof.sh VKEY PROOF RECORD (needs bash, coreutils, awk, openssl 3).
set -euo pipefail
vkey=$1 proof=$2 record=$3
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
hex() { od -An -v -tx1 | tr -d ' \n'; }
bytes() { printf '%b' "$(sed 's/../\\x&/g')"; }
no() { echo "NOT VALID: $1"; exit 1; }
# A vkey is name+id+base64(type, key); the signature is over everything before the checkpoint's last empty line.
name=${vkey%%+*}; rest=${vkey#*+}; id=${rest%%+*}; key=${rest#*+}
[ "$( { printf '%s\n' "$name"; base64 -d <<< "$key"; } | sha256sum | cut -c 1-8)" = "$id" ] || no "the vkey's id is not its key's"
awk 'behind {print} /^$/ && !behind {behind=1}' "$proof" > "$dir/note"
awk '/^$/ {exit} {print}' "$dir/note" > "$dir/body"
[ "$(sed -n 1p "$dir/body")" = "$name" ] || no "the checkpoint is another log's"
signature=$(awk -v name="$name" '$1 == "—" && $2 == name {print $3; exit}' "$dir/note")
[ "$(base64 -d <<< "$signature" | head -c 4 | hex)" = "$id" ] || no "another key signed it"
base64 -d <<< "$signature" | tail -c +5 > "$dir/signature"
# An Ed25519 key in DER is these twelve bytes and the key.
{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; base64 -d <<< "$key" | tail -c +2; } > "$dir/key"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key" -rawin -in "$dir/body" -sigfile "$dir/signature" \
  > "$dir/said" || no "the signature does not fit"
size=$(sed -n 2p "$dir/body"); root=$(sed -n 3p "$dir/body" | base64 -d | hex)
index=$(sed -n 's/^index //p' "$proof"); hash=$( { printf '\0'; head -c -1 "$record"; tail -c 1 "$record" | tr -d '\n'; } | sha256sum | cut -c 1-64)
[ "$index" -lt "$size" ] || no "the log is shorter than the record's place"
# RFC 9162, 2.1.3.2: climb from the leaf to the root.
place=$index last=$((size - 1))
while read -r sibling; do
  sibling=$(base64 -d <<< "$sibling" | hex)
  if (( place & 1 || place == last )); then
    hash=$( { printf '\1'; bytes <<< "$sibling$hash"; } | sha256sum | cut -c 1-64)
    while (( !(place & 1) && place )); do place=$((place >> 1)) last=$((last >> 1)); done
  else
    hash=$( { printf '\1'; bytes <<< "$hash$sibling"; } | sha256sum | cut -c 1-64)
  fi
  place=$((place >> 1)) last=$((last >> 1))
done < <(awk '/^$/ {exit} NR > 1 && !/^(index|extra) /' "$proof")
[ "$last" = 0 ] && [ "$hash" = "$root" ] || no "the record is not in the tree that was signed"
echo "valid: record $index of $name, in its tree of $size records"
