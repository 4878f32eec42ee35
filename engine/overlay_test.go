package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// An undoing is an overlay that is written to and rolled back, beside the operations that are left.
type undoing struct {
	t       *testing.T
	rng     *rand.Rand
	overlay overlay
	ops     []write
	marks   []mark
	lengths []int // of ops, at the marks
	open    []walking
}

// walking is an open iterator and what it has to show.
type walking struct {
	source iterator.Source
	want   string
}

func (u *undoing) key() []byte { return fmt.Appendf(nil, "k%03d", u.rng.IntN(300)) }

func (u *undoing) write() {
	op := write{kind: key.KindPut, key: u.key(), value: fmt.Appendf(nil, "%d", u.rng.IntN(1000))}
	switch u.rng.IntN(12) {
	case 0:
		op.kind, op.value = key.KindDelete, nil
	case 1:
		op.kind, op.operator = key.KindMerge, merge.Append
	case 2:
		op.kind, op.value = key.KindRangeDelete, u.key()
		if bytes.Compare(op.key, op.value) >= 0 {
			return
		}
	}
	must(u.t, u.overlay.append(nil, &op, 0, nil))
	u.ops = append(u.ops, op)
}

func (u *undoing) rollback() {
	i := u.rng.IntN(len(u.marks))
	u.marks, u.lengths = u.marks[:i+1], u.lengths[:i+1]
	u.overlay.rollback(u.marks[i])
	u.ops = u.ops[:u.lengths[i]:u.lengths[i]]
}

func (u *undoing) release() {
	i := u.rng.IntN(len(u.marks))
	if u.marks, u.lengths = u.marks[:i], u.lengths[:i]; i == 0 {
		u.overlay.forget()
	}
}

func (u *undoing) iterate() {
	if len(u.open) < 6 {
		s := u.overlay.source()
		u.open = append(u.open, walking{s, shown(s)})
		s.SeekGE(u.key())
		return
	}
	i := u.rng.IntN(len(u.open))
	w := u.open[i]
	if got := shown(w.source); got != w.want {
		u.t.Errorf("an iterator shows\n%s, before it was\n%s", got, w.want)
	}
	must(u.t, w.source.Close())
	u.open = slices.Delete(u.open, i, i+1)
}

// check compares the overlay with one that never knew what was rolled back.
func (u *undoing) check() {
	var want overlay
	for i := range u.ops {
		must(u.t, want.append(nil, &u.ops[i], 0, nil))
	}
	o := &u.overlay
	if !bytes.Equal(o.ops, want.ops) || o.count != want.count || o.charge != want.charge || o.writes.ranges != want.writes.ranges {
		u.t.Errorf("%d operations, want %d: %x\n%x", o.count, want.count, o.ops, want.ops)
	}
	s := o.source()
	if got, want := shown(s), shown(want.source()); got != want {
		u.t.Errorf("it shows\n%s, want\n%s", got, want)
	}
	must(u.t, s.Close())
}

// shown returns all that a source has.
func shown(s iterator.Source) string {
	var b strings.Builder
	for ok := s.First(); ok; ok = s.Next() {
		fmt.Fprintf(&b, "%s %v %x, ", s.Key(), s.Trailer().Kind(), s.Value())
	}
	for i := 0; i < 300 && s.Ranges != nil; i += 10 {
		from, to, covered, _ := s.Ranges.Covering(fmt.Appendf(nil, "k%03d", i))
		fmt.Fprintf(&b, "%s-%s %v, ", from, to, covered)
	}
	return b.String()
}

func TestOverlayForgetsWhatIsRolledBack(t *testing.T) {
	for seed := range uint64(shorter(20)) {
		u := &undoing{t: t, rng: rand.New(rand.NewPCG(seed, 0))}
		for step := range 3000 {
			switch n := u.rng.IntN(100); {
			case n < 6:
				u.marks, u.lengths = append(u.marks, u.overlay.mark()), append(u.lengths, len(u.ops))
			case n < 10 && len(u.marks) > 0:
				u.rollback()
				u.check()
			case n < 13 && len(u.marks) > 0:
				u.release()
			case n < 18:
				u.iterate()
			default:
				u.write()
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
		u.check()
	}
}

// Whoever rolls back again and again, as a statement that fails does, does not pay for all that came before.
func TestRollbackUsesMemoryAgainUnlessAnIteratorReadsIt(t *testing.T) {
	var o overlay
	put := func(v string) {
		must(t, o.append(nil, &write{kind: key.KindPut, key: []byte("k"), value: []byte(v)}, 0, nil))
	}
	put("1")
	m := o.mark()
	put("2")
	memory := &o.ops[0]
	o.rollback(m)
	put("3")
	if &o.ops[0] != memory {
		t.Error("operations went to new memory although nobody read those before")
	}
	s := o.source()
	s.First()
	o.rollback(m)
	put("4")
	if got := string(s.Value()); got != "3" {
		t.Errorf("an open iterator now reads %s", got)
	}
	must(t, s.Close())
	memory = &o.ops[0]
	s = o.source()
	s.First()
	must(t, s.Close())
	o.rollback(m)
	put("5")
	if &o.ops[0] != memory {
		t.Error("operations went to new memory although the iterator was closed")
	}
}

func TestIteratorThatIsRefusedLeavesTheOverlay(t *testing.T) {
	txn := begin(t, openMem(t, nil), TxnOptions{})
	must(t, txn.Put([]byte("a"), nil))
	if _, err := txn.NewIterator(IterOptions{Lower: []byte("b"), Upper: []byte("a")}); !errors.Is(err, ErrInvalidRange) {
		t.Fatalf("iterate over a range that ends before it begins: %v", err)
	}
	if n := txn.overlay.loans.open.Load(); n != 0 {
		t.Fatalf("%d iterators are open", n)
	}
}

func TestSavepointsCostNothingOnceReleased(t *testing.T) {
	db := openMem(t, nil)
	txn := begin(t, db, TxnOptions{})
	outer, err := txn.Savepoint()
	must(t, err, txn.Put([]byte("a"), nil))
	inner, err := txn.Savepoint()
	must(t, err, txn.Put([]byte("b"), nil))
	txn.release(inner)
	if n := len(txn.overlay.undo); n != 2 {
		t.Errorf("with a savepoint before both writes %d changes are noted", n)
	}
	txn.release(outer)
	must(t, txn.Put([]byte("c"), nil))
	if n := len(txn.overlay.undo); n != 0 {
		t.Errorf("without savepoints %d changes are noted", n)
	}
}
