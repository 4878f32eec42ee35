// Command tables measures tables with two secondary indexes beside go.etcd.io/bbolt, whose user keeps the same indexes by
// hand, and SQLite (modernc.org/sqlite, which is SQLite in Go).
//
//	cd bench && go run ./tables
//
// A row has a number that counts up and is the primary key, two random numbers, which are indexed, and a name of 45
// bytes. Rows are inserted into an empty database on disk, 1,000 in a transaction or all in one; the time is that until the
// database is closed. No transaction waits for the disk: middb with NoSync, bbolt with NoSync and NoFreelistSync, SQLite
// with journal_mode=WAL and synchronous=NORMAL. What is read, by an index or in order, is read from that database after it
// was opened again, with the file in the cache of the system.
//
// The rounds of all alternate, and each row of the report gives the median of its rounds, in nanoseconds a row, and the
// ratio of the peer's to middb's with its least and greatest value: above 1 middb is faster.
package main
