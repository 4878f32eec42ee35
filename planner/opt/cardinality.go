package opt

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A column is what is believed of the values of one.
type column struct {
	distinct   float64 // how many different values there are; 0: not known
	nulls      float64 // part of the rows of its table
	width      float64
	statistics *plan.ColumnStatistics // nil: none
	scan       *plan.Scan             // that it is of; nil: it is computed
	place      int                    // in the table
}

// An estimator says how many rows operators give. It keeps what it has found out, so that asking is cheap: plans do not
// change.
//
// Conditions are taken to be independent, except where several together name the whole of a unique key.
type estimator struct {
	columns map[expr.ColumnID]*column
	counts  map[plan.Node]float64
	commons map[int]commonRows
	scans   map[*plan.Scan]bool
	outputs map[plan.Node][]plan.Column
}

func newEstimator() *estimator {
	return &estimator{
		columns: map[expr.ColumnID]*column{}, counts: map[plan.Node]float64{}, commons: map[int]commonRows{},
		scans: map[*plan.Scan]bool{}, outputs: map[plan.Node][]plan.Column{},
	}
}

// What is believed where nothing is known. Most are PostgreSQL's.
const (
	defaultTableRows    = 1000.0
	defaultDistinct     = 200.0
	defaultEqual        = 0.005
	defaultRange        = 1.0 / 3
	defaultBetween      = 0.05
	defaultLike         = 0.02
	defaultNull         = 0.01
	defaultCondition    = 1.0 / 3
	defaultSubquery     = 0.5
	defaultFunctionRows = 1000.0
	defaultLimit        = 100.0
	recursiveGrowth     = 10.0
)

// output returns the columns of an operator, which it finds out once: where there are many joins above each other, Columns
// takes long. Nobody must change them.
func (e *estimator) output(n plan.Node) []plan.Column {
	switch n := n.(type) {
	case *plan.Filter:
		return e.output(n.Input)
	case *plan.Sort:
		return e.output(n.Input)
	case *plan.Limit:
		return e.output(n.Input)
	case *plan.Distinct:
		return e.output(n.Input)
	case *plan.Join:
		if done, ok := e.outputs[n]; ok {
			return done
		}
		left, right := &known{columns: e.output(n.Left)}, &known{columns: e.output(n.Right)}
		e.outputs[n] = n.With([]plan.Node{left, right}).Columns()
		return e.outputs[n]
	default:
		return n.Columns()
	}
}

// A known operator is only known for its columns.
type known struct {
	plan.Node
	columns []plan.Column
}

// Columns implements plan.Node.
func (k *known) Columns() []plan.Column { return k.columns }

// register makes the columns of a Scan known.
func (e *estimator) register(n *plan.Scan) {
	if e.scans[n] {
		return
	}
	e.scans[n] = true
	rows := e.tableRows(n.Relation)
	for i, c := range n.Output {
		k := &column{width: typeWidth(c.Type), scan: n, place: n.Places[i], nulls: defaultNull}
		e.columns[c.ID] = k
		if k.place < 0 || k.place >= len(n.Relation.Table.Columns) {
			k.distinct, k.nulls = rows, 0
			continue
		}
		definition := &n.Relation.Table.Columns[k.place]
		if definition.NotNull {
			k.nulls = 0
		}
		if s := columnStatistics(n.Relation, definition.ID); s != nil {
			k.statistics, k.nulls, k.width = s, s.Nulls, s.Width
			k.distinct = s.Distinct
			if analyzed := n.Relation.Statistics.Rows; s.Distinct > 0.1*analyzed && analyzed > 0 {
				k.distinct *= rows / analyzed // it grows with the table
			}
		} else if c.Type.Kind == catalog.Bool {
			k.distinct = 2
		}
		if uniqueColumn(n.Relation.Table, definition.ID) {
			k.distinct = rows * (1 - k.nulls)
		}
		k.distinct = min(k.distinct, rows)
	}
}

func columnStatistics(r *plan.Relation, id uint16) *plan.ColumnStatistics {
	if r.Statistics == nil {
		return nil
	}
	for i := range r.Statistics.Columns {
		if r.Statistics.Columns[i].ID == id {
			return &r.Statistics.Columns[i]
		}
	}
	return nil
}

// uniqueColumn reports whether a column alone is a unique key.
func uniqueColumn(t *catalog.Table, id uint16) bool {
	if len(t.PrimaryKey) == 1 && t.PrimaryKey[0].Column == id {
		return true
	}
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.Unique && ix.State == catalog.Ready && len(ix.Columns) == 1 && ix.Columns[0].Column == id {
			return true
		}
	}
	return false
}

// tableRows returns how many rows a table has.
func (e *estimator) tableRows(r *plan.Relation) float64 {
	if r.Rows > 0 {
		return r.Rows
	}
	if r.Virtual != nil {
		return defaultTableRows
	}
	return 1
}

// typeWidth returns about how many bytes a value has.
func typeWidth(t catalog.Type) float64 {
	switch t.Kind {
	case catalog.String:
		if t.Length > 0 {
			return min(float64(t.Length), 32)
		}
		return 32
	case catalog.Bytes, catalog.JSON:
		return 64
	case catalog.UUID, catalog.Interval:
		return 16
	case catalog.Bool:
		return 1
	default:
		return 8
	}
}

// widthOf returns the width of a column.
func (e *estimator) widthOf(c plan.Column) float64 {
	if k := e.columns[c.ID]; k != nil && k.width > 0 {
		return k.width
	}
	return typeWidth(c.Type)
}

// width returns the width of a row.
func (e *estimator) width(columns []plan.Column) float64 {
	total := 0.0
	for _, c := range columns {
		total += e.widthOf(c)
	}
	return total
}

// distinctOf returns how many different values a column has in so many rows.
func (e *estimator) distinctOf(c expr.ColumnID, rows float64) float64 {
	if k := e.columns[c]; k != nil && k.distinct > 0 {
		return max(1, min(k.distinct, rows))
	}
	return max(1, min(defaultDistinct, rows))
}

// groupCount returns how many groups so many rows make by columns. Of columns of one table there are no more than rows of
// it; the more columns there are, the less they are believed to be independent.
func (e *estimator) groupCount(columns []expr.ColumnID, rows float64) float64 {
	groups := 1.0
	for _, c := range columns {
		groups *= e.distinctOf(c, rows)
		if groups >= rows {
			break
		}
	}
	if groups >= rows && len(columns) > 1 {
		return max(1, rows*0.9)
	}
	// Of d values, n rows that are drawn at random have d*(1-(1-1/d)^n).
	if groups > 1 && rows < 4*groups {
		groups *= 1 - math.Pow(1-1/groups, rows)
	}
	return max(1, min(groups, rows))
}

// rows returns how many rows an operator gives.
func (e *estimator) rows(n plan.Node) float64 {
	if r, done := e.counts[n]; done {
		return r
	}
	r := max(1, e.count(n))
	if math.IsNaN(r) || r > 1e18 {
		r = 1e18
	}
	e.counts[n] = r
	return r
}

func (e *estimator) count(n plan.Node) float64 {
	switch n := n.(type) {
	case *plan.Scan:
		e.register(n)
		return e.tableRows(n.Relation)
	case *plan.Rows:
		return float64(len(n.Rows))
	case *plan.Function:
		return e.functionRows(n)
	case *plan.Filter:
		return e.countFilter(n)
	case *plan.Project:
		rows := e.rows(n.Input)
		e.project(n, rows)
		return rows
	case *plan.Join:
		return e.joinRows(n)
	case *plan.Aggregate:
		rows := e.rows(n.Input)
		if len(n.Groups) == 0 {
			return 1
		}
		return e.groupCount(n.Groups, rows)
	case *plan.Distinct:
		on := n.On
		if on == nil {
			on = ids(e.output(n.Input))
		}
		return e.groupCount(on, e.rows(n.Input))
	case *plan.Window, *plan.Sort:
		return e.rows(n.Inputs()[0])
	case *plan.Limit:
		return e.countLimit(n)
	case *plan.SetOperation:
		return e.countSet(n)
	case *plan.With:
		for _, c := range n.Common {
			e.common(c.Number, e.rows(c.Plan), c.Output)
		}
		return e.rows(n.Body)
	case *plan.Reference:
		return e.reference(n.Number, n.Output)
	case *plan.Recursive:
		base := e.recursive(n)
		e.recursiveColumns(n, base)
		return base * recursiveGrowth
	case *plan.WorkTable:
		return e.reference(n.Number, n.Output)
	default:
		return 1
	}
}

// project makes the columns of a Project known.
func (e *estimator) project(n *plan.Project, rows float64) {
	for _, item := range n.Items {
		if _, known := e.columns[item.Column.ID]; known {
			continue
		}
		switch x := item.Expr; {
		case x.Op == expr.OpColumn:
			if k := e.columns[x.Column]; k != nil {
				e.columns[item.Column.ID] = k
			}
		case isConstant(x):
			e.columns[item.Column.ID] = &column{distinct: 1, width: typeWidth(item.Column.Type)}
		default:
			e.columns[item.Column.ID] = &column{distinct: e.distinctExpr(x, rows), width: typeWidth(item.Column.Type)}
		}
	}
}

// distinctExpr returns how many different values an expression has: no more than the columns that it names together.
func (e *estimator) distinctExpr(n *expr.Node, rows float64) float64 {
	if n.Type.Kind == catalog.Bool {
		return 2
	}
	if n.Volatile || hasSubquery(n) {
		return rows
	}
	return e.groupCount(n.Columns(), rows)
}

// commonRows are those of a query that has a name.
type commonRows struct {
	rows    float64
	columns []expr.ColumnID
}

// common notes how many rows a query has that others refer to.
func (e *estimator) common(number int, rows float64, columns []expr.ColumnID) {
	e.commons[number] = commonRows{rows, columns}
}

// reference returns how many rows a Reference has, and makes its columns known.
func (e *estimator) reference(number int, output []plan.Column) float64 {
	c, known := e.commons[number]
	if !known {
		return defaultTableRows
	}
	for i, o := range output {
		if i < len(c.columns) && e.columns[c.columns[i]] != nil {
			e.columns[o.ID] = e.columns[c.columns[i]]
		}
	}
	return c.rows
}

// recursive notes what a WorkTable has, and returns how many rows the Base of its Recursive gives.
func (e *estimator) recursive(n *plan.Recursive) float64 {
	base := e.rows(n.Base)
	e.common(n.Number, base, n.BaseColumns)
	return base
}

// recursiveColumns makes the columns of a Recursive known.
func (e *estimator) recursiveColumns(n *plan.Recursive, base float64) {
	for i, c := range n.Output {
		if i < len(n.BaseColumns) {
			e.columns[c.ID] = &column{distinct: recursiveGrowth * e.distinctOf(n.BaseColumns[i], base), width: typeWidth(c.Type)}
		}
	}
}

func (e *estimator) functionRows(n *plan.Function) float64 {
	if n.Name != "generate_series" || len(n.Args) < 2 {
		return defaultFunctionRows
	}
	step := 1.0
	if len(n.Args) > 2 {
		step = n.Args[2].Value.AsFloat()
	}
	from, to := n.Args[0], n.Args[1]
	if from.Op != expr.OpConstant || to.Op != expr.OpConstant || from.Value.Kind() != catalog.Int64 || step == 0 {
		return defaultFunctionRows
	}
	return max(0, math.Floor((to.Value.AsFloat()-from.Value.AsFloat())/step)+1)
}

func (e *estimator) countLimit(n *plan.Limit) float64 {
	rows := e.rows(n.Input)
	if n.Offset != nil {
		rows -= constantRows(n.Offset, 0)
	}
	if n.Count != nil {
		rows = min(rows, constantRows(n.Count, min(rows, defaultLimit)))
	}
	return max(0, rows)
}

// limitRows returns how many rows a Limit reads.
func (e *estimator) limitRows(count, offset *expr.Node) float64 {
	rows := constantRows(count, defaultLimit)
	if offset != nil {
		rows += constantRows(offset, 0)
	}
	return rows
}

// constantRows returns a number of rows if it is constant, or else what is believed.
func constantRows(n *expr.Node, otherwise float64) float64 {
	if n == nil || n.Op != expr.OpConstant || n.Value.Kind() != catalog.Int64 {
		return otherwise
	}
	return max(0, n.Value.AsFloat())
}

func (e *estimator) countSet(n *plan.SetOperation) float64 {
	l, r := e.rows(n.Left), e.rows(n.Right)
	for i, c := range n.Output {
		if i < len(n.LeftColumns) && i < len(n.RightColumns) {
			e.columns[c.ID] = &column{
				distinct: e.distinctOf(n.LeftColumns[i], l) + e.distinctOf(n.RightColumns[i], r), width: typeWidth(c.Type),
			}
		}
	}
	switch {
	case n.Kind == plan.Union && n.All:
		return l + r
	case n.Kind == plan.Union:
		return e.groupCount(ids(n.Output), l+r)
	case n.Kind == plan.Intersect:
		return 0.5 * min(l, r)
	default:
		return max(0.5*l, l-r)
	}
}
