package exec

import (
	"context"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A bitmapScan collects the keys of rows that any of several ranges has, and then reads these rows in the order of their
// keys.
type bitmapScan struct {
	run    *run
	node   *physical.BitmapScan
	budget *budget
	env    *expr.Env
	parts  []bitmapPart
	key    []keyPart // of the rows
	places []int     // of the key in the table
	lookup Lookup
	when   condition
	ramp   ramp
	begun  bool
	keys   []string
	at     int
	values []catalog.Value
	row    []catalog.Value
	batch  catalog.Batch
	out    catalog.Batch
}

type bitmapPart struct {
	index  string
	key    []keyPart
	bounds []boundPrograms
}

func newBitmapScan(b *builder, n *physical.BitmapScan) (Operator, error) {
	table := n.Relation.Table
	if b.options.Storage == nil {
		return nil, sqlstate.New(sqlstate.InternalError, -1, "there is no storage for table %s", table.Name)
	}
	s := &bitmapScan{run: b.run, node: n, budget: b.budget(n), env: b.env(), ramp: ramp{most: b.options.BatchRows}}
	var err error
	if s.key, _, err = keyOf(table, ""); err != nil {
		return nil, err
	}
	for _, p := range s.key {
		if p.place < 0 {
			p.place = plan.HiddenRowID
		}
		s.places = append(s.places, p.place)
	}
	for i := range n.Parts {
		p := bitmapPart{index: n.Parts[i].Index}
		if p.key, _, err = keyOf(table, p.index); err != nil {
			return nil, err
		}
		if p.bounds, err = b.boundPrograms(n.Parts[i].Ranges); err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	if s.lookup, err = b.options.Storage.Lookup(table, "", n.Places); err != nil {
		return nil, err
	}
	s.batch.Columns = newVectors(len(n.Places))
	s.when.env = s.env
	s.when.kernels, err = b.kernels(n.Filter, n.Output)
	return s, err
}

// begin collects the keys.
func (s *bitmapScan) begin(ctx context.Context) error {
	s.begun = true
	for i := range s.parts {
		p := &s.parts[i]
		ranges := []keyRange{{}}
		if len(p.bounds) > 0 {
			var err error
			if ranges, err = evaluateAll(p.bounds, p.key, s.env); err != nil {
				return err
			}
		}
		for _, r := range ranges {
			if err := s.collect(ctx, p.index, &r); err != nil {
				return err
			}
		}
	}
	slices.Sort(s.keys)
	s.keys = slices.Compact(s.keys)
	return nil
}

// collect appends the keys of the rows of a range.
func (s *bitmapScan) collect(ctx context.Context, index string, r *keyRange) error {
	c, err := s.run.options.Storage.Scan(ctx, &ScanRequest{
		Table: s.node.Relation.Table, Index: index, Columns: s.places, Prefix: r.prefix, Lower: r.lower, Upper: r.upper,
		LowerExclusive: r.lowerOpen, UpperExclusive: r.upperOpen,
	})
	if err != nil {
		return err
	}
	b := catalog.Batch{Columns: newVectors(len(s.places))}
	for {
		some, err := c.Next(&b, s.run.options.BatchRows)
		if err == nil {
			err = ctx.Err()
		}
		if !some || err != nil {
			if closed := c.Close(); err == nil {
				err = closed
			}
			return err
		}
		for _, i := range selected(&b) {
			var k []byte
			for j, p := range s.key {
				k = catalog.AppendKeyValue(k, b.Columns[j].Value(int(i)), p.order)
			}
			s.keys = append(s.keys, string(k))
			if s.budget.Grow(int64(len(k)+16)) != nil {
				return s.tooMany(c)
			}
		}
	}
}

// tooMany leaves out keys that are there twice, and is an error if that does not help.
func (s *bitmapScan) tooMany(c Cursor) error {
	if err := c.Close(); err != nil {
		return err
	}
	return s.run.tooMuch("the keys of the rows that several indexes have found")
}

// Next implements Operator.
func (s *bitmapScan) Next(ctx context.Context) (*catalog.Batch, error) {
	if !s.begun {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
	}
	for s.at < len(s.keys) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.load(min(s.ramp.next(), len(s.keys)-s.at)); err != nil {
			return nil, err
		}
		s.out = s.batch
		if len(s.when.kernels) > 0 {
			var err error
			if s.out.Sel, err = s.when.apply(&s.batch); err != nil {
				return nil, err
			}
		}
		if s.out.Rows() > 0 {
			return &s.out, nil
		}
	}
	return nil, nil
}

// load reads the next rows.
func (s *bitmapScan) load(most int) error {
	for _, v := range s.batch.Columns {
		v.Reset(0, 0, most)
	}
	n := 0
	for range most {
		var err error
		if s.values, err = decodeKey(s.values[:0], s.key, s.keys[s.at]); err != nil {
			return err
		}
		s.at++
		row, found, err := s.lookup.Get(s.row[:0], s.values)
		if err != nil {
			return err
		}
		if s.row = row; !found {
			continue
		}
		for i, v := range s.batch.Columns {
			v.Set(n, most, row[i])
		}
		n++
	}
	s.batch.Len, s.batch.Sel = n, nil
	return nil
}

// Reset implements Operator.
func (s *bitmapScan) Reset() {
	s.begun, s.at, s.keys = false, 0, s.keys[:0]
	s.budget.Release()
	s.ramp.reset()
}

// Close implements Operator.
func (s *bitmapScan) Close() error {
	s.keys = nil
	s.budget.Release()
	return nil
}
