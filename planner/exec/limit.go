package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// A limit leaves out the first rows and those behind a number of others.
type limit struct {
	input         Operator
	env           *expr.Env
	count, offset bound
	ties          []int // places of the columns by which rows are equal to the last one; nil: no such rows
	batch         catalog.Batch

	begun   bool
	skip    int64
	left    int64           // negative: any number
	last    []catalog.Value // of ties, in the last row
	through bool            // there is nothing more
}

// A bound is an expression for a number of rows.
type bound struct {
	node    *expr.Node
	program *expr.Program
}

func newLimit(b *builder, n *physical.Limit, input Operator) (Operator, error) {
	l := &limit{input: input, env: b.env()}
	var err error
	if l.count, err = b.bound(n.Count); err != nil {
		return nil, err
	}
	if l.offset, err = b.bound(n.Offset); err != nil {
		return nil, err
	}
	if !n.Ties {
		return l, nil
	}
	ids := make([]expr.ColumnID, len(n.Keys))
	for i, k := range n.Keys {
		ids[i] = k.Column
	}
	l.ties, err = placesOf(n.Input.Columns(), ids)
	return l, err
}

func (b *builder) bound(n *expr.Node) (bound, error) {
	p, err := b.constant(n)
	return bound{n, p}, err
}

// rows returns the number, or -1 if there is none. A negative one is an error of a code.
func (l *bound) rows(env *expr.Env, code sqlstate.Code, what string) (int64, error) {
	if l.program == nil {
		return -1, nil
	}
	v, err := l.program.Eval(nil, env)
	if err != nil || v.IsNull() {
		return -1, err
	}
	if v, err = catalog.Cast(v, catalog.Type{Kind: catalog.Int64}); err != nil {
		e := sqlstate.New(sqlstate.OutOfRange, l.node.At, "%s is no number of rows", what)
		e.Cause = err
		return 0, e
	}
	if v.AsInt() < 0 {
		return 0, sqlstate.New(code, l.node.At, "%s must not be negative", what)
	}
	return v.AsInt(), nil
}

func (l *limit) begin() (err error) {
	l.begun = true
	if l.left, err = l.count.rows(l.env, sqlstate.NegativeLimit, "LIMIT"); err != nil {
		return err
	}
	if l.skip, err = l.offset.rows(l.env, sqlstate.NegativeOffset, "OFFSET"); err != nil {
		return err
	}
	l.skip = max(l.skip, 0)
	l.through = l.left == 0
	return nil
}

// Next implements Operator.
func (l *limit) Next(ctx context.Context) (*catalog.Batch, error) {
	if !l.begun {
		if err := l.begin(); err != nil {
			return nil, err
		}
	}
	for !l.through {
		b, err := l.input.Next(ctx)
		if b == nil || err != nil {
			l.through = true
			return nil, err
		}
		rows := int64(b.Rows())
		if l.skip >= rows {
			l.skip -= rows
			continue
		}
		if l.skip == 0 && l.last == nil && (l.left < 0 || l.left > rows) {
			if l.left > 0 {
				l.left -= rows
			}
			return b, nil
		}
		if sel := l.some(b); len(sel) > 0 {
			l.batch = *b
			l.batch.Sel = sel
			return &l.batch, nil
		}
	}
	return nil, nil
}

// some returns the rows of a batch that are within the limit, where that may not be all.
func (l *limit) some(b *catalog.Batch) []int32 {
	sel := selected(b)[l.skip:]
	l.skip = 0
	n := len(sel)
	if l.left >= 0 {
		n = int(min(int64(n), l.left))
		l.left -= int64(n)
	}
	if l.left != 0 {
		return sel[:n]
	}
	if l.ties == nil {
		l.through = true
		return sel[:n]
	}
	if n > 0 {
		l.last = l.last[:0]
		for _, at := range l.ties {
			l.last = append(l.last, b.Columns[at].Value(int(sel[n-1])))
		}
	}
	for n < len(sel) && l.tie(b, int(sel[n])) {
		n++
	}
	l.through = n < len(sel)
	return sel[:n]
}

// tie reports whether a row is equal to the last one.
func (l *limit) tie(b *catalog.Batch, i int) bool {
	for j, at := range l.ties {
		if catalog.Compare(b.Columns[at].Value(i), l.last[j]) != 0 {
			return false
		}
	}
	return true
}

// Reset implements Operator.
func (l *limit) Reset() {
	l.input.Reset()
	l.begun, l.through, l.last = false, false, nil
}

// Close implements Operator.
func (l *limit) Close() error { return nil }
