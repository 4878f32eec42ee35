package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// indexJoin looks the rows of one side up in a table, for each row of the other.
func (p *planner) indexJoin(j *joining) []path {
	if p.o.NoIndex || len(j.leftKeys) == 0 {
		return nil
	}
	var all []path
	switch j.Kind {
	case plan.InnerJoin:
		all = p.lookups(j, j.Right, j.left, j.leftKeys, j.rightKeys)
		all = append(all, p.lookups(j, j.Left, j.right, j.rightKeys, j.leftKeys)...)
	case plan.LeftJoin, plan.AntiJoin:
		all = p.lookups(j, j.Right, j.left, j.leftKeys, j.rightKeys)
	case plan.SemiJoin:
		all = p.lookups(j, j.Right, j.left, j.leftKeys, j.rightKeys)
		all = append(all, p.semiLookups(j)...)
	default: // a table does not show what those need to know
	}
	return all
}

// semiLookups finds the rows of the left side that have a partner by looking up each value of the right one, once.
func (p *planner) semiLookups(j *joining) []path {
	columns := make([]expr.ColumnID, len(j.rightKeys))
	for i, k := range j.rightKeys {
		if k.Op != expr.OpColumn || len(j.rest) > 0 {
			return nil
		}
		columns[i] = k.Column
	}
	h := physical.Header{Output: j.rightColumns}
	rows := p.rows(j.Right)
	h.Est.Rows, h.Est.Width = p.groupCount(columns, rows), p.width(h.Output)
	inner := *j // with the same columns
	inner.Join = &plan.Join{Kind: plan.InnerJoin, Left: j.Left, Right: j.Right, On: j.On}
	return p.lookups(&inner, j.Left, []path{p.hashDistinct(h, cheapest(j.right), columns)}, j.rightKeys, j.leftKeys)
}

// lookups looks up rows of a side of a join that is a Scan, perhaps with conditions, for rows that come by paths.
func (p *planner) lookups(j *joining, side plan.Node, from []path, keys, own []*expr.Node) []path {
	scan, conditions := filteredScan(side)
	if scan == nil || scan.Relation.Virtual != nil {
		return nil
	}
	r := p.reading(scan, p.conditions(conditions), nil)
	t := scan.Relation.Table
	var all []path
	add := func(index string, key []catalog.IndexColumn, unique, covering bool) {
		l := &lookup{reading: r, index: index, key: key, unique: unique, covering: covering, on: slices.Clone(j.rest)}
		if !l.match(j.equals, keys, own) {
			return
		}
		for _, in := range from {
			all = append(all, p.oneLookup(j, l, in))
		}
	}
	add("", t.PrimaryKey, true, true)
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.State == catalog.Ready {
			add(ix.Name, ix.Columns, ix.Unique, r.covers(ix))
		}
	}
	return all
}

// filteredScan returns the Scan that an operator is, and the conditions of filters above it; nil: it is something else.
func filteredScan(n plan.Node) (*plan.Scan, []*expr.Node) {
	var conditions []*expr.Node
	for {
		switch x := n.(type) {
		case *plan.Scan:
			return x, conditions
		case *plan.Filter:
			conditions, n = slices.Concat(x.Conditions, conditions), x.Input
		default:
			return nil, nil
		}
	}
}

// A lookup is a key in which the rows of a table are looked up.
type lookup struct {
	*reading
	index    string
	key      []catalog.IndexColumn
	unique   bool
	covering bool
	keys     []*expr.Node // values of its first columns
	places   map[int]bool // of those columns
	on       []*expr.Node // conditions that remain
	full     bool         // there is one row at most
}

// match finds values for the first columns of the key: of the equalities of the join and of conditions.
func (l *lookup) match(equals, keys, own []*expr.Node) bool {
	var used []*expr.Node
	joined := false
	l.places = map[int]bool{}
	for _, k := range l.key {
		c, place, found := l.Relation.Table.ColumnByID(k.Column)
		if !found {
			break
		}
		id, is := l.ids[place]
		i := slices.IndexFunc(own, func(n *expr.Node) bool { return is && n.Op == expr.OpColumn && n.Column == id })
		if i >= 0 && keys[i].Type.Kind == c.Type.Kind {
			l.keys, used, joined = append(l.keys, keys[i]), append(used, equals[i]), true
		} else if x := l.pointsAt(place, 1); x != nil && x.exact && x.any[0].equal.Type.Kind == c.Type.Kind {
			l.keys, used = append(l.keys, x.any[0].equal), append(used, x.condition)
		} else {
			break
		}
		l.places[place] = true
	}
	l.full = l.unique && len(l.keys) == len(l.key)
	l.on = slices.Concat(l.on, without(equals, used), without(l.conditions, used))
	return joined
}

// oneLookup joins the rows of a path with those that are looked up for them.
func (p *planner) oneLookup(j *joining, l *lookup, in path) path {
	e := in.Estimate()
	n := &physical.IndexJoin{
		Header: j.h, Kind: j.Kind, Left: in.Node, Relation: l.Relation, Alias: l.Alias, Places: l.Places, Right: l.Output,
		Index: l.index, Keys: l.keys, On: l.on, Single: j.Single,
	}
	if !j.Kind.LeftOnly() {
		n.Output = slices.Concat(in.Columns(), j.sideOutput(l.Output))
	}
	found := l.total // rows for each row of in
	for place := range l.places {
		found /= p.distinctOf(l.ids[place], l.total)
	}
	each := costPoint
	if l.full {
		found = min(found, 1)
	} else {
		each = costSeek + found*(costIndexEntry+costScanColumn*float64(len(l.Places)))
	}
	if l.index != "" && !l.covering {
		each += found * costFetch
	}
	if j.Kind == plan.SemiJoin || j.Kind == plan.AntiJoin {
		found = min(found, 1)
	}
	n.Est.Cost = e.Cost + e.Rows*each + p.evaluation(l.keys, e.Rows) + p.evaluation(l.on, e.Rows*found) +
		n.Est.Rows*p.costOutput(&n.Header)
	n.Est.First = min(n.Est.Cost, e.First+(n.Est.Cost-e.First)/max(1, n.Est.Rows))
	return path{n, in.order}
}

// sideOutput returns columns as a join gives them.
func (j *joining) sideOutput(columns []plan.Column) []plan.Column {
	if j.Kind == plan.LeftJoin {
		all := slices.Clone(columns)
		for i := range all {
			all[i].NotNull = false
		}
		return all
	}
	return columns
}
