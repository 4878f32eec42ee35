package ast

// A Begin is BEGIN or START TRANSACTION.
type Begin struct {
	At    int
	Modes Modes
}

// Modes are those of a transaction.
type Modes struct {
	Isolation  Isolation
	Access     Access
	Deferrable bool
}

// An Isolation is a level of it.
type Isolation uint8

// The levels of isolation.
const (
	DefaultIsolation Isolation = iota
	ReadUncommitted
	ReadCommitted
	RepeatableRead
	Serializable
)

// String returns the words of SQL.
func (i Isolation) String() string {
	return [...]string{"DEFAULT", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}[i]
}

// An Access says whether a transaction writes.
type Access uint8

// The kinds of access.
const (
	DefaultAccess Access = iota
	ReadWrite
	ReadOnly
)

// A Commit is COMMIT or END.
type Commit struct{ At int }

// A Rollback is ROLLBACK or ABORT, perhaps to a savepoint.
type Rollback struct {
	At int
	To *Name // nil: all of it
}

// A Savepoint is SAVEPOINT.
type Savepoint struct {
	At   int
	Name Name
}

// A Release is RELEASE SAVEPOINT.
type Release struct {
	At   int
	Name Name
}

// A SetTransaction is SET TRANSACTION, or that for all to come: SET SESSION CHARACTERISTICS AS TRANSACTION.
type SetTransaction struct {
	At      int
	Session bool
	Modes   Modes
}

// A Set is SET or RESET of a setting.
type Set struct {
	At     int
	Local  bool   // SET LOCAL
	Name   string // with its points; empty: ALL, of RESET
	Values []SetValue
}

// A SetValue is a word, a number or a text that a setting gets. No values at all are DEFAULT.
type SetValue struct {
	At   int
	Text string
}

// A Show is SHOW of a setting.
type Show struct {
	At   int
	Name string // with its points; empty: ALL
}

// An Explain is EXPLAIN of a statement.
type Explain struct {
	At        int
	Analyze   bool
	Verbose   bool
	JSON      bool
	NoCosts   bool // COSTS OFF
	Statement Statement
}

// An Analyze is ANALYZE, of everything if it has no tables.
type Analyze struct {
	At     int
	Tables []AnalyzeTable
}

// An AnalyzeTable is a table, and perhaps columns of it.
type AnalyzeTable struct {
	Relation Relation
	Columns  []Name
}

// Place returns where the statement begins.
func (s *Begin) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Commit) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Rollback) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Savepoint) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Release) Place() int { return s.At }

// Place returns where the statement begins.
func (s *SetTransaction) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Set) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Show) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Explain) Place() int { return s.At }

// Place returns where the statement begins.
func (s *Analyze) Place() int { return s.At }

// String returns the statement as SQL.
func (s *Begin) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Commit) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Rollback) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Savepoint) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Release) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *SetTransaction) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Set) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Show) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Explain) String() string { return toString(s) }

// String returns the statement as SQL.
func (s *Analyze) String() string { return toString(s) }
