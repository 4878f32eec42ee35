package memtable

import (
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// walker drives one iterator and the place where it must be in the model.
type walker struct {
	*comparison
	it  *Iter
	seq uint64
	at  string // key stood at
	ok  bool
}

func (c *comparison) newWalker() *walker {
	seq := c.mo.lastSeq
	if c.r.IntN(2) == 0 {
		seq = c.r.Uint64N(seq + 1)
	}
	it := c.mem.NewIter(seq, c.ops)
	if c.r.IntN(2) == 0 { // one that was used at another snapshot, and folds otherwise
		it = c.mem.NewIter(c.r.Uint64N(c.mo.lastSeq+1), nil)
		if it.SeekGE([]byte(c.key())) {
			_ = it.Value()
		}
		it.Reset(c.mem, seq, c.ops)
	}
	return &walker{comparison: c, seq: seq, it: it}
}

func (w *walker) step() {
	w.t.Helper()
	for range 1 + w.r.IntN(25) {
		op := w.r.IntN(24)
		if op >= 4 && !w.ok {
			op %= 4
		}
		if w.ok && w.it.Trailer().Kind() == key.KindPut && w.r.IntN(6) == 0 {
			w.take()
		}
		k := ""
		if op == 2 || op == 3 {
			k = w.key()
		}
		w.move(op, k)
	}
}

// take takes several entries at once. Those that are no merges stay as they are.
func (w *walker) take() {
	w.t.Helper()
	e := &iterator.Entries{}
	most := 1 + w.r.IntN(20)
	var limit []byte
	if w.r.IntN(2) == 0 {
		if limit = []byte(w.key()); string(limit) <= w.at {
			limit = []byte(w.at + "\x00")
		}
	}
	lasting := w.it.Take(e, most, limit)
	if e.Len() < 1 || e.Len() > most || !lasting && e.Len() > 1 {
		w.t.Fatalf("took %d entries, at most %d, lasting %v", e.Len(), most, lasting)
	}
	for i := range e.Len() {
		at, _ := w.mo.find(w.at)
		if i > 0 {
			at = w.mo.walk(at+1, 1, w.seq)
		}
		w.at = w.mo.keys[at].key
		said, _ := w.mo.keys[at].at(w.seq)
		merged := said[0].trailer.Kind() == key.KindMerge
		if string(e.Keys[i]) != w.at || !merged && string(e.Values[i]) != said[0].value || limit != nil && w.at >= string(limit) {
			w.t.Fatalf("took %q %q as entry %d at %d, below %q, want %q %v", e.Keys[i], e.Values[i], i, w.seq, limit, w.at, said[0])
		}
	}
	if string(w.it.Key()) != w.at {
		w.t.Fatalf("stands at %q, took %q", w.it.Key(), w.at)
	}
}

func (w *walker) move(op int, k string) {
	w.t.Helper()
	var got bool
	var want int
	here, _ := w.mo.find(w.at)
	target, _ := w.mo.find(k)
	switch {
	case op == 0:
		got, want = w.it.First(), w.mo.walk(0, 1, w.seq)
	case op == 1:
		got, want = w.it.Last(), w.mo.walk(len(w.mo.keys)-1, -1, w.seq)
	case op == 2:
		got, want = w.it.SeekGE([]byte(k)), w.mo.walk(target, 1, w.seq)
	case op == 3:
		got, want = w.it.SeekLT([]byte(k)), w.mo.walk(target-1, -1, w.seq)
	case op < 14:
		got, want = w.it.Next(), w.mo.walk(here+1, 1, w.seq)
	default:
		got, want = w.it.Prev(), w.mo.walk(here-1, -1, w.seq)
	}
	if got != (want >= 0) || got != w.it.Valid() || w.it.Err() != nil {
		w.t.Fatalf("op %d key %q from %q at %d: %v, valid %v; want %v", op, k, w.at, w.seq, got, w.it.Valid(), want >= 0)
	}
	if w.ok = got; !got {
		return
	}
	w.at = w.mo.keys[want].key
	said, complete := w.mo.keys[want].at(w.seq)
	tr, v := w.it.Trailer(), w.it.Value()
	if string(w.it.Key()) == w.at && tr.Seq() == said[0].trailer.Seq() && said[0].trailer.Kind() == key.KindMerge {
		compareEntry(w.t, w.r, w.ops, merge.Entry{Kind: tr.Kind(), Value: v}, said, complete)
		return
	}
	if string(w.it.Key()) != w.at || tr != said[0].trailer || string(v) != said[0].value {
		w.t.Fatalf("op %d key %q at %d: stands at %q %v %q, want %q %v", op, k, w.seq, w.it.Key(), tr, v, w.at, said[0])
	}
}
