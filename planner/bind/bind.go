package bind

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A Catalog knows what tables there are. An empty schema is the one that is searched by default.
type Catalog interface {
	Relation(schema, name string) (*plan.Relation, error) // nil, nil: there is none
	View(schema, name string) (*View, error)              // nil, nil: there is none
}

// A Lister is a Catalog that can say which names there are, for hints.
type Lister interface {
	Names() []string
}

// A View is a query with a name.
type View struct {
	Name    string
	Text    string   // a query
	Columns []string // names of its columns; those that are missing are what the query says
}

// Options are what a statement is bound with.
type Options struct {
	Text       string // that the tree was read from
	Catalog    Catalog
	Parameters []catalog.Type // types that are declared for $1 and so on; may be nil
}

// The limits of what is bound.
const (
	maxDepth   = 200       // queries within each other
	maxViews   = 32        // views within views
	maxParts   = 20_000    // tables and queries of a statement, those of its views included
	maxTables  = 1000      // of a FROM
	maxIDs     = 1_000_000 // columns of all parts
	maxColumns = 1664      // of a result, as in PostgreSQL
)

// A binder binds one statement.
type binder struct {
	text     string
	catalog  Catalog
	types    *expr.Binder // for conversions of what is bound already
	declared *expr.Parameters
	last     expr.ColumnID
	commons  int
	tables   []*catalog.Table
	views    []string // that are being expanded
	depth    int
	parts    int
	laterals int // names that were found in tables beside, so far
}

func newBinder(o *Options) *binder {
	b := &binder{text: o.Text, catalog: o.Catalog, declared: expr.NewParameters(o.Parameters...)}
	b.types = expr.NewBinder(o.Text, nil, b.declared)
	return b
}

// Query binds a query.
func Query(q *ast.Query, o *Options) (*plan.Query, error) {
	b := newBinder(o)
	r, err := b.query(q, b.top())
	if err != nil {
		return nil, b.inText(err)
	}
	bound, err := b.finish(r)
	return bound, b.inText(err)
}

// An around is what a query sees of what is around it.
type around struct {
	outer      *scope           // whose columns it may name; nil: none
	with       *with            // queries that it may name; nil: none
	parameters *expr.Parameters // nil: there are none
}

func (b *binder) top() around { return around{parameters: b.declared} }

// finish makes the plan of a statement of what it computes.
func (b *binder) finish(r *result) (*plan.Query, error) {
	output, err := b.close(r)
	if err != nil {
		return nil, err
	}
	return b.whole(r.node, output), nil
}

// whole returns the plan with what belongs to all of it.
func (b *binder) whole(root plan.Node, output []plan.Column) *plan.Query {
	return &plan.Query{
		Text: b.text, Root: root, Output: output, Parameters: b.declared.Types(), NextID: b.last + 1, Tables: b.tables,
	}
}

// inText fills in the text of an error.
func (b *binder) inText(err error) error {
	if e, ok := err.(*sqlstate.Error); ok { //nolint:errorlint // only what this package and expr have made
		return e.In(b.text)
	}
	return err
}

// id returns a ColumnID that nothing else has.
func (b *binder) id() expr.ColumnID {
	b.last++
	return b.last
}

// depend notes that the plan depends on the schema of a table.
func (b *binder) depend(r *plan.Relation) {
	if r.Virtual == nil && !slices.Contains(b.tables, r.Table) {
		b.tables = append(b.tables, r.Table)
	}
}

// enter goes into a query; leave goes out again.
func (b *binder) enter(at int) error {
	if b.depth++; b.depth > maxDepth {
		return sqlstate.New(sqlstate.TooComplex, at, "queries are nested more than %d deep", maxDepth)
	}
	return b.part(at)
}

func (b *binder) leave() { b.depth-- }

// part counts what the plan is made of.
func (b *binder) part(at int) error {
	b.parts++
	switch {
	case b.parts > maxParts:
		return sqlstate.New(sqlstate.TooComplex, at, "the statement has more than %d tables and queries, those of its views included", maxParts)
	case b.last > maxIDs:
		return sqlstate.New(sqlstate.TooComplex, at, "the tables and queries of the statement have more than %d columns together", maxIDs)
	}
	return nil
}
