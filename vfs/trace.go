package vfs

import (
	"io"
	"sync"
)

// Trace numbers the mutating calls of another file system and shows each to a hook before it
// happens, so that a test can crash or count at any of them.
//
// Mutating calls run one at a time: when the hook sees number n, those before n have happened, and
// n and later ones have not. Other calls pass through, beside them.
type Trace struct {
	fs   FS
	hook func(Op)

	mu sync.Mutex // held during a mutating call and its hook
	n  int64
}

// NewTrace traces fsys. The hook may be nil, to count only. It runs while mutating calls of the
// trace wait, so it must not make one; it may use fsys itself.
func NewTrace(fsys FS, hook func(Op)) *Trace { return &Trace{fs: fsys, hook: hook} }

// Count returns how many mutating calls were begun.
func (t *Trace) Count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// do numbers and shows op, then carries it out.
func (t *Trace) do(op Op, call func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock() // also when the hook ends its test
	t.n++
	op.N = t.n
	if t.hook != nil {
		t.hook(op)
	}
	return call()
}

// Create implements FS.
func (t *Trace) Create(name string) (f File, err error) {
	err = t.do(Op{Kind: OpCreate, Path: name}, func() (err error) {
		f, err = t.fs.Create(name)
		return err
	})
	return t.wrap(f, err)
}

// Open implements FS.
func (t *Trace) Open(name string) (File, error) { return t.wrap(t.fs.Open(name)) }

// OpenReadWrite implements FS.
func (t *Trace) OpenReadWrite(name string) (File, error) { return t.wrap(t.fs.OpenReadWrite(name)) }

// Remove implements FS.
func (t *Trace) Remove(name string) error {
	return t.do(Op{Kind: OpRemove, Path: name}, func() error { return t.fs.Remove(name) })
}

// Rename implements FS.
func (t *Trace) Rename(oldName, newName string) error {
	return t.do(Op{Kind: OpRename, Path: oldName, NewPath: newName}, func() error {
		return t.fs.Rename(oldName, newName)
	})
}

// MkdirAll implements FS.
func (t *Trace) MkdirAll(dir string) error {
	return t.do(Op{Kind: OpMkdirAll, Path: dir}, func() error { return t.fs.MkdirAll(dir) })
}

// List implements FS.
func (t *Trace) List(dir string) ([]string, error) { return t.fs.List(dir) }

// Stat implements FS.
func (t *Trace) Stat(name string) (FileInfo, error) { return t.fs.Stat(name) }

// SyncDir implements FS.
func (t *Trace) SyncDir(dir string) error {
	return t.do(Op{Kind: OpSyncDir, Path: dir}, func() error { return t.fs.SyncDir(dir) })
}

// Lock implements FS.
func (t *Trace) Lock(name string, mode LockMode) (l io.Closer, err error) {
	err = t.do(Op{Kind: OpLock, Path: name}, func() (err error) {
		l, err = t.fs.Lock(name, mode)
		return err
	})
	return l, err
}

// Join implements FS.
func (t *Trace) Join(elem ...string) string { return t.fs.Join(elem...) }

func (t *Trace) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &traceFile{File: f, t: t}, nil
}

// A traceFile passes on what does not mutate.
type traceFile struct {
	File
	t *Trace
}

// do is Trace.do for an operation on this file.
func (f *traceFile) do(op Op, call func() error) error {
	op.Path = f.Name()
	return f.t.do(op, call)
}

// WriteAt implements File.
func (f *traceFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.do(Op{Kind: OpWrite, Offset: off, Length: int64(len(p))}, func() (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

// Sync implements File.
func (f *traceFile) Sync() error { return f.do(Op{Kind: OpSync}, f.File.Sync) }

// SyncData implements File.
func (f *traceFile) SyncData() error { return f.do(Op{Kind: OpSyncData}, f.File.SyncData) }

// Allocate implements File.
func (f *traceFile) Allocate(size int64) error {
	return f.do(Op{Kind: OpAllocate, Length: size}, func() error { return f.File.Allocate(size) })
}

// Truncate implements File.
func (f *traceFile) Truncate(size int64) error {
	return f.do(Op{Kind: OpTruncate, Length: size}, func() error { return f.File.Truncate(size) })
}

func (f *traceFile) dropUnsynced() { dropUnsynced(f.File) }
