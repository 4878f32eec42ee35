package exec

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// An accumulator computes an aggregate function for any number of groups, which are numbered from 0.
type accumulator interface {
	// grow has there be n groups. Those that are new have seen no row.
	grow(n int)
	// add has groups see rows: groups[i] the arguments at the place rows[i].
	add(args []*catalog.Vector, rows, groups []int32) error
	// value returns the result of a group, which may see more rows afterwards.
	value(group int32) (catalog.Value, error)
	// bytes estimates the memory of all groups.
	bytes() int64
	// reset has there be no groups.
	reset()
}

// A merging accumulator can do without the rows.
type merging interface {
	accumulator
	// merge has a group see what another one has seen, behind what it has seen itself. That one stays as it is.
	merge(to, from int32) error
	// zero has a group have seen no row.
	zero(group int32)
}

// grown returns the slice with n elements, those that are new zeros.
func grown[E any](s []E, n int) []E {
	old := len(s)
	if n <= old {
		return s
	}
	s = extend(s, n)
	clear(s[old:])
	return s
}

// counter is COUNT.
type counter struct{ counts []int64 }

func (a *counter) grow(n int) { a.counts = grown(a.counts, n) }

func (a *counter) add(_ []*catalog.Vector, _, groups []int32) error {
	for _, g := range groups {
		a.counts[g]++
	}
	return nil
}

func (a *counter) value(group int32) (catalog.Value, error) { return catalog.Int(a.counts[group]), nil }

func (a *counter) merge(to, from int32) error {
	a.counts[to] += a.counts[from]
	return nil
}

func (a *counter) zero(group int32) { a.counts[group] = 0 }

func (a *counter) bytes() int64 { return 8 * int64(cap(a.counts)) }
func (a *counter) reset()       { a.counts = a.counts[:0] }

// intSum is the sum of integers of a group.
type intSum struct {
	sum   wide
	count int64
}

// intSums is SUM and AVG of BIGINT.
type intSums struct {
	groups  []intSum
	average bool
}

func (a *intSums) grow(n int) { a.groups = grown(a.groups, n) }

func (a *intSums) add(args []*catalog.Vector, rows, groups []int32) error {
	values := args[0].Ints
	for i, g := range groups {
		s := &a.groups[g]
		s.sum = s.sum.plus(wideOf(values[rows[i]]))
		s.count++
	}
	return nil
}

func (a *intSums) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	if s.count == 0 {
		return catalog.Null(), nil
	}
	if a.average {
		return s.sum.over(s.count, 0)
	}
	n, ok := s.sum.int64()
	if !ok {
		return catalog.Null(), sqlstate.New(sqlstate.OutOfRange, -1, "the sum is out of range for BIGINT").
			WithHint("sum DECIMALs or DOUBLE PRECISION: sum(CAST(... AS DOUBLE PRECISION))")
	}
	return catalog.Int(n), nil
}

func (a *intSums) merge(to, from int32) error {
	a.groups[to].sum = a.groups[to].sum.plus(a.groups[from].sum)
	a.groups[to].count += a.groups[from].count
	return nil
}

func (a *intSums) zero(group int32) { a.groups[group] = intSum{} }

func (a *intSums) bytes() int64 { return 24 * int64(cap(a.groups)) }
func (a *intSums) reset()       { a.groups = a.groups[:0] }

// decimalSum is the sum of the Decimals of a group, in units of 10^-scale: the largest scale of them.
type decimalSum struct {
	sum   wide
	count int64
	scale uint8
}

func (s *decimalSum) add(w wide, scale uint8) error {
	ok := true
	switch {
	case scale == s.scale:
	case scale < s.scale:
		w, ok = w.times(s.scale - scale)
	default:
		s.sum, ok = s.sum.times(scale - s.scale)
		s.scale = scale
	}
	sum := s.sum.plus(w)
	if !ok || (s.sum.hi^sum.hi)&(w.hi^sum.hi) < 0 {
		return tooManyDigits()
	}
	s.sum = sum
	return nil
}

// decimalSums is SUM and AVG of DECIMAL.
type decimalSums struct {
	groups  []decimalSum
	average bool
}

func (a *decimalSums) grow(n int) { a.groups = grown(a.groups, n) }

func (a *decimalSums) add(args []*catalog.Vector, rows, groups []int32) error {
	v := args[0]
	for i, g := range groups {
		s, row := &a.groups[g], rows[i]
		s.count++
		if scale := scaleAt(v, row); scale == s.scale && s.sum.hi < 1<<62 && s.sum.hi > -1<<62 {
			s.sum = s.sum.plus(wideOf(v.Ints[row]))
		} else if err := s.add(wideOf(v.Ints[row]), scale); err != nil {
			return err
		}
	}
	return nil
}

func (a *decimalSums) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	switch {
	case s.count == 0:
		return catalog.Null(), nil
	case a.average:
		return s.sum.over(s.count, s.scale)
	default:
		return s.sum.decimal(s.scale)
	}
}

func (a *decimalSums) merge(to, from int32) error {
	a.groups[to].count += a.groups[from].count
	return a.groups[to].add(a.groups[from].sum, a.groups[from].scale)
}

func (a *decimalSums) zero(group int32) { a.groups[group] = decimalSum{} }

func (a *decimalSums) bytes() int64 { return 32 * int64(cap(a.groups)) }
func (a *decimalSums) reset()       { a.groups = a.groups[:0] }

// floatSum is the sum of the floats of a group.
type floatSum struct {
	sum      float64
	count    int64
	infinite bool // one of them is
}

// floatSums is SUM and AVG of DOUBLE PRECISION, and TOTAL.
type floatSums struct {
	groups         []floatSum
	average, total bool
}

func (a *floatSums) grow(n int) { a.groups = grown(a.groups, n) }

func (a *floatSums) add(args []*catalog.Vector, rows, groups []int32) error {
	values := args[0].Floats
	for i, g := range groups {
		s, f := &a.groups[g], values[rows[i]]
		s.sum += f
		s.count++
		if f-f != 0 { // it is infinite or NaN
			s.infinite = true
		}
	}
	return nil
}

func (a *floatSums) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	switch {
	case s.count == 0 && a.total:
		return catalog.Float(0), nil
	case s.count == 0:
		return catalog.Null(), nil
	case math.IsInf(s.sum, 0) && !s.infinite && !a.total:
		return catalog.Null(), sqlstate.New(sqlstate.OutOfRange, -1, "the sum is out of range for DOUBLE PRECISION")
	case a.average:
		return catalog.Float(s.sum / float64(s.count)), nil
	default:
		return catalog.Float(s.sum), nil
	}
}

func (a *floatSums) merge(to, from int32) error {
	t, f := &a.groups[to], &a.groups[from]
	t.sum, t.count, t.infinite = t.sum+f.sum, t.count+f.count, t.infinite || f.infinite
	return nil
}

func (a *floatSums) zero(group int32) { a.groups[group] = floatSum{} }

func (a *floatSums) bytes() int64 { return 24 * int64(cap(a.groups)) }
func (a *floatSums) reset()       { a.groups = a.groups[:0] }
