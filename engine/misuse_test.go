package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/vfs"
)

func wantError(t *testing.T, err, target error, mentions ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
	for _, m := range mentions {
		if !strings.Contains(err.Error(), m) {
			t.Fatalf("error %q does not say %q", err, m)
		}
	}
}

func TestBadInputHasItsOwnErrors(t *testing.T) {
	db := spawn(t, Config{})
	long := make([]byte, MaxKeyBytes+1)
	wantError(t, db.Put(nil, nil), ErrEmptyKey)
	wantError(t, db.Put(long, nil), ErrKeyTooLarge, "65537", "65536")
	must(t, db.Put(long[:MaxKeyBytes], nil))
	wantError(t, db.Delete([]byte{}), ErrEmptyKey)
	_, err := db.Get(long)
	wantError(t, err, ErrKeyTooLarge)
	_, err = db.Has(nil)
	wantError(t, err, ErrEmptyKey)
	b := db.NewBatch()
	wantError(t, b.Put(nil, nil), ErrEmptyKey)
	wantError(t, b.Put([]byte("k"), make([]byte, MaxValueBytes+1)), ErrValueTooLarge)
	if b.Len() != 0 || b.Bytes() != 0 {
		t.Fatalf("a refused operation left %d operations, %d bytes", b.Len(), b.Bytes())
	}
	_, err = db.NewIterator(IterOptions{Lower: []byte("b"), Upper: []byte("a")})
	wantError(t, err, ErrInvalidRange, `"b"`, `"a"`)
	wantError(t, db.Compact(context.Background(), []byte("b"), []byte("a")), ErrInvalidRange)
}

func TestBadConfigsAreRefused(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{Config{}, "Dir"},
		{Config{Dir: "/x", MemoryBudget: 1}, "MemoryBudget"},
		{Config{Dir: "/x", BlockBytes: -1}, "BlockBytes"},
		{Config{Dir: "/x", MemtableBytes: -1}, "MemtableBytes"},
		{Config{Dir: "/x", Durability: 9}, "Durability"},
		{Config{Dir: "/x", Compression: []Compression{99}}, "Compression"},
	} {
		c.cfg.FS = vfs.NewMem()
		_, err := Spawn(c.cfg)
		wantError(t, err, ErrInvalidConfig, c.says)
	}
}

func TestWrongDirectoriesAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err := Spawn(Config{Dir: file})
	wantError(t, err, ErrNotDatabase, file, "it is a file")
	_, err = Spawn(Config{Dir: dir})
	wantError(t, err, ErrNotDatabase, dir, `"file"`)
	for _, cfg := range []Config{{MustExist: true}, {ReadOnly: true}} {
		cfg.Dir = filepath.Join(dir, "missing")
		_, err = Spawn(cfg)
		wantError(t, err, ErrDatabaseMissing, "does not exist")
		empty := t.TempDir()
		cfg.Dir = empty
		_, err = Spawn(cfg)
		wantError(t, err, ErrDatabaseMissing)
		if left, _ := os.ReadDir(empty); len(left) > 0 {
			t.Fatalf("a refused open left %v", left)
		}
	}
}

func TestSecondOpenerIsToldWhoHasTheDirectory(t *testing.T) {
	dir := t.TempDir()
	db := spawn(t, Config{FS: vfs.OS, Dir: dir})
	pid := fmt.Sprint(os.Getpid())
	_, err := Spawn(Config{Dir: dir})
	wantError(t, err, ErrLocked, pid)
	_, err = Spawn(Config{Dir: dir, ReadOnly: true})
	wantError(t, err, ErrLocked, pid)
	must(t, db.Put([]byte("a"), []byte("1")))
	must(t, db.Close())
	one := spawn(t, Config{FS: vfs.OS, Dir: dir, ReadOnly: true})
	two := spawn(t, Config{FS: vfs.OS, Dir: dir, ReadOnly: true})
	wantValue(t, one, "a", "1")
	wantValue(t, two, "a", "1")
	_, err = Spawn(Config{Dir: dir})
	wantError(t, err, ErrLocked)
}

func TestFailedSyncMakesReadOnly(t *testing.T) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	db := spawn(t, Config{FS: fault})
	must(t, db.Put([]byte("before"), []byte("1")))
	fault.Inject(vfs.Rule{Ops: vfs.OpSyncData, Path: "*.wal", Sticky: true, Err: syscall.EIO})
	err := db.Put([]byte("during"), nil)
	wantError(t, err, ErrCommitUnknown)
	wantError(t, err, syscall.EIO, ".wal")
	err = db.Put([]byte("after"), nil)
	wantError(t, err, ErrFailed)
	wantError(t, err, syscall.EIO)
	wantError(t, db.Flush(context.Background()), ErrFailed)
	wantValue(t, db, "before", "1")
	if db.Stats().ReadOnlyFrom == nil {
		t.Fatal("the statistics do not say that the engine failed")
	}
	wantError(t, db.Close(), ErrFailed, ".wal") // who wrote without sync has not been told yet
	db = spawn(t, Config{FS: mem})
	wantValue(t, db, "before", "1")
}

func TestFullDiskPausesWrites(t *testing.T) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	db := spawn(t, Config{FS: fault})
	must(t, db.Put([]byte("before"), []byte("1")))
	full := fault.Inject(vfs.Rule{Ops: vfs.OpWrite, Path: "*.wal", Sticky: true, Err: syscall.ENOSPC})
	err := db.Put([]byte("during"), []byte("2"))
	wantError(t, err, ErrCommitUnknown)
	wantError(t, err, ErrNoSpace)
	wantError(t, db.Put([]byte("refused"), nil), ErrNoSpace)
	wantValue(t, db, "before", "1")
	full.Remove()
	deadline := time.Now().Add(30 * time.Second)
	for db.Put([]byte("after"), []byte("3")) != nil {
		if time.Now().After(deadline) {
			t.Fatal("writes do not work again after space is back")
		}
	}
	must(t, db.Close())
	db = spawn(t, Config{FS: mem})
	wantValue(t, db, "before", "1")
	wantValue(t, db, "during", "2") // it was under way, and the log was written at last
	wantMissing(t, db, "refused")
	wantValue(t, db, "after", "3")
}

// A tableless file system has no space for tables, and says so when it is asked to.
type tableless struct {
	vfs.FS
	asked, answer chan struct{}
}

func (f *tableless) Create(name string) (vfs.File, error) {
	if !strings.HasSuffix(name, ".sst") {
		return f.FS.Create(name)
	}
	select {
	case f.asked <- struct{}{}:
	case <-f.answer: // tried again: nobody asks what it says
	}
	<-f.answer
	return nil, fmt.Errorf("create %s: %w", name, vfs.ErrNoSpace)
}

// A full disk under the tables does not keep Close from writing the log.
func TestCloseWritesLogThoughTablesHaveNoSpace(t *testing.T) {
	mem := vfs.NewMem()
	fs := &tableless{FS: mem, asked: make(chan struct{}), answer: make(chan struct{})}
	db := spawn(t, Config{FS: fs, Durability: NoSync})
	must(t, db.Put([]byte("sealed"), []byte("1")))
	flushed := make(chan error)
	go func() { flushed <- db.Flush(context.Background()) }()
	<-fs.asked
	must(t, db.Put([]byte("active"), []byte("2")))
	close(fs.answer)
	wantError(t, <-flushed, ErrNoSpace)
	must(t, db.Close())
	db = spawn(t, Config{FS: mem})
	wantValue(t, db, "sealed", "1")
	wantValue(t, db, "active", "2")
}

// A disk that fails while Close tries once more to write the log is told of, too.
func TestCloseEndsWhenFullDiskFails(t *testing.T) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	db := spawn(t, Config{FS: fault})
	must(t, db.Put([]byte("before"), []byte("1")))
	full := fault.Inject(vfs.Rule{Ops: vfs.OpWrite, Path: "*.wal", Sticky: true, Err: syscall.ENOSPC})
	wantError(t, db.Put([]byte("during"), nil), ErrNoSpace)
	fault.Inject(vfs.Rule{Ops: vfs.OpWrite, Path: "*.wal", Sticky: true, Err: syscall.EIO})
	full.Remove()
	err := db.Close()
	wantError(t, err, ErrFailed)
	wantError(t, err, syscall.EIO, ".wal")
	db = spawn(t, Config{FS: mem})
	wantValue(t, db, "before", "1")
}

func TestCancelledContextWritesNothingOrSaysUnknown(t *testing.T) {
	db := spawn(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := db.PutContext(ctx, []byte("a"), nil)
	if err != nil {
		wantError(t, err, context.Canceled)
	}
	must(t, db.Put([]byte("b"), []byte("1")))
	wantValue(t, db, "b", "1")
}

func TestUseAfterClose(t *testing.T) {
	db := spawn(t, Config{})
	must(t, db.Put([]byte("a"), []byte("1")))
	snapshot, err := db.Snapshot()
	must(t, err)
	it, err := db.NewIterator(IterOptions{})
	must(t, err)
	must(t, db.Close())
	must(t, db.Close())
	wantError(t, db.Put([]byte("a"), nil), ErrClosed)
	wantError(t, db.Apply(db.NewBatch()), ErrClosed)
	wantError(t, db.Flush(context.Background()), ErrClosed)
	_, err = db.Get([]byte("a"))
	wantError(t, err, ErrClosed)
	_, err = db.NewIterator(IterOptions{})
	wantError(t, err, ErrClosed)
	_, err = db.Snapshot()
	wantError(t, err, ErrClosed)
	_, err = snapshot.Get([]byte("a"))
	wantError(t, err, ErrClosed)
	if it.First() {
		t.Fatal("an iterator moves on a closed database")
	}
	wantError(t, it.Err(), ErrClosed)
	_ = it.Close()
	must(t, snapshot.Close())
}
