package bind

import (
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// An aggregate is a call of a function of many rows that belongs to a scope.
type aggregate struct {
	at     int
	column plan.Column
	call   *expr.AggregateCall
	order  []windowKey
	key    string // by which equal ones are found; empty: it is volatile
}

// aggregate binds the call of an aggregate function. It belongs to the innermost query whose columns it names.
func (s *scope) aggregate(b *expr.Binder, e *ast.Call) (*expr.Node, error) {
	a := aggregate{at: e.At}
	err := s.in(inAggregate, func() (err error) {
		if a.call, err = b.Aggregate(e); err != nil {
			return err
		}
		a.order, err = s.windowOrder(inAggregate, e.OrderBy)
		return err
	})
	if err != nil {
		return nil, err
	}
	owner := s.ownerOf(&a)
	switch {
	case owner.clause.nested && !owner.clause.aggregates:
		return nil, sqlstate.New(sqlstate.GroupingError, e.At, "an aggregate function cannot be in the arguments of another one")
	case !owner.clause.aggregates:
		err := sqlstate.New(sqlstate.GroupingError, e.At, "%s is a function of many rows, which cannot stand in %s", e.Name, owner.clause.name)
		if owner.clause == inWhere {
			return nil, err.WithHint("conditions on groups are in HAVING; or a query in FROM groups first")
		}
		return nil, err
	}
	if err = a.check(e); err != nil {
		return nil, err
	}
	a.describe()
	for i := range owner.aggregates {
		if o := &owner.aggregates[i]; a.key != "" && o.key == a.key {
			return columnNode(&o.column, e.At), nil
		}
	}
	a.column = plan.Column{ID: s.b.id(), Name: e.Name, Type: a.call.Type, NotNull: a.call.Function == "count" || a.call.Function == "regr_count"}
	owner.aggregates = append(owner.aggregates, a)
	return columnNode(&a.column, e.At), nil
}

// exprs returns all expressions of the call.
func (a *aggregate) exprs() []*expr.Node {
	all := slices.Clone(a.call.Args)
	if a.call.Filter != nil {
		all = append(all, a.call.Filter)
	}
	for _, k := range a.order {
		all = append(all, k.expr)
	}
	return all
}

// ownerOf returns the innermost scope from s outwards whose columns the call names; s if it names none.
func (s *scope) ownerOf(a *aggregate) *scope {
	var ids []expr.ColumnID
	for _, n := range a.exprs() {
		ids = append(ids, n.Columns()...)
	}
	for at := s; at != nil; at = at.around.outer {
		for _, id := range ids {
			if at.owns(id) != nil {
				return at
			}
		}
	}
	return s
}

// check checks what DISTINCT wants.
func (a *aggregate) check(e *ast.Call) error {
	if !a.call.Distinct {
		return nil
	}
	for _, arg := range a.call.Args {
		if err := hashable(arg.Type, e.At, "DISTINCT"); err != nil {
			return err
		}
	}
	for _, k := range a.order {
		if !slices.ContainsFunc(a.call.Args, func(arg *expr.Node) bool { return same(arg, k.expr) }) {
			return sqlstate.New(sqlstate.InvalidColumnReference, k.expr.At, "in an aggregate function with DISTINCT, what ORDER BY sorts by must be an argument")
		}
	}
	return nil
}

// describe sets the key.
func (a *aggregate) describe() {
	a.key = a.call.Function
	if a.call.Distinct {
		a.key += " distinct"
	}
	for _, n := range a.call.Args {
		if n.Volatile {
			a.key = ""
			return
		}
		a.key += " " + n.Key()
	}
	if f := a.call.Filter; f != nil {
		if f.Volatile {
			a.key = ""
			return
		}
		a.key += " filter " + f.Key()
	}
	for _, k := range a.order {
		a.key += " order " + k.key()
	}
}

// group groups the rows, if the SELECT has groups or aggregate functions.
func (x *selection) group() error {
	if len(x.groups) == 0 && len(x.scope.aggregates) == 0 && x.having == nil {
		return x.scope.bindWindows()
	}
	if err := x.scope.bindWindows(); err != nil {
		return err
	}
	g := &grouping{x: x, project: x.b.project(x.node), known: make(map[expr.ColumnID]bool)}
	for i := range x.groups {
		if err := g.add(&x.groups[i]); err != nil {
			return err
		}
	}
	node := &plan.Aggregate{}
	for i := range x.scope.aggregates {
		a := &x.scope.aggregates[i]
		g.known[a.column.ID] = true
		out := plan.Aggregation{
			Column: a.column, Function: a.call.Function, Args: a.call.Args, Distinct: a.call.Distinct, Filter: a.call.Filter,
		}
		for _, k := range a.order {
			out.OrderBy = k.appendTo(out.OrderBy, g.project)
		}
		node.Aggregates = append(node.Aggregates, out)
	}
	if err := g.replaceAll(); err != nil {
		return err
	}
	node.Input, node.Groups = g.project.passing(), g.columns
	x.node = node
	if all := conditions(x.having); len(all) > 0 {
		x.node = &plan.Filter{Input: node, Conditions: all}
	}
	return nil
}

// A grouping makes expressions of rows ones of groups.
type grouping struct {
	x        *selection
	project  *projection
	columns  []expr.ColumnID        // that rows are grouped by
	known    map[expr.ColumnID]bool // those, and aggregate functions
	computed []computed
}

// A computed is an expression that rows are grouped by.
type computed struct {
	expr, column *expr.Node
}

// add adds an expression to group by.
func (g *grouping) add(k *key) error {
	if err := hashable(k.expr.Type, k.at, "GROUP BY"); err != nil {
		return err
	}
	for _, id := range k.expr.Columns() {
		for _, a := range g.x.scope.aggregates {
			if a.column.ID == id {
				return sqlstate.New(sqlstate.GroupingError, a.at, "an aggregate function cannot stand in GROUP BY")
			}
		}
		for _, w := range g.x.scope.windows {
			if w.column.ID == id {
				return sqlstate.New(sqlstate.WindowingError, w.at, "a window function cannot stand in GROUP BY")
			}
		}
	}
	name := ""
	if k.item >= 0 {
		name = g.x.items[k.item].name
	}
	c := g.project.column(k.expr, name)
	if !g.known[c.ID] {
		g.known[c.ID] = true
		g.columns = append(g.columns, c.ID)
	}
	if k.expr.Op != expr.OpColumn && k.expr.Op != expr.OpConstant && k.expr.Op != expr.OpParameter {
		g.computed = append(g.computed, computed{k.expr, columnNode(&c, k.at)})
	}
	return nil
}

// replaceAll makes all that is computed behind the grouping depend on groups only.
func (g *grouping) replaceAll() error {
	var all []**expr.Node
	for i := range g.x.items {
		all = append(all, &g.x.items[i].expr)
	}
	for i := range g.x.keys {
		all = append(all, &g.x.keys[i].expr)
	}
	for i := range g.x.on {
		all = append(all, &g.x.on[i].expr)
	}
	all = append(all, &g.x.having)
	for _, w := range g.x.scope.windows {
		for i := range w.call.Args {
			all = append(all, &w.call.Args[i])
		}
		all = append(all, &w.call.Filter)
	}
	for _, w := range g.x.scope.specs {
		for i := range w.partition {
			all = append(all, &w.partition[i])
		}
		for i := range w.order {
			all = append(all, &w.order[i].expr)
		}
	}
	for _, n := range all {
		if *n == nil {
			continue
		}
		*n = g.replace(*n)
		if err := g.check(*n); err != nil {
			return err
		}
	}
	return nil
}

// replace puts columns in the place of what rows are grouped by.
func (g *grouping) replace(n *expr.Node) *expr.Node {
	if len(g.computed) == 0 {
		return n
	}
	return n.Map(func(n *expr.Node) *expr.Node {
		for _, c := range g.computed {
			if same(c.expr, n) {
				return c.column
			}
		}
		return n
	})
}

// same reports whether expressions are equal, and is fast if they are not: both may be high.
func same(a, b *expr.Node) bool {
	if a.Op != b.Op || a.Type != b.Type || len(a.Args) != len(b.Args) {
		return false
	}
	if len(a.Args) == 0 {
		return a.Equal(b)
	}
	if a.Name != b.Name || a.Not != b.Not || a.Operator != b.Operator || a.Sub != b.Sub {
		return false
	}
	return slices.EqualFunc(a.Args, b.Args, same)
}

// check checks that an expression has one value for each group.
func (g *grouping) check(n *expr.Node) (err error) {
	n.Walk(func(n *expr.Node) bool {
		switch {
		case err != nil:
		case n.Op == expr.OpColumn:
			err = g.checkColumn(n.Column, n.At, false)
		case n.Sub != nil:
			for _, id := range n.Sub.Outer() {
				at, ok := g.x.scope.seenFrom[id]
				if !ok {
					at = n.At
				}
				if err == nil {
					err = g.checkColumn(id, at, true)
				}
			}
		}
		return err == nil
	})
	return err
}

// checkColumn checks that a column has one value for each group: the primary key of its table makes it so, too.
func (g *grouping) checkColumn(id expr.ColumnID, at int, inQuery bool) error {
	c := g.x.scope.owns(id)
	if g.known[id] || c == nil {
		return nil
	}
	for _, r := range g.x.scope.relations {
		for _, src := range r.sources {
			if slices.ContainsFunc(src.columns, func(o *column) bool { return o.ID == id }) && g.hasKey(src) {
				g.known[id] = true
				g.columns = append(g.columns, id)
				return nil
			}
		}
	}
	name := c.Name
	if c.Table != "" {
		name = c.Table + "." + name
	}
	what := "column " + name
	if inQuery {
		what += ", which a query in an expression names,"
	}
	return sqlstate.New(sqlstate.GroupingError, at, "%s must be in GROUP BY or in an aggregate function", what)
}

// hasKey reports whether rows are grouped by the whole primary key of a table.
func (g *grouping) hasKey(src *source) bool {
	if src.relation == nil || len(src.relation.Table.PrimaryKey) == 0 {
		return false
	}
	for _, k := range src.relation.Table.PrimaryKey {
		_, place, found := src.relation.Table.ColumnByID(k.Column)
		if !found || place >= len(src.columns) || !slices.Contains(g.columns, src.columns[place].ID) {
			return false
		}
	}
	return true
}
