package expr

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A Column is one that an expression can name.
type Column struct {
	Table string // the name of its table; may be empty
	Name  string
	Type  catalog.Type
}

// A Scope is what an expression can name, and what its errors show.
type Scope struct {
	Text       string   // the SQL that the tree was read from
	Columns    []Column // the values of rows have the same order
	Parameters bool     // there may be some
}

// An Env is what else a value can depend on. The zero Env will do for expressions that do not ask for it.
type Env struct {
	Now        time.Time       // what NOW() returns: the time of the transaction
	Random     io.Reader       // for GEN_RANDOM_UUID(); nil: it fails
	Parameters []catalog.Value // $1 and so on, of the types that Program.Parameters wants
}

// A Program is an expression that can be evaluated.
type Program struct {
	text       string
	result     *bound
	columns    []int
	parameters []catalog.Type
	volatile   bool
}

// Bind gives an expression its meaning.
func Bind(e ast.Expr, s *Scope) (*Program, error) {
	return bind(e, s, func(b *binder, x *bound) (*bound, error) {
		if x.openNull() { // the only one whose type stays open
			return x, nil
		}
		return b.settle(x, catalog.Type{Kind: catalog.String})
	})
}

// BindAs binds an expression whose values are to be stored as a type. It converts them as SQL does for INSERT: numbers
// to numbers, everything to text, dates and timestamps to each other, and text in quotes to anything.
func BindAs(e ast.Expr, s *Scope, t catalog.Type) (*Program, error) {
	return bind(e, s, func(b *binder, x *bound) (*bound, error) { return b.assign(x, t) })
}

// BindCondition binds an expression that must be BOOLEAN.
func BindCondition(e ast.Expr, s *Scope) (*Program, error) {
	return bind(e, s, func(b *binder, x *bound) (*bound, error) { return b.boolean(x, "the condition") })
}

func bind(e ast.Expr, s *Scope, finish func(*binder, *bound) (*bound, error)) (*Program, error) {
	b := &binder{scope: s}
	x, err := b.bind(e)
	if err == nil {
		x, err = finish(b, x)
	}
	if err != nil {
		return nil, inText(err, s.Text)
	}
	slices.Sort(b.columns)
	return &Program{
		text: s.Text, result: x, columns: slices.Compact(b.columns), parameters: b.parameters, volatile: b.volatile,
	}, nil
}

// Eval computes the value of a row, which has a value for each column of the scope. Strings of the value may be those
// of the row.
func (p *Program) Eval(row []catalog.Value, env *Env) (catalog.Value, error) {
	v, err := p.result.eval(frame{row: row, env: env})
	if err != nil {
		return catalog.Null(), inText(err, p.text)
	}
	return v, nil
}

// Type returns the type of the values. Its Kind is 0 if they are all NULL, and its Precision if it is DECIMAL and the
// values have as many digits as they need.
func (p *Program) Type() catalog.Type { return p.result.typ }

// Columns returns which columns of the scope the expression names, ascending. The caller must not change them.
func (p *Program) Columns() []int { return p.columns }

// Parameters returns the types of the parameters. One that does not occur has none.
func (p *Program) Parameters() []catalog.Type { return p.parameters }

// Constant returns the value if it is always the same and was computed by Bind.
func (p *Program) Constant() (v catalog.Value, ok bool) {
	if p.result.value == nil {
		return catalog.Null(), false
	}
	return *p.result.value, true
}

// Volatile reports whether the value depends on time or chance.
func (p *Program) Volatile() bool { return p.volatile }

// inText fills in the text of an error.
func inText(err error, text string) error {
	var e *sqlstate.Error
	if errors.As(err, &e) {
		return e.In(text)
	}
	return err
}
