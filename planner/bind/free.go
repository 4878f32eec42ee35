package bind

import (
	"maps"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A usage is what a plan names and what it computes.
type usage struct {
	named, made map[expr.ColumnID]bool
	volatile    bool
}

// used returns what a plan uses. Of the queries in its expressions that is what they depend on.
func used(n plan.Node) *usage {
	u := &usage{named: make(map[expr.ColumnID]bool), made: make(map[expr.ColumnID]bool)}
	u.node(n)
	return u
}

// free returns the columns around a plan that it names, ascending.
func (u *usage) free() []expr.ColumnID {
	var all []expr.ColumnID
	for id := range u.named {
		if !u.made[id] {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all
}

func (u *usage) exprs(list ...*expr.Node) {
	for _, e := range list {
		if e == nil {
			continue
		}
		u.volatile = u.volatile || e.Volatile
		for _, id := range e.Columns() {
			u.named[id] = true
		}
	}
}

func (u *usage) columns(list []plan.Column) {
	for i := range list {
		u.made[list[i].ID] = true
	}
}

func (u *usage) aggregation(a *plan.Aggregation) {
	u.made[a.Column.ID] = true
	u.exprs(a.Args...)
	u.exprs(a.Filter)
}

func (u *usage) node(n plan.Node) {
	switch n := n.(type) {
	case *plan.Scan:
		u.columns(n.Output)
	case *plan.Rows:
		u.columns(n.Output)
		for _, row := range n.Rows {
			u.exprs(row...)
		}
	case *plan.Function:
		u.columns(n.Output)
		u.exprs(n.Args...)
	case *plan.Filter:
		u.exprs(n.Conditions...)
	case *plan.Project:
		for i := range n.Items {
			if e := n.Items[i].Expr; e.Op != expr.OpColumn || e.Column != n.Items[i].Column.ID { // else it is passed on
				u.made[n.Items[i].Column.ID] = true
				u.exprs(e)
			}
		}
	case *plan.Join:
		u.exprs(n.On...)
		if n.Kind == plan.MarkJoin {
			u.made[n.Mark.ID] = true
		}
	case *plan.Aggregate:
		for i := range n.Aggregates {
			u.aggregation(&n.Aggregates[i])
		}
	case *plan.Window:
		for i := range n.Functions {
			u.aggregation(&n.Functions[i].Aggregation)
			u.exprs(n.Functions[i].Frame.Start.Offset, n.Functions[i].Frame.End.Offset)
		}
	case *plan.Limit:
		u.exprs(n.Count, n.Offset)
	case *plan.SetOperation:
		u.columns(n.Output)
	case *plan.Reference:
		u.columns(n.Output)
	case *plan.Recursive:
		u.columns(n.Output)
	case *plan.WorkTable:
		u.columns(n.Output)
	}
	for _, in := range n.Inputs() {
		u.node(in)
	}
}

// subplan returns a query as part of an expression, and whether it is volatile.
func subplan(root plan.Node, output []expr.ColumnID, text string) (*plan.Subquery, bool) {
	u := used(root)
	return &plan.Subquery{Root: root, Output: output, Depends: u.free(), Text: text}, u.volatile
}

// made returns the ids of columns.
func idsOf(columns []plan.Column) map[expr.ColumnID]bool {
	ids := make(map[expr.ColumnID]bool, len(columns))
	for i := range columns {
		ids[columns[i].ID] = true
	}
	return ids
}

// dependsOn reports whether a plan names columns of the other one, which is beside it.
func dependsOn(n, beside plan.Node) bool {
	ids := idsOf(beside.Columns())
	return slices.ContainsFunc(used(n).free(), func(id expr.ColumnID) bool { return ids[id] })
}

// sorted returns the ids of a set, ascending.
func sorted(ids map[expr.ColumnID]bool) []expr.ColumnID {
	return slices.Sorted(maps.Keys(ids))
}
