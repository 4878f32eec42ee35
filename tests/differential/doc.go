// Package differential makes random tables and random queries over them, and makes queries smaller that answer wrongly. Its
// tests compare middb with itself: under every forced plan, with indexes of every kind and none, and with the parts into
// which a condition cuts a query (ternary logic partitioning, Rigger and Su, OOPSLA 2020). bench/differential compares it
// with SQLite and PostgreSQL.
//
// The queries are of that part of SQL that all three understand in the same way: integers, texts and fractions that
// binary numbers have exactly, no overflow, no division, and an order of NULLs that is always said.
package differential
