package exec

import (
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// naivePlan computes plans row by row, as their documentation says and in no clever way. Operators must give the same.
type naivePlan struct {
	query  *physical.Query
	outer  map[expr.ColumnID]catalog.Value
	work   map[int][][]catalog.Value
	tables map[string][][]catalog.Value
	env    expr.Env
}

func (p *naivePlan) around(columns []plan.Column, row []catalog.Value) *naivePlan {
	inner := *p
	inner.outer = map[expr.ColumnID]catalog.Value{}
	for id, v := range p.outer {
		inner.outer[id] = v
	}
	for i, c := range columns {
		inner.outer[c.ID] = row[i]
	}
	return &inner
}

// value evaluates an expression for a row.
func (p *naivePlan) value(n *expr.Node, columns []plan.Column, row []catalog.Value) catalog.Value {
	all := p.around(columns, row)
	s := &expr.Slots{Outer: map[expr.ColumnID]int{}}
	env := p.env
	for id, v := range all.outer {
		s.Outer[id] = len(env.Outer)
		env.Outer = append(env.Outer, v)
	}
	s.Subquery = func(n *expr.Node) (expr.Runner, error) { return naiveRunner{all, n}, nil }
	program, err := expr.Compile(n, s)
	if err != nil {
		panic(err)
	}
	v, err := program.Eval(nil, &env)
	if err != nil {
		panic(err)
	}
	return v
}

type naiveRunner struct {
	plan *naivePlan
	node *expr.Node
}

// Run implements expr.Runner.
func (r naiveRunner) Run(_, args []catalog.Value, _ *expr.Env) (catalog.Value, error) {
	sub := r.node.Sub.(*physical.Subquery)
	rows := project2(r.plan.rows(sub.Root), sub.Root.Columns(), sub.Output)
	switch r.node.Op {
	case expr.OpExists:
		return catalog.BoolOf(len(rows) > 0), nil
	case expr.OpAny, expr.OpAll:
		result := catalog.BoolOf(r.node.Op == expr.OpAll)
		for _, row := range rows {
			v := compareRows(r.node.Operator, args, row)
			switch {
			case !v.IsNull() && v.AsBool() == (r.node.Op == expr.OpAny):
				return v, nil
			case v.IsNull():
				result = v
			}
		}
		return result, nil
	default:
	}
	switch len(rows) {
	case 0:
		return catalog.Null(), nil
	case 1:
		return rows[0][0], nil
	default:
		return catalog.Null(), tooManyRows(-1)
	}
}

func project2(rows [][]catalog.Value, columns []plan.Column, ids []expr.ColumnID) [][]catalog.Value {
	places, err := placesOf(columns, ids)
	if err != nil {
		panic(err)
	}
	all := make([][]catalog.Value, len(rows))
	for i, row := range rows {
		for _, at := range places {
			all[i] = append(all[i], row[at])
		}
	}
	return all
}

func (p *naivePlan) all(list []*expr.Node, columns []plan.Column, row []catalog.Value) truth {
	result := isTrue
	for _, n := range list {
		switch v := p.value(n, columns, row); {
		case v.IsNull():
			result = min(result, isUnknown)
		case !v.AsBool():
			return isFalse
		}
	}
	return result
}

// rows computes a plan.
func (p *naivePlan) rows(n physical.Node) (out [][]catalog.Value) {
	switch n := n.(type) {
	case *physical.Rows:
		for _, row := range n.Rows {
			var values []catalog.Value
			for _, e := range row {
				values = append(values, p.value(e, nil, nil))
			}
			out = append(out, values)
		}
	case *physical.Scan:
		for _, row := range p.tables[n.Relation.Table.Name] {
			if values := p.scanned(n.Places, row); p.all(n.Filter, n.Output, values) == isTrue {
				out = append(out, values)
			}
		}
	case *physical.BitmapScan:
		for _, row := range p.tables[n.Relation.Table.Name] {
			if values := p.scanned(n.Places, row); p.all(n.Filter, n.Output, values) == isTrue {
				out = append(out, values)
			}
		}
	case *physical.Filter:
		for _, row := range p.rows(n.Input) {
			if p.all(n.Conditions, n.Input.Columns(), row) == isTrue {
				out = append(out, row)
			}
		}
	case *physical.Project:
		for _, row := range p.rows(n.Input) {
			var values []catalog.Value
			for i := range n.Items {
				values = append(values, p.value(n.Items[i].Expr, n.Input.Columns(), row))
			}
			out = append(out, values)
		}
	case *physical.NestedLoopJoin:
		return p.join(n.Kind, n.Left, n.Right, n.Output, n.On, n.Lateral)
	case *physical.HashJoin:
		on := slices.Clone(n.On)
		for i := range n.LeftKeys {
			on = append(on, expr.Equal(n.LeftKeys[i], n.RightKeys[i]))
		}
		return p.join(n.Kind, n.Left, n.Right, n.Output, on, false)
	case *physical.MergeJoin:
		on := slices.Clone(n.On)
		for i := range n.LeftKeys {
			on = append(on, expr.Equal(columnNode(n.Left, n.LeftKeys[i]), columnNode(n.Right, n.RightKeys[i])))
		}
		return p.join(n.Kind, n.Left, n.Right, n.Output, on, false)
	case *physical.IndexJoin:
		return p.indexJoin(n)
	case *physical.Limit:
		return p.limit(n)
	case *physical.Append:
		for i, part := range n.Parts {
			out = append(out, project2(p.rows(part), part.Columns(), n.Select[i])...)
		}
	case *physical.Reference:
		for _, c := range p.query.Commons {
			if c.Number == n.Number {
				return project2(p.rows(c.Root), c.Root.Columns(), c.Columns)
			}
		}
	case *physical.Recursive:
		return p.recursive(n)
	case *physical.WorkTable:
		return p.work[n.Number]
	default:
		panic(fmt.Sprintf("%T", n))
	}
	return out
}

func columnNode(n physical.Node, id expr.ColumnID) *expr.Node {
	for _, c := range n.Columns() {
		if c.ID == id {
			return expr.Column(id, c.Type, c.Table, c.Name)
		}
	}
	panic(id)
}

// scanned returns columns of a stored row, whose number is behind them.
func (p *naivePlan) scanned(places []int, row []catalog.Value) (values []catalog.Value) {
	for _, at := range places {
		if at < 0 {
			at = len(row) - 1
		}
		values = append(values, row[at])
	}
	return values
}

func (p *naivePlan) join(
	kind plan.JoinKind, left, right physical.Node, output []plan.Column, on []*expr.Node, lateral bool,
) (out [][]catalog.Value) {
	both := append(slices.Clone(left.Columns()), right.Columns()...)
	inner, nulls := p.rows, make([]catalog.Value, len(right.Columns()))
	var all [][]catalog.Value
	if !lateral {
		all = inner(right)
	}
	matched := make([]bool, len(all))
	for _, l := range p.rows(left) {
		fate := isFalse
		if lateral {
			all = p.around(left.Columns(), l).rows(right)
			matched = make([]bool, len(all))
		}
		for i, r := range all {
			row := append(slices.Clone(l), r...)
			t := p.all(on, both, row)
			if fate = max(fate, t); t != isTrue {
				continue
			}
			matched[i] = true
			if !kind.LeftOnly() {
				out = append(out, row)
			}
		}
		switch {
		case (kind == plan.LeftJoin || kind == plan.FullJoin) && fate != isTrue:
			out = append(out, append(slices.Clone(l), nulls...))
		case kind == plan.SemiJoin && fate == isTrue, kind == plan.AntiJoin && fate != isTrue,
			kind == plan.NullAntiJoin && fate == isFalse:
			out = append(out, l)
		case kind == plan.MarkJoin && fate == isUnknown:
			out = append(out, append(slices.Clone(l), catalog.Null()))
		case kind == plan.MarkJoin:
			out = append(out, append(slices.Clone(l), catalog.BoolOf(fate == isTrue)))
		}
	}
	for i, r := range all {
		if kind == plan.FullJoin && !matched[i] {
			out = append(out, append(make([]catalog.Value, len(left.Columns())), r...))
		}
	}
	if kind.LeftOnly() {
		return out
	}
	return project2(out, both, idsOf(output))
}

func (p *naivePlan) indexJoin(n *physical.IndexJoin) [][]catalog.Value {
	parts, _, err := keyOf(n.Relation.Table, n.Index)
	if err != nil {
		panic(err)
	}
	right := &physical.Scan{Relation: n.Relation, Places: slices.Clone(n.Places)}
	right.Output = slices.Clone(n.Right)
	on := slices.Clone(n.On)
	for i, k := range n.Keys { // the columns of the key, under names of their own
		c := plan.Column{ID: expr.ColumnID(1000 + i), Type: parts[i].typ}
		right.Output, right.Places = append(right.Output, c), append(right.Places, parts[i].place)
		on = append(on, expr.Equal(k, expr.Column(c.ID, c.Type, "", "")))
	}
	output := n.Output
	return p.join(n.Kind, n.Left, right, output, on, false)
}

func (p *naivePlan) limit(n *physical.Limit) [][]catalog.Value {
	rows := p.rows(n.Input)
	if n.Offset != nil {
		rows = rows[min(len(rows), int(p.value(n.Offset, nil, nil).AsInt())):]
	}
	if n.Count == nil || p.value(n.Count, nil, nil).IsNull() {
		return rows
	}
	count := min(len(rows), int(p.value(n.Count, nil, nil).AsInt()))
	end := count
	ids := make([]expr.ColumnID, len(n.Keys))
	for i, k := range n.Keys {
		ids[i] = k.Column
	}
	for n.Ties && count > 0 && end < len(rows) {
		both := project2([][]catalog.Value{rows[count-1], rows[end]}, n.Input.Columns(), ids)
		if slices.CompareFunc(both[0], both[1], catalog.Compare) != 0 {
			break
		}
		end++
	}
	return rows[:end]
}

func (p *naivePlan) recursive(n *physical.Recursive) (out [][]catalog.Value) {
	inner := *p
	inner.work = map[int][][]catalog.Value{}
	for k, v := range p.work {
		inner.work[k] = v
	}
	seen := map[string]bool{}
	found := project2(p.rows(n.Base), n.Base.Columns(), n.BaseColumns)
	for {
		var fresh [][]catalog.Value
		for _, row := range found {
			if k := show([][]catalog.Value{row}); n.All || !seen[k] {
				seen[k] = true
				fresh = append(fresh, row)
			}
		}
		if len(fresh) == 0 {
			return out
		}
		out = append(out, fresh...)
		inner.work[n.Number] = fresh
		found = project2(inner.rows(n.Step), n.Step.Columns(), n.StepColumns)
	}
}
