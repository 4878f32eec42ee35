package vfs

import (
	"io"
	"io/fs"
	"slices"
	"sync/atomic"
	"syscall"
)

// A memFile is one opening of a file of Mem.
type memFile struct {
	m        *Mem
	n        *memNode
	name     string
	writable bool
	closed   atomic.Bool
}

// A change is one write to a file, or one change of its size, and what undoes it.
type change struct {
	truncate bool
	off      int64  // write: where; truncate: the new size
	length   int64  // write: how many bytes
	old      []byte // write: the bytes overwritten; truncate: the bytes cut off
	oldSize  int64
}

// ReadAt implements File.
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off, false); err != nil {
		return 0, err
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	if off >= int64(len(f.n.data)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements File.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off, true); err != nil {
		return 0, err
	}
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	f.n.write(p, off)
	return len(p), nil
}

// Close implements File.
func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return pathError("close", f.name, fs.ErrClosed)
	}
	return nil
}

// Sync implements File.
func (f *memFile) Sync() error { return f.sync("sync") }

// SyncData implements File.
func (f *memFile) SyncData() error { return f.sync("fdatasync") }

func (f *memFile) sync(op string) error {
	if err := f.check(op, 0, false); err != nil {
		return err
	}
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	f.n.changes = nil
	return nil
}

// StartWriteback implements File and does nothing: what it starts may never arrive.
func (f *memFile) StartWriteback(offset, _ int64) error {
	return f.check("sync_file_range", offset, false)
}

// Allocate implements File.
func (f *memFile) Allocate(size int64) error {
	if err := f.check("fallocate", size, true); err != nil {
		return err
	}
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	f.n.extend(size)
	return nil
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	if err := f.check("truncate", size, true); err != nil {
		return err
	}
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	f.n.truncate(size)
	return nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	if err := f.check("stat", 0, false); err != nil {
		return 0, err
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	return int64(len(f.n.data)), nil
}

// Name implements File.
func (f *memFile) Name() string { return f.name }

// check refuses closed files, negative offsets or sizes, and changes through Open.
func (f *memFile) check(op string, offset int64, change bool) error {
	switch {
	case f.closed.Load():
		return pathError(op, f.name, fs.ErrClosed)
	case offset < 0:
		return pathError(op, f.name, syscall.EINVAL)
	case change && !f.writable:
		return pathError(op, f.name, syscall.EBADF)
	}
	return nil
}

// write puts p at off. The caller holds Mem.mu at least shared.
func (n *memNode) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	size, end := int64(len(n.data)), off+int64(len(p))
	n.noteWrite(off, end)
	if end > size {
		n.data = resize(n.data, end)
	}
	copy(n.data[off:], p)
}

// noteWrite remembers how to undo a write. Appends that continue one another are remembered as one,
// since tearing that anywhere also yields every state in which only the first of them arrived.
func (n *memNode) noteWrite(off, end int64) {
	size := int64(len(n.data))
	c := change{off: off, length: end - off, oldSize: size}
	if off < size {
		c.old = slices.Clone(n.data[off:min(end, size)])
	}
	if k := len(n.changes); k > 0 && off == size {
		last := &n.changes[k-1]
		if !last.truncate && last.off == last.oldSize && last.off+last.length == off {
			last.length += c.length
			return
		}
	}
	n.changes = append(n.changes, c)
}

// truncate sets the size. The caller holds Mem.mu at least shared.
func (n *memNode) truncate(size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.setSize(size)
}

// extend makes the file at least size long. The caller holds Mem.mu at least shared.
func (n *memNode) extend(size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if size > int64(len(n.data)) {
		n.setSize(size)
	}
}

func (n *memNode) setSize(size int64) {
	have := int64(len(n.data))
	if size == have {
		return
	}
	c := change{truncate: true, off: size, oldSize: have}
	switch {
	case size == 0:
		c.old, n.data = n.data, nil
	case size < have:
		c.old = slices.Clone(n.data[size:])
		n.data = n.data[:size]
	default:
		n.data = resize(n.data, size)
	}
	n.changes = append(n.changes, c)
}

// resize returns data with another length; new bytes are zero.
func resize(data []byte, size int64) []byte {
	have := int64(len(data))
	if size <= have {
		return data[:size]
	}
	data = slices.Grow(data, int(size-have))[:size]
	clear(data[have:])
	return data
}
