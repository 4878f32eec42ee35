package exec

import (
	"context"
	"errors"

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
	env    *expr.Env
	parts  []bitmapPart
	key    []keyPart // of the rows
	places []int     // of the key in the table
	lookup Lookup
	when   condition
	ramp   ramp
	begun  bool
	keys   *sorter // of the rows, each perhaps several times
	last   string  // the key that came last
	some   bool    // there was one
	failed error   // of Reset
	bytes  []byte
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
	s := &bitmapScan{run: b.run, node: n, env: b.env(), ramp: ramp{most: b.options.BatchRows}}
	s.keys = newSorter(b, b.budget(n), []sortKey{{}}, 1, "the keys of the rows that several indexes have found")
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
	if s.failed != nil {
		return s.failed
	}
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
	return s.keys.finish(ctx)
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
	b, keys := catalog.Batch{Columns: newVectors(len(s.places))}, newVectors(1)
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
		keys[0].Reset(catalog.String, 0, b.Rows())
		for k, i := range selected(&b) {
			s.bytes = s.bytes[:0]
			for j, p := range s.key {
				s.bytes = catalog.AppendKeyValue(s.bytes, b.Columns[j].Value(int(i)), p.order)
			}
			keys[0].Texts[k] = string(s.bytes)
		}
		if err := s.keys.add(keys, selected(&catalog.Batch{Len: b.Rows()})); err != nil {
			return errors.Join(err, c.Close())
		}
	}
}

// Next implements Operator.
func (s *bitmapScan) Next(ctx context.Context) (*catalog.Batch, error) {
	if !s.begun {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		keys, err := s.keys.next(ctx, s.ramp.next())
		if keys == nil || err != nil {
			return nil, err
		}
		if err := s.load(keys.Columns[0].Texts, selected(keys)); err != nil {
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
}

// load reads the rows of keys, which are sorted.
func (s *bitmapScan) load(keys []string, places []int32) error {
	most := len(places)
	for _, v := range s.batch.Columns {
		v.Reset(0, 0, most)
	}
	n := 0
	for _, i := range places {
		if s.some && keys[i] == s.last {
			continue
		}
		s.last, s.some = keys[i], true
		var err error
		if s.values, err = decodeKey(s.values[:0], s.key, keys[i]); err != nil {
			return err
		}
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
	s.begun, s.some = false, false
	s.failed = errors.Join(s.failed, s.keys.reset())
	s.ramp.reset()
}

// Close implements Operator.
func (s *bitmapScan) Close() error {
	return s.keys.close()
}
