package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/middb/middb/vfs"
)

// implementations returns a fresh file system of each kind with an existing directory to work in.
func implementations(t *testing.T) map[string]func(*testing.T) (vfs.FS, string) {
	t.Helper()
	return map[string]func(*testing.T) (vfs.FS, string){
		"OS":  func(t *testing.T) (vfs.FS, string) { return vfs.OS, t.TempDir() },
		"Mem": func(*testing.T) (vfs.FS, string) { return vfs.NewMem(), "/" },
		"Trace": func(*testing.T) (vfs.FS, string) {
			return vfs.NewTrace(vfs.NewMem(), nil), "/"
		},
		"Fault": func(*testing.T) (vfs.FS, string) { return vfs.NewFault(vfs.NewMem()), "/" },
	}
}

// everywhere runs a claim against every implementation.
func everywhere(t *testing.T, claim func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Helper()
	for name, fresh := range implementations(t) {
		t.Run(name, func(t *testing.T) {
			fsys, dir := fresh(t)
			claim(t, fsys, dir)
		})
	}
}

func TestFileHoldsWhatWasWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := fsys.Join(dir, "a")
		f := create(t, fsys, name)
		write(t, f, "hello", 0)
		write(t, f, "world", 8) // leaves a gap
		wantContent(t, f, "hello\x00\x00\x00world")
		write(t, f, "LL", 2)
		must(t, f.Truncate(10))
		must(t, f.Truncate(12)) // what was cut does not come back
		wantContent(t, f, "heLLo\x00\x00\x00wo\x00\x00")
		must(t, f.Allocate(4)) // never shortens
		must(t, f.Allocate(0))
		must(t, f.Allocate(14))
		wantContent(t, f, "heLLo\x00\x00\x00wo\x00\x00\x00\x00")
		must(t, f.StartWriteback(0, 4))
		must(t, f.Sync())
		must(t, f.SyncData())
		if f.Name() != name {
			t.Errorf("Name() = %q, want %q", f.Name(), name)
		}
		must(t, f.Close())

		f, err := fsys.OpenReadWrite(name)
		must(t, err)
		write(t, f, "J", 0)
		must(t, f.Close())
		f, err = fsys.Open(name)
		must(t, err)
		wantContent(t, f, "JeLLo\x00\x00\x00wo\x00\x00\x00\x00")
		must(t, f.Close())
		f = create(t, fsys, name) // empties
		wantContent(t, f, "")
		must(t, f.Close())
	})
}

func TestReadAtEndOfFile(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := create(t, fsys, fsys.Join(dir, "a"))
		write(t, f, "12345", 0)
		for _, c := range []struct {
			off     int64
			length  int
			want    string
			wantErr error
		}{
			{0, 5, "12345", nil},
			{3, 2, "45", nil},
			{3, 3, "45", io.EOF},
			{5, 1, "", io.EOF},
			{9, 1, "", io.EOF},
			{5, 0, "", nil},
		} {
			p := make([]byte, c.length)
			n, err := f.ReadAt(p, c.off)
			if string(p[:n]) != c.want || err != c.wantErr {
				t.Errorf("ReadAt(%d bytes, %d) = %q, %v; want %q, %v", c.length, c.off, p[:n], err, c.want, c.wantErr)
			}
		}
		if _, err := f.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
			t.Errorf("ReadAt(-1) = %v, want a refusal", err)
		}
		must(t, f.Close())
	})
}

func TestRefusalsNameTheirCause(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		missing := fsys.Join(dir, "missing")
		file := fsys.Join(dir, "file")
		closed := create(t, fsys, file)
		must(t, closed.Close())
		must(t, fsys.MkdirAll(fsys.Join(dir, "full", "inner")))
		readOnly, err := fsys.Open(file)
		must(t, err)
		defer func() { must(t, readOnly.Close()) }()

		_, openErr := fsys.Open(missing)
		_, rwErr := fsys.OpenReadWrite(missing)
		_, statErr := fsys.Stat(missing)
		_, listErr := fsys.List(missing)
		_, createErr := fsys.Create(fsys.Join(missing, "a"))
		_, lockErr := fsys.Lock(fsys.Join(missing, "LOCK"), vfs.LockExclusive)
		_, sharedErr := fsys.Lock(fsys.Join(missing, "LOCK"), vfs.LockShared)
		_, readClosed := closed.ReadAt(make([]byte, 1), 0)
		_, writeClosed := closed.WriteAt(make([]byte, 1), 0)
		_, sizeClosed := closed.Size()
		_, writeReadOnly := readOnly.WriteAt([]byte("x"), 0)
		for what, c := range map[string]struct{ got, want error }{
			"open":               {openErr, fs.ErrNotExist},
			"open to write":      {rwErr, fs.ErrNotExist},
			"stat":               {statErr, fs.ErrNotExist},
			"list":               {listErr, fs.ErrNotExist},
			"create":             {createErr, fs.ErrNotExist},
			"lock":               {lockErr, fs.ErrNotExist},
			"shared lock":        {sharedErr, fs.ErrNotExist},
			"remove":             {fsys.Remove(missing), fs.ErrNotExist},
			"rename":             {fsys.Rename(missing, file), fs.ErrNotExist},
			"rename into":        {fsys.Rename(file, fsys.Join(missing, "a")), fs.ErrNotExist},
			"sync of directory":  {fsys.SyncDir(missing), fs.ErrNotExist},
			"remove of full":     {fsys.Remove(fsys.Join(dir, "full")), nil},
			"directory in file":  {fsys.MkdirAll(fsys.Join(file, "a")), nil},
			"read of closed":     {readClosed, fs.ErrClosed},
			"write of closed":    {writeClosed, fs.ErrClosed},
			"size of closed":     {sizeClosed, fs.ErrClosed},
			"sync of closed":     {closed.Sync(), fs.ErrClosed},
			"syncdata of closed": {closed.SyncData(), fs.ErrClosed},
			"allocate of closed": {closed.Allocate(8), fs.ErrClosed},
			"truncate of closed": {closed.Truncate(8), fs.ErrClosed},
			"second close":       {closed.Close(), fs.ErrClosed},
			"write of read-only": {writeReadOnly, nil},
			"truncate read-only": {readOnly.Truncate(1), nil},
			"allocate read-only": {readOnly.Allocate(1), nil},
			"negative truncate":  {readOnly.Truncate(-1), nil},
			"negative allocate":  {readOnly.Allocate(-1), nil},
		} {
			if c.got == nil || c.want != nil && !errors.Is(c.got, c.want) {
				t.Errorf("%s: %v, want %v", what, c.got, c.want)
				continue
			}
			var pathErr *fs.PathError
			var linkErr *os.LinkError
			if !errors.As(c.got, &pathErr) && !errors.As(c.got, &linkErr) {
				t.Errorf("%s: %v names no operation and path", what, c.got)
			}
		}
	})
}

func TestDirectoryOperations(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		must(t, fsys.MkdirAll(dir)) // exists
		sub := fsys.Join(dir, "x", "y")
		must(t, fsys.MkdirAll(sub))
		for _, name := range []string{"c", "a", "b"} {
			f := create(t, fsys, fsys.Join(sub, name))
			write(t, f, name, 0)
			must(t, f.Close())
		}
		must(t, fsys.SyncDir(sub))
		wantList(t, fsys, sub, "a", "b", "c")
		must(t, fsys.Rename(fsys.Join(sub, "a"), fsys.Join(sub, "c"))) // replaces
		must(t, fsys.Remove(fsys.Join(sub, "b")))
		wantList(t, fsys, sub, "c")
		wantFile(t, fsys, fsys.Join(sub, "c"), "a")
		must(t, fsys.Rename(fsys.Join(sub, "c"), fsys.Join(dir, "moved")))
		wantFile(t, fsys, fsys.Join(dir, "moved"), "a")
		must(t, fsys.Rename(sub, fsys.Join(dir, "z"))) // directories too
		wantList(t, fsys, fsys.Join(dir, "x"))
		wantList(t, fsys, dir, "moved", "x", "z")
		must(t, fsys.Remove(fsys.Join(dir, "x")))
		if err := fsys.Rename(dir, fsys.Join(dir, "z", "self")); err == nil {
			t.Error("a directory was renamed into itself")
		}
		if err := fsys.Rename(fsys.Join(dir, "moved"), fsys.Join(dir, "z")); err == nil {
			t.Error("a file replaced a directory")
		}

		info, err := fsys.Stat(fsys.Join(dir, "moved"))
		if want := (vfs.FileInfo{Size: 1}); err != nil || info != want {
			t.Errorf("Stat of a file = %+v, %v; want %+v", info, err, want)
		}
		info, err = fsys.Stat(fsys.Join(dir, "z"))
		if want := (vfs.FileInfo{IsDir: true}); err != nil || info != want {
			t.Errorf("Stat of a directory = %+v, %v; want %+v", info, err, want)
		}
	})
}

func TestOpenFileOutlivesItsName(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		a, b := fsys.Join(dir, "a"), fsys.Join(dir, "b")
		f := create(t, fsys, a)
		write(t, f, "old", 0)
		g := create(t, fsys, b)
		write(t, g, "new", 0)
		must(t, fsys.Rename(b, a))
		write(t, f, "OLD", 0)
		write(t, g, "NEW", 0)
		wantContent(t, f, "OLD")
		wantFile(t, fsys, a, "NEW")
		must(t, fsys.Remove(a))
		write(t, g, "!", 3)
		must(t, g.Sync())
		wantContent(t, g, "NEW!")
		wantList(t, fsys, dir)
		must(t, f.Close())
		must(t, g.Close())
	})
}

func TestLocksExclude(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := fsys.Join(dir, "LOCK")
		refused := func(mode vfs.LockMode, wantPID int) {
			t.Helper()
			l, err := fsys.Lock(name, mode)
			var locked *vfs.LockedError
			if !errors.Is(err, vfs.ErrLocked) || !errors.As(err, &locked) {
				t.Fatalf("Lock(%d) = %v, %v; want a LockedError", mode, l, err)
			}
			if locked.Path != name || wantPID != 0 && locked.PID != wantPID {
				t.Errorf("Lock(%d) = %+v, want path %s, pid %d", mode, locked, name, wantPID)
			}
		}
		granted := func(mode vfs.LockMode) io.Closer {
			t.Helper()
			l, err := fsys.Lock(name, mode)
			must(t, err)
			return l
		}
		l := granted(vfs.LockExclusive)
		refused(vfs.LockExclusive, os.Getpid())
		refused(vfs.LockShared, os.Getpid())
		must(t, l.Close())

		r1 := granted(vfs.LockShared)
		r2 := granted(vfs.LockShared)
		refused(vfs.LockExclusive, 0)
		must(t, r1.Close())
		refused(vfs.LockExclusive, 0)
		must(t, r2.Close())
		must(t, granted(vfs.LockExclusive).Close())
		wantList(t, fsys, dir, "LOCK")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	return f
}

func write(t *testing.T, f vfs.File, s string, off int64) {
	t.Helper()
	n, err := f.WriteAt([]byte(s), off)
	if n != len(s) || err != nil {
		t.Fatalf("WriteAt(%q, %d) = %d, %v", s, off, n, err)
	}
}

// content reads a whole file.
func content(t *testing.T, f vfs.File) []byte {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	p := make([]byte, size)
	n, err := f.ReadAt(p, 0)
	if n != len(p) || err != nil {
		t.Fatalf("ReadAt = %d, %v; want %d bytes", n, err, size)
	}
	return p
}

func wantContent(t *testing.T, f vfs.File, want string) {
	t.Helper()
	if got := content(t, f); !bytes.Equal(got, []byte(want)) {
		t.Fatalf("%s holds %q, want %q", f.Name(), got, want)
	}
}

func wantFile(t *testing.T, fsys vfs.FS, name, want string) {
	t.Helper()
	f, err := fsys.Open(name)
	must(t, err)
	wantContent(t, f, want)
	must(t, f.Close())
}

func wantList(t *testing.T, fsys vfs.FS, dir string, want ...string) {
	t.Helper()
	got, err := fsys.List(dir)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("List(%s) = %q, want %q", dir, got, want)
	}
}
