// Package differential compares answers of middb with those of SQLite (modernc.org/sqlite) and PostgreSQL to random queries,
// which package tests/differential makes. It has tests only.
//
// PostgreSQL is asked if MIDDB_POSTGRES is set, to a URL such as postgres:///postgres?host=/tmp, of a database in which
// schemas can be made and dropped. MIDDB_NIGHTLY=1 asks 100,000 queries, MIDDB_QUERIES=n asks n.
package differential
