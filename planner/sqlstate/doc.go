// Package sqlstate is the errors of SQL: each has a code of the standard (SQLSTATE, as PostgreSQL gives them), a message,
// the place in the text that it is about, and a hint where one helps.
//
// [Error.Error] is one line, for logs. [Error.Detail] shows the place, for people:
//
//	LINE 1: price > 'cheap'
//	                ^
//	HINT:  ...
//
// A program that wants to know what went wrong compares codes with errors.Is: a [Code] is an error too, and matches every
// Error that has it. It is called by all of planner and by whoever runs SQL.
package sqlstate
