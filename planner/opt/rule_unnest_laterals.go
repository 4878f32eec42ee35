package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var unnestLaterals = &Rule{
	Name: "unnest-laterals",
	Doc: "A lateral join whose right side does not name the left is a plain join, and one whose conditions on the left can be " +
		"taken out of the right side becomes one.",
	when: hasLateral,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			if j, ok := n.(*plan.Join); ok && j.Lateral {
				return c.unnestLateral(j)
			}
			return n
		})
	},
}

func (c *context) unnestLateral(n *plan.Join) plan.Node {
	left := produced(n.Left)
	if !depends(n.Right, left) {
		made := *n
		made.Lateral = false
		return &made
	}
	if n.Kind != plan.InnerJoin && n.Kind != plan.LeftJoin || n.Single {
		return n
	}
	p := newPuller(c, left)
	p.scalar = true
	right := p.pull(n.Right)
	if right == nil || p.lost && len(n.On) > 0 {
		return n
	}
	made := &plan.Join{Kind: n.Kind, Left: n.Left, Right: right}
	if p.lost {
		made.Kind = plan.LeftJoin // there is one row in any case
	} else if n.Kind == plan.LeftJoin && len(p.defs) > 0 {
		there := c.newColumn(plan.Column{Type: boolType, NotNull: true})
		with := passing(right)
		with.Items = append(with.Items, plan.Item{Column: there, Expr: constantTrue()})
		made.Right = with
		for id, e := range p.defs {
			p.defs[id] = whenThere(&there, e)
		}
	}
	made.On = append(p.defs.inList(n.On), p.on...)
	out := only(made, n.Columns()).(*plan.Project)
	for i := range out.Items {
		if e := p.defs[out.Items[i].Column.ID]; e != nil {
			out.Items[i].Expr = e
		}
	}
	return out
}

func constantTrue() *expr.Node { return expr.Constant(catalog.BoolOf(true), boolType) }

// whenThere returns CASE WHEN there IS NOT NULL THEN e END.
func whenThere(there *plan.Column, e *expr.Node) *expr.Node {
	return &expr.Node{
		Op: expr.OpCase, At: e.At, Type: e.Type, Volatile: e.Volatile,
		Args: []*expr.Node{expr.IsNull(columnNode(there), true), e, null(e.Type)},
	}
}
