package ast

import "github.com/middb/middb/catalog"

// An AlterTable is ALTER TABLE and what to change, in order.
type AlterTable struct {
	At       int
	IfExists bool
	Table    Relation
	Changes  []Change
}

// A Change is one of an AlterTable. Which fields are set depends on its kind.
type Change struct {
	At         int
	Kind       ChangeKind
	If         bool // IF EXISTS of drops, IF NOT EXISTS of AddColumn
	Name       Name // of the column or constraint that there is
	To         Name // of renames
	Column     *TableColumn
	Constraint *Constraint // of AddConstraint, and AddIdentity
	Type       catalog.Type
	Expr       Expr // of SetDefault, and the USING of SetType or nil
	Cascade    bool
}

// A ChangeKind is a kind of Change.
type ChangeKind uint8

// The kinds of changes.
const (
	AddColumn ChangeKind = iota
	DropColumn
	RenameColumn
	AddConstraint
	DropConstraint
	RenameConstraint
	RenameTable
	SetType
	SetDefault
	DropDefault
	SetNotNull
	DropNotNull
	AddIdentity
	DropIdentity
)

// An AlterSequence is ALTER SEQUENCE with options.
type AlterSequence struct {
	At       int
	IfExists bool
	Name     Relation
	Options  SequenceOptions
}

// A Rename is ALTER ... RENAME TO of what is no table.
type Rename struct {
	At       int
	Kind     Object
	IfExists bool
	Name     Relation
	To       Name
}

// A Drop is DROP.
type Drop struct {
	At       int
	Kind     Object
	IfExists bool
	Names    []Relation
	Cascade  bool
}

// A Reindex is REINDEX, of everything if it has no name. It rebuilds indexes.
type Reindex struct {
	At   int
	Kind Object    // IndexObject or TableObject
	Name *Relation // nil: none
}

// Place returns where the statement begins.
func (s *AlterTable) Place() int { return s.At }

// Place returns where the statement begins.
func (s *AlterSequence) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Rename) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Drop) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Reindex) Place() int { return s.At }

// String returns the statement as SQL.
func (s *AlterTable) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *AlterSequence) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Rename) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Drop) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Reindex) String() string { return toString(s) }
