package exec

import (
	"github.com/middb/middb/catalog"
)

// leastInt is the least, or greatest, of the numbers of a group.
type leastInt struct {
	n    int64
	seen bool
}

// leastInts is MIN and MAX of values that are kept as integers and compare as these do, and of Bools.
type leastInts struct {
	groups []leastInt
	kind   catalog.Kind
	most   bool
}

func (a *leastInts) grow(n int) { a.groups = grown(a.groups, n) }

func (a *leastInts) add(args []*catalog.Vector, rows, groups []int32) error {
	v := args[0]
	for i, g := range groups {
		a.see(g, v.Ints[rows[i]])
	}
	return nil
}

func (a *leastInts) see(g int32, n int64) {
	if s := &a.groups[g]; !s.seen || n != s.n && n < s.n != a.most {
		*s = leastInt{n, true}
	}
}

func (a *leastInts) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	if !s.seen {
		return catalog.Null(), nil
	}
	one := catalog.Vector{Kind: a.kind, Ints: []int64{s.n}}
	return one.Value(0), nil
}

func (a *leastInts) merge(to, from int32) error {
	if s := a.groups[from]; s.seen {
		a.see(to, s.n)
	}
	return nil
}

func (a *leastInts) zero(group int32) { a.groups[group] = leastInt{} }

func (a *leastInts) bytes() int64 { return 16 * int64(cap(a.groups)) }
func (a *leastInts) reset()       { a.groups = a.groups[:0] }

// leastFloat is the least, or greatest, of the floats of a group.
type leastFloat struct {
	f    float64
	word uint64
	seen bool
}

// leastFloats is MIN and MAX of DOUBLE PRECISION. NaN is above all others.
type leastFloats struct {
	groups []leastFloat
	most   bool
}

func (a *leastFloats) grow(n int) { a.groups = grown(a.groups, n) }

func (a *leastFloats) add(args []*catalog.Vector, rows, groups []int32) error {
	for i, g := range groups {
		f := args[0].Floats[rows[i]]
		a.see(g, leastFloat{f, floatWord(f), true})
	}
	return nil
}

func (a *leastFloats) see(g int32, f leastFloat) {
	if s := &a.groups[g]; !s.seen || f.word != s.word && f.word < s.word != a.most {
		*s = f
	}
}

func (a *leastFloats) value(group int32) (catalog.Value, error) {
	if s := &a.groups[group]; s.seen {
		return catalog.Float(s.f), nil
	}
	return catalog.Null(), nil
}

func (a *leastFloats) merge(to, from int32) error {
	if s := a.groups[from]; s.seen {
		a.see(to, s)
	}
	return nil
}

func (a *leastFloats) zero(group int32) { a.groups[group] = leastFloat{} }

func (a *leastFloats) bytes() int64 { return 24 * int64(cap(a.groups)) }
func (a *leastFloats) reset()       { a.groups = a.groups[:0] }

// leastTexts is MIN and MAX of texts.
type leastTexts struct {
	groups []leastText
	kind   catalog.Kind
	most   bool
	size   int64
}

// leastText is the least, or greatest, of the texts of a group.
type leastText struct {
	s    string
	seen bool
}

func (a *leastTexts) grow(n int) { a.groups = grown(a.groups, n) }

func (a *leastTexts) add(args []*catalog.Vector, rows, groups []int32) error {
	v := args[0]
	for i, g := range groups {
		a.see(g, v.Texts[rows[i]])
	}
	return nil
}

func (a *leastTexts) see(g int32, text string) {
	if s := &a.groups[g]; !s.seen || text != s.s && text < s.s != a.most {
		a.size += int64(len(text) - len(s.s))
		*s = leastText{text, true}
	}
}

func (a *leastTexts) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	if !s.seen {
		return catalog.Null(), nil
	}
	one := catalog.Vector{Kind: a.kind, Texts: []string{s.s}}
	return one.Value(0), nil
}

func (a *leastTexts) merge(to, from int32) error {
	if s := a.groups[from]; s.seen {
		a.see(to, s.s)
	}
	return nil
}

func (a *leastTexts) zero(group int32) { a.groups[group] = leastText{} }

func (a *leastTexts) bytes() int64 { return 24*int64(cap(a.groups)) + a.size }

func (a *leastTexts) reset() {
	clear(a.groups)
	a.groups, a.size = a.groups[:0], 0
}

// leastValues is MIN and MAX of all else, and ANY_VALUE.
type leastValues struct {
	groups []catalog.Value
	most   bool
	any    bool // the first one, whatever it is
}

func (a *leastValues) grow(n int) { a.groups = grown(a.groups, n) }

func (a *leastValues) add(args []*catalog.Vector, rows, groups []int32) error {
	for i, g := range groups {
		a.see(g, args[0].Value(int(rows[i])))
	}
	return nil
}

func (a *leastValues) see(g int32, v catalog.Value) {
	s := &a.groups[g]
	if s.IsNull() {
		*s = v
		return
	}
	if a.any {
		return
	}
	if c := catalog.Compare(v, *s); c < 0 && !a.most || c > 0 && a.most {
		*s = v
	}
}

func (a *leastValues) value(group int32) (catalog.Value, error) { return a.groups[group], nil }

func (a *leastValues) merge(to, from int32) error {
	if v := a.groups[from]; !v.IsNull() {
		a.see(to, v)
	}
	return nil
}

func (a *leastValues) zero(group int32) { a.groups[group] = catalog.Null() }

func (a *leastValues) bytes() int64 { return 32 * int64(cap(a.groups)) }

func (a *leastValues) reset() {
	clear(a.groups)
	a.groups = a.groups[:0]
}
