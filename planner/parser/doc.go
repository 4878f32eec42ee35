// Package parser reads SQL, in PostgreSQL's dialect, into the trees of ast.
//
// [Statement] reads one statement, [Program] several with semicolons between them, [Expression] an expression. [Split] cuts a
// text into its statements without reading them, and says whether the last one has ended: a shell asks it whether more
// lines are to come.
//
// A [lexer] makes tokens of bytes, one at a time and without copying what need not change. A Pratt parser makes trees of
// tokens: what a token means behind an expression is decided by how tightly it binds ("Top Down Operator Precedence",
// 1973), so that one function has all the grammar of operators. Statements are read by recursive descent, a file for each
// kind of them, and call it where they have expressions.
//
// Names fold to lower case unless they are quoted; only ASCII does. Differences from PostgreSQL: X'..' are bytes and not
// bits; a number with an exponent is DOUBLE PRECISION and not NUMERIC; parameters are $1 or, counted by themselves, ?,
// which between two expressions is the operator of JSON. docs/decisions/0042 has those of statements.
//
// Errors are [*sqlstate.Error] with text and place. Nothing that is given to the parser makes it panic or overflow the
// stack: how deep trees can be is limited.
package parser
