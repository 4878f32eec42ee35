//go:build unix

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// An osLock is a flock. It belongs to its own open file description, so two of them exclude each
// other within one process too, and it ends with the process whatever way that ends.
type osLock struct {
	f    *os.File
	mode LockMode
}

// noLock is the shared lock of a place where no lock file can be made.
type noLock struct{}

func (noLock) Close() error { return nil }

func lockOS(name string, mode LockMode) (io.Closer, error) {
	f, err := openLock(name, mode)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return noLock{}, nil
	}
	how := unix.LOCK_EX
	if mode == LockShared {
		how = unix.LOCK_SH
	}
	err = flock(f, how|unix.LOCK_NB)
	if err == nil && mode == LockExclusive {
		err = writePID(f)
	}
	if err == nil {
		return &osLock{f: f, mode: mode}, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &LockedError{Path: name, PID: readPID(f)}
	}
	return nil, errors.Join(err, f.Close())
}

// openLock opens the lock file. It is nil without an error if it is missing, a shared lock is
// wanted, and the directory cannot be written: then there is nothing to hold, and nobody who must
// respect the directory's permissions can become a writer there.
func openLock(name string, mode LockMode) (*os.File, error) {
	if mode == LockExclusive {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, filePerm)
		return f, markNoSpace(err)
	}
	f, err := os.Open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = os.OpenFile(name, os.O_RDONLY|os.O_CREATE, filePerm)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return f, markNoSpace(err)
}

// Close forgets the process id before it lets go: a later shared holder does not write its own, and
// must not be mistaken for this one.
func (l *osLock) Close() error {
	var err error
	if l.mode == LockExclusive {
		err = l.f.Truncate(0)
	}
	return markNoSpace(errors.Join(err, l.f.Close()))
}

func flock(f *os.File, how int) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return pathError("flock", f.Name(), err)
	}
	var flockErr error
	err = rc.Control(func(fd uintptr) {
		for {
			if flockErr = unix.Flock(int(fd), how); flockErr != unix.EINTR {
				return
			}
		}
	})
	return pathError("flock", f.Name(), errors.Join(err, flockErr))
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return markNoSpace(err)
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return markNoSpace(err)
}

// readPID returns the process id in the lock file, 0 if there is none or that process is gone: one
// that was killed leaves its id behind, and the present holder may be a reader, who writes none.
func readPID(f *os.File) int {
	var buf [32]byte
	n, err := f.ReadAt(buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid <= 0 {
		return 0
	}
	if unix.Kill(pid, 0) == unix.ESRCH {
		return 0
	}
	return pid
}
