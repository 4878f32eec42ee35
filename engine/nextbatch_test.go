package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// A batchWorld writes at random to two keyspaces, and compares what iterators say when they are asked for one entry at a time
// and for several.
type batchWorld struct {
	t    *testing.T
	seed uint64
	r    *rand.Rand
	db   *DB
	ks   []*Keyspace
	log  []string
}

func (w *batchWorld) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("MIDDB_SEED=%d: %s\nafter %s", w.seed, fmt.Sprintf(format, args...),
		strings.Join(w.log[max(0, len(w.log)-30):], "\n"))
}

func (w *batchWorld) key() []byte {
	n := w.r.IntN(600)
	if w.r.IntN(3) == 0 {
		return fmt.Appendf(nil, "%c%04d", "\x00k\xff"[w.r.IntN(3)], n)
	}
	return fmt.Appendf(nil, "key/%04d", n)
}

func (w *batchWorld) value() []byte {
	return bytes.Repeat([]byte{byte(w.r.IntN(256))}, w.r.IntN(1+w.r.IntN(300)))
}

// writer is what both a keyspace and a transaction do.
type batchWriter interface {
	put(k, v []byte) error
	del(k []byte) error
	delRange(lower, upper []byte) error
	merge(k []byte, operator string, operand []byte) error
}

type plainWriter struct{ ks *Keyspace }

func (p plainWriter) put(k, v []byte) error                    { return p.ks.Put(k, v) }
func (p plainWriter) del(k []byte) error                       { return p.ks.Delete(k) }
func (p plainWriter) delRange(a, b []byte) error               { return p.ks.DeleteRange(a, b) }
func (p plainWriter) merge(k []byte, o string, v []byte) error { return p.ks.Merge(k, o, v) }

type txnWriter struct{ ks TxnKeyspace }

func (p txnWriter) put(k, v []byte) error                    { return p.ks.Put(k, v) }
func (p txnWriter) del(k []byte) error                       { return p.ks.Delete(k) }
func (p txnWriter) delRange(a, b []byte) error               { return p.ks.DeleteRange(a, b) }
func (p txnWriter) merge(k []byte, o string, v []byte) error { return p.ks.Merge(k, o, v) }

func (w *batchWorld) write(to batchWriter) {
	var err error
	k, what := w.key(), ""
	switch n := w.r.IntN(100); {
	case n < 15:
		what, err = "delete", to.del(k)
	case n < 18:
		upper := w.key()
		if bytes.Compare(k, upper) > 0 {
			k, upper = upper, k
		}
		if w.r.IntN(3) > 0 {
			upper = append(bytes.Clone(k), '5')
		}
		what, err = fmt.Sprintf("delete up to %q from", upper), to.delRange(k, upper)
	case n < 24:
		what, err = "merge", to.merge(append(k, 'm'), "append", []byte("+"))
	case n < 40: // a run, which one source has alone
		from := w.r.IntN(600)
		what = "run"
		for i := from; err == nil && i < from+w.r.IntN(80); i++ {
			err = to.put(fmt.Appendf(nil, "key/%04d", i), w.value())
		}
	default:
		what, err = "put", to.put(k, w.value())
	}
	w.log = append(w.log, fmt.Sprintf("%s %q", what, k))
	if err != nil {
		w.failf("%v", err)
	}
}

// compare reads the same twice.
func (w *batchWorld) compare(what string, open func(IterOptions) (*Iterator, error)) {
	w.t.Helper()
	o := IterOptions{Reverse: w.r.IntN(5) == 0, KeysOnly: w.r.IntN(4) == 0}
	if w.r.IntN(2) == 0 {
		o.Lower = w.key()
	}
	if w.r.IntN(2) == 0 {
		if o.Upper = w.key(); bytes.Compare(o.Lower, o.Upper) > 0 {
			o.Lower, o.Upper = o.Upper, o.Lower
		}
	}
	one, err := open(o)
	if err != nil {
		w.failf("%s: %v", what, err)
	}
	many, err := open(o)
	if err != nil {
		w.failf("%s: %v", what, err)
	}
	e := &iterator.Entries{Keyless: w.r.IntN(4) == 0}
	next, stop := one.First, w.r.IntN(40)
	total := 0
	for stop > 0 {
		if w.r.IntN(3) == 0 {
			stop--
		}
		more := many.NextBatch(e, 1+w.r.IntN(1+w.r.IntN(200)))
		if more != (e.Len() > 0) || !more && many.Err() != nil {
			w.failf("%s %+v: %v, %d entries, %v", what, o, more, e.Len(), many.Err())
		}
		for i := range e.Len() {
			if ok := next(); !ok || !e.Keyless && !bytes.Equal(one.Key(), e.Keys[i]) || !o.KeysOnly && !bytes.Equal(one.Value(), e.Values[i]) {
				w.failf("%s %+v: entry %d: %q: %q, want %v %q: %q", what, o, total, e.Keys, e.Values[i], ok, one.Key(), one.Value())
			}
			next = one.Next
			total++
		}
		if !many.source.Valid() && next() {
			w.failf("%s %+v: ends before %q", what, o, one.Key())
		}
		if one.reads != nil {
			a, b := union(one.reads.all()), union(many.reads.all())
			if fmt.Sprint(a) != fmt.Sprint(b) {
				w.failf("%s %+v: has read %q, want %q", what, o, b, a)
			}
		}
		if !more {
			break
		}
		next = one.Next
	}
	if err := one.Close(); err != nil {
		w.failf("%v", err)
	}
	if err := many.Close(); err != nil {
		w.failf("%v", err)
	}
}

// rebound compares an iterator that gets other bounds with new ones.
func (w *batchWorld) rebound(what string, open func(IterOptions) (*Iterator, error)) {
	w.t.Helper()
	kept, err := open(IterOptions{Lower: w.key(), Upper: nil, again: true})
	if err != nil {
		w.failf("%s: %v", what, err)
	}
	entries := func(it *Iterator, most int) (all []string) {
		for e := (&iterator.Entries{}); most > 0 && it.NextBatch(e, 7); most-- {
			for i, k := range e.Keys {
				all = append(all, fmt.Sprintf("%q=%q", k, e.Values[i]))
			}
		}
		return all
	}
	for range 6 {
		lower, upper, most := w.key(), w.key(), 1+w.r.IntN(20)
		if bytes.Compare(lower, upper) > 0 {
			lower, upper = upper, lower
		}
		if !kept.Rebound(lower, upper) {
			if kept.reads == nil {
				w.failf("%s: it does not take other bounds: %v", what, kept.Err())
			}
			break
		}
		other, err := open(IterOptions{Lower: lower, Upper: upper})
		if err != nil {
			w.failf("%s: %v", what, err)
		}
		if got, want := entries(kept, most), entries(other, most); !slices.Equal(got, want) || kept.Err() != nil {
			w.failf("%s from %q to %q: got %s, %v, want %s", what, lower, upper, got, kept.Err(), want)
		}
		must(w.t, other.Close())
	}
	must(w.t, kept.Close())
	if kept.Rebound([]byte("a"), []byte("b")) {
		w.failf("%s: an iterator that is closed takes bounds", what)
	}
}

// A batch of entries is what an iterator says of them one by one, whatever lies below: memtables, levels, deletes of ranges,
// snapshots, own writes. What a serializable transaction has read is the same, too.
func TestBatchesAreWhatTheIteratorSays(t *testing.T) {
	for seed := range environment.Seeds(t, 12) {
		w := &batchWorld{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 9))}
		w.db = spawn(t, Config{FS: vfs.NewMem(), MemtableBytes: 64 << 10, BlockBytes: 512, Durability: NoSync})
		named, err := w.db.Keyspace("named", KeyspaceOptions{})
		must(t, err)
		w.ks = []*Keyspace{w.db.defaultKeyspace, named}
		var old []*Snapshot
		for round := range 25 {
			ks := w.ks[w.r.IntN(2)]
			for range w.r.IntN(120) {
				w.write(plainWriter{w.ks[w.r.IntN(2)]})
			}
			switch w.r.IntN(6) {
			case 0:
				must(t, w.db.Flush(context.Background()))
			case 1:
				must(t, w.db.Compact(context.Background(), nil, nil))
			case 2:
				s, err := w.db.Snapshot()
				must(t, err)
				old = append(old, s)
			}
			w.log = append(w.log, fmt.Sprintf("round %d", round))
			for range 4 {
				s, err := w.db.Snapshot() // writes of compactions beside change nothing
				must(t, err)
				w.compare("snapshot", s.In(ks).NewIterator)
				w.rebound("snapshot", s.In(ks).NewIterator)
				must(t, s.Close())
				if len(old) > 0 {
					w.compare("old snapshot", old[w.r.IntN(len(old))].In(ks).NewIterator)
				}
			}
			txn, err := w.db.Begin(TxnOptions{Isolation: Isolation(w.r.IntN(2))})
			must(t, err)
			for range w.r.IntN(40) {
				w.write(txnWriter{txn.In(ks)})
			}
			for range 4 {
				w.compare("transaction", txn.In(ks).NewIterator)
				w.rebound("transaction", txn.In(ks).NewIterator)
			}
			must(t, txn.Rollback())
		}
		for _, s := range slices.Backward(old) {
			must(t, s.Close())
		}
		must(t, w.db.Close())
	}
}
