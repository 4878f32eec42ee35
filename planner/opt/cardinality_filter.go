package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// countFilter returns how many rows a Filter gives, together with filters right below it.
func (e *estimator) countFilter(n *plan.Filter) float64 {
	conditions, input := n.Conditions, n.Input
	for {
		f, ok := input.(*plan.Filter)
		if !ok {
			break
		}
		conditions, input = slices.Concat(f.Conditions, conditions), f.Input
	}
	if s, ok := input.(*plan.Scan); ok {
		return e.filteredRows(s, conditions)
	}
	rows := e.rows(input)
	return rows * e.selectivity(conditions, rows)
}

// filteredRows returns how many rows of a Scan satisfy conditions.
func (e *estimator) filteredRows(n *plan.Scan, conditions []*expr.Node) float64 {
	rows := e.rows(n)
	filtered := rows * e.selectivity(conditions, rows)
	if filtered > 1 && e.fixesKey(n, conditions, nil) {
		filtered = 1
	}
	return filtered
}

// fixesKey reports whether conditions give all columns of a unique key of a table one value. Columns that are in fixed have
// one already.
func (e *estimator) fixesKey(n *plan.Scan, conditions []*expr.Node, fixed map[int]bool) bool {
	places := map[int]bool{}
	for place := range fixed {
		places[place] = true
	}
	own := columnSet(n.Output)
	for _, c := range conditions {
		for _, part := range c.Conjuncts() {
			if x, _, ok := comparison(part, own); ok && part.Op == expr.OpEqual {
				if k := e.columns[x.Column]; k != nil && k.scan == n {
					places[k.place] = true
				}
			}
		}
	}
	return len(places) > 0 && coversKey(n.Relation.Table, places)
}

// coversKey reports whether a unique key has only columns at some places.
func coversKey(t *catalog.Table, places map[int]bool) bool {
	covered := func(key []catalog.IndexColumn) bool {
		return len(key) > 0 && !slices.ContainsFunc(key, func(k catalog.IndexColumn) bool {
			_, place, _ := t.ColumnByID(k.Column)
			return !places[place]
		})
	}
	return covered(t.PrimaryKey) || slices.ContainsFunc(t.Indexes, func(ix catalog.Index) bool {
		return ix.Unique && ix.State == catalog.Ready && covered(ix.Columns)
	})
}

// comparison returns the column of own that a comparison is about, and what it is compared with, which names none of them.
func comparison(n *expr.Node, own map[expr.ColumnID]bool) (x, y *expr.Node, ok bool) {
	if n.Op < expr.OpEqual || n.Op > expr.OpGreaterEqual {
		return nil, nil, false
	}
	x, y = n.Args[0], n.Args[1]
	if x.Op != expr.OpColumn || !own[x.Column] {
		x, y = y, x
	}
	if x.Op != expr.OpColumn || !own[x.Column] || slices.ContainsFunc(y.Columns(), func(c expr.ColumnID) bool { return own[c] }) {
		return nil, nil, false
	}
	return x, y, true
}

// A between is what several conditions say of one column.
type between struct {
	lower, upper float64 // parts of the rows; negative: no such condition
}

// selectivity returns which part of so many rows satisfies all conditions. Conditions from both sides on one column are
// taken together.
func (e *estimator) selectivity(conditions []*expr.Node, rows float64) float64 {
	total := 1.0
	var ranges map[expr.ColumnID]*between
	for _, c := range conditions {
		for _, part := range c.Conjuncts() {
			s := e.condition(part, rows)
			x, _, op := sided(part)
			if x == nil || op < expr.OpLess || op > expr.OpGreaterEqual || x.Op != expr.OpColumn {
				total *= s
				continue
			}
			if ranges == nil {
				ranges = map[expr.ColumnID]*between{}
			}
			r := ranges[x.Column]
			if r == nil {
				r = &between{-1, -1}
				ranges[x.Column] = r
			}
			if op == expr.OpLess || op == expr.OpLessEqual {
				r.upper = s
			} else {
				r.lower = s
			}
		}
	}
	for c, r := range ranges {
		total *= e.rangeSelectivity(e.columns[c], r)
	}
	return min(1, max(total, 1e-12))
}

func (e *estimator) rangeSelectivity(k *column, r *between) float64 {
	switch {
	case r.lower < 0:
		return r.upper
	case r.upper < 0:
		return r.lower
	case r.lower == defaultRange && r.upper == defaultRange:
		return defaultBetween
	}
	nulls := 0.0
	if k != nil {
		nulls = k.nulls
	}
	return max(1e-4, r.lower+r.upper-(1-nulls))
}

// sided returns the sides of a comparison with the constant, if there is one, on the right.
func sided(n *expr.Node) (x, y *expr.Node, op expr.Op) {
	if n.Op < expr.OpEqual || n.Op > expr.OpNotDistinct {
		return nil, nil, n.Op
	}
	x, y, op = n.Args[0], n.Args[1], n.Op
	if x.Op != expr.OpColumn || y.Op == expr.OpColumn && len(x.Columns()) == 0 {
		x, y, op = y, x, mirrored(op)
	}
	return x, y, op
}

// mirrored returns the comparison with its sides exchanged.
func mirrored(op expr.Op) expr.Op {
	switch op {
	case expr.OpLess:
		return expr.OpGreater
	case expr.OpLessEqual:
		return expr.OpGreaterEqual
	case expr.OpGreater:
		return expr.OpLess
	case expr.OpGreaterEqual:
		return expr.OpLessEqual
	default:
		return op
	}
}

// condition returns which part of so many rows satisfies a condition.
func (e *estimator) condition(n *expr.Node, rows float64) float64 {
	s := e.positive(n, rows)
	switch n.Op {
	case expr.OpLike, expr.OpILike, expr.OpBetween, expr.OpIn, expr.OpIsNull, expr.OpIsTrue, expr.OpIsFalse,
		expr.OpExists, expr.OpAny:
		if n.Not {
			s = 1 - s
			if len(n.Args) > 0 && n.Op != expr.OpIsNull && n.Op != expr.OpIsTrue && n.Op != expr.OpIsFalse {
				s -= e.nullsOf(n.Args[0])
			}
		}
	default:
	}
	return min(1, max(0, s))
}

// positive is condition without regard for Not.
func (e *estimator) positive(n *expr.Node, rows float64) float64 {
	switch n.Op {
	case expr.OpConstant:
		if n.Value.AsBool() {
			return 1
		}
		return 0
	case expr.OpAnd:
		return e.selectivity(n.Args, rows)
	case expr.OpOr:
		none := 1.0
		for _, a := range n.Args {
			none *= 1 - e.condition(a, rows)
		}
		return 1 - none
	case expr.OpNot:
		return 1 - e.condition(n.Args[0], rows)
	case expr.OpEqual, expr.OpNotEqual, expr.OpLess, expr.OpLessEqual, expr.OpGreater, expr.OpGreaterEqual,
		expr.OpDistinct, expr.OpNotDistinct:
		return e.compare(n, rows)
	case expr.OpBetween:
		k := e.columnOf(n.Args[0])
		lower := e.against(k, expr.OpGreaterEqual, n.Args[1])
		upper := e.against(k, expr.OpLessEqual, n.Args[2])
		return e.rangeSelectivity(k, &between{lower, upper})
	case expr.OpIn:
		k, total := e.columnOf(n.Args[0]), 0.0
		for _, a := range n.Args[1:] {
			total += e.against(k, expr.OpEqual, a)
		}
		return min(1, total)
	case expr.OpIsNull:
		return e.nullsOf(n.Args[0])
	case expr.OpIsTrue:
		return e.condition(n.Args[0], rows)
	case expr.OpIsFalse:
		return 1 - e.condition(n.Args[0], rows)
	case expr.OpColumn:
		return e.against(e.columns[n.Column], expr.OpEqual, expr.Constant(catalog.BoolOf(true), catalog.Type{Kind: catalog.Bool}))
	case expr.OpLike:
		return e.like(n)
	case expr.OpILike:
		return defaultLike
	case expr.OpExists, expr.OpAny, expr.OpAll:
		return defaultSubquery
	default:
		return defaultCondition
	}
}

// columnOf returns what is known of an expression that is a column, through casts that keep the order; nil: nothing.
func (e *estimator) columnOf(n *expr.Node) *column {
	for n.Op == expr.OpCast && n.Type.Kind.Numeric() && n.Args[0].Type.Kind.Numeric() {
		n = n.Args[0]
	}
	if n.Op != expr.OpColumn {
		return nil
	}
	return e.columns[n.Column]
}

// nullsOf returns in which part of the rows an expression is NULL.
func (e *estimator) nullsOf(n *expr.Node) float64 {
	if k := e.columnOf(n); k != nil {
		return k.nulls
	}
	return defaultNull
}

// compare returns which part of the rows satisfies a comparison.
func (e *estimator) compare(n *expr.Node, rows float64) float64 {
	x, y, op := sided(n)
	k := e.columnOf(x)
	if other := e.columnOf(y); k != nil && other != nil {
		equal := (1 - k.nulls) * (1 - other.nulls) / max(e.distinctOf(x.Column, rows), e.distinctOf(y.Column, rows))
		switch op {
		case expr.OpEqual, expr.OpNotDistinct:
			return equal
		case expr.OpNotEqual, expr.OpDistinct:
			return 1 - equal
		default:
			return defaultRange
		}
	}
	return e.against(k, op, y)
}
