package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// survey looks, from the top down, for what may want an order, and for what may stop before the last row.
func (p *planner) survey(n plan.Node) {
	switch n := n.(type) {
	case *plan.Sort:
		p.want(n.Keys)
	case *plan.Limit:
		p.early = true
		p.want(n.Keys)
	case *plan.Aggregate:
		p.wantAll(n.Groups)
		p.surveyAggregates(n.Aggregates)
	case *plan.Distinct:
		p.wantAll(n.On)
		if n.On == nil {
			for _, c := range n.Input.Columns() {
				p.wanted[c.ID] = true
			}
		}
	case *plan.Window:
		p.wantAll(n.PartitionBy)
		p.want(n.OrderBy)
	case *plan.Filter:
		p.surveyExprs(n.Conditions)
	case *plan.Join:
		p.surveyJoin(n)
	case *plan.Project:
		for _, item := range n.Items {
			p.surveyItem(&item)
			p.surveyExprs([]*expr.Node{item.Expr})
		}
	case *plan.Rows:
		for _, r := range n.Rows {
			p.surveyExprs(r)
		}
	case *plan.Function:
		p.surveyExprs(n.Args)
	}
	for _, in := range n.Inputs() {
		p.survey(in)
	}
}

// surveyItem wants of a column what is wanted of another one that it becomes.
func (p *planner) surveyItem(item *plan.Item) {
	if item.Expr.Op != expr.OpColumn || !p.wanted[item.Column.ID] {
		return
	}
	p.wanted[item.Expr.Column] = true
	for _, descending := range []bool{false, true} {
		if p.wantedKeys[direction{item.Column.ID, descending}] {
			p.wantedKeys[direction{item.Expr.Column, descending}] = true
		}
	}
}

func (p *planner) want(keys []plan.Key) {
	for _, k := range keys {
		p.wanted[k.Column] = true
		p.wantedKeys[direction{k.Column, k.Descending}] = true
	}
}

func (p *planner) wantAll(columns []expr.ColumnID) {
	for _, c := range columns {
		p.wanted[c] = true
	}
}

// surveyJoin wants the columns of equalities, for merge joins.
func (p *planner) surveyJoin(n *plan.Join) {
	for _, c := range n.On {
		for _, part := range c.Conjuncts() {
			if part.Op == expr.OpEqual && part.Args[0].Op == expr.OpColumn && part.Args[1].Op == expr.OpColumn {
				p.wanted[part.Args[0].Column] = true
				p.wanted[part.Args[1].Column] = true
			}
		}
	}
	p.surveyExprs(n.On)
}

// surveyAggregates wants the columns of min and max, which the first row of an index has.
func (p *planner) surveyAggregates(list []plan.Aggregation) {
	for i := range list {
		a := &list[i]
		if isExtreme(a) {
			p.want([]plan.Key{{Column: a.Args[0].Column, Descending: a.Function == "max"}})
		}
		p.surveyExprs(a.Args)
		if a.Filter != nil {
			p.surveyExprs([]*expr.Node{a.Filter})
		}
	}
}

// surveyExprs goes into the subqueries of expressions.
func (p *planner) surveyExprs(list []*expr.Node) {
	for _, n := range list {
		n.Walk(func(n *expr.Node) bool {
			if s, ok := n.Sub.(*plan.Subquery); ok {
				p.early = p.early || n.Op != expr.OpSubquery
				p.survey(s.Root)
			}
			return true
		})
	}
}

// isExtreme reports whether an aggregate is the minimum or the maximum of a column.
func isExtreme(a *plan.Aggregation) bool {
	return (a.Function == "min" || a.Function == "max") && a.Filter == nil && len(a.Args) == 1 && a.Args[0].Op == expr.OpColumn
}
