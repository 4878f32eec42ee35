// Package collection keeps Go structs in a table. The tags of the struct say what the table is:
//
//	type User struct {
//		ID      int64 `db:"id,primarykey,identity"`
//		Email   string `db:"email,unique,type=VARCHAR(100)"`
//		Age     int `db:"age,index=by_age,check=age >= 0,default=18"`
//		Manager *int64 `db:",references=users,ondelete=set null"`
//		Secret  string `db:"-"`
//	}
//
// Open makes the table if it is not there, and otherwise checks that it fits. It is thin: rows, indexes, constraints and
// transactions are those of package engine, and so are the errors, such as engine.ErrRowNotFound and engine.ErrUnique.
//
// # Fields
//
// A tag begins with the name of the column; without one, that is the field's name in snake case. Unexported fields and those
// with the tag "-" are left out. The fields of an embedded struct count as fields of the outer one.
//
//	Go                                        column         also, with type=
//	int, int8 ... int64, uint ... uint64      BIGINT
//	float32, float64                          DOUBLE PRECISION
//	bool                                      BOOLEAN
//	string                                    TEXT           VARCHAR(n), DECIMAL(p,s), DATE, TIMESTAMPTZ, UUID, JSON
//	[]byte                                    BYTEA          JSON
//	time.Time                                 TIMESTAMPTZ    DATE
//	[16]byte                                  UUID
//	json.RawMessage                           JSON
//	encoding.TextMarshaler and -Unmarshaler   TEXT           as for string
//
// Types that have one of these below them are like it. A pointer is NULL if it is nil, and so are []byte and json.RawMessage;
// columns of all other fields are NOT NULL.
//
// # Options
//
// They follow the name, separated by commas; those between parentheses or quotes separate nothing.
//
//	primarykey             the column is one of the primary key, in the order of the fields; there must be one
//	identity               0 stands for the next number of the table
//	notnull                NULL is refused, in a column that would allow it
//	type=SQL               the type of the column
//	default=SQL            what the zero value of the field stands for in Insert; use a pointer to tell 0 from nothing
//	check=SQL              a condition that is not false for any row
//	unique, unique=NAME    no two rows have the same value, or values in all fields with that name
//	index, index=NAME      an index over the field, or over all fields with that name in their order
//	using=lsm              the index before it is kept in the log-structured levels, for values of over 1000 bytes
//	references=TABLE       a foreign key to the primary key of a table, or with TABLE(COLUMN) to a unique column
//	ondelete=ACTION        what happens to the row when that one is deleted: restrict, cascade or set null
//
// NAME may be followed by DESC, and by NULLS FIRST or NULLS LAST: index=by_age DESC.
//
// # Tables that are there
//
// What the tags say must be so in the table; it may have more, as long as rows can be inserted without it. Open adds columns
// that are missing, if they may be NULL or have a default, and indexes. All else that differs is a *MismatchError.
package collection
