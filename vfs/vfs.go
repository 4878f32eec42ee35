// Package vfs is the file system as middb sees it: few operations, each with a stated durability.
//
// Four implementations: [OS], the real one; [Mem], in memory, which can crash and then holds just
// what was synced, plus what a seeded disk chose to keep or tear of the rest; [Fault], which fails
// chosen calls of another one; [Trace], which numbers and shows the mutating calls of another one.
// Everything that middb stores goes through FS, so every test of durability can cut or break any
// call. Any package may call it; it is the only one that knows the operating system.
//
// What is durable: the content of a file after its Sync or SyncData returned nil; the creation,
// renaming and removal of a file or directory after SyncDir of the directory that names it returned
// nil. Nothing else: a synced file in a directory whose own name was not synced can vanish with it.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Errors that callers test for with errors.Is. Missing files are fs.ErrNotExist and existing ones
// fs.ErrExist, as in package os.
var (
	// ErrLocked is returned by Lock when another holder excludes this one. The error in the chain
	// is a *LockedError, which names the holder where it is known.
	ErrLocked = errors.New("locked by another process")
	// ErrNoSpace is matched by failures for want of disk space (ENOSPC, EDQUOT).
	ErrNoSpace = errors.New("no space left on device")
)

// A LockedError says who holds a lock.
type LockedError struct {
	Path string // the lock file
	PID  int    // process id of the holder, 0 if it is not known
}

// FileInfo is what Stat tells.
type FileInfo struct {
	Size  int64 // bytes
	IsDir bool
}

// LockMode says whom a lock excludes.
type LockMode uint8

// The lock modes.
const (
	LockExclusive LockMode = iota // one writer, nobody else
	LockShared                    // any number of readers, no writer
)

// FS is a file system. Paths are slash-separated or native as given to the implementation; all
// methods are safe for concurrent use.
type FS interface {
	// Create makes the file, or empties it if it exists, and opens it for reading and writing.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens an existing file for reading and writing, its content kept.
	OpenReadWrite(name string) (File, error)
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// Rename gives a file or directory another name, in one step. It replaces a file that has
	// that name, and refuses if a directory has it.
	Rename(oldName, newName string) error
	// MkdirAll makes a directory and its missing parents. Each is durable after SyncDir of the
	// one above it.
	MkdirAll(dir string) error
	// List returns the names, sorted, of what is in a directory.
	List(dir string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (FileInfo, error)
	// SyncDir makes the creations, renamings and removals in a directory durable.
	SyncDir(dir string) error
	// Lock takes an advisory lock on a file, made if missing (never made in shared mode when the
	// directory cannot be written; the lock is then granted without one), without waiting. Two
	// calls in one process exclude each other too. Closing the result releases it; so does the
	// end of the process. An exclusive holder's process id is written into the file.
	Lock(name string, mode LockMode) (io.Closer, error)
	// Join joins path elements in the way of this file system.
	Join(elem ...string) string
}

// File is an open file. ReadAt is safe for concurrent use, also beside one writer; the other
// methods are for one goroutine at a time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes content and size durable, with all metadata (fsync).
	Sync() error
	// SyncData makes content and size durable (fdatasync).
	SyncData() error
	// StartWriteback asks the system to begin writing a range to disk without waiting. It
	// promises nothing and is not durable; it may do nothing.
	StartWriteback(offset, length int64) error
	// Allocate reserves disk space for the first size bytes and makes the file at least that
	// long; new bytes read as zero.
	Allocate(size int64) error
	// Truncate sets the size.
	Truncate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
	// Name returns the path that the file was opened with.
	Name() string
}

// IsNotExist reports whether err says that a file does not exist.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Error implements error.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return e.Path + ": " + ErrLocked.Error()
	}
	return fmt.Sprintf("%s: %v (pid %d)", e.Path, ErrLocked, e.PID)
}

// Is reports that a LockedError is an ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }
