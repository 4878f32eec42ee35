package opt

import (
	"math"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// What things cost, in nanoseconds. They were fitted by BenchmarkPlans, which runs queries by forced plans over tables of the
// log-structured levels in memory and shows what each plan was believed to cost beside what it took. What it does not show
// (spilling, restarts) is by reason. Only how costs compare matters for the choice of a plan, and a factor of two between two
// machines does not change much: what decides is the number of rows, whose estimates are wrong by more.
const (
	costScanRow      = 40.0   // of a scan of a table, up to the vector
	costScanColumn   = 12.0   // of each row
	costIndexEntry   = 150.0  // of a scan of an index, up to its values
	costFetch        = 700.0  // a row of an entry of an index, which is looked up
	costFetchNear    = 500.0  // of a row that is near the last one
	costPoint        = 1100.0 // a row by its key
	costSeek         = 5000.0 // to begin a scan anywhere
	costRow          = 3.0    // to pass a row on
	costColumn       = 2.0    // to copy a value
	costKeptRow      = 6.0    // to keep a row, or to read one that was kept
	costHashKey      = 5.0    // a value of a key
	costHashBuild    = 45.0   // to put a row into a hash table
	costHashProbe    = 20.0   // to look one up
	costHashGroup    = 80.0   // to begin a group
	costCompareKey   = 6.0    // a value with that of the row before
	costMergeRow     = 50.0
	costPair         = 2.0   // to look at a pair of rows
	costRestart      = 300.0 // to compute something for another row around it
	costAggregateRow = 5.0   // a row in an aggregate function
	costWindowRow    = 25.0
	costSortCompare  = 9.0
	costFunctionRow  = 15.0
	costSpillByte    = 1.2 // to write and read it
	costMayFail      = 1e6 // no cost, but what puts conditions that may fail behind those that do not

	memoryBytes    = 64 << 20 // before anything is written to files
	groupBytes     = 32.0     // of a row in a hash table, besides its values
	recursiveSteps = 10.0
)

// What expressions cost for each value, in nanoseconds.
const (
	costSimple   = 2.0 // arithmetic and comparison of numbers
	costText     = 12.0
	costCall     = 50.0
	costSubquery = 150.0 // to begin one, besides its plan
)

// evaluation returns what it costs to evaluate expressions for so many rows.
func (p *planner) evaluation(list []*expr.Node, rows float64) float64 {
	total := 0.0
	for _, n := range list {
		perRow, once := p.evaluating(n)
		total += perRow*rows + once
		// What follows sees only the rows that are left. That is true of conditions; for others it is little.
		if n.Type.Kind != 0 && isCondition(n.Op) {
			rows *= 0.5
		}
	}
	return total
}

func isCondition(op expr.Op) bool {
	return op >= expr.OpAnd && op <= expr.OpNotDistinct || op >= expr.OpIsNull && op <= expr.OpILike ||
		op == expr.OpExists || op == expr.OpAny || op == expr.OpAll
}

// evaluating returns what an expression costs for each row, and what it costs once.
func (p *planner) evaluating(n *expr.Node) (perRow, once float64) {
	n.Walk(func(n *expr.Node) bool {
		switch s := n.Sub.(type) {
		case *physical.Subquery:
			e := s.Root.Estimate()
			cost := e.Cost
			if n.Op == expr.OpExists {
				cost = costOf(e, 1)
			}
			if len(s.Depends) == 0 {
				perRow, once = perRow+costSimple, once+cost
				if n.Op == expr.OpAny || n.Op == expr.OpAll {
					perRow += e.Rows * costSimple
				}
			} else {
				perRow += cost + costSubquery
			}
			return true
		case *plan.Subquery:
			perRow += costSubquery
			return true
		}
		perRow += costOp(n)
		return true
	})
	return perRow, once
}

// costOp returns what a node of an expression costs, without those below it.
func costOp(n *expr.Node) float64 {
	switch n.Op {
	case expr.OpConstant, expr.OpColumn, expr.OpParameter:
		return 0.5
	case expr.OpLike, expr.OpILike, expr.OpCall, expr.OpExtract, expr.OpConcat:
		return costCall
	case expr.OpCast, expr.OpCase:
		return costText
	case expr.OpIn:
		return costSimple * math.Sqrt(float64(len(n.Args)))
	default:
		if len(n.Args) > 0 && n.Args[0].Type.Kind >= 5 { // text and such
			return costText
		}
		return costSimple
	}
}

// costSort returns the cost of sorting rows of which so many are kept.
func costSort(rows, kept float64, keys int, width float64) float64 {
	if rows < 2 {
		return costRow
	}
	compare := costSortCompare * (1 + 0.3*float64(keys-1))
	cost := rows * compare * math.Log2(max(2, min(rows, 2*kept)))
	if kept >= rows {
		cost += rows * costKeptRow
		if bytes := rows * (width + groupBytes); bytes > memoryBytes {
			cost += bytes * costSpillByte
		}
	}
	return cost
}

// spilling returns the cost of writing what does not fit into memory.
func (p *planner) spilling(rows, width float64) float64 {
	if bytes := rows * width; bytes > memoryBytes {
		return bytes * costSpillByte
	}
	return 0
}

// hashAccess returns the cost of looking up a row among so many: the more there are, the farther they are from the
// processor.
func hashAccess(rows float64) float64 {
	switch {
	case rows > 1e6:
		return 4 * costHashProbe
	case rows > 2e4:
		return 2 * costHashProbe
	default:
		return costHashProbe
	}
}

// costOutput returns the cost of putting a row together.
func (p *planner) costOutput(h *physical.Header) float64 {
	return costRow + costColumn*float64(len(h.Output))
}
