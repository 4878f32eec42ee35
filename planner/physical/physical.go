// Package physical is how a query is computed: a tree of algorithms, each with what it is believed to give and to cost.
// Package opt makes it of a logical plan, package exec runs it, and EXPLAIN shows it.
//
// Plans do not change once they are made, and can be run by any number of goroutines at a time.
package physical

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A Node is an algorithm: one of the types of this package. Columns are named by ID; where a node has expressions, they see
// the columns of its inputs and, in subqueries and on the right of a lateral join, those around it.
type Node interface {
	Columns() []plan.Column
	Inputs() []Node
	Estimate() *Estimate
}

// An Estimate is what the planner believes of a node.
type Estimate struct {
	Rows  float64
	First float64 // nanoseconds until the first row
	Cost  float64 // nanoseconds for all of them, inputs included
	Width float64 // bytes of a row
}

// Header is what all nodes have.
type Header struct {
	Output []plan.Column
	Est    Estimate
}

// Columns returns what the node gives, in order.
func (h *Header) Columns() []plan.Column { return h.Output }

// Estimate returns what the planner believes of the node.
func (h *Header) Estimate() *Estimate { return &h.Est }

// A Query is a plan with what belongs to all of it.
type Query struct {
	Text       string
	Root       Node
	Output     []plan.Column // what the user sees; an ID may be there twice
	Parameters []catalog.Type
	Commons    []*Common // of the query and its subqueries; each refers only to those before it
}

// A Common is a query that is computed once and read by References. It is computed when it is first read.
type Common struct {
	Number  int
	Name    string
	Root    Node
	Columns []expr.ColumnID // that are kept, in order
}

// A Subquery is a query in an expression; it implements expr.Subplan. One that depends on nothing is computed once, when
// its value is first needed.
type Subquery struct {
	Root    Node
	Output  []expr.ColumnID
	Depends []expr.ColumnID
	Text    string
}

// Outer implements expr.Subplan.
func (s *Subquery) Outer() []expr.ColumnID { return s.Depends }

// String implements expr.Subplan.
func (s *Subquery) String() string { return s.Text }

// A Bounds is a range of a key: of the primary key or an index. Values are expressions that name no columns of the node,
// only parameters and columns around it; one that is NULL in Prefix makes the range empty, unless NullSafe. Values are of
// the kinds of the columns or of other numbers; exec rounds them so that the range holds no fewer rows than the conditions.
type Bounds struct {
	Prefix                         []*expr.Node // the first columns of the key are equal to these
	Lower, Upper                   *expr.Node   // of the column behind them, in terms of values and not of the key; nil: none
	LowerExclusive, UpperExclusive bool
	NotNull                        bool // rows in which the column behind Prefix is NULL are left out
}

// A Scan reads the rows of a table, by the primary key, or by an index. Rows come in the order of that key, or backwards.
type Scan struct {
	Header
	Relation  *plan.Relation
	Alias     string
	Places    []int    // of each of Output; plan.HiddenRowID
	Index     string   // empty: the primary key
	IndexOnly bool     // the index has all columns
	Ranges    []Bounds // one after the other, which do not overlap and ascend; nil: everything
	Reverse   bool
	Filter    []*expr.Node // over Output: rows for which one is not true are left out
	Limit     *expr.Node   // how many rows are needed at most; nil: all
}

// A BitmapScan reads the rows that any of several ranges has, each once.
type BitmapScan struct {
	Header
	Relation *plan.Relation
	Alias    string
	Places   []int
	Parts    []BitmapPart
	Filter   []*expr.Node
}

// A BitmapPart is one of the ranges of a BitmapScan.
type BitmapPart struct {
	Index  string // empty: the primary key
	Ranges []Bounds
}

// Rows gives constant rows.
type Rows struct {
	Header
	Rows [][]*expr.Node
}

// Function gives the rows of a function.
type Function struct {
	Header
	Call *plan.Function
}

// A Filter leaves out rows for which a condition is not true.
type Filter struct {
	Header
	Input      Node
	Conditions []*expr.Node
}

// A Project computes columns.
type Project struct {
	Header
	Input Node
	Items []plan.Item
}

// A NestedLoopJoin looks at each row of Right for each row of Left. Unless Lateral, Right is computed once.
type NestedLoopJoin struct {
	Header
	Kind        plan.JoinKind
	Left, Right Node
	On          []*expr.Node
	Lateral     bool
	Single      bool
}

// An IndexJoin looks the rows of a table up for each row of Left.
type IndexJoin struct {
	Header
	Kind     plan.JoinKind
	Left     Node
	Relation *plan.Relation
	Alias    string
	Places   []int         // of the table
	Right    []plan.Column // what they are called
	Index    string        // empty: the primary key
	Keys     []*expr.Node  // over Left: values of the first columns of the key; NULL has no partner
	On       []*expr.Node  // what else must be true
	Single   bool
}

// A HashJoin puts the rows of Right into a hash table and looks those of Left up in it.
type HashJoin struct {
	Header
	Kind                plan.JoinKind
	Left, Right         Node
	LeftKeys, RightKeys []*expr.Node // pairwise of one type
	On                  []*expr.Node // what else must be true
	Single              bool
	// BuildLeft exchanges the roles: Left is in the hash table. Not for Mark and NullAnti joins, nor if Single.
	BuildLeft bool
}

// A MergeJoin joins inputs that are sorted by the keys, ascending and NULLs last.
type MergeJoin struct {
	Header
	Kind                plan.JoinKind
	Left, Right         Node
	LeftKeys, RightKeys []expr.ColumnID
	On                  []*expr.Node
	Single              bool
}

// A HashAggregate keeps its groups in a hash table.
type HashAggregate struct {
	Header
	Input      Node
	Groups     []expr.ColumnID
	Aggregates []plan.Aggregation
}

// A SortAggregate has an input that is sorted by Groups, or has none.
type SortAggregate struct {
	Header
	Input      Node
	Groups     []expr.ColumnID
	Aggregates []plan.Aggregation
}

// A Sort sorts. Rows that are equal stay in their order. With a Limit it keeps that many rows only.
type Sort struct {
	Header
	Input  Node
	Keys   []plan.Key
	Limit  *expr.Node // nil: none
	Offset *expr.Node // added to Limit; nil: none
	Sorted int        // by how many of Keys the input is sorted already
}

// A Limit is plan.Limit.
type Limit struct {
	Header
	Input         Node
	Count, Offset *expr.Node
	Ties          bool
	Keys          []plan.Key
}

// A HashDistinct gives each row once, by the columns of On: the first one.
type HashDistinct struct {
	Header
	Input Node
	On    []expr.ColumnID
}

// A SortDistinct is a HashDistinct whose input is sorted by On.
type SortDistinct struct {
	Header
	Input Node
	On    []expr.ColumnID
}

// An Append gives the rows of its inputs, one after the other: UNION ALL.
type Append struct {
	Header
	Parts  []Node
	Select [][]expr.ColumnID // of each part: which columns
}

// A HashSet is UNION, INTERSECT or EXCEPT.
type HashSet struct {
	Header
	Kind                      plan.SetKind
	All                       bool
	Left, Right               Node
	LeftColumns, RightColumns []expr.ColumnID
}

// A Window computes window functions. Its input is sorted by PartitionBy, in any direction that keeps partitions together,
// and then by OrderBy.
type Window struct {
	Header
	Input       Node
	PartitionBy []expr.ColumnID
	OrderBy     []plan.Key
	Functions   []plan.WindowFunction
}

// A Reference reads a Common.
type Reference struct {
	Header
	Number int
	Name   string
}

// A Recursive is plan.Recursive.
type Recursive struct {
	Header
	Number                   int
	Name                     string
	Base, Step               Node
	BaseColumns, StepColumns []expr.ColumnID
	All                      bool
}

// A WorkTable is plan.WorkTable.
type WorkTable struct {
	Header
	Number int
	Name   string
}

// Inputs implements Node.
func (n *Scan) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *BitmapScan) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Rows) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Function) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *NestedLoopJoin) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *IndexJoin) Inputs() []Node { return []Node{n.Left} }

// Inputs implements Node.
func (n *HashJoin) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *MergeJoin) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *HashAggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *SortAggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *HashDistinct) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *SortDistinct) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Append) Inputs() []Node { return n.Parts }

// Inputs implements Node.
func (n *HashSet) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Reference) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Recursive) Inputs() []Node { return []Node{n.Base, n.Step} }

// Inputs implements Node.
func (n *WorkTable) Inputs() []Node { return nil }
