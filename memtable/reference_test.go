package memtable

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// model is what a memtable must be like: sorted keys, each with its versions, oldest first.
type model struct {
	keys    []*modelKey
	ranges  []modelRange
	lastSeq uint64
}

type modelKey struct {
	key      string
	versions []version
}

// version is a write of a key, or a range delete that covers it.
type version struct {
	trailer key.Trailer
	value   string // of a merge: the operand
	op      string // of a merge: the operator
	ranged  bool   // it is a range delete
}

type modelRange struct {
	start, end string
	seq        uint64
}

func (r *modelRange) version() version {
	return version{trailer: key.MakeTrailer(r.seq, key.KindDelete), ranged: true}
}

// find returns the index of the first key that is not below k, and whether it is k.
func (m *model) find(k string) (int, bool) {
	return slices.BinarySearchFunc(m.keys, k, func(e *modelKey, k string) int { return cmp.Compare(e.key, k) })
}

func (m *model) add(k string, v version) {
	i, ok := m.find(k)
	if !ok {
		m.keys = slices.Insert(m.keys, i, &modelKey{key: k, versions: m.deletesOf(k, key.MaxSeq)})
	}
	m.keys[i].versions = append(m.keys[i].versions, v)
	m.lastSeq = v.trailer.Seq()
}

func (m *model) deleteRange(r modelRange) {
	m.ranges = append(m.ranges, r)
	m.lastSeq = r.seq
	from, _ := m.find(r.start)
	to, _ := m.find(r.end)
	for _, k := range m.keys[from:to] {
		k.versions = append(k.versions, r.version())
	}
}

// deletesOf returns the range deletes that cover k at seq, oldest first.
func (m *model) deletesOf(k string, seq uint64) (out []version) {
	for _, r := range m.ranges {
		if r.seq <= seq && r.start <= k && k < r.end {
			out = append(out, r.version())
		}
	}
	return out
}

// at returns what matters of a key at seq: versions, newest first, down to the first that is no merge.
// It reports whether there is such a one.
func (k *modelKey) at(seq uint64) (said []version, complete bool) {
	for _, v := range slices.Backward(k.versions) {
		if v.trailer.Seq() > seq {
			continue
		}
		said = append(said, v)
		if v.trailer.Kind() != key.KindMerge {
			return said, true
		}
	}
	return said, false
}

// get is at for any key.
func (m *model) get(k string, seq uint64) (said []version, complete bool) {
	if i, ok := m.find(k); ok {
		return m.keys[i].at(seq)
	}
	return (&modelKey{versions: m.deletesOf(k, seq)}).at(seq)
}

// walk returns the index of the first key at or beyond i, in the given direction, that an iterator
// at seq shows, or -1.
func (m *model) walk(i, step int, seq uint64) int {
	for ; i >= 0 && i < len(m.keys); i += step {
		if said, _ := m.keys[i].at(seq); len(said) > 0 && !said[0].ranged {
			return i
		}
	}
	return -1
}

// stored returns the version as an entry.
func (v *version) stored() merge.Entry {
	e := merge.Entry{Kind: v.trailer.Kind(), Value: []byte(v.value)}
	if e.Kind == key.KindMerge {
		e.Value = merge.AppendOperand(nil, v.op, e.Value)
	}
	return e
}

var errModel = errors.New("it cannot be merged")

// resolve tells what a user sees at a time of versions, newest first, without any help of package merge.
func resolve(said []version, now int64) (value string, present bool, err error) {
	for _, v := range slices.Backward(said) {
		switch v.trailer.Kind() {
		case key.KindPut:
			value, present = v.value, true
		case key.KindPutWithExpiry:
			if value, present = v.value[8:], int64(binary.LittleEndian.Uint64([]byte(v.value))) > now; !present {
				value = ""
			}
		case key.KindMerge:
			switch {
			case v.op == "unknown":
				return "", false, errModel
			case !present:
				value, present = v.value, true
			case v.op == merge.Append:
				value += v.value
			case v.op == "prepend":
				value = v.value + value
			case len(value) != 8 || len(v.value) != 8:
				return "", false, errModel
			default:
				sum := binary.LittleEndian.Uint64([]byte(value)) + binary.LittleEndian.Uint64([]byte(v.value))
				value = string(binary.LittleEndian.AppendUint64(nil, sum))
			}
		default:
			value, present = "", false
		}
	}
	return value, present, nil
}

// olderVersions are what an older source may say.
var olderVersions = []version{
	{trailer: key.MakeTrailer(0, key.KindDelete)},
	{trailer: key.MakeTrailer(0, key.KindPut), value: "older"},
	{trailer: key.MakeTrailer(0, key.KindPut), value: "\x07\x00\x00\x00\x00\x00\x00\x00"},
	{trailer: key.MakeTrailer(0, key.KindPutWithExpiry), value: "\x20\x00\x00\x00\x00\x00\x00\x0012345678"},
	{trailer: key.MakeTrailer(0, key.KindMerge), op: merge.Append, value: "oldest"},
}

// compareEntry claims that an entry says what versions, newest first and a merge among them, do: to a
// user, at any time, and with anything older.
func compareEntry(t *testing.T, r *rand.Rand, ops *merge.Operators, e merge.Entry, said []version, complete bool) {
	t.Helper()
	if got := e.Kind != key.KindMerge || merge.Complete(e.Value); got != complete {
		t.Fatalf("%v %q is complete: %v; want %v, of %v", e.Kind, e.Value, got, complete, said)
	}
	older := olderVersions[r.IntN(len(olderVersions))]
	if !complete {
		said = append(slices.Clip(said), older)
	}
	sum := ops.Combine(nil, older.stored(), e)
	for _, now := range []int64{0, 30, r.Int64N(130), 200} {
		got, present, err := ops.Resolve(nil, sum, now)
		want, wantPresent, wantErr := resolve(said, now)
		if (err != nil) != (wantErr != nil) || err == nil && (present != wantPresent || string(got) != want) {
			t.Fatalf("at time %d: %q %v %v; want %q %v %v, of %v", now, got, present, err, want, wantPresent, wantErr, said)
		}
	}
}
