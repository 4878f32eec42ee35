package levels

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
)

// A model is what was done to each key that was ever written, since the last thing that says all.
type model map[string][]modelOp

// A modelOp is something done to a key.
type modelOp struct {
	seq    uint64
	kind   key.Kind
	v      string
	expiry int64
}

// add notes an operation. It leaves what clones have alone.
func (m model) add(k string, op modelOp) {
	if op.kind == key.KindMerge {
		m[k] = append(slices.Clip(m[k]), op)
	} else {
		m[k] = []modelOp{op}
	}
}

// deleteRange notes that all keys from start, inclusive, to end, exclusive, are gone.
func (m model) deleteRange(start, end string, seq uint64) {
	for k := range m {
		if start <= k && k < end {
			m[k] = []modelOp{{seq: seq, kind: key.KindDelete}}
		}
	}
}

// value returns what a user sees of a key at a time.
func value(ops []modelOp, now int64) (v string, present bool) {
	for _, op := range ops {
		switch op.kind {
		case key.KindPut:
			v, present = op.v, true
		case key.KindMerge:
			v, present = v+op.v, true
		case key.KindPutWithExpiry:
			if v, present = op.v, op.expiry > now; !present {
				v = ""
			}
		default:
			v, present = "", false
		}
	}
	return v, present
}

// entry returns an operation as it is stored.
func (op modelOp) entry() merge.Entry {
	switch op.kind {
	case key.KindPutWithExpiry:
		return merge.Entry{Kind: op.kind, Value: key.AppendExpiring(nil, op.expiry, []byte(op.v))}
	case key.KindMerge:
		return merge.Entry{Kind: op.kind, Value: merge.AppendOperand(nil, merge.Append, []byte(op.v))}
	default:
		return merge.Entry{Kind: op.kind, Value: []byte(op.v)}
	}
}

// A memory is a memtable that is being filled: one entry a key, and range deletes.
type memory struct {
	entries map[string]memEntry
	ranges  treap.Ranges
}

func (m *memory) add(k string, op modelOp) {
	e := op.entry()
	if old, ok := m.entries[k]; ok {
		e = (*merge.Operators)(nil).Combine(nil, merge.Entry{Kind: old.t.Kind(), Value: old.v}, e)
	}
	m.entries[k] = memEntry{k: []byte(k), v: e.Value, t: key.MakeTrailer(op.seq, e.Kind)}
}

func (m *memory) deleteRange(start, end string, seq uint64) {
	for k := range m.entries {
		if start <= k && k < end {
			delete(m.entries, k)
		}
	}
	m.ranges = m.ranges.Cover([]byte(start), []byte(end), seq)
}

func (m *memory) sorted() []memEntry {
	return slices.SortedFunc(maps.Values(m.entries), func(a, b memEntry) int { return bytes.Compare(a.k, b.k) })
}

// randomOp makes an operation of any kind but a range delete.
func randomOp(rng *rand.Rand, seq uint64, now int64) modelOp {
	op := modelOp{seq: seq, kind: key.KindPut, v: fmt.Sprintf("%d-%0*d ", seq, rng.IntN(60), 0)}
	switch n := rng.IntN(12); {
	case n < 4:
		op.kind, op.v = key.KindDelete, ""
	case n < 6:
		op.kind = key.KindMerge
	case n < 8:
		op.kind, op.expiry = key.KindPutWithExpiry, now+rng.Int64N(60)-5
	}
	return op
}
