package opt

import (
	"fmt"
	"testing"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A verifier checks that a physical plan makes sense: that every expression sees the columns that it names, and that every
// node gives no columns but those that it has.
type verifier struct {
	commons map[int]*physical.Common
	work    map[int]int // columns of work tables
	faults  []string
}

// verify checks the plan of a query, and that it gives the columns that the query promises.
func verify(t *testing.T, sql string, q *plan.Query, got *physical.Query) {
	t.Helper()
	v := &verifier{commons: map[int]*physical.Common{}, work: map[int]int{}}
	for _, c := range got.Commons {
		v.node(c.Root, nil)
		v.needs("common", columnSet(c.Root.Columns()), nil, c.Columns...)
		v.commons[c.Number] = c
	}
	v.node(got.Root, nil)
	v.needs("output", columnSet(got.Root.Columns()), nil, ids(q.Output)...)
	if len(v.faults) > 0 {
		t.Errorf("%s:\n%v\n%s", sql, v.faults, Explain(got, ExplainOptions{NoCosts: true, Verbose: true}))
	}
}

type columnIDs = map[expr.ColumnID]bool

func joined(sets ...columnIDs) columnIDs {
	all := columnIDs{}
	for _, s := range sets {
		for c := range s {
			all[c] = true
		}
	}
	return all
}

func (v *verifier) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

func (v *verifier) needs(what string, has, outer columnIDs, columns ...expr.ColumnID) {
	for _, c := range columns {
		if !has[c] && !outer[c] {
			v.fault("%s: column %d is missing\n", what, c)
		}
	}
}

// exprs checks expressions over some columns, and the plans of their subqueries.
func (v *verifier) exprs(what string, has, outer columnIDs, list ...*expr.Node) {
	for _, n := range list {
		if n == nil {
			continue
		}
		v.needs(what+" "+n.String(), has, outer, n.Columns()...)
		n.Walk(func(n *expr.Node) bool {
			switch s := n.Sub.(type) {
			case nil:
			case *physical.Subquery:
				around := joined(has, outer)
				seen := columnIDs{}
				for _, c := range s.Depends {
					if !around[c] {
						v.fault("a subquery depends on column %d\n", c)
					}
					seen[c] = true
				}
				v.node(s.Root, seen)
				v.needs("subquery", columnSet(s.Root.Columns()), nil, s.Output...)
			default:
				v.fault("%s: a subquery is not planned\n", what)
			}
			return true
		})
	}
}

func (v *verifier) node(n physical.Node, outer columnIDs) {
	has := columnIDs{}
	lateral, _ := n.(*physical.NestedLoopJoin)
	for i, in := range n.Inputs() {
		around := outer
		if lateral != nil && lateral.Lateral && i == 1 {
			around = joined(outer, has)
		}
		v.node(in, around)
		has = joined(has, columnSet(in.Columns()))
	}
	what := fmt.Sprintf("%T", n)
	e := n.Estimate()
	if !(e.Rows >= 0) || !(e.First >= 0) || !(e.Cost >= e.First*0.999) || !(e.Width >= 0) {
		v.fault("%s: the estimate is %+v\n", what, *e)
	}
	if !v.leaf(what, n, has, outer) {
		v.inner(what, n, has, outer)
	}
	switch n.(type) { // those that make new columns
	case *physical.Append, *physical.HashSet, *physical.Recursive:
	default:
		v.needs(what+" output", has, nil, ids(n.Columns())...)
	}
}

// leaf checks nodes that read no others. It adds to has what they give.
func (v *verifier) leaf(what string, n physical.Node, has, outer columnIDs) bool {
	switch n := n.(type) {
	case *physical.Scan:
		v.ranges(what, n.Ranges, outer)
		v.exprs(what, columnSet(n.Output), outer, n.Filter...)
		if len(n.Places) != len(n.Output) {
			v.fault("a scan has %d places\n", len(n.Places))
		}
	case *physical.BitmapScan:
		for _, p := range n.Parts {
			v.ranges(what, p.Ranges, outer)
		}
		v.exprs(what, columnSet(n.Output), outer, n.Filter...)
	case *physical.Rows:
		for _, r := range n.Rows {
			v.exprs(what, nil, outer, r...)
		}
	case *physical.Function:
		v.exprs(what, nil, outer, n.Call.Args...)
	case *physical.Reference:
		if c := v.commons[n.Number]; c == nil || len(c.Columns) != len(n.Output) {
			v.fault("there is no common query %d\n", n.Number)
		}
	case *physical.WorkTable:
	default:
		return false
	}
	for _, c := range n.Columns() {
		has[c.ID] = true
	}
	return true
}

func (v *verifier) ranges(what string, list []physical.Bounds, outer columnIDs) {
	for _, b := range list {
		v.exprs(what+" bounds", nil, outer, append([]*expr.Node{b.Lower, b.Upper}, b.Prefix...)...)
	}
}

// inner checks nodes that read others.
func (v *verifier) inner(what string, n physical.Node, has, outer columnIDs) {
	inputs := n.Inputs()
	switch n := n.(type) {
	case *physical.Filter:
		v.exprs(what, has, outer, n.Conditions...)
	case *physical.Project:
		for _, item := range n.Items {
			v.exprs(what, has, outer, item.Expr)
		}
		for _, item := range n.Items {
			has[item.Column.ID] = true
		}
	case *physical.NestedLoopJoin:
		v.exprs(what, has, outer, n.On...)
		v.mark(n.Kind, n, has)
	case *physical.IndexJoin:
		v.exprs(what, columnSet(n.Left.Columns()), outer, n.Keys...)
		for _, c := range n.Right {
			has[c.ID] = true
		}
		v.exprs(what, has, outer, n.On...)
	case *physical.HashJoin:
		v.exprs(what, columnSet(n.Left.Columns()), outer, n.LeftKeys...)
		v.exprs(what, columnSet(n.Right.Columns()), outer, n.RightKeys...)
		v.exprs(what, has, outer, n.On...)
		v.mark(n.Kind, n, has)
	case *physical.MergeJoin:
		v.needs(what, columnSet(n.Left.Columns()), nil, n.LeftKeys...)
		v.needs(what, columnSet(n.Right.Columns()), nil, n.RightKeys...)
		v.exprs(what, has, outer, n.On...)
	case *physical.HashAggregate:
		v.aggregates(what, n.Groups, n.Aggregates, has, outer)
	case *physical.SortAggregate:
		v.aggregates(what, n.Groups, n.Aggregates, has, outer)
	case *physical.Sort:
		v.needs(what, has, nil, columnsOf(n.Keys)...)
	case *physical.Limit:
		v.exprs(what, nil, outer, n.Count, n.Offset)
		v.needs(what, has, nil, columnsOf(n.Keys)...)
	case *physical.HashDistinct:
		v.needs(what, has, nil, n.On...)
	case *physical.SortDistinct:
		v.needs(what, has, nil, n.On...)
	case *physical.Append:
		for i, part := range n.Parts {
			v.needs(what, columnSet(part.Columns()), nil, n.Select[i]...)
		}
	case *physical.HashSet:
		v.needs(what, columnSet(inputs[0].Columns()), nil, n.LeftColumns...)
		v.needs(what, columnSet(inputs[1].Columns()), nil, n.RightColumns...)
	case *physical.Window:
		v.needs(what, has, nil, append(columnsOf(n.OrderBy), n.PartitionBy...)...)
		for _, f := range n.Functions {
			v.exprs(what, has, outer, append([]*expr.Node{f.Filter}, f.Args...)...)
		}
		for _, f := range n.Functions {
			has[f.Column.ID] = true
		}
	case *physical.Recursive:
		v.needs(what, columnSet(inputs[0].Columns()), nil, n.BaseColumns...)
		v.needs(what, columnSet(inputs[1].Columns()), nil, n.StepColumns...)
	default:
		v.fault("%s is not known\n", what)
	}
}

// mark adds the column that a mark join makes.
func (v *verifier) mark(kind plan.JoinKind, n physical.Node, has columnIDs) {
	if columns := n.Columns(); kind == plan.MarkJoin {
		has[columns[len(columns)-1].ID] = true
	}
}

func (v *verifier) aggregates(what string, groups []expr.ColumnID, list []plan.Aggregation, has, outer columnIDs) {
	v.needs(what, has, nil, groups...)
	for _, a := range list {
		v.exprs(what, has, outer, append([]*expr.Node{a.Filter}, a.Args...)...)
	}
	for _, a := range list {
		has[a.Column.ID] = true
	}
}
