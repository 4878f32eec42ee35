package exec

import (
	"github.com/middb/middb/catalog"
)

// bitsOf is what BOOL_AND, BOOL_OR, BIT_AND, BIT_OR and BIT_XOR have of a group.
type bitsOf struct {
	n    int64
	seen bool
}

// bitwise is those functions. Bools are 0 and 1.
type bitwise struct {
	groups  []bitsOf
	kind    catalog.Kind
	combine func(x, y int64) int64
}

func andBits(x, y int64) int64 { return x & y }
func orBits(x, y int64) int64  { return x | y }
func xorBits(x, y int64) int64 { return x ^ y }

func (a *bitwise) grow(n int) { a.groups = grown(a.groups, n) }

func (a *bitwise) add(args []*catalog.Vector, rows, groups []int32) error {
	v := args[0]
	for i, g := range groups {
		a.see(g, v.Ints[rows[i]])
	}
	return nil
}

func (a *bitwise) see(g int32, n int64) {
	s := &a.groups[g]
	if s.seen {
		n = a.combine(s.n, n)
	}
	*s = bitsOf{n, true}
}

func (a *bitwise) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	switch {
	case !s.seen:
		return catalog.Null(), nil
	case a.kind == catalog.Bool:
		return catalog.BoolOf(s.n != 0), nil
	default:
		return catalog.Int(s.n), nil
	}
}

func (a *bitwise) merge(to, from int32) error {
	if s := a.groups[from]; s.seen {
		a.see(to, s.n)
	}
	return nil
}

func (a *bitwise) zero(group int32) { a.groups[group] = bitsOf{} }

func (a *bitwise) bytes() int64 { return 16 * int64(cap(a.groups)) }
func (a *bitwise) reset()       { a.groups = a.groups[:0] }
