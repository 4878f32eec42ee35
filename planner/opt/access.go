package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// scan plans a Scan with conditions.
func (p *planner) scan(n *plan.Scan, conditions []*expr.Node, l *limit) []path {
	h := physical.Header{Output: n.Output}
	h.Est.Width = p.width(n.Output)
	p.register(n)
	total := p.tableRows(n.Relation)
	h.Est.Rows = p.filteredRows(n, conditions)
	h.Est.Cost = total*(costScanRow+costScanColumn*float64(len(n.Output))) + p.evaluation(conditions, total)
	h.Est.First = h.Est.Cost / max(1, h.Est.Rows)
	s := &physical.Scan{Header: h, Relation: n.Relation, Alias: n.Alias, Places: n.Places, Filter: conditions}
	if len(conditions) == 0 {
		s.Limit = l.total()
	}
	return []path{{Node: s}}
}

func (p *planner) indexJoin(*joining) []path { return nil }

// keyColumns returns the columns of an index, or of the primary key.
func keyColumns(t *catalog.Table, index string) []catalog.IndexColumn {
	if index == "" {
		return t.PrimaryKey
	}
	if ix, ok := t.Index(index); ok {
		return ix.Columns
	}
	return nil
}
