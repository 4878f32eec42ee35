package plan

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// An Insert is a statement that inserts rows.
type Insert struct {
	Table     *catalog.Table
	Source    *Query    // gives the values, converted to the types of the columns
	Places    []int     // of the column for each of Source.Output; columns that are not there have their defaults
	System    bool      // values of identity columns are those of the sequence, whatever is given (OVERRIDING USER VALUE)
	Given     bool      // values for GENERATED ALWAYS are taken (OVERRIDING SYSTEM VALUE)
	Defaults  [][]bool  // of VALUES: which values of a row are DEFAULT; nil: none
	Conflict  *Conflict // nil: a row that is there is an error
	Returning *Returning
}

// A Conflict says what becomes of rows that are in the way of others.
type Conflict struct {
	// Index is the name of the unique index in which rows may meet: empty for the primary key. Any says that it is all of them.
	Index   string
	Any     bool
	Replace bool // rows that are in the way are deleted (REPLACE)
	Nothing bool // the new row is left out
	// Else the old row is changed. Set and Where see the columns of the row that is there, and of the one that was to come.
	Set           []Assignment
	Where         *expr.Node // nil: none
	Old, Excluded []Column   // of both, in the order of the table
}

// An Assignment gives a column of a row a value.
type Assignment struct {
	Place int // of the column in the table
	Value *expr.Node
}

// An Update is a statement that changes rows.
type Update struct {
	Table *catalog.Table
	// Source gives, for each row to change: its key (the primary key, or the hidden row id), then its columns in the order of
	// the table, then the new values of the columns at Places; then what Returning sees of other tables. If a row comes
	// twice, the first one counts.
	Source    *Query
	Places    []int
	Default   []bool // of each of Places: it gets its default, and the value does not matter
	Returning *Returning
}

// A Delete is a statement that deletes rows.
type Delete struct {
	Table     *catalog.Table
	Source    *Query // as that of an Update, without new values
	Returning *Returning
}

// Returning says what a statement that writes gives of the rows that it wrote. Expressions see the columns of the row as it
// is then (as it was, of a Delete) and, behind them, what Source gave of other tables.
type Returning struct {
	Columns []Column // what expressions see: those of the table, in order, and Extra
	Extra   int      // how many columns at the end of Source.Output follow those of the table
	Items   []Item
}
