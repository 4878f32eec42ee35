// Package expr is what expressions of SQL mean. [Bind] looks the names of a tree up, gives everything a type, and returns
// a [Program], whose Eval computes a value of a row. It is called by relation, for what is stored with tables, and by all of planner.
//
// # Types
//
// The rules are PostgreSQL's, but for what is said here. A BIGINT and a DECIMAL make a DECIMAL, and a DOUBLE PRECISION
// with either makes one. Text in quotes and NULL take the type that is wanted where they stand, and so do parameters.
// Whole numbers divide to whole numbers, towards zero. What does not fit is an error, and so is a division by zero.
// AND, OR and NOT know three values; other operators and functions are NULL if an operand is, unless it is said
// otherwise.
//
// DECIMAL results have at most 18 digits. They are exact if these suffice; zeros at the end of a fraction make room if
// they must. Else they are rounded half away from zero to as many places as there is room for, and it is an error if
// those are fewer than six. A quotient has as many places as PostgreSQL gives it, so that at least 16 digits count, or
// as there is room for. POWER, SQRT, logarithms and the like are always DOUBLE PRECISION; ABS, SIGN, FLOOR, CEIL and
// ROUND of a BIGINT are BIGINT.
//
// There is one type of timestamps, which has no zone of its own: DATE with an INTERVAL is TIMESTAMPTZ, and times are
// printed and taken apart in UTC. A constant of it at midnight that is compared with dates only is a DATE. JSONB is JSON,
// which keeps its text and cannot be compared. Regular expressions are Go's.
//
// # Nodes
//
// A [Binder] makes a [Node] of each tree, for queries with the help of a [Resolver]. Nodes do not change, and planners
// rebuild them with Map, Substitute and Fold; [Compile] makes a program of one for the place that each column has in a
// row, and [NewKernel] one that works on batches.
//
// # Errors
//
// All errors are [*sqlstate.Error] with a place in the text. What is wrong with types, names and text in quotes is found
// by Bind. What goes wrong with numbers is found by Eval, also where they are constants: only then is it known whether
// CASE or AND ever come there.
//
// Programs do not change and can be run by many goroutines at a time. The clock and the source of chance are given to
// Eval.
package expr
