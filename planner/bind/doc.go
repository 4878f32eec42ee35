// Package bind is what statements mean: it looks the names of a tree up, gives everything a type, and makes plans of
// package plan. [Query] binds what gives rows; [Insert], [Update] and [Delete] what writes them.
//
// The rules are PostgreSQL's, with expressions as package expr has them. What differs is in docs/decisions/0045.
//
// A plan says what was written and is not made faster, with two exceptions that cost nothing: a query of a WITH that is
// read once takes the place of its name, unless it is MATERIALIZED, recursive or volatile; and expressions that are equal
// are computed once where they sort, group or partition.
//
// All errors are [*sqlstate.Error] with the place in the text and, where a name was not found, the nearest one. What is
// bound is limited, so that neither views of views nor queries within queries need much time or stack.
//
// Functions are safe for concurrent use if the Catalog is. Nothing is kept between calls. Session calls them.
package bind
