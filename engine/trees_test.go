package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/middb/middb/relation"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// Rows, and an index of their values, kept in a B+Tree and once more in sstables.
var (
	indexedRows = relation.Space{ID: relation.CatalogSpace + 1}
	indexTree   = relation.Space{ID: relation.CatalogSpace + 2, Tree: true}
	indexTwin   = relation.Space{ID: relation.CatalogSpace + 3}
)

const indexedKeys = 300

func indexEntry(row, value []byte) []byte { return append(append(bytes.Clone(value), '/'), row...) }

// changeIndexed writes some rows, with the entries of both indexes.
func changeIndexed(txn *Txn, rng *rand.Rand) error {
	s := storage{txn}
	if rng.IntN(40) == 0 {
		if err := rebuildIndexes(s); err != nil {
			return err
		}
	}
	for range 1 + rng.IntN(20) {
		row := fmt.Appendf(nil, "row %04d", rng.IntN(indexedKeys))
		old, found, err := s.Get(indexedRows, nil, row)
		if err != nil {
			return err
		}
		if found {
			err = errors.Join(s.Delete(indexTree, indexEntry(row, old)), s.Delete(indexTwin, indexEntry(row, old)))
		}
		if rng.IntN(3) == 0 {
			err = errors.Join(err, s.Delete(indexedRows, row))
		} else {
			value := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, 1+rng.IntN(300))
			entry := indexEntry(row, value)
			err = errors.Join(err, s.Put(indexedRows, row, value), s.Put(indexTree, entry, row), s.Put(indexTwin, entry, row))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func rebuildIndexes(s storage) error {
	rows, err := allOf(s, indexedRows, false)
	err = errors.Join(err, s.Clear(indexTree), s.Clear(indexTwin))
	for row, value := range rows {
		entry := indexEntry([]byte(row), []byte(value))
		err = errors.Join(err, s.Put(indexTree, entry, []byte(row)), s.Put(indexTwin, entry, []byte(row)))
	}
	return err
}

func allOf(s storage, space relation.Space, reverse bool) (map[string]string, error) {
	it, err := s.Iterate(space, relation.Bounds{Reverse: reverse})
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	last := ""
	for ok := it.First(); ok; ok = it.Next() {
		if k := string(it.Key()); len(all) > 0 && (k > last) == reverse {
			err = fmt.Errorf("%q follows %q", k, last)
		}
		last = string(it.Key())
		all[last] = string(it.Value())
	}
	return all, errors.Join(err, it.Close())
}

// checkIndexed compares both indexes with the rows, in one View.
func checkIndexed(txn *Txn, rng *rand.Rand) error {
	s := storage{txn}
	rows, err := allOf(s, indexedRows, false)
	if err != nil {
		return err
	}
	want := map[string]string{}
	for row, value := range rows {
		want[string(indexEntry([]byte(row), []byte(value)))] = row
	}
	for _, space := range []relation.Space{indexTree, indexTwin} {
		for _, reverse := range []bool{false, true} {
			got, err := allOf(s, space, reverse)
			if err != nil || !maps.Equal(got, want) {
				return fmt.Errorf("space %d at %d has %d entries, the rows have %d: %w", space.ID, txn.Seq(), len(got), len(want), err)
			}
		}
	}
	sorted := slices.Sorted(maps.Keys(want))
	for range 20 {
		k := indexEntry(nil, bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, 1+rng.IntN(300)))
		if err := checkSeek(s, sorted, k); err != nil {
			return err
		}
	}
	for k, row := range want {
		if v, found, err := s.Get(indexTree, nil, []byte(k)); err != nil || !found || string(v) != row {
			return fmt.Errorf("entry %.40q: %q, %v, %w", k, v, found, err)
		}
	}
	return nil
}

// checkSeek looks for a key, both ways, in a part of the tree.
func checkSeek(s storage, sorted []string, k []byte) error {
	bounds := relation.Bounds{Lower: []byte("c"), Upper: []byte("w")}
	for _, bounds.Reverse = range []bool{false, true} {
		it, err := s.Iterate(indexTree, bounds)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(sorted, func(have string) bool { return have >= string(k) && have >= "c" })
		if i < 0 {
			i = len(sorted)
		}
		if bounds.Reverse {
			for i--; i >= 0 && sorted[i] >= "w"; i-- {
			}
		}
		want := ""
		if i >= 0 && i < len(sorted) && sorted[i] >= "c" && sorted[i] < "w" {
			want = sorted[i]
		}
		got := ""
		if it.Seek(k) {
			got = string(it.Key())
		}
		if err := it.Close(); err != nil || got != want {
			return fmt.Errorf("seek %.20q (down: %v): %.40q, not %.40q, %w", k, bounds.Reverse, got, want, err)
		}
	}
	return nil
}

func indexedConfig(fs vfs.FS) Config {
	return Config{FS: fs, Dir: "/db", MemtableBytes: 64 << 10, MemoryBudget: 4 << 20, Durability: NoSync}
}

// TestTreesAgreeWithTheirRows changes rows and two kinds of indexes in one thread, with flushes, crashes and reopening.
func TestTreesAgreeWithTheirRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(environment.Seed(t), 5))
	fs := vfs.NewMem()
	db := spawn(t, indexedConfig(fs))
	var old []*Txn
	check := func(txn *Txn) { must(t, checkIndexed(txn, rng)) }
	for step := range shorter(1500) {
		must(t, db.Update(context.Background(), func(txn *Txn) error {
			must(t, changeIndexed(txn, rng))
			if step%50 == 0 {
				check(txn)
			}
			return nil
		}))
		switch rng.IntN(60) {
		case 0:
			must(t, db.Flush(context.Background()))
		case 1, 2:
			txn, err := db.Begin(TxnOptions{ReadOnly: true})
			must(t, err)
			old = append(old, txn)
		case 3, 4:
			if n := len(old); n > 0 {
				i := rng.IntN(n)
				check(old[i])
				must(t, old[i].Rollback())
				old = slices.Delete(old, i, i+1)
			}
		case 5:
			for _, txn := range old {
				must(t, txn.Rollback())
			}
			old = nil
			if rng.IntN(2) == 0 {
				must(t, db.Close())
			} else {
				crashed := fs.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
				must(t, db.Close())
				fs = crashed
			}
			readOnly := indexedConfig(fs)
			readOnly.ReadOnly = true
			db = spawn(t, readOnly)
			must(t, db.View(context.Background(), func(txn *Txn) error { return checkIndexed(txn, rng) }))
			must(t, db.Close())
			db = spawn(t, indexedConfig(fs))
			must(t, db.View(context.Background(), func(txn *Txn) error { return checkIndexed(txn, rng) }))
		}
	}
	for _, txn := range old {
		check(txn)
	}
}

// TestFlushOfRecoveredTrees flushes what recovery found, which are entries of a tree and nothing else.
func TestFlushOfRecoveredTrees(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, indexedConfig(fs))
	must(t, db.Update(context.Background(), func(txn *Txn) error { return storage{txn}.Put(indexTree, []byte("entry"), nil) }))
	must(t, db.Close())
	db = spawn(t, indexedConfig(fs))
	if db.Stats().TreeDirtyBytes == 0 {
		t.Fatal("closing has flushed the entry")
	}
	must(t, db.Flush(context.Background()))
	if n := db.Stats().TreeDirtyBytes; n != 0 {
		t.Fatalf("%d bytes of trees are not flushed", n)
	}
}

// TestTreesBesideWriters has many change rows with their indexes, while others check them and power fails.
func TestTreesBesideWriters(t *testing.T) {
	seed := environment.Seed(t)
	fs := vfs.NewMem()
	db := spawn(t, indexedConfig(fs))
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for i := range uint64(4) {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 10+i))
			for range shorter(300) {
				o := TxnOptions{Durability: []Durability{Sync, NoSync}[rng.IntN(2)], Isolation: Isolation(rng.IntN(2))}
				err := db.UpdateWith(context.Background(), o, func(txn *Txn) error { return changeIndexed(txn, rng) })
				if err != nil && !errors.Is(err, ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range uint64(2) {
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 20+i))
			for {
				select {
				case <-done:
					return
				default:
				}
				err := db.View(context.Background(), func(txn *Txn) error { return checkIndexed(txn, rng) })
				if i == 0 && err == nil {
					err = checkCrash(fs, rng)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	must(t, db.Close())
}

// shorter returns fewer steps for a short run.
func shorter(steps int) int {
	if testing.Short() {
		return steps / 3
	}
	return steps
}

// checkCrash checks what a power failure would leave.
func checkCrash(fs *vfs.Mem, rng *rand.Rand) error {
	db, err := Spawn(indexedConfig(fs.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})))
	if err != nil {
		return err
	}
	err = db.View(context.Background(), func(txn *Txn) error { return checkIndexed(txn, rng) })
	return errors.Join(err, db.Close())
}
