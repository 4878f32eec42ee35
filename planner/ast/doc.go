// Package ast is the trees that SQL is read into: for now its expressions.
//
// A tree says what was written and nothing about what it means: names are not looked up, and nothing is computed. Every
// node knows where it was in the text. String returns SQL, with no more parentheses than are needed or help to read,
// that parser reads into the same tree, apart from places.
//
// Nodes do not change once they are made. The parser makes them; planner reads them.
package ast
