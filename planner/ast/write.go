package ast

// An Insert is INSERT INTO, or REPLACE INTO.
type Insert struct {
	At        int
	With      *With // nil: none
	Replace   bool  // REPLACE, INSERT OR REPLACE: rows that are in the way go
	Table     Named
	Columns   []Name
	Override  Overriding
	Query     *Query    // nil: DEFAULT VALUES
	Conflict  *Conflict // nil: none
	Returning []Item
}

// An Overriding says whose values go into identity columns.
type Overriding uint8

// What was said of it.
const (
	OverridingNothing Overriding = iota
	OverridingSystem
	OverridingUser
)

// A Conflict is ON CONFLICT and what to do.
type Conflict struct {
	At         int
	Columns    []IndexColumn // empty: any, or Constraint
	Only       Expr          // the WHERE of the index that is meant; nil: none
	Constraint string        // empty: none
	Update     bool          // DO UPDATE; else DO NOTHING
	Set        []Assignment
	Where      Expr // nil: none
}

// An Assignment is column = value in a SET; or several columns, and a [Row] or [Subquery] that gives their values.
type Assignment struct {
	At      int
	Columns []Name
	Value   Expr
}

// An Update is UPDATE.
type Update struct {
	At        int
	With      *With // nil: none
	Table     Named
	Set       []Assignment
	From      []Table
	Where     Expr // nil: none
	Returning []Item
}

// A Delete is DELETE FROM.
type Delete struct {
	At        int
	With      *With // nil: none
	Table     Named
	Using     []Table
	Where     Expr // nil: none
	Returning []Item
}

// A Truncate is TRUNCATE.
type Truncate struct {
	At              int
	Tables          []Relation
	RestartIdentity bool
	Cascade         bool
}

// A Copy is COPY, of a table or a query, from or to a file.
type Copy struct {
	At      int
	Table   *Relation // nil: Query
	Columns []Name
	Query   *Query // nil: Table
	From    bool   // else to
	File    string // empty: STDIN or STDOUT
	Options []Option
}

// Place returns where the statement begins.
func (s *Insert) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Update) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Delete) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Truncate) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Copy) Place() int { return s.At }

// String returns the statement as SQL.
func (s *Insert) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Update) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Delete) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Truncate) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Copy) String() string { return toString(s) }
