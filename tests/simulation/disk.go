package simulation

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"github.com/middb/middb/vfs"
)

// errCrashed is what every call gets once the power has failed.
var errCrashed = errors.New("the power has failed")

// syncTimes say how long a sync takes at most: of the log, by a compaction, and any other one.
type syncTimes struct{ log, compaction, other time.Duration }

// A disk is the file system of one life. Before each call that changes something it lets others go on;
// it cuts the power at a call or a step that was chosen before, and then all calls fail.
type disk struct {
	mem   *vfs.Mem
	s     *scheduler
	rng   *rand.Rand
	pause int // one in so many calls lets others go on; 0: none
	times syncTimes
	full  bool // there is no space for more

	calls    int // that change something
	cutCall  int // the power fails before this one; 0: never
	unsynced vfs.Unsynced
	dead     bool
	left     *vfs.Mem // what the crash left
	crashed  func()   // called when the power fails
}

// crash cuts the power now.
func (d *disk) crash() {
	if d.dead {
		return
	}
	d.dead = true
	d.unsynced = []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random, vfs.Random}[d.rng.IntN(4)]
	d.left = d.mem.CrashClone(d.rng, vfs.CrashOptions{Unsynced: d.unsynced})
	d.s.trace.note(d.s, "disk", "crashes", []string{"losing", "keeping", "tearing"}[d.unsynced])
	d.crashed()
}

// letGo ends the use of the disk. Open tables hold on to their file until the garbage collector has found
// the table, which it never would if the table could be reached from the file by way of the life.
func (d *disk) letGo() { d.mem, d.s, d.left, d.crashed, d.dead = nil, nil, nil, nil, true }

// enter is called before each call that changes something.
func (d *disk) enter(kind vfs.OpKind, name string) error {
	if !d.dead && d.s.current != nil && d.pause > 0 && d.rng.IntN(d.pause) == 0 {
		d.s.suspend("its turn to "+kind.String()+" "+name, nil)
	}
	if d.calls++; d.calls == d.cutCall {
		d.crash()
	}
	if d.dead {
		return errCrashed
	}
	return nil
}

// needsSpace is the calls that fail while the disk is full.
const needsSpace = vfs.OpCreate | vfs.OpMkdirAll | vfs.OpWrite | vfs.OpAllocate

// do carries out a call that changes something.
func (d *disk) do(op vfs.Op, call func() error) error {
	op.Path = path.Base(op.Path)
	if op.NewPath != "" {
		op.NewPath = path.Base(op.NewPath)
	}
	if err := d.enter(op.Kind, op.Path); err != nil {
		return err
	}
	d.s.trace.call(d.s, op)
	if d.full && op.Kind&needsSpace != 0 {
		d.s.trace.note(d.s, "disk", "is full")
		return fmt.Errorf("%v %s: %w", op.Kind, op.Path, vfs.ErrNoSpace)
	}
	return call()
}

// sync carries out a sync, which takes a while: what was written meanwhile may count or not, so it
// counts.
func (d *disk) sync(op vfs.Op, call func() error) error {
	longest := d.times.other
	switch {
	case strings.HasSuffix(op.Path, ".wal"):
		longest = d.times.log
	case strings.HasPrefix(d.s.name(d.s.current), "compactor"):
		longest = d.times.compaction
	}
	if !d.dead && d.s.current != nil && longest > 0 {
		d.s.sleep("a sync of "+path.Base(op.Path), time.Duration(d.rng.Int64N(int64(longest))))
	}
	return d.do(op, call)
}

// read returns what a call that changes nothing gets.
func (d *disk) read() error {
	if d.dead {
		return errCrashed
	}
	return nil
}

// Create implements vfs.FS.
func (d *disk) Create(name string) (f vfs.File, err error) {
	err = d.do(vfs.Op{Kind: vfs.OpCreate, Path: name}, func() (err error) {
		f, err = d.mem.Create(name)
		return err
	})
	return d.wrap(f, err)
}

// Open implements vfs.FS.
func (d *disk) Open(name string) (vfs.File, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.wrap(d.mem.Open(name))
}

// OpenReadWrite implements vfs.FS.
func (d *disk) OpenReadWrite(name string) (vfs.File, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.wrap(d.mem.OpenReadWrite(name))
}

// Remove implements vfs.FS.
func (d *disk) Remove(name string) error {
	return d.do(vfs.Op{Kind: vfs.OpRemove, Path: name}, func() error { return d.mem.Remove(name) })
}

// Rename implements vfs.FS.
func (d *disk) Rename(oldName, newName string) error {
	return d.do(vfs.Op{Kind: vfs.OpRename, Path: oldName, NewPath: newName}, func() error {
		return d.mem.Rename(oldName, newName)
	})
}

// MkdirAll implements vfs.FS.
func (d *disk) MkdirAll(dir string) error {
	return d.do(vfs.Op{Kind: vfs.OpMkdirAll, Path: dir}, func() error { return d.mem.MkdirAll(dir) })
}

// List implements vfs.FS.
func (d *disk) List(dir string) ([]string, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.mem.List(dir)
}

// Stat implements vfs.FS.
func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	if err := d.read(); err != nil {
		return vfs.FileInfo{}, err
	}
	return d.mem.Stat(name)
}

// SyncDir implements vfs.FS.
func (d *disk) SyncDir(dir string) error {
	return d.sync(vfs.Op{Kind: vfs.OpSyncDir, Path: dir}, func() error { return d.mem.SyncDir(dir) })
}

// Lock implements vfs.FS.
func (d *disk) Lock(name string, mode vfs.LockMode) (l io.Closer, err error) {
	err = d.do(vfs.Op{Kind: vfs.OpLock, Path: name}, func() (err error) {
		l, err = d.mem.Lock(name, mode)
		return err
	})
	return l, err
}

// Join implements vfs.FS.
func (d *disk) Join(elem ...string) string { return d.mem.Join(elem...) }

func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{File: f, d: d}, nil
}

// A diskFile is an open file of a disk.
type diskFile struct {
	vfs.File
	d *disk
}

// ReadAt implements vfs.File.
func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.d.read(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt implements vfs.File.
func (f *diskFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.d.do(vfs.Op{Kind: vfs.OpWrite, Path: f.Name(), Offset: off, Length: int64(len(p))}, func() (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

// Sync implements vfs.File.
func (f *diskFile) Sync() error {
	return f.d.sync(vfs.Op{Kind: vfs.OpSync, Path: f.Name()}, f.File.Sync)
}

// SyncData implements vfs.File.
func (f *diskFile) SyncData() error {
	return f.d.sync(vfs.Op{Kind: vfs.OpSyncData, Path: f.Name()}, f.File.SyncData)
}

// Allocate implements vfs.File.
func (f *diskFile) Allocate(size int64) error {
	return f.d.do(vfs.Op{Kind: vfs.OpAllocate, Path: f.Name(), Length: size}, func() error { return f.File.Allocate(size) })
}

// Truncate implements vfs.File.
func (f *diskFile) Truncate(size int64) error {
	return f.d.do(vfs.Op{Kind: vfs.OpTruncate, Path: f.Name(), Length: size}, func() error { return f.File.Truncate(size) })
}
