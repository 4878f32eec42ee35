package exec

import (
	"context"
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// sortOperator sorts its input. If that is sorted by the first keys already, it sorts some groups of rows that are equal in
// these at a time, so that the first rows come early.
type sortOperator struct {
	input         Operator
	run           *run
	env           *expr.Env
	limit, offset *expr.Program
	left          int // how many rows are wanted yet; negative: nobody has looked
	sorter        *sorter
	prefix        boundary
	batch         *catalog.Batch // of input, of which the rows from at are not sorted yet
	at            int
	giving, ended bool
}

func newSort(b *builder, n *physical.Sort, input Operator) (Operator, error) {
	columns := n.Input.Columns()
	keys, err := sortKeys(columns, n.Keys)
	if err != nil {
		return nil, err
	}
	s := &sortOperator{
		input: input, run: b.run, env: b.env(), left: -1,
		sorter: newSorter(b, b.budget(n), keys, len(columns), "the rows of a sort"),
		prefix: boundary{encoder: keyEncoder{keys: keys[:min(n.Sorted, len(keys))]}},
	}
	if s.limit, err = b.constant(n.Limit); err == nil {
		s.offset, err = b.constant(n.Offset)
	}
	return s, err
}

// sortKeys returns where the columns of keys stand and how they sort.
func sortKeys(columns []plan.Column, keys []plan.Key) ([]sortKey, error) {
	ids := make([]expr.ColumnID, len(keys))
	for i, k := range keys {
		ids[i] = k.Column
	}
	at, err := placesOf(columns, ids)
	if err != nil {
		return nil, err
	}
	all := make([]sortKey, len(keys))
	for i, k := range keys {
		all[i].place = at[i]
		if k.Descending {
			all[i].order |= key.Descending
		}
		if k.NullsFirst {
			all[i].order |= key.NullsFirst
		}
	}
	return all, nil
}

// Next implements Operator.
func (s *sortOperator) Next(ctx context.Context) (*catalog.Batch, error) {
	if s.left < 0 {
		var err error
		if s.left, err = wantedRows(s.limit, s.offset, s.env); err != nil {
			return nil, err
		}
	}
	for {
		if s.giving {
			b, err := s.sorter.next(ctx, s.run.options.BatchRows)
			if err != nil {
				return nil, err
			}
			if b != nil {
				s.left -= b.Len
				return b, nil
			}
			s.giving = false
			if err := s.sorter.reset(); err != nil {
				return nil, err
			}
		}
		if s.left <= 0 || s.ended {
			return nil, nil
		}
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
	}
}

// wantedRows returns limit + offset, or the largest number if there is no limit.
func wantedRows(limit, offset *expr.Program, env *expr.Env) (int, error) {
	if limit == nil {
		return math.MaxInt, nil
	}
	v, err := limit.Eval(nil, env)
	if err != nil || v.IsNull() {
		return math.MaxInt, err
	}
	total := max(v.AsInt(), 0) // who skips rows says what is wrong with it
	if offset != nil {
		if v, err = offset.Eval(nil, env); err != nil {
			return 0, err
		}
		if total += max(v.AsInt(), 0); total < 0 {
			total = math.MaxInt
		}
	}
	return int(total), nil
}

// fill sorts as many rows as can be given before others are read.
func (s *sortOperator) fill(ctx context.Context) error {
	s.sorter.limit = s.left
	if s.left != math.MaxInt && len(s.prefix.encoder.keys) == 0 && s.left == 0 {
		return nil
	}
	for {
		if s.batch == nil {
			b, err := s.input.Next(ctx)
			if err != nil {
				return err
			}
			if b == nil {
				s.ended = true
				break
			}
			s.batch, s.at = b, 0
		}
		rows := rowsOf(s.batch)[s.at:]
		n, full := len(rows), false
		if len(s.prefix.encoder.keys) > 0 {
			n, full = s.prefix.find(s.batch.Columns, rows, s.run.options.BatchRows)
		}
		if err := s.sorter.add(s.batch.Columns, rows[:n]); err != nil {
			return err
		}
		if s.at += n; n == len(rows) {
			s.batch = nil
		}
		if full {
			break
		}
	}
	s.giving = true
	s.prefix.begin()
	return s.sorter.finish(ctx)
}

// Reset implements Operator.
func (s *sortOperator) Reset() {
	s.input.Reset()
	s.batch, s.giving, s.ended, s.left = nil, false, false, -1
	s.prefix.begin()
	s.prefix.known = false
	_ = s.sorter.reset() // Close says if a file cannot be removed
}

// Close implements Operator.
func (s *sortOperator) Close() error { return s.sorter.close() }
