//go:build unix

package vfs_test

import (
	"bufio"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/middb/middb/vfs"
)

const lockHelperEnv = "MIDDB_VFS_LOCK_HELPER"

// TestMain turns this program into one that takes a lock and waits to be killed.
func TestMain(m *testing.M) {
	name := os.Getenv(lockHelperEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if _, err := vfs.OS.Lock(name, vfs.LockExclusive); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("locked\n")
	os.Stdin.Read(make([]byte, 1))
}

func TestLockEndsWithItsProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockHelperEnv+"="+name)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "locked\n" || err != nil {
		t.Fatalf("helper says %q, %v", line, err)
	}
	_, err = vfs.OS.Lock(name, vfs.LockShared)
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || locked.PID != cmd.Process.Pid {
		t.Errorf("Lock = %v, want pid %d", err, cmd.Process.Pid)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // reports the kill

	// The dead one's id is still in the file; it must not be blamed for a reader's lock.
	r, err := vfs.OS.Lock(name, vfs.LockShared)
	must(t, err)
	left, err := os.ReadFile(name)
	must(t, err)
	if string(left) != strconv.Itoa(cmd.Process.Pid)+"\n" {
		t.Errorf("a shared lock changed the file to %q", left)
	}
	_, err = vfs.OS.Lock(name, vfs.LockExclusive)
	if !errors.As(err, &locked) || locked.PID != 0 {
		t.Errorf("Lock beside a reader = %v, want no pid", err)
	}
	must(t, r.Close())
	w, err := vfs.OS.Lock(name, vfs.LockExclusive)
	must(t, err)
	must(t, w.Close())
}

func TestSharedLockWithoutRightToWrite(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o555))
	name := filepath.Join(dir, "LOCK")
	l, err := vfs.OS.Lock(name, vfs.LockShared)
	must(t, err)
	must(t, l.Close())
	if _, err := vfs.OS.Lock(name, vfs.LockExclusive); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("exclusive lock: %v, want a refusal", err)
	}
	must(t, os.Chmod(dir, 0o755))
}

func TestFullDiskMatchesErrNoSpace(t *testing.T) {
	f, err := vfs.OS.OpenReadWrite("/dev/full")
	if err != nil {
		t.Skip("no /dev/full here")
	}
	_, err = f.WriteAt([]byte("x"), 0)
	var pathErr *fs.PathError
	if !errors.Is(err, vfs.ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &pathErr) {
		t.Errorf("write to a full disk: %v", err)
	}
	must(t, f.Close())
}

// Mem must do what the system does: both get the same random calls and must agree on every answer.
func TestMemAgreesWithOS(t *testing.T) {
	seed := newSeed(t)
	rng := seeded(seed)
	m, dir := vfs.NewMem(), t.TempDir()
	names := []string{"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "f", "f/a"}
	for step := range 3000 {
		do := randomCall(rng, names[rng.IntN(len(names))], names[rng.IntN(len(names))])
		inMem, memErr := do(m, "/")
		onDisk, osErr := do(vfs.OS, dir)
		if inMem != onDisk || cause(memErr) != cause(osErr) {
			t.Fatalf("seed %d, step %d: Mem answers %q, %v; OS %q, %v", seed, step, inMem, memErr, onDisk, osErr)
		}
	}
}

// cause returns the system's error number; Linux says ENOTEMPTY where others say EEXIST.
func cause(err error) error {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err
	}
	if no == syscall.EEXIST {
		return syscall.ENOTEMPTY
	}
	return no
}

// randomCall returns a call, or a short sequence of them, that can be made in any file system.
func randomCall(rng *rand.Rand, name, other string) func(fsys vfs.FS, dir string) (string, error) {
	kind, off, n := rng.IntN(9), rng.Int64N(600), rng.IntN(900)
	p := slices.Repeat([]byte{byte('a' + rng.IntN(26))}, n)
	return func(fsys vfs.FS, dir string) (string, error) {
		full, otherFull := fsys.Join(dir, name), fsys.Join(dir, other)
		switch kind {
		case 0:
			f, err := fsys.Create(full)
			if err != nil {
				return "", err
			}
			_, err = f.WriteAt(p, off)
			return "", errors.Join(err, f.Close())
		case 1, 2, 3:
			return changeFile(fsys, full, kind, p, off)
		case 4:
			return "", fsys.Remove(full)
		case 5:
			return "", fsys.Rename(full, otherFull)
		case 6:
			return "", fsys.MkdirAll(full)
		case 7:
			info, err := fsys.Stat(full)
			return strconv.FormatInt(info.Size, 10), err
		default:
			names, err := fsys.List(full)
			return strings.Join(names, "/"), err
		}
	}
}

func changeFile(fsys vfs.FS, name string, kind int, p []byte, off int64) (string, error) {
	f, err := fsys.OpenReadWrite(name)
	if err != nil {
		return "", err
	}
	switch kind {
	case 1:
		_, err = f.WriteAt(p, off)
	case 2:
		err = f.Truncate(off)
	default:
		err = f.Allocate(off)
	}
	if err != nil {
		return "", err
	}
	buf := make([]byte, 2000)
	n, _ := f.ReadAt(buf, 0) // io.EOF: the file is shorter
	return string(buf[:n]), errors.Join(f.Sync(), f.Close())
}

func BenchmarkMemAppend(b *testing.B) {
	f, err := vfs.NewMem().Create("a")
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 128)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	var off int64
	for b.Loop() {
		if off > 64<<20 {
			off = 0
			if err := errors.Join(f.Truncate(0), f.Sync()); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := f.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
		off += int64(len(p))
	}
}

func BenchmarkMemReadAt(b *testing.B) {
	f, err := vfs.NewMem().Create("a")
	if err == nil {
		err = f.Truncate(1 << 20)
	}
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 4096)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := f.ReadAt(p, 8192); err != nil {
			b.Fatal(err)
		}
	}
}
