//go:build unix && !linux

package vfs

import "syscall"

// SyncData is Sync where fdatasync is missing or weaker than it should be.
func (f *osFile) SyncData() error { return f.Sync() }

// StartWriteback does nothing here.
func (f *osFile) StartWriteback(int64, int64) error { return nil }

// Allocate only sets the size here.
func (f *osFile) Allocate(size int64) error {
	if size < 0 {
		return pathError("allocate", f.Name(), syscall.EINVAL)
	}
	return f.extend(size)
}
