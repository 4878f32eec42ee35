package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
)

// A restriction is what a condition says of a column: that it is in one of some intervals.
type restriction struct {
	place     int // of the column in the table
	any       []interval
	exact     bool // the condition says nothing else
	condition *expr.Node
}

// An interval is a value, or what is between two of them. Of neither it is everything but NULL.
type interval struct {
	equal                *expr.Node
	lower, upper         *expr.Node
	lowerOpen, upperOpen bool
}

// maxRanges is how many ranges of a key are read at most.
const maxRanges = 4096

// points reports whether the column has one of some values.
func (r *restriction) points() bool {
	return !slices.ContainsFunc(r.any, func(i interval) bool { return i.equal == nil })
}

// restrictionsOf returns what conditions say of single columns.
func (r *reading) restrictionsOf(conditions []*expr.Node) []restriction {
	var all []restriction
	for _, c := range conditions {
		if x, ok := r.restriction(c); ok {
			all = append(all, x)
		}
	}
	return all
}

// restriction returns what a condition says of a column, if that is all that it is about.
func (r *reading) restriction(c *expr.Node) (restriction, bool) {
	x := restriction{condition: c, exact: true}
	ok := false
	switch c.Op {
	case expr.OpEqual, expr.OpLess, expr.OpLessEqual, expr.OpGreater, expr.OpGreaterEqual:
		ok = r.compared(&x, c)
	case expr.OpBetween:
		ok = r.between(&x, c)
	case expr.OpIn:
		ok = !c.Not && r.column(&x, c.Args[0])
		for _, v := range c.Args[1:] {
			ok = ok && r.value(&x, v)
			x.any = append(x.any, interval{equal: v})
		}
	case expr.OpLike:
		ok = r.like(&x, c)
	case expr.OpIsNull:
		ok = c.Not && r.column(&x, c.Args[0])
		x.any = []interval{{}}
	case expr.OpColumn, expr.OpIsTrue, expr.OpIsFalse, expr.OpNot:
		ok = r.truth(&x, c)
	case expr.OpOr:
		ok = r.either(&x, c)
	default:
	}
	return x, ok
}

// column has the restriction be about a column, perhaps converted to a type whose values have the same order.
func (r *reading) column(x *restriction, n *expr.Node) bool {
	if n.Op == expr.OpCast {
		from, to := n.Args[0].Type.Kind, n.Type.Kind
		if (to != catalog.Float64 || !from.Numeric()) && (to != catalog.Timestamp || from != catalog.Date) {
			return false
		}
		n, x.exact = n.Args[0], false
	}
	if n.Op != expr.OpColumn || !r.own[n.Column] {
		return false
	}
	for place, id := range r.ids {
		if id == n.Column {
			x.place = place
			return place >= 0
		}
	}
	return false
}

// value reports whether a value can be a bound for the column: it is known before any row is read.
func (r *reading) value(x *restriction, v *expr.Node) bool {
	if slices.ContainsFunc(v.Columns(), func(c expr.ColumnID) bool { return r.own[c] }) || !stable(v) {
		return false
	}
	t := r.Relation.Table.Columns[x.place].Type
	switch {
	case t.Kind == catalog.JSON:
		return false
	case t.Kind == v.Type.Kind:
		if t.Kind == catalog.String && t.Length > 0 {
			x.exact = false
		}
	case t.Kind.Numeric() && v.Type.Kind.Numeric():
		x.exact = x.exact && t.Kind != catalog.Float64 && v.Type.Kind != catalog.Float64
	case t.Kind == catalog.Date && v.Type.Kind == catalog.Timestamp, t.Kind == catalog.Timestamp && v.Type.Kind == catalog.Date:
		x.exact = false
	default:
		return false
	}
	return true
}

// stable reports whether an expression has one value in all of a statement.
func stable(n *expr.Node) bool {
	if !n.Volatile {
		return true
	}
	switch {
	case n.Sub != nil:
		return false
	case len(n.Args) == 0:
		return n.Op == expr.OpCall && slices.Contains(timeFunctions, n.Name)
	default:
		return !slices.ContainsFunc(n.Args, func(a *expr.Node) bool { return !stable(a) })
	}
}

// timeFunctions depend on the time of the transaction only.
var timeFunctions = []string{"now", "current_timestamp", "transaction_timestamp", "current_date"}

func (r *reading) compared(x *restriction, c *expr.Node) bool {
	left, right, op := c.Args[0], c.Args[1], c.Op
	if !r.column(x, left) || !r.value(x, right) {
		x.exact = true
		left, right, op = right, left, mirrored(op)
		if !r.column(x, left) || !r.value(x, right) {
			return false
		}
	}
	switch op {
	case expr.OpEqual:
		x.any = []interval{{equal: right}}
	case expr.OpLess, expr.OpLessEqual:
		x.any = []interval{{upper: right, upperOpen: op == expr.OpLess}}
	default:
		x.any = []interval{{lower: right, lowerOpen: op == expr.OpGreater}}
	}
	return true
}

func (r *reading) between(x *restriction, c *expr.Node) bool {
	if !r.column(x, c.Args[0]) || !r.value(x, c.Args[1]) || !r.value(x, c.Args[2]) {
		return false
	}
	low, high := c.Args[1], c.Args[2]
	x.any = []interval{{lower: low, upper: high}}
	if c.Not {
		x.any = []interval{{upper: low, upperOpen: true}, {lower: high, lowerOpen: true}}
		// If one of them is NULL, the condition is true on one side of the other; if both intervals overlap, exec sees to it.
	}
	return true
}

// like makes a range of what all texts begin with that are like a pattern.
func (r *reading) like(x *restriction, c *expr.Node) bool {
	pattern := c.Args[1]
	if c.Not || len(c.Args) > 2 || pattern.Op != expr.OpConstant || pattern.Value.Kind() != catalog.String ||
		c.Args[0].Type.Kind != catalog.String || !r.column(x, c.Args[0]) || !r.value(x, pattern) {
		return false
	}
	prefix, whole := likePrefix(pattern.Value.AsString())
	text := func(s string) *expr.Node { return expr.Constant(catalog.Str(s), pattern.Type) }
	if whole {
		x.any = []interval{{equal: text(prefix)}}
		return true
	}
	if prefix == "" {
		return false
	}
	x.exact = x.exact && pattern.Value.AsString() == prefix+"%"
	i := interval{lower: text(prefix)}
	if above, ok := abovePrefix(prefix); ok {
		i.upper, i.upperOpen = text(above), true
	}
	x.any = []interval{i}
	return true
}

// truth has a BOOLEAN column be true or false.
func (r *reading) truth(x *restriction, c *expr.Node) bool {
	wanted := true
	switch {
	case c.Op == expr.OpNot, c.Op == expr.OpIsFalse && !c.Not:
		c, wanted = c.Args[0], false
	case c.Op == expr.OpIsTrue && !c.Not:
		c = c.Args[0]
	case c.Op != expr.OpColumn:
		return false
	}
	x.any = []interval{{equal: expr.Constant(catalog.BoolOf(wanted), catalog.Type{Kind: catalog.Bool})}}
	return c.Op == expr.OpColumn && r.column(x, c)
}

// either joins what all sides of an OR say of one column.
func (r *reading) either(x *restriction, c *expr.Node) bool {
	for i, branch := range c.Args {
		one, ok := r.restriction(branch)
		if !ok && branch.Op == expr.OpAnd {
			one, ok = r.both(branch)
		}
		if !ok || i > 0 && one.place != x.place {
			return false
		}
		x.place, x.exact = one.place, x.exact && one.exact
		x.any = append(x.any, one.any...)
	}
	return len(x.any) <= maxRanges
}

// both returns the range that two conditions make, such as x > 1 AND x < 5.
func (r *reading) both(c *expr.Node) (restriction, bool) {
	if len(c.Args) != 2 {
		return restriction{}, false
	}
	a, ok := r.restriction(c.Args[0])
	b, also := r.restriction(c.Args[1])
	if !ok || !also || a.place != b.place || len(a.any) != 1 || len(b.any) != 1 || !a.any[0].narrow(b.any[0]) {
		return restriction{}, false
	}
	a.exact = a.exact && b.exact
	return a, true
}

// narrow leaves of an interval what is also in another, if a bound of the one and the other of the other make that.
func (i *interval) narrow(j interval) bool {
	switch {
	case i.equal != nil || j.equal != nil:
		return false
	case j.lower == nil && j.upper == nil:
		return true // it says that there is a value, as any bound does
	case i.lower == nil && i.upper == nil:
		*i = j
		return true
	case i.lower == nil && j.upper == nil:
		i.lower, i.lowerOpen = j.lower, j.lowerOpen
		return true
	case i.upper == nil && j.lower == nil:
		i.upper, i.upperOpen = j.upper, j.upperOpen
		return true
	default:
		return false
	}
}

// match finds the ranges of a key that restrictions leave: values of its first columns, and bounds of the one that follows.
func (r *reading) match(a *access) {
	prefixes := [][]*expr.Node{nil}
	for _, k := range a.key {
		_, place, _ := r.Relation.Table.ColumnByID(k.Column)
		x := r.pointsAt(place, maxRanges/len(prefixes))
		if x == nil {
			r.matchBounds(a, place, prefixes)
			return
		}
		longer := make([][]*expr.Node, 0, len(prefixes)*len(x.any))
		for _, prefix := range prefixes {
			for _, i := range x.any {
				longer = append(longer, append(slices.Clone(prefix), i.equal))
			}
		}
		prefixes = longer
		a.points++
		a.use(x)
	}
	r.matchBounds(a, -1, prefixes)
}

// pointsAt returns the restriction of a column to the fewest values, if there is one.
func (r *reading) pointsAt(place, most int) *restriction {
	var best *restriction
	for i := range r.restrictions {
		if x := &r.restrictions[i]; x.place == place && x.points() && len(x.any) <= most && (best == nil || len(x.any) < len(best.any)) {
			best = x
		}
	}
	return best
}

// use notes that the ranges are made of a restriction.
func (a *access) use(x *restriction) {
	a.used = append(a.used, x.condition)
	if x.exact {
		a.implied = append(a.implied, x.condition)
	}
}

// matchBounds makes ranges of prefixes and what restrictions say of the column behind them.
func (r *reading) matchBounds(a *access, place int, prefixes [][]*expr.Node) {
	var merged []interval
	for i := range r.restrictions {
		x := &r.restrictions[i]
		switch {
		case x.place != place || place < 0 || len(x.any) > maxRanges/len(prefixes) || x.points():
		case merged == nil:
			merged = slices.Clone(x.any)
			a.use(x)
		case len(merged) == 1 && len(x.any) == 1 && merged[0].narrow(x.any[0]):
			a.use(x)
		}
	}
	if merged == nil {
		if len(prefixes[0]) == 0 {
			return
		}
		for _, prefix := range prefixes {
			a.ranges = append(a.ranges, physical.Bounds{Prefix: prefix})
		}
		return
	}
	for _, prefix := range prefixes {
		for _, i := range merged {
			b := physical.Bounds{
				Prefix: prefix, Lower: i.lower, Upper: i.upper, LowerExclusive: i.lowerOpen, UpperExclusive: i.upperOpen, NotNull: true,
			}
			if i.equal != nil { // one side of an OR
				b = physical.Bounds{Prefix: append(slices.Clone(prefix), i.equal)}
			}
			a.ranges = append(a.ranges, b)
		}
	}
}

// matchAny finds the ranges that the sides of an OR leave of a key, if each of them leaves some, such as those of
// (x = 1 AND y = 2) OR (x = 3 AND y > 4).
func (p *planner) matchAny(r *reading, a *access) *access {
	for _, c := range r.conditions {
		if c.Op != expr.OpOr || slices.Contains(a.used, c) {
			continue
		}
		whole := access{index: a.index, key: a.key, covering: a.covering, unique: a.unique, used: []*expr.Node{c}}
		points := len(a.key)
		for _, branch := range c.Args {
			part := *r
			part.restrictions = r.restrictionsOf(branch.Conjuncts())
			one := access{key: a.key, unique: a.unique}
			if part.match(&one); one.ranges == nil {
				whole.ranges = nil
				break
			}
			points = min(points, one.points)
			whole.rows += p.rowsOf(&part, &one)
			whole.ranges = append(whole.ranges, one.ranges...)
		}
		if whole.points = points; whole.ranges != nil && len(whole.ranges) <= maxRanges {
			return &whole
		}
	}
	return nil
}
