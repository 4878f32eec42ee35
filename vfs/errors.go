package vfs

import (
	"errors"
	"io/fs"
	"syscall"
)

// A noSpaceError is a cause that also matches ErrNoSpace.
type noSpaceError struct{ cause error }

func (e noSpaceError) Error() string        { return e.cause.Error() }
func (e noSpaceError) Unwrap() error        { return e.cause }
func (e noSpaceError) Is(target error) bool { return target == ErrNoSpace }

// markNoSpace makes a want of space match ErrNoSpace and leaves other errors alone.
func markNoSpace(err error) error {
	if errors.Is(err, ErrNoSpace) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return noSpaceError{err}
	}
	return err
}

// pathError says what was tried on which file. It is nil when err is.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: markNoSpace(err)}
}
