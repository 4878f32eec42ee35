package exec

import (
	"math/bits"

	"github.com/middb/middb/catalog"
)

// A joinTable finds rows of a buffer by columns of it. It is a hash table with open addressing whose entries are the first
// rows with their keys; next leads to the others, in the order of the buffer. Rows with a NULL among their keys are in none.
// Rows are counted from 1 here, so that 0 is none.
type joinTable struct {
	buffer *rowBuffer
	places []int // of the keys in the buffer
	kind   catalog.Kind
	next   []int32 // of each row: the next one of its key; nil: keys are unique
	shift  uint    // a hash without its lowest so many bits is a place

	// Keys that are one number, and not a DECIMAL, are in ints; in dense, by their distance from low, if they lie close.
	ints      []joinSlot
	dense     []int32
	low, high int64

	slots   []joinEntry // of one text or anything else
	texts   []string    // the keys if each is one text
	encoded keyEncoder  // the others: those of all rows
	probing keyEncoder
}

type joinSlot struct {
	key int64
	row int32
}

type joinEntry struct {
	hash uint32
	row  int32
}

// joinRowBytes is about what a table takes for a row, besides the buffer.
const joinRowBytes = 36

// newJoinTable makes the table of the rows of a buffer, which does not change any more.
func newJoinTable(buffer *rowBuffer, places []int) *joinTable {
	t := &joinTable{buffer: buffer, places: places}
	if len(places) == 1 {
		t.kind = buffer.columns[places[0]].Kind
	}
	size := max(4, bits.Len(uint(2*buffer.n)))
	t.shift = uint(64 - size)
	switch {
	case len(places) == 1 && class(t.kind) == ofNothing: // no row has a key
	case len(places) == 1 && class(t.kind) == ofInts && t.kind != catalog.Decimal:
		t.buildInts(buffer.columns[places[0]], size)
	case len(places) == 1 && class(t.kind) == ofTexts:
		t.slots = make([]joinEntry, 1<<size)
		t.buildTexts(buffer.columns[places[0]])
	default:
		t.slots = make([]joinEntry, 1<<size)
		t.buildEncoded()
	}
	return t
}

// link puts a row before those of its key.
func (t *joinTable) link(row, before int32) {
	if t.next == nil {
		t.next = make([]int32, t.buffer.n+1)
	}
	t.next[row] = before
}

func (t *joinTable) buildInts(v *catalog.Vector, size int) {
	n := t.buffer.n
	first := true
	for i, x := range v.Ints[:n] {
		if v.Nulls != nil && v.Nulls[i] {
			continue
		}
		if first {
			t.low, t.high, first = x, x, false
		}
		t.low, t.high = min(t.low, x), max(t.high, x)
	}
	if first {
		return
	}
	if span := uint64(t.high) - uint64(t.low); span < uint64(4*n+256) {
		t.dense = make([]int32, span+1)
	} else {
		t.ints = make([]joinSlot, 1<<size)
	}
	for i := n - 1; i >= 0; i-- {
		if v.Nulls != nil && v.Nulls[i] {
			continue
		}
		row := int32(i + 1)
		at := t.intPlace(v.Ints[i])
		if *at != 0 {
			t.link(row, *at)
		}
		*at = row
	}
}

// intPlace returns where the first row of a key is, or goes.
func (t *joinTable) intPlace(k int64) *int32 {
	if t.dense != nil {
		return &t.dense[uint64(k)-uint64(t.low)]
	}
	mask := uint64(len(t.ints) - 1)
	for i := hashInt(k) >> t.shift; ; i = (i + 1) & mask {
		if s := &t.ints[i]; s.row == 0 || s.key == k {
			s.key = k
			return &s.row
		}
	}
}

func (t *joinTable) buildTexts(v *catalog.Vector) {
	t.texts = v.Texts
	mask := uint64(len(t.slots) - 1)
	for i := t.buffer.n - 1; i >= 0; i-- {
		if v.Nulls != nil && v.Nulls[i] {
			continue
		}
		h, s := hashBytes(bytesOf(v.Texts[i])), v.Texts[i]
		at := h >> t.shift
		for t.slots[at].row != 0 && (t.slots[at].hash != uint32(h) || t.texts[t.slots[at].row-1] != s) {
			at = (at + 1) & mask
		}
		t.put(at, h, int32(i+1))
	}
}

// put has a row be the first one of its key.
func (t *joinTable) put(at, hash uint64, row int32) {
	if t.slots[at].row != 0 {
		t.link(row, t.slots[at].row)
	}
	t.slots[at] = joinEntry{uint32(hash), row}
}

// equalityKeys returns what a keyEncoder wants to know of columns.
func equalityKeys(places []int) []sortKey {
	keys := make([]sortKey, len(places))
	for i, at := range places {
		keys[i].place = at
	}
	return keys
}

func (t *joinTable) buildEncoded() {
	t.encoded.keys = equalityKeys(t.places)
	t.encoded.encode(t.buffer.columns, ascendingPlaces(t.buffer.n))
	mask := uint64(len(t.slots) - 1)
	for i := t.buffer.n - 1; i >= 0; i-- {
		if anyNull(t.buffer.columns, t.places, i) {
			continue
		}
		k := t.encoded.key(i)
		h := hashBytes(k)
		at := h >> t.shift
		for t.slots[at].row != 0 && (t.slots[at].hash != uint32(h) || string(t.encoded.key(int(t.slots[at].row-1))) != string(k)) {
			at = (at + 1) & mask
		}
		t.put(at, h, int32(i+1))
	}
}

func anyNull(columns []*catalog.Vector, places []int, i int) bool {
	for _, at := range places {
		if columns[at].IsNull(i) {
			return true
		}
	}
	return false
}

// lookup appends to heads the first row of the key of each of some rows: 0 if there is none.
func (t *joinTable) lookup(heads []int32, columns []*catalog.Vector, places []int, rows []int32) []int32 {
	from := len(heads)
	heads = extend(heads, from+len(rows))
	found := heads[from:]
	v := columns[places[0]]
	switch {
	case len(places) == 1 && (v.Kind == 0 || t.kind == 0):
		clear(found)
	case t.dense != nil && v.Kind == t.kind:
		t.lookupDense(found, v, rows)
	case t.ints != nil && v.Kind == t.kind:
		t.lookupInts(found, v, rows)
	case t.texts != nil && v.Kind == t.kind:
		t.lookupTexts(found, v, rows)
	case t.encoded.keys != nil:
		t.lookupEncoded(found, columns, places, rows)
	default: // all keys of the table are NULL
		clear(found)
	}
	return heads
}

func (t *joinTable) lookupDense(found []int32, v *catalog.Vector, rows []int32) {
	low, dense := uint64(t.low), t.dense
	for k, i := range rows {
		row := int32(0)
		if at := uint64(v.Ints[i]) - low; at < uint64(len(dense)) {
			row = dense[at]
		}
		if v.Nulls != nil && v.Nulls[i] {
			row = 0
		}
		found[k] = row
	}
}

func (t *joinTable) lookupInts(found []int32, v *catalog.Vector, rows []int32) {
	mask, slots := uint64(len(t.ints)-1), t.ints
	for k, i := range rows {
		if found[k] = 0; v.Nulls != nil && v.Nulls[i] {
			continue
		}
		x := v.Ints[i]
		at := hashInt(x) >> t.shift
		for slots[at].row != 0 {
			if slots[at].key == x {
				found[k] = slots[at].row
				break
			}
			at = (at + 1) & mask
		}
	}
}

func (t *joinTable) lookupTexts(found []int32, v *catalog.Vector, rows []int32) {
	mask, slots := uint64(len(t.slots)-1), t.slots
	for k, i := range rows {
		if found[k] = 0; v.Nulls != nil && v.Nulls[i] {
			continue
		}
		s := v.Texts[i]
		h := hashBytes(bytesOf(s))
		at := h >> t.shift
		for slots[at].row != 0 {
			if slots[at].hash == uint32(h) && t.texts[slots[at].row-1] == s {
				found[k] = slots[at].row
				break
			}
			at = (at + 1) & mask
		}
	}
}

func (t *joinTable) lookupEncoded(found []int32, columns []*catalog.Vector, places []int, rows []int32) {
	if t.probing.keys == nil {
		t.probing.keys = equalityKeys(places)
	}
	t.probing.encode(columns, rows)
	mask, slots := uint64(len(t.slots)-1), t.slots
	for k, i := range rows {
		if found[k] = 0; anyNull(columns, places, int(i)) {
			continue
		}
		key := t.probing.key(k)
		h := hashBytes(key)
		at := h >> t.shift
		for slots[at].row != 0 {
			if slots[at].hash == uint32(h) && string(t.encoded.key(int(slots[at].row-1))) == string(key) {
				found[k] = slots[at].row
				break
			}
			at = (at + 1) & mask
		}
	}
}
