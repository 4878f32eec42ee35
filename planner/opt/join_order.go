package opt

import (
	"math/bits"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var orderJoins = &Rule{
	Name: "order-joins",
	Doc: "Inner joins are done in the order that is believed to be the cheapest: of all orders without cross products, or, if " +
		"those are too many, by joining first what gives few rows. Left, semi, anti and mark joins take part: they can be done " +
		"as soon as what their conditions name is there.",
	when: hasJoin,
	apply: func(c *context, n plan.Node) plan.Node {
		return c.ordered(n)
	},
}

// maxRelations is how many inputs are ordered together. There is a bit for each in a relations.
const maxRelations = 64

// relations is a set of inputs of a graph, by number.
type relations uint64

func bit(i int) relations                   { return 1 << i }
func (r relations) has(i int) bool          { return r>>i&1 != 0 }
func (r relations) within(s relations) bool { return r&^s == 0 }
func (r relations) count() int              { return bits.OnesCount64(uint64(r)) }
func (r relations) first() int              { return bits.TrailingZeros64(uint64(r)) }

// A relation is an input of a graph.
type relation struct {
	node plan.Node
	// join is nil of what is joined by inner joins. Else it is a left, semi, anti or mark join whose right side this is, and
	// needs are the others that must have been joined before.
	join  *plan.Join
	needs relations
	on    []*expr.Node // of join

	rows float64
	base float64    // rows of its table, if it is one
	scan *plan.Scan // nil: it is none
}

// A condition is one of inner joins, or of a filter among them.
type condition struct {
	expr *expr.Node
	of   relations
	// class is of which class an equality of two columns is: all members are equal, so that one equality for two sides that
	// are joined says all. -1: none.
	class int
}

// A member is a column of a class.
type member struct {
	column *expr.Node
	of     int
}

// A graph is inner joins next to each other, with what is joined.
type graph struct {
	c          *context
	e          *estimator
	relations  []relation
	conditions []condition
	classes    [][]member
	top        []*expr.Node // conditions that name nothing of it
	at         map[expr.ColumnID]int
	dependent  relations // those with a join
	adjacent   []relations
	cards      map[relations]float64
}

// ordered orders all joins of a plan.
func (c *context) ordered(n plan.Node) plan.Node {
	if !c.joins(n) {
		return mapInputs(n, c.ordered)
	}
	g := &graph{c: c, e: c.estimator(), at: map[expr.ColumnID]int{}, cards: map[relations]float64{}}
	g.collect(n, maxRelations)
	for i := range g.relations {
		r := &g.relations[i]
		r.node = c.ordered(r.node)
	}
	g.prepare()
	made := g.best()
	if sameJoins(made, n) {
		return n
	}
	if len(made.Columns()) != len(n.Columns()) { // there were projections among the joins
		return only(made, n.Columns())
	}
	return made
}

// through returns what is below projections that leave columns out and compute nothing: joins are ordered as if they were
// not there.
func through(n plan.Node) plan.Node {
	for {
		p, ok := n.(*plan.Project)
		if !ok {
			return n
		}
		for i := range p.Items {
			if it := &p.Items[i]; !isColumn(it.Expr) || it.Expr.Column != it.Column.ID {
				return n
			}
		}
		n = p.Input
	}
}

// joins reports whether a node is joins that may be ordered, perhaps under filters.
func (c *context) joins(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Filter:
		return !anyVolatile(n.Conditions) && c.joins(n.Input)
	case *plan.Join:
		return !n.Lateral && n.Kind != plan.FullJoin && !anyVolatile(n.On)
	default:
		return false
	}
}

// collect gathers inputs and conditions. There is room for so many inputs, of which each part of the plan gets one.
func (g *graph) collect(n plan.Node, room int) relations {
	if below := through(n); below != n && g.c.joins(below) {
		n = below
	}
	if room <= 1 || !g.c.joins(n) {
		return g.add(relation{node: n}, produced(n))
	}
	f, ok := n.(*plan.Filter)
	if ok {
		all := g.collect(f.Input, room)
		for _, e := range conjuncts(f.Conditions) {
			g.conditions = append(g.conditions, condition{expr: e, class: -1})
		}
		return all
	}
	j := n.(*plan.Join)
	if j.Kind == plan.InnerJoin {
		before := len(g.relations)
		right := g.collect(j.Right, room-1)
		left := g.collect(j.Left, room-(len(g.relations)-before))
		for _, e := range conjuncts(j.On) {
			g.conditions = append(g.conditions, condition{expr: e, class: -1})
		}
		return left | right
	}
	left := g.collect(j.Left, room-1)
	own := produced(j.Right)
	if j.Kind == plan.MarkJoin {
		own = idSet{}
		own.add(j.Mark.ID)
	}
	r := relation{node: j.Right, join: j, on: conjuncts(j.On)}
	var named idSet
	for _, e := range r.on {
		addUsed(&named, e)
	}
	for _, id := range named.list() {
		if at, mine := g.at[id]; mine {
			r.needs |= bit(at)
		}
	}
	if j.Single {
		r.needs = left // it is an error for rows that come so far only
	}
	if r.needs == 0 {
		r.needs = bit(left.first())
	}
	return left | g.add(r, own)
}

func (g *graph) add(r relation, own idSet) relations {
	at := len(g.relations)
	if r.join != nil {
		g.dependent |= bit(at)
	}
	for _, id := range own.list() {
		g.at[id] = at
	}
	g.relations = append(g.relations, r)
	return bit(at)
}

// of returns which inputs an expression names.
func (g *graph) of(e *expr.Node) relations {
	var r relations
	for _, id := range e.Columns() {
		if at, mine := g.at[id]; mine {
			r |= bit(at)
		}
	}
	return r
}

// prepare finds out what conditions are about, puts those on one input there, and counts.
func (g *graph) prepare() {
	kept := g.conditions[:0]
	for _, c := range g.conditions {
		c.of = g.of(c.expr)
		switch {
		case c.of == 0:
			g.top = append(g.top, c.expr)
		case c.of.count() == 1 && c.of&g.dependent == 0:
			r := &g.relations[c.of.first()]
			r.node = filtered(r.node, []*expr.Node{c.expr})
		default:
			kept = append(kept, c)
		}
	}
	g.conditions = kept
	for i := range g.relations {
		r := &g.relations[i]
		r.rows = g.e.rows(r.node)
		if r.scan = scanOf(r.node); r.scan != nil {
			r.base = g.e.rows(r.scan)
		}
	}
	g.classify()
	g.adjacent = make([]relations, len(g.relations))
	for _, c := range g.conditions {
		g.connect(c.of)
	}
	for _, class := range g.classes {
		var of relations
		for _, m := range class {
			of |= bit(m.of)
		}
		g.connect(of)
	}
	for i := range g.relations {
		for needs := g.relations[i].needs; needs != 0; needs &= needs - 1 {
			g.connect(bit(i) | bit(needs.first()))
		}
	}
}

func (g *graph) connect(all relations) {
	for r := all; r != 0; r &= r - 1 {
		g.adjacent[r.first()] |= all &^ bit(r.first())
	}
}

// classify finds classes of columns that are equal. A class with two columns of one input is none: both equalities must be
// looked at there.
func (g *graph) classify() {
	parent := map[expr.ColumnID]expr.ColumnID{}
	find := func(id expr.ColumnID) expr.ColumnID {
		for parent[id] != 0 && parent[id] != id {
			id = parent[id]
		}
		return id
	}
	columns := map[expr.ColumnID]*expr.Node{}
	isEdge := func(c *condition) bool {
		return c.expr.Op == expr.OpEqual && isColumn(c.expr.Args[0]) && isColumn(c.expr.Args[1]) && c.of.count() == 2 && c.of&g.dependent == 0
	}
	for i := range g.conditions {
		if c := &g.conditions[i]; isEdge(c) {
			x, y := c.expr.Args[0], c.expr.Args[1]
			columns[x.Column], columns[y.Column] = x, y
			if a, b := find(x.Column), find(y.Column); a != b {
				parent[b] = a
			}
		}
	}
	sorted := make([]expr.ColumnID, 0, len(columns))
	for id := range columns {
		sorted = append(sorted, id)
	}
	slices.Sort(sorted)
	number := map[expr.ColumnID]int{}
	var bad relations
	var seen []relations
	for _, id := range sorted {
		root := find(id)
		at, known := number[root]
		if !known {
			at = len(g.classes)
			number[root] = at
			g.classes = append(g.classes, nil)
			seen = append(seen, 0)
		}
		of := g.at[id]
		if seen[at].has(of) && at < maxRelations {
			bad |= bit(at)
		}
		seen[at] |= bit(of)
		g.classes[at] = append(g.classes[at], member{columns[id], of})
	}
	for i := range g.conditions {
		c := &g.conditions[i]
		if !isEdge(c) {
			continue
		}
		if at := number[find(c.expr.Args[0].Column)]; at < maxRelations && !bad.has(at) {
			c.class = at
		}
	}
	for i := range g.classes {
		if i >= maxRelations || bad.has(i) {
			g.classes[i] = nil
		}
	}
}

// sameJoins reports whether two plans of joins are the same, but for projections in the second one.
func sameJoins(a, b plan.Node) bool {
	if a == b {
		return true
	}
	if _, is := a.(*plan.Project); !is {
		b = through(b)
	}
	switch a := a.(type) {
	case *plan.Filter:
		f, ok := b.(*plan.Filter)
		return ok && slices.Equal(a.Conditions, f.Conditions) && sameJoins(a.Input, f.Input)
	case *plan.Join:
		j, ok := b.(*plan.Join)
		return ok && a.Kind == j.Kind && slices.Equal(a.On, j.On) && sameJoins(a.Left, j.Left) && sameJoins(a.Right, j.Right)
	default:
		return false
	}
}
