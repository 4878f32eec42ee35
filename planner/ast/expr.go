package ast

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// An Expr is a node of an expression: one of the types of this file or of subquery.go.
type Expr interface {
	// Place returns where the expression is in its text, in bytes: where its operator is, if it has one, else its beginning.
	Place() int
	// String returns the expression as SQL.
	String() string

	precedence() Precedence
	print(p *printer)
}

// A Kind says what a literal is.
type Kind uint8

// The kinds of literals.
const (
	Null Kind = iota
	True
	False
	Integer
	Decimal // a number with a point
	Float   // a number with an exponent
	Text
	Bytes
	Date
	Timestamp
)

// A Literal is a constant. Its text is the digits of a number as they were written, without a sign; the characters or
// bytes of Text and Bytes; what was between the quotes of a Date or Timestamp, which need not be one.
type Literal struct {
	At   int
	Kind Kind
	Text string
}

// A Column is a name that stands for a column.
type Column struct {
	At    int
	Table string // empty if it was not named
	Name  string
}

// A Parameter is a value that is given later. Numbers begin with 1.
type Parameter struct {
	At, Number int
}

// A Unary is an expression with a sign.
type Unary struct {
	At   int
	Sign Sign
	X    Expr
}

// A Binary is two expressions with an operator between them.
type Binary struct {
	At          int
	Operator    Operator
	Left, Right Expr
}

// An Is tests X IS [NOT] NULL, TRUE, FALSE or UNKNOWN.
type Is struct {
	At    int
	X     Expr
	Not   bool
	Truth Truth
}

// A Between is X [NOT] BETWEEN Low AND High.
type Between struct {
	At           int
	X, Low, High Expr
	Not          bool
}

// An In is X [NOT] IN (List), or IN (Query). A list is not empty.
type In struct {
	At    int
	X     Expr
	List  []Expr
	Query *Query // nil: List
	Not   bool
}

// A Like is X [NOT] LIKE Pattern [ESCAPE Escape], or ILIKE, which ignores case.
type Like struct {
	At                 int
	X, Pattern, Escape Expr // Escape is nil if it was not given
	Not, IgnoreCase    bool
}

// A Case is CASE [Operand] WHEN ... THEN ... [ELSE Else] END. It has a When.
type Case struct {
	At            int
	Operand, Else Expr // nil if they were not given
	Whens         []When
}

// A When is one branch of a Case.
type When struct {
	Condition, Result Expr
}

// A Cast is CAST(X AS Type), however it was written.
type Cast struct {
	At   int
	X    Expr
	Type catalog.Type
}

// A Call is a function with its arguments. What SQL writes with words between the arguments is a call too: EXTRACT(YEAR
// FROM x) is extract('year', x), POSITION(a IN b) is strpos(b, a), TRIM(LEADING a FROM b) is ltrim(b, a).
// CURRENT_DATE and CURRENT_TIMESTAMP are calls of that name.
type Call struct {
	At       int
	Name     string
	Args     []Expr
	Star     bool // count(*)
	Distinct bool // count(DISTINCT x)
	OrderBy  []Order
	Filter   Expr    // FILTER (WHERE ...); nil: none
	Over     *Window // nil: none
}

// Place returns where the expression is.
func (e *Literal) Place() int { return e.At }

// Place returns where the expression is.
func (e *Column) Place() int { return e.At }

// Place returns where the expression is.
func (e *Parameter) Place() int { return e.At }

// Place returns where the expression is.
func (e *Unary) Place() int { return e.At }

// Place returns where the expression is.
func (e *Binary) Place() int { return e.At }

// Place returns where the expression is.
func (e *Is) Place() int { return e.At }

// Place returns where the expression is.
func (e *Between) Place() int { return e.At }

// Place returns where the expression is.
func (e *In) Place() int { return e.At }

// Place returns where the expression is.
func (e *Like) Place() int { return e.At }

// Place returns where the expression is.
func (e *Case) Place() int { return e.At }

// Place returns where the expression is.
func (e *Cast) Place() int { return e.At }

// Place returns where the expression is.
func (e *Call) Place() int { return e.At }

// Children returns the expressions directly below one, in the order of the text. Those of a query within it are not
// below it: they see other columns.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Unary:
		return []Expr{e.X}
	case *Binary:
		return []Expr{e.Left, e.Right}
	case *Is:
		return []Expr{e.X}
	case *Between:
		return []Expr{e.X, e.Low, e.High}
	case *In:
		return append([]Expr{e.X}, e.List...)
	case *Like:
		return given(e.X, e.Pattern, e.Escape)
	case *Case:
		all := given(e.Operand)
		for _, w := range e.Whens {
			all = append(all, w.Condition, w.Result)
		}
		return append(all, given(e.Else)...)
	case *Cast:
		return []Expr{e.X}
	case *Call:
		return e.children()
	case *Quantified:
		return []Expr{e.X}
	case *Row:
		return e.List
	default:
		return nil
	}
}

// children returns what is below a call.
func (e *Call) children() []Expr {
	if e.OrderBy == nil && e.Filter == nil && e.Over == nil {
		return e.Args
	}
	all := slices.Clone(e.Args)
	for _, o := range e.OrderBy {
		all = append(all, o.Expr)
	}
	all = append(all, given(e.Filter)...)
	if e.Over == nil {
		return all
	}
	all = append(all, e.Over.PartitionBy...)
	for _, o := range e.Over.OrderBy {
		all = append(all, o.Expr)
	}
	if f := e.Over.Frame; f != nil {
		all = append(all, given(f.Start.Offset, f.End.Offset)...)
	}
	return all
}

func given(maybe ...Expr) []Expr {
	var all []Expr
	for _, e := range maybe {
		if e != nil {
			all = append(all, e)
		}
	}
	return all
}
