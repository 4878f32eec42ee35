package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// firstSeq returns the first sequence number of group i.
func (l *testLog) firstSeq(i int) uint64 {
	seq := uint64(1)
	for _, n := range l.counts[:i] {
		seq += uint64(n)
	}
	return seq
}

// group returns which group holds a sequence number.
func (l *testLog) groupOf(seq uint64) int {
	for i, n := range l.counts {
		if seq <= uint64(n) {
			return i
		}
		seq -= uint64(n)
	}
	return len(l.counts)
}

// A follower checks what a Tail returns against what was written.
type follower struct {
	l     *testLog
	tail  *Tail
	from  uint64
	began bool
	group int // the next one
}

func follow(l *testLog, fs vfs.FS, from uint64) *follower {
	return &follower{l: l, tail: NewTail(fs, "wal", testLogID, from), from: from, group: l.groupOf(from)}
}

// read reads up to limit and at most n records. It returns nil at the limit.
func (f *follower) read(limit uint64, n int) error {
	for ; n > 0; n-- {
		r, err := f.tail.Next(limit)
		if !f.began {
			f.group, f.began = f.l.groupOf(f.from), err == nil
		}
		if errors.Is(err, io.EOF) {
			if f.group < len(f.l.groups) && f.l.firstSeq(f.group)+uint64(f.l.counts[f.group])-1 <= limit {
				return fmt.Errorf("nothing at %d, the limit is %d", f.tail.Position(), limit)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if f.group >= len(f.l.groups) {
			return fmt.Errorf("record %d was never written", r.FirstSeq)
		}
		if first := f.l.firstSeq(f.group); r.FirstSeq != first || r.Count != f.l.counts[f.group] || !bytes.Equal(r.Ops, f.l.groups[f.group]) {
			return fmt.Errorf("record %d+%d, group %d is %d+%d", r.FirstSeq, r.Count, f.group, first, f.l.counts[f.group])
		}
		if last := r.FirstSeq + uint64(r.Count) - 1; last > limit {
			return fmt.Errorf("record through %d beyond limit %d", last, limit)
		}
		if r.Segment != f.l.segment[f.group] {
			return fmt.Errorf("record %d in segment %d, not %d", r.FirstSeq, r.Segment, f.l.segment[f.group])
		}
		f.group++
	}
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTailFollowsTheWriter(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	f := follow(l, mem, 1)
	check(t, f.read(0, 10))
	for i := range 40 {
		l.put(fmt.Sprint("k", i), "v")
		check(t, f.read(uint64(i), 10)) // not written yet
		l.sync()
		check(t, f.read(uint64(i+1), 10))
		if i%7 == 6 {
			l.rotate()
			check(t, f.read(uint64(i+1), 10))
		}
		if f.group != i+1 {
			t.Fatalf("read through group %d of %d", f.group, i+1)
		}
	}
	check(t, f.tail.Close())
}

func TestTailStopsAtTheLimit(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	ops := AppendDelete(AppendDelete(nil, []byte("a")), []byte("b"))
	for range 5 {
		l.group(2, ops)
	}
	l.sync()
	f := follow(l, mem, 4) // in the middle of the second group
	if f.group != 1 {
		t.Fatal(f.group)
	}
	for limit := range uint64(11) {
		check(t, f.read(limit, 10))
		if want := max(1, int(limit/2)); limit >= 4 && f.group != want {
			t.Fatalf("limit %d: group %d, want %d", limit, f.group, want)
		}
	}
}

// A segment that recovery has cut has no seal: its successor says where it ends.
func TestTailCrossesTornSegments(t *testing.T) {
	rng := newRand(t)
	for range 60 {
		mem := vfs.NewMem()
		l, _ := openLog(t, mem, 16<<10)
		for range 3 {
			for range rng.IntN(6) {
				l.group(1, AppendPut(nil, randomBytes(rng, 8), randomBytes(rng, rng.IntN(9000))))
				if rng.IntN(2) == 0 {
					l.sync()
				}
			}
			l.write()
			mem = mem.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
			next, st := openLog(t, mem, 16<<10)
			n := l.groupOf(st.LastSeq + 1)
			next.groups, next.counts, next.segment = l.groups[:n], l.counts[:n], l.segment[:n]
			l = next
		}
		l.put("last", "one")
		l.sync()
		f := follow(l, mem, 1)
		check(t, f.read(l.enc.LastSeq(), 1000))
		if f.group != len(l.groups) {
			t.Fatalf("%d of %d groups", f.group, len(l.groups))
		}
		check(t, f.tail.Close())
	}
}

// A Tail that stands at the end of a segment needs nothing of it any more.
func TestTailCrossesARecycledSegmentItHasRead(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	f := follow(l, mem, 1)
	l.put("a", "1")
	l.sync()
	check(t, f.read(1, 10))
	l.rotate()
	l.put("b", "2")
	l.sync()
	check(t, l.w.DeleteThrough(1)) // segment 1 waits to be reused
	l.rotate()                     // as segment 3
	l.put("c", "3")
	l.sync()
	if names, _ := mem.List("wal"); fmt.Sprint(names) != "[000002.wal 000003.wal]" {
		t.Fatal(names)
	}
	check(t, f.read(3, 10))
	if f.group != 3 {
		t.Fatal(f.group)
	}
}

func TestTailTellsGoneFromDamaged(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	start := func() *follower {
		f := follow(l, mem, 1)
		check(t, f.read(l.enc.LastSeq(), 1))
		return f
	}
	for range 3 {
		l.group(1, AppendPut(nil, []byte("a"), bytes.Repeat([]byte("x"), 100<<10)))
	}
	l.sync()
	reader, late := start(), follow(l, mem, 1)

	flip := func(name string, at int) {
		b := readFile(t, mem, name)
		b[at] ^= 1
		f, err := mem.OpenReadWrite(name)
		check(t, err)
		_, err = f.WriteAt(b, 0)
		check(t, errors.Join(err, f.Sync(), f.Close()))
	}
	at := int(l.ends[1]) - 7
	flip("wal/000001.wal", at)
	damaged := start()
	err := damaged.read(3, 10)
	var c *integrity.CorruptionError
	if !errors.As(err, &c) || c.File != "wal/000001.wal" || c.Offset > int64(at) || c.Offset < l.ends[0] {
		t.Fatalf("damage at %d: %v", at, err)
	}
	flip("wal/000001.wal", at)
	check(t, damaged.read(3, 1)) // it was only in our eyes

	l.rotate()
	l.put("b", "2")
	l.sync()
	check(t, l.w.DeleteThrough(3))
	l.rotate()
	l.group(1, AppendPut(nil, []byte("c"), bytes.Repeat([]byte("y"), 400<<10)))
	l.sync()
	for _, f := range []*follower{reader, late, follow(l, mem, 2)} {
		if err := f.read(5, 10); !errors.Is(err, ErrGone) && f != reader {
			t.Fatalf("a segment that is gone: %v", err)
		}
	}
	fresh := follow(l, mem, 4)
	check(t, fresh.read(5, 10))
	if fresh.group != 5 {
		t.Fatal(fresh.group)
	}
}

func TestTailNoticesMissingRecords(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 16<<10)
	l.put("a", "1")
	l.sync()
	f := follow(l, mem, 1)
	if err := f.read(2, 10); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("sequence 2 is durable, they say: %v", err)
	}
	l.seal(false)
	if err := f.read(2, 10); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("after the seal: %v", err)
	}
	if err := follow(l, mem, 1).read(1, 10); err != nil {
		t.Fatal(err)
	}
	other := NewTail(mem, "wal", testLogID+1, 1)
	if _, err := other.Next(1); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("another log: %v", err)
	}
}

func TestTailGoesOnAfterAFailedRead(t *testing.T) {
	fs := vfs.NewFault(vfs.NewMem())
	l, _ := openLog(t, fs, 16<<10)
	for range 30 {
		l.put("a", "1")
		l.sync()
		if l.enc.LastSeq()%5 == 0 {
			l.rotate()
		}
	}
	f := follow(l, fs, 1)
	failed := 0
	for n := int64(1); f.group < 30; n = n%12 + 1 {
		in := fs.Inject(vfs.Rule{Ops: vfs.OpRead | vfs.OpOpen | vfs.OpList | vfs.OpStat, N: n})
		if err := f.read(30, 2); err != nil {
			if failed++; errors.Is(err, ErrGone) || errors.Is(err, integrity.ErrCorruption) {
				t.Fatal(err)
			}
		}
		in.Remove()
	}
	if failed == 0 {
		t.Fatal("nothing failed")
	}
}

func TestRetention(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 128<<10)
	large := bytes.Repeat([]byte("x"), 100<<10)
	for range 6 { // segments 1 to 6 of one group each
		l.group(1, AppendPut(nil, []byte("a"), large))
		l.rotate()
	}
	l.put("b", "2")
	l.sync()
	segment := int64(100<<10) + 1<<10
	for _, step := range []struct {
		flushed uint64
		keep    Retention
		oldest  uint64
	}{
		{0, Retention{}, 1},
		{1, Retention{Bytes: segment}, 1},
		{3, Retention{Bytes: 2 * segment}, 2},
		{3, Retention{From: 3, HeldBytes: 9 * segment}, 3},
		{5, Retention{From: 1, HeldBytes: 2 * segment, Bytes: segment}, 4},
		{5, Retention{From: 6, HeldBytes: 9 * segment, Bytes: segment}, 5},
		{6, Retention{Bytes: segment}, 6},
		{6, Retention{From: 7, HeldBytes: 9 * segment}, 7},
	} {
		l.w.Retain(step.keep)
		check(t, l.w.DeleteThrough(step.flushed))
		if got := l.w.Oldest(); got != step.oldest {
			t.Fatalf("%+v: oldest %d", step, got)
		}
		f := follow(l, mem, step.oldest)
		check(t, f.read(7, 10))
		if f.group != 7 {
			t.Fatalf("%+v: read through group %d", step, f.group)
		}
		check(t, f.tail.Close())
	}
}

// What a small segment does not use is given back while it is retained; it is found again at open.
func TestRetainedSegmentsAreTrimmedAndFoundAgain(t *testing.T) {
	mem := vfs.NewMem()
	l, _ := openLog(t, mem, 128<<10)
	for i := range 4 {
		l.put(fmt.Sprint(i), "v")
		l.rotate()
	}
	l.put("b", "2")
	l.sync()
	l.w.Retain(Retention{Bytes: 3 * leastRetained})
	check(t, l.w.DeleteThrough(4))
	for number, size := range map[uint64]int64{1: 128 << 10, 2: l.ends[1] + 60, 3: l.ends[2] + 60, 4: l.ends[3] + 60} {
		if info, err := mem.Stat("wal/" + FileName(number)); err != nil || info.Size > size {
			t.Errorf("segment %d: %+v, %v", number, info, err)
		}
	}
	mem = mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll})
	check(t, mem.Remove("wal/000001.wal"))
	st, err := Recover(mem, "wal", RecoverOptions{LogID: testLogID, FlushedSeq: 4}, nil)
	check(t, err)
	w := NewWriter(mem, "wal", WriterOptions{Old: st.Segments, LastSeq: st.LastSeq})
	if w.Oldest() != 2 {
		t.Fatalf("oldest %d of %+v", w.Oldest(), st.Segments)
	}
	check(t, mem.Remove("wal/000003.wal"))
	st, err = Recover(mem, "wal", RecoverOptions{LogID: testLogID, FlushedSeq: 4}, nil)
	check(t, err)
	w = NewWriter(mem, "wal", WriterOptions{Old: st.Segments, LastSeq: st.LastSeq})
	w.Retain(Retention{Bytes: 1 << 30})
	check(t, w.DeleteThrough(4))
	if names, _ := mem.List("wal"); w.Oldest() != 4 || fmt.Sprint(names) != "[000002.wal 000004.wal 000005.wal]" && fmt.Sprint(names) != "[000004.wal 000005.wal]" {
		t.Fatalf("oldest %d of %v", w.Oldest(), names)
	}
}

// Tails at random places read just what was written, while the log is written, rotated, recycled and
// recovered after crashes; a Tail loses its place only if the log does not reach back to it.
func TestTailsAgreeWithTheLog(t *testing.T) {
	rng := newRand(t)
	read, lost := 0, 0
	for range 25 {
		r := &tailRun{t: t, rng: rng, mem: vfs.NewMem()}
		r.l, _ = openLog(t, r.mem, 16<<10)
		for range 300 {
			r.step()
		}
		read, lost = read+r.read, lost+r.lost
	}
	if read == 0 || lost == 0 {
		t.Fatalf("%d records read, %d tails lost their place", read, lost)
	}
}

type tailRun struct {
	t          *testing.T
	rng        *rand.Rand
	mem        *vfs.Mem
	l          *testLog
	flushed    uint64
	tails      []*follower
	read, lost int
}

// durable returns the sequence number through which the log is synced.
func (r *tailRun) durable() uint64 { return r.l.firstSeq(r.l.synced) - 1 }

func (r *tailRun) step() {
	rng, l := r.rng, r.l
	switch rng.IntN(14) {
	case 0, 1, 2, 3:
		ops := AppendPut(nil, randomBytes(rng, 8), randomBytes(rng, rng.IntN(3000)))
		n := 1 + rng.IntN(3)
		for range n - 1 {
			ops = AppendDelete(ops, []byte("x"))
		}
		l.group(uint32(n), ops)
	case 4:
		l.group(1, AppendPut(nil, []byte("long"), randomBytes(rng, 30<<10+rng.IntN(90<<10))))
	case 5:
		l.write()
	case 6, 7:
		l.sync()
	case 8:
		l.rotate()
	case 9:
		if live := l.w.Live(); len(live) > 0 {
			r.flushed = max(r.flushed, live[rng.IntN(len(live))].LastSeq)
		}
		l.w.Retain(Retention{Bytes: rng.Int64N(200 << 10), From: uint64(rng.IntN(int(r.flushed + 2))), HeldBytes: rng.Int64N(400 << 10)})
		check(r.t, l.w.DeleteThrough(r.flushed))
	case 10:
		if rng.IntN(10) == 0 {
			r.crash()
		}
	default:
		r.look()
	}
}

// crash ends this life of the log; the tails of the next are new.
func (r *tailRun) crash() {
	r.mem = r.mem.CrashClone(r.rng, vfs.CrashOptions{Unsynced: vfs.Unsynced(r.rng.IntN(3))})
	old := r.l
	next, st := reopenLog(r.t, r.mem, 16<<10, r.flushed)
	n := old.groupOf(st.LastSeq + 1)
	if n < old.synced {
		r.t.Fatalf("%d groups of %d that were synced", n, old.synced)
	}
	next.groups, next.counts, next.segment, next.synced = old.groups[:n], old.counts[:n], old.segment[:n], n
	r.l, r.tails = next, nil
}

// look opens a tail or reads on with one.
func (r *tailRun) look() {
	limit := r.durable()
	if len(r.tails) < 3 {
		from := 1 + r.rng.Uint64N(limit+3)
		r.tails = append(r.tails, follow(r.l, r.mem, from))
	}
	i := r.rng.IntN(len(r.tails))
	f := r.tails[i]
	before := f.group
	err := f.read(limit-min(limit, r.rng.Uint64N(3)), 1+r.rng.IntN(9))
	r.read += f.group - before
	switch {
	case errors.Is(err, ErrGone) && f.tail.Position() < r.l.w.Oldest():
		r.lost++
		check(r.t, f.tail.Close())
		r.tails = append(r.tails[:i], r.tails[i+1:]...)
	case err != nil:
		r.t.Fatalf("at %d of %d, oldest %d: %v", f.tail.Position(), limit, r.l.w.Oldest(), err)
	}
}
