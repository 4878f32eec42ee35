package expr

import (
	"cmp"
	"strings"

	"github.com/middb/middb/catalog"
)

// A compareStep compares two operands. It is NULL where one of them is.
type compareStep struct {
	op   Op
	x, y operand
	comparer
}

// A comparer is the memory of comparisons.
type comparer struct {
	live   selection
	chosen selection
	result result
}

func (s *compareStep) load(in input) (x, y side, err error) {
	if x.v, x.c, err = s.x.load(in); err == nil {
		y.v, y.c, err = s.y.load(in)
	}
	return x, y, err
}

func (s *compareStep) eval(in input) (*catalog.Vector, error) {
	x, y, err := s.load(in)
	if err != nil {
		return nil, err
	}
	out := s.result.reset(boolType, in.n)
	if x.null() || y.null() {
		s.result.setNull(in.sel, in.n)
		return out, nil
	}
	live := s.result.nullWhere(in, &s.live, x.v, y.v)
	s.chosen = pick(s.op, x, y, live, s.chosen.empty(in.n))
	for _, i := range in.sel {
		out.Ints[i] = 0
	}
	for _, i := range s.chosen {
		out.Ints[i] = 1
	}
	return out, nil
}

func (s *compareStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	x, y, err := s.load(in)
	if err != nil {
		return dst, err
	}
	op := s.op
	if !wanted {
		op = opposites[op]
	}
	return s.comparer.choose(op, x, y, in, dst), nil
}

// choose appends the places at which two sides compare so.
func (s *comparer) choose(op Op, x, y side, in input, dst []int32) []int32 {
	if x.null() || y.null() {
		return dst
	}
	return pick(op, x, y, s.live.live(in, x.v, y.v), dst)
}

// opposites are the comparisons that are true where others are false.
var opposites = map[Op]Op{
	OpEqual: OpNotEqual, OpNotEqual: OpEqual, OpLess: OpGreaterEqual, OpGreaterEqual: OpLess, OpGreater: OpLessEqual, OpLessEqual: OpGreater,
}

// mirrored are the comparisons of the same operands in the other order.
var mirrored = map[Op]Op{
	OpEqual: OpEqual, OpNotEqual: OpNotEqual, OpLess: OpGreater, OpGreater: OpLess, OpLessEqual: OpGreaterEqual, OpGreaterEqual: OpLessEqual,
}

// A side of a comparison is a vector or, if there is none, a scalar.
type side struct {
	v *catalog.Vector
	c catalog.Value
}

// null reports whether the side is a scalar that is NULL.
func (s side) null() bool { return s.v == nil && s.c.IsNull() }

func (s side) value(i int32) catalog.Value {
	if s.v == nil {
		return s.c
	}
	return s.v.Value(int(i))
}

// kind returns that of the values.
func (s side) kind() catalog.Kind {
	if s.v == nil {
		return s.c.Kind()
	}
	return s.v.Kind
}

// pick appends the places at which two sides compare so. Nothing is NULL there.
func pick(op Op, x, y side, in input, dst []int32) []int32 {
	if len(in.sel) == 0 {
		return dst
	}
	if x.v == nil {
		x, y, op = y, x, mirrored[op]
	}
	switch {
	case x.v == nil:
	case y.v == nil:
		if s, ok := spanFor(op, x.v, y.c); ok {
			return s.within(x.v, in, dst)
		}
		if x.v.Kind == catalog.String && y.c.Kind() == catalog.String {
			return textsCompared(op, x.v.Texts, y.c.AsString(), in, dst)
		}
	case x.v.Kind == catalog.Decimal || y.v.Kind == catalog.Decimal:
		if exact(x.v.Kind) && exact(y.v.Kind) && x.v.Scales == nil && y.v.Scales == nil {
			return decimalsCompared(op, x.v, y.v, in, dst)
		}
	case x.v.Kind != y.v.Kind:
	case x.v.Kind == catalog.Float64:
		return floatsCompared(op, x.v.Floats, y.v.Floats, in, dst)
	case x.v.Kind == catalog.String, x.v.Kind == catalog.UUID, x.v.Kind == catalog.Bytes:
		return pairsCompared(op, x.v.Texts, y.v.Texts, in, dst)
	case x.v.Kind == catalog.Int64, x.v.Kind == catalog.Bool, moment(x.v.Kind):
		return pairsCompared(op, x.v.Ints, y.v.Ints, in, dst)
	}
	table := holds(op)
	for _, i := range in.sel {
		if table[1+min(max(catalog.Compare(x.value(i), y.value(i)), -1), 1)] {
			dst = append(dst, i)
		}
	}
	return dst
}

// textsCompared compares texts with one.
func textsCompared(op Op, texts []string, c string, in input, dst []int32) []int32 {
	dst, k := room(dst, len(in.sel))
	if op == OpEqual || op == OpNotEqual {
		equal := op == OpEqual
		for _, i := range in.sel {
			dst[k] = i
			if (texts[i] == c) == equal {
				k++
			}
		}
		return dst[:k]
	}
	table := holds(op)
	for _, i := range in.sel {
		dst[k] = i
		if table[1+strings.Compare(texts[i], c)] {
			k++
		}
	}
	return dst[:k]
}

// pairsCompared compares values with others.
func pairsCompared[E cmp.Ordered](op Op, x, y []E, in input, dst []int32) []int32 {
	if op == OpGreater || op == OpGreaterEqual {
		x, y, op = y, x, mirrored[op]
	}
	dst, k := room(dst, len(in.sel))
	switch op {
	case OpEqual:
		for _, i := range in.sel {
			dst[k] = i
			if x[i] == y[i] {
				k++
			}
		}
	case OpNotEqual:
		for _, i := range in.sel {
			dst[k] = i
			if x[i] != y[i] {
				k++
			}
		}
	case OpLess:
		for _, i := range in.sel {
			dst[k] = i
			if x[i] < y[i] {
				k++
			}
		}
	default:
		for _, i := range in.sel {
			dst[k] = i
			if x[i] <= y[i] {
				k++
			}
		}
	}
	return dst[:k]
}

// floatsCompared compares positions, of which all NaNs have the same.
func floatsCompared(op Op, x, y []float64, in input, dst []int32) []int32 {
	table := holds(op)
	dst, k := room(dst, len(in.sel))
	for _, i := range in.sel {
		dst[k] = i
		p, q := floatPosition(x[i]), floatPosition(y[i])
		less, more := 0, 0
		if p < q {
			less = 1
		}
		if p > q {
			more = 1
		}
		if table[1+more-less] {
			k++
		}
	}
	return dst[:k]
}

// decimalsCompared compares numbers that have one scale on either side.
func decimalsCompared(op Op, x, y *catalog.Vector, in input, dst []int32) []int32 {
	a, b := x.Scale*isDecimal(x.Kind), y.Scale*isDecimal(y.Kind)
	if a == b {
		return pairsCompared(op, x.Ints, y.Ints, in, dst)
	}
	if a > b {
		return decimalsCompared(mirrored[op], y, x, in, dst)
	}
	table, unit := holds(op), int64(pow10[min(b-a, maxDigits)])
	limit := int64(1<<63-1) / unit
	dst, k := room(dst, len(in.sel))
	for _, i := range in.sel {
		dst[k] = i
		n := x.Ints[i]
		var c int
		if n > limit || n < -limit {
			c = catalog.Compare(catalog.DecimalOf(n, a), catalog.DecimalOf(y.Ints[i], b))
		} else {
			c = cmp.Compare(n*unit, y.Ints[i])
		}
		if table[1+c] {
			k++
		}
	}
	return dst[:k]
}

// A betweenStep is X BETWEEN Low AND High: X >= Low AND X <= High, all of which are computed in any case.
type betweenStep struct {
	not          bool
	x, low, high operand
	comparer
	rest, more selection
	truths     truths
}

func (s *betweenStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	var x, low, high side
	var err error
	if x.v, x.c, err = s.x.load(in); err != nil {
		return dst, err
	}
	if low.v, low.c, err = s.low.load(in); err != nil {
		return dst, err
	}
	if high.v, high.c, err = s.high.load(in); err != nil {
		return dst, err
	}
	return s.inside(x, low, high, in, dst, wanted != s.not), nil
}

// inside appends the places where X is between, or is not. Then it need not be known whether it is on both sides.
func (s *betweenStep) inside(x, low, high side, in input, dst []int32, within bool) []int32 {
	if x.null() {
		return dst
	}
	if x.v != nil && low.v == nil && high.v == nil && !low.null() && !high.null() {
		a, ok := spanFor(OpGreaterEqual, x.v, low.c)
		b, alike := spanFor(OpLessEqual, x.v, high.c)
		if ok && alike {
			both := a.and(b)
			if !within {
				both = both.complement()
			}
			return both.within(x.v, s.live.live(in, x.v), dst)
		}
	}
	if within {
		s.rest = s.comparer.choose(OpGreaterEqual, x, low, in, s.rest.empty(in.n))
		return s.comparer.choose(OpLessEqual, x, high, in.at(s.rest), dst)
	}
	s.chosen = s.comparer.choose(OpLess, x, low, in, s.chosen.empty(in.n))
	s.rest = without(s.rest.empty(in.n), in.sel, s.chosen)
	s.more = s.comparer.choose(OpGreater, x, high, in.at(s.rest), s.more.empty(in.n))
	return merged(dst, s.chosen, s.more)
}

func (s *betweenStep) eval(in input) (*catalog.Vector, error) { return s.truths.eval(s, in) }
