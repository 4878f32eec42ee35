package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// An appending operator gives the rows of its parts, one part after the other.
type appending struct {
	parts  []Operator
	places [][]int
	at     int
	batch  catalog.Batch
}

func newAppend(b *builder, n *physical.Append) (Operator, error) {
	a := &appending{}
	for i, part := range n.Parts {
		o, err := b.build(part)
		if err != nil {
			return nil, err
		}
		places, err := placesOf(part.Columns(), n.Select[i])
		if err != nil {
			return nil, err
		}
		a.parts, a.places = append(a.parts, o), append(a.places, places)
	}
	return a, nil
}

// Next implements Operator.
func (a *appending) Next(ctx context.Context) (*catalog.Batch, error) {
	for ; a.at < len(a.parts); a.at++ {
		b, err := a.parts[a.at].Next(ctx)
		if err != nil {
			return nil, err
		}
		if b != nil {
			choose(&a.batch, b, a.places[a.at])
			return &a.batch, nil
		}
	}
	return nil, nil
}

// choose makes dst a batch of some columns of another one.
func choose(dst, b *catalog.Batch, places []int) {
	dst.Len, dst.Sel, dst.Columns = b.Len, b.Sel, dst.Columns[:0]
	for _, at := range places {
		dst.Columns = append(dst.Columns, b.Columns[at])
	}
}

// Reset implements Operator.
func (a *appending) Reset() {
	for _, p := range a.parts {
		p.Reset()
	}
	a.at = 0
}

// Close implements Operator.
func (a *appending) Close() error { return nil }
