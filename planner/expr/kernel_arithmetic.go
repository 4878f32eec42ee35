package expr

import (
	"math"
	"math/bits"

	"github.com/middb/middb/catalog"
)

// An arithmeticStep computes + - * / % of two numbers of a kind. Loops compute what fits into 64 bits; an element for which
// they cannot say that it does is computed as programs do.
type arithmeticStep struct {
	op     Op
	typ    catalog.Type
	x, y   operand
	slow   operation
	live   selection
	result result
}

// newArithmetic returns nil if there is no such operation.
func newArithmetic(n *Node, args []operand) step {
	slow := arithmeticOf(n.Op, n.Type.Kind)
	if slow == nil {
		return nil
	}
	return &arithmeticStep{op: n.Op, typ: n.Type, x: args[0], y: args[1], slow: slow}
}

func (s *arithmeticStep) choose(_ input, dst []int32, _ bool) ([]int32, error) {
	return dst, errGivenUp // no number is true
}

func (s *arithmeticStep) eval(in input) (*catalog.Vector, error) {
	var x, y side
	var err error
	if x.v, x.c, err = s.x.load(in); err != nil {
		return nil, err
	}
	if y.v, y.c, err = s.y.load(in); err != nil {
		return nil, err
	}
	out := s.result.reset(s.typ, in.n)
	if x.null() || y.null() {
		s.result.setNull(in.sel, in.n)
		return out, nil
	}
	live := s.result.nullWhere(in, &s.live, x.v, y.v)
	if len(live.sel) == 0 {
		return out, nil
	}
	if x.kind() != s.typ.Kind || y.kind() != s.typ.Kind {
		return nil, errGivenUp
	}
	switch s.typ.Kind {
	case catalog.Float64:
		return out, s.floats(x, y, live)
	case catalog.Decimal:
		return out, s.decimals(x, y, live)
	default:
		return out, s.ints(x, y, live)
	}
}

// element computes a value as programs do.
func (s *arithmeticStep) element(x, y side, i int32, n int) error {
	v, err := s.slow(x.value(i), y.value(i))
	if err == nil {
		s.result.set(int(i), n, v)
	}
	return err
}

// each computes all values as programs do.
func (s *arithmeticStep) each(x, y side, in input) error {
	for _, i := range in.sel {
		if err := s.element(x, y, i, in.n); err != nil {
			return err
		}
	}
	return nil
}

// A run is the numbers of an operand: those of a vector, or the same one for all, to which every index is masked.
type run[E any] struct {
	values []E
	mask   int32
}

func (s *arithmeticStep) ints(x, y side, in input) error {
	a, b := intRun(x), intRun(y)
	out, failed := s.result.v.Ints, uint64(0)
	switch s.op {
	case OpAdd:
		for _, i := range in.sel {
			v, w := a.values[i&a.mask], b.values[i&b.mask]
			r := v + w
			out[i], failed = r, failed|uint64((v^r)&(w^r))
		}
	case OpSubtract:
		for _, i := range in.sel {
			v, w := a.values[i&a.mask], b.values[i&b.mask]
			r := v - w
			out[i], failed = r, failed|uint64((v^w)&(v^r))
		}
	case OpMultiply:
		for _, i := range in.sel {
			hi, lo := product(a.values[i&a.mask], b.values[i&b.mask])
			out[i] = lo
			if hi != lo>>63 {
				return errGivenUp
			}
		}
		return nil
	default:
		return s.each(x, y, in)
	}
	if failed>>63 != 0 {
		return errGivenUp
	}
	return nil
}

// product returns a product of 128 bits.
func product(x, y int64) (hi, lo int64) {
	h, l := bits.Mul64(uint64(x), uint64(y))
	return int64(h) - x>>63&y - y>>63&x, int64(l)
}

func intRun(s side) run[int64] {
	if s.v == nil {
		n := s.c.AsInt()
		if s.c.Kind() == catalog.Decimal {
			n, _ = s.c.AsDecimal()
		}
		return run[int64]{[]int64{n}, 0}
	}
	return run[int64]{s.v.Ints, -1}
}

func floatRun(s side) run[float64] {
	if s.v == nil {
		return run[float64]{[]float64{s.c.AsFloat()}, 0}
	}
	return run[float64]{s.v.Floats, -1}
}

// floats checks no more than that results are finite, and not 0 where they could be too small. What is not finite makes
// bad NaN for ever.
func (s *arithmeticStep) floats(x, y side, in input) error {
	a, b := floatRun(x), floatRun(y)
	out, bad := s.result.v.Floats, 0.0
	switch s.op {
	case OpAdd:
		for _, i := range in.sel {
			r := a.values[i&a.mask] + b.values[i&b.mask]
			out[i] = r
			bad += r - r
		}
	case OpSubtract:
		for _, i := range in.sel {
			r := a.values[i&a.mask] - b.values[i&b.mask]
			out[i] = r
			bad += r - r
		}
	case OpMultiply:
		for _, i := range in.sel {
			r := a.values[i&a.mask] * b.values[i&b.mask]
			out[i] = r
			if bad += r - r; r == 0 {
				bad = math.NaN()
			}
		}
	default:
		for _, i := range in.sel {
			w := b.values[i&b.mask]
			r := a.values[i&a.mask] / w
			out[i] = r
			if bad += r - r + (w - w); r == 0 || w == 0 {
				bad = math.NaN()
			}
		}
	}
	if bad != 0 {
		return s.each(x, y, in)
	}
	return nil
}

// decimals computes sums, differences and products whose digits fit.
func (s *arithmeticStep) decimals(x, y side, in input) error {
	xScale, one := scaleIn(x)
	yScale, other := scaleIn(y)
	if !one || !other || max(xScale, yScale) > maxDigits {
		return s.each(x, y, in)
	}
	a, b := intRun(x), intRun(y)
	switch s.op {
	case OpMultiply:
		if xScale+yScale > maxDigits {
			return s.each(x, y, in)
		}
		s.result.v.Scale = xScale + yScale
		out := s.result.v.Ints
		for _, i := range in.sel {
			hi, lo := product(a.values[i&a.mask], b.values[i&b.mask])
			if hi == lo>>63 && uint64(lo)+maxUnscaled <= 2*maxUnscaled {
				out[i] = lo
			} else if err := s.element(x, y, i, in.n); err != nil {
				return err
			} else if s.result.v.Scales != nil {
				return s.each(x, y, in)
			}
		}
		return nil
	case OpAdd, OpSubtract:
		s.result.v.Scale = max(xScale, yScale)
		return s.sums(x, y, in, s.result.v.Scale-xScale, s.result.v.Scale-yScale)
	default:
		return s.each(x, y, in)
	}
}

// sums computes sums and differences of numbers that get more places.
func (s *arithmeticStep) sums(x, y side, in input, xPlaces, yPlaces uint8) error {
	a, b := intRun(x), intRun(y)
	xUnit, yUnit := int64(pow10[xPlaces]), int64(pow10[yPlaces])
	xLimit, yLimit := uint64(maxUnscaled/xUnit), uint64(maxUnscaled/yUnit)
	if s.op == OpSubtract {
		yUnit = -yUnit
	}
	out, bad := s.result.v.Ints, uint64(0)
	for _, i := range in.sel {
		v, w := a.values[i&a.mask], b.values[i&b.mask]
		r := v*xUnit + w*yUnit
		out[i] = r
		bad |= beyond(v, xLimit) | beyond(w, yLimit) | beyond(r, maxUnscaled)
	}
	if bad < signBit {
		return nil
	}
	return s.each(x, y, in)
}

// beyond returns a number with the sign bit if an amount is greater than a limit, which is at most 10^18.
func beyond(n int64, limit uint64) uint64 {
	u := uint64(n) + limit
	return u | (2*limit - u)
}

// scaleIn returns the scale of DECIMALs, if all have the same.
func scaleIn(s side) (uint8, bool) {
	if s.v == nil {
		_, scale := s.c.AsDecimal()
		return scale, true
	}
	return s.v.Scale, s.v.Scales == nil
}
