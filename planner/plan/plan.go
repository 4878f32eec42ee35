// Package plan is the logical plan of a query: what is to be computed, as a tree of operators of the relational algebra
// over expressions of package expr, and not how. Package bind makes it of the tree of a statement, package opt rewrites it
// and chooses how it is computed.
//
// Every column of every operator has a ColumnID that nothing else in the query has; expressions name columns by it, so that
// operators can be moved without renaming. Expressions that sort, group or partition are computed by a Project below.
//
// Plans do not change: who wants another one makes it.
package plan

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// A Node is an operator: one of the types of this package.
type Node interface {
	// Columns returns the columns that it gives, in order.
	Columns() []Column
	// Inputs returns what it reads.
	Inputs() []Node
	// With returns the same operator that reads something else. There are as many inputs as Inputs returns.
	With(inputs []Node) Node
}

// A Column is one that an operator gives.
type Column struct {
	ID      expr.ColumnID
	Table   string // the name or alias of its table, for people
	Name    string
	Type    catalog.Type
	NotNull bool // it is never NULL
}

// A Query is a plan with what belongs to all of it.
type Query struct {
	Text       string // the SQL that places in expressions are of
	Root       Node
	Output     []Column         // what the user sees, in order; an ID may be there twice
	Parameters []catalog.Type   // of $1 and so on
	NextID     expr.ColumnID    // the first one that is free
	Tables     []*catalog.Table // whose schemas the plan depends on, each once
}

// A Subquery is a query in an expression. It implements expr.Subplan.
type Subquery struct {
	Root    Node
	Output  []expr.ColumnID // what the expression sees of it
	Depends []expr.ColumnID // columns around it that it names, ascending
	Text    string          // for people
}

// Outer implements expr.Subplan.
func (s *Subquery) Outer() []expr.ColumnID { return s.Depends }

// String implements expr.Subplan.
func (s *Subquery) String() string { return s.Text }

// A Relation is a table, as the planner needs to know it.
type Relation struct {
	Table      *catalog.Table
	Rows       float64     // about how many there are
	Statistics *Statistics // nil: nobody has analyzed it
	// Virtual computes the rows of a table that is not stored, such as those of information_schema. Nil for all others.
	Virtual func() ([][]catalog.Value, error)
}

// Statistics is what ANALYZE has found out about a table.
type Statistics struct {
	Rows    float64            // when it was analyzed
	Columns []ColumnStatistics // in the order of the table when it was analyzed
}

// ColumnStatistics is about the values of a column.
type ColumnStatistics struct {
	ID        uint16          // of the catalog.Column
	Nulls     float64         // part of the rows: 0 to 1
	Distinct  float64         // about how many different values there are, without NULL
	Width     float64         // average bytes of a value
	Common    []catalog.Value // the most common values
	Frequency []float64       // of each of them: part of the rows
	Bounds    []catalog.Value // of the histogram of the others: ascending, equally many rows between two neighbours
	// Correlation says how much the order of the values is that of the rows: 1 fully, 0 not at all, -1 backwards.
	Correlation float64
}

// HiddenRowID stands in Scan.Places for the number by which a row is found that has no primary key.
const HiddenRowID = -1

// A Scan gives the rows of a table.
type Scan struct {
	Relation *Relation
	Alias    string
	Output   []Column
	Places   []int // of each of Output: the place in Relation.Table.Columns, or HiddenRowID
}

// Rows gives constant rows; one of no columns where a SELECT has no FROM.
type Rows struct {
	Output []Column
	Rows   [][]*expr.Node
}

// A Function gives the rows that a function returns, such as generate_series. Args may name columns of queries around it,
// and of what is left of it in a Lateral join.
type Function struct {
	Name       string
	Args       []*expr.Node
	Ordinality bool // the last column counts the rows
	Output     []Column
}

// A Filter gives the rows for which all conditions are true.
type Filter struct {
	Input      Node
	Conditions []*expr.Node
}

// A Project computes columns. It gives those of Items only; what it passes on is an Item that is a column.
type Project struct {
	Input Node
	Items []Item
}

// An Item is a column and how it is computed.
type Item struct {
	Column Column
	Expr   *expr.Node
}

// A JoinKind says which rows a Join gives.
type JoinKind uint8

// The kinds of joins. What SQL calls a right join is a LeftJoin with its inputs exchanged.
const (
	InnerJoin JoinKind = iota // a cross join if there is no condition
	LeftJoin                  // rows of Left without a partner too, with NULLs
	FullJoin
	SemiJoin // rows of Left that have a partner, once
	AntiJoin // rows of Left that have none
	// NullAntiJoin is NOT IN: rows of Left for which every row of Right makes the conditions false. The conditions are what
	// is compared.
	NullAntiJoin
	// MarkJoin gives all rows of Left, and in Mark whether there is a partner: true, or NULL if the conditions are NULL for
	// a row of Right and true for none, or false.
	MarkJoin
)

// String returns the name of the kind.
func (k JoinKind) String() string {
	return [...]string{"Inner", "Left", "Full", "Semi", "Anti", "Null-Aware Anti", "Mark"}[k]
}

// LeftOnly reports whether a join of the kind gives no columns of its right input.
func (k JoinKind) LeftOnly() bool { return k >= SemiJoin }

// A Join gives pairs of rows that satisfy all conditions.
type Join struct {
	Kind        JoinKind
	Left, Right Node
	On          []*expr.Node
	Lateral     bool   // Right may name columns of Left: it is computed for each of its rows
	Single      bool   // of a LeftJoin: it is an error if a row has two partners
	Mark        Column // of a MarkJoin
}

// An Aggregate gives a row for each group of rows in which the columns of Groups are the same, NULLs included. With no
// Groups there is exactly one group, even of no rows.
type Aggregate struct {
	Input      Node
	Groups     []expr.ColumnID
	Aggregates []Aggregation
}

// An Aggregation is an aggregate function, and the column of its results.
type Aggregation struct {
	Column   Column
	Function string // count, sum, avg, min, max, bool_and, bool_or, string_agg, ...; count(*) is count without Args
	Args     []*expr.Node
	Distinct bool
	Filter   *expr.Node // nil: none
	OrderBy  []Key
}

// A Key is a column to sort by.
type Key struct {
	Column     expr.ColumnID
	Descending bool
	NullsFirst bool
}

// A Window adds columns to its rows that are computed of other rows around them. All functions have the same partitions and
// order.
type Window struct {
	Input       Node
	PartitionBy []expr.ColumnID
	OrderBy     []Key
	Functions   []WindowFunction
}

// A WindowFunction is a window function or an aggregate function over a frame.
type WindowFunction struct {
	Aggregation
	Frame Frame
}

// A Frame says which rows around the present one a window function sees.
type Frame struct {
	Unit       FrameUnit
	Start, End FrameBound
	Exclude    Exclusion
}

// A FrameUnit says what a Frame counts.
type FrameUnit uint8

// The units of frames.
const (
	FrameRows FrameUnit = iota
	FrameRange
	FrameGroups
)

// A FrameBound is where a Frame begins or ends.
type FrameBound struct {
	Kind   FrameBoundKind
	Offset *expr.Node // of Preceding and Following; it names no columns
}

// A FrameBoundKind is a kind of FrameBound.
type FrameBoundKind uint8

// The kinds of bounds, in the order of rows.
const (
	UnboundedPreceding FrameBoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// An Exclusion says which rows a Frame leaves out.
type Exclusion uint8

// What a frame leaves out.
const (
	ExcludeNothing Exclusion = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// A Distinct gives one of the rows that are equal in the columns of On, the first one; in all columns if On is nil.
type Distinct struct {
	Input Node
	On    []expr.ColumnID
}

// A Sort gives its rows in an order.
type Sort struct {
	Input Node
	Keys  []Key
}

// A Limit gives Count rows behind the first Offset. Each may be nil. With Ties, rows follow that are equal in Keys to the
// last one; the input is sorted by them.
type Limit struct {
	Input         Node
	Count, Offset *expr.Node
	Ties          bool
	Keys          []Key
}

// A SetKind is a set operation.
type SetKind uint8

// The set operations.
const (
	Union SetKind = iota
	Except
	Intersect
)

// String returns the word of SQL.
func (k SetKind) String() string { return [...]string{"Union", "Except", "Intersect"}[k] }

// A SetOperation gives rows of its inputs, which have as many columns of the same types: the n-th column of Output is the
// n-th of both.
type SetOperation struct {
	Kind                      SetKind
	All                       bool
	Left, Right               Node
	LeftColumns, RightColumns []expr.ColumnID
	Output                    []Column
}

// A With computes queries once that its Body refers to.
type With struct {
	Common []*Common // each may refer to those before it
	Body   Node
}

// A Common is a query with a name.
type Common struct {
	Number int // that no other one of the query has
	Name   string
	Plan   Node
	Output []expr.ColumnID
}

// A Reference gives the rows of a Common.
type Reference struct {
	Number int
	Name   string
	Output []Column // as many as Common.Output, in that order
}

// A Recursive gives the rows of Base, and then those that Step makes of the rows found last until it makes no more. Step
// reads them by a WorkTable of the same Number. Unless All, every row is given once.
type Recursive struct {
	Number                   int
	Name                     string
	Base, Step               Node
	BaseColumns, StepColumns []expr.ColumnID
	All                      bool
	Output                   []Column
}

// A WorkTable gives the rows that a Recursive has found last.
type WorkTable struct {
	Number int
	Name   string
	Output []Column
}
