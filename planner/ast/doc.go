// Package ast is the trees that SQL is read into: its statements, queries and expressions.
//
// A tree says what was written and nothing about what it means: names are not looked up, and nothing is computed. Every
// node knows where it was in the text. String returns SQL, with no more parentheses than are needed or help to read,
// that parser reads into the same tree, apart from places.
//
// Spellings that mean the same are one tree: SERIAL is an identity, FETCH FIRST is LIMIT, != is <>.
//
// Nodes do not change once they are made. The parser makes them; planner reads them.
package ast
