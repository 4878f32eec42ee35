package bplustree

import (
	"cmp"
	"slices"

	"github.com/middb/middb/page"
)

// A Forest is numbered trees that share a file of pages, and the states of them all together. A tree that has no entries
// is not there. It is for one goroutine, but for what is said of its methods.
type Forest struct {
	file     *page.File
	trees    map[uint32]*Tree
	sealed   *Roots
	unsealed bool // changed since the last Seal
	unfrozen bool // changed since the last Freeze
}

// Roots are where the trees of a Forest begin in one state of it. They do not change.
type Roots struct {
	file       *page.File
	generation uint64
	list       []NumberedRoot
}

// A NumberedRoot is the root of a tree, and the number of the tree.
type NumberedRoot struct {
	Number uint32
	Root
}

// OpenForest returns the trees that are in a file. Their state is one that was sealed.
func OpenForest(file *page.File, roots []NumberedRoot) *Forest {
	f := &Forest{file: file, trees: make(map[uint32]*Tree, len(roots))}
	for _, r := range roots {
		f.trees[r.Number] = Open(file, r.Root)
	}
	f.sealed = f.roots(file.Generation() - 1)
	return f
}

// roots returns the present roots as those of a generation.
func (f *Forest) roots(generation uint64) *Roots {
	r := &Roots{file: f.file, generation: generation, list: make([]NumberedRoot, 0, len(f.trees))}
	for number, t := range f.trees {
		r.list = append(r.list, NumberedRoot{number, t.Root()})
	}
	slices.SortFunc(r.list, func(a, b NumberedRoot) int { return cmp.Compare(a.Number, b.Number) })
	return r
}

// Put sets the value of a key in a tree. After an error the Forest must not be changed any more.
func (f *Forest) Put(number uint32, k, v []byte) error {
	f.unsealed, f.unfrozen = true, true
	t := f.trees[number]
	if t == nil {
		t = Open(f.file, Root{})
		f.trees[number] = t
	}
	_, err := t.Put(k, v)
	return err
}

// Delete deletes a key of a tree, which need not be there. After an error the Forest must not be changed any more.
func (f *Forest) Delete(number uint32, k []byte) error {
	t := f.trees[number]
	if t == nil {
		return nil
	}
	f.unsealed, f.unfrozen = true, true
	_, err := t.Delete(k)
	if t.root == 0 {
		delete(f.trees, number)
	}
	return err
}

// Clear deletes all keys of a tree. It reads no leaves. After an error the Forest must not be changed any more.
func (f *Forest) Clear(number uint32) error {
	t := f.trees[number]
	if t == nil {
		return nil
	}
	f.unsealed, f.unfrozen = true, true
	delete(f.trees, number)
	return freeAll(f.file, t.root, -1)
}

// freeAll frees a page and all below it. A level of -1 is not known.
func freeAll(file *page.File, id page.ID, level int) error {
	if level != 0 {
		p, err := file.Read(id)
		if err != nil {
			return err
		}
		defer p.Unpin()
		n := (*node)(p.Page)
		level = n.level()
		for i := 0; level > 0 && i <= n.count(); i++ {
			if err := freeAll(file, n.child(i), level-1); err != nil {
				return err
			}
		}
	}
	file.FreeUnread(id)
	return nil
}

// Changed reports whether there are changes since the last Seal.
func (f *Forest) Changed() bool { return f.unsealed }

// Seal ends a generation, and returns its roots, whose pages stay until Release. Without changes they are those of
// before, which are not to be released again.
func (f *Forest) Seal() *Roots {
	if f.unsealed {
		f.sealed = f.roots(f.file.Seal())
		f.unsealed = false
	}
	return f.sealed
}

// Sealed returns what Seal returned last, or the roots that the Forest was opened with.
func (f *Forest) Sealed() *Roots { return f.sealed }

// Release says that nobody reads the trees of some roots any more.
func (f *Forest) Release(r *Roots) { f.file.Release(r.generation) }

// A Checkpoint is a state of a Forest on its way to disk: see page.Checkpoint.
type Checkpoint struct {
	*page.Checkpoint
	Roots []NumberedRoot
}

// Freeze ends a generation and returns what makes it durable, nil if nothing has changed since the last time. Its pages
// are not for readers, unless it is sealed too.
func (f *Forest) Freeze() *Checkpoint {
	if !f.unfrozen {
		return nil
	}
	f.unfrozen = false
	roots := f.roots(0)
	return &Checkpoint{f.file.Freeze(), roots.list}
}

// Write writes a checkpoint: see page.File.Write.
func (f *Forest) Write(c *Checkpoint) error { return f.file.Write(c.Checkpoint) }

// File returns the number of the file, once a checkpoint is written.
func (f *Forest) File() uint64 { return f.file.Number() }

// Installed says that a checkpoint is durable: see page.File.Installed.
func (f *Forest) Installed(c *Checkpoint) { f.file.Installed(c.Checkpoint) }

// DirtyBytes returns how much memory changed pages take that are not durable. It is safe for concurrent use.
func (f *Forest) DirtyBytes() int64 { return f.file.DirtyBytes() }

// Close closes the file. Nothing is written.
func (f *Forest) Close() error { return f.file.Close() }

// Tree returns the state of a tree.
func (r *Roots) Tree(number uint32) Snapshot {
	i, found := slices.BinarySearchFunc(r.list, number, func(n NumberedRoot, number uint32) int { return cmp.Compare(n.Number, number) })
	if !found {
		return Snapshot{}
	}
	return At(r.file, r.list[i].Root)
}

// All returns the roots of all trees, ascending by number. They must not be changed.
func (r *Roots) All() []NumberedRoot { return r.list }
