package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	google "github.com/google/btree"
	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
	tidwall "github.com/tidwall/btree"
	"go.etcd.io/bbolt"

	"github.com/middb/middb/bench/ratio"
)

// The trees.
const (
	middb        = ratio.Middb
	tidwallBTree = "tidwall/btree"
	googleBTree  = "google/btree"
	bboltFile    = "bbolt"
)

const cacheBytes = 64 << 20

var workloads = []workload{
	{name: "insert", peers: []string{tidwallBTree, googleBTree}, goals: map[string]float64{tidwallBTree: 0.8}, once: insert},
	{name: "insert in order", peers: []string{tidwallBTree, googleBTree}, once: insertInOrder},
	{name: "lookup", peers: []string{tidwallBTree, googleBTree}, goals: map[string]float64{tidwallBTree: 0.8}, once: lookup},
	{name: "scan", peers: []string{tidwallBTree, googleBTree}, goals: map[string]float64{tidwallBTree: 1}, once: scan},
	{name: "lookup on disk", peers: []string{bboltFile}, disk: true, goals: map[string]float64{bboltFile: 1}, once: lookup},
	{name: "scan on disk", peers: []string{bboltFile}, disk: true, once: scan},
}

// An item is what the trees of other libraries in memory hold.
type item struct{ key, value []byte }

func less(a, b item) bool { return bytes.Compare(a.key, b.key) < 0 }

// A tree is an ordered map.
type tree interface {
	put(k, v []byte) error
	get(k []byte) (found bool, err error)
	scan(each func(k, v []byte)) error
}

// data is what is inserted, and trees that hold it.
type data struct {
	keys   [][]byte // ascending
	random []int    // indexes of keys in another order
	value  []byte
	dir    string
	full   map[string]tree // in memory
	onDisk map[string]tree
	closes []func() error
}

func newData(c *ratio.Config) (*data, error) {
	d := &data{value: []byte("8 bytes."), full: map[string]tree{}, onDisk: map[string]tree{}}
	for i := range c.Size {
		d.keys = append(d.keys, fmt.Appendf(nil, "user%012d", i))
	}
	d.random = rand.New(rand.NewPCG(1, 1)).Perm(c.Size)
	var err error
	if d.dir, err = os.MkdirTemp(c.Dir, "middb-btree"); err != nil {
		return nil, err
	}
	for _, name := range []string{middb, tidwallBTree, googleBTree} {
		d.full[name] = newTree(name)
		if err = d.fill(d.full[name], true); err != nil {
			return nil, err
		}
	}
	if err = errors.Join(d.makeFile(), d.makeBbolt()); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *data) close() {
	for _, f := range d.closes {
		_ = f()
	}
	_ = os.RemoveAll(d.dir)
}

// fill puts all keys into a tree, in random order or in theirs.
func (d *data) fill(t tree, random bool) error {
	for i := range d.keys {
		if random {
			i = d.random[i]
		}
		if err := t.put(d.keys[i], d.value); err != nil {
			return err
		}
	}
	return nil
}

func newTree(name string) tree {
	switch name {
	case middb:
		return ours{bplustree.Open(page.NewMemory(), bplustree.Root{})}
	case tidwallBTree:
		return tidwalls{tidwall.NewBTreeGOptions(less, tidwall.Options{NoLocks: true})}
	default:
		return googles{google.NewG(32, less)}
	}
}

// makeFile makes middb's tree on disk, and opens it as it is found after a restart.
func (d *data) makeFile() error {
	name := filepath.Join(d.dir, "pages")
	file := page.Create(func() (vfs.File, uint64, error) {
		f, err := vfs.OS.Create(name)
		return f, 1, err
	}, page.NewCache(cacheBytes))
	t := bplustree.Open(file, bplustree.Root{})
	if err := d.fill(ours{t}, true); err != nil {
		return err
	}
	root, c := t.Root(), file.Freeze()
	if err := errors.Join(file.Write(c), file.Close()); err != nil {
		return err
	}
	f, err := vfs.OS.Open(name)
	if err != nil {
		return err
	}
	if file, err = page.Open(f, 1, page.NewCache(cacheBytes), c.State); err != nil {
		return err
	}
	d.onDisk[middb] = ours{bplustree.Open(file, root)}
	d.closes = append(d.closes, file.Close)
	return nil
}

var bucket = []byte("keys")

func (d *data) makeBbolt() error {
	name := filepath.Join(d.dir, "bbolt")
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(d.random, 100_000) {
		if err = db.Update(func(tx *bbolt.Tx) error { return d.putAll(tx, part) }); err != nil {
			return err
		}
	}
	if err = db.Close(); err != nil {
		return err
	}
	if db, err = bbolt.Open(name, 0o600, &bbolt.Options{ReadOnly: true}); err != nil {
		return err
	}
	tx, err := db.Begin(false)
	if err != nil {
		return err
	}
	d.onDisk[bboltFile] = bolt{tx.Bucket(bucket)}
	d.closes = append(d.closes, func() error { return errors.Join(tx.Rollback(), db.Close()) })
	return nil
}

// putAll puts some of the keys into the bucket.
func (d *data) putAll(tx *bbolt.Tx, part []int) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	for _, i := range part {
		if err == nil {
			err = b.Put(d.keys[i], d.value)
		}
	}
	return err
}

// tree returns the tree of a peer that holds everything.
func (d *data) tree(peer string, disk bool) tree {
	if disk {
		return d.onDisk[peer]
	}
	return d.full[peer]
}

func insert(d *data, peer string, _ tree) (time.Duration, error) { return d.inserted(peer, true) }

func insertInOrder(d *data, peer string, _ tree) (time.Duration, error) {
	return d.inserted(peer, false)
}

func (d *data) inserted(peer string, random bool) (time.Duration, error) {
	runtime.GC() // what others have left is not to be cleared away in this measurement
	t := newTree(peer)
	began := time.Now()
	err := d.fill(t, random)
	return time.Since(began), err
}

func lookup(d *data, _ string, t tree) (time.Duration, error) {
	began := time.Now()
	for _, i := range d.random {
		if found, err := t.get(d.keys[i]); !found || err != nil {
			return 0, fmt.Errorf("key %q is missing (%w)", d.keys[i], err)
		}
	}
	return time.Since(began), nil
}

func scan(d *data, _ string, t tree) (time.Duration, error) {
	entries, sum := 0, 0
	began := time.Now()
	err := t.scan(func(k, v []byte) {
		entries++
		sum += int(k[len(k)-1]) + int(v[0])
	})
	took := time.Since(began)
	if err == nil && (entries != len(d.keys) || sum == 0) {
		err = fmt.Errorf("%d entries instead of %d", entries, len(d.keys))
	}
	return took, err
}

// ours is middb's tree.
type ours struct{ *bplustree.Tree }

func (t ours) put(k, v []byte) error {
	_, err := t.Put(k, v)
	return err
}

func (t ours) get(k []byte) (bool, error) {
	var room [16]byte
	_, found, err := t.Snapshot().Get(room[:0], k)
	return found, err
}

func (t ours) scan(each func(k, v []byte)) error {
	c := t.Snapshot().Cursor()
	defer c.Close()
	for ok := c.First(); ok; ok = c.Next() {
		each(c.Key(), c.Value())
	}
	return c.Err()
}

type tidwalls struct{ *tidwall.BTreeG[item] }

func (t tidwalls) put(k, v []byte) error {
	t.Set(item{bytes.Clone(k), bytes.Clone(v)})
	return nil
}

func (t tidwalls) get(k []byte) (bool, error) {
	_, found := t.Get(item{key: k})
	return found, nil
}

func (t tidwalls) scan(each func(k, v []byte)) error {
	t.Scan(func(i item) bool {
		each(i.key, i.value)
		return true
	})
	return nil
}

type googles struct{ *google.BTreeG[item] }

func (t googles) put(k, v []byte) error {
	t.ReplaceOrInsert(item{bytes.Clone(k), bytes.Clone(v)})
	return nil
}

func (t googles) get(k []byte) (bool, error) {
	_, found := t.Get(item{key: k})
	return found, nil
}

func (t googles) scan(each func(k, v []byte)) error {
	t.Ascend(func(i item) bool {
		each(i.key, i.value)
		return true
	})
	return nil
}

// bolt is a bucket of a transaction that reads.
type bolt struct{ *bbolt.Bucket }

func (b bolt) put([]byte, []byte) error { return errors.ErrUnsupported }

func (b bolt) get(k []byte) (bool, error) { return b.Get(k) != nil, nil }

func (b bolt) scan(each func(k, v []byte)) error {
	return b.ForEach(func(k, v []byte) error {
		each(k, v)
		return nil
	})
}
