package session

import (
	"slices"
	"sync/atomic"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/opt"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// planned is a statement with its plan, and what that depends on. It does not change but for epoch, and any number of sessions
// may run it.
type planned struct {
	parameters []catalog.Type
	columns    []Column // that it gives; nil: it gives no rows
	names      []string // of the columns
	tag        string
	one        string // the tag of one row

	tables     []*catalog.Table // that it was made for
	rows       []float64        // about how many each had then
	views      []dependency
	statistics uint64
	epoch      atomic.Uint64 // schemas are as the plan wants them in this one of relation.Tables, plus 1; 0: not known
	once       bool          // it cannot be run again
	slow       bool          // it is to be explained, and so has operators also where they are not needed

	reader reader // of the rows of a query, or of those that are to be written
	write  writer // nil: it is a query
}

// A reader gives the rows that a plan reads. One of the fields is set.
type reader struct {
	query  *physical.Query
	point  *point
	values *values
}

// A writer writes the rows that its reader gives.
type writer interface {
	// run writes the rows. It returns how many, and adds what RETURNING gives of them to x.returned.
	run(x *execution) (int64, error)
	// target is the table that it writes.
	target() *catalog.Table
}

// fast reports whether the plan is the best one whatever tables have.
func (p *planned) fast() bool { return p.reader.query == nil }

// options returns those of the planner.
func (p *plannerSettings) options() *opt.Options {
	return &opt.Options{
		NoRewrite: p.noRewrite, NoUnnest: p.noUnnest, NoReorder: p.noReorder, NoIndex: p.noIndexes,
		Join: opt.JoinMethod(p.join), Aggregate: opt.AggregateMethod(p.aggregate),
	}
}

// planFor returns the plan of a statement, the one that there is if it is still good.
func (s *Session) planFor(st *statement, tables *relation.Tables) (*planned, error) {
	p := st.plan.Load()
	if p != nil && s.memo.knows(p, tables) && p.fast() && p.statistics == s.shared.statistics.Load() {
		return p, nil
	}
	if s.valid(p, tables) {
		s.memo.note(p, tables)
		return p, nil
	}
	p = &planned{}
	if err := s.fillPlan(p, st.text, st.tree, tables); err != nil {
		return nil, err
	}
	st.plan.Store(p)
	if !p.once {
		s.memo.note(p, tables)
	}
	return p, nil
}

// fillPlan plans a statement.
func (s *Session) fillPlan(p *planned, text string, tree ast.Statement, tables *relation.Tables) error {
	l := &lookup{s: s, tables: tables}
	o := &bind.Options{Text: text, Catalog: l}
	p.statistics = s.shared.statistics.Load()
	var source *plan.Query
	var err error
	switch tree := tree.(type) {
	case *ast.Query:
		source, err = bind.Query(tree, o)
		if err == nil {
			p.tag, p.parameters = "SELECT", source.Parameters
			p.columns = columnsOf(source.Output)
			err = s.planReader(p, source)
		}
	case *ast.Insert:
		p.tag = "INSERT 0"
		err = s.planInsert(p, tree, o)
	case *ast.Update:
		p.tag = "UPDATE"
		err = s.planUpdate(p, tree, o)
	case *ast.Delete:
		p.tag = "DELETE"
		err = s.planDelete(p, tree, o)
	default:
		err = sqlstate.New(sqlstate.NotSupported, tree.Place(), "this statement has no plan")
	}
	if err != nil {
		return err
	}
	p.one = p.tag + " 1"
	for _, c := range p.columns {
		p.names = append(p.names, c.Name)
	}
	p.views, p.once = l.views, l.virtual
	if p.write != nil && !slices.Contains(p.tables, p.write.target()) {
		p.tables = append(p.tables, p.write.target())
	}
	for _, t := range p.tables {
		p.rows = append(p.rows, l.rows[t])
	}
	return nil
}

// columnsOf returns columns as users see them.
func columnsOf(list []plan.Column) []Column {
	out := make([]Column, len(list))
	for i, c := range list {
		out[i] = Column{Name: c.Name, Type: c.Type, Nullable: !c.NotNull}
	}
	return out
}

// planReader plans what is to be read.
func (s *Session) planReader(p *planned, q *plan.Query) (err error) {
	p.tables = append(p.tables, q.Tables...)
	if !p.slow {
		if p.reader.point = pointOf(q, p.write != nil); p.reader.point != nil {
			return nil
		}
	}
	p.reader.query, err = opt.Optimize(q, s.settings.planner.options())
	return err
}

// compile compiles expressions of the columns of a row. It returns nil if there are queries in them.
func compile(list []*expr.Node, columns map[expr.ColumnID]int) ([]*expr.Program, error) {
	out := make([]*expr.Program, len(list))
	for i, n := range list {
		if hasQuery(n) {
			return nil, nil
		}
		var err error
		if out[i], err = expr.Compile(n, &expr.Slots{Columns: columns}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// hasQuery reports whether there is a query in an expression.
func hasQuery(n *expr.Node) bool {
	found := false
	n.Walk(func(n *expr.Node) bool {
		found = found || n.Sub != nil
		return !found
	})
	return found
}
