package vfs

import (
	"io"
	"math/bits"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/middb/middb/invariant"
)

// Fault makes chosen calls of another file system fail, and counts all calls.
type Fault struct {
	fs FS

	mu         sync.Mutex
	counts     [len(opNames)]int64 // by bit of OpKind
	injections []*Injection
}

// A Rule says which calls fail, and how. A call that fails is not carried out, except for what
// Short and DropUnsynced do, and a failing Close, which closes; Silent hides that it failed.
type Rule struct {
	Ops OpKind // the calls that the rule is about; zero: OpAny
	// Path is a pattern of path.Match for the last element of the path or, if it holds a slash,
	// for all of it. Renames match by either name. Empty: every path.
	Path string
	// N is the number, from 1, of the matching call that fails. Zero: 1. Negative: none; the rule
	// only counts.
	N int64
	// Sticky lets every matching call from the Nth on fail, until the rule is removed.
	Sticky bool
	// Err is the cause of the failure, which is wrapped with operation and path. Nil:
	// syscall.EIO. syscall.ENOSPC matches ErrNoSpace.
	Err error
	// Short lets a failing write write the first half of its bytes.
	Short bool
	// DropUnsynced lets a failing sync of a file of Mem lose what was written since the last
	// good one: it reads as before, and no later sync brings it back.
	DropUnsynced bool
	// Silent lets a failing sync, of a file or of a directory, claim that it succeeded.
	Silent bool
}

// An Injection is a rule at work.
type Injection struct {
	fault *Fault
	rule  Rule
	calls int64 // guarded by Fault.mu, as is fired
	fired int64
}

// NewFault returns fsys with failures by these rules, as if each had been passed to Inject.
func NewFault(fsys FS, rules ...Rule) *Fault {
	f := &Fault{fs: fsys}
	for _, r := range rules {
		f.Inject(r)
	}
	return f
}

// Inject adds a rule, which counts from now. If several rules want a call to fail, the oldest
// decides how. A malformed pattern panics.
func (f *Fault) Inject(r Rule) *Injection {
	_, err := path.Match(r.Path, "")
	invariant.Check(err == nil, "pattern %q of a fault: %v", r.Path, err)
	if r.Ops == 0 {
		r.Ops = OpAny
	}
	if r.N == 0 {
		r.N = 1
	}
	if r.Err == nil {
		r.Err = syscall.EIO
	}
	in := &Injection{fault: f, rule: r}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.injections = append(f.injections, in)
	return in
}

// Count returns how many calls of these kinds were made, failed ones included.
func (f *Fault) Count(ops OpKind) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int64
	for rest := uint32(ops & OpAny); rest != 0; rest &= rest - 1 {
		n += f.counts[bits.TrailingZeros32(rest)]
	}
	return n
}

// Calls returns how many calls matched the rule, whether or not they failed.
func (in *Injection) Calls() int64 {
	in.fault.mu.Lock()
	defer in.fault.mu.Unlock()
	return in.calls
}

// Fired returns how many calls the rule made fail.
func (in *Injection) Fired() int64 {
	in.fault.mu.Lock()
	defer in.fault.mu.Unlock()
	return in.fired
}

// Remove ends the rule: the disk is well again.
func (in *Injection) Remove() {
	in.fault.mu.Lock()
	defer in.fault.mu.Unlock()
	in.fault.injections = slices.DeleteFunc(in.fault.injections, func(o *Injection) bool { return o == in })
}

// matches reports whether the rule is about this call.
func (r *Rule) matches(op OpKind, paths []string) bool {
	if r.Ops&op == 0 {
		return false
	}
	return r.Path == "" || slices.ContainsFunc(paths, func(p string) bool {
		if !strings.Contains(r.Path, "/") {
			p = path.Base(p)
		}
		ok, _ := path.Match(r.Path, p) // Inject has seen that the pattern is good
		return ok
	})
}

// strike counts a call and returns the rule by which it fails, nil if it does not.
func (f *Fault) strike(op OpKind, paths ...string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[bits.TrailingZeros32(uint32(op))]++
	var decides *Injection
	for _, in := range f.injections {
		if !in.rule.matches(op, paths) {
			continue
		}
		in.calls++
		hit := in.calls == in.rule.N || in.rule.Sticky && in.rule.N > 0 && in.calls > in.rule.N
		if hit && decides == nil {
			decides = in
		}
	}
	if decides == nil {
		return nil
	}
	decides.fired++
	return &decides.rule
}

// check counts a call and returns the error with which it fails, nil if it does not.
func (f *Fault) check(op OpKind, paths ...string) error {
	if r := f.strike(op, paths...); r != nil {
		return pathError(op.String(), paths[0], r.Err)
	}
	return nil
}

// syncError returns what a sync that fails by r answers.
func (r *Rule) syncError(op OpKind, name string) error {
	if r.Silent {
		return nil
	}
	return pathError(op.String(), name, r.Err)
}

// Create implements FS.
func (f *Fault) Create(name string) (File, error) {
	if err := f.check(OpCreate, name); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.Create(name))
}

// Open implements FS.
func (f *Fault) Open(name string) (File, error) {
	if err := f.check(OpOpen, name); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.Open(name))
}

// OpenReadWrite implements FS.
func (f *Fault) OpenReadWrite(name string) (File, error) {
	if err := f.check(OpOpen, name); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.OpenReadWrite(name))
}

// Remove implements FS.
func (f *Fault) Remove(name string) error {
	if err := f.check(OpRemove, name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// Rename implements FS.
func (f *Fault) Rename(oldName, newName string) error {
	if err := f.check(OpRename, oldName, newName); err != nil {
		return err
	}
	return f.fs.Rename(oldName, newName)
}

// MkdirAll implements FS.
func (f *Fault) MkdirAll(dir string) error {
	if err := f.check(OpMkdirAll, dir); err != nil {
		return err
	}
	return f.fs.MkdirAll(dir)
}

// List implements FS.
func (f *Fault) List(dir string) ([]string, error) {
	if err := f.check(OpList, dir); err != nil {
		return nil, err
	}
	return f.fs.List(dir)
}

// Stat implements FS.
func (f *Fault) Stat(name string) (FileInfo, error) {
	if err := f.check(OpStat, name); err != nil {
		return FileInfo{}, err
	}
	return f.fs.Stat(name)
}

// SyncDir implements FS.
func (f *Fault) SyncDir(dir string) error {
	if r := f.strike(OpSyncDir, dir); r != nil {
		return r.syncError(OpSyncDir, dir)
	}
	return f.fs.SyncDir(dir)
}

// Lock implements FS.
func (f *Fault) Lock(name string, mode LockMode) (io.Closer, error) {
	if err := f.check(OpLock, name); err != nil {
		return nil, err
	}
	return f.fs.Lock(name, mode)
}

// Join implements FS.
func (f *Fault) Join(elem ...string) string { return f.fs.Join(elem...) }

func (f *Fault) wrap(file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{file: file, fault: f}, nil
}
