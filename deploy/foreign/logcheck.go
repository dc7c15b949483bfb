// Logcheck verifies a log that Wattest wrote with the code behind Go's checksum database, and with nothing of Wattest's.
//
// It opens every note with the keys that the log itself enrolled, computes the root over the entries, reads the served
// tiles through the verifying reader, and checks inclusion, consistency and exported proof files.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run logcheck.go -policy FILE -bundle DIR [-tiles DIR]
//	    [-checkpoint FILE]... [-proof FILE]...
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func fail(format string, values ...interface{}) {
	fmt.Fprintf(os.Stderr, "logcheck: "+format+"\n", values...)
	os.Exit(1)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return data
}

// field gives the rest of the first line that begins with the keyword.
func field(text []byte, keyword string) string {
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, keyword+" ") {
			return line[len(keyword)+1:]
		}
	}
	return ""
}

func verifier(key, what string) note.Verifier {
	v, err := note.NewVerifier(key)
	if err != nil {
		fail("%s: %v", what, err)
	}
	return v
}

// c2sp is the address of a tile in the layout of tlog-tiles, which differs from that of the checksum database.
func c2sp(t tlog.Tile) string {
	number := fmt.Sprintf("%03d", t.N%1000)
	for n := t.N / 1000; n > 0; n /= 1000 {
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	path := fmt.Sprintf("tile/%d/%s", t.L, number)
	if t.W < 256 {
		path += fmt.Sprintf(".p/%d", t.W)
	}
	return path
}

// tiles reads the log's own tiles; the reader of package tlog authenticates each against the signed root.
type tiles struct{ directory string }

func (r tiles) Height() int                            { return 8 }
func (r tiles) SaveTiles(t []tlog.Tile, data [][]byte) {}
func (r tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range wanted {
		data, err := os.ReadFile(filepath.Join(r.directory, c2sp(t)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// memory keeps every stored hash of the tree over the entries.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = m[index]
	}
	return hashes, nil
}

// openCheckpoint takes any of the log's keys: the log may have changed its key between two of its checkpoints.
func openCheckpoint(data []byte, log []note.Verifier, what string) tlog.Tree {
	opened, err := note.Open(data, note.VerifierList(log...))
	if err != nil {
		fail("%s: %v", what, err)
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) < 4 || lines[0] != log[0].Name() {
		fail("%s: not a checkpoint of %s", what, log[0].Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("%s: %v", what, err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		fail("%s: the root is not 32 bytes of base64", what)
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree
}

// entries reads the bundles in their order: each entry is two bytes of length and the note.
func entries(bundle string, size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 256 {
		width := size - first
		if width > 256 {
			width = 256
		}
		path := c2sp(tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)})
		data := read(filepath.Join(bundle, strings.Replace(path, "tile/0/", "tile/entries/", 1)))
		for len(data) > 0 {
			n := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+n])
			data = data[2+n:]
		}
	}
	return all
}

// openNotes opens each note with the key of the log that its place demands by name: the administration's and the log's
// own, named by the first entry, those of the nodes, named by their node entries, and each further key of the log, named
// by an entry that the one before it signed. It returns their number and the log's keys.
func openNotes(all [][]byte) (int, []string) {
	keys := map[string][]note.Verifier{}
	known := map[string]bool{}
	learn := func(key string) {
		if known[key] {
			return
		}
		known[key] = true
		v := verifier(key, "a key in the log")
		keys[v.Name()] = append(keys[v.Name()], v)
	}
	opened := 0
	var log []string
	for index, entry := range all {
		if index == 0 {
			learn(field(entry, "administration"))
			log = append(log, field(entry, "key"))
			learn(log[0])
		}
		name := string(entry[bytes.LastIndex(entry, []byte("\n— "))+5:])
		name = name[:strings.Index(name, " ")]
		if _, err := note.Open(entry, note.VerifierList(keys[name]...)); err != nil {
			fail("entry %d: %v", index, err)
		}
		if bytes.HasPrefix(entry, []byte("wattest/node/")) || bytes.HasPrefix(entry, []byte("wattest/rotate/")) {
			if key := field(entry, "key"); key != "" {
				learn(key)
			}
		}
		if bytes.HasPrefix(entry, []byte("wattest/logkey/")) {
			newest := log[len(log)-1]
			if field(entry, "previous") != newest {
				fail("entry %d: it changes another key than the log's", index)
			}
			if _, err := note.Open(entry, note.VerifierList(verifier(newest, "the log's key"))); err != nil {
				fail("entry %d: the log's key has not signed its successor: %v", index, err)
			}
			log = append(log, field(entry, "key"))
			learn(log[len(log)-1])
		}
		opened++
	}
	return opened, log
}

// logKeys gives the keys of the log from the one that the policy names: those in front of it are the log's own word,
// which the root over its entries holds, and those behind it were named by the one before.
func logKeys(policy []byte, named []string) []note.Verifier {
	pinned := false
	var keys []note.Verifier
	for _, key := range named {
		for _, line := range strings.Split(string(policy), "\n") {
			fields := strings.Fields(line)
			pinned = pinned || len(fields) > 1 && fields[0] == "log" && fields[1] == key
		}
		keys = append(keys, verifier(key, "a key of the log"))
	}
	if !pinned {
		fail("the policy names none of the keys of this log")
	}
	return keys
}

func checkProof(path string, log []note.Verifier) {
	lines := strings.Split(string(read(path)), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("%s: not a tlog-proof", path)
	}
	var entry []byte
	var proof tlog.RecordProof
	at := 1
	if strings.HasPrefix(lines[at], "extra ") {
		entry, _ = base64.StdEncoding.DecodeString(lines[at][6:])
		at++
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[at], "index "), 10, 64)
	if err != nil {
		fail("%s: %v", path, err)
	}
	for at++; lines[at] != ""; at++ {
		var hash tlog.Hash
		bytes, err := base64.StdEncoding.DecodeString(lines[at])
		if err != nil || len(bytes) != tlog.HashSize {
			fail("%s: line %d is no hash", path, at+1)
		}
		copy(hash[:], bytes)
		proof = append(proof, hash)
	}
	tree := openCheckpoint([]byte(strings.Join(lines[at+1:], "\n")), log, path)
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		fail("%s: %v", path, err)
	}
}

func main() {
	policy := flag.String("policy", "", "policy file with the log's key")
	bundle := flag.String("bundle", "", "directory of an evidence bundle")
	served := flag.String("tiles", "", "directory with the log's hash tiles")
	var checkpoints, proofs list
	flag.Var(&checkpoints, "checkpoint", "an earlier checkpoint of the log; repeatable")
	flag.Var(&proofs, "proof", "a .tlog-proof that carries its entry; repeatable")
	flag.Parse()

	checkpoint := read(filepath.Join(*bundle, "checkpoint"))
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	all := entries(*bundle, size)
	opened, named := openNotes(all)
	log := logKeys(read(*policy), named)
	tree := openCheckpoint(checkpoint, log[len(log)-1:], "checkpoint")
	if int64(len(all)) != tree.N {
		fail("%d entries, the checkpoint says %d", len(all), tree.N)
	}
	fmt.Printf("notes %d\n", opened)

	var stored memory
	for index, entry := range all {
		hashes, err := tlog.StoredHashes(int64(index), entry, stored)
		if err != nil {
			fail("entry %d: %v", index, err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil || root != tree.Hash {
		fail("the entries give another root than the checkpoint: %v", err)
	}
	fmt.Printf("root %s\n", root)

	var reader tlog.HashReader = stored
	if *served != "" {
		reader = tlog.TileHashReader(tree, tiles{*served})
	}
	for index, entry := range all {
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry))
		}
		if err != nil {
			fail("inclusion of entry %d: %v", index, err)
		}
	}
	fmt.Printf("inclusion %d\n", len(all))

	var trees []tlog.Tree
	for _, path := range checkpoints {
		trees = append(trees, openCheckpoint(read(path), log, path))
	}
	trees = append(trees, tree)
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	checked := 0
	for i, old := range trees {
		for _, new := range trees[i:] {
			proof, err := tlog.ProveTree(new.N, old.N, stored)
			if err == nil && new.N == tree.N {
				proof, err = tlog.ProveTree(new.N, old.N, reader)
			}
			if err == nil {
				err = tlog.CheckTree(proof, new.N, new.Hash, old.N, old.Hash)
			}
			if err != nil {
				fail("consistency from %d to %d: %v", old.N, new.N, err)
			}
			checked++
		}
	}
	fmt.Printf("consistency %d\n", checked)
	for _, path := range proofs {
		checkProof(path, log)
	}
	fmt.Printf("proofs %d\n", len(proofs))
}
