package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

func filtered(input physical.Node, conditions ...*expr.Node) physical.Node {
	f := &physical.Filter{Input: input, Conditions: conditions}
	f.Output = input.Columns()
	return f
}

// randomInner returns a plan over columns from 101 on that names columns of outer, with what begins again each time.
func randomInner(r *rand.Rand, j *randomJoin) (n physical.Node, number expr.ColumnID) {
	equal := expr.Equal(columnNode(j.left, j.keys[0][0]), columnNode(j.right, j.keys[1][0]))
	other := constantRows(r, 301, r.IntN(10), bigint)
	pair := expr.Equal(columnNode(j.right, 104), columnNode(other, 301))
	switch r.IntN(5) {
	case 0:
		return filtered(j.right, equal), 104
	case 1: // the table stays
		h := &physical.HashJoin{Left: filtered(j.right, equal), Right: other}
		h.LeftKeys, h.RightKeys = pair.Args[:1], pair.Args[1:]
		h.Output = joinOutput(plan.InnerJoin, h.Left, h.Right)
		return h, 301
	case 2: // the table changes
		h := &physical.HashJoin{Kind: plan.LeftJoin, Left: other, Right: filtered(j.right, equal)}
		h.LeftKeys, h.RightKeys = pair.Args[1:], pair.Args[:1]
		h.Output = joinOutput(plan.LeftJoin, h.Left, h.Right)
		return h, 104
	case 3:
		l := &physical.NestedLoopJoin{Kind: plan.LeftJoin, Left: other, Right: filtered(j.right, equal), On: []*expr.Node{pair}}
		l.Output = joinOutput(plan.LeftJoin, l.Left, l.Right)
		return l, 104
	default:
		s := filtered(j.right, equal)
		a := &physical.Append{Parts: []physical.Node{s, s}, Select: [][]expr.ColumnID{{104}, {104}}}
		a.Output = []plan.Column{{ID: 401, Type: bigint}}
		return a, 401
	}
}

func TestSubqueriesAreComputedForEachRow(t *testing.T) {
	for seed := range uint64(800) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		inner, number := randomInner(r, j)
		sub := &physical.Subquery{Root: inner, Output: []expr.ColumnID{number}, Depends: j.keys[0][:1], Text: "SELECT"}
		if r.IntN(3) == 0 {
			sub.Root, sub.Output, sub.Depends = j.right, []expr.ColumnID{104}, nil
		}
		n := &expr.Node{Op: []expr.Op{expr.OpExists, expr.OpAny, expr.OpAll}[r.IntN(3)], Sub: sub, Type: boolean, At: -1}
		if n.Op != expr.OpExists {
			n.Args = []*expr.Node{columnNode(j.left, 4)}
			n.Operator = []expr.Op{expr.OpEqual, expr.OpNotEqual, expr.OpLess, expr.OpGreaterEqual}[r.IntN(4)]
		}
		n.Not = r.IntN(2) == 0
		p := &physical.Project{Input: j.left}
		for _, c := range j.left.Columns() {
			p.Items = append(p.Items, plan.Item{Column: c, Expr: columnNode(j.left, c.ID)})
		}
		p.Items = append(p.Items, plan.Item{Column: plan.Column{ID: 800, Type: boolean}, Expr: n})
		for i := range p.Items {
			p.Output = append(p.Output, p.Items[i].Column)
		}
		checkPlan(t, seed, fmt.Sprintf("%v over %T", n.Op, sub.Root), queryOf(p), randomOptions(r), true)
	}
}

func TestLateralJoinsBeginAgain(t *testing.T) {
	for seed := range uint64(600) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		if j.kind == plan.FullJoin || j.kind == plan.MarkJoin {
			continue
		}
		inner, _ := randomInner(r, j)
		n := &physical.NestedLoopJoin{Kind: j.kind, Left: j.left, Right: inner, Lateral: true}
		n.Output = joinOutput(j.kind, j.left, inner)
		checkPlan(t, seed, fmt.Sprintf("%v with %T", j.kind, inner), queryOf(n), randomOptions(r), true)
	}
}

func TestCommonsAreSharedAndSpilled(t *testing.T) {
	for seed := range uint64(300) {
		r := randomSource(seed)
		c := &physical.Common{Number: 3, Root: constantRows(r, 1, r.IntN(60), bigint, textType), Columns: []expr.ColumnID{2, 1}}
		a, b := &physical.Reference{Number: 3}, &physical.Reference{Number: 3}
		a.Output, b.Output = table(101, textType, bigint), table(201, textType, bigint)
		n := &physical.HashJoin{Left: a, Right: b, Kind: plan.LeftJoin}
		n.LeftKeys, n.RightKeys = []*expr.Node{columnNode(a, 101)}, []*expr.Node{columnNode(b, 201)}
		n.Output = joinOutput(n.Kind, a, b)
		q := queryOf(n)
		q.Commons = []*physical.Common{c}
		o := randomOptions(r)
		if r.IntN(2) == 0 {
			o.Memory = int64(200 + r.IntN(3000))
		}
		checkPlan(t, seed, fmt.Sprint("memory ", o.Memory), q, o, false)
	}
}

func TestRecursiveQueriesFollowEdges(t *testing.T) {
	for seed := range uint64(300) {
		r := randomSource(seed)
		edges := constantRows(r, 1, r.IntN(15), bigint, bigint)
		work := &physical.WorkTable{Number: 1}
		work.Output = table(101, bigint)
		step := &physical.HashJoin{Left: work, Right: edges, BuildLeft: r.IntN(2) == 0}
		step.LeftKeys, step.RightKeys = []*expr.Node{columnNode(work, 101)}, []*expr.Node{columnNode(edges, 1)}
		step.Output = joinOutput(plan.InnerJoin, work, edges)
		n := &physical.Recursive{
			Number: 1, Base: constantRows(r, 201, 1+r.IntN(3), bigint), BaseColumns: []expr.ColumnID{201},
			Step: step, StepColumns: []expr.ColumnID{2},
		}
		n.Output = table(301, bigint)
		checkPlan(t, seed, "recursive", queryOf(n), randomOptions(r), false)
	}
}

func TestLimitsWithTies(t *testing.T) {
	for seed := range uint64(500) {
		r := randomSource(seed)
		n := &physical.Limit{Input: sortedRows(constantRows(r, 1, r.IntN(30), bigint, bigint), []expr.ColumnID{1}), Ties: r.IntN(2) == 0}
		n.Keys = []plan.Key{{Column: 1}}
		if n.Output = n.Input.Columns(); r.IntN(5) > 0 {
			n.Count = expr.Constant(catalog.Int(int64(r.IntN(12))), bigint)
		}
		if r.IntN(2) == 0 {
			n.Offset = expr.Constant(catalog.Int(int64(r.IntN(12))), bigint)
		}
		checkPlan(t, seed, fmt.Sprint(n.Count, n.Offset, n.Ties), queryOf(n), randomOptions(r), true)
	}
}

func functionRows(t *testing.T, name string, columns []plan.Column, args ...catalog.Value) string {
	t.Helper()
	f := &physical.Function{Call: &plan.Function{Name: name, Output: columns, Ordinality: columns[len(columns)-1].Name == "c9"}}
	for _, a := range args {
		f.Call.Args = append(f.Call.Args, expr.Constant(a, catalog.Type{Kind: a.Kind()}))
	}
	f.Output = columns
	rows, err := runPlan(queryOf(f), &Options{BatchRows: 3})
	if err != nil {
		return err.Error()
	}
	return show(rows)
}

func TestFunctionsGiveRows(t *testing.T) {
	one := table(1, bigint)
	day := catalog.TimestampOf(time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		name    string
		columns []plan.Column
		args    []catalog.Value
		want    string
	}{
		{"generate_series", one, []catalog.Value{catalog.Int(1), catalog.Int(4)}, "1\n2\n3\n4\n"},
		{"generate_series", one, []catalog.Value{catalog.Int(4), catalog.Int(1)}, ""},
		{"generate_series", one, []catalog.Value{catalog.Int(5), catalog.Int(0), catalog.Int(-2)}, "5\n3\n1\n"},
		{"generate_series", one, []catalog.Value{catalog.Int(1<<63 - 2), catalog.Int(1<<63 - 1), catalog.Int(1)}, "9223372036854775806\n9223372036854775807\n"},
		{"generate_series", one, []catalog.Value{catalog.Int(1), catalog.Null()}, ""},
		{"generate_series", one, []catalog.Value{catalog.DecimalOf(10, 1), catalog.Int(2), catalog.DecimalOf(5, 1)}, "1.0\n1.5\n2.0\n"},
		{
			"generate_series", one,
			[]catalog.Value{day, catalog.TimestampOf(day.AsTime().AddDate(0, 2, 0)), catalog.IntervalOf(1, 0, 0)},
			"2024-01-31 00:00:00+00\n2024-02-29 00:00:00+00\n2024-03-29 00:00:00+00\n",
		},
		{"generate_series", table(8, bigint, bigint), []catalog.Value{catalog.Int(7), catalog.Int(8)}, "7|1\n8|2\n"},
		{"json_each", table(1, textType, textType), []catalog.Value{catalog.Str(`{"b": [1, 2], "a": null}`)}, "b|[1, 2]\na|null\n"},
		{"json_array_elements", one, []catalog.Value{catalog.Str(`[1, "x", {"y": 2}]`)}, "1\n\"x\"\n{\"y\": 2}\n"},
	} {
		if got := functionRows(t, c.name, c.columns, c.args...); got != c.want {
			t.Errorf("%s%v: got\n%swant\n%s", c.name, c.args, got, c.want)
		}
	}
}

// runError returns the error of a plan.
func runError(n physical.Node, o *Options) error {
	_, err := runPlan(queryOf(n), o)
	return err
}

func TestErrorsHaveCodes(t *testing.T) {
	r := randomSource(1)
	rows := constantRows(r, 1, 20, bigint)
	limit := &physical.Limit{Input: rows, Count: expr.Constant(catalog.Int(-1), bigint)}
	limit.Output = rows.Columns()
	if err := runError(limit, &Options{}); !errors.Is(err, sqlstate.NegativeLimit) {
		t.Errorf("LIMIT -1: %v", err)
	}
	step := &physical.Function{Call: &plan.Function{Name: "generate_series"}}
	for range 3 {
		step.Call.Args = append(step.Call.Args, expr.Constant(catalog.Int(0), bigint))
	}
	step.Output = table(1, bigint)
	if err := runError(step, &Options{}); !errors.Is(err, sqlstate.InvalidParameter) {
		t.Errorf("a step of 0: %v", err)
	}
	scalar := &expr.Node{Op: expr.OpSubquery, Type: bigint, Sub: &physical.Subquery{Root: rows, Output: []expr.ColumnID{1}}}
	if err := runError(filtered(rows, expr.IsNull(scalar, true)), &Options{}); !errors.Is(err, sqlstate.CardinalityViolation) {
		t.Errorf("a subquery of many rows: %v", err)
	}
}

func TestCanceledQueriesStop(t *testing.T) {
	series := &physical.Function{Call: &plan.Function{Name: "generate_series"}}
	for _, n := range []int64{1, 1 << 62} {
		series.Call.Args = append(series.Call.Args, expr.Constant(catalog.Int(n), bigint))
	}
	series.Output = table(1, bigint)
	never := filtered(series, lessThan(columnNode(series, 1), expr.Constant(catalog.Int(0), bigint)))
	rows, err := Run(queryOf(never), &Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	if _, err := rows.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}
