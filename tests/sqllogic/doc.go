// Package sqllogic runs files of sqllogictest, SQLite's corpus of queries with their answers
// (https://www.sqlite.org/sqllogictest), against middb. The command in slt does the same for files that are given to it.
//
// middb answers as PostgreSQL does where databases differ. Rules:
//
//   - Records for one database only ("onlyif") are run if that is PostgreSQL.
//   - "skipif postgresql" is obeyed where its note speaks of GROUP BY, which is strict in middb too. Most of the others
//     speak of a missing AS, which PostgreSQL and middb have long taken.
//   - What middb refuses on purpose, and says so with its SQLSTATE, counts as skipped and not as passed: see differences.go.
//   - A query is right if its values are, printed as the types of the record say: I as an integer, a number with a fraction
//     cut off; R with three digits behind the point; T as text, with @ for what cannot be printed.
//
// Each file has a database of its own, in memory. A plan is a list of settings that forces the planner to compute queries
// in one way: all plans must give the same answers.
package sqllogic
