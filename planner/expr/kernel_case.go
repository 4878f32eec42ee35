package expr

import "github.com/middb/middb/catalog"

// A caseStep is CASE. Every result is computed for the rows that want it alone.
type caseStep struct {
	typ    catalog.Type
	args   []operand // condition, result, ..., else
	taken  selection
	rests  [2]selection
	result result
}

func (s *caseStep) eval(in input) (*catalog.Vector, error) {
	out := s.result.reset(s.typ, in.n)
	first, rest, last := true, in.sel, len(s.args)-1
	for i := 0; i < last && len(rest) > 0; i += 2 {
		var err error
		if s.taken, err = s.args[i].step.choose(in.at(rest), s.taken.empty(in.n), true); err != nil {
			return nil, err
		}
		if len(s.taken) == 0 {
			continue
		}
		if err := s.result.take(&s.args[i+1], in.at(s.taken), first); err != nil {
			return nil, err
		}
		first = false
		memory := &s.rests[i/2%2]
		*memory = without(memory.empty(in.n), rest, s.taken)
		rest = *memory
	}
	if len(rest) > 0 {
		if err := s.result.take(&s.args[last], in.at(rest), first); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *caseStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, err := s.eval(in)
	if err != nil {
		return dst, err
	}
	return chosen(v, in, dst, wanted), nil
}

// take makes the values of rows those of an operand. If it is the first one, nothing in the result means anything yet.
func (r *result) take(o *operand, in input, first bool) error {
	v, x, err := o.load(in)
	switch {
	case err != nil:
		return err
	case v == nil:
		if _, scale := x.AsDecimal(); first && x.Kind() == catalog.Decimal && r.v.Kind == catalog.Decimal {
			r.v.Scale = scale
		}
		r.fill(in, x)
	default:
		r.copy(v, in, first)
	}
	return nil
}

// copy makes the values of rows those of a vector, which is of the kind of the result or has only NULLs.
func (r *result) copy(v *catalog.Vector, in input, first bool) {
	if v.Kind == 0 {
		r.setNull(in.sel, in.n)
		return
	}
	if first && v.Kind == catalog.Decimal && r.v.Kind == catalog.Decimal && v.Scales == nil {
		r.v.Scale = v.Scale
	}
	scales := v.Kind == catalog.Decimal && (v.Scales != nil || r.v.Scales != nil || r.v.Scale != v.Scale)
	if v.Kind != r.v.Kind || v.Kind == catalog.Interval || scales {
		for _, i := range in.sel {
			r.set(int(i), in.n, v.Value(int(i)))
		}
		return
	}
	if v.Nulls != nil {
		r.withNulls(in.n)
	}
	if r.v.Nulls != nil {
		for _, i := range in.sel {
			r.v.Nulls[i] = v.Nulls != nil && v.Nulls[i]
		}
	}
	switch v.Kind {
	case catalog.Float64:
		copyAt(r.v.Floats, v.Floats, in.sel)
	case catalog.String, catalog.Bytes, catalog.UUID, catalog.JSON:
		copyAt(r.v.Texts, v.Texts, in.sel)
	default:
		copyAt(r.v.Ints, v.Ints, in.sel)
	}
}

func copyAt[E any](dst, src []E, sel []int32) {
	for _, i := range sel {
		dst[i] = src[i]
	}
}

// A coalesceStep is COALESCE. Every operand is computed for the rows in which those before it are NULL.
type coalesceStep struct {
	typ    catalog.Type
	args   []operand
	rests  [2]selection
	result result
}

func (s *coalesceStep) eval(in input) (*catalog.Vector, error) {
	out := s.result.reset(s.typ, in.n)
	rest := in.sel
	for k := range s.args {
		if err := s.result.take(&s.args[k], in.at(rest), k == 0); err != nil {
			return nil, err
		}
		if out.Kind != 0 && out.Nulls == nil {
			break
		}
		left := s.rests[k%2].empty(in.n)
		for _, i := range rest {
			if out.IsNull(int(i)) {
				left = append(left, i)
			}
		}
		s.rests[k%2] = left
		if rest = left; len(rest) == 0 {
			break
		}
	}
	return out, nil
}

func (s *coalesceStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, err := s.eval(in)
	if err != nil {
		return dst, err
	}
	return chosen(v, in, dst, wanted), nil
}
