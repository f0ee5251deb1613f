// The tiles, as Go's TileHashReader takes them.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Where TileHashReader gets its tiles from. C2SP leaves the height out of their paths: it is always 8.
type tiles func(tlog.Tile) ([]byte, error)

func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (load tiles) ReadTiles(wanted []tlog.Tile) (list [][]byte, err error) {
	for _, tile := range wanted {
		content, err := load(tile)
		if err != nil {
			return nil, err
		}
		list = append(list, content)
	}
	return list, nil
}

func pathOf(tile tlog.Tile) string { return strings.Replace(tile.Path(), "tile/8/", "tile/", 1) }

// Whether TileHashReader holds every tile against its parent. In older versions it does not (CVE-2026-56865, golang/go issue 80744):
// what they say of a tile with a bit flipped is no evidence. Tried on a tree that has nothing to do with auditdb.
func authenticates() bool {
	var records [][]byte
	for i := 0; i < 300; i++ {
		records = append(records, []byte(strconv.Itoa(i)))
	}
	hashes := grown(records)
	root, err := tlog.TreeHash(300, hashes)
	need(err)
	flippedFull := tiles(func(tile tlog.Tile) ([]byte, error) {
		content, err := tlog.ReadTileData(tile, hashes)
		if tile.W == 256 {
			content = flipped(content, 0)
		}
		return content, err
	})
	_, err = tlog.TileHashReader(tlog.Tree{N: 300, Hash: root}, flippedFull).ReadHashes([]int64{0})
	return err != nil
}

// To read a hash through TileHashReader is to check its tile, and those above it, against the root.
func checkTiles(name, directory string, tree tlog.Tree, records [][]byte, all tlog.HashReader) int {
	load := func(tile tlog.Tile) ([]byte, error) { return os.ReadFile(filepath.Join(directory, pathOf(tile))) }
	var leaves []int64
	for i := range records {
		leaves = append(leaves, tlog.StoredHashIndex(0, int64(i)))
	}
	found, err := tlog.TileHashReader(tree, tiles(load)).ReadHashes(leaves)
	expect(err == nil, "%s: the tiles are refused: %v", name, err)
	for i := range found {
		expect(found[i] == tlog.RecordHash(records[i]), "%s: the tiles have another hash of record %d", name, i)
	}

	count, order, kinds := 0, []string{}, map[string][]tlog.Tile{}
	need(filepath.Walk(filepath.Join(directory, "tile"), func(path string, info os.FileInfo, err error) error {
		path = strings.TrimPrefix(path, directory+"/tile/")
		if err != nil || info.IsDir() || strings.HasPrefix(path, "entries/") {
			return err
		}
		tile, err := tlog.ParseTilePath("tile/8/" + path)
		need(err)
		made, err := tlog.ReadTileData(tile, all)
		expect(err == nil && bytes.Equal(made, read(directory, "tile", path)), "%s: tile/%s is not what the records make", name, path)
		kind := fmt.Sprint(tile.L, tile.W == 256)
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], tile)
		count++
		return nil
	}))
	for i := 0; strict && i < len(order); i++ {
		tile := kinds[order[i]][chance.Intn(len(kinds[order[i]]))]
		below := []int64{tlog.StoredHashIndex(0, tile.N<<uint(8*(tile.L+1)))}
		holds(name+": "+pathOf(tile), read(directory, pathOf(tile)), false, func(given []byte) error {
			_, err := tlog.TileHashReader(tree, tiles(func(other tlog.Tile) ([]byte, error) {
				if other == tile {
					return given, nil
				}
				return load(other)
			})).ReadHashes(below)
			return err
		})
	}
	return count
}
