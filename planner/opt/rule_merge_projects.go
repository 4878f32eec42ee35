package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var mergeProjects = &Rule{
	Name: "merge-projects",
	Doc: "A projection on top of a projection is one projection, unless that would compute something twice. One that only " +
		"passes its input on is none. Arguments of aggregates take what a projection below computes, if it is a column.",
	when: hasProject,
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			p, ok := n.(*plan.Project)
			if !ok {
				return n
			}
			if in, ok := p.Input.(*plan.Project); ok {
				if m := inTermsOf(p, in); m != nil {
					merged := mapItems(p, m.in).(*plan.Project)
					return &plan.Project{Input: in.Input, Items: merged.Items}
				}
			}
			if passesAll(p) {
				return p.Input
			}
			return n
		})
	},
}

// inTermsOf returns what the columns of in are in terms of its input, or nil if the projections should stay two.
func inTermsOf(p, in *plan.Project) substitution {
	m := substitution{}
	var costly idSet
	for i := range in.Items {
		it := &in.Items[i]
		switch it.Expr.Op {
		case expr.OpColumn:
			if it.Expr.Column != it.Column.ID {
				m[it.Column.ID] = it.Expr
			}
			continue
		case expr.OpConstant, expr.OpParameter:
		default:
			costly.add(it.Column.ID)
		}
		m[it.Column.ID] = it.Expr
	}
	if costly.empty() {
		return m
	}
	var once idSet
	for i := range p.Items {
		good := true
		p.Items[i].Expr.Walk(func(e *expr.Node) bool {
			switch {
			case e.Sub != nil:
				good = good && !costly.any(e.Sub.Outer())
			case e.Op == expr.OpCase, e.Op == expr.OpCoalesce:
				// What is computed anyway need not be computed where it stands now; volatile ones would become fewer.
				good = good && !costly.any(e.Columns())
			case e.Op == expr.OpColumn && costly.has(e.Column):
				good = good && !once.has(e.Column)
				once.add(e.Column)
			}
			return good
		})
		if !good {
			return nil
		}
	}
	for i := range in.Items {
		// Nobody needs it: prune-columns decides about that, so that errors and chance stay what they are.
		if id := in.Items[i].Column.ID; costly.has(id) && !once.has(id) && in.Items[i].Expr.Volatile {
			return nil
		}
	}
	return m
}

// passesAll reports whether a projection gives what its input gives.
func passesAll(p *plan.Project) bool {
	for i := range p.Items {
		if e := p.Items[i].Expr; e.Op != expr.OpColumn || e.Column != p.Items[i].Column.ID {
			return false
		}
	}
	return len(p.Items) == len(p.Input.Columns())
}
