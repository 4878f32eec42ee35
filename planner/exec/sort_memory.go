package exec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// sortEntry is a row with a number that sorts as the beginning of its key.
type sortEntry struct {
	word uint64
	row  int32
}

// rowOrder sorts rows that are in memory. Its slices are used again.
type rowOrder struct {
	entries, other []sortEntry
	encoder        keyEncoder
	rows           []int32
}

// bytesPerSortedRow is what rowOrder needs besides the rows and their keys.
const bytesPerSortedRow = 2*16 + 4

// sort returns the first n rows of the columns in the order of the keys. Rows that are equal stay in their order. The result
// is valid until the next call.
func (o *rowOrder) sort(columns []*catalog.Vector, keys []sortKey, n int) []int32 {
	o.rows = extend(o.rows[:0], n)
	switch {
	case len(keys) == 0:
		copy(o.rows, ascending(n))
	case len(keys) == 1 && hasWords(columns[keys[0].place]):
		o.byWords(columns[keys[0].place], keys[0].order, n)
	default:
		o.byKeys(columns, keys, n)
	}
	return o.rows
}

// byWords sorts by one column whose values have words.
func (o *rowOrder) byWords(v *catalog.Vector, order key.Order, n int) {
	o.entries = extend(o.entries[:0], n)[:0]
	down := order&key.Descending != 0
	nulls := 0
	if v.Nulls == nil {
		for i := range int32(n) {
			o.entries = append(o.entries, sortEntry{wordOf(v, i, down), i})
		}
	} else {
		for i := range int32(n) {
			if v.Nulls[i] {
				nulls++
			} else {
				o.entries = append(o.entries, sortEntry{wordOf(v, i, down), i})
			}
		}
	}
	o.other = extend(o.other[:0], len(o.entries))
	radix(o.entries, o.other)
	rows, forNulls := o.rows[:n-nulls], o.rows[n-nulls:]
	if order&key.NullsFirst != 0 {
		rows, forNulls = o.rows[nulls:], o.rows[:nulls]
	}
	for i, e := range o.entries {
		rows[i] = e.row
	}
	if nulls == 0 {
		return
	}
	forNulls = forNulls[:0]
	for i := range int32(n) {
		if v.Nulls[i] {
			forNulls = append(forNulls, i)
		}
	}
}

// byKeys sorts by the bytes of keys.
func (o *rowOrder) byKeys(columns []*catalog.Vector, keys []sortKey, n int) {
	e := &o.encoder
	e.keys = keys
	e.encode(columns, ascending(n))
	o.entries, o.other = extend(o.entries[:0], n), extend(o.other[:0], n)
	for i := range o.entries {
		o.entries[i].row = int32(i)
	}
	o.byBytes(0, n, 0)
	for i, entry := range o.entries {
		o.rows[i] = entry.row
	}
}

// byBytes sorts entries whose keys are equal in their first bytes: by the 8 bytes behind these, and then in the same way
// those for which these are equal too.
func (o *rowOrder) byBytes(from, to, depth int) {
	e, some := &o.encoder, o.entries[from:to]
	if len(some) < fewEntries {
		slices.SortFunc(some, func(a, b sortEntry) int {
			if c := bytes.Compare(e.key(int(a.row))[depth:], e.key(int(b.row))[depth:]); c != 0 {
				return c
			}
			return cmp.Compare(a.row, b.row)
		})
		return
	}
	for i := range some {
		some[i].word = headOf(e.key(int(some[i].row))[depth:])
	}
	radix(some, o.other[from:to])
	for first := 0; first < len(some); {
		last := first + 1
		for last < len(some) && some[last].word == some[first].word {
			last++
		}
		// Keys are no beginnings of others, so that those that are equal end together.
		if last-first > 1 && len(e.key(int(some[first].row))) > depth+8 {
			o.byBytes(from+first, from+last, depth+8)
		}
		first = last
	}
}

// headOf returns a number that sorts as the first 8 bytes of a key do.
func headOf(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	u := uint64(0)
	for i, c := range b {
		u |= uint64(c) << (56 - 8*i)
	}
	return u
}

// fewEntries are sorted by comparison.
const fewEntries = 256

// radix sorts entries by their words, from the last byte to the first. What is equal stays in its order. Bytes that all
// words share cost nothing. Other is as long, for what is under way.
func radix(entries, other []sortEntry) {
	n := len(entries)
	if n < fewEntries {
		slices.SortStableFunc(entries, func(a, b sortEntry) int { return cmp.Compare(a.word, b.word) })
		return
	}
	var counts [8][256]int32
	sorted, last := true, uint64(0)
	for i := range entries {
		w := entries[i].word
		sorted = sorted && w >= last
		last = w
		for d := range counts {
			counts[d][byte(w>>(8*d))]++
		}
	}
	if sorted {
		return
	}
	from, to := entries, other
	for d := range counts {
		if counts[d][byte(last>>(8*d))] == int32(n) {
			continue
		}
		at := int32(0)
		for i, c := range counts[d] {
			counts[d][i] = at
			at += c
		}
		next := &counts[d]
		for i := range from {
			b := byte(from[i].word >> (8 * d))
			to[next[b]] = from[i]
			next[b]++
		}
		from, to = to, from
	}
	if &from[0] != &entries[0] {
		copy(entries, from)
	}
}

// release gives the memory back.
func (o *rowOrder) release() { *o = rowOrder{} }
