package opt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// An interpreter computes logical plans in the simplest way, row by row: what rules must not change. It shares nothing
// with package exec.
type interpreter struct {
	data    map[string][][]catalog.Value // of tables
	commons map[int]*plan.Common
	steps   int // rows looked at
}

// values are those of columns around a plan.
type values map[expr.ColumnID]catalog.Value

var (
	errTwoRows = errors.New("a subquery has two rows")
	errTooMuch = errors.New("this would take too long")
)

// relationRows is what an operator gives.
type relationRows struct {
	columns []expr.ColumnID
	rows    [][]catalog.Value
}

func (t *relationRows) at(id expr.ColumnID) int { return slices.Index(t.columns, id) }

// pick returns some columns of the rows.
func (t *relationRows) pick(list []expr.ColumnID) [][]catalog.Value {
	rows := make([][]catalog.Value, len(t.rows))
	for i, r := range t.rows {
		for _, id := range list {
			rows[i] = append(rows[i], r[t.at(id)])
		}
	}
	return rows
}

// key returns a text that two lists of values have in common if they are equal, NULLs included.
func key(list []catalog.Value) string {
	var b strings.Builder
	for _, v := range list {
		if v.Kind() == catalog.Int64 || v.Kind() == catalog.Decimal {
			fmt.Fprintf(&b, "n%.10g|", v.AsFloat())
			continue
		}
		fmt.Fprintf(&b, "%d%v|", v.Kind(), v.Any())
	}
	return b.String()
}

// runner runs queries in expressions.
type runner struct {
	in     *interpreter
	n      *expr.Node
	around values
}

func (r *runner) Run(outer, args []catalog.Value, _ *expr.Env) (catalog.Value, error) {
	s := r.n.Sub.(*plan.Subquery)
	around := values{}
	for id, v := range r.around {
		around[id] = v
	}
	for i, id := range s.Depends {
		around[id] = outer[i]
	}
	t, err := r.in.run(s.Root, around)
	if err != nil {
		return catalog.Null(), err
	}
	switch r.n.Op {
	case expr.OpExists:
		return catalog.BoolOf(len(t.rows) > 0), nil
	case expr.OpSubquery:
		if len(t.rows) > 1 {
			return catalog.Null(), errTwoRows
		}
		if len(t.rows) == 0 {
			return catalog.Null(), nil
		}
		return t.pick(s.Output)[0][0], nil
	default:
	}
	unknown := false
	for _, row := range t.pick(s.Output) {
		all, null := true, false
		for i := range args {
			if args[i].IsNull() || row[i].IsNull() {
				null = true
			} else if !holds(r.n.Operator, catalog.Compare(args[i], row[i])) {
				all = false
			}
		}
		if r.n.Op == expr.OpAny && all && !null {
			return catalog.BoolOf(true), nil
		}
		if r.n.Op == expr.OpAll && !all {
			return catalog.BoolOf(false), nil
		}
		unknown = unknown || all && null
	}
	if unknown {
		return catalog.Null(), nil
	}
	return catalog.BoolOf(r.n.Op == expr.OpAll), nil
}

func holds(op expr.Op, c int) bool {
	switch op {
	case expr.OpEqual:
		return c == 0
	case expr.OpNotEqual:
		return c != 0
	case expr.OpLess:
		return c < 0
	case expr.OpLessEqual:
		return c <= 0
	case expr.OpGreater:
		return c > 0
	default:
		return c >= 0
	}
}

// eval returns a function that evaluates an expression for rows of columns.
func (in *interpreter) eval(e *expr.Node, columns []expr.ColumnID, around values) func([]catalog.Value) (catalog.Value, error) {
	s := &expr.Slots{Columns: map[expr.ColumnID]int{}, Outer: map[expr.ColumnID]int{}}
	env := &expr.Env{}
	for i, id := range columns {
		s.Columns[id] = i
	}
	for id, v := range around {
		s.Outer[id] = len(env.Outer)
		env.Outer = append(env.Outer, v)
	}
	s.Subquery = func(n *expr.Node) (expr.Runner, error) { return &runner{in, n, around}, nil }
	p, err := expr.Compile(e, s)
	return func(row []catalog.Value) (catalog.Value, error) {
		if in.steps++; in.steps > 2_000_000 {
			return catalog.Null(), errTooMuch
		}
		if err != nil {
			return catalog.Null(), err
		}
		return p.Eval(row, env)
	}
}

// all returns whether all conditions are true, and if not, whether they are certainly not.
func (in *interpreter) all(list []*expr.Node, columns []expr.ColumnID, around values) func([]catalog.Value) (yes, null bool, err error) {
	var evals []func([]catalog.Value) (catalog.Value, error)
	for _, e := range list {
		evals = append(evals, in.eval(e, columns, around))
	}
	return func(row []catalog.Value) (bool, bool, error) {
		null := false
		for _, eval := range evals {
			v, err := eval(row)
			if err != nil {
				return false, false, err
			}
			if !v.IsNull() && !v.AsBool() {
				return false, false, nil
			}
			null = null || v.IsNull()
		}
		return !null, null, nil
	}
}

func (in *interpreter) run(n plan.Node, around values) (*relationRows, error) {
	switch n := n.(type) {
	case *plan.Scan:
		t := &relationRows{columns: ids(n.Output)}
		for _, r := range in.data[n.Relation.Table.Name] {
			var row []catalog.Value
			for _, p := range n.Places {
				row = append(row, r[p])
			}
			t.rows = append(t.rows, row)
		}
		return t, nil
	case *plan.Rows:
		t := &relationRows{columns: ids(n.Output)}
		for _, list := range n.Rows {
			row, err := in.row(list, nil, nil, around)
			if err != nil {
				return nil, err
			}
			t.rows = append(t.rows, row)
		}
		return t, nil
	case *plan.With:
		for _, c := range n.Common {
			in.commons[c.Number] = c
		}
		return in.run(n.Body, around)
	case *plan.Reference:
		c := in.commons[n.Number]
		t, err := in.run(c.Plan, around)
		if err != nil {
			return nil, err
		}
		return &relationRows{ids(n.Output), t.pick(c.Output)}, nil
	case *plan.Join:
		return in.join(n, around)
	case *plan.SetOperation:
		return in.set(n, around)
	}
	if len(n.Inputs()) != 1 {
		return nil, fmt.Errorf("the interpreter does not know %T", n)
	}
	t, err := in.run(n.Inputs()[0], around)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *plan.Filter:
		return in.filter(n, t, around)
	case *plan.Project:
		made := &relationRows{columns: ids(n.Columns())}
		var list []*expr.Node
		for i := range n.Items {
			list = append(list, n.Items[i].Expr)
		}
		for _, r := range t.rows {
			row, err := in.row(list, t.columns, r, around)
			if err != nil {
				return nil, err
			}
			made.rows = append(made.rows, row)
		}
		return made, nil
	case *plan.Sort:
		return sorted(t, n.Keys), nil
	case *plan.Limit:
		return in.limit(n, t)
	case *plan.Distinct:
		on := n.On
		if on == nil {
			on = t.columns
		}
		made, seen := &relationRows{columns: t.columns}, map[string]bool{}
		for i, k := range t.pick(on) {
			if !seen[key(k)] {
				seen[key(k)] = true
				made.rows = append(made.rows, t.rows[i])
			}
		}
		return made, nil
	case *plan.Aggregate:
		return in.aggregate(n, t, around)
	case *plan.Window:
		return in.window(n, t, around)
	default:
		return nil, fmt.Errorf("the interpreter does not know %T", n)
	}
}

func (in *interpreter) row(list []*expr.Node, columns []expr.ColumnID, from []catalog.Value, around values) ([]catalog.Value, error) {
	row := make([]catalog.Value, len(list))
	for i, e := range list {
		var err error
		if row[i], err = in.eval(e, columns, around)(from); err != nil {
			return nil, err
		}
	}
	return row, nil
}

func (in *interpreter) filter(n *plan.Filter, t *relationRows, around values) (*relationRows, error) {
	all := in.all(n.Conditions, t.columns, around)
	made := &relationRows{columns: t.columns}
	for _, r := range t.rows {
		yes, _, err := all(r)
		if err != nil {
			return nil, err
		}
		if yes {
			made.rows = append(made.rows, r)
		}
	}
	return made, nil
}

func sorted(t *relationRows, keys []plan.Key) *relationRows {
	made := &relationRows{t.columns, slices.Clone(t.rows)}
	slices.SortStableFunc(made.rows, func(a, b []catalog.Value) int {
		for _, k := range keys {
			x, y := a[t.at(k.Column)], b[t.at(k.Column)]
			switch {
			case x.IsNull() && y.IsNull():
				continue
			case x.IsNull() || y.IsNull():
				if x.IsNull() == k.NullsFirst {
					return -1
				}
				return 1
			}
			if c := catalog.Compare(x, y); c != 0 {
				if k.Descending {
					return -c
				}
				return c
			}
		}
		return 0
	})
	return made
}

func (in *interpreter) limit(n *plan.Limit, t *relationRows) (*relationRows, error) {
	rows := t.rows
	if n.Offset != nil {
		rows = rows[min(len(rows), int(n.Offset.Value.AsInt())):]
	}
	if n.Count != nil {
		rows = rows[:min(len(rows), int(n.Count.Value.AsInt()))]
	}
	return &relationRows{t.columns, rows}, nil
}
