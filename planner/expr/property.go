package expr

import "github.com/middb/middb/catalog"

// MayFail reports whether evaluation can give an error. Then the node must not be evaluated for more rows than SQL would.
func (n *Node) MayFail() bool {
	for _, x := range n.Args {
		if x.MayFail() {
			return true
		}
	}
	switch n.Op {
	case OpAdd, OpSubtract, OpMultiply, OpDivide, OpModulo, OpSubquery, OpExists, OpAny, OpAll:
		return true
	case OpNegate:
		return n.Type.Kind == catalog.Int64
	case OpLike, OpILike:
		return constantsOf(n.Args[1:]) == nil
	case OpCast:
		return castMayFail(n)
	case OpCall:
		return !safe[n.Name]
	default:
		return false
	}
}

// castMayFail reports whether a conversion can give an error.
func castMayFail(n *Node) bool {
	from, to := n.Args[0].Type.Kind, n.Type.Kind
	switch to {
	case catalog.String:
		return n.Type.Length > 0 && n.Name == assignment
	case catalog.Float64:
		return !numeric(from)
	case catalog.Bool:
		return from != catalog.Bool && from != catalog.Int64
	case catalog.Int64:
		return from != catalog.Bool && from != catalog.Decimal
	case catalog.Date, catalog.Timestamp:
		return !moment(from)
	default:
		return true
	}
}

// RejectsNulls reports whether a condition is certainly not true for rows in which all these columns are NULL.
func RejectsNulls(n *Node, of map[ColumnID]bool) bool { return neverTrue(n, of) }

// neverTrue reports whether a condition is certainly false or NULL if the columns are NULL.
func neverTrue(n *Node, of map[ColumnID]bool) bool {
	switch n.Op {
	case OpConstant:
		return !n.Value.AsBool()
	case OpAnd:
		return some(n.Args, of, neverTrue)
	case OpOr, OpCoalesce:
		return every(n.Args, of, neverTrue)
	case OpCase:
		return every(results(n), of, neverTrue)
	case OpNot:
		return neverFalse(n.Args[0], of)
	case OpIsNull:
		return n.Not && alwaysNull(n.Args[0], of)
	case OpIsTrue:
		return !n.Not && neverTrue(n.Args[0], of)
	case OpIsFalse:
		return !n.Not && neverFalse(n.Args[0], of)
	case OpAny:
		return !n.Not && some(n.Args, of, alwaysNull)
	default:
		return alwaysNull(n, of)
	}
}

// neverFalse reports whether a condition is certainly true or NULL if the columns are NULL.
func neverFalse(n *Node, of map[ColumnID]bool) bool {
	switch n.Op {
	case OpConstant:
		return n.Value.IsNull() || n.Value.AsBool()
	case OpOr:
		return some(n.Args, of, neverFalse)
	case OpAnd, OpCoalesce:
		return every(n.Args, of, neverFalse)
	case OpCase:
		return every(results(n), of, neverFalse)
	case OpNot:
		return neverTrue(n.Args[0], of)
	case OpIsNull:
		return !n.Not && alwaysNull(n.Args[0], of)
	case OpIsTrue:
		return n.Not && neverTrue(n.Args[0], of)
	case OpIsFalse:
		return n.Not && neverFalse(n.Args[0], of)
	case OpAny:
		return n.Not && some(n.Args, of, alwaysNull)
	default:
		return alwaysNull(n, of)
	}
}

// alwaysNull reports whether an expression is certainly NULL if the columns are.
func alwaysNull(n *Node, of map[ColumnID]bool) bool {
	switch n.Op {
	case OpConstant:
		return n.Value.IsNull()
	case OpColumn:
		return of[n.Column]
	case OpNot, OpEqual, OpNotEqual, OpLess, OpLessEqual, OpGreater, OpGreaterEqual, OpAdd, OpSubtract, OpMultiply,
		OpDivide, OpModulo, OpNegate, OpLike, OpILike, OpConcat, OpCast, OpExtract:
		return some(n.Args, of, alwaysNull)
	case OpBetween, OpIn:
		return alwaysNull(n.Args[0], of)
	case OpAnd, OpOr, OpCoalesce:
		return every(n.Args, of, alwaysNull)
	case OpCase:
		return every(results(n), of, alwaysNull)
	case OpCall:
		return !takesNull[n.Name] && some(n.Args, of, alwaysNull)
	default:
		return false
	}
}

// results returns what a CASE can be.
func results(n *Node) []*Node {
	var all []*Node
	for i := 1; i < len(n.Args); i += 2 {
		all = append(all, n.Args[i])
	}
	return append(all, n.Args[len(n.Args)-1])
}

func some(list []*Node, of map[ColumnID]bool, is func(*Node, map[ColumnID]bool) bool) bool {
	for _, x := range list {
		if is(x, of) {
			return true
		}
	}
	return false
}

func every(list []*Node, of map[ColumnID]bool, is func(*Node, map[ColumnID]bool) bool) bool {
	for _, x := range list {
		if !is(x, of) {
			return false
		}
	}
	return true
}
