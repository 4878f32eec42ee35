package exec

import (
	"context"
	"errors"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A scan reads rows of a table that is stored.
type scan struct {
	node    *physical.Scan
	storage Storage
	env     *expr.Env
	parts   []keyPart
	unique  bool
	bounds  []boundPrograms
	limit   bound
	when    condition
	simples []simpleProgram
	batch   catalog.Batch // what the cursor fills
	out     catalog.Batch
	ramp    ramp
	begun   bool
	ranges  []keyRange // that are not read yet
	request ScanRequest
	cursor  Cursor
	kept    Cursor   // one that is read, to begin anew
	simple  []Simple // of cursor or kept
	again   bool     // there will be other ranges
	lookup  Lookup
	left    int64          // how many rows are wanted; negative: all
	extra   map[int]Simple // two for each column: see restrict
	row     []catalog.Value
	failed  error // of Reset
}

func newScan(b *builder, n *physical.Scan) (Operator, error) {
	if n.Relation.Virtual != nil {
		return newVirtualScan(b, n)
	}
	s := &scan{node: n, storage: b.options.Storage, env: b.env(), ramp: ramp{most: b.options.BatchRows}}
	if s.storage == nil {
		return nil, sqlstate.New(sqlstate.InternalError, -1, "there is no storage for table %s", n.Relation.Table.Name)
	}
	var err error
	if s.parts, s.unique, err = keyOf(n.Relation.Table, n.Index); err != nil {
		return nil, err
	}
	if s.bounds, err = b.boundPrograms(n.Ranges); err != nil {
		return nil, err
	}
	if s.limit, err = b.bound(n.Limit); err != nil {
		return nil, err
	}
	s.when.env = s.env
	if s.when.kernels, err = b.kernels(n.Filter, n.Output); err != nil {
		return nil, err
	}
	if s.simples, err = b.simplePrograms(n.Filter, n.Output); err != nil {
		return nil, err
	}
	for range n.Places {
		s.batch.Columns = append(s.batch.Columns, &catalog.Vector{})
	}
	return s, nil
}

// A simpleProgram is a condition that may become a Simple one.
type simpleProgram struct {
	column int
	kind   catalog.Kind
	op     expr.Op
	value  *expr.Program
}

// simplePrograms returns those of the conditions that compare a column with what is known before any row.
func (b *builder) simplePrograms(conditions []*expr.Node, columns []plan.Column) (all []simpleProgram, err error) {
	add := func(x, y *expr.Node, op expr.Op) {
		if err != nil || x.Op != expr.OpColumn || y.Volatile || y.MayFail() {
			return
		}
		for _, id := range y.Columns() {
			if _, ok := b.scope.outer[id]; !ok {
				return
			}
		}
		for i, c := range columns {
			if c.ID == x.Column {
				s := simpleProgram{column: i, kind: c.Type.Kind, op: op}
				if s.value, err = b.constant(y); err == nil {
					all = append(all, s)
				}
				return
			}
		}
	}
	for _, top := range conditions {
		for _, n := range top.Conjuncts() {
			switch {
			case n.Op >= expr.OpEqual && n.Op <= expr.OpGreaterEqual:
				add(n.Args[0], n.Args[1], n.Op)
				add(n.Args[1], n.Args[0], mirrored(n.Op))
			case n.Op == expr.OpBetween && !n.Not:
				add(n.Args[0], n.Args[1], expr.OpGreaterEqual)
				add(n.Args[0], n.Args[2], expr.OpLessEqual)
			}
		}
	}
	return all, err
}

// mirrored returns the comparison with its sides exchanged.
func mirrored(op expr.Op) expr.Op {
	switch op {
	case expr.OpLess:
		return expr.OpGreater
	case expr.OpLessEqual:
		return expr.OpGreaterEqual
	case expr.OpGreater:
		return expr.OpLess
	case expr.OpGreaterEqual:
		return expr.OpLessEqual
	default:
		return op
	}
}

// begin evaluates what says which rows there are.
func (s *scan) begin() (err error) {
	s.begun, s.left = true, -1
	if s.left, err = s.limit.rows(s.env, sqlstate.NegativeLimit, "LIMIT"); err != nil {
		return err
	}
	s.request = ScanRequest{
		Table: s.node.Relation.Table, Index: s.node.Index, Columns: s.node.Places, Reverse: s.node.Reverse,
		Simple: s.request.Simple[:0],
	}
	for i := range s.simples {
		p := &s.simples[i]
		v, fault := p.value.Eval(nil, s.env)
		if fault == nil && v.Kind() == p.kind && p.kind != 0 {
			s.request.Simple = append(s.request.Simple, Simple{p.column, p.op, v})
		}
	}
	for _, x := range s.extra {
		s.request.Simple = append(s.request.Simple, x)
	}
	if s.node.Ranges == nil {
		s.ranges = append(s.ranges[:0], s.restricted())
		return nil
	}
	if s.ranges, err = evaluateAll(s.bounds, s.parts, s.env); err != nil {
		return err
	}
	return s.beginLookup()
}

// restricted returns the range of everything, or of what restrict has left of it.
func (s *scan) restricted() (r keyRange) {
	var values valueRange
	for _, x := range s.extra {
		if s.node.Places[x.Column] != s.parts[0].place || x.Value.Kind() != s.parts[0].typ.Kind || x.Value.Kind() == catalog.Decimal {
			continue
		}
		if x.Op == expr.OpGreaterEqual {
			values.low = x.Value
		} else {
			values.high = x.Value
		}
		values.notNull = true
	}
	if values.notNull {
		r.limit(s.parts, values)
	}
	return r
}

// beginLookup prepares for reading single rows if all ranges are whole keys.
func (s *scan) beginLookup() (err error) {
	if !s.unique {
		return nil
	}
	for i := range s.ranges {
		if len(s.ranges[i].prefix) < len(s.parts) {
			return nil
		}
	}
	if s.lookup == nil && len(s.ranges) > 0 {
		s.lookup, err = s.storage.Lookup(s.node.Relation.Table, s.node.Index, s.node.Places)
	}
	return err
}

// Next implements Operator.
func (s *scan) Next(ctx context.Context) (*catalog.Batch, error) {
	if s.failed != nil {
		return nil, s.failed
	}
	if !s.begun {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	for s.left != 0 {
		most := s.ramp.next()
		if s.left > 0 && len(s.when.kernels) == 0 {
			most = int(min(int64(most), s.left))
		}
		some, err := s.fill(ctx, most)
		if !some || err != nil {
			return nil, err
		}
		s.out = s.batch
		if len(s.when.kernels) > 0 {
			if s.out.Sel, err = s.when.apply(&s.batch); err != nil {
				return nil, err
			}
		}
		rows := int64(s.out.Rows())
		if s.left >= 0 && rows > s.left {
			s.out.Sel, rows = s.out.Sel[:s.left], s.left // there is a Sel, or it would not be too much
		}
		if s.left > 0 {
			s.left -= rows
		}
		if rows > 0 {
			return &s.out, nil
		}
	}
	return nil, nil
}

// fill reads the next rows, at most so many. It returns false at the end.
func (s *scan) fill(ctx context.Context, most int) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if s.lookup != nil {
		return s.fetch(most)
	}
	for {
		if s.cursor == nil {
			if len(s.ranges) == 0 {
				return false, nil
			}
			if err := s.open(ctx); err != nil {
				return false, err
			}
		}
		s.batch.Sel = nil
		some, err := s.cursor.Next(&s.batch, most)
		if some || err != nil {
			return some, err
		}
		if err := s.leave(); err != nil {
			return false, err
		}
	}
}

// take returns the range that is read next.
func (s *scan) take() (r keyRange) {
	if s.node.Reverse {
		r, s.ranges = s.ranges[len(s.ranges)-1], s.ranges[:len(s.ranges)-1]
	} else {
		r, s.ranges = s.ranges[0], s.ranges[1:]
	}
	return r
}

func (s *scan) open(ctx context.Context) (err error) {
	r := s.take()
	s.request.Prefix, s.request.Lower, s.request.Upper = r.prefix, r.lower, r.upper
	s.request.LowerExclusive, s.request.UpperExclusive = r.lowerOpen, r.upperOpen
	if s.left > 0 && len(s.when.kernels) == 0 {
		s.request.Limit = int(min(s.left, 1<<31-1))
	}
	if c, ok := s.kept.(Restarter); ok && slices.EqualFunc(s.simple, s.request.Simple, Simple.equal) {
		var restarted bool
		if restarted, err = c.Restart(&s.request); err != nil {
			return err
		}
		if restarted {
			s.cursor, s.kept = s.kept, nil
			return nil
		}
	}
	if err = s.closeCursor(); err != nil {
		return err
	}
	s.again = s.again || len(s.ranges) > 0
	s.request.Again = s.again
	s.simple = append(s.simple[:0], s.request.Simple...)
	s.cursor, err = s.storage.Scan(ctx, &s.request)
	return err
}

// equal reports whether two conditions are the same.
func (s Simple) equal(o Simple) bool {
	return s.Column == o.Column && s.Op == o.Op && s.Value.Kind() == o.Value.Kind() && catalog.Compare(s.Value, o.Value) == 0
}

// leave ends with a range.
func (s *scan) leave() error {
	switch {
	case !s.again:
		return s.closeCursor()
	case s.cursor != nil:
		s.kept, s.cursor = s.cursor, nil
	}
	return nil
}

// fetch is fill where all ranges are single rows.
func (s *scan) fetch(most int) (bool, error) {
	most = min(most, len(s.ranges))
	for _, v := range s.batch.Columns {
		v.Reset(0, 0, most)
	}
	n := 0
	for len(s.ranges) > 0 && n < most {
		row, found, err := s.lookup.Get(s.row[:0], s.take().prefix)
		if err != nil {
			return false, err
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
	return n > 0, nil
}

// restrict says that only rows are needed in which a column is at least low and at most high. It holds until Reset.
func (s *scan) restrict(column int, low, high catalog.Value) {
	if s.begun || s.node.Limit != nil || low.IsNull() || low.Kind() != s.node.Output[column].Type.Kind {
		return
	}
	if s.extra == nil {
		s.extra = map[int]Simple{}
	}
	s.extra[2*column] = Simple{column, expr.OpGreaterEqual, low}
	s.extra[2*column+1] = Simple{column, expr.OpLessEqual, high}
}

func (s *scan) closeCursor() error {
	var err error
	for _, c := range []Cursor{s.cursor, s.kept} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	s.cursor, s.kept = nil, nil
	return err
}

// Reset implements Operator.
func (s *scan) Reset() {
	s.begun = false
	s.ramp.reset()
	clear(s.extra)
	if err := s.leave(); err != nil {
		s.failed = err
	}
	s.again = s.node.Ranges != nil
}

// Close implements Operator.
func (s *scan) Close() error { return s.closeCursor() }
