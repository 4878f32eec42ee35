package opt

import (
	"math"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// greedy joins trees until there is one: always those two next whose join gives the fewest rows; trees that no condition
// connects only if there are no others. After Fegaras, "A New Heuristic for Optimizing Large Queries", DEXA 1998.
func (s *search) greedy(parts []*tree) *tree {
	n := len(parts)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
		for j := range i {
			rows[i][j] = s.guess(parts[i], parts[j])
		}
	}
	for left := n; left > 1; left-- {
		a, b := -1, -1
		for i := range parts {
			for j := range i {
				if parts[i] != nil && parts[j] != nil && (a < 0 || rows[i][j] < rows[a][b]) {
					a, b = i, j
				}
			}
		}
		parts[b] = s.g.joinedAs(parts[a], parts[b])
		parts[a] = nil
		for i := range parts {
			if i != b && parts[i] != nil {
				rows[max(i, b)][min(i, b)] = s.guess(parts[i], parts[b])
			}
		}
	}
	at := slices.IndexFunc(parts, func(t *tree) bool { return t != nil })
	return parts[at]
}

// guess returns a number by which pairs are compared: the rows of their join, more if it is a cross product, infinitely
// many if it is impossible.
func (s *search) guess(l, r *tree) float64 {
	g := s.g
	a, b := g.dependentAlone(l), g.dependentAlone(r)
	switch {
	case a != nil && b != nil:
		return math.Inf(1)
	case a != nil:
		l, r, b = r, l, a
	}
	if b != nil {
		if !b.needs.within(l.set) {
			return math.Inf(1)
		}
		return g.cardDependent(l.card, b)
	}
	if g.adjacentSets(l.set, r.set) == 0 {
		return 1e30 * max(1, l.card*r.card)
	}
	if r.set.count() > l.set.count() {
		l, r = r, l
	}
	return l.card * r.card * g.selectivity(l.set, r.set)
}

// joinedAs is joined for sets that are too many to count all.
func (g *graph) joinedAs(l, r *tree) *tree {
	set := l.set | r.set
	if _, known := g.cards[set]; !known {
		a, b := g.dependentAlone(l), g.dependentAlone(r)
		switch {
		case a != nil:
			g.cards[set] = g.cardDependent(r.card, a)
		case b != nil:
			g.cards[set] = g.cardDependent(l.card, b)
		case r.set.count() > l.set.count():
			g.cards[set] = max(1e-3, l.card*r.card*g.selectivity(r.set, l.set))
		default:
			g.cards[set] = max(1e-3, l.card*r.card*g.selectivity(l.set, r.set))
		}
	}
	return g.joined(l, r)
}

// build returns the plan of a tree. Conditions go where all that they name is there first; of each class there is one
// equality at each join of two sets that have members.
func (g *graph) build(t *tree) plan.Node {
	if t.left == nil {
		return g.relations[t.set.first()].node
	}
	left, right := g.build(t.left), g.build(t.right)
	a, b := t.left.set, t.right.set
	d := g.dependentAlone(t.right)
	var on []*expr.Node
	for i := range g.conditions {
		c := &g.conditions[i]
		if c.of.within(t.set) && !c.of.within(a) && (d != nil || !c.of.within(b)) && c.class < 0 {
			on = append(on, c.expr)
		}
	}
	if d != nil {
		j := *d.join
		j.Left, j.Right = left, right
		return filtered(&j, on)
	}
	for at := range g.classes {
		if e := g.equality(at, a, b); e != nil {
			on = append(on, e)
		}
	}
	return &plan.Join{Kind: plan.InnerJoin, Left: left, Right: right, On: on}
}

// equality returns the equality of a class between two sets: one that was written, if there is one.
func (g *graph) equality(class int, a, b relations) *expr.Node {
	for i := range g.conditions {
		c := &g.conditions[i]
		if c.class == class && c.of.within(a|b) && c.of&a != 0 && c.of&b != 0 {
			return c.expr
		}
	}
	var l, r *expr.Node
	for _, m := range g.classes[class] {
		switch {
		case a.has(m.of) && l == nil:
			l = m.column
		case b.has(m.of) && r == nil:
			r = m.column
		}
	}
	if l == nil || r == nil {
		return nil
	}
	return expr.Equal(l, r)
}
