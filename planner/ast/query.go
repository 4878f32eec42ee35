package ast

// A Query gives rows: a SELECT or VALUES, or several that UNION and its like join, with what belongs to all of it.
type Query struct {
	At            int
	With          *With // nil: none
	Body          Body
	OrderBy       []Order
	Limit, Offset Expr // nil: none
	Ties          bool // FETCH FIRST n ROWS WITH TIES
}

// A Body is a [Select], [Values], [SetOperation], or a [Query] in parentheses that has a WITH, ORDER BY or LIMIT of its
// own. Other parentheses are not kept.
type Body interface {
	Place() int
	String() string

	body()
	node
}

// A Select is SELECT up to its WINDOW.
type Select struct {
	At       int
	Distinct bool
	On       []Expr // DISTINCT ON; Distinct is set too
	Items    []Item
	From     []Table
	Where    Expr // nil: none
	GroupBy  []Expr
	Having   Expr // nil: none
	Windows  []NamedWindow
}

// An Item is a column of the result: an expression, which may be a [Star], and the name that it is given.
type Item struct {
	At   int
	Expr Expr
	As   string // empty if it was not given
}

// Values is VALUES (...), (...).
type Values struct {
	At   int
	Rows [][]Expr
}

// A SetOperation joins the rows of two bodies.
type SetOperation struct {
	At          int // of its word
	Kind        SetOperator
	All         bool
	Left, Right Body
}

// A SetOperator is the word of a SetOperation.
type SetOperator uint8

// The set operators. Intersect binds tighter than the others.
const (
	Union SetOperator = iota
	Except
	Intersect
)

// String returns the word of SQL.
func (o SetOperator) String() string { return [...]string{"UNION", "EXCEPT", "INTERSECT"}[o] }

// Tight reports whether the operator binds tighter than those that are not Tight.
func (o SetOperator) Tight() bool { return o == Intersect }

// An Order is an expression to sort by.
type Order struct {
	At         int
	Expr       Expr
	Descending bool
	Nulls      Nulls
}

// Nulls says where NULLs are in an order.
type Nulls uint8

// Where NULLs are: as if they were the greatest value, if nothing was said.
const (
	NullsGreatest Nulls = iota
	NullsFirst
	NullsLast
)

// A With is the queries that another one can name.
type With struct {
	At        int
	Recursive bool
	Tables    []Common
}

// A Common is a query with a name.
type Common struct {
	At      int
	Name    string
	Columns []Name
	Mode    Materialization
	Query   *Query
}

// A Materialization says whether a Common is computed by itself.
type Materialization uint8

// What was said of it.
const (
	MaterializedOrNot Materialization = iota
	Materialized
	NotMaterialized
)

func (*Select) body()       {}
func (*Values) body()       {}
func (*SetOperation) body() {}
func (*Query) body()        {}

// Place returns where the query begins.
func (q *Query) Place() int { return q.At }

// Place returns where the SELECT is.
func (s *Select) Place() int { return s.At }

// Place returns where the VALUES is.
func (v *Values) Place() int { return v.At }

// Place returns where the operator is.
func (o *SetOperation) Place() int { return o.At }

// String returns the query as SQL.
func (q *Query) String() string { return toString(q) }

// String returns the SELECT as SQL.
func (s *Select) String() string { return toString(s) }

// String returns the VALUES as SQL.
func (v *Values) String() string { return toString(v) }

// String returns the operation as SQL.
func (o *SetOperation) String() string { return toString(o) }
