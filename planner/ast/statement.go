package ast

// A Statement is one of SQL: a [Query], or one of the types named for what they do.
type Statement interface {
	// Place returns where the statement begins in its text, in bytes.
	Place() int
	// String returns the statement as SQL, on one line and without a semicolon.
	String() string

	statement()
	node
}

// A node can print itself.
type node interface{ print(p *printer) }

// A Name is one that is defined or listed.
type Name struct {
	At   int
	Name string
}

// A Relation is the name of a table, view, sequence or index.
type Relation struct {
	At     int
	Schema string // empty if it was not named
	Name   string
}

// An Object is a kind of thing in a database.
type Object uint8

// The kinds of objects.
const (
	TableObject Object = iota
	IndexObject
	ViewObject
	SequenceObject
)

// String returns the word of SQL.
func (o Object) String() string { return [...]string{"TABLE", "INDEX", "VIEW", "SEQUENCE"}[o] }

// An Option is NAME value, as COPY has them. The value is a word, a text or a number; or names; or *; or nothing.
type Option struct {
	At    int
	Name  string // in lower case
	Text  bool   // there is a Value; it may be empty
	Value string
	Names []Name
	Star  bool
}

func (*Query) statement()          {}
func (*Insert) statement()         {}
func (*Update) statement()         {}
func (*Delete) statement()         {}
func (*CreateTable) statement()    {}
func (*CreateIndex) statement()    {}
func (*CreateView) statement()     {}
func (*CreateSequence) statement() {}
func (*AlterTable) statement()     {}
func (*AlterSequence) statement()  {}
func (*Rename) statement()         {}
func (*Drop) statement()           {}
func (*Truncate) statement()       {}
func (*Reindex) statement()        {}
func (*Begin) statement()          {}
func (*Commit) statement()         {}
func (*Rollback) statement()       {}
func (*Savepoint) statement()      {}
func (*Release) statement()        {}
func (*SetTransaction) statement() {}
func (*Set) statement()            {}
func (*Show) statement()           {}
func (*Explain) statement()        {}
func (*Analyze) statement()        {}
func (*Copy) statement()           {}
