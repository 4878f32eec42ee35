package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A joining is a Join that is being planned.
type joining struct {
	*plan.Join
	h                         physical.Header
	on                        []*expr.Node // all conditions
	leftKeys, rightKeys       []*expr.Node // of those that say that something of the left is equal to something of the right
	equals                    []*expr.Node // those
	rest                      []*expr.Node // the others
	left, right               []path
	leftColumns, rightColumns []plan.Column
}

// join plans a Join by all methods that can do it.
func (p *planner) join(n *plan.Join) []path {
	j := &joining{Join: n, left: p.paths(n.Left)}
	j.right = p.paths(n.Right)
	j.h = p.header(n)
	j.on = p.conditions(n.On)
	j.leftColumns, j.rightColumns = p.output(n.Left), p.output(n.Right)
	j.split()
	switch n.Kind {
	case plan.LeftJoin:
		p.orders.nullable(j.rightColumns)
	case plan.FullJoin:
		p.orders.nullable(j.leftColumns)
		p.orders.nullable(j.rightColumns)
	case plan.InnerJoin, plan.SemiJoin:
		p.orders.learn(j.on)
	default: // what they give does not satisfy the conditions
	}
	if n.Lateral {
		return p.lateralJoin(j)
	}
	methods := map[JoinMethod]func(*joining) []path{
		HashJoins: p.hashJoin, MergeJoins: p.mergeJoin, NestedLoops: p.nestedLoop, IndexJoins: p.indexJoin,
	}
	if forced := methods[p.o.Join]; forced != nil {
		if all := forced(j); len(all) > 0 {
			return all
		}
	}
	all := p.hashJoin(j)
	all = append(all, p.mergeJoin(j)...)
	all = append(all, p.indexJoin(j)...)
	all = append(all, p.keyedJoin(j)...)
	return append(all, p.nestedLoop(j)...)
}

// split finds the keys among the conditions.
func (j *joining) split() {
	left, right := columnSet(j.leftColumns), columnSet(j.rightColumns)
	for _, c := range j.on {
		l, r, ok := equality(c, left, right)
		if !ok {
			j.rest = append(j.rest, c)
			continue
		}
		j.equals = append(j.equals, c)
		j.leftKeys, j.rightKeys = append(j.leftKeys, l), append(j.rightKeys, r)
	}
}

func columnSet(columns []plan.Column) map[expr.ColumnID]bool {
	set := make(map[expr.ColumnID]bool, len(columns))
	for i := range columns {
		set[columns[i].ID] = true
	}
	return set
}

// equality returns the sides of a condition that says that something of left is equal to something of right.
func equality(c *expr.Node, left, right map[expr.ColumnID]bool) (l, r *expr.Node, ok bool) {
	if c.Op != expr.OpEqual || c.Volatile || hasSubquery(c) {
		return nil, nil, false
	}
	x, y := c.Args[0], c.Args[1]
	switch {
	case ofSide(x, left, right) && ofSide(y, right, left):
		return x, y, true
	case ofSide(x, right, left) && ofSide(y, left, right):
		return y, x, true
	default:
		return nil, nil, false
	}
}

// ofSide reports whether an expression names columns of one side and none of the other.
func ofSide(n *expr.Node, side, other map[expr.ColumnID]bool) bool {
	names := false
	for _, c := range n.Columns() {
		if other[c] {
			return false
		}
		names = names || side[c]
	}
	return names
}

// hashable leaves of the keys those that are of one kind on both sides: BIGINT and DECIMAL are equal, but not to a hash.
func (j *joining) hashable() *joining {
	h := *j
	h.leftKeys, h.rightKeys, h.equals = nil, nil, nil
	for i := range j.leftKeys {
		if j.leftKeys[i].Type.Kind == j.rightKeys[i].Type.Kind {
			h.leftKeys, h.rightKeys = append(h.leftKeys, j.leftKeys[i]), append(h.rightKeys, j.rightKeys[i])
			h.equals = append(h.equals, j.equals[i])
		}
	}
	if len(h.equals) == len(j.equals) {
		return j
	}
	h.rest = slices.Concat(without(j.equals, h.equals), j.rest)
	return &h
}

// hashJoin puts one of the sides into a hash table.
func (p *planner) hashJoin(j *joining) []path {
	j = j.hashable()
	switch {
	case len(j.leftKeys) == 0:
		return nil
	case len(j.rest) > 0 && (j.Kind == plan.NullAntiJoin || j.Kind == plan.MarkJoin):
		return nil // of these the conditions may be NULL, which a hash table does not show
	}
	all := []path{p.oneHashJoin(j, cheapest(j.left), cheapest(j.right), false)}
	if j.Kind != plan.MarkJoin && j.Kind != plan.NullAntiJoin && !j.Single {
		all = append(all, p.oneHashJoin(j, cheapest(j.left), cheapest(j.right), true))
	}
	if p.early { // the rows of the side that is looked up may come early
		probe := firstBest(j.left, 1)
		if probe.Node != cheapest(j.left).Node {
			all = append(all, p.oneHashJoin(j, probe, cheapest(j.right), false))
		}
	}
	return all
}

func (p *planner) oneHashJoin(j *joining, left, right path, buildLeft bool) path {
	h := j.h
	probe, build := left.Estimate(), right.Estimate()
	if buildLeft {
		probe, build = build, probe
	}
	keys := float64(len(j.leftKeys)) * costHashKey
	built := build.Cost + build.Rows*(costHashBuild+keys) + p.evaluation(j.rightKeys, build.Rows) +
		p.spilling(build.Rows, build.Width+groupBytes)
	if build.Rows*(build.Width+groupBytes) > memoryBytes {
		built += probe.Rows * probe.Width * costSpillByte
	}
	candidates := max(h.Est.Rows, p.pairs(j))
	total := built + probe.Cost + probe.Rows*(hashAccess(build.Rows)+keys) + p.evaluation(j.leftKeys, probe.Rows) +
		p.evaluation(j.rest, candidates) + h.Est.Rows*p.costOutput(&h)
	h.Est.Cost = total
	h.Est.First = built + probe.First
	return path{Node: &physical.HashJoin{
		Header: h, Kind: j.Kind, Left: left.Node, Right: right.Node, LeftKeys: j.leftKeys, RightKeys: j.rightKeys,
		On: j.rest, Single: j.Single, BuildLeft: buildLeft,
	}}
}

// pairs returns how many pairs of rows have equal keys.
func (p *planner) pairs(j *joining) float64 {
	if len(j.rest) == 0 {
		return 0
	}
	l, r := p.rows(j.Left), p.rows(j.Right)
	return l * r * p.joinSelectivity(j.Left, j.Right, j.equals)
}

// nestedLoop looks at each pair of rows.
func (p *planner) nestedLoop(j *joining) []path {
	var all []path
	for _, l := range j.left {
		all = append(all, p.oneNestedLoop(j.Kind, j.h, l, cheapest(j.right), j.on, j.Single))
	}
	if j.Kind == plan.InnerJoin {
		h := j.h
		h.Output = slices.Concat(j.rightColumns, j.leftColumns)
		for _, r := range j.right {
			all = append(all, p.oneNestedLoop(j.Kind, h, r, cheapest(j.left), j.on, false))
		}
	}
	return all
}

func (p *planner) oneNestedLoop(kind plan.JoinKind, h physical.Header, left, right path, on []*expr.Node, single bool) path {
	l, r := left.Estimate(), right.Estimate()
	pairs := l.Rows * r.Rows
	if kind.LeftOnly() && kind != plan.MarkJoin {
		pairs *= 0.5 // the first partner decides
	}
	h.Est.First = l.First + r.Cost + r.Rows*costKeptRow
	h.Est.Cost = l.Cost + r.Cost + r.Rows*costKeptRow + pairs*costPair + p.evaluation(on, pairs) + h.Est.Rows*p.costOutput(&h) +
		p.spilling(r.Rows, r.Width)
	return path{&physical.NestedLoopJoin{
		Header: h, Kind: kind, Left: left.Node, Right: right.Node, On: on, Single: single,
	}, keptOrder(kind, left.order)}
}

// keptOrder returns the order of the left side if a join keeps it.
func keptOrder(kind plan.JoinKind, order []plan.Key) []plan.Key {
	if kind == plan.FullJoin {
		return nil
	}
	return order
}

// lateralJoin computes the right side for each row of the left one.
func (p *planner) lateralJoin(j *joining) []path {
	right := cheapest(j.right)
	if j.Kind == plan.SemiJoin || j.Kind == plan.AntiJoin {
		right = firstBest(j.right, 1)
	}
	all := make([]path, 0, len(j.left))
	for _, l := range j.left {
		all = append(all, p.oneLateral(j.Kind, j.h, l, right, j.on, j.Single))
	}
	return all
}

func (p *planner) oneLateral(kind plan.JoinKind, h physical.Header, left, right path, on []*expr.Node, single bool) path {
	l, r := left.Estimate(), right.Estimate()
	each := r.Cost
	if kind == plan.SemiJoin || kind == plan.AntiJoin {
		each = costOf(r, 1)
	}
	h.Est.First = l.First + r.First + costRestart
	h.Est.Cost = l.Cost + l.Rows*(each+costRestart) + l.Rows*r.Rows*costRow + p.evaluation(on, l.Rows*r.Rows) +
		h.Est.Rows*p.costOutput(&h)
	return path{&physical.NestedLoopJoin{
		Header: h, Kind: kind, Left: left.Node, Right: right.Node, On: on, Lateral: true, Single: single,
	}, keptOrder(kind, left.order)}
}

// mergeable reports whether a pair of keys can be sorted: both are columns.
func mergeable(l, r *expr.Node) bool {
	return l.Op == expr.OpColumn && r.Op == expr.OpColumn && l.Type.Kind != catalog.JSON
}

// mergeJoin joins sides that are sorted. It sorts one of them if the other one is, and both if that is wanted.
func (p *planner) mergeJoin(j *joining) []path {
	var pairs []int // of keys
	for i := range j.leftKeys {
		if mergeable(j.leftKeys[i], j.rightKeys[i]) {
			pairs = append(pairs, i)
		}
	}
	if len(pairs) == 0 || j.Kind == plan.NullAntiJoin || j.Kind == plan.MarkJoin {
		return nil
	}
	var all []path
	for _, l := range j.left {
		if sequence := p.sequence(l.order, j.leftKeys, pairs); len(sequence) > 0 {
			all = append(all, p.oneMergeJoin(j, []path{l}, j.right, sequence))
		}
	}
	for _, r := range j.right {
		if sequence := p.sequence(r.order, j.rightKeys, pairs); len(sequence) > 0 {
			all = append(all, p.oneMergeJoin(j, j.left, []path{r}, sequence))
		}
	}
	if p.o.Join == MergeJoins || len(all) == 0 && p.manyRows(j) {
		all = append(all, p.oneMergeJoin(j, j.left, j.right, pairs))
	}
	return all
}

// manyRows reports whether both sides are too large for a hash table in memory.
func (p *planner) manyRows(j *joining) bool {
	l, r := cheapest(j.left).Estimate(), cheapest(j.right).Estimate()
	return min(l.Rows*l.Width, r.Rows*r.Width) > memoryBytes
}

// sequence returns pairs of keys in the order in which a side is sorted by them.
func (p *planner) sequence(order []plan.Key, keys []*expr.Node, pairs []int) []int {
	var sequence []int
	for _, k := range order {
		if p.orders.constant(k.Column) {
			continue
		}
		i := slices.IndexFunc(pairs, func(i int) bool { return p.orders.find(keys[i].Column) == p.orders.find(k.Column) })
		if i < 0 || k.Descending || k.NullsFirst && !p.orders.notNull[k.Column] {
			break
		}
		if !slices.Contains(sequence, pairs[i]) {
			sequence = append(sequence, pairs[i])
		}
	}
	return sequence
}

// oneMergeJoin merges the best of some paths of both sides by pairs of keys.
func (p *planner) oneMergeJoin(j *joining, left, right []path, pairs []int) path {
	m := &physical.MergeJoin{Kind: j.Kind, On: slices.Clone(j.rest), Single: j.Single}
	for _, i := range pairs {
		m.LeftKeys = append(m.LeftKeys, j.leftKeys[i].Column)
		m.RightKeys = append(m.RightKeys, j.rightKeys[i].Column)
	}
	for i, c := range j.equals {
		if !slices.Contains(pairs, i) {
			m.On = append(m.On, c)
		}
	}
	l, r := p.bestSorted(left, keysOf(m.LeftKeys)), p.bestSorted(right, keysOf(m.RightKeys))
	m.Left, m.Right = l.Node, r.Node
	m.Header = j.h
	le, re := l.Estimate(), r.Estimate()
	m.Est.First = le.First + re.First
	m.Est.Cost = le.Cost + re.Cost + (le.Rows+re.Rows)*(costMergeRow+float64(len(pairs))*costCompareKey) +
		p.evaluation(m.On, max(m.Est.Rows, p.pairs(j))) + m.Est.Rows*p.costOutput(&m.Header)
	return path{m, keptOrder(j.Kind, l.order)}
}

// bestSorted returns the cheapest path that is sorted by keys, or becomes so.
func (p *planner) bestSorted(list []path, keys []plan.Key) path {
	all := make([]path, len(list))
	for i, in := range list {
		all[i] = p.sorted(in, keys, nil)
	}
	return cheapest(all)
}
