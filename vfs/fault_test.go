package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/middb/middb/vfs"
)

func TestFaultFailsTheNthMatchingCall(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m)
	in := f.Inject(vfs.Rule{Ops: vfs.OpWrite | vfs.OpSync, Path: "*.wal", N: 3})
	log, other := create(t, f, "1.wal"), create(t, f, "2.sst")
	write(t, other, "x", 0)
	write(t, log, "a", 0)
	must(t, log.Sync())
	_, err := log.WriteAt([]byte("b"), 0)
	var pathErr *fs.PathError
	if !errors.Is(err, syscall.EIO) || !errors.As(err, &pathErr) || pathErr.Op != "write" || pathErr.Path != "1.wal" {
		t.Errorf("third matching call: %v", err)
	}
	wantContent(t, log, "a")
	write(t, log, "c", 0) // the fourth succeeds again
	if in.Calls() != 4 || in.Fired() != 1 {
		t.Errorf("calls %d, fired %d; want 4, 1", in.Calls(), in.Fired())
	}
	if n := f.Count(vfs.OpWrite); n != 4 {
		t.Errorf("writes counted: %d, want 4", n)
	}
	if n := f.Count(vfs.OpCreate | vfs.OpSync | vfs.OpRename); n != 3 {
		t.Errorf("creates, syncs and renames counted: %d, want 3", n)
	}
}

func TestStickyFaultLastsUntilRemoved(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	log := create(t, f, "a")
	in := f.Inject(vfs.Rule{Ops: vfs.OpWrite | vfs.OpAllocate, N: 2, Sticky: true, Err: syscall.ENOSPC})
	write(t, log, "x", 0)
	for range 3 {
		if _, err := log.WriteAt([]byte("y"), 0); !errors.Is(err, vfs.ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write on a full disk: %v", err)
		}
		if err := log.Allocate(10); !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("allocate on a full disk: %v", err)
		}
	}
	in.Remove()
	write(t, log, "y", 0)
}

func TestShortWriteLeavesAPrefix(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem(), vfs.Rule{Ops: vfs.OpWrite, N: 2, Short: true, Err: syscall.EDQUOT})
	log := create(t, f, "a")
	write(t, log, "......", 0)
	n, err := log.WriteAt([]byte("abcd"), 1)
	if n != 2 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("short write = %d, %v", n, err)
	}
	wantContent(t, log, ".ab...")
}

// After a failed sync, Linux may have dropped the data, and the next sync succeeds without it.
func TestFailedSyncDropsData(t *testing.T) {
	m := vfs.NewMem()
	tr := vfs.NewTrace(m, nil) // the drop reaches through it
	f := vfs.NewFault(tr, vfs.Rule{Ops: vfs.OpSyncData, N: 2, DropUnsynced: true})
	log := create(t, f, "a")
	must(t, f.SyncDir("/"))
	write(t, log, "durable", 0)
	must(t, log.SyncData())
	write(t, log, "DURABLE, then more", 0)
	if err := log.SyncData(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("second sync: %v", err)
	}
	wantContent(t, log, "durable"+string(make([]byte, 11)))
	wantFile(t, m.CrashClone(nil, loseAll), "a", "durable")
	must(t, log.SyncData())
	wantFile(t, m.CrashClone(nil, loseAll), "a", "durable"+string(make([]byte, 11)))
}

// A sync that only claims to have synced leaves file and directory as they were on disk.
func TestSilentSyncSyncsNothing(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m)
	log := create(t, f, "a")
	write(t, log, "durable", 0)
	must(t, errors.Join(log.Sync(), f.SyncDir("/")))
	in := f.Inject(vfs.Rule{Ops: vfs.OpSync | vfs.OpSyncData | vfs.OpSyncDir, Sticky: true, Silent: true})
	write(t, log, "DURABLE", 0)
	create(t, f, "b")
	must(t, errors.Join(log.Sync(), log.SyncData(), f.SyncDir("/")))
	if in.Fired() != 3 {
		t.Errorf("fired %d, want 3", in.Fired())
	}
	crashed := m.CrashClone(nil, loseAll)
	wantFile(t, crashed, "a", "durable")
	if _, err := crashed.Stat("b"); !vfs.IsNotExist(err) {
		t.Errorf("a file whose directory was not synced: %v", err)
	}
}

func TestEveryCallCanFail(t *testing.T) {
	calls := map[vfs.OpKind]func(fsys vfs.FS, f vfs.File) error{
		vfs.OpCreate:         func(fsys vfs.FS, _ vfs.File) error { return second(fsys.Create("dir/b")) },
		vfs.OpOpen:           func(fsys vfs.FS, _ vfs.File) error { return second(fsys.Open("dir/a")) },
		vfs.OpRemove:         func(fsys vfs.FS, _ vfs.File) error { return fsys.Remove("dir/a") },
		vfs.OpRename:         func(fsys vfs.FS, _ vfs.File) error { return fsys.Rename("dir/a", "dir/b") },
		vfs.OpMkdirAll:       func(fsys vfs.FS, _ vfs.File) error { return fsys.MkdirAll("dir/x") },
		vfs.OpList:           func(fsys vfs.FS, _ vfs.File) error { return second(fsys.List("dir")) },
		vfs.OpStat:           func(_ vfs.FS, f vfs.File) error { return second(f.Size()) },
		vfs.OpSyncDir:        func(fsys vfs.FS, _ vfs.File) error { return fsys.SyncDir("dir") },
		vfs.OpLock:           func(fsys vfs.FS, _ vfs.File) error { return second(fsys.Lock("dir/L", vfs.LockShared)) },
		vfs.OpRead:           func(_ vfs.FS, f vfs.File) error { return second(f.ReadAt(make([]byte, 1), 0)) },
		vfs.OpWrite:          func(_ vfs.FS, f vfs.File) error { return second(f.WriteAt(make([]byte, 1), 0)) },
		vfs.OpSync:           func(_ vfs.FS, f vfs.File) error { return f.Sync() },
		vfs.OpSyncData:       func(_ vfs.FS, f vfs.File) error { return f.SyncData() },
		vfs.OpStartWriteback: func(_ vfs.FS, f vfs.File) error { return f.StartWriteback(0, 1) },
		vfs.OpAllocate:       func(_ vfs.FS, f vfs.File) error { return f.Allocate(8) },
		vfs.OpTruncate:       func(_ vfs.FS, f vfs.File) error { return f.Truncate(8) },
		vfs.OpClose:          func(_ vfs.FS, f vfs.File) error { return f.Close() },
	}
	var all vfs.OpKind
	for op, call := range calls {
		all |= op
		for _, pattern := range []string{"", "[adbL]*", "di?", "x", "dir/*", "no/*"} {
			f := vfs.NewFault(vfs.NewMem())
			must(t, f.MkdirAll("dir"))
			file := create(t, f, "dir/a")
			write(t, file, "1", 0)
			in := f.Inject(vfs.Rule{Ops: op, Path: pattern})
			before := f.Count(vfs.OpAny)
			err := call(f, file)
			if failed := errors.Is(err, syscall.EIO); failed != (in.Fired() == 1) || !failed && err != nil {
				t.Errorf("%v by %q: %v, fired %d", op, pattern, err, in.Fired())
			}
			if pattern == "" && err == nil || pattern == "no/*" && err != nil {
				t.Errorf("%v by %q: %v", op, pattern, err)
			}
			if n := f.Count(vfs.OpAny); n != before+1 {
				t.Errorf("%v: %d calls counted, want 1", op, n-before)
			}
			if err := call(f, file); err != nil && errors.Is(err, syscall.EIO) {
				t.Errorf("%v failed twice", op)
			}
		}
	}
	if all != vfs.OpAny {
		t.Errorf("not tried: %v", vfs.OpAny&^all)
	}
}

func TestRuleThatOnlyCounts(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	in := f.Inject(vfs.Rule{N: -1, Sticky: true})
	must(t, f.MkdirAll("a"))
	must(t, f.Rename("a", "b"))
	if in.Calls() != 2 || in.Fired() != 0 {
		t.Errorf("calls %d, fired %d; want 2, 0", in.Calls(), in.Fired())
	}
}

// A fault from operation n on, then a crash, is the machine losing power at n.
func TestTraceAndFaultAgreeOnNumbers(t *testing.T) {
	var trail []string
	tr := vfs.NewTrace(vfs.NewMem(), func(op vfs.Op) { trail = append(trail, op.String()) })
	f := vfs.NewFault(tr)
	must(t, f.MkdirAll("db"))
	must(t, replaceFile(f, "content", ""))
	_, err := f.List("db")
	must(t, err)
	if n := f.Count(vfs.OpMutating); n != tr.Count() || n != 6 {
		t.Errorf("fault counts %d, trace %d; want 6", n, tr.Count())
	}
	want := []string{
		"1: mkdirall db", "2: create db/tmp", "3: write db/tmp at 0, 7 bytes", "4: sync db/tmp",
		"5: rename db/tmp to db/a", "6: syncdir db",
	}
	if fmt.Sprint(trail) != fmt.Sprint(want) {
		t.Errorf("trail %q, want %q", trail, want)
	}
}

// second drops a result.
func second[T any](_ T, err error) error { return err }
