package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var dropCommons = &Rule{
	Name: "drop-commons",
	Doc: "A query of a WITH that nothing reads is not computed. Those that are read once have taken the place of their names " +
		"in package bind already, which knows whether they are MATERIALIZED.",
	when: hasWith,
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			if w, ok := n.(*plan.With); ok {
				return droppedCommons(w)
			}
			return n
		})
	},
}

func droppedCommons(w *plan.With) plan.Node {
	var read idSet
	note := func(n plan.Node) {
		everywhere(n, func(n plan.Node) {
			if r, ok := n.(*plan.Reference); ok {
				read.add(expr.ColumnID(r.Number))
			}
		})
	}
	note(w.Body)
	var kept []*plan.Common
	for i := len(w.Common) - 1; i >= 0; i-- {
		if c := w.Common[i]; read.has(expr.ColumnID(c.Number)) {
			kept = append([]*plan.Common{c}, kept...)
			note(c.Plan)
		}
	}
	switch len(kept) {
	case 0:
		return w.Body
	case len(w.Common):
		return w
	default:
		return &plan.With{Common: kept, Body: w.Body}
	}
}
