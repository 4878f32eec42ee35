// Package expr is what expressions of SQL mean. [Bind] looks the names of a tree up, gives everything a type, and returns
// a [Program], whose Eval computes a value of a row.
//
// # Types
//
// The rules are PostgreSQL's, but for what is said here. A BIGINT and a DECIMAL make a DECIMAL, and a DOUBLE PRECISION
// with either makes one. Text in quotes and NULL take the type that is wanted where they stand, and so do parameters.
// Whole numbers divide to whole numbers, towards zero. What does not fit is an error, and so is a division by zero.
// AND, OR and NOT know three values; other operators and functions are NULL if an operand is, unless it is said
// otherwise.
//
// DECIMAL results are exact and have at most 18 digits; zeros at the end of a fraction make room if they must. A
// quotient has as many places as the longer operand, or six, or as many as there is room for, and is rounded half away
// from zero. POWER and SQRT are always DOUBLE PRECISION; ABS, SIGN, FLOOR, CEIL and ROUND of a BIGINT are BIGINT.
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
