// Command sql measures SQL through database/sql beside SQLite: github.com/mattn/go-sqlite3, which is SQLite in C, and
// modernc.org/sqlite, which is the same in Go.
//
//	cd bench && go run ./sql
//
// All three have the same table on disk, of a million rows by default: a number that counts up and is the primary key, the
// group of the row (a thousand of them), a random number, a foreign key to a table of a hundredth as many rows, a
// DOUBLE PRECISION and a name. SQLite runs with journal_mode=WAL and synchronous=NORMAL, middb with NoSync: no commit waits for the disk. SQLite has
// a cache of 256 MiB, middb its default memory budget; the tables were analyzed, compacted (SQLite: VACUUM) and are in
// memory, of the system or their own. Queries are measured before statements that write.
//
// Every query reads all rows of its result into variables. The rounds of all alternate, and each row of the report gives
// the median of its rounds, for one operation, and the ratio of the peer's to middb's with its least and greatest value:
// above 1 middb is faster.
package main
