// Package opt decides how a query is computed. [Rewrite] applies rules that change what is computed without changing the
// result: conditions go down, subqueries become joins, joins get an order. [Physical] then chooses an algorithm for each
// operator and an access path for each table. [Optimize] is both, and [Explain] shows what came out.
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
