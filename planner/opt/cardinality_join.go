package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// joinRows returns how many rows a Join gives.
func (e *estimator) joinRows(n *plan.Join) float64 {
	l, r := e.rows(n.Left), e.rows(n.Right)
	pairs := l * r * e.joinSelectivity(n.Left, n.Right, n.On)
	if most, ok := e.partners(n.Right, n.Left, n.On); ok {
		pairs = min(pairs, l*most)
	}
	if most, ok := e.partners(n.Left, n.Right, n.On); ok {
		pairs = min(pairs, r*most)
	}
	switch n.Kind {
	case plan.LeftJoin:
		if n.Single {
			return l
		}
		return max(l, pairs)
	case plan.FullJoin:
		return max(l, pairs) + max(0, r-pairs)
	case plan.SemiJoin:
		return l * e.matched(l, r, pairs, n)
	case plan.AntiJoin, plan.NullAntiJoin:
		return l * max(0.05, 1-e.matched(l, r, pairs, n))
	case plan.MarkJoin:
		return l
	default:
		return pairs
	}
}

// matched returns which part of the rows of the left side has a partner.
func (e *estimator) matched(l, r, pairs float64, n *plan.Join) float64 {
	part := min(1, pairs/max(1, l))
	left, right := columnSet(e.output(n.Left)), columnSet(e.output(n.Right))
	for _, c := range n.On {
		for _, c := range c.Conjuncts() {
			x, y, ok := equality(c, left, right)
			if !ok || x.Op != expr.OpColumn || y.Op != expr.OpColumn {
				continue
			}
			// Of the values of the left, so many are among those of the right.
			part = min(part, e.distinctOf(y.Column, r)/e.distinctOf(x.Column, l))
		}
	}
	return part
}

// joinSelectivity returns which part of the pairs of rows of two sides satisfies conditions.
func (e *estimator) joinSelectivity(left, right plan.Node, on []*expr.Node) float64 {
	l, r := e.rows(left), e.rows(right)
	equal := pairing{e: e, l: l, r: r, part: 1}
	others := 1.0
	var leftColumns, rightColumns map[expr.ColumnID]bool
	for _, c := range on {
		for _, c := range c.Conjuncts() {
			if c.Op == expr.OpEqual && leftColumns == nil {
				leftColumns, rightColumns = columnSet(e.output(left)), columnSet(e.output(right))
			}
			part := e.condition(c, max(l, r))
			if x, y, ok := equality(c, leftColumns, rightColumns); ok && isColumn(x) && isColumn(y) {
				equal.add(x.Column, y.Column, part)
			} else {
				others *= part
			}
		}
	}
	return equal.selectivity() * others
}

// A pairing is of rows of two sides that are equal in some columns.
type pairing struct {
	e           *estimator
	l, r        float64 // rows
	left, right []expr.ColumnID
	part        float64 // of the pairs, if columns were independent
}

// add says that two columns are equal, which alone would be true of that part of the pairs.
func (p *pairing) add(left, right expr.ColumnID, part float64) {
	p.left, p.right = append(p.left, left), append(p.right, right)
	p.part *= part
}

// selectivity returns which part of the pairs is equal. Several columns together have no more different values than there
// are rows, on the side that has more of them: that is much less than the product where they are a key.
func (p *pairing) selectivity() float64 {
	if len(p.left) < 2 {
		return p.part
	}
	return max(p.part, 1/max(1, p.e.groupCount(p.left, p.l), p.e.groupCount(p.right, p.r)))
}

// partners returns how many rows of a side at most belong to one of the other side: where conditions name a whole unique
// key of a table that the side is, that is its part which other conditions leave.
func (e *estimator) partners(side, other plan.Node, on []*expr.Node) (float64, bool) {
	scan := scanOf(side)
	if scan == nil {
		return 0, false
	}
	left, right := columnSet(e.output(other)), columnSet(e.output(side))
	fixed := map[int]bool{}
	for _, c := range on {
		for _, c := range c.Conjuncts() {
			if _, y, ok := equality(c, left, right); ok && y.Op == expr.OpColumn {
				if k := e.columns[y.Column]; k != nil && k.scan == scan {
					fixed[k.place] = true
				}
			}
		}
	}
	if len(fixed) == 0 || !coversKey(scan.Relation.Table, fixed) {
		return 0, false
	}
	return e.rows(side) / max(1, e.rows(scan)), true
}

// scanOf returns the Scan that an operator gives rows of, each at most once: through filters, sorts and projections.
func scanOf(n plan.Node) *plan.Scan {
	for {
		switch x := n.(type) {
		case *plan.Scan:
			return x
		case *plan.Filter:
			n = x.Input
		case *plan.Project:
			n = x.Input
		case *plan.Sort:
			n = x.Input
		default:
			return nil
		}
	}
}
