// What auditdb hands out, as the packages take it.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var errForm = errors.New("not of the form")

// The tree that a checkpoint signs. ParseTree knows the origin of one log only, Go's, so that line is put before it.
func opened(checkpoint []byte, verifier note.Verifier) (tree tlog.Tree, err error) {
	n, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	// Go's decoder steps over unused bits of the last character, as RFC 4648 lets it: another spelling of the same signature.
	if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64); err != nil {
		return tree, err
	}
	body := strings.TrimPrefix(n.Text, verifier.Name()+"\n")
	if body == n.Text {
		return tree, errForm
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + body))
}

// Strict for the same reason; tlog.ParseHash is not.
func hashes(lines []string) (list []tlog.Hash, err error) {
	for _, line := range lines {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, errForm
		}
		list = append(list, *(*tlog.Hash)(hash))
	}
	return list, nil
}

// A tlog-proof file: version, index, hashes, an empty line, checkpoint.
func included(proof, record []byte, verifier note.Verifier) error {
	parts := bytes.SplitN(proof, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) < 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errForm
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || lines[1] != fmt.Sprintf("index %d", index) {
		return errForm
	}
	path, err := hashes(lines[2:])
	if err != nil {
		return err
	}
	tree, err := opened(parts[1], verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(record))
}

// A file of hashes, a line each. From a size to itself there is nothing to prove: no hash.
func consistent(proof []byte, old, new int64, before, after []byte) error {
	var path []tlog.Hash
	if old != new {
		text := string(proof)
		list, err := hashes(strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
		if err != nil || !strings.HasSuffix(text, "\n") {
			return errForm
		}
		path = list
	}
	return tlog.CheckTree(path, new, *(*tlog.Hash)(after), old, *(*tlog.Hash)(before))
}

// The tree over records, computed from them alone. It answers for all smaller sizes as well.
func grown(records [][]byte) tlog.HashReader {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, err error) {
		for _, index := range indexes {
			list = append(list, stored[index])
		}
		return list, nil
	})
	for i, record := range records {
		more, err := tlog.StoredHashes(int64(i), record, reader)
		need(err)
		stored = append(stored, more...)
	}
	return reader
}
