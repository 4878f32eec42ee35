// Package opt decides how a query is computed. [Rewrite] applies rules that change what is computed without changing the
// result: conditions go down, subqueries become joins, joins get an order. [Physical] then chooses an algorithm for each
// operator and an access path for each table. [Optimize] is both, and [Explain] shows what came out.
//
// # Rules
//
// [Rules] lists them, each with what it does; each can be left out by Options.Disabled, and the result of the query stays
// the same. They are applied in three stages. The first makes expressions simple and joins of subqueries, in inner queries
// before outer ones. The second is repeated until nothing changes: it moves conditions to where tables are read, makes
// joins simpler or removes them, and leaves out columns, sorts and duplicates that nobody needs. The third gives joins
// their order, which looks at numbers of rows, and computes what is common to several expressions once.
//
// Conditions of one query have no order among themselves, as in PostgreSQL; but nothing is evaluated that CASE or COALESCE
// would not come to, and what is volatile is neither moved past joins nor computed more or less often. Columns keep their
// ids, wherever they are moved.
//
// # Physical plans
//
// Plans are made from the bottom up. For each operator of the logical plan there is a list of ways to compute it, none of
// which is at least as good as another one in all that matters: what all rows cost, what the first row costs (where the
// query has a LIMIT) and the order in which rows come (as far as something above may want it). The operator above makes its
// own ways of them. So a query of n operators takes time in proportion to n.
//
// Costs are in nanoseconds; cost.go says where the constants are from. Numbers of rows are estimated from what ANALYZE has
// found; where nobody has analyzed a table, from defaults that are PostgreSQL's.
//
// A plan never depends on an estimate for its correctness.
//
// It is called by package session, which keeps plans, and is safe for concurrent use.
package opt
