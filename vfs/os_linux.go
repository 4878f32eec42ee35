package vfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SyncData skips the times of the inode, which saves a journal commit when the size is unchanged.
func (f *osFile) SyncData() error { return f.control("fdatasync", unix.Fdatasync) }

// StartWriteback must not ask to wait: waiting would consume a write error that the next sync has
// to report.
func (f *osFile) StartWriteback(offset, length int64) error {
	err := f.control("sync_file_range", func(fd int) error {
		return unix.SyncFileRange(fd, offset, length, unix.SYNC_FILE_RANGE_WRITE)
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ESPIPE) {
		return nil
	}
	return err
}

// Allocate sets the size with the space, so that a later sync of bytes inside has no size to write.
// Where the file system cannot reserve, only the size is set.
func (f *osFile) Allocate(size int64) error {
	if size == 0 {
		return nil // fallocate refuses an empty range
	}
	err := f.control("fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.extend(size)
	}
	return err
}
