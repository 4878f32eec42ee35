package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// fewItems is how many items of IN are compared one after the other.
const fewItems = 8

// An inStep is X IN (constants).
type inStep struct {
	not    bool
	x      operand
	list   []catalog.Value // not NULL
	null   bool            // one of the constants is
	kind   catalog.Kind    // for which ints or texts were made
	scale  uint8
	ints   itemSet[int64]
	texts  itemSet[string]
	live   selection
	truths truths
}

// newInStep returns nil if the items are not constant.
func newInStep(n *Node, args []operand) step {
	s := &inStep{not: n.Not, x: args[0]}
	for _, x := range n.Args[1:] {
		if x.Op != OpConstant {
			return nil
		}
		if x.Value.IsNull() {
			s.null = true
		} else {
			s.list = append(s.list, x.Value)
		}
	}
	return s
}

func (s *inStep) eval(in input) (*catalog.Vector, error) { return s.truths.eval(s, in) }

func (s *inStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, _, err := s.x.load(in)
	wanted = wanted != s.not
	if err != nil || !wanted && s.null { // then it is NULL where it is not true
		return dst, err
	}
	if v == nil {
		return dst, errGivenUp
	}
	in = s.live.live(in, v)
	if len(in.sel) == 0 {
		return dst, nil
	}
	switch v.Kind {
	case catalog.Int64, catalog.Decimal, catalog.Date, catalog.Timestamp:
		if v.Scales == nil {
			s.prepare(v)
			return s.ints.choose(v.Ints, in, dst, wanted), nil
		}
	case catalog.String:
		s.prepare(v)
		return s.texts.choose(v.Texts, in, dst, wanted), nil
	default:
	}
	for _, i := range in.sel {
		x := v.Value(int(i))
		if slices.ContainsFunc(s.list, func(y catalog.Value) bool { return catalog.Compare(x, y) == 0 }) == wanted {
			dst = append(dst, i)
		}
	}
	return dst, nil
}

// prepare makes sets of what items are in vectors like this one. What cannot be in them is left out.
func (s *inStep) prepare(v *catalog.Vector) {
	scale := v.Scale * isDecimal(v.Kind)
	if s.kind == v.Kind && s.scale == scale {
		return
	}
	s.kind, s.scale = v.Kind, scale
	s.ints, s.texts = itemSet[int64]{}, itemSet[string]{}
	for _, x := range s.list {
		if v.Kind == catalog.String && x.Kind() == catalog.String {
			s.texts.add(x.AsString())
			continue
		}
		if p, ok := spanFor(OpEqual, v, x); ok && !p.none {
			s.ints.add(int64(p.first ^ signBit))
		}
	}
}

// An itemSet is a few items, or many.
type itemSet[E comparable] struct {
	list []E
	set  map[E]struct{}
}

func (s *itemSet[E]) add(x E) {
	if s.list = append(s.list, x); len(s.list) <= fewItems {
		return
	}
	if s.set == nil {
		s.set = map[E]struct{}{}
		for _, y := range s.list {
			s.set[y] = struct{}{}
		}
	}
	s.set[x] = struct{}{}
}

// choose appends the places at which values are in the set, or not.
func (s *itemSet[E]) choose(values []E, in input, dst []int32, wanted bool) []int32 {
	dst, k := room(dst, len(in.sel))
	if s.set != nil {
		for _, i := range in.sel {
			dst[k] = i
			if _, found := s.set[values[i]]; found == wanted {
				k++
			}
		}
		return dst[:k]
	}
	for _, i := range in.sel {
		dst[k] = i
		if slices.Contains(s.list, values[i]) == wanted {
			k++
		}
	}
	return dst[:k]
}
