package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// uniqueBy reports whether no two rows of a node are equal in those columns. With nulls, NULLs count as equal, as they do
// for DISTINCT; without it they do not, as they do not for =.
func uniqueBy(n plan.Node, by idSet, nulls bool) bool {
	switch n := n.(type) {
	case *plan.Scan:
		return scanUniqueBy(n, by, nulls)
	case *plan.Rows:
		return len(n.Rows) <= 1
	case *plan.Filter:
		by = determined(by, n.Conditions, produced(n.Input))
		return uniqueBy(n.Input, by, nulls)
	case *plan.Project:
		var below idSet
		for i := range n.Items {
			if it := &n.Items[i]; it.Expr.Op == expr.OpColumn && by.has(it.Column.ID) {
				below.add(it.Expr.Column)
			}
		}
		return uniqueBy(n.Input, below, nulls)
	case *plan.Sort:
		return uniqueBy(n.Input, by, nulls)
	case *plan.Window:
		return uniqueBy(n.Input, by, nulls)
	case *plan.With:
		return uniqueBy(n.Body, by, nulls)
	case *plan.Limit:
		return atMost(n, 1) || uniqueBy(n.Input, by, nulls)
	case *plan.Aggregate:
		return by.all(n.Groups)
	case *plan.Distinct:
		on := n.On
		if on == nil {
			on = produced(n).list()
		}
		return by.all(on) || uniqueBy(n.Input, by, nulls)
	case *plan.SetOperation:
		return !n.All && by.all(ids(n.Output))
	case *plan.Join:
		return joinUniqueBy(n, by, nulls)
	default:
		return false
	}
}

// atMost reports whether a limit gives no more than so many rows.
func atMost(n *plan.Limit, rows int64) bool {
	return !n.Ties && n.Count != nil && n.Count.Op == expr.OpConstant && n.Count.Value.Kind() == catalog.Int64 && n.Count.Value.AsInt() <= rows
}

// single reports whether a node gives at most one row, whatever there is.
func single(n plan.Node) bool { return uniqueBy(n, nil, true) }

func scanUniqueBy(n *plan.Scan, by idSet, nulls bool) bool {
	t := n.Relation.Table
	has := func(id uint16, nullable bool) bool {
		for i, place := range n.Places {
			if place == plan.HiddenRowID || t.Columns[place].ID != id || !by.has(n.Output[i].ID) {
				continue
			}
			return nullable || t.Columns[place].NotNull || n.Output[i].NotNull
		}
		return false
	}
	if len(t.PrimaryKey) > 0 {
		if !slices.ContainsFunc(t.PrimaryKey, func(c catalog.IndexColumn) bool { return !has(c.Column, true) }) {
			return true
		}
	} else if i := slices.Index(n.Places, plan.HiddenRowID); i >= 0 && by.has(n.Output[i].ID) {
		return true
	}
	for i := range t.Indexes {
		x := &t.Indexes[i]
		if x.Unique && x.State == catalog.Ready &&
			!slices.ContainsFunc(x.Columns, func(c catalog.IndexColumn) bool { return !has(c.Column, !nulls) }) {
			return true
		}
	}
	return false
}

// determined returns the columns with those that equal them, or something that is the same for all rows, by the conditions.
func determined(by idSet, conditions []*expr.Node, own idSet) idSet {
	cloned := false
	for again := true; again; {
		again = false
		for _, e := range conditions {
			if e.Op != expr.OpEqual {
				continue
			}
			for i, x := range e.Args {
				y := e.Args[1-i]
				if x.Op != expr.OpColumn || !own.has(x.Column) || by.has(x.Column) || y.Volatile || !settled(y, by, own) {
					continue
				}
				if !cloned {
					by, cloned = by.clone(), true
				}
				by.add(x.Column)
				again = true
			}
		}
	}
	return by
}

// settled reports whether all columns of own that an expression names are of by.
func settled(e *expr.Node, by, own idSet) bool {
	for _, id := range e.Columns() {
		if own.has(id) && !by.has(id) {
			return false
		}
	}
	return true
}

func joinUniqueBy(n *plan.Join, by idSet, nulls bool) bool {
	if n.Lateral {
		return false
	}
	switch n.Kind {
	case plan.InnerJoin, plan.LeftJoin:
	case plan.FullJoin:
		return false
	default:
		return uniqueBy(n.Left, by, nulls)
	}
	left, right := produced(n.Left), produced(n.Right)
	own := left.clone()
	own.union(right)
	inner := n.Kind == plan.InnerJoin
	if inner {
		by = determined(by, n.On, own)
	}
	if uniqueBy(n.Left, by, nulls) {
		all := by.clone()
		all.union(left)
		// A row of the left has rows of the right by equality, in which NULLs do not matter.
		if uniqueBy(n.Right, determined(all, n.On, own), nulls) || uniqueBy(n.Right, determined(left.clone(), n.On, own), false) {
			return true
		}
	}
	if inner && uniqueBy(n.Right, by, nulls) {
		all := by.clone()
		all.union(right)
		return uniqueBy(n.Left, determined(all, n.On, own), nulls) || uniqueBy(n.Left, determined(right.clone(), n.On, own), false)
	}
	return false
}
