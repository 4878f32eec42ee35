package expr

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// An Env is what else a value can depend on. The zero Env will do for expressions that do not ask for it.
type Env struct {
	Now                    time.Time                                 // what NOW() returns: the time of the transaction
	Random                 io.Reader                                 // for GEN_RANDOM_UUID(); nil: it fails
	Parameters             []catalog.Value                           // $1 and so on, of the types that Program.Parameters wants
	Clock                  func() time.Time                          // for CLOCK_TIMESTAMP(); nil: it is Now
	Sequences              Sequences                                 // for NEXTVAL and its like; nil: they fail
	Setting                func(name string) (value string, ok bool) // for CURRENT_SETTING; nil: there are none
	User, Schema, Database string                                    // for CURRENT_USER and its like
	Outer                  []catalog.Value                           // of the columns of queries around, at the places that Slots.Outer says
}

// A Program is an expression that can be evaluated.
type Program struct {
	text       string
	node       *Node
	eval       evaluator
	columns    []int
	parameters []catalog.Type
}

// Slots say where a program finds what its expression names.
type Slots struct {
	Columns map[ColumnID]int // place in the row
	Outer   map[ColumnID]int // place in Env.Outer, for columns of queries around
	// Subquery returns what runs the query of n, which is OpSubquery, OpExists, OpAny or OpAll.
	Subquery func(n *Node) (Runner, error)
}

// A Runner runs a query within an expression.
type Runner interface {
	// Run returns the value of the node before its Not: the only column of the only row, or BOOL, three-valued of OpAny and
	// OpAll. Outer has the values of n.Sub.Outer(), and args those of n.Args. Both are the caller's again when it returns.
	Run(outer, args []catalog.Value, env *Env) (catalog.Value, error)
}

// Compile returns a program. Its errors have places, but no text.
func Compile(n *Node, s *Slots) (*Program, error) {
	eval, err := compileNode(n, s)
	if err != nil {
		return nil, err
	}
	return &Program{node: n, eval: eval, columns: places(n.Columns(), s)}, nil
}

// places returns where columns are in a row, ascending, each once.
func places(ids []ColumnID, s *Slots) []int {
	var all []int
	for _, id := range ids {
		if i, ok := s.Columns[id]; ok {
			all = append(all, i)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Eval computes the value of a row, which has a value for each column of the scope. Strings of the value may be those
// of the row.
func (p *Program) Eval(row []catalog.Value, env *Env) (catalog.Value, error) {
	v, err := p.eval(frame{row: row, env: env})
	if err != nil {
		return catalog.Null(), inText(err, p.text)
	}
	return v, nil
}

// Type returns the type of the values. Its Kind is 0 if they are all NULL, and its Precision if it is DECIMAL and the
// values have as many digits as they need.
func (p *Program) Type() catalog.Type { return p.node.Type }

// Node returns the expression that the program computes.
func (p *Program) Node() *Node { return p.node }

// Columns returns which values of a row the expression names, ascending. The caller must not change them.
func (p *Program) Columns() []int { return p.columns }

// Parameters returns the types of the parameters, if the program comes from Bind. One that does not occur has none.
func (p *Program) Parameters() []catalog.Type { return p.parameters }

// Constant returns the value if it is always the same and could be computed.
func (p *Program) Constant() (v catalog.Value, ok bool) {
	return p.node.Value, p.node.Op == OpConstant
}

// Volatile reports whether the value depends on time or chance.
func (p *Program) Volatile() bool { return p.node.Volatile }

// inText fills in the text of an error.
func inText(err error, text string) error {
	var e *sqlstate.Error
	if text != "" && errors.As(err, &e) {
		return e.In(text)
	}
	return err
}

// column returns the evaluator of a column.
func (s *Slots) column(n *Node) (evaluator, error) {
	at, name := n.At, n.Name
	if i, ok := s.Columns[n.Column]; ok {
		return func(f frame) (catalog.Value, error) {
			if i >= len(f.row) {
				return catalog.Null(), sqlstate.New(sqlstate.InternalError, at, "the row has no value for column %q", name)
			}
			return f.row[i], nil
		}, nil
	}
	i, ok := s.Outer[n.Column]
	if !ok {
		return nil, sqlstate.New(sqlstate.InternalError, at, "nobody knows where column %q (%d) is", name, n.Column)
	}
	return func(f frame) (catalog.Value, error) {
		if f.env == nil || i >= len(f.env.Outer) {
			return catalog.Null(), sqlstate.New(sqlstate.InternalError, at, "the query around has no value for column %q", name)
		}
		return f.env.Outer[i], nil
	}, nil
}

// subquery returns the evaluator of a query within an expression.
func (s *Slots) subquery(n *Node, args []evaluator) (evaluator, error) {
	if s.Subquery == nil || n.Sub == nil {
		return nil, sqlstate.New(sqlstate.NotSupported, n.At, "a query is not supported here")
	}
	runner, err := s.Subquery(n)
	if err != nil {
		return nil, err
	}
	ids := n.Sub.Outer()
	inputs := make([]evaluator, 0, len(ids)+len(args))
	for _, id := range ids {
		x, err := s.column(&Node{Op: OpColumn, At: n.At, Column: id})
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, x)
	}
	inputs = append(inputs, args...)
	not, split := n.Not, len(ids)
	return func(f frame) (catalog.Value, error) {
		values := make([]catalog.Value, len(inputs))
		for i, x := range inputs {
			v, err := x(f)
			if err != nil {
				return v, err
			}
			values[i] = v
		}
		v, err := runner.Run(values[:split:split], values[split:], f.env)
		if err != nil || !not || v.IsNull() {
			return v, err
		}
		return catalog.BoolOf(!v.AsBool()), nil
	}, nil
}
