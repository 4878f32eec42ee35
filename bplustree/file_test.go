package bplustree

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// A durable is what a file must be found with after a crash.
type durable struct {
	page.State
	root Root
	want map[string]string
}

// A checkpoint is one that was made and is not installed yet.
type checkpoint struct {
	*page.Checkpoint
	durable
	written bool
}

// filed is a tree in a file, with snapshots and checkpoints under way, and what it must hold.
type filed struct {
	t          *testing.T
	rng        *rand.Rand
	fs         *vfs.Mem
	file       *page.File
	cache      *page.Cache
	tree       *Tree
	model      map[string]string
	snapshots  []kept
	underWay   []checkpoint
	checkpoint durable
}

func newFiled(t *testing.T, rng *rand.Rand) *filed {
	f := &filed{t: t, rng: rng, fs: vfs.NewMem(), cache: page.NewCache(1 << 20), model: map[string]string{}}
	f.file = page.Create(func() (vfs.File, uint64, error) {
		file, err := f.fs.Create("pages")
		return file, 7, errors.Join(err, f.fs.SyncDir("."))
	}, f.cache)
	f.tree = Open(f.file, Root{})
	f.freeze()
	f.write()
	f.install()
	return f
}

func (f *filed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// change makes a random change.
func (f *filed) change(shape func(*rand.Rand, int) []byte, keys int, grow float64) {
	k := shape(f.rng, keys)
	if f.rng.Float64() < grow {
		v := random(f.rng, f.rng.IntN(1+min(200, MaxEntryBytes-len(k))))
		_, err := f.tree.Put(k, v)
		f.must(err)
		f.model[string(k)] = string(v)
		return
	}
	if c := f.tree.Snapshot().Cursor(); c.Seek(k) {
		k = slices.Clone(c.Key())
		c.Close()
	}
	_, err := f.tree.Delete(k)
	f.must(err)
	delete(f.model, string(k))
}

// seal ends a generation, and keeps a snapshot of it now and then.
func (f *filed) seal() {
	generation := f.file.Seal()
	if f.rng.IntN(3) == 0 {
		f.snapshots = append(f.snapshots, kept{At(f.file, f.tree.Root()), generation, maps.Clone(f.model)})
	} else {
		f.file.Release(generation)
	}
}

func (f *filed) freeze() {
	root := f.tree.Root()
	c := f.file.Freeze()
	f.underWay = append(f.underWay, checkpoint{c, durable{c.State, root, maps.Clone(f.model)}, false})
}

// write writes the oldest checkpoint that is not written.
func (f *filed) write() {
	for i := range f.underWay {
		if c := &f.underWay[i]; !c.written {
			f.must(f.file.Write(c.Checkpoint))
			c.written = true
			return
		}
	}
}

func (f *filed) install() {
	if len(f.underWay) > 0 && f.underWay[0].written {
		c := f.underWay[0]
		f.underWay = f.underWay[1:]
		f.checkpoint = c.durable
		f.file.Installed(c.Checkpoint)
	}
}

// release checks a snapshot and lets it go.
func (f *filed) release() {
	if len(f.snapshots) > 0 {
		i := f.rng.IntN(len(f.snapshots))
		compare(f.t, f.snapshots[i].Snapshot, f.snapshots[i].want, f.rng)
		f.file.Release(f.snapshots[i].generation)
		f.snapshots = slices.Delete(f.snapshots, i, i+1)
	}
}

// crash opens what a power failure leaves at any moment, and goes on with it.
func (f *filed) crash() {
	f.fs = f.fs.CrashClone(f.rng, vfs.CrashOptions{Unsynced: vfs.Random})
	f.reopen()
}

func (f *filed) reopen() {
	file, err := f.fs.OpenReadWrite("pages")
	f.must(err)
	f.cache = page.NewCache(1 << 20)
	f.file, err = page.Open(file, 7, f.cache, f.checkpoint.State)
	f.must(err)
	f.tree = Open(f.file, f.checkpoint.root)
	f.model = maps.Clone(f.checkpoint.want)
	f.snapshots, f.underWay = nil, nil
	compare(f.t, f.tree.Snapshot(), f.model, f.rng)
}

// TestFileModel changes a tree in a file, with checkpoints, crashes and snapshots at any time.
func TestFileModel(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			rng := newRandom(t, 2)
			f := newFiled(t, rng)
			for op := range shorter(20_000) {
				grow := []float64{0.9, 0.5, 0.1}[op/2000%3]
				f.change(shape, 2000, grow)
				switch rng.IntN(300) {
				case 0, 1, 2, 3, 4:
					f.seal()
				case 5, 6:
					f.freeze()
				case 7, 8:
					f.write()
				case 9, 10:
					f.install()
				case 11, 12:
					f.release()
				case 13:
					if rng.IntN(5) == 0 {
						f.crash()
					}
				}
			}
			for len(f.snapshots) > 0 {
				f.release()
			}
			compare(t, f.tree.Snapshot(), f.model, rng)
			f.freeze()
			for range f.underWay {
				f.write()
				f.install()
			}
			f.crash()
			account(t, f)
		})
	}
}

// account checks that every page of the file is in the tree or free, but for those of the list of free pages.
func account(t *testing.T, f *filed) {
	t.Helper()
	used := map[page.ID]bool{}
	if _, err := f.tree.Snapshot().Walk(func(id page.ID, _ *node) { used[id] = true }); err != nil {
		t.Fatal(err)
	}
	free, list := f.file.FreePages()
	for _, id := range slices.Concat(free, list) {
		if used[id] {
			t.Fatalf("page %d is free and used, or free twice", id)
		}
		used[id] = true
	}
	if len(used) != int(f.checkpoint.Next)-1 {
		t.Fatalf("%d pages are used or free, of %d", len(used), f.checkpoint.Next-1)
	}
}
