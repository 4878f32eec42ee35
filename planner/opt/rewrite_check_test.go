package opt

import (
	"fmt"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// checkPlan holds a plan to what package plan promises: every column that is named is there, and made once.
func checkPlan(q *plan.Query) error {
	c := &planChecker{q: q, widths: map[int]int{}}
	if err := c.node(q.Root, nil); err != nil {
		return fmt.Errorf("%w in\n%s", err, plan.Format(q.Root))
	}
	if own := produced(q.Root); !own.all(ids(q.Output)) {
		return fmt.Errorf("the output %v is not there in\n%s", ids(q.Output), plan.Format(q.Root))
	}
	return nil
}

type planChecker struct {
	q      *plan.Query
	made   idSet
	widths map[int]int // of queries of a WITH
}

func (c *planChecker) node(n plan.Node, around idSet) (err error) {
	var in idSet
	if w, ok := n.(*plan.With); ok {
		for _, common := range w.Common {
			c.widths[common.Number] = len(common.Output)
			if own := produced(common.Plan); !own.all(common.Output) {
				return fmt.Errorf("common %s does not give its output", common.Name)
			}
		}
	}
	for i, input := range n.Inputs() {
		sees := around
		if j, ok := n.(*plan.Join); ok && i == 1 && j.Lateral {
			sees = around.clone()
			sees.union(produced(j.Left))
		}
		if err = c.node(input, sees); err != nil {
			return err
		}
		in.union(produced(input))
	}
	sees := around.clone()
	sees.union(in)
	expressions(n, func(e *expr.Node) {
		if err == nil {
			err = c.expression(n, e, sees)
		}
	})
	if err != nil {
		return err
	}
	return c.own(n, in)
}

func (c *planChecker) expression(n plan.Node, e *expr.Node, sees idSet) (err error) {
	if !sees.all(e.Columns()) {
		return fmt.Errorf("%T: %s names columns that are not there: %v", n, e, e.Columns())
	}
	subqueries(e, func(s *plan.Subquery) {
		if err != nil {
			return
		}
		if err = c.node(s.Root, sees); err != nil {
			return
		}
		if own := produced(s.Root); !own.all(s.Output) {
			err = fmt.Errorf("the output %v of a subquery is not there", s.Output)
		}
		if free := outer(s.Root); !idsOf(s.Depends).all(free.list()) {
			err = fmt.Errorf("a subquery depends on %v, not on %v", free.list(), s.Depends)
		}
	})
	return err
}

// own checks what a node names besides expressions, and that nothing else makes its columns.
func (c *planChecker) own(n plan.Node, in idSet) error {
	var named, made idSet
	switch n := n.(type) {
	case *plan.Aggregate:
		named.addAll(n.Groups)
		for i := range n.Aggregates {
			addKeys(&named, n.Aggregates[i].OrderBy)
			if n.Aggregates[i].Function != "any_value" {
				made.add(n.Aggregates[i].Column.ID)
			}
		}
	case *plan.Project:
		for i := range n.Items {
			if it := &n.Items[i]; !isColumn(it.Expr) || it.Expr.Column != it.Column.ID {
				made.add(it.Column.ID)
			}
			if it := &n.Items[i]; it.Expr.Type.Kind != it.Column.Type.Kind && it.Expr.Type.Kind != 0 {
				return fmt.Errorf("%T: %s has another type than its column", n, it.Expr)
			}
		}
	case *plan.Window:
		named.addAll(n.PartitionBy)
		addKeys(&named, n.OrderBy)
		addOwn(&made, n)
	case *plan.Sort:
		addKeys(&named, n.Keys)
	case *plan.Distinct:
		named.addAll(n.On)
	case *plan.Limit:
		addKeys(&named, n.Keys)
	case *plan.SetOperation:
		if l := produced(n.Left); !l.all(n.LeftColumns) {
			return fmt.Errorf("%T: the left side does not give %v", n, n.LeftColumns)
		}
		if r := produced(n.Right); !r.all(n.RightColumns) {
			return fmt.Errorf("%T: the right side does not give %v", n, n.RightColumns)
		}
		addOwn(&made, n)
	case *plan.Reference:
		if c.widths[n.Number] != len(n.Output) {
			return fmt.Errorf("%T: %s has %d columns, not %d", n, n.Name, c.widths[n.Number], len(n.Output))
		}
		addOwn(&made, n)
	default:
		addOwn(&made, n)
	}
	if !in.all(named.list()) {
		return fmt.Errorf("%T: %v are not there", n, named.list())
	}
	if c.made.meets(made) {
		return fmt.Errorf("%T: columns of %v are made twice", n, made.list())
	}
	for _, id := range made.list() {
		if id >= c.q.NextID {
			return fmt.Errorf("%T: column %d is not below %d", n, id, c.q.NextID)
		}
	}
	c.made.union(made)
	return nil
}
