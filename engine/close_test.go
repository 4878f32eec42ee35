package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/vfs"
)

// A gateFS asks before it creates an sstable.
type gateFS struct {
	vfs.FS
	mu   sync.Mutex
	gate func() error // nil: open
}

func (g *gateFS) set(gate func() error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate = gate
}

func (g *gateFS) Create(name string) (vfs.File, error) {
	g.mu.Lock()
	gate := g.gate
	g.mu.Unlock()
	if gate != nil && strings.HasSuffix(name, ".sst") {
		if err := gate(); err != nil {
			return nil, err
		}
	}
	return g.FS.Create(name)
}

// within fails the test if f does not return.
func within(t *testing.T, what string, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s does not return\n%s", what, buf[:runtime.Stack(buf, true)])
		return nil
	}
}

func TestCloseEndsWhenTheFlushItWaitsForFails(t *testing.T) {
	for _, cause := range []error{syscall.EIO, vfs.ErrNoSpace} {
		t.Run(cause.Error(), func(t *testing.T) {
			mem := vfs.NewMem()
			started, release := make(chan struct{}, 1), make(chan struct{})
			fs := &gateFS{FS: mem, gate: func() error {
				select {
				case started <- struct{}{}:
				default:
				}
				<-release
				return cause
			}}
			db, err := Spawn(Config{FS: fs, Dir: "/db", MemtableBytes: 2 << 20, MemoryBudget: 12 << 20, Durability: NoSync})
			must(t, err)
			n := 0
			put := func() {
				must(t, db.Put(fmt.Appendf(nil, "k%08d", n), make([]byte, 100)))
				n++
			}
			for db.Stats().SealedMemtables == 0 {
				put()
			}
			<-started
			for db.Stats().MemtableBytes < 3<<19 {
				put()
			}
			done := make(chan error, 1)
			go func() { done <- db.Close() }()
			for db.Stats().Stalls == 0 { // Close asks for a rotation, which the blocked flush forbids
				runtime.Gosched()
			}
			close(release)
			err = within(t, "Close", func() error { return <-done })
			wantError(t, err, cause)
			db = spawn(t, Config{FS: mem})
			for i := range n {
				if _, err := db.Get(fmt.Appendf(nil, "k%08d", i)); err != nil {
					t.Fatalf("key %d of %d: %v", i, n, err)
				}
			}
		})
	}
}

func TestCloseAnswersWhoWaitsForFlushAndCompaction(t *testing.T) {
	for _, c := range []struct {
		what string
		call func(*DB) error
	}{
		{"Flush", func(db *DB) error { return db.Flush(context.Background()) }},
		{"Compact", func(db *DB) error { return db.Compact(context.Background(), nil, nil) }},
		{"WaitIdle", func(db *DB) error { return db.WaitIdle(context.Background()) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			fs := &gateFS{FS: vfs.NewMem()}
			db := spawn(t, Config{FS: fs, L0CompactionTrigger: 2})
			for range 2 {
				must(t, db.Put([]byte("a"), nil))
				must(t, db.WaitIdle(context.Background()))
				if c.what != "Flush" {
					must(t, db.Flush(context.Background()))
				}
			}
			started, release := make(chan struct{}, 8), make(chan struct{})
			fs.set(func() error { started <- struct{}{}; <-release; return nil })
			must(t, db.Put([]byte("b"), nil))
			waiting := make(chan error, 1)
			if c.what == "WaitIdle" {
				go func() { _ = db.Flush(context.Background()) }()
			} else {
				go func() { waiting <- c.call(db) }()
			}
			<-started
			if c.what == "WaitIdle" {
				go func() { waiting <- c.call(db) }()
			}
			closed := make(chan error, 1)
			go func() { closed <- db.Close() }()
			for !errors.Is(db.Put([]byte("c"), nil), ErrClosed) {
				runtime.Gosched()
			}
			for range 1000 {
				runtime.Gosched() // let Close reach the flush, if it can
			}
			close(release)
			must(t, within(t, "Close", func() error { return <-closed }))
			if err := within(t, c.what, func() error { return <-waiting }); err != nil {
				wantError(t, err, ErrClosed)
			}
			wantError(t, c.call(db), ErrClosed)
		})
	}
}

// A sync that fails is final, whatever it fails of: writing again would not tell what the disk has.
func TestSyncWithoutSpaceIsFinal(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	db := spawn(t, Config{FS: fault})
	must(t, db.Put([]byte("before"), nil))
	full := fault.Inject(vfs.Rule{Ops: vfs.OpSyncData, Path: "*.wal", Err: syscall.ENOSPC})
	wantError(t, db.Put([]byte("during"), nil), ErrCommitUnknown)
	full.Remove()
	wantError(t, db.Put([]byte("after"), nil), ErrFailed)
	wantError(t, within(t, "Close", db.Close), ErrFailed)
}

// A Snapshot may be closed while another goroutine makes an iterator of it.
func TestIteratorOfASnapshotThatIsClosedMeanwhile(t *testing.T) {
	db := spawn(t, Config{})
	must(t, db.Put([]byte("a"), nil))
	s, err := db.Snapshot()
	must(t, err)
	must(t, db.Flush(context.Background())) // the snapshot's Version is no longer the current one
	must(t, s.Close())
	s.closed.Store(false) // the iterator's maker looked before Close
	_, err = s.NewIterator(IterOptions{})
	wantError(t, err, ErrClosed)
	must(t, db.Compact(context.Background(), nil, nil))
	must(t, db.Close())
}

func TestContextThatHasEndedWritesNothing(t *testing.T) {
	db := spawn(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := db.NewBatch()
	must(t, b.Put([]byte("a"), nil))
	for range 100 {
		err := db.ApplyContext(ctx, b)
		wantError(t, err, context.Canceled)
		if errors.Is(err, ErrCommitUnknown) || b.Len() != 1 {
			t.Fatalf("%v, and the batch has %d operations", err, b.Len())
		}
	}
	must(t, db.Put([]byte("b"), nil))
	wantMissing(t, db, "a")
}

// Who waits at the door when the engine fails has written nothing, and is told so.
func TestFailureWhileWaitingForAdmission(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	db := spawn(t, Config{FS: fault})
	fault.Inject(vfs.Rule{Ops: vfs.OpSyncData, Path: "*.wal", Err: syscall.EIO})
	var wg sync.WaitGroup
	var unknown atomic.Int32
	for w := range 8 {
		wg.Go(func() { // one fits through the door at a time
			err := db.Put(fmt.Appendf(nil, "w%d", w), make([]byte, 8<<20))
			if !errors.Is(err, ErrFailed) {
				t.Errorf("put: %v", err)
			}
			if errors.Is(err, ErrCommitUnknown) {
				unknown.Add(1)
			}
		})
	}
	wg.Wait()
	if n := unknown.Load(); n != 1 {
		t.Fatalf("the outcome of %d writes is not known, and one was handed over", n)
	}
}

// An openLogs file system counts the log files that are open.
type openLogs struct {
	vfs.FS
	n atomic.Int32
}

type openLog struct {
	vfs.File
	fs *openLogs
}

func (fs *openLogs) Create(name string) (vfs.File, error) {
	f, err := fs.FS.Create(name)
	if err != nil || !strings.HasSuffix(name, ".wal") {
		return f, err
	}
	fs.n.Add(1)
	return &openLog{f, fs}, nil
}

func (f *openLog) Close() error {
	f.fs.n.Add(-1)
	return f.File.Close()
}

func TestCloseAfterAFailureClosesTheLog(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	fs := &openLogs{FS: fault}
	db := spawn(t, Config{FS: fs})
	fault.Inject(vfs.Rule{Ops: vfs.OpSyncData, Path: "*.wal", Err: syscall.EIO})
	wantError(t, db.Put([]byte("a"), nil), ErrFailed)
	wantError(t, db.Close(), ErrFailed)
	if n := fs.n.Load(); n != 0 {
		t.Fatalf("%d log files are open after Close", n)
	}
}

func TestIteratorEndsWhenTheDatabaseIsClosed(t *testing.T) {
	for _, move := range []func(*Iterator) bool{(*Iterator).Next, (*Iterator).Prev} {
		db := spawn(t, Config{})
		for _, k := range []string{"a", "b", "c"} {
			must(t, db.Put([]byte(k), nil))
		}
		it, err := db.NewIterator(IterOptions{})
		must(t, err)
		if !it.Seek([]byte("b")) {
			t.Fatal(it.Err())
		}
		must(t, db.Close())
		if move(it) || it.Valid() {
			t.Fatalf("it moves to %q on a closed database", it.Key())
		}
		wantError(t, it.Err(), ErrClosed)
		wantError(t, it.Close(), ErrClosed)
		wantError(t, it.Close(), ErrClosed)
	}
}
