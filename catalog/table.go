package catalog

import "slices"

// A Table is the schema of a table. It does not change: the methods that change something return another one. What
// makes a Table of its own, and does not get it from this package, should pass it through Encode and DecodeTable:
// that checks it, and makes reading and writing rows fast.
type Table struct {
	ID          uint32 // number of the space of its rows; never reused
	Name        string // in lower case unless it was quoted
	Version     uint32 // counts changes of the schema, from 1
	Columns     []Column
	PrimaryKey  []IndexColumn // empty: rows have a hidden row id, an int64
	Indexes     []Index
	ForeignKeys []ForeignKey
	Checks      []Check
	Layouts     []Layout // by number: how rows were stored; the last one is how they are written now
	NextColumn  uint16   // the ID of the next new column; they begin at 1

	plan *plan // of these columns and layouts, or nil
}

// A Column is one of a table.
type Column struct {
	ID       uint16 // never reused within a table
	Name     string
	Type     Type
	NotNull  bool
	Default  string // SQL expression; "": NULL
	Missing  Value  // what rows have that were written before the column was added
	Identity Identity
}

// An Identity says whether a column gets numbers from the sequence of the table. On disk; never renumber.
type Identity uint8

// The identities.
const (
	IdentityNone      Identity = 0
	IdentityAlways    Identity = 1 // and nobody else gives it any
	IdentityByDefault Identity = 2 // if none is given
)

// An IndexColumn is a column of a key. It ascends, with NULLs last, unless it says otherwise.
type IndexColumn struct {
	Column     uint16 // ID
	Descending bool
	NullsFirst bool
}

// A Method is how an index is kept. On disk; never renumber.
type Method uint8

// The methods.
const (
	BTree Method = 0
	LSM   Method = 1 // as keys of the log-structured levels
)

// String returns the method as SQL names it.
func (m Method) String() string {
	if m == LSM {
		return "lsm"
	}
	return "btree"
}

// A State says what an index may be used for. On disk; never renumber.
type State uint8

// The states.
const (
	Building State = 0 // writers keep it up to date, nobody reads it
	Ready    State = 1
)

// An Index is a secondary index of a table.
type Index struct {
	ID      uint32 // number of the space of its entries; never reused
	Name    string
	Columns []IndexColumn
	Unique  bool
	Using   Method
	State   State
}

// An Action is what becomes of rows whose parent is deleted, or gets another key. On disk; never renumber.
type Action uint8

// The actions.
const (
	Restrict Action = 0 // the parent stays as it is
	Cascade  Action = 1
	SetNull  Action = 2
)

// String returns the action as SQL names it.
func (a Action) String() string {
	switch a {
	case Cascade:
		return "cascade"
	case SetNull:
		return "set null"
	default:
		return "restrict"
	}
}

// A ForeignKey says that columns have the values of a row of another table, or of the same.
type ForeignKey struct {
	Name          string
	Columns       []uint16
	Parent        uint32 // ID of the table
	ParentColumns []uint16
	OnDelete      Action
	OnUpdate      Action
}

// A Check is an SQL expression that is not false for any row.
type Check struct{ Name, Expr string }

// A Layout says how rows were stored once: which columns there were, those of the primary key left out, in the order
// in which they are stored: those of a fixed width come first.
type Layout struct{ Columns []StoredColumn }

// A StoredColumn is a column of a layout, with the type that it had.
type StoredColumn struct {
	ID   uint16
	Type Type
}

// A Reference is a foreign key that names what it means.
type Reference struct {
	Name               string
	Columns            []string
	Parent             string
	ParentColumns      []string // empty: the primary key of the parent
	OnDelete, OnUpdate Action
}

// A Definition is a schema before ids are given: ID and those of the indexes are 0, and there are no foreign keys.
type Definition struct {
	Table      Table
	References []Reference
}

// Column returns the column of a name, and its place in t.Columns.
func (t *Table) Column(name string) (c *Column, at int, found bool) {
	return t.column(func(c Column) bool { return c.Name == name })
}

// ColumnByID returns the column of an ID, and its place in t.Columns.
func (t *Table) ColumnByID(id uint16) (c *Column, at int, found bool) {
	return t.column(func(c Column) bool { return c.ID == id })
}

func (t *Table) column(is func(Column) bool) (*Column, int, bool) {
	if i := slices.IndexFunc(t.Columns, is); i >= 0 {
		return &t.Columns[i], i, true
	}
	return nil, -1, false
}

// Index returns the index of a name.
func (t *Table) Index(name string) (*Index, bool) {
	if i := slices.IndexFunc(t.Indexes, func(ix Index) bool { return ix.Name == name }); i >= 0 {
		return &t.Indexes[i], true
	}
	return nil, false
}
