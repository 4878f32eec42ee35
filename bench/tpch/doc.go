// Command tpch measures the 22 queries of TPC-H beside SQLite (github.com/mattn/go-sqlite3), through database/sql.
//
//	cd bench && go run ./tpch --scale 0.1
//	cd bench && go run ./tpch --scale 1 --generate /tmp/tpch
//
// The tables are made by package dbgen, and are the same for both, as are the indexes, on foreign keys and dates; both were
// analyzed. SQLite runs with journal_mode=WAL, synchronous=NORMAL and a cache of 256 MiB. What it cannot read of a query,
// such as intervals, is written as it wants it. Both have answered all queries once before they are measured, and their
// answers are compared.
//
// With --generate, the tables are written as files, a row a line, and nothing is measured. The queries and the data are
// derived from TPC-H; results are not comparable with published TPC-H results.
package main
