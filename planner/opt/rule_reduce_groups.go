package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var reduceGroups = &Rule{
	Name: "reduce-groups",
	Doc: "Where GROUP BY has a unique key of a table, other columns of that table are the same within a group: they become " +
		"ANY_VALUE of it.",
	when: hasAggregate,
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			if a, ok := n.(*plan.Aggregate); ok && len(a.Groups) > 1 {
				return reduced(a)
			}
			return n
		})
	},
}

func reduced(n *plan.Aggregate) plan.Node {
	var drop idSet
	groups := idsOf(n.Groups)
	passed(n.Input, func(s *plan.Scan) {
		if !groups.any(ids(s.Output)) {
			return
		}
		if key := keyWithin(s, groups); key != nil {
			for _, c := range s.Output {
				if groups.has(c.ID) && !slices.Contains(key, c.ID) {
					drop.add(c.ID)
				}
			}
		}
	})
	if drop.empty() {
		return n
	}
	made := &plan.Aggregate{Input: n.Input, Aggregates: n.Aggregates[:len(n.Aggregates):len(n.Aggregates)]}
	for _, id := range n.Groups {
		if !drop.has(id) {
			made.Groups = append(made.Groups, id)
		}
	}
	for _, c := range n.Input.Columns() {
		if drop.has(c.ID) {
			made.Aggregates = append(made.Aggregates, plan.Aggregation{Column: c, Function: "any_value", Args: []*expr.Node{columnNode(&c)}})
		}
	}
	return made
}

// passed calls f for the tables whose columns come through a node under their own ids. In an outer join all columns of a
// table are NULL together, so that what a key determines stays so.
func passed(n plan.Node, f func(*plan.Scan)) {
	switch n := n.(type) {
	case *plan.Scan:
		f(n)
	case *plan.Filter, *plan.Project, *plan.Sort, *plan.Limit, *plan.Window:
		passed(n.Inputs()[0], f)
	case *plan.Join:
		passed(n.Left, f)
		if !n.Kind.LeftOnly() {
			passed(n.Right, f)
		}
	}
}

// keyWithin returns the columns of a unique key that is among some columns, and none of which is NULL, or nil.
func keyWithin(s *plan.Scan, among idSet) []expr.ColumnID {
	t := s.Relation.Table
	find := func(key []catalog.IndexColumn, nullable bool) []expr.ColumnID {
		var all []expr.ColumnID
		for _, k := range key {
			at := slices.IndexFunc(s.Places, func(p int) bool { return p != plan.HiddenRowID && t.Columns[p].ID == k.Column })
			if at < 0 || !among.has(s.Output[at].ID) || !nullable && !s.Output[at].NotNull {
				return nil
			}
			all = append(all, s.Output[at].ID)
		}
		return all
	}
	if key := find(t.PrimaryKey, true); len(key) > 0 {
		return key
	}
	for i := range t.Indexes {
		if x := &t.Indexes[i]; x.Unique && x.State == catalog.Ready {
			if key := find(x.Columns, false); len(key) > 0 {
				return key
			}
		}
	}
	return nil
}
