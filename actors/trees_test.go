package actors

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/integrity"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// treeKey returns the stored key of an entry of a tree.
func treeKey(number byte, entry string) []byte {
	return append([]byte{0, 0, 0, 0, 0, number}, entry...)
}

// putTrees returns a commit that puts entries of trees.
func putTrees(first uint64, keys ...[]byte) *Commit {
	c := NewCommit()
	for _, k := range keys {
		c.Ops = wal.AppendTreePut(c.Ops, k, nil)
	}
	c.Count, c.Trees, c.first = uint32(len(keys)), true, first
	return c
}

// damagedForest returns trees 1 and 2 with an entry each; the page of tree 2 is damaged.
func damagedForest(t *testing.T) *bplustree.Forest {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fs := vfs.NewMem()
	f, err := fs.Create("pages")
	must(err)
	forest := bplustree.OpenForest(page.Create(func() (vfs.File, uint64, error) { return f, 7, nil }, nil), nil)
	must(forest.Put(1, []byte("a"), nil))
	must(forest.Put(2, []byte("a"), nil))
	c := forest.Freeze()
	must(forest.Write(c))
	_, err = f.WriteAt([]byte{0xff}, int64(c.Roots[1].Page)*page.Size+page.Size-1)
	must(err)
	file, err := page.Open(f, 7, nil, c.State)
	must(err)
	return bplustree.OpenForest(file, c.Roots)
}

func TestNoPartOfACommitIsPublishedWhenATreeFails(t *testing.T) {
	arenas := memtable.NewArenas()
	defer arenas.Close()
	active, err := memtable.New(arenas, memtable.Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w := &wiring{
		forest: damagedForest(t), alarms: newAlarms(), published: &Published{}, logger: slog.New(slog.DiscardHandler), metrics: &Metrics{},
	}
	o := &memtableOwner{wiring: w, active: active, version: new(levels.Version)}
	o.adoptTrees(0)
	whole := putTrees(1, treeKey(1, "b"))
	part := putTrees(2, treeKey(1, "c"), treeKey(2, "c"))
	whole.next = &part.node
	o.receive(&whole.node)
	if err := w.alarms.failed(); !errors.Is(err, integrity.ErrCorruption) || !strings.Contains(err.Error(), "page") {
		t.Fatalf("the engine has failed with %v", err)
	}
	seq, trees := w.published.position()
	got, err := trees.Tree(1).Has([]byte("c"))
	if err != nil || got {
		t.Fatalf("a part of a commit is visible at %d: %v, %v", seq, got, err)
	}
}

func TestAReaderPublishesTheCommitWhoseTreesItFinds(t *testing.T) {
	var released []*Trees
	release := func(trees *Trees) { released = append(released, trees) }
	p := &Published{}
	p.visible.Store(5)
	trees := newTrees(nil, 7, release)
	p.trees.Store(trees) // the owner is about to store 7
	if seq, got := p.position(); seq != 7 || got != trees || p.Visible() != 7 {
		t.Fatalf("a reader at %d, others at %d", seq, p.Visible())
	}
	p.visible.Store(9) // the commits from 8 on change no tree
	if seq, got := p.position(); seq != 9 || got != trees {
		t.Fatalf("a reader at %d", seq)
	}
	trees.unref()
	trees.unref()
	if len(released) > 0 || !trees.drop() || trees.tryRef() {
		t.Fatal("the reference that was left was not the last")
	}
}
