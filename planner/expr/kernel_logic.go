package expr

import "github.com/middb/middb/catalog"

// truths is eval for steps that can only choose. It has them do so twice.
type truths struct {
	trues, falses selection
	result        result
}

func (t *truths) eval(s step, in input) (*catalog.Vector, error) {
	out := t.result.reset(boolType, in.n)
	var err error
	if t.trues, err = s.choose(in, t.trues.empty(in.n), true); err != nil {
		return nil, err
	}
	if t.falses, err = s.choose(in, t.falses.empty(in.n), false); err != nil {
		return nil, err
	}
	if len(t.trues)+len(t.falses) < len(in.sel) {
		t.result.setNull(in.sel, in.n)
		for _, list := range []selection{t.trues, t.falses} {
			for _, i := range list {
				out.Nulls[i] = false
			}
		}
	}
	for _, i := range t.falses {
		out.Ints[i] = 0
	}
	for _, i := range t.trues {
		out.Ints[i] = 1
	}
	return out, nil
}

// A notStep is NOT.
type notStep struct {
	arg    step
	truths truths
}

func (s *notStep) eval(in input) (*catalog.Vector, error) { return s.truths.eval(s, in) }

func (s *notStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	return s.arg.choose(in, dst, !wanted)
}

// A connectedStep is AND, which false decides, or OR, which true decides.
type connectedStep struct {
	args     []step
	decisive bool
	// careful: something that may fail stands behind an operand. Then operands are computed for all rows that are not decided,
	// those that are NULL too; otherwise it is enough to know that they will not be what is wanted.
	careful bool
	rest    selection
	found   [3]selection
	result  result
}

func newConnected(n *Node, args []operand) step {
	s := &connectedStep{decisive: n.Op == OpOr}
	for i := range args {
		s.args = append(s.args, args[i].step)
		s.careful = s.careful || i > 0 && n.Args[i].MayFail()
	}
	return s
}

func (s *connectedStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	switch {
	case wanted == s.decisive:
		found, _, err := s.decided(in)
		return append(dst, found...), err
	case s.careful:
		v, err := s.eval(in)
		if err != nil {
			return dst, err
		}
		return chosen(v, in, dst, wanted), nil
	}
	last := len(s.args) - 1
	for k, x := range s.args[:last] {
		memory := &s.found[k%2] // a step may not append to what it reads
		rest, err := x.choose(in, memory.empty(in.n), wanted)
		if *memory = rest; len(rest) == 0 || err != nil {
			return dst, err
		}
		in = in.at(rest)
	}
	return s.args[last].choose(in, dst, wanted)
}

// decided returns the places where an operand decides, and the others. Both are ascending, and valid until the next call.
func (s *connectedStep) decided(in input) (found, rest []int32, err error) {
	found, rest = s.found[0].empty(in.n), in.sel
	for _, x := range s.args {
		if len(rest) == 0 {
			break
		}
		more, err := x.choose(in.at(rest), s.found[2].empty(in.n), s.decisive)
		if s.found[2] = more; err != nil {
			return nil, nil, err
		}
		if len(more) == 0 {
			continue
		}
		all := merged(s.found[1].empty(in.n), found, more)
		s.found[0], s.found[1] = all, found
		found = all
		rest = without(s.rest.empty(in.n), rest, more)
	}
	return found, rest, nil
}

func (s *connectedStep) eval(in input) (*catalog.Vector, error) {
	n := in.n
	out := s.result.reset(boolType, n)
	decisive, rest := int64(0), in.sel
	if s.decisive {
		decisive = 1
	}
	for _, i := range rest {
		out.Ints[i] = 1 - decisive
	}
	for _, x := range s.args {
		v, err := x.eval(in.at(rest))
		if err != nil {
			return nil, err
		}
		if v.Kind == 0 {
			s.result.setNull(rest, n)
			continue
		}
		left := s.rest.empty(n)
		for _, i := range rest {
			switch {
			case v.Nulls != nil && v.Nulls[i]:
				s.result.withNulls(n)[i] = true
			case v.Ints[i] == decisive:
				out.Ints[i] = decisive
				if out.Nulls != nil {
					out.Nulls[i] = false
				}
				continue
			}
			left = append(left, i)
		}
		if rest = left; len(rest) == 0 {
			break
		}
	}
	return out, nil
}

// An isStep is IS NULL, IS TRUE or IS FALSE, or the opposite.
type isStep struct {
	op     Op
	not    bool
	arg    step
	yes    selection
	result result
}

func (s *isStep) eval(in input) (*catalog.Vector, error) {
	var err error
	if s.yes, err = s.choose(in, s.yes.empty(in.n), true); err != nil {
		return nil, err
	}
	out := s.result.reset(boolType, in.n)
	for _, i := range in.sel {
		out.Ints[i] = 0
	}
	for _, i := range s.yes {
		out.Ints[i] = 1
	}
	return out, nil
}

func (s *isStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, err := s.arg.eval(in)
	if err != nil {
		return dst, err
	}
	wanted = wanted != s.not
	if s.op == OpIsNull && v.Kind != 0 && v.Nulls == nil {
		if !wanted {
			dst = append(dst, in.sel...)
		}
		return dst, nil
	}
	for _, i := range in.sel {
		is := v.IsNull(int(i))
		if s.op != OpIsNull {
			is = !is && (v.Ints[i] != 0) == (s.op == OpIsTrue)
		}
		if is == wanted {
			dst = append(dst, i)
		}
	}
	return dst, nil
}
