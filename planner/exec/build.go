package exec

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A builder makes the operators of a plan, all of one scope.
type builder struct {
	*run
	scope *scope
}

// build makes the operator of a node and those below it. Rows.Close closes all of them, so that an operator closes nothing
// but itself.
func (b *builder) build(n physical.Node) (Operator, error) {
	o, err := b.operator(n)
	if err != nil {
		return nil, err
	}
	b.opened = append(b.opened, o)
	if b.options.Measure {
		o = &measured{Operator: o, record: b.record(n), clock: b.options.Clock, fresh: true}
	}
	return o, nil
}

// operator is build for the operator alone.
func (b *builder) operator(n physical.Node) (Operator, error) {
	switch n := n.(type) {
	case *physical.Scan:
		return newScan(b, n)
	case *physical.BitmapScan:
		return newBitmapScan(b, n)
	case *physical.Rows:
		return newRows(b, n)
	case *physical.Function:
		return newFunction(b, n)
	case *physical.NestedLoopJoin:
		return newNestedLoopJoin(b, n)
	case *physical.Append:
		return newAppend(b, n)
	case *physical.Reference:
		return newReference(b, n)
	case *physical.Recursive:
		return newRecursive(b, n)
	case *physical.WorkTable:
		return newWorkTable(b, n)
	}
	inputs := make([]Operator, len(n.Inputs()))
	for i, below := range n.Inputs() {
		var err error
		if inputs[i], err = b.build(below); err != nil {
			return nil, err
		}
	}
	return b.above(n, inputs)
}

// above makes the operator of a node whose inputs are there.
func (b *builder) above(n physical.Node, inputs []Operator) (Operator, error) {
	switch n := n.(type) {
	case *physical.Filter:
		return newFilter(b, n, inputs[0])
	case *physical.Project:
		return newProject(b, n, inputs[0])
	case *physical.IndexJoin:
		return newIndexJoin(b, n, inputs[0])
	case *physical.HashJoin:
		return newHashJoin(b, n, inputs[0], inputs[1])
	case *physical.MergeJoin:
		return newMergeJoin(b, n, inputs[0], inputs[1])
	case *physical.HashAggregate:
		return newHashAggregate(b, n, inputs[0])
	case *physical.SortAggregate:
		return newSortAggregate(b, n, inputs[0])
	case *physical.Sort:
		return newSort(b, n, inputs[0])
	case *physical.Limit:
		return newLimit(b, n, inputs[0])
	case *physical.HashDistinct:
		return newHashDistinct(b, n, inputs[0])
	case *physical.SortDistinct:
		return newSortDistinct(b, n, inputs[0])
	case *physical.HashSet:
		return newHashSet(b, n, inputs[0], inputs[1])
	case *physical.Window:
		return newWindow(b, n, inputs[0])
	default:
		return nil, b.unknown(n)
	}
}

// unknown is the error for a plan that nothing here can run.
func (b *builder) unknown(n physical.Node) error {
	return sqlstate.New(sqlstate.InternalError, -1, "no operator runs a %T", n)
}

// within returns a builder for a part of the plan that sees other columns around it.
func (b *builder) within(s *scope) *builder { return &builder{run: b.run, scope: s} }

// env returns what expressions of this scope depend on besides their rows. It is the same until the end of the query, and
// its Outer changes.
func (b *builder) env() *expr.Env { return b.scope.env }

// budget returns an account of memory for the operator of a node.
func (b *builder) budget(n physical.Node) *budget {
	a := &budget{account: &b.memory}
	if b.options.Measure {
		rec := b.record(n)
		rec.budgets = append(rec.budgets, a)
	}
	return a
}

// slots returns where expressions find the columns of batches that have those of several inputs, one behind the other.
func (b *builder) slots(columns ...[]plan.Column) *expr.Slots {
	s := &expr.Slots{Columns: map[expr.ColumnID]int{}, Outer: b.scope.outer, Subquery: b.subquery}
	at := 0
	for _, some := range columns {
		for i := range some {
			if _, ok := s.Columns[some[i].ID]; !ok {
				s.Columns[some[i].ID] = at
			}
			at++
		}
	}
	return s
}

// kernels compiles conditions or other expressions over such columns.
func (b *builder) kernels(list []*expr.Node, columns ...[]plan.Column) ([]*expr.Kernel, error) {
	if len(list) == 0 {
		return nil, nil
	}
	s := b.slots(columns...)
	all := make([]*expr.Kernel, len(list))
	for i, n := range list {
		var err error
		if all[i], err = expr.NewKernel(n, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// constant compiles an expression that names no columns but those around the query. A nil one gives nil.
func (b *builder) constant(n *expr.Node) (*expr.Program, error) {
	if n == nil {
		return nil, nil
	}
	return expr.Compile(n, b.slots())
}

// placesOf returns where columns stand.
func placesOf(columns []plan.Column, ids []expr.ColumnID) ([]int, error) {
	all := make([]int, len(ids))
	for i, id := range ids {
		all[i] = slices.IndexFunc(columns, func(c plan.Column) bool { return c.ID == id })
		if all[i] < 0 {
			return nil, sqlstate.New(sqlstate.InternalError, -1, "the plan has no column %d where it is needed", id)
		}
	}
	return all, nil
}

func idsOf(columns []plan.Column) []expr.ColumnID {
	all := make([]expr.ColumnID, len(columns))
	for i := range columns {
		all[i] = columns[i].ID
	}
	return all
}

// A ramp says how many rows the next batch has at most: few at first, twice as many each time.
type ramp struct{ rows, most int }

func (r *ramp) next() int {
	if r.rows == 0 {
		r.rows = min(firstBatchRows, r.most)
	}
	n := r.rows
	r.rows = min(2*r.rows, r.most)
	return n
}

func (r *ramp) reset() { r.rows = 0 }

// selected returns the places of the rows of a batch. The caller must not change them.
func selected(b *catalog.Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	if len(everyPlace) < b.Len {
		return ascendingPlaces(b.Len)
	}
	return everyPlace[:b.Len]
}

var everyPlace = ascendingPlaces(4 * DefaultBatchRows)

func ascendingPlaces(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}
