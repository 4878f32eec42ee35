package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// An input is the rows that a step computes.
type input struct {
	columns []*catalog.Vector
	n       int     // how many values columns have
	sel     []int32 // the places of the rows, ascending; never nil
	dense   bool    // sel is 0 to n-1
	env     *Env
}

// at returns the input with fewer rows.
func (in input) at(sel []int32) input {
	in.sel, in.dense = sel, in.dense && len(sel) == in.n
	return in
}

// A step computes an expression for some rows, of which there is at least one. Every error means that the batch is given up.
type step interface {
	// eval returns the values, which are at the places of the rows, until the next call. Values at other places mean nothing.
	eval(in input) (*catalog.Vector, error)
	// choose appends to dst the places of the rows for which the value is true, or false if that is wanted. It is for steps
	// of truth values.
	choose(in input, dst []int32, wanted bool) ([]int32, error)
}

// A result is the vector of a step, with memory to use again.
type result struct {
	v      catalog.Vector
	nulls  []bool
	scales []uint8
}

// reset makes the vector one of n values that are not NULL.
func (r *result) reset(t catalog.Type, n int) *catalog.Vector {
	r.v.Reset(t.Kind, t.Scale, n)
	return &r.v
}

// withNulls gives the vector room to say what is NULL, with nothing there.
func (r *result) withNulls(n int) []bool {
	if r.v.Nulls == nil {
		r.nulls = sized(r.nulls, n)
		clear(r.nulls)
		r.v.Nulls = r.nulls
	}
	return r.v.Nulls
}

// set puts a value at i of n, as Vector.Set does.
func (r *result) set(i, n int, x catalog.Value) {
	if r.v.Kind != 0 && x.IsNull() {
		r.withNulls(n)
	}
	if r.v.Kind == catalog.Decimal && r.v.Scales == nil && !x.IsNull() {
		if _, scale := x.AsDecimal(); scale != r.v.Scale {
			r.scales = sized(r.scales, n)
			for j := range r.scales {
				r.scales[j] = r.v.Scale
			}
			r.v.Scales = r.scales
		}
	}
	r.v.Set(i, n, x)
}

// setNull makes the values at some places NULL.
func (r *result) setNull(sel []int32, n int) {
	if len(sel) == 0 || r.v.Kind == 0 {
		return
	}
	nulls := r.withNulls(n)
	for _, i := range sel {
		nulls[i] = true
	}
}

// nullWhere makes values NULL where one of the operands is, and returns the rows at which none is.
func (r *result) nullWhere(in input, live *selection, operands ...*catalog.Vector) input {
	out := live.live(in, operands...)
	if len(out.sel) == len(in.sel) {
		return out
	}
	nulls := r.withNulls(in.n)
	for _, v := range operands {
		if v == nil || v.Kind != 0 && v.Nulls == nil {
			continue
		}
		for _, i := range in.sel {
			nulls[i] = nulls[i] || v.Kind == 0 || v.Nulls[i]
		}
	}
	return out
}

func sized[E any](s []E, n int) []E {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]E, n)
}

// A selection is places of rows, with memory to use again.
type selection []int32

// empty returns the selection with room for n places, and none in it.
func (s *selection) empty(n int) []int32 {
	if cap(*s) < n || *s == nil {
		*s = make([]int32, 0, n)
	}
	return (*s)[:0]
}

// live returns the rows for which none of the operands is NULL. Operands that are nil are scalars that are not.
func (s *selection) live(in input, operands ...*catalog.Vector) input {
	for _, v := range operands {
		if v != nil && v.Kind == 0 {
			return in.at(s.empty(in.n))
		}
		if v == nil || v.Nulls == nil {
			continue
		}
		out := s.empty(in.n) // may be what in.sel is: then it is read before it is written
		out = out[:len(in.sel)]
		k := 0
		for _, i := range in.sel {
			out[k] = i
			if !v.Nulls[i] {
				k++
			}
		}
		in = in.at(out[:k])
	}
	return in
}

// without appends those places of all that are not in some, which is part of it.
func without(dst, all, some []int32) []int32 {
	for _, i := range all {
		if len(some) > 0 && some[0] == i {
			some = some[1:]
			continue
		}
		dst = append(dst, i)
	}
	return dst
}

// merged appends the places of two ascending lists that have none in common.
func merged(dst, a, b []int32) []int32 {
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			dst, a = append(dst, a[0]), a[1:]
		} else {
			dst, b = append(dst, b[0]), b[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// chosen is choose for steps that have the truth values in a vector.
func chosen(v *catalog.Vector, in input, dst []int32, wanted bool) []int32 {
	if v.Kind != catalog.Bool {
		return dst
	}
	n := int64(0)
	if wanted {
		n = 1
	}
	dst, k := room(dst, len(in.sel))
	for _, i := range in.sel {
		dst[k] = i
		if v.Ints[i] == n && (v.Nulls == nil || !v.Nulls[i]) {
			k++
		}
	}
	return dst[:k]
}

// room returns a list that is longer by n, and how long it was.
func room(dst []int32, n int) ([]int32, int) {
	k := len(dst)
	if cap(dst) < k+n {
		dst = append(make([]int32, 0, k+n), dst...)
	}
	return dst[:k+n], k
}

// An operand is a step, or a scalar: something that is the same for all rows of a batch.
type operand struct {
	step   step
	scalar *scalarStep
}

// load returns the vector of a step, or nil and the value of a scalar.
func (o *operand) load(in input) (*catalog.Vector, catalog.Value, error) {
	if o.scalar != nil {
		x, err := o.scalar.value(in.env)
		return nil, x, err
	}
	v, err := o.step.eval(in)
	return v, catalog.Value{}, err
}

// A columnStep is a column as it is.
type columnStep struct{ place int }

func (s *columnStep) eval(in input) (*catalog.Vector, error) {
	if s.place >= len(in.columns) {
		return nil, errGivenUp
	}
	return in.columns[s.place], nil
}

func (s *columnStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, err := s.eval(in)
	if err != nil {
		return dst, err
	}
	return chosen(v, in, dst, wanted), nil
}

// A scalarStep is an expression without columns.
type scalarStep struct {
	node    *Node
	program *Program
	result  result
}

func (s *scalarStep) value(env *Env) (catalog.Value, error) {
	if s.node.Op == OpConstant {
		return s.node.Value, nil
	}
	return s.program.Eval(nil, env)
}

func (s *scalarStep) eval(in input) (*catalog.Vector, error) {
	x, err := s.value(in.env)
	if err != nil {
		return nil, err
	}
	v := s.result.reset(s.node.Type, in.n)
	s.result.fill(in, x)
	return v, nil
}

// fill puts a value at the places of all rows.
func (r *result) fill(in input, x catalog.Value) {
	for _, i := range in.sel {
		r.set(int(i), in.n, x)
	}
}

func (s *scalarStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	x, err := s.value(in.env)
	if err == nil && !x.IsNull() && x.AsBool() == wanted {
		dst = append(dst, in.sel...)
	}
	return dst, err
}

// A rowStep computes an expression row by row. It makes its program when it is needed first.
type rowStep struct {
	node    *Node
	slots   *Slots
	program *Program
	row     []catalog.Value // only the columns that the program names are filled in
	result  result
}

func (s *rowStep) compile() (err error) {
	if s.program != nil {
		return nil
	}
	if s.program, err = Compile(s.node, s.slots); err == nil && len(s.program.columns) > 0 {
		s.row = make([]catalog.Value, slices.Max(s.program.columns)+1)
	}
	return err
}

// at returns the value of the row at a place of columns.
func (s *rowStep) at(columns []*catalog.Vector, i int, env *Env) (catalog.Value, error) {
	for _, c := range s.program.columns {
		s.row[c] = columns[c].Value(i)
	}
	return s.program.Eval(s.row, env)
}

func (s *rowStep) eval(in input) (*catalog.Vector, error) {
	v := s.result.reset(s.node.Type, in.n)
	for _, i := range in.sel {
		x, err := s.at(in.columns, int(i), in.env)
		if err != nil {
			return nil, err
		}
		s.result.set(int(i), in.n, x)
	}
	return v, nil
}

func (s *rowStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	for _, i := range in.sel {
		x, err := s.at(in.columns, int(i), in.env)
		if err != nil {
			return dst, err
		}
		if !x.IsNull() && x.AsBool() == wanted {
			dst = append(dst, i)
		}
	}
	return dst, nil
}
