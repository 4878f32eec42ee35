package expr

import (
	"errors"

	"github.com/middb/middb/catalog"
)

// A Kernel computes an expression for batches of rows. It is for one goroutine.
//
// It is a tree of steps, each of which computes a column at a time. A step that cannot go on, because a value is an error or
// may be one, gives the batch up, and then the program of the whole expression computes it row by row: errors are those of
// the first row that has one, and what steps need not be able to do is only slow.
type Kernel struct {
	step   step // nil: everything goes row by row
	rows   rowStep
	result result
	all    []int32
}

// errGivenUp says that a batch must be computed row by row.
var errGivenUp = errors.New("expr: compute this batch row by row")

// NewKernel compiles an expression for batches, whose columns are at the places of s.
func NewKernel(n *Node, s *Slots) (*Kernel, error) {
	k := &Kernel{rows: rowStep{node: n, slots: s}}
	if n.Unstable { // must not be computed twice
		return k, k.rows.compile()
	}
	var err error
	if k.step, err = stepOf(n, s); err != nil {
		return nil, err
	}
	if r, ok := k.step.(*rowStep); ok {
		k.step, k.rows = nil, *r
	}
	return k, nil
}

// Eval computes the values of the rows of a batch: those at the places of b.Sel, all if it is nil. Values at other places
// mean nothing. The vector is valid until the next call and must not be changed; it may be a column of the batch.
func (k *Kernel) Eval(b *catalog.Batch, env *Env) (*catalog.Vector, error) {
	if k.step != nil && b.Rows() > 0 {
		v, err := k.step.eval(k.input(b, env))
		if err == nil {
			return v, nil
		}
	}
	v := k.result.reset(k.rows.node.Type, b.Len)
	err := k.each(b, env, func(i int, x catalog.Value) { k.result.set(i, b.Len, x) })
	return v, err
}

// Select appends to sel the places of the rows for which the expression is true, and returns it.
func (k *Kernel) Select(b *catalog.Batch, env *Env, sel []int32) ([]int32, error) {
	if k.step != nil && b.Rows() > 0 {
		out, err := k.step.choose(k.input(b, env), sel, true)
		if err == nil {
			return out, nil
		}
	}
	err := k.each(b, env, func(i int, x catalog.Value) {
		if x.AsBool() {
			sel = append(sel, int32(i))
		}
	})
	return sel, err
}

// input returns what steps work on.
func (k *Kernel) input(b *catalog.Batch, env *Env) input {
	if b.Sel != nil {
		return input{columns: b.Columns, n: b.Len, sel: b.Sel, env: env}
	}
	for i := len(k.all); i < b.Len; i++ {
		k.all = append(k.all, int32(i))
	}
	return input{columns: b.Columns, n: b.Len, sel: k.all[:b.Len], dense: true, env: env}
}

// each calls do with the value of every row, which the program computes.
func (k *Kernel) each(b *catalog.Batch, env *Env, do func(i int, x catalog.Value)) error {
	if err := k.rows.compile(); err != nil {
		return err
	}
	for r := range b.Rows() {
		i := r
		if b.Sel != nil {
			i = int(b.Sel[r])
		}
		x, err := k.rows.at(b.Columns, i, env)
		if err != nil {
			return err
		}
		do(i, x)
	}
	return nil
}
