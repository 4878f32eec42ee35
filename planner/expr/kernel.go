package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// A Kernel computes an expression for batches of rows. It is for one goroutine.
type Kernel struct {
	program *Program
	row     []catalog.Value // as long as the program wants; only the columns that it names are filled in
	result  catalog.Vector
}

// NewKernel compiles an expression for batches, whose columns are at the places of s.
func NewKernel(n *Node, s *Slots) (*Kernel, error) {
	p, err := Compile(n, s)
	if err != nil {
		return nil, err
	}
	k := &Kernel{program: p}
	if len(p.columns) > 0 {
		k.row = make([]catalog.Value, slices.Max(p.columns)+1)
	}
	return k, nil
}

// Eval computes the values of the rows of a batch: those at the places of b.Sel, all if it is nil. Values at other places
// mean nothing. The vector is valid until the next call and must not be changed.
func (k *Kernel) Eval(b *catalog.Batch, env *Env) (*catalog.Vector, error) {
	v := &k.result
	v.Reset(k.program.node.Type.Kind, k.program.node.Type.Scale, b.Len)
	err := k.each(b, env, func(i int, x catalog.Value) { v.Set(i, b.Len, x) })
	return v, err
}

// Select appends to sel the places of the rows for which the expression is true, and returns it.
func (k *Kernel) Select(b *catalog.Batch, env *Env, sel []int32) ([]int32, error) {
	err := k.each(b, env, func(i int, x catalog.Value) {
		if x.AsBool() {
			sel = append(sel, int32(i))
		}
	})
	return sel, err
}

// each calls do with the value of every row.
func (k *Kernel) each(b *catalog.Batch, env *Env, do func(i int, x catalog.Value)) error {
	for r := range b.Rows() {
		i := r
		if b.Sel != nil {
			i = int(b.Sel[r])
		}
		for _, c := range k.program.columns {
			k.row[c] = b.Columns[c].Value(i)
		}
		x, err := k.program.Eval(k.row, env)
		if err != nil {
			return err
		}
		do(i, x)
	}
	return nil
}
