package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
)

// A readyFile says that clients are served, and where, to whoever waits for it to be there. Its path may name
// something else, such as a device: what is no regular file is written to, and never removed.
type readyFile struct {
	path    string // empty: none
	written bool   // it is ours
}

// forget removes the file that a server has left which was killed: who waits would take it for ours. The caller has
// the database for itself, so that server is gone.
func (r *readyFile) forget() error {
	if r.path == "" {
		return nil
	}
	return removeRegular(r.path)
}

// write writes the file, with our process id.
func (r *readyFile) write(ready map[string]any) error {
	if r.path == "" {
		return nil
	}
	ready["pid"] = os.Getpid()
	err := writeFile(r.path, 0o644, func(w io.Writer) error { return json.NewEncoder(w).Encode(ready) })
	r.written = err == nil
	return err
}

// remove removes the file, if it is still what was written. That somebody else has removed it is no error.
func (r *readyFile) remove() error {
	if !r.written || !isRegular(r.path) {
		return nil
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		return unless(err, fs.ErrNotExist)
	}
	var ready struct{ PID int }
	if json.Unmarshal(text, &ready) != nil || ready.PID != os.Getpid() {
		return nil // another server's by now
	}
	return removeRegular(r.path)
}

func isRegular(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

func removeRegular(path string) error {
	if !isRegular(path) {
		return nil
	}
	return unless(os.Remove(path), fs.ErrNotExist)
}
