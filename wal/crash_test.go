package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/middb/middb/vfs"
)

// A crash before any call that changes the disk, whatever the disk did with what was not synced,
// leaves a prefix of the log with at least all that was synced; and the log goes on from there.
func TestCrashKeepsSyncedGroups(t *testing.T) {
	rng := newRand(t)
	for range 4 {
		mem := vfs.NewMem()
		var l *testLog
		var flushed uint64
		crash := func(op vfs.Op) {
			if l == nil {
				return
			}
			for _, mode := range []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random, vfs.Random, vfs.Random} {
				clone := mem.CrashClone(rng, vfs.CrashOptions{Unsynced: mode})
				if err := checkCrash(t, clone, l, flushed, rng); err != nil {
					t.Fatalf("crash before %+v, mode %d, %d groups, %d synced, %d flushed: %v", op, mode, len(l.groups), l.synced, flushed, err)
				}
			}
		}
		fs := vfs.NewTrace(mem, crash)
		l, _ = openLog(t, fs, 16<<10)
		for range 50 {
			switch rng.IntN(8) {
			case 0, 1, 2:
				l.group(1, AppendPut(nil, randomBytes(rng, 8), randomBytes(rng, rng.IntN(3000))))
			case 3:
				l.group(1, AppendPut(nil, []byte("long"), randomBytes(rng, 30<<10+rng.IntN(20<<10))))
			case 4:
				l.write()
			case 5:
				l.sync()
			case 6:
				l.rotate()
			case 7:
				// A flush covers whole segments that are synced.
				if live := l.w.Live(); len(live) > 0 {
					flushed = max(flushed, live[rng.IntN(len(live))].LastSeq)
				}
				l.w.Retain(Retention{Bytes: max(0, rng.Int64N(200<<10)-100<<10)})
				if err := l.w.DeleteThrough(flushed); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// checkCrash recovers a clone, goes on with it, crashes again and recovers again.
func checkCrash(t *testing.T, fs *vfs.Mem, l *testLog, flushed uint64, rng *rand.Rand) error {
	got, st, err := collect(fs, RecoverOptions{FlushedSeq: flushed})
	if err != nil {
		return err
	}
	least := l.synced - int(flushed)
	if err := samePrefix(got, l.groups[flushed:], least); err != nil {
		return err
	}
	if st.LastSeq != flushed+uint64(len(got)) {
		return fmt.Errorf("%d groups after %d end at %d", len(got), flushed, st.LastSeq)
	}
	if rng.IntN(4) != 0 {
		return nil
	}
	next, _ := reopenLog(t, fs, 16<<10, flushed)
	next.put("after", "crash")
	next.sync()
	next.put("never", "synced")
	next.write()
	again := fs.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
	more, _, err := collect(again, RecoverOptions{FlushedSeq: flushed})
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	return samePrefix(more, append(got, next.groups...), len(got)+1)
}

func TestFailedWriteCanBeRepeated(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.NewFault(mem)
	l, _ := openLog(t, fs, 16<<10)
	l.put("a", "1")
	fs.Inject(vfs.Rule{Ops: vfs.OpWrite, Err: syscall.ENOSPC, Short: true})
	ranges := l.enc.Take(nil)
	if err := l.w.Write(ranges); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("write: %v", err)
	}
	l.put("b", "2")
	if err := l.w.Write(l.enc.Take(ranges)); err != nil {
		t.Fatal(err)
	}
	end := l.seal(false)
	fs.Inject(vfs.Rule{Ops: vfs.OpAllocate, Err: syscall.ENOSPC})
	if err := l.w.Create(2); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("create: %v", err)
	}
	l.start(2, end)
	l.put("c", "3")
	l.sync()
	got, _, err := collect(mem, RecoverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := samePrefix(got, l.groups, 3); err != nil {
		t.Fatal(err)
	}
}

func TestFailedSyncIsFinal(t *testing.T) {
	fs := vfs.NewFault(vfs.NewMem())
	l, _ := openLog(t, fs, 16<<10)
	l.put("a", "1")
	l.write()
	fs.Inject(vfs.Rule{Ops: vfs.OpSyncData, DropUnsynced: true})
	for range 2 {
		if err := l.w.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("sync: %v", err)
		}
	}
	l.put("b", "2")
	if err := l.w.Write(l.enc.Take(nil)); !errors.Is(err, syscall.EIO) {
		t.Fatalf("write after a failed sync: %v", err)
	}
	if l.w.Synced(1) != 0 {
		t.Fatalf("%d bytes are said to be synced", l.w.Synced(1))
	}
}

func TestWriterKeepsNewestDurableStart(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	l.put("a", "1")
	l.rotate()
	if err := l.w.DeleteThrough(1); err != nil {
		t.Fatal(err)
	}
	l.write() // the start of segment 2 is not synced
	crashed := mem.CrashClone(nil, vfs.CrashOptions{})
	_, st, err := collect(crashed, RecoverOptions{FlushedSeq: 1})
	if err != nil || st.LastSeq != 1 || !st.Clean || st.NextNumber != 3 {
		t.Fatalf("%+v, %v", st, err)
	}
	l.sync()
	if err := l.w.DeleteThrough(1); err != nil {
		t.Fatal(err)
	}
	if len(l.w.Live()) != 0 || l.w.spare != 1 {
		t.Fatalf("segment 1 was not put aside: %+v", l.w.Live())
	}
}
