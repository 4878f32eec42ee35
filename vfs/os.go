//go:build unix

package vfs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// OS is the file system of the operating system. Its paths are native. Errors are those of package
// os, with the operation and the path; failures for want of space match ErrNoSpace as well.
var OS FS = osFS{}

const (
	filePerm = 0o644
	dirPerm  = 0o755
)

type osFS struct{}

// osFile adds to os.File what needs its descriptor.
type osFile struct {
	f  *os.File
	rc syscall.RawConn // keeps the descriptor open during a call, also beside a wrong Close
}

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, filePerm)
	if err != nil {
		return nil, markNoSpace(err)
	}
	rc, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(pathError("open", name, err), f.Close())
	}
	return &osFile{f: f, rc: rc}, nil
}

func (osFS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (osFS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

func (osFS) OpenReadWrite(name string) (File, error) { return openOS(name, os.O_RDWR) }

func (osFS) Remove(name string) error { return markNoSpace(os.Remove(name)) }

func (osFS) Rename(oldName, newName string) error { return markNoSpace(os.Rename(oldName, newName)) }

func (osFS) MkdirAll(dir string) error { return markNoSpace(os.MkdirAll(dir, dirPerm)) }

func (osFS) Join(elem ...string) string { return filepath.Join(elem...) }

func (osFS) List(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if names, err = f.Readdirnames(-1); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

func (osFS) Stat(name string) (FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return FileInfo{}, err
	}
	if info.IsDir() {
		return FileInfo{IsDir: true}, nil
	}
	return FileInfo{Size: info.Size()}, nil
}

func (osFS) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	// The sync decides: once it has succeeded, a failing close takes nothing back.
	err = markNoSpace(f.Sync())
	return errors.Join(err, f.Close())
}

// control runs call on the descriptor, again while signals interrupt it.
func (f *osFile) control(op string, call func(fd int) error) error {
	var callErr error
	err := f.rc.Control(func(fd uintptr) {
		for {
			callErr = call(int(fd))
			if !errors.Is(callErr, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return pathError(op, f.f.Name(), os.ErrClosed)
	}
	return pathError(op, f.f.Name(), callErr)
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	if err != nil {
		err = markNoSpace(err)
	}
	return n, err
}

func (f *osFile) Close() error { return markNoSpace(f.f.Close()) }

func (f *osFile) Sync() error { return markNoSpace(f.f.Sync()) }

func (f *osFile) Truncate(size int64) error { return markNoSpace(f.f.Truncate(size)) }

func (f *osFile) Name() string { return f.f.Name() }

func (f *osFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// extend makes the file at least size long without reserving space.
func (f *osFile) extend(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return f.Truncate(size)
}

func (osFS) Lock(name string, mode LockMode) (io.Closer, error) { return lockOS(name, mode) }
