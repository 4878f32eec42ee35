package ast

// A Subquery is a query as an expression: its only column of its only row.
type Subquery struct {
	At    int
	Query *Query
}

// An Exists is EXISTS (Query).
type Exists struct {
	At    int
	Query *Query
}

// A Quantified is X Operator ANY (Query), or ALL. SOME is ANY. The operator is a comparison.
type Quantified struct {
	At       int
	X        Expr
	Operator Operator
	All      bool
	Query    *Query
}

// A Row is several expressions as one, in parentheses or as ROW(...).
type Row struct {
	At   int
	List []Expr
}

// An Interval is INTERVAL 'text', and perhaps the unit of its number: DAY, or YEAR TO MONTH.
type Interval struct {
	At   int
	Text string
	Unit string // in upper case; empty if it was not given
}

// A Star is * or table.*, for all columns. It stands in lists of items.
type Star struct {
	At    int
	Table string // empty if it was not named
}

// A Default is DEFAULT instead of a value. It stands in rows of VALUES, and behind = in SET.
type Default struct{ At int }

// Place returns where the expression is.
func (e *Subquery) Place() int { return e.At }

// Place returns where the expression is.
func (e *Exists) Place() int { return e.At }

// Place returns where the expression is.
func (e *Quantified) Place() int { return e.At }

// Place returns where the expression is.
func (e *Row) Place() int { return e.At }

// Place returns where the expression is.
func (e *Interval) Place() int { return e.At }

// Place returns where the expression is.
func (e *Star) Place() int { return e.At }

// Place returns where the expression is.
func (e *Default) Place() int { return e.At }

// String returns the expression as SQL.
func (e *Subquery) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Exists) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Quantified) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Row) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Interval) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Star) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Default) String() string { return toString(e) }

func (e *Subquery) precedence() Precedence   { return PrecedencePrimary }
func (e *Exists) precedence() Precedence     { return PrecedencePrimary }
func (e *Quantified) precedence() Precedence { return e.Operator.Precedence() }
func (e *Row) precedence() Precedence        { return PrecedencePrimary }
func (e *Interval) precedence() Precedence   { return PrecedencePrimary }
func (e *Star) precedence() Precedence       { return PrecedencePrimary }
func (e *Default) precedence() Precedence    { return PrecedencePrimary }
