// Package dbgen makes the eight tables of TPC-H at any scale factor, as the specification describes them (TPC-H, revision
// 3, clause 4.2): the same numbers of rows, keys, distributions and dependencies between columns, so that the 22 queries
// are as selective as they should be. It is not the program of the same name: other random numbers make other rows, and
// the comments are simpler texts.
//
// Every row depends on the scale factor and its number only. Rows are lines with | between the fields.
package dbgen
