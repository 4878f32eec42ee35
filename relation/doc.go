// Package relation is what typed tables do on top of a key-value transaction: rows, secondary indexes, constraints, changes of
// schemas, the building of indexes beside writers, and verification.
//
// It knows storage through the interfaces [Txn] and [Database] only, starts no goroutine and touches no file. A [Catalog] is
// what a process keeps of a database: decoded schemas and reserved numbers. [Catalog.Tables] binds it to a transaction; from
// there come [Table], which reads and writes rows, all that changes schemas, and [Tables.Storage], by which queries read rows in
// batches. Views, sequences and statistics are kept beside the tables; see [Tables.PutObject].
//
// It promises:
//
//   - Constraints hold in every state that is committed, under snapshot isolation and serializable alike, whatever runs beside:
//     what the check of a constraint has read, the transaction depends on.
//   - Every index that is Ready equals the projection of its table.
//   - A statement, which is a call of a method that writes or of [Tables.Statement], that fails leaves nothing of itself.
//   - A number of an identity column, or a hidden row id, is given once. There may be gaps.
//   - Schemas, like rows, are read at the moment of the transaction; who writes a row conflicts with who changes the schema. They are
//     remembered from one transaction to the next; see [Tables.Epoch].
//
// # What is stored
//
// Rows are in Space{ID: id of the table}, entries of an index in Space{ID: id of the index, Tree: unless USING lsm}, as package
// catalog encodes them. The catalog is in Space{ID: CatalogSpace}; numbers in keys and values are big-endian:
//
//	name/<name>          id of the table (4 bytes)
//	table/<id>           its schema, encoded by package catalog
//	next-id              the next id of a table or an index (4 bytes)
//	sequence/<id>        the next number that is not reserved (8 bytes); 1 if there is none
//	references/<id>      ids of the tables with a foreign key to this one (4 bytes each)
//	rows/<id>            about how many rows the table has (8 bytes)
//	statistics/<id>      what somebody has found out about its rows; see Tables.PutStatistics
//	object/<kind>/<name> what else has a name, such as a view: its value is that of who keeps it; see Tables.PutObject
//
// The value of object/sequence/<name> is the id under which its numbers are reserved (4 bytes), its start, increment, least
// and greatest number (8 bytes each), and 1 if it may begin again at the end, else 0. Of its numbers, those at places in
// the order of their giving are reserved, counted from 1.
//
// Ids begin with CatalogSpace+1 and are never used again.
//
// A [Catalog] may be used by any number of goroutines; [Tables] and all that come from it by one at a time, the one that has
// the transaction.
package relation
