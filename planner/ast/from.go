package ast

// A Table is what a FROM lists: a [Named] table, a [Derived] one, a [Function] or a [Join].
type Table interface {
	Place() int
	String() string

	table()
	node
}

// An Alias is the name that a table is given, and perhaps those of its columns.
type Alias struct {
	At      int
	Name    string
	Columns []Name
}

// A Named is a table, a view, or a query of a WITH.
type Named struct {
	At       int
	Relation Relation
	Alias    *Alias // nil: none
}

// A Derived is a query in parentheses.
type Derived struct {
	At      int
	Lateral bool
	Query   *Query
	Alias   *Alias // nil: none
}

// A Function is one that gives rows.
type Function struct {
	At         int
	Lateral    bool
	Call       *Call
	Ordinality bool
	Alias      *Alias // nil: none
}

// A Join is two tables with JOIN between them.
type Join struct {
	At          int // of its first word
	Kind        JoinKind
	Left, Right Table
	Natural     bool
	On          Expr   // nil: none
	Using       []Name // empty: none
	Alias       *Alias // of the whole, which is in parentheses then; nil: none
}

// A JoinKind says which rows without a partner are kept.
type JoinKind uint8

// The kinds of joins. A Cross has no condition; the others have exactly one: ON, USING or NATURAL.
const (
	Inner JoinKind = iota
	Left
	Right
	Full
	Cross
)

// String returns the words of SQL.
func (k JoinKind) String() string {
	return [...]string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"}[k]
}

func (*Named) table()    {}
func (*Derived) table()  {}
func (*Function) table() {}
func (*Join) table()     {}

// Place returns where the table is.
func (t *Named) Place() int { return t.At }

// Place returns where its parenthesis or LATERAL is.
func (t *Derived) Place() int { return t.At }

// Place returns where the function or LATERAL is.
func (t *Function) Place() int { return t.At }

// Place returns where the word is.
func (t *Join) Place() int { return t.At }

// String returns the table as SQL.
func (t *Named) String() string { return toString(t) }

// String returns the table as SQL.
func (t *Derived) String() string { return toString(t) }

// String returns the table as SQL.
func (t *Function) String() string { return toString(t) }

// String returns the join as SQL.
func (t *Join) String() string { return toString(t) }
