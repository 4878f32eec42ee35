// Package catalog is what a table is: the types of SQL, values, schemas, and how rows and keys are stored.
//
// A [Value] is one SQL value, and a row a slice of them in the order of the columns of a [Table], which is the schema. It
// is made by a [Builder], or read by [DecodeTable], and does not change: methods such as [Table.AddColumn] return the next
// version of it. Rows that are stored need not change with it: a row says in which [Layout] it is, and a [RowDecoder]
// reads all layouts that there were. A [VectorDecoder] does the same for many rows at once, into the columns of a [Batch], and an
// [EntryDecoder] for entries of an index.
//
// The package does no input and output, and runs no SQL: defaults and checks are text for it. Schemas and values may be
// used by many goroutines at once. Bytes that are damaged give an error, [ErrDamaged], and never a panic.
//
// It is called by planner, relation and engine.
//
// # Format of a row
//
// What is stored of a row are its columns without those of the primary key, in the order of its layout: first those of a
// fixed width, then text, bytes and JSON. Numbers are little-endian; a uvarint is as of encoding/binary, and as short as
// it can be.
//
//	head    uvarint: number of the layout << 2 | w
//	bitmap  1 bit for each column, the first one in the lowest bit of the first byte: 1 is NULL; the bits that are left
//	        are 0
//	slots   of the columns of a fixed width, also of those that are NULL, where they are 0:
//	          BIGINT            8 bytes: the number
//	          DOUBLE PRECISION  8 bytes: IEEE 754
//	          DECIMAL(p,s)      8 bytes: the number of units of 10^-s
//	          BOOLEAN           8 bytes: 0 or 1
//	          DATE              8 bytes: days since 1970-01-01
//	          TIMESTAMPTZ       8 bytes: microseconds since 1970-01-01 00:00 UTC
//	          UUID              16 bytes
//	ends    of each of the other columns, 1 << w bytes: where it ends in the text; w is from 0 to 2, the least that does,
//	        and 0 if there are no such columns
//	text    the bytes of the other columns, one after the other; the last one ends where the row does
//
// A row of the columns name TEXT, age BIGINT and note TEXT behind a primary key, with the values 'Ada', 36 and NULL, in
// layout 0 (age, name, note):
//
//	00                        layout 0, ends of 1 byte
//	04                        the third column is NULL
//	24 00 00 00 00 00 00 00   age: 36
//	03 03                     name ends at 3, and so does note
//	41 64 61                  Ada
//
// # Format of keys
//
// Keys are tuples of package key. BIGINT, DECIMAL, DATE and TIMESTAMPTZ are integers there, UUID has a fixed length, and
// text and bytes are strings; there is no JSON in keys. The key of a row is the tuple of its primary key, or the row id as
// an integer. An entry of an index has the tuple of the columns of the index, and
//
//	in an index that is not unique  then the primary key of the row; the value is empty
//	in a unique index               nothing; the value is the primary key
//	there, if something is NULL     then the primary key; the value is the primary key
//
// The entry of an index on (name, age DESC NULLS FIRST) for the row above, whose primary key is the integer 7:
//
//	80 41 64 61 00 01         Ada
//	7e db                     36, inverted
//	81 07                     the primary key
//
// # Format of a schema
//
//	u8       1: the version of the format
//	uvarint  id
//	text     name
//	uvarint  version of the schema
//	uvarint  id of the next new column
//	list     columns:       uvarint id, text name, type, u8 flags, text default, value that old rows have;
//	                        flags: bit 0 NOT NULL, bits 1 and 2 identity: 0 none, 1 always, 2 by default
//	list     primary key:   index columns
//	list     indexes:       uvarint id, text name, u8 unique: 0 or 1, u8 method: 0 btree, 1 lsm, u8 state: 0 building,
//	                        1 ready, list of index columns
//	list     foreign keys:  text name, uvarint id of the parent, u8 on delete, u8 on update: 0 restrict, 1 cascade, 2 set
//	                        null, list of ids, list of ids in the parent
//	list     checks:        text name, text expression
//	list     layouts:       list of stored columns: uvarint id, type
//
//	list          uvarint: how many; and so many elements
//	text          uvarint: how many bytes; and those
//	kind          u8: 1 BIGINT, 2 DOUBLE PRECISION, 3 DECIMAL, 4 BOOLEAN, 5 TEXT, 6 BYTEA, 7 DATE, 8 TIMESTAMPTZ, 9 UUID,
//	              10 JSON
//	type          kind; DECIMAL: u8 precision, u8 scale; TEXT: uvarint length, 0 if any
//	value         kind, or 0 for NULL; text, bytes, JSON and UUID: as text; DECIMAL: u8 scale, 8 bytes; else 8 bytes
//	index column  uvarint id, u8: bit 0 descending, bit 1 NULLs first
//
// Every schema has one encoding: numbers that could be shorter, flags that mean nothing and bytes behind the end are
// damage, and so is a schema that [Table.Validate] refuses. A reader refuses other versions of the format.
//
// The table of the row above, u (id BIGINT PRIMARY KEY, name TEXT, age BIGINT, note TEXT) with the id 5:
//
//	01 05 01 75 01 05         version of the format, id, name, version, next column
//	04                        columns:
//	01 02 69 64 01 01 00 00   1, id, BIGINT, NOT NULL, no default, NULL in old rows
//	02 04 6e 61 6d 65 05 00 00 00 00
//	03 03 61 67 65 01 00 00 00
//	04 04 6e 6f 74 65 05 00 00 00 00
//	01 01 00                  primary key: id, ascending, NULLs last
//	00 00 00                  no indexes, foreign keys, checks
//	01 03                     one layout, of three columns:
//	03 01 02 05 00 04 05 00   age BIGINT, name TEXT, note TEXT
package catalog
