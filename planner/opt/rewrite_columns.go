package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A idSet is a set of columns. The zero value is empty.
type idSet []uint64

func (s *idSet) add(id expr.ColumnID) {
	for int(id>>6) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[id>>6] |= 1 << (id & 63)
}

func (s *idSet) addAll(ids []expr.ColumnID) {
	for _, id := range ids {
		s.add(id)
	}
}

func (s *idSet) union(t idSet) {
	for len(*s) < len(t) {
		*s = append(*s, 0)
	}
	for i, w := range t {
		(*s)[i] |= w
	}
}

func (s idSet) remove(t idSet) {
	for i := range min(len(s), len(t)) {
		s[i] &^= t[i]
	}
}

func (s idSet) has(id expr.ColumnID) bool {
	return int(id>>6) < len(s) && s[id>>6]>>(id&63)&1 != 0
}

func (s idSet) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s idSet) meets(t idSet) bool {
	for i := range min(len(s), len(t)) {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// any reports whether one of the columns is in the set.
func (s idSet) any(ids []expr.ColumnID) bool {
	for _, id := range ids {
		if s.has(id) {
			return true
		}
	}
	return false
}

// all reports whether all of the columns are in the set.
func (s idSet) all(ids []expr.ColumnID) bool {
	for _, id := range ids {
		if !s.has(id) {
			return false
		}
	}
	return true
}

func (s idSet) clone() idSet { return append(idSet(nil), s...) }

// list returns the columns, ascending.
func (s idSet) list() []expr.ColumnID {
	var all []expr.ColumnID
	for i, w := range s {
		for b := range 64 {
			if w>>b&1 != 0 {
				all = append(all, expr.ColumnID(i<<6+b))
			}
		}
	}
	return all
}

// asMap returns the set as package expr wants it.
func (s idSet) asMap() map[expr.ColumnID]bool {
	m := map[expr.ColumnID]bool{}
	for _, id := range s.list() {
		m[id] = true
	}
	return m
}

// uses reports whether an expression names one of the columns.
func uses(e *expr.Node, s idSet) bool {
	found := false
	e.Walk(func(e *expr.Node) bool {
		switch {
		case found:
		case e.Op == expr.OpColumn:
			found = s.has(e.Column)
		case e.Sub != nil:
			found = s.any(e.Sub.Outer())
		}
		return !found
	})
	return found
}

// addUsed adds the columns that an expression names.
func addUsed(s *idSet, e *expr.Node) {
	e.Walk(func(e *expr.Node) bool {
		switch {
		case e.Op == expr.OpColumn:
			s.add(e.Column)
		case e.Sub != nil:
			s.addAll(e.Sub.Outer())
		}
		return true
	})
}

// addColumns adds those columns to s.
func addColumns(s *idSet, columns []plan.Column) {
	for i := range columns {
		s.add(columns[i].ID)
	}
}

// produced returns the columns that a node gives.
func produced(n plan.Node) idSet {
	var s idSet
	addProduced(&s, n)
	return s
}

func addProduced(s *idSet, n plan.Node) {
	switch n := n.(type) {
	case *plan.Scan:
		addColumns(s, n.Output)
	case *plan.Filter:
		addProduced(s, n.Input)
	case *plan.Sort:
		addProduced(s, n.Input)
	case *plan.Limit:
		addProduced(s, n.Input)
	case *plan.Distinct:
		addProduced(s, n.Input)
	case *plan.With:
		addProduced(s, n.Body)
	case *plan.Join:
		addProduced(s, n.Left)
		switch {
		case n.Kind == plan.MarkJoin:
			s.add(n.Mark.ID)
		case !n.Kind.LeftOnly():
			addProduced(s, n.Right)
		}
	default:
		addOwn(s, n)
		if w, ok := n.(*plan.Window); ok {
			addProduced(s, w.Input)
		}
	}
}

// addOwn adds the columns that a node computes or passes on by name.
func addOwn(s *idSet, n plan.Node) {
	switch n := n.(type) {
	case *plan.Project:
		for i := range n.Items {
			s.add(n.Items[i].Column.ID)
		}
	case *plan.Aggregate:
		s.addAll(n.Groups)
		for i := range n.Aggregates {
			s.add(n.Aggregates[i].Column.ID)
		}
	case *plan.Window:
		for i := range n.Functions {
			s.add(n.Functions[i].Column.ID)
		}
	case *plan.Join:
		if n.Kind == plan.MarkJoin {
			s.add(n.Mark.ID)
		}
	case *plan.Scan, *plan.Rows, *plan.Function, *plan.SetOperation, *plan.Reference, *plan.Recursive, *plan.WorkTable:
		addColumns(s, n.Columns())
	}
}

// outer returns the columns that a plan names and does not compute: those of queries around it, and those of what is left
// of it in a lateral join.
func outer(n plan.Node) idSet {
	var named, own idSet
	each(n, func(n plan.Node) {
		expressions(n, func(e *expr.Node) { addUsed(&named, e) })
		addOwn(&own, n)
	})
	named.remove(own)
	return named
}

// depends reports whether a plan names one of the columns and does not compute it.
func depends(n plan.Node, on idSet) bool {
	found := false
	each(n, func(n plan.Node) {
		expressions(n, func(e *expr.Node) { found = found || uses(e, on) })
	})
	return found
}
