package vfs

import (
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Mem is a file system in memory. It behaves as a POSIX one: an open file outlives its removal, a
// rename replaces, a file needs its directory. Relative paths start at the root, which exists.
//
// It remembers what a power loss could still take back; CrashClone tells what such a loss leaves.
// Remembering costs a copy of overwritten bytes and nothing for appended ones, until the sync.
type Mem struct {
	// mu guards the tree: every directory's entries, and unsynced. Changes to the content of a
	// file hold it shared, so that CrashClone sees one moment of everything.
	mu       sync.RWMutex
	root     *memNode
	unsynced []dirOp // operations on directories, oldest first, that no SyncDir has made durable
}

// A memNode is a directory or a file.
type memNode struct {
	// Of a directory. entries is nil for a file.
	entries map[string]*memNode
	durable map[string]*memNode // entries as a crash that loses everything unsynced leaves them

	// Of a file.
	mu      sync.RWMutex // guards data and changes; after Mem.mu
	data    []byte
	changes []change // to data since the last sync, oldest first

	// Locks on a file, guarded by Mem.mu.
	exclusive bool
	shared    int
}

// A dirOp is one atomic operation on one directory, or on two: a rename from one to another.
type dirOp struct {
	edits [2]dirEdit
	n     int
}

// A dirEdit gives a name in a directory to a node, or to none.
type dirEdit struct {
	dir  *memNode
	name string
	node *memNode // nil: the name goes away
}

// NewMem returns an empty file system that has only its root directory.
func NewMem() *Mem { return &Mem{root: newMemDir()} }

func newMemDir() *memNode {
	return &memNode{entries: map[string]*memNode{}, durable: map[string]*memNode{}}
}

func (n *memNode) isDir() bool { return n.entries != nil }

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.ensureFile(name)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	n.truncate(0)
	return &memFile{m: m, n: n, name: name, writable: true}, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) { return m.open("open", name, false) }

// OpenReadWrite implements FS.
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open("open", name, true) }

func (m *Mem) open(op, name string, writable bool) (File, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if n.isDir() {
		return nil, pathError(op, name, syscall.EISDIR)
	}
	return &memFile{m: m, n: n, name: name, writable: writable}, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	n := dir.entries[base]
	if n == nil {
		return pathError("remove", name, syscall.ENOENT)
	}
	if n.isDir() && len(n.entries) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.do(dirEdit{dir, base, nil})
	return nil
}

// Rename implements FS.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(oldName, newName); err != nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
	return nil
}

func (m *Mem) rename(oldName, newName string) error {
	oldDir, oldBase, err := m.parent(oldName)
	if err != nil {
		return err
	}
	newDir, newBase, err := m.parent(newName)
	if err != nil {
		return err
	}
	n, target := oldDir.entries[oldBase], newDir.entries[newBase]
	switch {
	case n == nil:
		return syscall.ENOENT
	case target != nil && target.isDir():
		return syscall.EEXIST // as package os has it; POSIX would let it replace an empty one
	case n == target:
		return nil
	case n.isDir() && strings.HasPrefix(clean(newName), clean(oldName)+"/"):
		return syscall.EINVAL
	case n.isDir() && target != nil:
		return syscall.ENOTDIR
	}
	m.do(dirEdit{oldDir, oldBase, nil}, dirEdit{newDir, newBase, n})
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.root
	for _, name := range split(dir) {
		next := at.entries[name]
		if next == nil {
			next = newMemDir()
			m.do(dirEdit{at, name, next})
		}
		if !next.isDir() {
			return pathError("mkdir", dir, syscall.ENOTDIR)
		}
		at = next
	}
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.findDir(dir)
	if err != nil {
		return nil, pathError("list", dir, err)
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (FileInfo, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(name)
	if err != nil {
		return FileInfo{}, pathError("stat", name, err)
	}
	if n.isDir() {
		return FileInfo{IsDir: true}, nil
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return FileInfo{Size: int64(len(n.data))}, nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.findDir(dir)
	if err != nil {
		return pathError("syncdir", dir, err)
	}
	m.settle(n)
	return nil
}

// Join implements FS with slashes.
func (m *Mem) Join(elem ...string) string { return path.Join(elem...) }

// A memLock is a lock held on a file.
type memLock struct {
	m    *Mem
	n    *memNode
	mode LockMode
	once sync.Once
}

// Lock implements FS among the users of this Mem. The holder is always this process.
func (m *Mem) Lock(name string, mode LockMode) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.ensureFile(name)
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	if n.exclusive || mode == LockExclusive && n.shared > 0 {
		return nil, &LockedError{Path: name, PID: os.Getpid()}
	}
	if mode == LockShared {
		n.shared++
	} else {
		n.exclusive = true
		n.truncate(0)
		n.write([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &memLock{m: m, n: n, mode: mode}, nil
}

// Close releases the lock; a second one does nothing.
func (l *memLock) Close() error {
	l.once.Do(func() {
		l.m.mu.Lock()
		defer l.m.mu.Unlock()
		if l.mode == LockShared {
			l.n.shared--
		} else {
			l.n.exclusive = false
			l.n.truncate(0)
		}
	})
	return nil
}

// do applies one atomic operation to the tree and notes it as unsynced.
func (m *Mem) do(edits ...dirEdit) {
	var op dirOp
	op.n = copy(op.edits[:], edits)
	for _, e := range edits {
		e.apply(e.dir.entries)
	}
	m.unsynced = append(m.unsynced, op)
}

func (e dirEdit) apply(entries map[string]*memNode) {
	if e.node == nil {
		delete(entries, e.name)
	} else {
		entries[e.name] = e.node
	}
}

// ensureFile returns the file of this name, made if it is missing.
func (m *Mem) ensureFile(name string) (*memNode, error) {
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.entries[base]
	if n == nil {
		n = &memNode{}
		m.do(dirEdit{dir, base, n})
	}
	if n.isDir() {
		return nil, syscall.EISDIR
	}
	return n, nil
}

// find walks to a file or directory.
func (m *Mem) find(name string) (*memNode, error) {
	at := m.root
	for _, elem := range split(name) {
		if !at.isDir() {
			return nil, syscall.ENOTDIR
		}
		if at = at.entries[elem]; at == nil {
			return nil, syscall.ENOENT
		}
	}
	return at, nil
}

func (m *Mem) findDir(name string) (*memNode, error) {
	n, err := m.find(name)
	if err == nil && !n.isDir() {
		err = syscall.ENOTDIR
	}
	return n, err
}

// parent returns the directory that holds the name, and its last element.
func (m *Mem) parent(name string) (*memNode, string, error) {
	dir, base := path.Split(clean(name))
	if base == "" {
		return nil, "", fs.ErrInvalid // the root has no parent
	}
	n, err := m.findDir(dir)
	return n, base, err
}

func clean(name string) string { return path.Clean("/" + name) }

func split(name string) []string {
	name = clean(name)[1:]
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}
