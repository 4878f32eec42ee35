// Package session is SQL as its users have it: a [Session] is one connection, which runs statements, has a transaction
// under way or none, and settings. It puts together what packages of planner and relation do: the parser reads a statement,
// bind gives it its meaning, opt plans it, exec runs it, and relation has the tables.
//
// It promises:
//
//   - A statement is done whole or not at all. Outside of a transaction it is one of its own, and is run again after a
//     conflict with another one; in a transaction an error leaves nothing of it, and the transaction takes no more
//     statements until it is rolled back, perhaps to a savepoint.
//   - All errors are a *sqlstate.Error, with the code that PostgreSQL gives and the text of the statement.
//   - A statement that writes reads all rows before it writes the first one: it does not see its own writes.
//   - Plans are kept by their text, for all sessions of a database ([Shared]), and used only as long as everything that
//     they were made of is as it was: schemas, views, statistics and the settings of the planner.
//
// It knows the database through the interface [Database] only, starts no goroutine and touches no file but where the
// owner of a session has allowed it. Package engine implements Database and hands sessions to programs; package driver makes
// them connections of database/sql. A Session is for one goroutine at a time, Shared for any number.
package session
