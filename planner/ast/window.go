package ast

// A Window is what stands behind OVER or in a WINDOW clause: the rows that a function sees.
type Window struct {
	At          int
	Base        string // the window that this one adds to, or is; empty: none
	Bare        bool   // OVER base, without parentheses
	PartitionBy []Expr
	OrderBy     []Order
	Frame       *Frame // nil: none was given
}

// A NamedWindow is one of a WINDOW clause.
type NamedWindow struct {
	At     int
	Name   string
	Window Window
}

// A Frame limits a window to the rows around the present one. What was written without BETWEEN ends at the current row.
type Frame struct {
	At         int
	Unit       FrameUnit
	Start, End Bound
	Exclude    Exclusion
}

// A FrameUnit says what a Frame counts.
type FrameUnit uint8

// The units of frames.
const (
	Rows FrameUnit = iota
	Range
	Groups
)

// String returns the word of SQL.
func (u FrameUnit) String() string { return [...]string{"ROWS", "RANGE", "GROUPS"}[u] }

// A Bound is where a Frame begins or ends.
type Bound struct {
	At     int
	Kind   BoundKind
	Offset Expr // of Preceding and Following
}

// A BoundKind is a kind of Bound. They are in the order of rows.
type BoundKind uint8

// The kinds of bounds.
const (
	UnboundedPreceding BoundKind = iota
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
