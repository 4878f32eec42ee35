package vfs

import "errors"

// A faultFile is a file of Fault.
type faultFile struct {
	file  File
	fault *Fault
}

func (f *faultFile) check(op OpKind) error { return f.fault.check(op, f.file.Name()) }

// ReadAt implements File.
func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check(OpRead); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

// WriteAt implements File.
func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	r := f.fault.strike(OpWrite, f.file.Name())
	if r == nil {
		return f.file.WriteAt(p, off)
	}
	n := 0
	if r.Short {
		var err error
		if n, err = f.file.WriteAt(p[:len(p)/2], off); err != nil {
			return n, err
		}
	}
	return n, pathError(OpWrite.String(), f.file.Name(), r.Err)
}

// Close implements File.
func (f *faultFile) Close() error {
	err := f.check(OpClose)
	return errors.Join(err, f.file.Close())
}

// Sync implements File.
func (f *faultFile) Sync() error { return f.sync(OpSync, f.file.Sync) }

// SyncData implements File.
func (f *faultFile) SyncData() error { return f.sync(OpSyncData, f.file.SyncData) }

func (f *faultFile) sync(op OpKind, sync func() error) error {
	r := f.fault.strike(op, f.file.Name())
	if r == nil {
		return sync()
	}
	if r.DropUnsynced {
		dropUnsynced(f.file)
	}
	return r.syncError(op, f.file.Name())
}

// StartWriteback implements File.
func (f *faultFile) StartWriteback(offset, length int64) error {
	if err := f.check(OpStartWriteback); err != nil {
		return err
	}
	return f.file.StartWriteback(offset, length)
}

// Allocate implements File.
func (f *faultFile) Allocate(size int64) error {
	if err := f.check(OpAllocate); err != nil {
		return err
	}
	return f.file.Allocate(size)
}

// Truncate implements File.
func (f *faultFile) Truncate(size int64) error {
	if err := f.check(OpTruncate); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

// Size implements File.
func (f *faultFile) Size() (int64, error) {
	if err := f.check(OpStat); err != nil {
		return 0, err
	}
	return f.file.Size()
}

// Name implements File.
func (f *faultFile) Name() string { return f.file.Name() }

func (f *faultFile) dropUnsynced() { dropUnsynced(f.file) }

// dropUnsynced reaches through the wrappers of this package to a file of Mem, and does nothing to
// files of other file systems.
func dropUnsynced(f File) {
	if d, ok := f.(interface{ dropUnsynced() }); ok {
		d.dropUnsynced()
	}
}
