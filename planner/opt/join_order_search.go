package opt

import (
	"math/bits"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// Up to so many inputs, or so many pairs of sets of inputs, all orders are looked at.
const (
	exactRelations = 10
	exactPairs     = 10_000
)

// A tree is the best order found for a set of inputs.
type tree struct {
	set         relations
	left, right *tree // nil of a single input
	card, cost  float64
	read        float64 // of a single table: the part of cost that is reading it, which an index saves
}

// A search looks for the best order.
type search struct {
	g     *graph
	found map[relations]*tree
	pairs int
	limit int // of pairs; 0: none
}

// best returns the plan of the graph in the best order that it finds.
func (g *graph) best() plan.Node {
	s := &search{g: g, found: map[relations]*tree{}}
	if len(g.relations) > exactRelations {
		s.limit = exactPairs
	}
	g.number()
	for i := range g.relations {
		s.found[bit(i)] = g.leaf(i)
	}
	parts := s.exact()
	if parts == nil {
		parts = make([]*tree, len(g.relations))
		for i := range parts {
			parts[i] = g.leaf(i)
		}
	}
	t := s.greedy(parts)
	return filtered(g.build(t), g.top)
}

// number gives the inputs their numbers anew: breadth first, as DPccp wants it.
func (g *graph) number() {
	var order []int
	var seen relations
	for i := range g.relations {
		if seen.has(i) {
			continue
		}
		seen |= bit(i)
		order = append(order, i)
		for at := len(order) - 1; at < len(order); at++ {
			for r := g.adjacent[order[at]] &^ seen; r != 0; r &= r - 1 {
				seen |= bit(r.first())
				order = append(order, r.first())
			}
		}
	}
	if slices.IsSorted(order) {
		return
	}
	place := make([]int, len(order))
	for to, from := range order {
		place[from] = to
	}
	moved := func(r relations) (to relations) {
		for ; r != 0; r &= r - 1 {
			to |= bit(place[r.first()])
		}
		return to
	}
	renumbered, adjacent := make([]relation, len(order)), make([]relations, len(order))
	for to, from := range order {
		renumbered[to] = g.relations[from]
		renumbered[to].needs = moved(g.relations[from].needs)
		adjacent[to] = moved(g.adjacent[from])
	}
	g.relations, g.adjacent, g.dependent = renumbered, adjacent, moved(g.dependent)
	for i := range g.conditions {
		g.conditions[i].of = moved(g.conditions[i].of)
	}
	for _, class := range g.classes {
		for i := range class {
			class[i].of = place[class[i].of]
		}
	}
	for id, at := range g.at {
		g.at[id] = place[at]
	}
}

func (g *graph) leaf(i int) *tree {
	r := &g.relations[i]
	t := &tree{set: bit(i), card: r.rows}
	if r.scan != nil {
		t.read = r.base * costScanRow
	}
	t.cost = t.read
	return t
}

// exact finds the best order of each connected part by DPccp: Moerkotte and Neumann, "Analysis of Two Existing and One New
// Dynamic Programming Algorithm for the Generation of Optimal Bushy Join Trees without Cross Products", VLDB 2006. It
// returns nil if there are too many pairs, or if what needs others leaves a part without an order.
func (s *search) exact() []*tree {
	n := len(s.g.relations)
	for i := n - 1; i >= 0; i-- {
		s.emit(bit(i))
		s.grow(bit(i), bit(i+1)-1, s.emit)
		if s.over() {
			return nil
		}
	}
	var parts []*tree
	for rest := ^relations(0) >> (maxRelations - n); rest != 0; {
		part := s.reach(bit(rest.first()))
		t := s.found[part]
		if t == nil {
			return nil
		}
		parts = append(parts, t)
		rest &^= part
	}
	return parts
}

func (s *search) over() bool { return s.limit > 0 && s.pairs > s.limit }

// around returns the neighbours of a set.
func (s *search) around(set relations) relations {
	var all relations
	for r := set; r != 0; r &= r - 1 {
		all |= s.g.adjacent[r.first()]
	}
	return all &^ set
}

func (s *search) reach(set relations) relations {
	for {
		more := s.around(set)
		if more == 0 {
			return set
		}
		set |= more
	}
}

// grow calls f for all connected sets that contain the set and nothing of without, small ones first.
func (s *search) grow(set, without relations, f func(relations)) {
	next := s.around(set) &^ without
	if next == 0 || s.over() {
		return
	}
	for sub := -next & next; ; sub = (sub - next) & next {
		f(set | sub)
		if sub == next || s.over() {
			break
		}
	}
	for sub := -next & next; ; sub = (sub - next) & next {
		s.grow(set|sub, without|next, f)
		if sub == next || s.over() {
			break
		}
	}
}

// emit joins a connected set with all connected sets beside it that have no smaller number than it.
func (s *search) emit(set relations) {
	without := bit(set.first()+1) - 1 | set
	next := s.around(set) &^ without
	for r := next; r != 0 && !s.over(); {
		at := bits.Len64(uint64(r)) - 1
		r &^= bit(at)
		s.try(set, bit(at))
		s.grow(bit(at), without|(bit(at+1)-1)&next, func(other relations) { s.try(set, other) })
	}
}

// try keeps the join of two sets if it is better than what was found.
func (s *search) try(a, b relations) {
	s.pairs++
	l, r := s.found[a], s.found[b]
	if l == nil || r == nil || s.over() {
		return
	}
	if t := s.g.joined(l, r); t != nil {
		if old := s.found[t.set]; old == nil || t.cost < old.cost {
			s.found[t.set] = t
		}
	}
}

// joined returns the better one of the joins of two trees, or nil if they cannot be joined: an input that needs others can
// only be joined to those.
func (g *graph) joined(l, r *tree) *tree {
	a, b := g.dependentAlone(l), g.dependentAlone(r)
	switch {
	case a != nil && b != nil:
		return nil
	case a != nil:
		l, r, b = r, l, a
	}
	if b != nil && !b.needs.within(l.set) {
		return nil
	}
	t := &tree{set: l.set | r.set, left: l, right: r}
	t.card = g.card(t.set)
	if b == nil && l.card < r.card {
		t.left, t.right = r, l // the hash table is of the right side
	}
	small, large := min(l.card, r.card), max(l.card, r.card)
	t.cost = l.cost + r.cost + small*costHashBuild + large*costHashProbe + t.card*costRow
	if g.adjacentSets(l.set, r.set) == 0 {
		t.cost += l.card * r.card * costPair
	}
	g.lookUp(t, l, r)
	if b == nil {
		g.lookUp(t, r, l)
	}
	return t
}

func (g *graph) adjacentSets(a, b relations) relations {
	var all relations
	for r := a; r != 0; r &= r - 1 {
		all |= g.adjacent[r.first()]
	}
	return all & b
}

// lookUp makes the join one by an index of the right side if that is cheaper.
func (g *graph) lookUp(t, l, r *tree) {
	if r.left != nil || g.c.options.NoIndex || !g.indexed(r.set.first(), l.set) {
		return
	}
	cost := l.cost + r.cost - r.read + l.card*(costFetch+costHashProbe) + t.card*costRow
	if cost < t.cost {
		t.cost, t.left, t.right = cost, l, r
	}
}

// indexed reports whether a table has a key that begins with a column that is joined to a set.
func (g *graph) indexed(at int, to relations) bool {
	r := &g.relations[at]
	if r.scan == nil || r.join != nil && r.join.Kind == plan.NullAntiJoin {
		return false
	}
	leads := func(x *expr.Node) bool {
		if !isColumn(x) {
			return false
		}
		k := g.e.columns[x.Column]
		if k == nil || k.scan != r.scan || k.place < 0 {
			return false
		}
		return leadsKey(r.scan.Relation.Table, r.scan.Relation.Table.Columns[k.place].ID)
	}
	for _, e := range r.on {
		if e.Op == expr.OpEqual && (leads(e.Args[0]) || leads(e.Args[1])) {
			return true
		}
	}
	for _, class := range g.classes {
		for _, m := range class {
			if m.of == at && leads(m.column) && g.inClass(class, to).there {
				return true
			}
		}
	}
	for i := range g.conditions {
		c := &g.conditions[i]
		if c.class < 0 && c.expr.Op == expr.OpEqual && c.of.has(at) && c.of.within(to|bit(at)) && (leads(c.expr.Args[0]) || leads(c.expr.Args[1])) {
			return true
		}
	}
	return false
}

func (g *graph) dependentAlone(t *tree) *relation {
	if t.left == nil && g.dependent.has(t.set.first()) {
		return &g.relations[t.set.first()]
	}
	return nil
}
