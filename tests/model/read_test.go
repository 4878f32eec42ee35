package model

import (
	"bytes"

	"github.com/middb/middb/engine"
)

// A reader reads a keyspace: as it is, in a snapshot, a transaction, or an indexed batch.
type reader interface {
	Get(k []byte) ([]byte, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// A fullReader reads in further ways: everything but a batch does.
type fullReader interface {
	reader
	GetTo(dst, k []byte) ([]byte, error)
	Has(k []byte) (bool, error)
}

// A view is an open snapshot and what it must show.
type view struct {
	snapshot *engine.Snapshot
	sight    sight
}

// present returns what a reader sees now.
func (r *run) present() sight { return sight{state: r.oracle.last(), now: r.now} }

// space returns a random keyspace that is there now, mostly the default one.
func (r *run) space() *space {
	if r.rng.IntN(3) == 0 {
		if s := r.oracle.living(r.rng.IntN(len(spaceNames)), r.oracle.last()); s != nil {
			return s
		}
	}
	return r.oracle.root()
}

// anySpace returns a random keyspace that was used since the database was opened, dropped or not.
func (r *run) anySpace() *space {
	if r.rng.IntN(8) == 0 && len(r.dropped) > 0 {
		return r.dropped[r.rng.IntN(len(r.dropped))]
	}
	return r.space()
}

func (r *run) get() {
	r.done++
	sp := r.space()
	id := r.rng.IntN(len(sp.keys))
	r.checkGet(r.handles[sp], r.present(), sp, id)
	switch r.rng.IntN(8) {
	case 0, 1:
		r.checkMissing(r.handles[sp], sp)
	case 2:
		v := sp.at(id, r.oracle.last())
		got, seq, err := r.handles[sp].GetWithSeq(sp.keys[id])
		if seen := v.see(r.now); !r.answered(got, err, "get with sequence number").equal(seen) || seen.found && seq != v.seq {
			r.failf("get with sequence number %s: %s, %d, %v, want %s, %d", brief(sp.keys[id]), brief(got), seq, err, seen, v.seq)
		}
	}
}

// checkGet compares the value of a key with what a reader must see.
func (r *run) checkGet(from reader, s sight, sp *space, id int) {
	k := sp.keys[id]
	var got []byte
	var err error
	if full, ok := from.(fullReader); ok && r.rng.IntN(2) == 0 {
		got, err = full.GetTo(r.dst, k)
		r.dst = got[:0]
	} else {
		got, err = from.Get(k)
	}
	r.compare("get", r.answered(got, err, "get "+brief(k)), s, sp, id)
}

// compare compares an answer with what a reader must see.
func (r *run) compare(how string, got outcome, s sight, sp *space, id int) {
	if want := s.at(sp, id); !got.equal(want) {
		r.failf("%s %s of keyspace %d in state %d at time %d, under %d operations: got %s, want %s;%s",
			how, brief(sp.keys[id]), sp.name, s.state, s.now, len(s.own), got, want, sp.past(id))
	}
}

// checkMissing reads a key that nothing ever wrote.
func (r *run) checkMissing(from reader, sp *space) {
	k := r.strangeKey(sp)
	if _, exact := sp.find(k); exact {
		return
	}
	v, err := from.Get(k)
	if got := r.answered(v, err, "get"); got.found || got.failed {
		r.failf("get %s of keyspace %d, which was never written: %s", brief(k), sp.name, got)
	}
}

// strangeKey returns a key near those of a keyspace, which may be one of them.
func (r *run) strangeKey(sp *space) []byte {
	k := bytes.Clone(sp.keys[r.rng.IntN(len(sp.keys))])
	switch r.rng.IntN(4) {
	case 0:
		k = append(k, byte(r.rng.UintN(256)))
	case 1:
		k[r.rng.IntN(len(k))] ^= 1 << r.rng.IntN(8)
	case 2:
		k = k[:1+r.rng.IntN(len(k))]
	}
	return k
}

// bounds returns two keys in order, either of which may be nil.
func (r *run) bounds(sp *space) (lower, upper []byte) {
	if r.rng.IntN(4) > 0 {
		lower = r.strangeKey(sp)
	}
	if r.rng.IntN(4) > 0 {
		upper = r.strangeKey(sp)
	}
	if lower != nil && upper != nil && bytes.Compare(lower, upper) > 0 {
		lower, upper = upper, lower
	}
	return lower, upper
}

func (r *run) has() {
	r.done++
	sp := r.space()
	r.checkHas(r.handles[sp], r.present(), sp, r.rng.IntN(len(sp.keys)))
}

func (r *run) checkHas(from fullReader, s sight, sp *space, id int) {
	k := sp.keys[id]
	got, err := from.Has(k)
	r.must(err, "has "+brief(k))
	if want := s.at(sp, id); got != want.there() {
		r.failf("has %s of keyspace %d in state %d at time %d: got %v, want %s;%s", brief(k), sp.name, s.state, s.now, got, want, sp.past(id))
	}
}

// openSnapshot opens one and closes another where many are open.
func (r *run) openSnapshot() {
	r.done++
	if len(r.views) >= 8 || len(r.views) > 0 && r.rng.IntN(3) == 0 {
		i := r.rng.IntN(len(r.views))
		r.note("close the snapshot of state %d", r.views[i].sight.state)
		r.must(r.views[i].snapshot.Close(), "close a snapshot")
		r.views = append(r.views[:i], r.views[i+1:]...)
		return
	}
	snapshot, err := r.db.Snapshot()
	r.must(err, "open a snapshot")
	r.note("open a snapshot of state %d at sequence number %d", r.oracle.last(), snapshot.Seq())
	r.checkSeq(snapshot.Seq(), "snapshot")
	r.views = append(r.views, view{snapshot, r.present()})
}

// checkSeq compares the sequence number at which something reads the present with the model's.
func (r *run) checkSeq(seq uint64, what string) {
	if want := r.oracle.seq(r.oracle.last()); seq != want {
		r.failf("the %s is at sequence number %d, not %d", what, seq, want)
	}
}

func (r *run) readSnapshot() {
	if len(r.views) == 0 {
		return
	}
	r.done++
	v := &r.views[r.rng.IntN(len(r.views))]
	sp := r.anySpace()
	id, from := r.rng.IntN(len(sp.keys)), v.snapshot.In(r.handles[sp])
	switch r.rng.IntN(20) {
	case 0:
		r.note("scan the snapshot of state %d", v.sight.state)
		r.checkScan(from, v.sight, sp)
	case 1:
		r.checkMissing(from, sp)
	case 2, 3, 4:
		r.checkHas(from, v.sight, sp, id)
	default:
		r.checkGet(from, v.sight, sp, id)
	}
}

func (r *run) scanAll() {
	r.done++
	r.note("scan everything")
	for name := range spaceNames {
		if sp := r.oracle.living(name, r.oracle.last()); sp != nil {
			r.checkScan(r.handles[sp], r.present(), sp)
		}
	}
}

// checkScan compares everything that a reader shows of a keyspace with what it must see.
func (r *run) checkScan(from reader, s sight, sp *space) {
	got := r.scan(from, sp.keys)
	for id := range sp.keys {
		r.compare("scan for", got[id], s, sp, id)
	}
}

// scan returns everything that a reader shows of a keyspace by id, walking up or down. A key that cannot be read
// ends an iterator; another one goes on behind it.
func (r *run) scan(from reader, keys [][]byte) map[int]outcome {
	got := make(map[int]outcome)
	o := engine.IterOptions{Reverse: r.rng.IntN(4) == 0}
	sp := &space{keys: keys}
	for {
		it, err := from.NewIterator(o)
		r.must(err, "open an iterator")
		next := 0
		if o.Reverse {
			next = len(keys) - 1
		}
		for ok := it.First(); ok; ok = it.Next() {
			id, exact := sp.find(it.Key())
			if _, twice := got[id]; !exact || twice {
				r.failf("a scan found %s, which was never written (%v) or is found twice", brief(it.Key()), !exact)
			}
			got[id] = outcome{value: bytes.Clone(it.Value()), found: true}
			next = id + 1
			if o.Reverse {
				next = id - 1
			}
		}
		if !r.answered(nil, it.Close(), "scan").failed {
			return got
		}
		at := r.failing(from, keys, next, o.Reverse, got)
		got[at] = outcome{failed: true}
		if o.Reverse {
			o.Upper = keys[at]
		} else {
			o.Lower = after(keys[at])
		}
	}
}

// failing returns the first key from id on, in the direction of a scan, that cannot be read, where the scan
// has not been yet. All before it must be missing.
func (r *run) failing(from reader, keys [][]byte, id int, reverse bool, got map[int]outcome) int {
	for id >= 0 && id < len(keys) {
		if _, seen := got[id]; !seen {
			v, err := from.Get(keys[id])
			switch o := r.answered(v, err, "get"); {
			case o.failed:
				return id
			case o.found:
				r.failf("a scan does not show %s = %s", brief(keys[id]), o)
			}
		}
		if reverse {
			id--
		} else {
			id++
		}
	}
	r.failf("a scan fails, but no key does")
	return 0
}
