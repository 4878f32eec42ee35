package expr

import "github.com/middb/middb/catalog"

// A ColumnID names a column of a query, wherever in the query that is computed. They begin at 1 and are given by whoever
// binds the query.
type ColumnID int32

// A Node is an expression that has its meaning and its types. It does not change: a planner that wants another one makes
// it, with Map or the functions below. Evaluation is what Compile makes of it.
type Node struct {
	Op     Op
	At     int          // place in the text, for errors
	Type   catalog.Type // Kind 0: always NULL
	Args   []*Node
	Column ColumnID      // of OpColumn
	Table  string        // of OpColumn: the name of its table, for people; may be empty
	Name   string        // of OpColumn, OpCall: for people
	Value  catalog.Value // of OpConstant
	Number int           // of OpParameter, from 1
	Not    bool          // of OpIn, OpLike, OpBetween, OpIs, OpExists, OpAny: it is negated
	Sub    Subplan       // of OpSubquery, OpExists, OpAny, OpAll
	// Operator is the comparison of OpAny and OpAll, as an Op from OpEqual to OpGreaterEqual.
	Operator Op
	Volatile bool // it, or something below it, depends on time, chance, or what else Env has
	Unstable bool // and that can change within a statement: random(), nextval('s')
	// build returns the evaluator, of those of Args. It must not depend on more of Args than n has: Map exchanges them. Nil
	// where Op and the types alone say how, see standard.
	build builder
	// pure: it depends on nothing that Eval is given. Then eval is its evaluator, if it is no constant: it failed once.
	pure bool
	// mood says how far it is Volatile and Unstable even if nothing below it is.
	mood mood
	eval evaluator
}

// A Subplan is a query within an expression. The planner knows what it is.
type Subplan interface {
	// Outer returns the columns of queries around it that it depends on, ascending, each once.
	Outer() []ColumnID
	String() string
}

// An Op is what a Node does. Those that the planner need not know more about are OpCall.
type Op uint8

// The operations.
const (
	OpConstant     Op = iota
	OpColumn          // Column
	OpParameter       // Number
	OpAnd             // two or more Args
	OpOr              // two or more Args
	OpNot             // Args[0]
	OpEqual           // two Args, as are those that follow
	OpNotEqual        //
	OpLess            //
	OpLessEqual       //
	OpGreater         //
	OpGreaterEqual    //
	OpDistinct        // IS DISTINCT FROM
	OpNotDistinct     // IS NOT DISTINCT FROM
	OpAdd             // two Args, of numbers of one kind; others are OpCall
	OpSubtract        //
	OpMultiply        //
	OpDivide          //
	OpModulo          //
	OpNegate          // one Arg, a number
	OpIsNull          // one Arg; IS NOT NULL is Not
	OpIsTrue          // one Arg; Not
	OpIsFalse         // one Arg; Not
	OpBetween         // three Args; Not
	OpIn              // Args[0] IN (Args[1:]); Not
	OpLike            // Args: text, pattern, perhaps escape; Not
	OpILike           // the same
	OpConcat          // ||
	OpCase            // Args: condition, result, condition, result, ..., else (always there); an operand has become comparisons
	OpCoalesce        // Args
	OpCast            // one Arg, to Type: as CAST does, or as an assignment does
	OpExtract         // one Arg, a DATE or TIMESTAMPTZ; Name is the field
	OpCall            // Name(Args)
	OpSubquery        // the only column of the only row of Sub, NULL if it has none
	OpExists          // whether Sub has rows; Not
	OpAny             // Args Operator ANY (Sub): as many Args as Sub has columns; x IN (query) is Operator OpEqual; Not: NOT IN
	OpAll             // Args Operator ALL (Sub)
)
