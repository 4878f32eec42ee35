package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile gives a file new content whole or not at all: it is written beside it, synced, and
// renamed. What is no regular file, such as a pipe, is written to directly.
func writeFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return fmt.Errorf("write %s: it is a directory", name)
	}
	if err == nil && !info.Mode().IsRegular() {
		return writeThrough(name, write)
	}
	part := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s-%d", filepath.Base(name), os.Getpid()))
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return renamed(err, name)
	}
	if err = write(f); err != nil {
		return errors.Join(err, f.Close(), os.Remove(part))
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		return errors.Join(renamed(err, name), os.Remove(part))
	}
	return nil
}

func writeThrough(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// renamed makes an error of the file system speak of the file that the user named.
func renamed(err error, name string) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		return fmt.Errorf("write %s: %w", name, in.Err)
	}
	return fmt.Errorf("write %s: %w", name, err)
}
