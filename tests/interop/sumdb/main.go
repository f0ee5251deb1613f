// Holds what auditdb handed out against the packages behind Go's checksum database: sumdb SEED STAGE... Each stage is a directory
// as run.sh makes it. Everything has to be accepted as it is, and refused with one bit flipped.
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	chance   *rand.Rand
	failures int
	refused  int
	strict   bool // see authenticates
)

func expect(condition bool, what string, more ...interface{}) {
	if !condition {
		failures++
		fmt.Printf("FAILED: "+what+"\n", more...)
	}
}

// Problems with the stage itself: nothing was checked then.
func need(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

func read(elements ...string) []byte {
	content, err := os.ReadFile(filepath.Join(elements...))
	need(err)
	return content
}

func names(elements ...string) (names []string) {
	entries, err := os.ReadDir(filepath.Join(elements...))
	need(err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	need(err)
	return n
}

func flipped(given []byte, bit int) []byte {
	other := append([]byte{}, given...)
	other[bit/8] ^= 1 << uint(bit%8)
	return other
}

// What is given has to be taken, and refused with a bit flipped: one chosen at random, or each one.
func holds(what string, given []byte, each bool, check func([]byte) error) {
	err := check(given)
	expect(err == nil, "%s is refused: %v", what, err)
	bits := []int{chance.Intn(8 * len(given))}
	if each {
		bits = chance.Perm(8 * len(given))
	}
	for _, bit := range bits {
		expect(check(flipped(given, bit)) != nil, "%s is taken with bit %d flipped", what, bit)
		refused++
	}
}

func check(stage string) {
	name := filepath.Base(stage)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(stage, "vkey"))))
	need(err)
	checkpoint := read(stage, "checkpoint")
	holds(name+": the checkpoint", checkpoint, true, func(given []byte) error {
		_, err := opened(given, verifier)
		return err
	})
	tree, err := opened(checkpoint, verifier)
	if err != nil {
		return // there is nothing that the rest could be held against
	}

	export := read(stage, "export")
	records := bytes.Split(bytes.TrimSuffix(export, []byte("\n")), []byte("\n"))
	if int64(len(records)) != tree.N {
		expect(false, "%s: %d records where %d are signed", name, len(records), tree.N)
		return
	}
	all := grown(records)
	rootAt := func(size int64) tlog.Hash {
		root, err := tlog.TreeHash(size, all)
		need(err)
		return root
	}
	expect(rootAt(tree.N) == tree.Hash, "%s: the records do not have the root that is signed", name)
	other := bytes.Split(flipped(export, chance.Intn(8*(len(export)-1))), []byte("\n"))[:len(records)]
	root, err := tlog.TreeHash(tree.N, grown(other))
	expect(err == nil && root != tree.Hash, "%s: records with a bit flipped have the same root", name)
	if _, err := os.Stat(filepath.Join(stage, "older")); err == nil {
		older, err := opened(read(stage, "older"), verifier)
		expect(err == nil && rootAt(older.N) == older.Hash, "%s: the records did not have the root that was signed once", name)
	}

	proofs := names(stage, "inclusion")
	for _, index := range proofs {
		proof, record := read(stage, "inclusion", index), records[number(index)]
		holds(name+": the proof that "+index+" is included", proof, false, func(given []byte) error { return included(given, record, verifier) })
		holds(name+": record "+index, record, false, func(given []byte) error { return included(proof, given, verifier) })
	}

	pairs := names(stage, "consistency")
	for _, pair := range pairs {
		ends := strings.Split(pair, "-")
		proof, what := read(stage, "consistency", pair), name+": the proof that "+ends[0]+" are the first of "+ends[1]
		old, new := number(ends[0]), number(ends[1])
		before, after := rootAt(old), rootAt(new)
		if old != new {
			holds(what, proof, false, func(given []byte) error { return consistent(given, old, new, before[:], after[:]) })
		}
		holds(what+" (old root)", before[:], false, func(given []byte) error { return consistent(proof, old, new, given, after[:]) })
		holds(what+" (new root)", after[:], false, func(given []byte) error { return consistent(proof, old, new, before[:], given) })
	}

	hashed := checkTiles(name, filepath.Join(stage, "tiles"), tree, records, all)
	fmt.Printf("  %s: %d records, %d inclusion and %d consistency proofs, %d tiles of hashes made anew\n",
		name, len(records), len(proofs), len(pairs), hashed)
}

func main() {
	seed := number(os.Args[1])
	chance = rand.New(rand.NewSource(seed))
	if strict = authenticates(); !strict {
		fmt.Println("  skipped: tiles with a bit flipped, which this version takes itself (CVE-2026-56865)")
	}
	for _, stage := range os.Args[2:] {
		check(stage)
	}
	if failures > 0 {
		fmt.Printf("  %d FAILED\n", failures)
		os.Exit(1)
	}
	fmt.Printf("  %d flipped bits refused\n", refused)
}
