package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var pushLimits = &Rule{
	Name: "push-limits",
	Doc: "A LIMIT goes below projections. Of the parts of a UNION ALL, and of the left side of a left join that gives each of " +
		"its rows once, no more rows are made than it can need; with an order too, if that is the left side's.",
	when: hasLimit,
	apply: func(_ *context, n plan.Node) plan.Node {
		return limited(n)
	},
}

// limited pushes limits down from the top.
func limited(n plan.Node) plan.Node {
	for {
		l, ok := n.(*plan.Limit)
		if !ok || l.Ties {
			break
		}
		p, ok := l.Input.(*plan.Project)
		if !ok {
			n = limitedInput(l)
			break
		}
		c := *l
		c.Input = p.Input
		n = &plan.Project{Input: limited(&c), Items: p.Items}
	}
	return mapInputs(n, limited)
}

// limitedInput limits what is below the input of a limit, which stays.
func limitedInput(l *plan.Limit) plan.Node {
	most := mostRows(l)
	if most == nil {
		return l
	}
	in := l.Input
	sort, sorted := in.(*plan.Sort)
	if sorted {
		in = sort.Input
	}
	switch n := in.(type) {
	case *plan.SetOperation:
		if n.Kind != plan.Union || !n.All || sorted {
			return l
		}
		left, right := limitTo(n.Left, most, nil), limitTo(n.Right, most, nil)
		if left == n.Left && right == n.Right {
			return l
		}
		return l.With([]plan.Node{n.With([]plan.Node{left, right})})
	case *plan.Join:
		right := produced(n.Right)
		if n.Kind != plan.LeftJoin && n.Kind != plan.MarkJoin || n.Lateral || anyVolatile(n.On) {
			return l
		}
		if n.Kind == plan.LeftJoin && !n.Single && !partnersUnique(n, right) {
			return l
		}
		var keys []plan.Key
		if sorted {
			keys = sort.Keys
			left := produced(n.Left)
			for _, k := range keys {
				if !left.has(k.Column) {
					return l
				}
			}
		}
		left := limitTo(n.Left, most, keys)
		if left == n.Left {
			return l
		}
		made := n.With([]plan.Node{left, n.Right})
		if sorted {
			made = &plan.Sort{Input: made, Keys: sort.Keys}
		}
		return l.With([]plan.Node{made})
	default:
		return l
	}
}

// mostRows returns how many rows a limit reads, if that is a constant or a parameter, or nil.
func mostRows(l *plan.Limit) *expr.Node {
	switch {
	case l.Count == nil:
		return nil
	case l.Offset == nil && (l.Count.Op == expr.OpConstant || l.Count.Op == expr.OpParameter):
		return l.Count
	case l.Offset == nil || l.Count.Op != expr.OpConstant || l.Offset.Op != expr.OpConstant:
		return nil
	}
	count, offset := l.Count.Value, l.Offset.Value
	if count.Kind() != catalog.Int64 || offset.Kind() != catalog.Int64 || count.AsInt() < 0 || offset.AsInt() < 0 {
		return nil
	}
	if sum := count.AsInt() + offset.AsInt(); sum >= 0 {
		return expr.Constant(catalog.Int(sum), l.Count.Type)
	}
	return nil
}

// limitTo returns the node with a limit, sorted if there are keys, or the node if it has one already or gives one row.
func limitTo(n plan.Node, most *expr.Node, keys []plan.Key) plan.Node {
	if isLimited(n) || single(n) {
		return n
	}
	if len(keys) > 0 {
		n = &plan.Sort{Input: n, Keys: keys}
	}
	return &plan.Limit{Input: n, Count: most}
}

func isLimited(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Limit:
		return true
	case *plan.Project:
		return isLimited(n.Input)
	case *plan.Join:
		return n.Kind == plan.LeftJoin && isLimited(n.Left)
	default:
		return false
	}
}
