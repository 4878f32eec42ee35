package bind

import (
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A clause is where an expression stands, and what it may have in it.
type clause struct {
	name               string
	aggregates, window bool
	nested             bool // it is within an aggregate or window function
}

// The clauses.
var (
	inNothing    = clause{name: "the place"}
	inFrom       = clause{name: "FROM"}
	inOn         = clause{name: "JOIN conditions"}
	inWhere      = clause{name: "WHERE"}
	inItems      = clause{name: "the list of a SELECT", aggregates: true, window: true}
	inHaving     = clause{name: "HAVING", aggregates: true}
	inGroupBy    = clause{name: "GROUP BY"}
	inOrderBy    = clause{name: "ORDER BY", aggregates: true, window: true}
	inDistinctOn = clause{name: "DISTINCT ON", aggregates: true, window: true}
	inAggregate  = clause{name: "the arguments of an aggregate function", nested: true}
	inWindowCall = clause{name: "the arguments of a window function", aggregates: true, nested: true}
	inWindow     = clause{name: "the definition of a window", aggregates: true}
	inValues     = clause{name: "VALUES"}
	inSet        = clause{name: "SET"}
	inReturning  = clause{name: "RETURNING"}
	inConflict   = clause{name: "ON CONFLICT"}
)

// A column is one that can be named.
type column struct{ plan.Column }

// A source is a table of a FROM under the name that it has there.
type source struct {
	at       int
	name     string
	columns  []*column
	relation *plan.Relation // nil: it is not a table
}

// A relation is a part of a FROM: tables, and what * means of them.
type relation struct {
	node    plan.Node
	sources []*source
	columns []*column // in order; each name that is not ambiguous can be said without its table
}

// nullable notes that an outer join makes NULLs of the columns.
func (r *relation) nullable() {
	for _, c := range r.columns {
		c.NotNull = false
	}
	for _, s := range r.sources {
		for _, c := range s.columns {
			c.NotNull = false
		}
	}
}

// A scope is what the expressions of a query can name. It is a Resolver.
type scope struct {
	b         *binder
	around    around
	relations []*relation
	clause    clause
	beside    bool        // it is that of a FROM, for what stands in it
	lateral   bool        // and can be named there
	hidden    []*relation // tables of the same FROM that cannot be named here
	types     *expr.Binder
	owned     map[expr.ColumnID]*column

	aggregates  []aggregate
	windows     []windowCall
	definitions []ast.NamedWindow     // the WINDOW clause
	named       map[string]*window    // those of it that are bound
	specs       []*window             // all windows
	seenFrom    map[expr.ColumnID]int // columns that queries within it name, and where
}

func (b *binder) scope(a around, relations ...*relation) *scope {
	s := &scope{b: b, around: a, relations: relations, clause: inNothing}
	s.types = expr.NewBinder(b.text, s, a.parameters)
	return s
}

// within returns what a query sees that stands in an expression of this one.
func (s *scope) within() around {
	return around{outer: s, with: s.around.with, parameters: s.around.parameters}
}

// in lets f bind expressions of a clause.
func (s *scope) in(c clause, f func() error) error {
	before := s.clause
	s.clause = c
	err := f()
	s.clause = before
	return err
}

// bind binds an expression of a clause, whose type may stay open.
func (s *scope) bind(c clause, e ast.Expr) (n *expr.Node, err error) {
	err = s.in(c, func() (err error) {
		n, err = s.types.BindOpen(withoutRows(e))
		return err
	})
	return n, err
}

// settled binds an expression of a clause and decides its type.
func (s *scope) settled(c clause, e ast.Expr) (*expr.Node, error) {
	n, err := s.bind(c, e)
	if err != nil {
		return nil, err
	}
	return s.types.Settle(n, textType)
}

// condition binds a condition of a clause.
func (s *scope) condition(c clause, e ast.Expr) (n *expr.Node, err error) {
	err = s.in(c, func() (err error) {
		n, err = s.types.BindCondition(withoutRows(e), "the condition of "+c.name)
		return err
	})
	return n, err
}

// conditions returns what must be true for a condition to be; not TRUE itself.
func conditions(n *expr.Node) []*expr.Node {
	return slices.DeleteFunc(n.Conjuncts(), func(c *expr.Node) bool { return c.Op == expr.OpConstant && c.Value.AsBool() })
}

// owns returns the column of the scope's own tables that has the id, or nil.
func (s *scope) owns(id expr.ColumnID) *column {
	if s.owned == nil {
		s.owned = make(map[expr.ColumnID]*column)
		for _, r := range s.relations {
			for _, c := range r.columns {
				s.owned[c.ID] = c
			}
			for _, src := range r.sources {
				for _, c := range src.columns {
					s.owned[c.ID] = c
				}
			}
		}
	}
	return s.owned[id]
}

// Column implements expr.Resolver: it looks a name up, in the tables of the query first, then in those around it.
func (s *scope) Column(e *ast.Column) (*expr.Node, error) {
	for at := s; at != nil; at = at.around.outer {
		c, err := at.find(e)
		switch {
		case err != nil:
			return nil, err
		case c == nil:
			continue
		case at != s:
			at.seen(c.ID, e.At)
		}
		return columnNode(&c.Column, e.At), nil
	}
	return nil, s.noColumn(e)
}

// seen notes that a query within the scope names a column of it.
func (s *scope) seen(id expr.ColumnID, at int) {
	if s.lateral {
		s.b.laterals++
	}
	if s.seenFrom == nil {
		s.seenFrom = make(map[expr.ColumnID]int)
	}
	if _, ok := s.seenFrom[id]; !ok {
		s.seenFrom[id] = at
	}
}

// find looks a name up in the scope's own tables.
func (s *scope) find(e *ast.Column) (*column, error) {
	if e.Table != "" {
		if src := s.source(e.Table); src != nil {
			return src.find(e)
		}
		return nil, nil
	}
	var found *column
	for _, r := range s.relations {
		for _, c := range r.columns {
			switch {
			case c.Name != e.Name:
			case found != nil:
				return nil, ambiguous(e, found, c)
			default:
				found = c
			}
		}
	}
	return found, nil
}

func ambiguous(e *ast.Column, a, b *column) error {
	err := sqlstate.New(sqlstate.AmbiguousColumn, e.At, "column %q is ambiguous", e.Name)
	if a.Table != b.Table {
		return err.WithHint("write %s.%s or %s.%s", a.Table, e.Name, b.Table, e.Name)
	}
	return err
}

// source returns the table of a name, or nil.
func (s *scope) source(name string) *source {
	for _, r := range s.relations {
		for _, src := range r.sources {
			if src.name == name {
				return src
			}
		}
	}
	return nil
}

// find looks a name up in the table that was named with it.
func (src *source) find(e *ast.Column) (found *column, err error) {
	for _, c := range src.columns {
		switch {
		case c.Name != e.Name:
		case found != nil:
			return nil, sqlstate.New(sqlstate.AmbiguousColumn, e.At, "column %q is ambiguous: %q has two of that name", e.Name, src.name).
				WithHint("give its columns other names: %s (name, ...)", src.name)
		default:
			found = c
		}
	}
	if found == nil {
		err := sqlstate.New(sqlstate.UndefinedColumn, e.At, "there is no column %s.%s", e.Table, e.Name)
		return nil, meant(err, e.Name, src.names())
	}
	return found, nil
}

func (src *source) names() []string {
	names := make([]string, len(src.columns))
	for i, c := range src.columns {
		names[i] = c.Name
	}
	return names
}

// meant adds the nearest name to an error.
func meant(err *sqlstate.Error, name string, candidates []string) error {
	if n := expr.Nearest(name, candidates); n != "" && n != name && len(name) > 1 {
		return err.WithHint("perhaps %q was meant", n)
	}
	return err
}

// noColumn returns the error for a name that is nowhere.
func (s *scope) noColumn(e *ast.Column) error {
	for at := s; at != nil; at = at.around.outer {
		for _, r := range at.hidden {
			for _, src := range r.sources {
				if err := src.unreachable(e); err != nil {
					return err
				}
			}
		}
	}
	var tables, columns []string
	for at := s; at != nil; at = at.around.outer {
		for _, r := range at.relations {
			for _, src := range r.sources {
				tables = append(tables, src.name)
				columns = append(columns, src.names()...)
			}
		}
	}
	if e.Table != "" {
		err := sqlstate.New(sqlstate.UndefinedTable, e.At, "there is no table %q in FROM", e.Table)
		if alias := s.aliasOf(e.Table); alias != "" {
			return err.WithHint("it is called %q here", alias)
		}
		return meant(err, e.Table, tables)
	}
	err := sqlstate.New(sqlstate.UndefinedColumn, e.At, "there is no column %q", e.Name)
	return meant(err, e.Name, columns)
}

// aliasOf returns the name that a table has, which has another one by itself; or nothing.
func (s *scope) aliasOf(table string) string {
	for at := s; at != nil; at = at.around.outer {
		for _, r := range at.relations {
			for _, src := range r.sources {
				if src.relation != nil && src.relation.Table.Name == table {
					return src.name
				}
			}
		}
	}
	return ""
}

// unreachable returns an error if the name is that of a column of the table, which stands where it cannot be named.
func (src *source) unreachable(e *ast.Column) error {
	switch {
	case e.Table == "":
		for _, c := range src.columns {
			if c.Name == e.Name {
				return sqlstate.New(sqlstate.UndefinedColumn, e.At, "there is no column %q", e.Name).
					WithHint("table %q has one, but it cannot be named here; a query beside it that does so needs LATERAL", src.name)
			}
		}
		return nil
	case src.name != e.Table:
		return nil
	default:
		return sqlstate.New(sqlstate.UndefinedTable, e.At, "table %q cannot be named here", e.Table).
			WithHint("a query beside it in FROM that names it needs LATERAL")
	}
}
