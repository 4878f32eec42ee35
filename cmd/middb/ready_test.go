package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What the server did not write as its ready file it leaves alone.
func TestOnlyItsOwnReadyFileIsRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		before func(path string) error // the server starts
		after  func(path string) error // and before it stops
		stays  bool
	}{
		"a link to a device":    {func(path string) error { return os.Symlink(os.DevNull, path) }, nil, true},
		"its own":               {nil, nil, false},
		"over an older file":    {func(path string) error { return os.WriteFile(path, nil, 0o600) }, nil, false},
		"another's by now":      {nil, func(path string) error { return os.WriteFile(path, []byte(`{"pid":1}`), 0o600) }, true},
		"something else by now": {nil, func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }, true},
		"gone by now":           {nil, os.Remove, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "ready")
			if c.before != nil {
				if err := c.before(path); err != nil {
					t.Fatal(err)
				}
			}
			s := startServer(t, dir, "--bind", "off", "--unix", "s", "--ready-file", "ready")
			if c.after != nil {
				if err := c.after(path); err != nil {
					t.Fatal(err)
				}
			}
			s.stop()
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) == c.stays {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestADirectoryIsNoReadyFileAndStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ready")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, errs, code := middb(t, dir, "", "server", "--data-dir", "db", "--bind", "off", "--unix", "s", "--ready-file", "ready")
	if code != exitFailed || !strings.Contains(errs, "it is a directory") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Who waits for the file waits for this server, not for the one before it.
func TestTheReadyFileOfAKilledServerIsForgotten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ready")
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--ready-file", "ready")
	_, _, code := middb(t, dir, "", "server", "--data-dir", "db", "--bind", "127.0.0.1:0", "--ready-file", "ready")
	if _, err := os.Stat(path); code != exitOpen || err != nil {
		t.Errorf("a second server, which has no database: exit code %d, %v", code, err)
	}
	s.signal(syscall.SIGKILL)
	s.wait()
	if _, err := os.Stat(path); err != nil {
		t.Fatal("nothing is left to forget")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, errs, code := middb(t, dir, "", "server", "--data-dir", "db", "--bind", l.Addr().String(), "--ready-file", "ready")
	if code != exitFailed {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there, and nobody is ready: %v", err)
	}
}
