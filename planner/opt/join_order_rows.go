package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// classRows is about a class at a join.
type classRows struct {
	there    bool // it has members on the side
	distinct float64
}

// inClass returns how many different values the members of a class have at most that are in a set.
func (g *graph) inClass(class []member, set relations) classRows {
	var r classRows
	for _, m := range class {
		if !set.has(m.of) {
			continue
		}
		d := g.e.distinctOf(m.column.Column, g.relations[m.of].rows)
		if !r.there || d < r.distinct {
			r = classRows{true, d}
		}
	}
	return r
}

// selectivity returns which part of the pairs of rows of two sets belongs together. Where equalities name the whole of a
// unique key of a table that is one of the sets, a row of the other set has one partner before filters, whatever the number
// of different values of each column is believed to be.
func (g *graph) selectivity(a, b relations) float64 {
	equal, others, count := 1.0, 1.0, 0
	var keyed *relation
	if b.count() == 1 {
		keyed = &g.relations[b.first()]
	}
	var places map[int]bool
	note := func(x *expr.Node) {
		if keyed == nil || keyed.scan == nil || !isColumn(x) {
			return
		}
		if k := g.e.columns[x.Column]; k != nil && k.scan == keyed.scan {
			if places == nil {
				places = map[int]bool{}
			}
			places[k.place] = true
		}
	}
	for _, class := range g.classes {
		l := g.inClass(class, a)
		if !l.there {
			continue
		}
		r := g.inClass(class, b)
		if !r.there {
			continue
		}
		equal /= max(1, l.distinct, r.distinct)
		count++
		for _, m := range class {
			if b.has(m.of) {
				note(m.column)
			}
		}
	}
	all := a | b
	for i := range g.conditions {
		c := &g.conditions[i]
		if c.class >= 0 || !c.of.within(all) || c.of.within(a) || c.of.within(b) {
			continue
		}
		s := g.e.condition(c.expr, g.relations[c.of.first()].rows)
		if c.expr.Op == expr.OpEqual && c.of.count() == 2 {
			equal *= s
			count++
			note(c.expr.Args[0])
			note(c.expr.Args[1])
		} else {
			others *= s
		}
	}
	if count > 1 { // see pairing.selectivity
		equal = max(equal, 1/max(1, g.card(a), g.card(b)))
	}
	if places != nil && coversKey(keyed.scan.Relation.Table, places) {
		equal = 1 / max(1, keyed.base)
	}
	return equal * others
}

// card returns how many rows a set of inputs gives when it is joined. It does not depend on the order.
func (g *graph) card(s relations) float64 {
	if r, known := g.cards[s]; known {
		return r
	}
	r := 0.0
	if s.count() == 1 {
		r = g.relations[s.first()].rows
	} else {
		r = g.countJoined(s)
	}
	r = max(r, 1e-3)
	g.cards[s] = r
	return r
}

// countJoined counts a set without one of its inputs, and then with it: one that nothing else of the set needs.
func (g *graph) countJoined(s relations) float64 {
	for d := s & g.dependent; d != 0; d &= d - 1 {
		at := d.first()
		needed := false
		for other := s & g.dependent; other != 0; other &= other - 1 {
			needed = needed || g.relations[other.first()].needs.has(at)
		}
		if !needed {
			return g.cardDependent(g.card(s&^bit(at)), &g.relations[at])
		}
	}
	last := -1
	for r := s; r != 0; r &= r - 1 {
		at := r.first()
		if rest := s &^ bit(at); g.adjacent[at]&rest != 0 && (last < 0 || g.keyed(at, rest) && !g.keyed(last, s&^bit(last))) {
			last = at
		}
	}
	if last < 0 {
		last = s.first()
	}
	rest := s &^ bit(last)
	return g.card(rest) * g.relations[last].rows * g.selectivity(rest, bit(last))
}

// keyed reports whether an input is a table with filters at most, which is joined to a set by a column that is unique.
func (g *graph) keyed(at int, to relations) bool {
	r := &g.relations[at]
	if r.scan == nil {
		return false
	}
	for _, class := range g.classes {
		for _, m := range class {
			if m.of != at {
				continue
			}
			if k := g.e.columns[m.column.Column]; k != nil && k.scan == r.scan && g.inClass(class, to).there &&
				coversKey(r.scan.Relation.Table, map[int]bool{k.place: true}) {
				return true
			}
		}
	}
	return false
}

// cardDependent returns how many rows so many rows become in the join of a dependent input.
func (g *graph) cardDependent(rows float64, r *relation) float64 {
	pairs := rows * r.rows
	part := 1.0
	own := produced(r.node)
	equal := pairing{e: g.e, l: rows, r: r.rows, part: 1}
	for _, e := range r.on {
		s := g.e.condition(e, max(rows, r.rows))
		if e.Op != expr.OpEqual || !isColumn(e.Args[0]) || !isColumn(e.Args[1]) {
			pairs *= s
			continue
		}
		x, y := e.Args[0], e.Args[1]
		if own.has(x.Column) {
			x, y = y, x
		}
		equal.add(x.Column, y.Column, s)
		part = min(part, g.e.distinctOf(y.Column, r.rows)/g.e.distinctOf(x.Column, rows))
	}
	pairs *= equal.selectivity()
	part = min(part, pairs/max(1, rows))
	switch r.join.Kind {
	case plan.LeftJoin:
		if r.join.Single {
			return rows
		}
		return max(rows, pairs)
	case plan.SemiJoin:
		return rows * part
	case plan.AntiJoin, plan.NullAntiJoin:
		return rows * max(0.05, 1-part)
	default:
		return rows
	}
}
