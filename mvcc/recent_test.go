package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/key"
)

// history is every operation of a run, for a check that looks at all of them.
type history []struct {
	kind       key.Kind
	start, end string
	seq        uint64
}

func (h history) conflict(start, end string, view uint64) bool {
	for _, op := range h {
		if op.seq > view && op.start < end && start < op.end {
			return true
		}
	}
	return false
}

// seeds returns how many of n seeds to run.
func seeds(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}

// TestRecentAgreesWithTheWholeHistory runs writers and transactions; whatever Recent forgets in between, it
// finds exactly the conflicts that looking at all of history finds.
func TestRecentAgreesWithTheWholeHistory(t *testing.T) {
	for seed := range uint64(seeds(20)) {
		rng := rand.New(rand.NewPCG(seed, 0))
		live := NewLive()
		r := NewRecent(live, 0)
		seq := uint64(100)
		visible := func() uint64 { return seq }
		var h history
		draw := func() string { return fmt.Sprintf("%04d", rng.IntN(3000)) }
		type txn struct {
			entry Entry
			view  uint64
		}
		var open []*txn
		conflicts := 0
		for range 150_000 {
			switch {
			case rng.IntN(100) == 0 && len(open) < 4:
				x := &txn{}
				if !live.Enter(&x.entry, visible) {
					r.Begin(seq)
					if !live.Renew(&x.entry, visible) {
						t.Fatalf("seed %d: recording did not begin", seed)
					}
				}
				x.view = seq
				open = append(open, x)
			case rng.IntN(100) == 0 && len(open) > 0:
				i := rng.IntN(len(open))
				x := open[i]
				a, b := draw(), draw()
				if a > b {
					a, b = b, a
				}
				f := &Footprint{View: x.view, Spans: []Span{{[]byte(a), []byte(b)}}, Keys: [][]byte{[]byte(draw())}}
				k := string(f.Keys[0])
				want := h.conflict(a, b, x.view) || h.conflict(k, k+"\x00", x.view)
				err := r.Check(f)
				if errors.Is(err, ErrConflict) != want || err != nil && !want {
					t.Fatalf("seed %d: check of %s..%s and %s at %d: %v, want conflict: %v", seed, a, b, k, x.view, err, want)
				}
				if want {
					conflicts++
				}
				live.Leave(&x.entry)
				open = append(open[:i], open[i+1:]...)
			default:
				seq++
				kind, start, end := key.KindPut, draw(), ""
				if rng.IntN(200) == 0 {
					kind, end = key.KindRangeDelete, draw()
					if end <= start {
						start, end = end, start+"x"
					}
				} else {
					end = start + "\x00"
				}
				if r.Recording() {
					r.Record(kind, []byte(start), []byte(end), seq)
				}
				h = append(h, history{{kind, start, end, seq}}...)
				if len(h) > 40_000 && len(open) == 0 {
					h = nil
				}
			}
		}
		if conflicts == 0 {
			t.Errorf("seed %d: no conflicts at all", seed)
		}
	}
}

func TestMemoryIsBoundedByTheOldestTransactionAndTheLimit(t *testing.T) {
	live := NewLive()
	r := NewRecent(live, 8<<20)
	seq := uint64(0)
	write := func(n int) {
		for range n {
			seq++
			r.Write(fmt.Appendf(nil, "key%013d", seq), seq)
		}
	}
	var old, young Entry
	live.Enter(&old, func() uint64 { return seq })
	r.Begin(seq)
	write(3 * generationKeys)
	if err := r.CheckAge(0); err != nil {
		t.Errorf("the transaction is under way: %v", err)
	}
	if err := r.CheckKey([]byte("key0000000000001"), 0); !errors.Is(err, ErrConflict) {
		t.Errorf("its oldest conflict is forgotten: %v", err)
	}
	view := seq
	live.Enter(&young, func() uint64 { return seq })
	write(20 * generationKeys)
	if n := r.Bytes(); n > 8<<20 {
		t.Errorf("%d bytes are kept", n)
	}
	if err := r.CheckAge(0); !errors.Is(err, ErrTooOld) {
		t.Errorf("beyond the limit the oldest gets %v", err)
	}
	live.Leave(&old)
	live.Leave(&young)
	write(2 * generationKeys)
	if r.Recording() {
		t.Error("it records for nobody")
	}
	if err := r.CheckAge(view); !errors.Is(err, ErrTooOld) {
		t.Errorf("a View that nothing was recorded for: %v", err)
	}
}

func TestConflictNamesKeyAndOperation(t *testing.T) {
	live := NewLive()
	r := NewRecent(live, 0)
	r.Begin(4)
	r.Record(key.KindDelete, []byte("b"), nil, 5)
	r.Record(key.KindRangeDelete, []byte("m"), []byte("p"), 6)
	for _, c := range []struct {
		kind key.Kind
		k, v string
		view uint64
		want string // key and operation; empty: none
	}{
		{key.KindPut, "b", "", 4, "b 5"},
		{key.KindPut, "b", "", 5, ""},
		{key.KindPut, "c", "", 4, ""},
		{key.KindMerge, "m", "", 4, "m 6"},
		{key.KindPut, "oo", "", 5, "oo 6"},
		{key.KindPut, "p", "", 4, ""},
		{key.KindRangeDelete, "a", "b", 4, ""},
		{key.KindRangeDelete, "a", "b\x00", 4, "b 5"},
		{key.KindRangeDelete, "c", "n", 4, "m 6"},
		{key.KindRangeDelete, "n", "z", 4, "n 6"},
		{key.KindRangeDelete, "p", "z", 4, ""},
	} {
		err := r.CheckOp(c.kind, []byte(c.k), []byte(c.v), &Footprint{View: c.view})
		got := ""
		if conflict := new(Conflict); errors.As(err, &conflict) {
			got = fmt.Sprintf("%s %d", conflict.Key, conflict.Seq)
		}
		if got != c.want {
			t.Errorf("%v of %s at %d conflicts with %q, want %q", c.kind, c.k, c.view, got, c.want)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	live := NewLive()
	r := NewRecent(live, 0)
	var e Entry
	k := bytes.Repeat([]byte("k"), 16)
	seq := uint64(0)
	live.Enter(&e, func() uint64 { return seq })
	r.Begin(0)
	for range b.N {
		seq++
		if seq%1000 == 0 {
			live.Renew(&e, func() uint64 { return seq })
		}
		k[seq%16] = byte(seq * 7)
		r.Write(k, seq)
	}
}
