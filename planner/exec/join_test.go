package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/vfs"
)

// constantRows returns a plan of random rows. Some were there and are left out.
func constantRows(r *rand.Rand, first, n int, types ...catalog.Type) physical.Node {
	columns := table(first, types...)
	columns = append(columns, plan.Column{ID: expr.ColumnID(first + 90), Type: boolean})
	rows := &physical.Rows{}
	rows.Output = columns
	for _, row := range randomRows(r, columns, n) {
		var list []*expr.Node
		for i, v := range row {
			list = append(list, expr.Constant(v, columns[i].Type))
		}
		rows.Rows = append(rows.Rows, list)
	}
	if r.IntN(2) == 0 {
		return rows
	}
	f := &physical.Filter{Input: rows, Conditions: []*expr.Node{expr.IsNull(columnNode(rows, expr.ColumnID(first+90)), true)}}
	f.Output = columns
	return f
}

// sortedRows returns a plan that sorts another one by keys.
func sortedRows(input physical.Node, keys []expr.ColumnID) physical.Node {
	places, err := placesOf(input.Columns(), keys)
	if err != nil {
		panic(err)
	}
	rows := (&naivePlan{}).rows(input)
	sortBy(rows, places)
	out := &physical.Rows{}
	out.Output = input.Columns()
	for _, row := range rows {
		var list []*expr.Node
		for i, v := range row {
			list = append(list, expr.Constant(v, out.Output[i].Type))
		}
		out.Rows = append(out.Rows, list)
	}
	return out
}

func sortBy(rows [][]catalog.Value, places []int) {
	for i := range rows { // few rows, and stable
		for j := i; j > 0; j-- {
			c := 0
			for _, at := range places {
				if c = catalog.Compare(rows[j-1][at], rows[j][at]); c != 0 {
					break
				}
			}
			if c <= 0 {
				break
			}
			rows[j-1], rows[j] = rows[j], rows[j-1]
		}
	}
}

// runPlan returns the rows of a plan.
func runPlan(q *physical.Query, o *Options) (rows [][]catalog.Value, err error) {
	fs := vfs.NewMem()
	o.FS, o.Directory = fs, "tmp"
	result, err := Run(q, o)
	if err != nil {
		return nil, err
	}
	for {
		b, err := result.Next(context.Background())
		if err != nil {
			_ = result.Close()
			return nil, err
		}
		if b == nil {
			break
		}
		if b.Rows() == 0 {
			return nil, fmt.Errorf("an empty batch")
		}
		for _, i := range selected(b) {
			var row []catalog.Value
			for _, v := range b.Columns {
				row = append(row, v.Value(int(i)))
			}
			rows = append(rows, row)
		}
	}
	if err := result.Close(); err != nil {
		return nil, err
	}
	if names, err := fs.List("tmp"); err == nil && len(names) > 0 {
		return nil, fmt.Errorf("left behind: %v", names)
	}
	if used := result.run.memory.used; used != 0 {
		return nil, fmt.Errorf("%d bytes are still noted", used)
	}
	return rows, nil
}

// checkPlan runs a plan and compares the rows, and their order if it matters.
func checkPlan(t *testing.T, seed uint64, what string, q *physical.Query, o *Options, ordered bool) {
	t.Helper()
	want := (&naivePlan{query: q}).rows(q.Root)
	want = project2(want, q.Root.Columns(), idsOf(q.Output))
	got, err := runPlan(q, o)
	a, b := shuffled(got), shuffled(want)
	if ordered {
		a, b = show(got), show(want)
	}
	if err != nil || a != b {
		failed(t, seed, what, a, b, err)
	}
}

func queryOf(n physical.Node) *physical.Query {
	return &physical.Query{Root: n, Output: n.Columns()}
}

// joinOutput returns the columns of a join.
func joinOutput(kind plan.JoinKind, left, right physical.Node) []plan.Column {
	j := &plan.Join{Kind: kind, Left: &plan.Rows{Output: left.Columns()}, Right: &plan.Rows{Output: right.Columns()}}
	j.Mark = plan.Column{ID: 999, Type: boolean}
	return j.Columns()
}

var joinKinds = []plan.JoinKind{
	plan.InnerJoin, plan.LeftJoin, plan.FullJoin, plan.SemiJoin, plan.AntiJoin, plan.NullAntiJoin, plan.MarkJoin,
}

// lessThan returns x < y.
func lessThan(x, y *expr.Node) *expr.Node {
	n, err := expr.NewBinder("", nil, nil).Compare(-1, ast.Less, x, y)
	if err != nil {
		panic(err)
	}
	return n
}

func randomOptions(r *rand.Rand) *Options {
	o := &Options{BatchRows: 1 + r.IntN(8), Measure: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		o.BatchRows = 1024
	}
	return o
}

// randomJoin is what joins of all algorithms are made of.
type randomJoin struct {
	kind        plan.JoinKind
	left, right physical.Node
	keys        [2][]expr.ColumnID
	on          []*expr.Node
}

func newRandomJoin(r *rand.Rand) *randomJoin {
	types := []catalog.Type{bigint, testTypes[r.IntN(len(testTypes))], testTypes[r.IntN(len(testTypes))], bigint}
	j := &randomJoin{kind: joinKinds[r.IntN(len(joinKinds))]}
	j.left = constantRows(r, 1, r.IntN(30), types...)
	j.right = constantRows(r, 101, r.IntN(30), types...)
	if r.IntN(8) == 0 {
		j.left = constantRows(r, 1, 0, types...)
	}
	if r.IntN(8) == 0 {
		j.right = constantRows(r, 101, 0, types...)
	}
	for range 1 + r.IntN(2) {
		k := expr.ColumnID(r.IntN(3))
		j.keys[0], j.keys[1] = append(j.keys[0], 1+k), append(j.keys[1], 101+k)
	}
	if r.IntN(2) == 0 {
		j.on = append(j.on, lessThan(columnNode(j.left, 4), columnNode(j.right, 104)))
	}
	return j
}

func (j *randomJoin) nodes(side physical.Node, ids []expr.ColumnID) (all []*expr.Node) {
	for _, id := range ids {
		all = append(all, columnNode(side, id))
	}
	return all
}

func TestHashJoinsOfAllKinds(t *testing.T) {
	for seed := range uint64(1000) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		n := &physical.HashJoin{Kind: j.kind, Left: j.left, Right: j.right, On: j.on}
		n.LeftKeys, n.RightKeys = j.nodes(j.left, j.keys[0]), j.nodes(j.right, j.keys[1])
		if r.IntN(4) == 0 { // keys that are computed
			n.LeftKeys[0], n.RightKeys[0] = expr.IsNull(n.LeftKeys[0], false), expr.IsNull(n.RightKeys[0], false)
		}
		n.BuildLeft = r.IntN(2) == 0 && j.kind != plan.NullAntiJoin && j.kind != plan.MarkJoin
		n.Output = joinOutput(j.kind, j.left, j.right)
		o := randomOptions(r)
		if r.IntN(2) == 0 {
			o.Memory = int64(100 + r.IntN(3000))
		}
		checkPlan(t, seed, fmt.Sprintf("%v, build left %v, %d keys, on %v, memory %d", j.kind, n.BuildLeft, len(n.LeftKeys), j.on, o.Memory),
			queryOf(n), o, false)
	}
}

func TestNestedLoopJoinsOfAllKinds(t *testing.T) {
	for seed := range uint64(500) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		n := &physical.NestedLoopJoin{Kind: j.kind, Left: j.left, Right: j.right, On: j.on}
		for i, l := range j.nodes(j.left, j.keys[0]) {
			n.On = append(n.On, expr.Equal(l, j.nodes(j.right, j.keys[1])[i]))
		}
		if r.IntN(5) == 0 {
			n.On = nil
		}
		n.Output = joinOutput(j.kind, j.left, j.right)
		o := randomOptions(r)
		checkPlan(t, seed, fmt.Sprintf("%v, on %v", j.kind, n.On), queryOf(n), o, j.kind != plan.FullJoin)
	}
}

func TestMergeJoinsOfAllKinds(t *testing.T) {
	for seed := range uint64(1000) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		if j.kind == plan.NullAntiJoin || j.kind == plan.MarkJoin {
			continue
		}
		n := &physical.MergeJoin{Kind: j.kind, On: j.on, LeftKeys: j.keys[0], RightKeys: j.keys[1]}
		n.Left, n.Right = sortedRows(j.left, j.keys[0]), sortedRows(j.right, j.keys[1])
		n.Output = joinOutput(j.kind, j.left, j.right)
		checkPlan(t, seed, fmt.Sprintf("%v, on %v", j.kind, n.On), queryOf(n), randomOptions(r), j.kind != plan.FullJoin)
	}
}

func TestLateralJoins(t *testing.T) {
	for seed := range uint64(500) {
		r := randomSource(seed)
		j := newRandomJoin(r)
		if j.kind == plan.FullJoin {
			continue
		}
		inner := &physical.Filter{Input: j.right}
		inner.Output = j.right.Columns()
		for i, l := range j.nodes(j.left, j.keys[0]) {
			inner.Conditions = append(inner.Conditions, expr.Equal(l, j.nodes(j.right, j.keys[1])[i]))
		}
		n := &physical.NestedLoopJoin{Kind: j.kind, Left: j.left, Right: inner, On: j.on, Lateral: true}
		n.Output = joinOutput(j.kind, j.left, j.right)
		checkPlan(t, seed, fmt.Sprintf("%v, on %v", j.kind, n.On), queryOf(n), randomOptions(r), true)
	}
}
